/*
 * multivariate.c
 *	  Have customers moved, all features together?  drift_multivariate().
 *
 * What drift() cannot see is a change of how features go together while each of them stays as it
 * was.  So rows are compared where the model sees them, in model space: a seeded sample of the
 * source and one of the baseline, by the energy distance and its permutation test (stat/energy.c).
 * Of rows on other servers the sample is of those with the lowest hashes, and the reason says so.
 *
 * A version keeps no customers' rows, and its centers and spreads do not say how rows lie around
 * them: rows that are made up from them differ from real ones from the start, and the test would
 * find just that.  So the baseline is rows: a reference relation, or what the version was trained
 * on, provided that it still is what it was.  That is checked against the frozen baseline: rows,
 * rows without a value, and all quantiles or levels of every feature must be the same.  A table of
 * customers that lives on is not, and a reference must be named.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "math/math.h"
#include "monitor/monitor.h"
#include "stat/tests.h"

/* Quantiles are the same when they differ by no more than this share. */
#define ROUNDING 1e-12

/* Of rows that are drawn by their values one in so many may equal another. */
#define MOST_EQUAL 20

/* Positions of the arguments. */
enum
{
	DRIFT_MODEL, DRIFT_SOURCE, DRIFT_REFERENCE, DRIFT_OPTIONS, DRIFT_VERSION
};

typedef struct MultivariateOptions
{
	int64		seed;
	int			sample;			/* rows of each side */
	int			permutations;
	int			min_rows;
	double		significance;
	double		watch,			/* coefficients */
				drifted;
} MultivariateOptions;

static const CsOption multivariateOptions[] = {
	CS_SEED_OPTION(MultivariateOptions, seed),
	{"sample", CS_OPTION_INT, offsetof(MultivariateOptions, sample), 2000, 2, 10000},
	{"permutations", CS_OPTION_INT, offsetof(MultivariateOptions, permutations), 199, 19, 9999},
	{"min_rows", CS_OPTION_INT, offsetof(MultivariateOptions, min_rows), 30, 2, PG_INT32_MAX},
	{"significance", CS_OPTION_REAL, offsetof(MultivariateOptions, significance), 0.05, 0, 1},
	{"watch", CS_OPTION_REAL, offsetof(MultivariateOptions, watch), 0.01, 0, 1},
	{"drifted", CS_OPTION_REAL, offsetof(MultivariateOptions, drifted), 0.05, 0, 1},
};

/* Is what the version was trained on still there? */
typedef struct TrainedSource
{
	const CsBaseline *baselines;
	char	   *change;			/* what is otherwise, in words; NULL: nothing so far */
} TrainedSource;

PG_FUNCTION_INFO_V1(custseg_drift_multivariate);

/* The report in the making. */
typedef struct MultivariateReport
{
	CsReport	base;
	MultivariateOptions options;
	const CsObservation *baseline;	/* with its sample, the only one */
	Size		baseline_size;
	int			sample;			/* among those of the source's observation */
} MultivariateReport;

/* The options, checked. */
static void
ReadOptions(Jsonb *given, MultivariateOptions *o)
{
	CsOptionsParse(multivariateOptions, lengthof(multivariateOptions), given, o);
	CsReportCheckLimits("watch", o->watch, "drifted", o->drifted);
	CsReportCheckLimits("min_rows", o->min_rows, "sample", o->sample);
}

/* An error when samples and test take too much memory; returns the bytes of one sample. */
static Size
CheckMemory(const CsScorer *scorer, int sample)
{
	Size		rows = mul_size(sample, mul_size(scorer->ncolumns, sizeof(double)));
	Size		needed = add_size(mul_size(rows, 2),
								  CsEnergyMemory(scorer->ncolumns, sample, sample));

	if (needed > CsMemoryLimit())
		CsMemoryError(needed, "lower the option \"sample\"", "comparing %d rows of %d columns", sample,
					  scorer->ncolumns);
	return rows;
}

/* Are numbers the same as in training, as far as its quantiles tell? */
static bool
AreSameNumbers(const CsBaseline *b, const CsObservedFeature *f)
{
	int			nquantiles = (int) Min(f->values.n, (int64) CS_QUANTILE_POINTS);

	if (f->n_infinite > 0 || nquantiles != b->nquantiles)
		return false;
	for (int i = 0; i < nquantiles; i++)
	{
		double		now = nquantiles == f->values.n ? CsSortedAt(&f->values, i) :
			CsSortedQuantile(&f->values, (double) i / (nquantiles - 1));

		if (fabs(now - b->quantiles[i]) > ROUNDING * fabs(b->quantiles[i]))
			return false;
	}
	return true;
}

/* Do all levels have as many rows as in training, as far as training distinguished them? */
static bool
AreSameLevels(const CsBaseline *b, const CsObservedFeature *f)
{
	for (int i = 0; i < f->nlevels; i++)
	{
		const CsObservedLevel *now = &f->levels[i];

		for (int l = 0; l < b->nlevels && now->text != NULL; l++)
		{
			if (b->levels[l] != NULL && strcmp(b->levels[l], now->text) == 0 &&
				strcmp(now->text, CS_OTHER_LEVEL) != 0 && b->level_counts[l] != now->count)
				return false;
		}
	}
	return true;
}

/* CsFeatureVisitor: see whether a feature is what it was in training. */
static void
CheckFeature(void *state, const CsObservation *observation, int feature)
{
	TrainedSource *trained = state;
	const CsFeature *f = &CsScorerPipeline(observation->scorer)->feature[feature];
	const CsObservedFeature *now = &observation->features[feature];
	const CsBaseline *b = &trained->baselines[feature];

	if (trained->change != NULL)
		return;
	if (now->state != CS_BIND_DONE)
		trained->change = psprintf("Column \"%s\" is gone or is of another type.", NameStr(f->name));
	else if (now->nrows != b->n)
		trained->change = psprintf("It had %lld rows and now has %lld.", (long long) b->n,
								   (long long) now->nrows);
	else if (now->n_null != b->n_null ||
			 !(f->kind == CS_CATEGORICAL ? AreSameLevels(b, now) : AreSameNumbers(b, now)))
		trained->change = psprintf("Column \"%s\" has other values.", NameStr(f->name));
}

/* The error when nothing stands for the past. */
static void
ReportNoBaseline(const CsScorer *scorer, const char *source, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s has changed since version %d of model \"%s\" was trained on it", source,
					scorer->version, NameStr(scorer->model)),
			 errdetail_internal("%s", detail),
			 errhint("A version stores no rows. Name those of that time: reference => 'a relation or query'.")));
}

/* Rows of the training, when they are what the baseline is of: it may be of a sample of them. */
static bool
IsBaselineSampled(const CsScorer *scorer, const CsBaseline *baseline)
{
	int64		n = 0;

	for (int i = 0; i < scorer->nsegments; i++)
		n += CsScorerSegments(scorer)[i].n;
	return baseline->n < n;
}

/* error_context callback: where an error about a relation comes from that nobody named. */
static void
TellTrainedSource(void *scorer)
{
	const CsScorer *s = scorer;

	errcontext("what version %d of model \"%s\" was trained on; another reference can be named",
			   s->version, NameStr(s->model));
}

/* A sample of what the version was trained on, which must still be what it was. */
static CsObservation *
ObserveTrainedSource(const CsScorer *scorer, CsObserveRequest *request)
{
	TrainedSource trained = {.baselines = CsBaselinesRead(scorer)};
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = TellTrainedSource,
		.arg = (void *) scorer
	};
	CsObservation *observation;

	request->visit = CheckFeature;
	request->feature_state = &trained;
	error_context_stack = &context;
	request->relation = CsSourceOpen(scorer, NULL);
	observation = CsObserve(request);
	error_context_stack = context.previous;
	if (IsBaselineSampled(scorer, &trained.baselines[0]))
		trained.change = "Training kept the baseline of a sample of the rows, so a change cannot be ruled out.";
	if (trained.change != NULL)
		ReportNoBaseline(scorer, observation->source, trained.change);
	return observation;
}

/* A sample of what stands for the past. */
static CsObservation *
ObserveBaseline(const CsReport *report, CsObserveRequest *request)
{
	if (report->reference == NULL)
		return ObserveTrainedSource(report->scorer, request);
	request->relation = CsSourceOpen(report->scorer, report->reference);
	return CsObserve(request);
}

/* Rows that a sample is of. */
static int64
CountPlaced(const CsObservation *observation)
{
	int64		n = 0;

	for (int i = 0; i < observation->scorer->nsegments; i++)
		n += observation->segment_rows[i];
	return n;
}

/* Something in the way of a comparison: the finding says it; false when there is nothing. */
static bool
FindObstacle(CsFinding *finding, const CsObservation *observation, const CsObservedSample *sample,
			 const char *what, int min_rows)
{
	char	   *problem = CsObservationProblem(observation);

	if (problem != NULL)
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT, "%s: %s", what, problem);
	else if (sample->n < min_rows)
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT,
					 "%s: %d %s could be placed, but at least %d are needed", what,
					 sample->n, sample->n == 1 ? "row" : "rows", min_rows);
	else
		return false;
	return true;
}

/* Are the rows of a sample not all that could be placed, but those of the lowest hashes? */
static bool
IsOfLowestHashes(const CsObservation *observation, const CsObservedSample *sample)
{
	return observation->by_passes && sample->n < CountPlaced(observation);
}

/* Order of two rows, whose number of columns is the state: any one that puts equal ones together. */
static int
CompareRows(const void *a, const void *b, void *ncolumns)
{
	return memcmp(*(const double *const *) a, *(const double *const *) b, sizeof(double) * *(int *) ncolumns);
}

/* Do more rows of a sample equal another one than may? */
static bool
HasEqualRows(const CsObservedSample *sample, int ncolumns)
{
	const double **row = palloc(sizeof(double *) * Max(sample->n, 1));
	int64		equal = 0;

	for (int i = 0; i < sample->n; i++)
		row[i] = sample->rows + (Size) i * ncolumns;
	qsort_arg(row, sample->n, sizeof(double *), CompareRows, &ncolumns);
	for (int i = 1; i < sample->n; i++)
		equal += CompareRows(&row[i - 1], &row[i], &ncolumns) == 0;
	pfree(row);
	return equal * MOST_EQUAL > sample->n;
}

/*
 * A sample in the way of a comparison.  Rows that nothing tells apart are drawn by their values, equal ones together or not
 * at all: where many are equal, two samples of the same rows differ, and a test would take that for a change.
 */
static bool
FindUnfairSample(CsFinding *finding, const CsObservation *baseline, const CsObservedSample *then,
				 const CsObservation *current, const CsObservedSample *now)
{
	int			ncolumns = current->scorer->ncolumns;

	if (!(then->by_values && IsOfLowestHashes(baseline, then)) && !(now->by_values && IsOfLowestHashes(current, now)))
		return false;
	if (!HasEqualRows(then, ncolumns) && !HasEqualRows(now, ncolumns))
		return false;
	CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT, "more than 1 row in %d equals another, and rows on other servers without an id "
				 "are sampled by their values, equal ones together or not at all: such samples cannot be compared; have the id of "
				 "the training in the rows, or all of them in the sample", MOST_EQUAL);
	return true;
}

/* Which rows were compared, in words; palloc'd. */
static char *
RowsCompared(const CsObservation *baseline, const CsObservedSample *then, const CsObservation *current,
			 const CsObservedSample *now)
{
	bool		is_hashed = IsOfLowestHashes(current, now),
				was_hashed = IsOfLowestHashes(baseline, then);

	return psprintf("%d rows compared with %d%s", now->n, then->n,
					is_hashed && was_hashed ? ", both those of the lowest hashes" :
					is_hashed ? ", the former those of the lowest hashes" :
					was_hashed ? ", the latter those of the lowest hashes" : "");
}

/* The verdict on a test that was made: what is beyond chance's average is the effect. */
static void
JudgeTest(CsFinding *finding, const CsEnergyResult *test, const MultivariateOptions *o, const char *compared)
{
	double		effect = test->coefficient - test->expected;

	if (effect < o->watch && test->p < o->significance)
		CsFindingAdd(finding, CS_VERDICT_OK, "the change is significant but small (%s)", compared);
	else if (effect < o->watch)
		CsFindingAdd(finding, CS_VERDICT_OK, "customers are distributed as before (%s)", compared);
	else if (test->p >= o->significance)
		CsFindingAdd(finding, CS_VERDICT_OK, "the change is no larger than chance makes with so few rows (%s)",
					 compared);
	else
		CsFindingAdd(finding,
					 effect < o->drifted ? CS_VERDICT_WATCH : CS_VERDICT_DRIFTED,
					 "customers are distributed differently than before (%s); drift() shows which features have moved, and segment_sizes() which segments",
					 compared);
}

/* CsReportKind.open: the baseline is read here, before the source */
static void *
OpenMultivariate(const CsReport *base, Jsonb *options)
{
	MultivariateReport *report = palloc(sizeof(MultivariateReport));
	CsObserveRequest request = {.scorer = base->scorer};

	report->base = *base;
	ReadOptions(options, &report->options);
	report->baseline_size = request.reserved = CheckMemory(base->scorer, report->options.sample);
	(void) CsObserveSample(&request, (CsObservedSampleRequest) {
		report->options.sample, (uint64) report->options.seed, .by_passes = true
	});
	report->baseline = ObserveBaseline(base, &request);
	return report;
}

/* CsReportKind.ask: not the same rows of the same source as the baseline's */
static void
AskCurrent(void *state, CsObserveRequest *request)
{
	MultivariateReport *report = state;

	request->reserved += report->baseline_size;
	report->sample = CsObserveSample(request, (CsObservedSampleRequest) {
		report->options.sample, (uint64) report->options.seed + 1, .by_passes = true
	});
}

/* CsReportKind.put: one row */
static void
PutMultivariate(void *state, const CsObservation *current)
{
	const MultivariateReport *report = state;
	const MultivariateOptions *o = &report->options;
	const CsObservation *baseline = report->baseline;
	const CsObservedSample *then = &baseline->samples[0],
			   *now = &current->samples[report->sample];
	CsEnergyResult test = {NAN, NAN, NAN, NAN};
	CsFinding	finding;

	CsFindingInit(&finding);
	if (!FindObstacle(&finding, baseline, then, "reference", o->min_rows) &&
		!FindObstacle(&finding, current, now, "source", o->min_rows) &&
		!FindUnfairSample(&finding, baseline, then, current, now))
	{
		test = CsEnergyTest(current->scorer->ncolumns, then->rows, then->n, now->rows, now->n,
							o->permutations, (uint64) o->seed);
		JudgeTest(&finding, &test, o, RowsCompared(baseline, then, current, now));
	}
	CsResultPut(report->base.result,
				CsValues(CsValueInt8(CountPlaced(baseline)), CsValueInt8(CountPlaced(current)),
						 CsValueFloat8(test.coefficient), CsValueFloat8(test.p),
						 CsFindingVerdict(&finding), CsFindingReason(&finding)));
}

const CsReportKind CsMultivariateReport = {
	"drift_multivariate", OpenMultivariate, AskCurrent, PutMultivariate, .on_demand = true,.by_passes = true
};

/* drift_multivariate(model, source, reference, options, version): one row */
Datum
custseg_drift_multivariate(PG_FUNCTION_ARGS)
{
	const CsReportKind *kind = &CsMultivariateReport;
	Jsonb	   *options = CsJsonbArgument(fcinfo, DRIFT_OPTIONS);
	CsReport	report = {0};

	if (!CsReportOpen(&report, fcinfo, DRIFT_SOURCE, DRIFT_VERSION))
		return (Datum) 0;
	report.reference = CsTextArgument(fcinfo, DRIFT_REFERENCE);
	CsReportsMake(&report, &kind, &options, 1);
	return (Datum) 0;
}
