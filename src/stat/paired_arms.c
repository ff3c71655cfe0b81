/*
 * paired_arms.c
 *	  Two arms of an experiment whose customers have two values each: a ratio of sums, and a value adjusted
 *	  by a covariate.
 *
 * Moments are math/moments.c's, with the sum of products beside them.
 *
 * Ratio: what was drawn are customers, so that the variance of a ratio of sums is that of e = (numerator -
 * R denominator) / mean denominator, by the delta method (Deng, Knoblich and Lu, KDD 2018).
 *
 * Covariate: y - theta (x - mean x), with one theta from within both arms (CUPED: Deng, Xu, Kohavi and
 * Walker, WSDM 2013).  A customer without x has the mean of the others'.
 *
 * A state may come from whoever calls the aggregate's functions by hand, hence the checks.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "stat/grouped.h"
#include "stat/paired_arms.h"

/* What is left of a sum of squares, as a share of it, is nothing but rounding below this. */
#define ROUNDING 1e-14

/* A state without customers, palloc'd. */
CsPairedArms *
CsPairedArmsCreate(void)
{
	CsPairedArms *arms = palloc0(sizeof(CsPairedArms));

	SET_VARSIZE(arms, sizeof(CsPairedArms));
	return arms;
}

static void
ReportInvalidState(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid moments of arms"),
			 errhint("Only custseg.ratio_test() and similar aggregates make such values.")));
}

/* Raise an error when a value's header cannot be that of a state. */
void
CsPairedArmsCheck(const CsPairedArms *arms)
{
	if (VARSIZE(arms) != sizeof(CsPairedArms))
		ReportInvalidState();
}

/* Can these be anybody's moments, or those of nobody? */
static bool
AreMoments(const CsMoments *m)
{
	return m->n == 0 || (m->n > 0 && m->n < PG_INT64_MAX / 8 && CsAreMoments(m));
}

/* Raise an error when a value is not a state. */
void
CsPairedArmsCheckAll(const CsPairedArms *arms)
{
	CsPairedArmsCheck(arms);
	for (int a = 0; a < CS_ARMS; a++)
	{
		const CsPairMoments *p = &arms->pairs[a];

		if (!AreMoments(&p->value) || !AreMoments(&p->partner) || !AreMoments(&arms->alone[a]) ||
			p->value.n != p->partner.n || !isfinite(p->product))
			ReportInvalidState();
	}
}

/* Take the moments of one of a pair to another scale, and the products with it. */
static void
RescalePair(CsPairMoments *p, CsMoments *m, double scale)
{
	if (m->n > 0 && scale != m->scale)
		p->product *= scale / m->scale;
	CsMomentsRescale(m, scale);
}

/* Make room for a value. */
static void
FitScale(CsPairMoments *p, CsMoments *m, double x)
{
	if (m->n == 0 || fabs(x) * m->scale >= 2)
		RescalePair(p, m, CsScaleOf(fabs(x)));
}

/* Add a value; m3 is kept, too. */
static void
AddValue(CsMoments *m, double x)
{
	double		off,
				step;

	if (m->n == 0 || fabs(x) * m->scale >= 2)
		CsMomentsRescale(m, CsScaleOf(fabs(x)));
	off = CsMomentsOff(m, x);
	step = off / (double) (m->n + 1);
	m->m3 += off * (off - step) * (off - 2 * step) - 3 * step * m->m2;
	CsMomentsAddValue(m, x);
}

/* Add a customer of an arm, who may have no partner to the value: NaN. */
void
CsPairedArmsAdd(CsPairedArms *arms, int arm, double value, double partner)
{
	CsPairMoments *p = &arms->pairs[arm];
	double		off;

	if (isnan(partner))
	{
		AddValue(&arms->alone[arm], value);
		return;
	}
	FitScale(p, &p->value, value);
	FitScale(p, &p->partner, partner);
	off = p->value.n > 0 ? CsMomentsOff(&p->value, value) : 0;
	AddValue(&p->value, value);
	CsMomentsAddValue(&p->partner, partner);
	p->product += off * CsMomentsOff(&p->partner, partner);
}

/* Bring pairs to the scales of both. */
static void
AlignPairs(CsPairMoments *a, CsPairMoments *b)
{
	double		value = Min(a->value.scale, b->value.scale),
				partner = Min(a->partner.scale, b->partner.scale);

	RescalePair(a, &a->value, value);
	RescalePair(a, &a->partner, partner);
	RescalePair(b, &b->value, value);
	RescalePair(b, &b->partner, partner);
}

/* Add other pairs. */
static void
MergePairs(CsPairMoments *to, const CsPairMoments *from)
{
	CsPairMoments b = *from;
	double		na = (double) to->value.n,
				nb = (double) b.value.n;

	if (b.value.n == 0)
		return;
	if (to->value.n == 0)
	{
		*to = b;
		return;
	}
	AlignPairs(to, &b);
	to->product += b.product + CsMeansApart(&b.value, &to->value) * CsMeansApart(&b.partner, &to->partner) *
		(na / (na + nb) * nb);
	CsMomentsMerge(&to->value, &b.value);
	CsMomentsMerge(&to->partner, &b.partner);
}

/* Add all customers of another state. */
void
CsPairedArmsMerge(CsPairedArms *to, const CsPairedArms *from)
{
	for (int a = 0; a < CS_ARMS; a++)
	{
		MergePairs(&to->pairs[a], &from->pairs[a]);
		CsMomentsMerge(&to->alone[a], &from->alone[a]);
	}
}

/* Sum of squares of the deviations of value - factor partner, both times their scales. */
static double
SquaresLess(const CsPairMoments *p, double factor)
{
	double		plus = p->value.m2 + factor * factor * p->partner.m2,
				squares = plus - 2 * factor * p->product;

	return squares <= ROUNDING * plus ? 0 : squares;
}

/* The arms are those of values times a scale over partners times another: one that is no double is held to the largest. */
static void
SetScale(CsArms *arms, double value, double partner)
{
	const double largest = ldexp(1, DBL_MAX_EXP - 1);
	double		beyond = Max(value / largest / partner, 1);

	arms->scale = value / beyond / partner;
	arms->difference /= beyond;
	for (int a = 0; a < CS_ARMS; a++)
	{
		arms->mean[a] /= beyond;
		arms->variance[a] /= beyond * beyond;
	}
}

/*
 * The arms by their ratios, sum of values over sum of partners; NaN where an arm has none.  The state's scales
 * may change.
 */
CsArms
CsRatioArms(CsPairedArms *arms)
{
	CsPairMoments *pairs = arms->pairs;
	const CsPairMoments *any = &pairs[pairs[CS_CONTROL].value.n > 0 ? CS_CONTROL : CS_TREATMENT];
	CsArms		result = {.scale = 1};

	if (pairs[CS_CONTROL].value.n > 0 && pairs[CS_TREATMENT].value.n > 0)
		AlignPairs(&pairs[CS_CONTROL], &pairs[CS_TREATMENT]);
	for (int a = 0; a < CS_ARMS; a++)
	{
		double		denominator = pairs[a].partner.mean + pairs[a].partner.rest,
					numerator = pairs[a].value.mean + pairs[a].value.rest;

		result.n[a] = pairs[a].value.n;
		result.mean[a] = denominator == 0 ? NAN : numerator / denominator;
		result.variance[a] = SquaresLess(&pairs[a], result.mean[a]) / (double) (result.n[a] - 1) /
			(denominator * denominator);
	}
	result.difference = result.mean[CS_TREATMENT] - result.mean[CS_CONTROL];
	if (any->value.n > 0)
		SetScale(&result, any->value.scale, any->partner.scale);
	return result;
}

/* Add the customers without a partner to those with one, as if theirs were the mean of all that are known. */
static void
AddAlone(CsPairedArms *arms, const CsMoments *known)
{
	for (int a = 0; a < CS_ARMS; a++)
	{
		CsPairMoments alone = {.value = arms->alone[a]};

		alone.partner = (CsMoments) {
			.n = alone.value.n, .scale = known->n > 0 ? known->scale : 1, .mean = known->mean, .rest = known->rest
		};
		MergePairs(&arms->pairs[a], &alone);
	}
}

/*
 * The values adjusted by their partners, and as they are.  Customers without a partner are added to the
 * others.
 */
CsAdjustment
CsCupedArms(CsPairedArms *arms)
{
	CsAdjustment result = {0};
	CsPairMoments *pairs = arms->pairs;
	CsMoments	known = {0},
				all = {0};
	double		squares,
				theta = 0;

	for (int a = 0; a < CS_ARMS; a++)
		CsMomentsMerge(&known, &pairs[a].partner);
	AddAlone(arms, &known);
	if (pairs[CS_CONTROL].value.n > 0 && pairs[CS_TREATMENT].value.n > 0)
		AlignPairs(&pairs[CS_CONTROL], &pairs[CS_TREATMENT]);
	for (int a = 0; a < CS_ARMS; a++)
		CsMomentsMerge(&all, &pairs[a].partner);
	squares = pairs[CS_CONTROL].partner.m2 + pairs[CS_TREATMENT].partner.m2;
	if (squares > 0)
		theta = (pairs[CS_CONTROL].product + pairs[CS_TREATMENT].product) / squares;
	for (int a = 0; a < CS_ARMS; a++)
	{
		const CsPairMoments *p = &pairs[a];
		int64		n = p->value.n;

		result.unadjusted.n[a] = n;
		result.unadjusted.mean[a] = p->value.mean + p->value.rest;
		result.unadjusted.variance[a] = p->value.m2 / (double) (n - 1);
		result.adjusted.n[a] = n;
		result.adjusted.mean[a] = result.unadjusted.mean[a] - theta * CsMeansApart(&p->partner, &all);
		result.adjusted.variance[a] = SquaresLess(p, theta) / (double) (n - 1);
	}
	result.unadjusted.difference = CsMeansApart(&pairs[CS_TREATMENT].value, &pairs[CS_CONTROL].value);
	result.adjusted.difference = result.unadjusted.difference -
		theta * CsMeansApart(&pairs[CS_TREATMENT].partner, &pairs[CS_CONTROL].partner);
	result.adjusted.scale = result.unadjusted.scale = Max(pairs[CS_CONTROL].value.scale, pairs[CS_TREATMENT].value.scale);
	result.theta = theta == 0 ? 0 : theta * (pairs[CS_CONTROL].partner.scale / result.adjusted.scale);
	return result;
}
