/*
 * compare.c
 *	  custseg.compare(): the same rows by several algorithms, and which to take.
 *
 * The rows are read and prepared once.  Which algorithm to take is told by the silhouette, rows of
 * noise counting as 0 in it, among those that are stable; where silhouettes are close, the most
 * stable is taken.  The silhouette favours round segments, and the reference says so.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "judge/judge.h"
#include "miscadmin.h"

/* More rows than this, and algorithms that look at every row's neighbours run only when named. */
#define MOST_NEIGHBORS 100000

/* Refits that agree less than this on average are no basis for segments. */
#define LEAST_STABILITY 0.6

/* Silhouettes that differ by less decide nothing. */
#define CLOSE_SILHOUETTES 0.05


/* Positions of the arguments. */
enum
{
	ARG_SOURCE, ARG_FEATURES, ARG_K, ARG_ALGORITHMS, ARG_ID, ARG_PREP, ARG_OPTIONS
};

typedef struct CompareOptions
{
	CsCommonOptions common;
	int			stability_resamples;
} CompareOptions;

static const CsOption compare_options[] = {
	CS_SEED_OPTION(CompareOptions, common.seed),
	{"weight", CS_OPTION_TEXT, offsetof(CompareOptions, common.weight)},
	{"silhouette_sample", CS_OPTION_INT, offsetof(CompareOptions, common.silhouette_sample), CS_JUDGED_ROWS, 0, 50000},
	{"stability_resamples", CS_OPTION_INT, offsetof(CompareOptions, stability_resamples), 5, 0, 1000},
};

/* Everything that the caller asked for. */
typedef struct Comparison
{
	CsRequest	request;
	CompareOptions options;
	bool		all;			/* no algorithms were named */
	void	   *choice_options; /* of the algorithm that chooses k; NULL when it need not be chosen */
	int			n;
	CsContender *contenders;
} Comparison;

PG_FUNCTION_INFO_V1(custseg_compare);

/*
 * The algorithms that are named; or all, except those that stream: on rows that are in memory they are
 * the algorithm that they start with.
 */
static void
ReadAlgorithms(FunctionCallInfo fcinfo, Comparison *c)
{
	char	  **names = NULL;
	int			n = 0;

	c->all = PG_ARGISNULL(ARG_ALGORITHMS);
	if (!c->all)
		names = CsAlgorithmsArgument(fcinfo, ARG_ALGORITHMS, &n);
	while (c->all && CsAlgorithmAt(n) != NULL)
		n++;
	c->contenders = palloc0(sizeof(CsContender) * n);
	for (int i = 0; i < n; i++)
	{
		const CsAlgorithm *algorithm = c->all ? CsAlgorithmAt(i) : CsClusteringFind(names[i]);

		if (!c->all || (algorithm->streaming == NULL && !algorithm->is_given))
			c->contenders[c->n++].algorithm = algorithm;
	}
}

/* Is a key of the options the name of an algorithm? */
static bool
IsAlgorithm(const char *key)
{
	return CsAlgorithmLookup(key) != NULL;
}

/* Options of compare() and of each algorithm; those of one that is not tried are checked, too. */
static void
ReadOptions(FunctionCallInfo fcinfo, Comparison *c)
{
	Jsonb	   *json = CsJsonbArgument(fcinfo, ARG_OPTIONS);

	CsOptionsParse(compare_options, lengthof(compare_options), CsOptionsBeside(json, IsAlgorithm), &c->options);
	for (int i = 0; CsAlgorithmAt(i) != NULL; i++)
	{
		const CsAlgorithm *algorithm = CsAlgorithmAt(i);
		void	   *options;

		if (algorithm->is_given)
			continue;
		options = CsAlgorithmOptions(algorithm->options, algorithm->noptions, algorithm->options_size,
									 CsOptionsOf(json, algorithm->name), &c->options.common,
									 sizeof(CsCommonOptions));
		for (int j = 0; j < c->n; j++)
			if (c->contenders[j].algorithm == algorithm)
				c->contenders[j].options = options;
	}
}

/* The number of segments, 0 when it is to be chosen. */
static int
ReadK(FunctionCallInfo fcinfo)
{
	int			k;

	if (PG_ARGISNULL(ARG_K))
		return 0;
	k = PG_GETARG_INT32(ARG_K);
	if (k < 1 || k > CS_MAX_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" must be between 1 and %d", CS_MAX_SEGMENTS),
				 errdetail("It is %d.", k),
				 errhint("Leave \"k\" out to have it chosen.")));
	return k;
}

/* For CsRequest.measures: what a contender takes beside its fit, and choosing k before. */
static Size
CompareMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	const Comparison *c = t->judging;
	Size		size = Max(CsContenderMemory(t, nrows, ncolumns),
						   CsStructureMemory(Min(nrows, CS_STRUCTURE_ROWS), ncolumns));

	if (c->choice_options == NULL)
		return size;
	return add_size(size, add_size(mul_size(2 * sizeof(int32), nrows),
								   CsUsualAlgorithm()->memory(nrows, ncolumns, CS_LAST_K,
															  c->choice_options)));
}

/* Check and keep the arguments. */
static void
ReadArguments(FunctionCallInfo fcinfo, Comparison *c)
{
	CsRequest  *request = &c->request;

	request->command = "custseg.compare()";
	request->source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	ReadAlgorithms(fcinfo, c);
	ReadOptions(fcinfo, c);
	request->options = &c->options;
	request->k = ReadK(fcinfo);
	request->k_max = request->k == 0 ? CS_LAST_K : request->k;
	request->id = CsTextArgument(fcinfo, ARG_ID);
	request->features = CsArrayArgument(fcinfo, ARG_FEATURES);
	request->prep = CsJsonbArgument(fcinfo, ARG_PREP);
	request->measures = CompareMemory;
	request->judging = c;
	request->by_passes = request->may_sample = true;
	for (int i = 0; i < c->n && request->k == 0; i++)
		if (!c->contenders[i].algorithm->finds_k)
			c->choice_options = CsAlgorithmOptions(CsUsualAlgorithm()->options, CsUsualAlgorithm()->noptions,
												   CsUsualAlgorithm()->options_size, NULL, &c->options.common,
												   sizeof(CsCommonOptions));
}

/*
 * The number of segments by the votes of choose_k() with its usual algorithm; says which and why.
 */
static int
ChooseK(CsTraining *t, CsTeam *team, Comparison *c)
{
	const CsChoiceOptions asked = {.k_min = CS_FIRST_K,.k_max = CS_LAST_K};
	CsChoice   *choice = CsChooseK(t, team, CsUsualAlgorithm(), c->choice_options, &asked);
	const CsCandidate *best = &choice->candidates[choice->best];

	CsArenaFree(t->arena, best->fit.labels);
	c->choice_options = NULL;
	ereport(NOTICE,
			(errmsg("chose k = %d", best->k),
			 errdetail("Reason: %s.", best->reason),
			 errhint("Give \"k\" to compare with another number of segments.")));
	return best->k;
}

/* Why an algorithm is not even tried, or NULL. */
static char *
WhyNotTried(const CsTraining *t, const Comparison *c, const CsContender *contender)
{
	const CsAlgorithm *algorithm = contender->algorithm;
	int64		nrows = t->matrix->nrows;
	Size		needed;

	if (c->all && algorithm->has_noise && nrows > MOST_NEIGHBORS)
		return psprintf("left out because it is slow with more than %d rows; name it in \"algorithms\" to try it",
						MOST_NEIGHBORS);
	if (contender->k > algorithm->max_segments)
		return psprintf("it makes at most %d segments", algorithm->max_segments);
	needed = CsTrainingMemory(t, nrows) +
		algorithm->memory(nrows, t->matrix->ncolumns,
						  algorithm->finds_k ? CS_USUAL_SEGMENTS : contender->k,
						  contender->options);
	if (needed > CsMemoryLimit())
		return psprintf("it needs %zu MB, maintenance_work_mem is %d MB",
						CsMegabytes(needed), maintenance_work_mem / 1024);
	return NULL;
}

/* What counts: the mean silhouette with 0 for noise; NaN for one that cannot be recommended. */
static double
MeritOf(const CsContender *c)
{
	if (c->failure != NULL || c->validity.segments < 2)
		return NAN;
	return c->silhouette * (1 - c->validity.noise_share);
}

static bool
IsStable(const CsContender *c)
{
	return isnan(c->stability) || c->stability >= LEAST_STABILITY;
}

/* The contender of the highest silhouette, stable ones first, the first on ties; -1 for none. */
static int
FindHighest(const Comparison *c)
{
	int			best = -1;

	for (int i = 0; i < c->n; i++)
	{
		const CsContender *one = &c->contenders[i];
		double		merit = MeritOf(one);

		if (isnan(merit))
			continue;
		if (best < 0 || IsStable(one) > IsStable(&c->contenders[best]) ||
			(IsStable(one) == IsStable(&c->contenders[best]) &&
			 merit > MeritOf(&c->contenders[best])))
			best = i;
	}
	return best;
}

/* Of those about as good as the highest, the most stable. */
static int
FindBest(const Comparison *c, int highest)
{
	int			best = highest;

	for (int i = 0; i < c->n && highest >= 0; i++)
	{
		const CsContender *one = &c->contenders[i];

		if (MeritOf(one) > MeritOf(&c->contenders[highest]) - CLOSE_SILHOUETTES &&
			one->stability > c->contenders[best].stability)
			best = i;
	}
	return best;
}

/* The sentence of the best one. */
static char *
PraiseBest(const Comparison *comparison, int best, int highest, const CsStructure *structure)
{
	const CsContender *c = &comparison->contenders[best];
	StringInfoData text;

	initStringInfo(&text);
	if (best != highest)
		appendStringInfo(&text, "separates the customers about as well as %s, and %s",
						 comparison->contenders[highest].algorithm->name,
						 IsStable(c) ? "gives the same segments more reliably" : "no algorithm gives the same segments again on half of the rows");
	else
		appendStringInfo(&text, "separates the customers best%s%s",
						 c->validity.noise_share > 0 ? ", although noise counts as not separated" : "",
						 isnan(c->stability) ? "" :
						 IsStable(c) ? ", and gives much the same segments again on half of the rows" :
						 ", but no algorithm gives the same segments again on half of the rows");
	if (CsNoGroups(structure))
	{
		appendStringInfo(&text, ". The data show no clear clusters. %s", CsStructureSentence(structure));
		text.data[--text.len] = '\0';	/* as other reasons */
	}
	return text.data;
}

/* Recommend one, and say of the others what speaks against them. */
static void
GiveReasons(Comparison *c, const CsStructure *structure)
{
	int			highest = FindHighest(c);
	int			best = FindBest(c, highest);

	for (int i = 0; i < c->n; i++)
	{
		CsContender *one = &c->contenders[i];

		one->recommended = i == best;
		if (one->recommended)
			one->reason = PraiseBest(c, best, highest, structure);
		else if (one->failure != NULL)
			one->reason = one->failure;
		else if (one->validity.segments == 0)
			one->reason = pstrdup("found no segment");
		else if (one->validity.segments == 1)
			one->reason = pstrdup("found only one segment");
		else if (isnan(MeritOf(one)))
			one->reason = pstrdup("the silhouette, by which algorithms are compared, is not defined");
		else if (!IsStable(one))
			one->reason = psprintf("gives other segments on half of the rows: their agreement, the adjusted Rand index, is %.2f, where 1 is the same",
								   one->stability);
		else if (MeritOf(one) <= MeritOf(&c->contenders[best]) - CLOSE_SILHOUETTES)
			one->reason = psprintf("separates the customers less well%s",
								   one->validity.noise_share > 0 ? ", where noise counts as not separated" : "");
		else if (one->stability < c->contenders[best].stability)
			one->reason = pstrdup("separates the customers about as well, but gives the same segments less reliably");
	}
}

/* Every contender as a row of the result. */
static void
PutRows(CsResult *result, const Comparison *comparison)
{
	for (int i = 0; i < comparison->n; i++)
	{
		const CsContender *c = &comparison->contenders[i];
		bool		tried = c->failure == NULL;
		const CsValidity *v = &c->validity;

		CsResultPut(result, CsValues(CsValueText(c->algorithm->name),
									 tried ? CsValueInt4(v->segments) : CsValueNull(INT4OID),
									 CsValueFloat8(tried ? c->silhouette : NAN),
									 CsValueFloat8(tried ? v->calinski_harabasz : NAN),
									 CsValueFloat8(tried ? v->davies_bouldin : NAN),
									 CsValueFloat8(tried ? v->noise_share : NAN),
									 CsValueFloat8(tried ? v->smallest_share : NAN),
									 CsValueFloat8(tried ? v->largest_share : NAN),
									 CsValueFloat8(tried ? c->stability : NAN),
									 CsValueFloat8(tried ? c->milliseconds : NAN),
									 CsValueBool(c->recommended),
									 CsValueText(c->reason)));
	}
}

/*
 * compare(source, features, k, algorithms, id, prep, options)
 */
Datum
custseg_compare(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Comparison	c = {0};
	CsTraining *t;
	CsTeam	   *team;
	int			k;

	ReadArguments(fcinfo, &c);
	t = CsTrainingOpen(&c.request);
	team = CsTrainingPrepare(t);
	k = c.choice_options == NULL ? t->k : ChooseK(t, team, &c);
	if (t->structure.rating == CS_STRUCTURE_UNKNOWN)
		t->structure = CsTrainingStructure(t, team, CS_STRUCTURE_ROWS, CS_STRUCTURE_REFERENCES);
	CsTeamEnd(team);
	for (int i = 0; i < c.n; i++)
	{
		CsContender *one = &c.contenders[i];

		one->k = one->algorithm->finds_k ? 0 : k;
		one->failure = WhyNotTried(t, &c, one);
		if (one->failure == NULL)
			CsContenderTry(t, one, c.options.stability_resamples);
	}
	GiveReasons(&c, &t->structure);
	PutRows(result, &c);
	CsTrainingClose(t);
	return (Datum) 0;
}
