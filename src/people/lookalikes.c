/*
 * lookalikes.c
 *	  An audience like a list of customers, and what it is good for: lookalikes(), lookalike_lift().
 */
#include "custseg.h"

#include <math.h>

#include "algo/value.h"
#include "monitor/monitor.h"
#include "people/people.h"
#include "stat/lookalike.h"
#include "utils/memutils.h"

#define MOST_AUDIENCE 1000000

/* Features that a sentence names. */
#define MAX_NAMED 3

/* The arguments of both. */
enum
{
	LOOKALIKE_MODEL, LOOKALIKE_SOURCE, LOOKALIKE_SEEDS, LOOKALIKE_N, LOOKALIKE_METHOD, LOOKALIKE_OPTIONS, LOOKALIKE_VERSION
};

static const CsOption audience_options[] = {
	{"neighbors", CS_OPTION_INT, offsetof(CsAudienceOptions, neighbors), 5, 1, CS_MOST_SEED_NEIGHBORS},
	{"most_seeds", CS_OPTION_INT, offsetof(CsAudienceOptions, most_seeds), 2000, 20, 1000000},
	{"sample", CS_OPTION_INT, offsetof(CsAudienceOptions, sample), 100000, 100, 10000000},
	{"ridge", CS_OPTION_REAL, offsetof(CsAudienceOptions, ridge), 1, 1e-6, INFINITY},
	{"confidence", CS_OPTION_REAL, offsetof(CsAudienceOptions, confidence), 0.95, 0.5, 0.999999},
};

PG_FUNCTION_INFO_V1(custseg_lookalikes);
PG_FUNCTION_INFO_V1(custseg_lookalike_lift);

/* Which method is named. */
static CsLookalikeMethod
MethodArgument(FunctionCallInfo fcinfo)
{
	char	   *name = CsRequiredText(fcinfo, LOOKALIKE_METHOD, "method");

	for (int i = 0; CsLookalikeMethods[i] != NULL; i++)
		if (strcmp(CsLookalikeMethods[i], name) == 0)
			return (CsLookalikeMethod) i;
	CsRejectValue(psprintf("unrecognized method \"%s\"", name), "Methods are: nearest, propensity.");
}

/* Read the arguments, and find the audience. */
static CsAudience *
Find(FunctionCallInfo fcinfo)
{
	CsAudience *a = palloc0(sizeof(CsAudience));
	char	   *model = CsRequiredText(fcinfo, LOOKALIKE_MODEL, "model");
	char	   *seeds = CsRequiredText(fcinfo, LOOKALIKE_SEEDS, "seeds");

	a->n = CsRequiredInt(fcinfo, LOOKALIKE_N, "n");
	if (a->n < 1 || a->n > MOST_AUDIENCE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"n\" must be between 1 and %d, not %d", MOST_AUDIENCE, a->n)));
	a->method = MethodArgument(fcinfo);
	CsOptionsArgument(fcinfo, LOOKALIKE_OPTIONS, audience_options, lengthof(audience_options), &a->options);
	a->scorer = CsCacheGet(model, CsVersionArgument(fcinfo, LOOKALIKE_VERSION));
	CsCachePin(a->scorer, CurrentMemoryContext);
	a->relation = CsSourceOpen(a->scorer, CsTextArgument(fcinfo, LOOKALIKE_SOURCE));
	return CsAudienceFind(a, seeds);
}

/* Customers among whom those held out are looked for. */
static int64
FirstOf(const CsAudience *a)
{
	return Min(a->n, a->n_scores);
}

/* Does the interval say more than chance, less, or neither? */
static const char *
Rating(const CsRankingLift *lift)
{
	return lift->low > 1 ? "better than random" : lift->high < 1 ? "worse than random" : "not better than random";
}

/* What those who were held out show, in a sentence or two. */
static char *
LiftReason(const CsAudience *a, const CsRankingLift *lift)
{
	int64		first = FirstOf(a);
	char	   *all = CsWordsCount(a->n_scores, "customer", "customers");
	char	   *found;

	if (first == a->n_scores)
		return psprintf("The audience is all %s, so it finds whom random picks find.", all);
	found = psprintf("Of the seeds, %d were held out: ranked by the others, the first " INT64_FORMAT " of %s have %s of them, where random picks would have %s. That is %.2f times as many (%s interval: %.2f to %.2f).",
					 a->n_held_out, first, all, CsWordsNumber(lift->n_found),
					 CsWordsNumber((double) a->n_held_out * first / a->n_scores), lift->lift,
					 CsWordsPercent(a->options.confidence), lift->low, lift->high);
	return lift->low > 1 ? found :
		lift->high < 1 ? psprintf("%s Random picks would do better.", found) :
		psprintf("%s So it is not shown that the audience is better than random picks.", found);
}

/* What those who were held out show. */
static CsRankingLift
Lift(const CsAudience *a)
{
	return CsRankingLiftOf(a->n_scores, a->score, a->is_held_out, FirstOf(a), a->options.confidence);
}

/* Seeds that were listed, but are not customers of the source who can be placed, nor excluded. */
static int64
CountMissing(const CsAudience *a)
{
	return Max(a->list->n_listed - a->seeds.n - a->n_excluded, 0);
}

/* Index of the segment of somebody in the audience; -1: none. */
static int
SegmentOf(const CsAudience *a, const CsBestEntry *entry)
{
	CsScoring  *s = &a->placer->scoring;
	CsAssignment placed;

	memcpy(s->raw, entry->raw, sizeof(double) * CsScorerPipeline(a->scorer)->nfeatures);
	if (entry->segment >= 0)
	{
		(void) CsPipelineApply(CsScorerPipeline(a->scorer), s->raw, 1, 1, s->z, 1, s->work);
		return entry->segment;
	}
	return CsScoringTry(s, &placed, NULL) ? placed.index : -1;
}

/* By what speaks for a customer. */
static int
CompareTraits(const void *a, const void *b)
{
	const CsTrait *left = a;
	const CsTrait *right = b;

	if (left->share != right->share)
		return left->share > right->share ? -1 : 1;
	return left->feature - right->feature;
}

/* What speaks for the customer whose values are at hand, of a regression; palloc'd. */
static char *
PropensityReason(const CsAudience *a)
{
	const CsPipeline *p = CsScorerPipeline(a->scorer);
	const CsValueModel *m = a->model[0];
	const CsScoring *s = &a->placer->scoring;
	double	   *parts = palloc(sizeof(double) * p->noutputs);
	CsTrait    *traits = palloc(sizeof(CsTrait) * p->nfeatures);
	int			n = 0;

	if (p->ncomponents > 0)
		return pstrdup("The probability is of principal components, which no single feature stands for.");
	for (int j = 0; j < p->noutputs; j++)
		parts[j] = CsValueCoefficients(m)[j] * (s->z[j] - CsValueMeans(m)[j]);
	for (int i = 0; i < p->nfeatures; i++)
		traits[i] = (CsTrait) {i, CsFeatureSum(&p->feature[i], parts)};
	qsort(traits, p->nfeatures, sizeof(CsTrait), CompareTraits);
	while (n < Min(p->nfeatures, MAX_NAMED) && traits[n].share > 0)
		n++;
	return n == 0 ? pstrdup("No feature speaks for this customer.") :
		psprintf("%s %s most for this customer.", CsWordsCapitalize(CsLikenessValues(p, traits, n, s->raw)),
				 n == 1 ? "speaks" : "speak");
}

/* Put the line of somebody in the audience. */
static void
PutMember(CsResult *result, const CsAudience *a, const CsBaseline *baselines, const CsBestEntry *entry)
{
	const CsPipeline *p = CsScorerPipeline(a->scorer);
	int			index = SegmentOf(a, entry);
	const CsScorerSegment *segment = index < 0 ? NULL : &CsScorerSegments(a->scorer)[index];
	bool		by_distance = a->method == CS_LOOKALIKE_NEAREST;
	const CsExample *seed = NULL;
	char	   *reason;
	int32		nearest;

	(void) CsAudienceScore(a, 0, a->placer->scoring.z, &nearest);
	if (by_distance)
	{
		CsLikeness	likeness;

		seed = &a->seeds.items[nearest];
		likeness = CsLikenessOf(p, baselines, seed->raw, entry->raw);
		reason = CsLikenessReason(p, &likeness, seed->raw, entry->raw);
	}
	else
		reason = PropensityReason(a);
	CsResultPut(result, CsValues(CsValueText(entry->id_text),
								 CsValueFloat8(by_distance ? entry->key : NAN),
								 CsValueFloat8(by_distance ? NAN : CsAudienceProbability(a, -entry->key)),
								 segment == NULL ? CsValueNull(INT4OID) : CsValueInt4(segment->segment),
								 CsValueText(segment == NULL ? NULL : CsScorerAt(a->scorer, char, segment->name)),
								 CsValueText(seed == NULL ? NULL : seed->id_text),
								 CsValueText(reason)));
}

/* Tell what the audience is good for, and which seeds did not count. */
static void
Tell(const CsAudience *a)
{
	CsRankingLift lift = Lift(a);

	if (CountMissing(a) > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " of " INT64_FORMAT " seeds do not count", CountMissing(a), a->list->n_listed),
				 errdetail("They are not in %s, cannot be placed, or are listed twice.", a->relation->description)));
	ereport(lift.low > 1 ? NOTICE : WARNING, (errmsg_internal("%s", LiftReason(a, &lift))));
}

/* lookalikes(model, source, seeds, n, method, options, version): a row for each of the audience */
Datum
custseg_lookalikes(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsAudience *a = Find(fcinfo);
	const CsBaseline *baselines = CsBaselinesRead(a->scorer);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg audience", ALLOCSET_DEFAULT_SIZES);

	Tell(a);
	for (int i = 0; i < a->best.n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		CsCheckInterrupts(i);
		PutMember(result, a, baselines, &a->best.entries[i]);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* The segments that the audience comes from, most of it first, as an array of objects. */
static Jsonb *
SegmentsJson(const CsAudience *a)
{
	int			k = a->scorer->nsegments;
	int64	   *audience = palloc0(sizeof(int64) * k);
	int64	   *seeds = palloc0(sizeof(int64) * k);
	JsonbParseState *json = NULL;

	for (int i = 0; i < a->best.n; i++)
	{
		int			index = SegmentOf(a, &a->best.entries[i]);

		if (index >= 0)
			audience[index]++;
	}
	for (int64 i = 0; i < a->seeds.n; i++)
		if (a->seeds.items[i].segment >= 0)
			seeds[a->seeds.items[i].segment]++;
	CsJsonArray(&json, NULL);
	for (int i = 0; i < k; i++)
	{
		const CsScorerSegment *segment = &CsScorerSegments(a->scorer)[i];

		if (audience[i] == 0 && seeds[i] == 0)
			continue;
		CsJsonObject(&json, NULL);
		CsJsonInteger(&json, "segment", segment->segment);
		CsJsonText(&json, "name", CsScorerAt(a->scorer, char, segment->name));
		CsJsonInteger(&json, "n", audience[i]);
		CsJsonNumber(&json, "share", (double) audience[i] / Max(a->best.n, 1));
		CsJsonInteger(&json, "n_seeds", seeds[i]);
		CsJsonNumber(&json, "seed_share", (double) seeds[i] / a->seeds.n);
		(void) CsJsonEnd(&json);
	}
	return CsJsonFinish(&json);
}

/* lookalike_lift(model, source, seeds, n, method, options, version): what the audience is good for, and whence it comes */
Datum
custseg_lookalike_lift(PG_FUNCTION_ARGS)
{
	CsAudience *a = Find(fcinfo);
	CsRankingLift lift = Lift(a);

	PG_RETURN_DATUM(CsResultRow(fcinfo, CsValues(CsValueInt8(a->seeds.n),
												 CsValueInt8(CountMissing(a)),
												 CsValueInt8(a->n_excluded),
												 CsValueInt8(a->n_candidates),
												 CsValueInt8(a->best.n),
												 CsValueInt8(a->n_held_out),
												 CsValueFloat8(lift.n_found),
												 CsValueFloat8(lift.lift),
												 CsValueFloat8(lift.low),
												 CsValueFloat8(lift.high),
												 CsValueFloat8(lift.auc),
												 CsValueFloat8(lift.auc_low),
												 CsValueFloat8(lift.auc_high),
												 CsValueJsonb(SegmentsJson(a)),
												 CsValueText(Rating(&lift)),
												 CsValueText(LiftReason(a, &lift)))));
}
