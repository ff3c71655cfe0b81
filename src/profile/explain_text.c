/*
 * explain_text.c
 *	  Why a customer is in its segment, in one sentence: explain_text().
 *
 * The sentence names the segment and the runner-up, the features that speak most for the segment with
 * the customer's value beside what is usual in both segments, and the one that speaks most against it.
 * Where rules decide, it names their conditions instead.
 */
#include "custseg.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "profile/words.h"
#include "score/score.h"
#include "utils/builtins.h"

/* Features that are named: so many at most, until they have this share of what speaks for the segment. */
#define MAX_FEATURES 3
#define ENOUGH 0.75

/* A contribution below which what speaks against the segment is not worth a word. */
#define LEAST_AGAINST 0.05

PG_FUNCTION_INFO_V1(custseg_explain_text);

static const char *const ranges_sql =
"SELECT f.mean, f.minimum, f.maximum FROM custseg.feature AS f "
"WHERE f.model OPERATOR(pg_catalog.=) $1 AND f.version OPERATOR(pg_catalog.=) $2 "
"ORDER BY f.position";

/* CsCatalogVisitor: the range of a feature's values. */
static void
TakeRange(void *state, const CsCatalogRow *row)
{
	CsNumberSummary *range = (CsNumberSummary *) state + row->number;

	range->mean = CsRowFloat8(row, 1);
	range->minimum = CsRowFloat8(row, 2);
	range->maximum = CsRowFloat8(row, 3);
}

/* Take a version and keep the ranges of its features in "state". */
static void
TakeModel(CsCallSite *site)
{
	CsCallSiteTakeModel(site);
	site->state = MemoryContextAllocZero(site->context, sizeof(CsNumberSummary) * site->pipeline->nfeatures);
	CsScorerRead(site->scoring.scorer, ranges_sql, TakeRange, site->state);
}

/* A segment for people: its number, and its name unless that is the default one; palloc'd. */
static char *
SegmentText(const CsScorer *scorer, int index)
{
	const CsScorerSegment *segment = &CsScorerSegments(scorer)[index];
	const char *name = CsScorerAt(scorer, char, segment->name);
	char	   *number = psprintf("segment %d", segment->segment);

	return strcmp(name, number) == 0 ? number : psprintf("%s (%s)", number, name);
}

/* A number of a feature as people write it, palloc'd: a date, days, or how it is. */
char *
CsWordsOfNumber(const CsFeature *f, double x)
{
	char	   *date = f->kind == CS_TIME && !CsIsInterval(f) ? CsDateWords(x) : NULL;
	char	   *number = CsWordsNumber(x);

	if (date != NULL)
		return date;
	if (f->kind == CS_NUMERIC && strstr(CsWordsName(NameStr(f->name)), "year") != NULL && x >= 1000 && x < 10000)
		return psprintf("%.0f", x);	/* without a mark for thousands, see CsVocabularyOf */
	return f->kind == CS_TIME ? psprintf(strcmp(number, "1") == 0 ? "%s day" : "%s days", number) : number;
}

/* The customer's value. */
static char *
ValueText(const CsCallSite *site, const CsFeature *f, const CsExplanation *line)
{
	char	   *text = CsExplanationValue(site, line);

	if (text == NULL || (f->kind != CS_CATEGORICAL && isnan(line->raw)))
		return pstrdup("missing");
	if (f->kind == CS_NUMERIC || f->kind == CS_TIME)
		return CsWordsOfNumber(f, line->raw);
	if (f->kind == CS_BOOLEAN)
		return pstrdup(line->raw != 0 ? "true" : "false");
	return CsWordsText(text);
}

/* Does a feature have levels, of which the customer has one? */
static bool
HasLevels(const CsFeature *f)
{
	return f->kind == CS_CATEGORICAL || f->kind == CS_BOOLEAN;
}

/* What is usual: a mean, or the share of the customer's level. */
static char *
UsualText(const CsFeature *f, const CsExplanation *line, bool is_share, double usual)
{
	if (f->kind == CS_BOOLEAN && line->raw == 0)
		usual = 1 - usual;
	return is_share ? CsWordsPercent(usual) : CsWordsOfNumber(f, usual);
}

/*
 * "the customer has not bought for 12 days (on average 8.4 in segment 2 and 140 in segment 1)", "income is
 * 12 (on average ...)", "channel is shop (as for 90 % of segment 2 and 5 % of segment 1)"
 */
static void
PutFeature(StringInfo sentence, const CsCallSite *site, const CsExplanation *line,
		   const CsAssignment *placed)
{
	const CsScorer *scorer = site->scoring.scorer;
	const CsFeature *f = &CsScorerPipeline(scorer)->feature[line->feature];
	const CsScorerSegment *segments = CsScorerSegments(scorer);
	const char *name = CsWordsCounted(CsWordsName(CsExplanationName(site, line)));
	const CsNumberSummary *range = (const CsNumberSummary *) site->state + line->feature;
	const char *of = HasLevels(f) ? "of" : "in";
	bool		is_share = HasLevels(f);
	char	   *own = f->kind != CS_NUMERIC ? NULL :
		CsWordsOfValue(NameStr(f->name), line->raw, range, &is_share);

	if (own != NULL)
		appendStringInfo(sentence, "the customer %s", own);
	else
		appendStringInfo(sentence, "%s %s %s", name, CsWordsVerb(name), ValueText(site, f, line));
	if (!isnan(line->segment_mean) && !(f->kind == CS_BOOLEAN && isnan(line->raw)))
		appendStringInfo(sentence, " (%s %s %s segment %d and %s %s segment %d)",
						 HasLevels(f) ? "as for" : "on average",
						 UsualText(f, line, is_share, line->segment_mean), of, segments[placed->index].segment,
						 UsualText(f, line, is_share, line->runner_up_mean), of,
						 segments[placed->runner_up].segment);
}

/* The number of lines, from the first one, that are worth a word for the segment. */
static int
CountFor(const CsExplanation *lines, int n)
{
	double		all = 0,
				told = 0;
	int			i = 0;

	for (int j = 0; j < n && lines[j].contribution > 0; j++)
		all += lines[j].contribution;
	while (i < n && i < MAX_FEATURES && lines[i].contribution > 0 && told < ENOUGH * all)
		told += lines[i++].contribution;
	return i;
}

/* Append what speaks for the segment, and what speaks against it. */
static void
PutFeatures(StringInfo sentence, const CsCallSite *site, const CsAssignment *placed,
			const CsExplanation *lines, int n)
{
	int			nfor = CountFor(lines, n);

	appendStringInfo(sentence, " rather than in %s",
					 SegmentText(site->scoring.scorer, placed->runner_up));
	for (int i = 0; i < nfor; i++)
	{
		appendStringInfoString(sentence, i == 0 ? ", mainly because " : CsWordsLink(i, nfor));
		PutFeature(sentence, site, &lines[i], placed);
	}
	if (lines[n - 1].contribution <= -LEAST_AGAINST)
	{
		appendStringInfoString(sentence, ", although ");
		PutFeature(sentence, site, &lines[n - 1], placed);
	}
}

/* Append the conditions of the rule that decides, or what the nearest one lacks where none holds. */
static void
PutConditions(StringInfo sentence, const CsExplanation *lines, int n)
{
	const char *rule = lines[0].border->rule;
	int			nlacking = 0,
				nborders = 0,
				nput = 0;

	for (; nborders < n && lines[nborders].border != NULL; nborders++)
		nlacking += !lines[nborders].border->holds;
	appendStringInfoString(sentence, ", because ");
	if (nlacking > 0)
		appendStringInfo(sentence, "no other rule holds: the nearest one, %s, needs ", rule);
	else
		appendStringInfo(sentence, "%s holds: ", rule != NULL ? rule : "all of this");
	for (int i = 0; i < nborders; i++)
	{
		if (nlacking > 0 && lines[i].border->holds)
			continue;
		appendStringInfo(sentence, "%s%s", CsWordsLink(nput, nlacking > 0 ? nlacking : nborders),
						 lines[i].border->words);
		nput++;
	}
}

/* The sentence about a customer whom the model has placed. */
static text *
Sentence(const CsCallSite *site, const CsAssignment *placed)
{
	const CsScorer *scorer = site->scoring.scorer;
	StringInfoData sentence;
	CsExplanation *lines;
	int			n;

	lines = CsExplain(site, placed, &n);
	initStringInfo(&sentence);
	appendStringInfo(&sentence, "The customer is in %s", SegmentText(scorer, placed->index));
	if (n > 0 && lines[0].border != NULL)
		PutConditions(&sentence, lines, n);
	else if (placed->runner_up >= 0 && n > 0)
		PutFeatures(&sentence, site, placed, lines, n);
	else if (scorer->nsegments == 1)
		appendStringInfoString(&sentence, ", the only one of the model");
	appendStringInfoChar(&sentence, '.');
	return cstring_to_text(sentence.data);
}

/* The sentence about a customer for whom somebody has decided. */
static text *
DecisionText(const CsCallSite *site, const CsOverride *override)
{
	if (override->index < 0)
		return cstring_to_text(psprintf("The customer is in no segment, because role %s has excluded the customer by hand.",
										override->made_by));
	return cstring_to_text(psprintf("The customer is in %s, because role %s has put the customer there by hand.",
									SegmentText(site->scoring.scorer, override->index),
									override->made_by));
}

/* explain_text(model, customer, version): a sentence; NULL for who cannot be placed */
Datum
custseg_explain_text(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteOfKind(fcinfo, CS_PREDICT_VERSION, CS_MODEL_BIT(CS_MODEL_SEGMENTS), TakeModel);
	const CsOverride *override = site == NULL ? NULL : CsCallSiteFindOverride(site);
	CsAssignment placed;

	if (override != NULL)
		PG_RETURN_TEXT_P(DecisionText(site, override));
	if (site == NULL ||
		!CsCallSitePlace(site, &placed,
						 palloc(sizeof(double) * site->scoring.scorer->nsegments)))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(Sentence(site, &placed));
}
