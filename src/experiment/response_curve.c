/*
 * response_curve.c
 *	  Curves of response from what was spent and what came of it: response_curve().
 */
#include "custseg.h"

#include <math.h>

#include "experiment/experiment.h"
#include "experiment/fields.h"
#include "miscadmin.h"
#include "stat/response.h"

PG_FUNCTION_INFO_V1(custseg_response_curve);

/* The arguments. */
enum
{
	ARG_SOURCE, ARG_SPEND, ARG_RESPONSE, ARG_SEGMENT, ARG_OPTIONS
};

/* Columns that are read. */
enum
{
	F_SPEND, F_RESPONSE, F_SEGMENT, FIELDS
};

typedef struct Options
{
	bool		intercept;
} Options;

static const CsOption options[] = {
	{"intercept", CS_OPTION_BOOL, offsetof(Options, intercept), false}
};

/* Curves that explain the pairs as well, and hardly worse (Burnham and Anderson 2002). */
#define AS_GOOD 2.0
#define MUCH_WORSE 10.0

/* Kinds that are fitted: all but points. */
#define FITTED CS_CURVE_POINTS

/* A pair of numbers, kept until all are read. */
typedef struct Pair
{
	int			group;
	double		x,
				y;
} Pair;

/* All rows, where there are no segments. */
static const CsFieldValue nameless = {NAN};

/* The segments, and the pairs of all of them. */
typedef struct Pairs
{
	CsDictionary *groups;
	CsFieldValue *segment;		/* of each group */
	int			ngroups;
	int			group_room;
	bool		has_groups;
	Pair	   *pair;
	int64		n,
				room;
	MemoryContext context;
} Pairs;

/* The group of a segment, which is new perhaps. */
static int
GroupOf(Pairs *p, const CsFieldValue *segment)
{
	int			group = p->has_groups ? CsDictionaryCode(p->groups, segment->text, (int) strlen(segment->text)) : 0;

	if (group < p->ngroups)
	{
		if (p->has_groups)
			pfree(segment->text);
		return group;
	}
	if (group >= CS_MAX_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d segments", CS_MAX_SEGMENTS),
				 errhint("Name a column with fewer different values.")));
	p->segment = CsFieldsRoom(p->segment, p->ngroups, &p->group_room, sizeof(CsFieldValue));
	p->segment[p->ngroups++] = *segment;
	return group;
}

/* CsFieldsSink: keep a pair; one that lacks something is left out. */
static void
TakePair(void *state, const CsFieldValue *v)
{
	Pairs	   *p = state;

	if (isnan(v[F_SPEND].number) || isnan(v[F_RESPONSE].number) || (p->has_groups && v[F_SEGMENT].text == NULL))
		return;
	if (p->n == p->room)
	{
		int64		more = Max(1024, 2 * p->room);
		Size		needed = more * (sizeof(Pair) + 5 * sizeof(double));

		if (needed > CsMemoryLimit())
			CsMemoryExceeded(p->room * (sizeof(Pair) + 5 * sizeof(double)), "give fewer rows, sums by week say",
							 "keeping %lld rows", (long long) p->n);
		p->pair = p->pair == NULL ? MemoryContextAllocHuge(p->context, more * sizeof(Pair)) :
			repalloc_huge(p->pair, more * sizeof(Pair));
		p->room = more;
	}
	p->pair[p->n++] = (Pair) {
		GroupOf(p, p->has_groups ? &v[F_SEGMENT] : &nameless), v[F_SPEND].number, v[F_RESPONSE].number
	};
}

/* What is to be said of curves that were fitted: which is the best, and what a straight line would do. */
typedef struct Verdict
{
	int			best;			/* -1: none */
	bool		is_line;		/* a straight line explains the pairs as well */
	double		slope;
	double		largest;		/* spending */
	int64		n;
} Verdict;

/* May a curve be chosen? */
static bool
IsUsable(const CsResponseFit *fit)
{
	return fit->end == CS_RESPONSE_FITTED && !isnan(fit->aic) &&
		!(fit->curve.kind == CS_CURVE_POWER && fit->curve.c > 1);
}

/* Judge the fits of a segment. */
static Verdict
Judge(const CsResponseData *d, const CsResponseFit *fits)
{
	Verdict		v = {-1, .n = d->n};
	double		line = CsResponseLine(d, &v.slope);

	for (int k = 0; k < FITTED; k++)
		if (IsUsable(&fits[k]) && (v.best < 0 || fits[k].aic < fits[v.best].aic))
			v.best = k;
	for (int64 i = 0; i < d->n; i++)
		v.largest = Max(v.largest, d->x[i]);
	if (v.best >= 0 && line < fits[v.best].aic + AS_GOOD)
	{
		v.is_line = true;
		v.best = -1;
	}
	return v;
}

/* Curves beside the best one that explain the pairs as well, as a list; NULL: none. */
static char *
Rivals(const CsResponseFit *fits, int best)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int k = 0; k < FITTED; k++)
		if (k != best && IsUsable(&fits[k]) && fits[k].aic - fits[best].aic < AS_GOOD)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", CsCurveNames[k]);
	return list.len > 0 ? list.data : NULL;
}

/* The word for a fit. */
static const char *
RatingOf(const CsResponseFit *fits, int k, const Verdict *v)
{
	double		behind = v->best < 0 ? 0 : fits[k].aic - fits[v->best].aic;

	if (fits[k].end == CS_RESPONSE_FEW)
		return "insufficient data";
	if (!IsUsable(&fits[k]) || v->is_line)
		return "not identified";
	return k == v->best ? "best" : behind < AS_GOOD ? "as good" : behind < MUCH_WORSE ? "worse" : "much worse";
}

/* What is to be said of a fit, as a sentence. */
static char *
ReasonOf(const CsResponseFit *fits, int k, const Verdict *v)
{
	const CsResponseFit *fit = &fits[k];
	char	   *rivals;

	switch (fit->end)
	{
		case CS_RESPONSE_FEW:
			return psprintf("%s, or the different amounts among them, are too few for the parameters of this curve",
							CsWordsCount(v->n, "row", "rows"));
		case CS_RESPONSE_FALLING:
			return "the response does not rise with what is spent";
		case CS_RESPONSE_UNCERTAIN:
			return psprintf("amounts up to %g do not tell the parameters of this curve: its b or c may be several times as large, or as small",
							v->largest);
		default:
			break;
	}
	if (fit->curve.kind == CS_CURVE_POWER && fit->curve.c > 1)
		return psprintf("each amount brings more than the one before it (c is %.3g): a curve that saturates later is \"hill\"",
						fit->curve.c);
	if (v->is_line)
		return psprintf("a straight line, %.4g for each of spend, explains the rows as well: nothing is seen to saturate up to %g, so that no curve tells what more would bring",
						v->slope, v->largest);
	if (k != v->best)
		return psprintf("AIC is %.3g above that of %s", fit->aic - fits[v->best].aic, CsCurveNames[v->best]);
	rivals = Rivals(fits, k);
	return rivals == NULL ? psprintf("least AIC of the curves; beyond %g it is not seen", v->largest) :
		psprintf("least AIC of the curves, but %s explain%s the rows as well: they differ in what lies beyond %g",
				 rivals, strchr(rivals, ',') == NULL ? "s" : "", v->largest);
}

/* The rows of a segment, one for each kind of curve. */
static void
PutSegment(CsResult *result, const CsResponseData *d, const CsFieldValue *segment)
{
	CsResponseFit fits[FITTED];
	Verdict		v;
	int32		number = CsSegmentNumber(segment);

	for (int k = 0; k < FITTED; k++)
		fits[k] = CsResponseFitCurve(d, k);
	v = Judge(d, fits);
	for (int k = 0; k < FITTED; k++)
	{
		const CsResponseFit *fit = &fits[k];

		CsResultPut(result,
					CsValues(number < 0 ? CsValueNull(INT4OID) : CsValueInt4(number),
							 CsValueText(CsSegmentName(segment, &nameless)), CsValueText(CsCurveNames[k]),
							 CsValueFloat8(fit->curve.a), CsValueFloat8(fit->curve.b), CsValueFloat8(fit->curve.c),
							 CsValueFloat8(fit->a_error), CsValueFloat8(fit->b_error), CsValueFloat8(fit->c_error),
							 CsValueFloat8(fit->intercept), CsValueFloat8(fit->intercept_error), CsValueInt8(d->n),
							 CsValueFloat8(fit->rss), CsValueFloat8(1 - fit->rss / fit->tss), CsValueFloat8(fit->aic),
							 CsValueBool(k == v.best), CsValueText(RatingOf(fits, k, &v)),
							 CsValueText(ReasonOf(fits, k, &v))));
	}
}

/* The pairs of each group side by side, and their rows. */
static void
PutSegments(CsResult *result, const Pairs *p, const Options *given)
{
	double	   *x = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * 5 * Max(p->n, 1)),
			   *y = x + p->n;
	int64	   *end = palloc0(sizeof(int64) * (p->ngroups + 1));

	for (int64 i = 0; i < p->n; i++)
		end[p->pair[i].group + 1]++;
	for (int g = 0; g < p->ngroups; g++)
		end[g + 1] += end[g];
	for (int64 i = 0; i < p->n; i++)
	{
		int64		at = end[p->pair[i].group]++;

		x[at] = p->pair[i].x;
		y[at] = p->pair[i].y;
	}
	for (int g = 0; g < p->ngroups; g++)
	{
		int64		first = g == 0 ? 0 : end[g - 1];
		CsResponseData d = {end[g] - first, x + first, y + first, given->intercept, x + 2 * p->n};

		CHECK_FOR_INTERRUPTS();
		PutSegment(result, &d, &p->segment[g]);
	}
}

/* response_curve(source, spend, response, segment, options): a row for each curve, of each segment */
Datum
custseg_response_curve(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	CsField		fields[FIELDS] = {
		{CsRequiredText(fcinfo, ARG_SPEND, "spend"), CS_FIELD_NUMBER, CS_NUMBER_NOT_NEGATIVE, CS_FIELD_MAY_BE_NULL},
		{CsRequiredText(fcinfo, ARG_RESPONSE, "response"), CS_FIELD_NUMBER, CS_NUMBER_FINITE, CS_FIELD_MAY_BE_NULL},
		{CsTextArgument(fcinfo, ARG_SEGMENT), CS_FIELD_SEGMENT, .need = CS_FIELD_MAY_BE_NULL}
	};
	Options		given;
	Pairs		pairs = {CsDictionaryCreate(), .context = CurrentMemoryContext};

	CsOptionsArgument(fcinfo, ARG_OPTIONS, options, lengthof(options), &given);
	pairs.has_groups = fields[F_SEGMENT].name != NULL;
	(void) CsFieldsRead(CsRelationOpen(source), fields, pairs.has_groups ? FIELDS : FIELDS - 1, TakePair, &pairs);
	PutSegments(result, &pairs, &given);
	return (Datum) 0;
}
