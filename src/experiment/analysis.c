/*
 * analysis.c
 *	  The effects that the outcomes of an experiment show: of each metric, in each variant, in all segments
 *	  together and in each.
 *
 * Intervals of segments are at 1 - alpha / segments, and p-values of segments are adjusted by Holm.  Each of
 * several variants has its share of alpha.  P-values of secondary metrics, which inform and decide nothing,
 * are adjusted by Benjamini and Hochberg.
 */
#include "custseg.h"

#include <math.h>

#include "experiment/analysis.h"
#include "stat/sequential.h"
#include "stat/tests.h"
#include "utils/timestamp.h"

/*
 * So much of the planned information is the plan: a random split of the planned customers has a little less
 * than an even one.
 */
#define REACHED 0.99

/* 1 / (1 / n1 + 1 / n2). */
static double
Information(double control, double treatment)
{
	return control > 0 && treatment > 0 ? 1 / (1 / control + 1 / treatment) : 0;
}

/* Customers of a variant who are analysed, and OUT enrolled. */
static int64
CustomersOf(const CsOutcomeTable *t, int variant, int64 *enrolled)
{
	int64		n = 0;

	*enrolled = 0;
	for (int i = 0; i < t->ncells; i++)
	{
		if (t->cells[i].variant != variant)
			continue;
		n += t->cells[i].analysed;
		*enrolled += t->cells[i].enrolled;
	}
	return n;
}

/* The share of the planned information that there is, of the variant that has the least. */
static double
InformationOf(const CsOutcomeTable *t)
{
	const CsExperiment *e = t->source.experiment;
	int64		enrolled;
	double		control = (double) CustomersOf(t, 0, &enrolled),
				least = INFINITY;

	for (int v = 1; v < e->nvariants; v++)
	{
		double		planned = e->n_control == 0 ? CS_TRIAL_UNPLANNED :
			Information((double) e->n_control,
						(double) e->n_control * e->variants[v].weight / e->variants[0].weight);

		least = Min(least, Information(control, (double) CustomersOf(t, v, &enrolled)) / planned);
	}
	return least;
}

/* The boundary of this look, after those that were taken. */
static double
BoundaryOf(const CsAnalysis *a, double alpha)
{
	int			n = a->history->nlooks + 1;
	double	   *information = palloc(sizeof(double) * n);
	CsSpending *looks = palloc(sizeof(CsSpending) * n);

	for (int i = 0; i < n; i++)
	{
		double		at = i < n - 1 ? a->history->information[i] : a->information;

		/* neither a look that spends nothing nor customers who were forgotten take back what was spent */
		information[i] = fmax(i > 0 ? information[i - 1] : 0, at >= REACHED ? 1 : at);
	}
	CsSpendingBoundaries(information, n, alpha, looks);
	return looks[n - 1].boundary;
}

/*
 * How probable is it by chance alone that so many customers are missing from the variants?  By Pearson's test; where
 * it is too rough, by Fisher's of each variant against the others.
 */
static double
AttritionP(const int64 *enrolled, const int64 *analysed, int n)
{
	CsCell		cells[2 * CS_MAX_VARIANTS];
	int64		sum = 0,
				sum_analysed = 0;
	double		least = 1;
	CsChiSquareResult chi;

	for (int v = 0; v < n; v++)
	{
		cells[v] = (CsCell) {0, v, analysed[v]};
		cells[n + v] = (CsCell) {1, v, enrolled[v] - analysed[v]};
		sum += enrolled[v];
		sum_analysed += analysed[v];
	}
	chi = CsChiSquareTest(cells, 2 * n, 2, n);
	if (chi.low_expected == 0)
		return chi.p;
	for (int v = 0; v < n; v++)
	{
		CsProportions p = {{analysed[v], sum_analysed - analysed[v]}, {enrolled[v], sum - enrolled[v]}};

		least = fmin(least, CsFisherExact(&p));
	}
	/* two variants are one and the same table */
	return n > 2 ? fmin(1, n * least) : least;
}

/* Are the customers of the variants as many as they should be, and are those who are left? */
static void
CheckSplit(CsAnalysis *a)
{
	const CsExperiment *e = a->experiment;
	int64		enrolled[CS_MAX_VARIANTS],
				analysed[CS_MAX_VARIANTS];
	double		weights[CS_MAX_VARIANTS];

	for (int v = 0; v < e->nvariants; v++)
	{
		analysed[v] = CustomersOf(a->table, v, &enrolled[v]);
		weights[v] = e->assignment == CS_ASSIGN_BLOCKED ? e->variants[v].weight :
			CsVariantBucket(e, v + 1) - CsVariantBucket(e, v);
	}
	a->mismatch = CsSampleRatioTest(enrolled, weights, e->nvariants);
	a->attrition_p = AttritionP(enrolled, analysed, e->nvariants);
	a->is_mismatch = a->mismatch.least_expected >= CS_MIN_EXPECTED && a->mismatch.p < CS_MISMATCH_P;
	a->is_valid = !a->is_mismatch && !(a->attrition_p < CS_MISMATCH_P);
}

/* The state of a metric; one without customers when nobody is there. */
static const CsPairedArms *
StateOf(const CsOutcomeTable *t, int variant, int segment, int metric)
{
	static const CsPairedArms nobody = {0};
	const CsOutcomeCell *cell = CsOutcomeCellOf(t, variant, t->segments[segment]);

	return cell == NULL || cell->states[metric] == NULL ? &nobody : cell->states[metric];
}

/* The smallest p-value of a line so far, this look's included. */
static double
LeastP(const CsAnalysis *a, const CsEffect *e)
{
	double		p = e->trial.result.p;
	int			segment = e->segment < 0 ? CS_ALL_SEGMENTS : a->table->segments[e->segment];

	for (int i = 0; i < a->history->nleast && a->method == CS_LOOK_ANYTIME; i++)
	{
		const CsLeastP *least = &a->history->least[i];

		if (least->segment == segment && strcmp(least->metric, a->experiment->metrics[e->metric].name) == 0 &&
			strcmp(least->variant, a->experiment->variants[e->variant].name) == 0)
			p = isnan(p) ? least->p : Min(p, least->p);
	}
	return p;
}

/* A new line; the next one's place is behind it. */
static CsEffect *
AddEffect(CsAnalysis *a, int metric, int variant, int segment)
{
	CsEffect   *e = &a->effects[a->neffects++];

	memset(e, 0, sizeof(*e));
	e->metric = metric;
	e->variant = variant;
	e->segment = segment;
	e->theta = e->p_adjusted = NAN;
	e->heterogeneity = (CsHeterogeneity) {.q = NAN,.df = NAN,.p = NAN,.i_squared = NAN};
	e->rating = e->verdict = -1;
	initStringInfo(&e->reason);
	return e;
}

/* Adjust the p-values of lines by a method, and then for so many variants. */
static void
AdjustP(CsEffect *const *lines, int n, void (*adjust) (double *p, int n), int nvariants)
{
	double	   *p = palloc(sizeof(double) * Max(n, 1));
	int			known = 0;

	for (int i = 0; i < n; i++)
	{
		if (!isnan(lines[i]->trial.result.p))
			p[known++] = lines[i]->trial.result.p;
	}
	adjust(p, known);
	known = 0;
	for (int i = 0; i < n; i++)
	{
		if (!isnan(lines[i]->trial.result.p))
			lines[i]->p_adjusted = fmin(1, p[known++] * nvariants);
	}
	pfree(p);
}

/* The effects of a metric in a variant. */
static void
AnalyseMetric(CsAnalysis *a, int metric, int variant)
{
	const CsOutcomeTable *t = a->table;
	const CsExperimentMetric *m = &a->experiment->metrics[metric];
	CsStratum  *strata = palloc(sizeof(CsStratum) * t->nsegments);
	CsEffect  **segments = palloc(sizeof(CsEffect *) * t->nsegments);
	CsTrialTest test = {a->method, a->alpha, a->information, a->boundary};
	CsEffect   *e;

	for (int s = 0; s < t->nsegments; s++)
		CsStratumInit(&strata[s], m->kind, m->covariate != NULL, StateOf(t, 0, s, metric), StateOf(t, variant, s, metric));
	e = AddEffect(a, metric, variant, -1);
	e->alpha = test.alpha;
	e->trial = CsStrataEffect(strata, t->weights, t->nsegments, &test);
	e->trial.result.p = LeastP(a, e);
	e->heterogeneity = CsStrataHeterogeneity(strata, t->nsegments);
	e->is_few = CsStrataAreFew(strata, t->nsegments);
	if (m->kind == CS_METRIC_MEAN && fabs(CsStrataSkewness(strata, t->nsegments)) >= CS_TRIAL_SKEWNESS)
		CsReasonAdd(&e->reason, "the variants are too unequal in size for so skewed a value: cap it, or make them equal");
	AdjustP(&e, 1, CsAdjustHolm, a->experiment->nvariants - 1);
	test.alpha /= t->nsegments;
	test.boundary = a->segment_boundary;
	for (int s = 0; s < t->nsegments; s++)
	{
		segments[s] = AddEffect(a, metric, variant, s);
		segments[s]->alpha = test.alpha;
		segments[s]->theta = strata[s].theta;
		segments[s]->trial = CsStratumEffect(&strata[s], &test);
		segments[s]->trial.result.p = LeastP(a, segments[s]);
		segments[s]->is_few = CsStrataAreFew(&strata[s], 1);
		if (!strata[s].counts)
			CsReasonAdd(&segments[s]->reason, "fewer than 2 customers in a variant: the segment is left out");
	}
	AdjustP(segments, t->nsegments, CsAdjustHolm, a->experiment->nvariants - 1);
}

/* Adjust the p-values of secondary metrics, all together. */
static void
AdjustSecondary(CsAnalysis *a)
{
	CsEffect  **lines = palloc(sizeof(CsEffect *) * a->neffects);
	int			n = 0;

	for (int i = 0; i < a->neffects; i++)
	{
		if (a->effects[i].segment < 0 && a->experiment->metrics[a->effects[i].metric].role == CS_ROLE_SECONDARY)
			lines[n++] = &a->effects[i];
	}
	AdjustP(lines, n, CsAdjustBenjaminiHochberg, 1);
}

/* The line of a metric in a variant, in a segment (an index) or for -1 in all together. */
CsEffect *
CsEffectOf(const CsAnalysis *a, int metric, int variant, int segment)
{
	int			lines = a->table->nsegments + 1;

	return &a->effects[(metric * (a->experiment->nvariants - 1) + variant - 1) * lines + segment + 1];
}

/* The lower end of an interval, where up is good. */
double
CsGoodLow(const CsAnalysis *a, const CsEffect *e)
{
	return a->experiment->metrics[e->metric].direction == CS_DIRECTION_UP ? e->trial.result.low : -e->trial.result.high;
}

/* The upper end, likewise. */
double
CsGoodHigh(const CsAnalysis *a, const CsEffect *e)
{
	return a->experiment->metrics[e->metric].direction == CS_DIRECTION_UP ? e->trial.result.high : -e->trial.result.low;
}

/* What outcomes say, after the looks that were taken, by a method; palloc'd. */
CsAnalysis *
CsAnalyse(const CsOutcomeTable *t, const CsLookHistory *history, CsLookMethod method)
{
	const CsExperiment *e = t->source.experiment;
	CsAnalysis *a = palloc0(sizeof(CsAnalysis));

	a->experiment = e;
	a->table = t;
	a->history = history;
	a->method = method;
	a->alpha = e->alpha / (e->nvariants - 1);
	a->information = InformationOf(t);
	a->is_finished = a->information >= REACHED;
	a->days = (int) ((GetCurrentTimestamp() - e->started_at) / USECS_PER_DAY);
	a->boundary = a->segment_boundary = NAN;
	if (method == CS_LOOK_SPENDING)
	{
		a->boundary = BoundaryOf(a, a->alpha);
		a->segment_boundary = t->nsegments == 1 ? a->boundary : BoundaryOf(a, a->alpha / t->nsegments);
	}
	CheckSplit(a);
	a->effects = palloc_extended(sizeof(CsEffect) * e->nmetrics * (e->nvariants - 1) * (t->nsegments + 1), MCXT_ALLOC_HUGE);
	for (int m = 0; m < e->nmetrics; m++)
	{
		for (int v = 1; v < e->nvariants; v++)
			AnalyseMetric(a, m, v);
	}
	AdjustSecondary(a);
	CsAnalysisJudge(a);
	return a;
}
