/*
 * trial.c
 *	  An experiment in segments: the effect in each, in all together, and whether they differ.
 *
 * Each segment is compared by the larger one of Welch's and the pooled standard error.  All together are
 * post-stratified: the effects of segments are weighted by their customers, so that what differs between
 * segments is no error of the effect, as it would be where arms are balanced within each segment.
 *
 * Before the end of an experiment, shares are means of 0 and 1, and intervals are multiples of the standard
 * error: a boundary of spending.c, or the multiplier of anytime.c.  At a single look they are those of
 * proportions.c and of Student's law.
 */
#include "custseg.h"

#include <math.h>

#include "stat/describe.h"
#include "stat/sequential.h"
#include "stat/trial.h"

/* The arms of a control and a treatment, each of them the control of its state. */
static CsPairedArms
JoinArms(const CsPairedArms *control, const CsPairedArms *treatment)
{
	CsPairedArms arms = {.vl_len_ = control->vl_len_};

	arms.pairs[CS_CONTROL] = control->pairs[CS_CONTROL];
	arms.pairs[CS_TREATMENT] = treatment->pairs[CS_CONTROL];
	arms.alone[CS_CONTROL] = control->alone[CS_CONTROL];
	arms.alone[CS_TREATMENT] = treatment->alone[CS_CONTROL];
	return arms;
}

/* Values as they are, with a partner or without. */
static CsMoments
ValuesOf(const CsPairedArms *state)
{
	CsMoments	values = state->pairs[CS_CONTROL].value;

	CsMomentsMerge(&values, &state->alone[CS_CONTROL]);
	return values;
}

/* A stratum from the customers of both variants, each of which are those of the control in its state. */
void
CsStratumInit(CsStratum *s, CsMetricKind kind, bool is_adjusted, const CsPairedArms *control,
			  const CsPairedArms *treatment)
{
	CsPairedArms arms = JoinArms(control, treatment);

	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->is_adjusted = is_adjusted;
	s->theta = NAN;
	s->values[CS_CONTROL] = ValuesOf(control);
	s->values[CS_TREATMENT] = ValuesOf(treatment);
	for (int a = 0; a < CS_ARMS; a++)
	{
		s->proportions.n[a] = s->values[a].n;
		if (kind == CS_METRIC_CONVERSION && s->values[a].n > 0)
			s->proportions.successes[a] = (int64) rint(CsMomentsMean(&s->values[a]) * (double) s->values[a].n);
	}
	if (kind == CS_METRIC_RATIO)
		s->arms = CsRatioArms(&arms);
	else
	{
		CsAdjustment adjustment = CsCupedArms(&arms);

		s->arms = adjustment.adjusted;
		if (is_adjusted)
			s->theta = adjustment.theta;
	}
	s->counts = CsArmsEstimateOf(&s->arms, &s->estimate);
}

/* How arms are compared. */
static CsArmsTest
ArmsTestOf(const CsTrialTest *test, CsMetricKind kind)
{
	CsArmsTest	arms = {
		.confidence = 1 - test->alpha,.by_larger = true,
		.is_normal = test->method != CS_LOOK_FIXED || kind == CS_METRIC_RATIO
	};

	if (test->method == CS_LOOK_SPENDING)
		arms.critical = test->boundary;
	else if (test->method == CS_LOOK_ANYTIME)
		arms.critical = CsAnytimeMultiplier(test->alpha, test->information);
	return arms;
}

/* Put the p-value in place that holds at any time. */
static void
SetAnytimeP(CsArmsResult *r, const CsTrialTest *test)
{
	if (test->method == CS_LOOK_ANYTIME && !isnan(r->statistic))
		r->p = CsAnytimeInterval(r->difference, r->error, test->information, test->alpha).p;
}

/* Put the test of two shares in place of that of two means. */
static void
SetProportions(CsTrialEffect *e, const CsStratum *s, const CsTrialTest *test)
{
	CsProportionsResult shares;

	if (s->kind != CS_METRIC_CONVERSION || s->is_adjusted || test->method != CS_LOOK_FIXED ||
		Min(s->proportions.n[CS_CONTROL], s->proportions.n[CS_TREATMENT]) == 0)
		return;
	shares = CsProportionsCompare(&s->proportions, 1 - test->alpha);
	e->result.difference = shares.difference;
	e->result.statistic = shares.z;
	e->result.p = shares.p;
	e->result.df = NAN;
	e->result.low = shares.low;
	e->result.high = shares.high;
	e->critical = NAN;
}

/* The effect in a segment. */
CsTrialEffect
CsStratumEffect(const CsStratum *s, const CsTrialTest *test)
{
	CsArmsTest	arms = ArmsTestOf(test, s->kind);
	CsTrialEffect e = {.result = CsArmsCompare(&s->arms, &arms),.critical = arms.critical == 0 ? NAN : arms.critical};

	memcpy(e.n, s->arms.n, sizeof(e.n));
	SetAnytimeP(&e.result, test);
	SetProportions(&e, s, test);
	return e;
}

/* What the weighted strata sum up to, times a scale. */
typedef struct Sums
{
	double		scale;
	CsArmsEstimate estimate;
	double		larger;			/* the larger squared error */
	double		freedom;		/* sum of squared parts by their degrees of freedom */
} Sums;

/* Add a stratum. */
static void
AddStratum(Sums *sums, const CsStratum *s, double weight)
{
	double		to = sums->scale / s->arms.scale;

	sums->estimate.difference += weight * to * s->estimate.difference;
	for (int a = 0; a < CS_ARMS; a++)
	{
		double		part = weight * to * (weight * to) * s->estimate.part[a];

		sums->estimate.mean[a] += weight * to * s->estimate.mean[a];
		sums->estimate.part[a] += part;
		sums->freedom += part * part / (double) (s->arms.n[a] - 1);
		sums->larger += part * s->estimate.larger * s->estimate.larger;
	}
}

/* The smallest scale of the strata that count, and OUT the sum of their weights; 0 where none counts. */
static double
SharedScale(const CsStratum *strata, const double *weights, int n, double *sum)
{
	double		scale = INFINITY;

	*sum = 0;
	for (int i = 0; i < n; i++)
	{
		if (!strata[i].counts || !(weights[i] > 0))
			continue;
		scale = Min(scale, strata[i].arms.scale);
		*sum += weights[i];
	}
	return scale;
}

/* The weight of each stratum, palloc'd: its customers, unless others are given. */
static double *
WeightsOf(const CsStratum *strata, const double *weights, int n)
{
	double	   *result = palloc(sizeof(double) * n);

	for (int i = 0; i < n; i++)
		result[i] = weights != NULL ? weights[i] :
			(double) strata[i].arms.n[CS_CONTROL] + (double) strata[i].arms.n[CS_TREATMENT];
	return result;
}

/*
 * The effect in n segments together, post-stratified with weights, by customers for NULL.  Segments without
 * two customers in each arm are left out, and the others stand for them.  A single one is as it is alone.
 */
CsTrialEffect
CsStrataEffect(const CsStratum *strata, const double *weights, int n, const CsTrialTest *test)
{
	CsArmsTest	arms = ArmsTestOf(test, strata[0].kind);
	CsTrialEffect e = {.critical = arms.critical == 0 ? NAN : arms.critical};
	double	   *w = WeightsOf(strata, weights, n),
				sum,
				welch;
	Sums		sums = {.scale = SharedScale(strata, w, n, &sum)};

	if (n == 1)
		return CsStratumEffect(&strata[0], test);
	e.result = (CsArmsResult) {.mean = {NAN, NAN},.difference = NAN,.error = NAN,.larger_error = NAN,
		.statistic = NAN,.df = NAN,.p = NAN,.low = NAN,.high = NAN,.lift = NAN,.lift_low = NAN,.lift_high = NAN
	};
	for (int i = 0; i < n; i++)
	{
		if (!strata[i].counts || !(w[i] > 0))
			continue;
		for (int a = 0; a < CS_ARMS; a++)
			e.n[a] += strata[i].arms.n[a];
		AddStratum(&sums, &strata[i], w[i] / sum);
	}
	if (sum == 0)
		return e;
	welch = sums.estimate.part[CS_CONTROL] + sums.estimate.part[CS_TREATMENT];
	sums.estimate.df = welch * welch / sums.freedom;
	sums.estimate.larger = welch > 0 ? sqrt(sums.larger / welch) : 1;
	for (int a = 0; a < CS_ARMS; a++)
		e.result.mean[a] = sums.estimate.mean[a] / sums.scale;
	e.result.difference = sums.estimate.difference / sums.scale;
	if (e.result.mean[CS_CONTROL] > 0)
		e.result.lift = e.result.difference / e.result.mean[CS_CONTROL];
	CsArmsConclude(&sums.estimate, &arms, sums.scale, &e.result);
	SetAnytimeP(&e.result, test);
	return e;
}

/* Do the effects of n segments differ?  By the larger errors. */
CsHeterogeneity
CsStrataHeterogeneity(const CsStratum *strata, int n)
{
	double	   *effects = palloc(sizeof(double) * n),
			   *errors = palloc(sizeof(double) * n);
	CsHeterogeneity h;

	for (int i = 0; i < n; i++)
	{
		const CsArmsEstimate *e = &strata[i].estimate;

		effects[i] = errors[i] = NAN;
		if (!strata[i].counts)
			continue;
		effects[i] = e->difference / strata[i].arms.scale;
		errors[i] = e->larger * sqrt(e->part[CS_CONTROL] + e->part[CS_TREATMENT]) / strata[i].arms.scale;
	}
	h = CsCochranQ(effects, errors, n);
	pfree(effects);
	pfree(errors);
	return h;
}

/* Are there too few customers in n segments together, or too few of a kind, to say anything? */
bool
CsStrataAreFew(const CsStratum *strata, int n)
{
	for (int a = 0; a < CS_ARMS; a++)
	{
		int64		customers = 0,
					successes = 0;

		for (int i = 0; i < n; i++)
		{
			customers += strata[i].arms.n[a];
			successes += strata[i].proportions.successes[a];
		}
		if (customers < CS_TRIAL_FEWEST)
			return true;
		if (strata[0].kind == CS_METRIC_CONVERSION &&
			Min(successes, customers - successes) < CS_TRIAL_FEWEST_OF_KIND)
			return true;
	}
	return false;
}

/*
 * The skewness of the difference of means in n segments together, by that of all values: 0 for arms of equal
 * size.  Of a ratio it is that of the numerators.
 */
double
CsStrataSkewness(const CsStratum *strata, int n)
{
	CsMoments	arms[CS_ARMS] = {{0}},
				all;
	double		skewness,
				first,
				second;

	for (int i = 0; i < n; i++)
		for (int a = 0; a < CS_ARMS; a++)
			CsMomentsMerge(&arms[a], &strata[i].values[a]);
	first = (double) arms[CS_CONTROL].n;
	second = (double) arms[CS_TREATMENT].n;
	all = arms[CS_CONTROL];
	CsMomentsMerge(&all, &arms[CS_TREATMENT]);
	skewness = CsMomentsSkewness(&all);
	if (isnan(skewness) || first == 0 || second == 0)
		return 0;
	return skewness * (fabs(first - second) / (first + second)) * (sqrt(first + second) / sqrt(first) / sqrt(second));
}
