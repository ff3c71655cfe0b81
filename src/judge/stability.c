/*
 * stability.c
 *	  custseg.stability(): do the same segments come back when the customers are others?
 *
 * The rows are segmented, and again and again after they have been drawn anew with replacement.
 * Each segment is compared with the one of each resample that is most like it, by the Jaccard
 * coefficient over the rows that both segmentations have (Hennig, Computational Statistics & Data
 * Analysis 52, 2007).  As in R's fpc::clusterboot with its defaults (bootmethod "boot"), a row that
 * is drawn several times counts once: copies of a row would make heaps of their own.
 *
 * The source is read and prepared once: it is the segmentation that is put to the test, not the
 * preparation.  Beyond option "sample" rows, a seeded sample of them stands for all; of rows on other servers, or past
 * memory, those of the lowest hashes, prepared as all rows are.
 */
#include "custseg.h"

#include "judge/judge.h"
#include "math/math.h"
#include "miscadmin.h"
#include "stat/agreement.h"
#include "utils/memutils.h"

#define RESAMPLE_STREAM UINT64CONST(0x5B007500)

#define MAX_RESAMPLES 10000

/* Jaccard coefficients at which a segment counts as found again, or as dissolved. */
#define RECOVERED 0.75
#define DISSOLVED 0.5

/* Mean coefficients from which a segment is called so. */
#define HIGHLY_STABLE 0.85
#define STABLE 0.75
#define PATTERN 0.6

/* Positions of the arguments. */
enum
{
	ARG_SOURCE, ARG_FEATURES, ARG_K, ARG_RESAMPLES, ARG_ALGORITHM, ARG_ID, ARG_PREP, ARG_OPTIONS
};

/* The options besides those of the algorithm. */
typedef struct Asked
{
	CsChoiceOptions choice;		/* first: how k is chosen when it is not given */
	const CsAlgorithm *algorithm;
	const void *options;
	int			resamples;
	int			sample;
} Asked;

static const CsOption stability_options[] = {
	{"sample", CS_OPTION_INT, offsetof(Asked, sample), 20000, 10, 1000000},
};

/* What the resamples made of the segments. */
typedef struct Outcome
{
	int			k;
	double	   *jaccard;		/* k: sums over the resamples */
	int		   *recovered;		/* k: resamples */
	int		   *dissolved;		/* k */
	double		rand;			/* sum of adjusted Rand indices */
} Outcome;

PG_FUNCTION_INFO_V1(custseg_stability);

/* Bytes beside the prepared rows: the sample and a resample, their fits, a choice of k. */
static Size
StabilityMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	const Asked *asked = t->judging;
	int64		n = Min(nrows, asked->sample);
	Size		rows = mul_size(sizeof(double) * (n + CS_BLOCK_ROWS), ncolumns);
	Size		size = add_size(mul_size(rows, 2), mul_size(n, 6 * sizeof(double)));

	size = add_size(size, asked->algorithm->memory(n, ncolumns, t->k_max, asked->options));
	size = Max(size, CsStructureMemory(Min(nrows, CS_STRUCTURE_ROWS), ncolumns));
	if (t->k == 0 && !asked->algorithm->finds_k)
		size = add_size(size, CsChoiceMemory(t, n, ncolumns));
	return size;
}

/* Check and keep the arguments. */
static CsRequest
ReadArguments(FunctionCallInfo fcinfo, Asked *asked)
{
	CsRequest	request = {.command = "custseg.stability()"};
	const CsAlgorithm *algorithm;

	request.source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	algorithm = CsClusteringFind(CsRequiredText(fcinfo, ARG_ALGORITHM, "algorithm"));
	request.options = CsParseJudging(algorithm, CsJsonbArgument(fcinfo, ARG_OPTIONS),
									 stability_options, lengthof(stability_options),
									 sizeof(Asked), asked);
	asked->algorithm = algorithm;
	asked->options = request.options;
	asked->choice.k_min = CS_FIRST_K;
	asked->choice.k_max = CS_LAST_K;
	asked->resamples = CsRequiredInt(fcinfo, ARG_RESAMPLES, "resamples");
	if (asked->resamples < 1 || asked->resamples > MAX_RESAMPLES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"resamples\" must be between 1 and %d", MAX_RESAMPLES),
				 errdetail("It is %d.", asked->resamples)));
	request.k = CsSegmentsAsked(fcinfo->args[ARG_K], algorithm, request.options);
	request.k_max = request.k == 0 ? CS_LAST_K : request.k;
	request.id = CsTextArgument(fcinfo, ARG_ID);
	request.features = CsArrayArgument(fcinfo, ARG_FEATURES);
	request.prep = CsJsonbArgument(fcinfo, ARG_PREP);
	request.measures = StabilityMemory;
	request.by_passes = true;
	request.sample = asked->sample;
	request.judging = asked;
	return request;
}

/* The segmentation that is put to the test; chooses k when it is not known. */
static CsFitOutput
FitAll(CsTraining *t, CsTeam *team, const Asked *asked)
{
	const CsAlgorithm *algorithm = asked->algorithm;
	int64		nrows = t->matrix->nrows;
	CsChoice   *choice;
	CsCandidate *best;

	if (t->k > nrows)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k\" is %d, but the sample has only %lld rows", t->k,
						(long long) nrows),
				 errhint("Lower \"k\", or raise option \"sample\".")));
	if (t->k > 0 && algorithm->check != NULL)
		algorithm->check(asked->options, t->k, t->matrix->ncolumns);
	if (t->k > 0 || algorithm->finds_k)
		return CsTrainingFit(t, team, algorithm, asked->options, t->k);

	choice = CsChooseK(t, team, algorithm, asked->options, &asked->choice);
	best = &choice->candidates[choice->best];
	ereport(NOTICE,
			(errmsg("chose k = %d", best->k),
			 errdetail("Reason: %s.", best->reason)));
	t->k = best->k;
	return best->fit;
}

/*
 * Draw as many of n rows as there are, with replacement.  Returns those that were drawn, ascending
 * and each once, palloc'd; *drawn is how many.
 */
static int64 *
DrawRows(int64 n, uint64 seed, int resample, int64 *drawn)
{
	bool	   *is_drawn = palloc0(n);
	int64	   *rows = palloc(sizeof(int64) * n);
	CsRng		rng;

	CsRngSeed(&rng, seed, RESAMPLE_STREAM + (uint64) resample);
	for (int64 i = 0; i < n; i++)
		is_drawn[CsRngBelow(&rng, (uint64) n)] = true;
	*drawn = 0;
	for (int64 i = 0; i < n; i++)
		if (is_drawn[i])
			rows[(*drawn)++] = i;
	pfree(is_drawn);
	return rows;
}

/* Segment some of the rows as all were.  Returns the area of their labels. */
static int
FitRows(CsTraining *t, CsTeam *team, const Asked *asked, const int64 *rows, int64 nrows)
{
	CsMatrix   *matrix = CsMatrixOfRows(t->arena, t->matrix, rows, nrows);
	int			weights = CsWeightsOfRows(t->arena, t->weights, rows, nrows);
	CsFitInput	in = {
		.team = team,
		.matrix = matrix,
		.weights = weights,
		.k = (int) Min(t->k, nrows),
		.options = asked->options,
		.memory_left = CsArenaLeft(t->arena)
	};
	CsFitOutput out = {0};

	asked->algorithm->fit(&in, &out);
	CsMatrixFree(matrix, t->arena);
	if (weights >= 0)
		CsArenaFree(t->arena, weights);
	return out.labels;
}

/* Compare the segments of some rows with those that all rows have; adds to the outcome. */
static void
Compare(Outcome *outcome, const int32 *labels, const int64 *rows, int64 nrows,
		const int32 *resampled)
{
	CsPairTable *table = CsPairTableCreate();
	double	   *best = palloc(sizeof(double) * outcome->k);

	for (int64 i = 0; i < nrows; i++)
		table = CsPairTableAdd(table, labels[rows[i]], resampled[i], 1);
	CsBestJaccard(table, outcome->k, best);
	for (int c = 0; c < outcome->k; c++)
	{
		outcome->jaccard[c] += best[c];
		outcome->recovered[c] += best[c] > RECOVERED;
		outcome->dissolved[c] += best[c] <= DISSOLVED;
	}
	outcome->rand += CsAdjustedRand(table);
}

/* Segment resample after resample. */
static Outcome *
RunResamples(CsTraining *t, CsTeam *team, const Asked *asked, const CsFitOutput *fit)
{
	Outcome    *outcome = palloc0(sizeof(Outcome));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg resample",
												  ALLOCSET_DEFAULT_SIZES);

	outcome->k = fit->k;
	outcome->jaccard = palloc0(sizeof(double) * fit->k);
	outcome->recovered = palloc0(sizeof(int) * fit->k);
	outcome->dissolved = palloc0(sizeof(int) * fit->k);
	for (int b = 0; b < asked->resamples; b++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		int64		nrows;
		int64	   *rows;
		int			labels;

		CHECK_FOR_INTERRUPTS();
		rows = DrawRows(t->matrix->nrows, (uint64) t->common->seed, b, &nrows);
		labels = FitRows(t, team, asked, rows, nrows);
		Compare(outcome, CsArenaAddress(t->arena, fit->labels), rows, nrows,
				CsArenaAddress(t->arena, labels));
		CsArenaFree(t->arena, labels);
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	return outcome;
}

/* Hennig's rules of thumb for the mean coefficient, where a stable segment has to be one that lies apart. */
static const char *
Verdict(double jaccard, bool is_cut)
{
	if (jaccard >= STABLE)
		return is_cut ? "a cut" : jaccard >= HIGHLY_STABLE ? "highly stable" : "stable";
	if (jaccard >= PATTERN)
		return "pattern";
	return "not to be trusted";
}

/* The segments in the order that train() numbers them: larger ones first. */
static int
CompareBySize(const void *a, const void *b, void *counts)
{
	int			x = *(const int *) a,
				y = *(const int *) b;
	int64		nx = ((const int64 *) counts)[x],
				ny = ((const int64 *) counts)[y];

	if (nx != ny)
		return nx > ny ? -1 : 1;
	return x - y;
}

/* What lies between a segment and the nearest one, whose number is given, or 0 for none; palloc'd. */
static char *
Reason(const CsTraining *t, const Asked *asked, double jaccard, double valley_p, int nearest,
	   bool separated)
{
	if (nearest == 0)
		return pstrdup("it is the only segment");
	if (asked->algorithm->has_noise)
		return psprintf("the algorithm itself looks for gaps, such as that to segment %d, the nearest",
						nearest);
	if (separated)
		return psprintf("a valley lies between it and segment %d, the nearest", nearest);
	if (valley_p > CS_VALLEY_P)
		return psprintf("no valley is seen between it and segment %d, the nearest (p %.2f)%s", nearest,
						valley_p, jaccard >= STABLE ? ": it comes back, but nothing separates it" : "");
	return psprintf("it seems to lie apart from segment %d, the nearest (p %.2g), but so do parts of rows without groups, and the structure of these is rated \"%s\"",
					nearest, valley_p, CsStructureName(t->structure.rating));
}

/* Every segment as a row of the result. */
static void
PutRows(CsResult *result, const CsTraining *t, const Asked *asked, const CsFitOutput *fit,
		const Outcome *outcome, const CsValley *valleys)
{
	int		   *order = palloc(sizeof(int) * fit->k);
	int		   *number = palloc(sizeof(int) * fit->k);
	double		resamples = asked->resamples;
	bool		groups = !CsNoGroups(&t->structure);

	for (int c = 0; c < fit->k; c++)
		order[c] = c;
	qsort_arg(order, fit->k, sizeof(int), CompareBySize, fit->counts);
	for (int i = 0; i < fit->k; i++)
		number[order[i]] = i + 1;
	for (int i = 0; i < fit->k; i++)
	{
		int			c = order[i];
		int			nearest = valleys[c].neighbor < 0 ? 0 : number[valleys[c].neighbor];
		double		jaccard = outcome->jaccard[c] / resamples,
					p = Min(1, valleys[c].p * fit->k);	/* Bonferroni */
		bool		separated = nearest != 0 && p <= CS_VALLEY_P && groups;
		bool		is_cut = nearest != 0 && !separated && !asked->algorithm->has_noise;

		CsResultPut(result,
					CsValues(CsValueInt4(i + 1), CsValueInt8(fit->counts[c]),
							 CsValueFloat8((double) fit->counts[c] / t->matrix->nrows),
							 CsValueFloat8(jaccard),
							 CsValueFloat8(outcome->recovered[c] / resamples),
							 CsValueFloat8(outcome->dissolved[c] / resamples),
							 CsValueFloat8(outcome->rand / resamples),
							 CsValueText(Verdict(jaccard, is_cut)),
							 CsValueText(Reason(t, asked, jaccard, p, nearest, separated))));
	}
}

/*
 * stability(source, features, k, resamples, algorithm, id, prep, options)
 */
Datum
custseg_stability(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Asked		asked = {0};
	CsRequest	request;
	CsTraining *t;
	CsTeam	   *team;
	CsFitOutput fit;
	Outcome    *outcome;
	CsValley   *valleys;

	request = ReadArguments(fcinfo, &asked);
	t = CsTrainingOpen(&request);
	team = CsTrainingPrepare(t);
	t->structure = CsTrainingStructure(t, team, CS_STRUCTURE_ROWS, CS_STRUCTURE_REFERENCES);
	CsJudgeSample(t, asked.sample);
	fit = FitAll(t, team, &asked);
	outcome = RunResamples(t, team, &asked, &fit);
	valleys = CsValleysOfSegments(team, t->matrix, fit.labels, fit.k);
	CsTeamEnd(team);

	if (fit.k == 0)
		ereport(NOTICE, (errmsg("there are no segments: every row is noise")));
	else
		CsWarnAboutStructure(&t->structure);
	PutRows(result, t, &asked, &fit, outcome, valleys);
	CsTrainingClose(t);
	return (Datum) 0;
}
