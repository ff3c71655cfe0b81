/*
 * outlier_pass.c
 *	  Rows that are far from the others: by fences, by standard deviations, by Mahalanobis' distance.
 *
 * Where the rows are, the limits travel with the plan, and whoever has the rows keeps those that are farthest off.  A value
 * that is infinite or NaN is missing.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "prep/covariance_pass.h"
#include "stat/outlier_pass.h"
#include "stat/pair_pass.h"

/* Columns of a plan. */
#define MOST_COLUMNS 1600

/* Limits without values; palloc'd. */
CsOutlierLimits
CsOutlierLimitsMake(int d, double z_limit, double significance)
{
	CsOutlierLimits l = {.d = d,.z_limit = z_limit,.significance = significance};

	l.low = palloc0(sizeof(double) * Max(d, 1));
	l.high = palloc0(sizeof(double) * Max(d, 1));
	l.spread = palloc0(sizeof(double) * Max(d, 1));
	l.moments = palloc0(sizeof(CsMoments) * Max(d, 1));
	return l;
}

/* How many standard deviations a value is from its column's mean; NaN for no value, and 0 over 0. */
double
CsOutlierDeviations(const CsOutlierLimits *l, int column, double x)
{
	return fabs(CsMomentsOff(&l->moments[column], x)) / l->spread[column];
}

/* Is a row, NaN where a value is missing, an outlier?  OUT how far off it is. */
bool
CsIsOutlier(const CsOutlierLimits *l, const double *x, CsFarOff *off)
{
	bool		is_far = false,
				is_complete = true;

	*off = (CsFarOff) {NAN, NAN, 0};
	for (int j = 0; j < l->d; j++)
	{
		double		z = CsOutlierDeviations(l, j, x[j]);

		is_complete &= !isnan(x[j]);
		off->z = z > off->z ? z : off->z;
		is_far |= x[j] < l->low[j] || x[j] > l->high[j] || z > l->z_limit;
	}
	if (!is_complete)
		return is_far;
	off->squared = CsMahalanobisSquared(&l->law, x, &off->p);
	return is_far || off->p < l->significance;
}

/* By what the farthest row is found: its squared distance, or that of its farthest column where it has none. */
double
CsOutlierDistance(const CsFarOff *off)
{
	return isnan(off->squared) ? off->z * off->z : off->squared;
}

typedef struct Complete
{
	CsDeviations dev;
	int			rows,			/* sections */
				sums,
				products,		/* of columns j <= i, by i and then by j */
				lowest,			/* of each column, as the next */
				highest;
} Complete;

/* Write the plan: about which middles, and how far from them values are at most. */
void
CsCompletePlan(JsonbParseState **json, int d, const double *middle, const double *reach, int64 nrows)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsCompletePass.name);
	CsDeviationsPlan(json, d, middle, reach, nrows);
	(void) CsJsonEnd(json);
}

/* CsTallyKind.open */
static void *
OpenComplete(CsTally *pass, const CsJsonReader *plan)
{
	Complete   *c = palloc0(sizeof(Complete));
	int64		d = JsonContainerSize(CsJsonReadArray(plan, "middle", 1, Min(pass->nnumbers, MOST_COLUMNS)));

	c->dev = CsDeviationsRead(plan, (int) d);
	c->rows = CsTallySection(pass, CS_SECTION_COUNTS, 1, 1);
	c->sums = CsTallySection(pass, CS_SECTION_SUMS, d, 1);
	c->products = CsTallySection(pass, CS_SECTION_SUMS, d * (d + 1) / 2, 1);
	c->lowest = CsTallySection(pass, CS_SECTION_LOWEST, d, 1);
	c->highest = CsTallySection(pass, CS_SECTION_HIGHEST, d, 1);
	return c;
}

/* CsTallyKind.add */
static void
AddComplete(CsTally *pass, void *own, CsTallyState *state)
{
	const Complete *c = own;
	const double *off = c->dev.off;
	CsExact    *sums = CsTallySums(pass, state, c->sums);
	CsExact    *product = CsTallySums(pass, state, c->products);
	double	   *lowest = CsTallyNumbers(pass, state, c->lowest),
			   *highest = CsTallyNumbers(pass, state, c->highest);

	for (int j = 0; j < c->dev.d; j++)
		if (!isfinite(pass->number[j]))
			return;
	CsDeviationsTake(&c->dev, pass->number);
	CsTallyCounts(pass, state, c->rows)[0]++;
	for (int i = 0; i < c->dev.d; i++)
	{
		CsTallySum(&sums[i], off[i], c->dev.scale);
		lowest[i] = Min(lowest[i], pass->number[i]);
		highest[i] = Max(highest[i], pass->number[i]);
		for (int j = 0; j <= i; j++, product++)
			CsTallySum(product, off[i] * off[j], c->dev.scale);
	}
}

/* The law of the complete rows, in units of the deviations; palloc'd. */
CsMahalanobis
CsCompleteRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state)
{
	const Complete *c = part->own;
	int			d = c->dev.d;
	const CsExact *sums = CsTallySums(pass, state, c->sums);
	const CsExact *product = CsTallySums(pass, state, c->products);
	int64		nrows = CsTallyCounts(pass, state, c->rows)[0];
	double		n = (double) nrows;
	CsMahalanobis law = {.d = d,.scale = palloc(sizeof(double) * d),.mean = palloc(sizeof(double) * d),
		.rest = palloc0(sizeof(double) * d),.work = palloc(sizeof(double) * d)};
	double	   *covariance;

	for (int j = 0; j < d; j++)
	{
		law.scale[j] = c->dev.size[j];
		law.mean[j] = c->dev.middle[j] * c->dev.size[j];
	}
	if (nrows <= d)
		return law;
	covariance = palloc(sizeof(double) * CsTriangle(d));
	for (int i = 0; i < d; i++)
		law.rest[i] = CsExactMean(&sums[i], c->dev.exponent, n);
	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++, product++)
			covariance[CsTriangle(i) + j] = (CsExactMean(product, c->dev.exponent, n) - law.rest[i] * law.rest[j]) * (n / (n - 1));
	if (!CsCholesky(d, covariance))
		return law;
	CsInvertTriangle(d, covariance);
	law.inverse = covariance;
	return law;
}

/*
 * Do the variances of the complete rows say little, because these lie together and far from the rows that lack a number?  Then
 * OUT middles and reaches of their own, about which another pass is exact.
 */
bool
CsCompleteIsBlurred(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 nrows, double *middle,
					double *reach)
{
	const Complete *c = part->own;
	const CsExact *sums = CsTallySums(pass, state, c->sums);
	const CsExact *product = CsTallySums(pass, state, c->products);
	const double *lowest = CsTallyNumbers(pass, state, c->lowest);
	const double *highest = CsTallyNumbers(pass, state, c->highest);
	int64		n = CsTallyCounts(pass, state, c->rows)[0];
	bool		is_blurred = false;

	if (n <= c->dev.d || n == nrows)
		return false;
	for (int j = 0; j < c->dev.d; j++)
	{
		double		off = CsExactMean(&sums[j], c->dev.exponent, n);
		double		squares = CsExactMean(&product[CsTriangle(j) + j], c->dev.exponent, n);

		is_blurred |= lowest[j] < highest[j] && CsDeviationsBlur(&c->dev, off, squares - off * off);
		CsMiddleOf(c->dev.middle[j] + off / c->dev.size[j], lowest[j], highest[j], &middle[j], &reach[j]);
	}
	return is_blurred;
}

const CsTallyKind CsCompletePass = {"complete", .open = OpenComplete, .add = AddComplete};

typedef struct Outliers
{
	CsOutlierLimits limits;
	double	   *row;
	CsClosest	closest;
} Outliers;

/* Write the plan: the limits, how many rows are kept, and which number of a row is the hash of what identifies it. */
void
CsOutlierPlan(JsonbParseState **json, const CsOutlierLimits *l, int64 room, int key)
{
	const double *scale = &l->moments[0].scale;
	int			stride = sizeof(CsMoments) / sizeof(double);

	StaticAssertStmt(sizeof(CsMoments) % sizeof(double) == 0, "moments must be an array of numbers");
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsOutlierPass.name);
	CsJsonNumbers(json, "low", l->low, l->d, 1);
	CsJsonNumbers(json, "high", l->high, l->d, 1);
	CsJsonNumbers(json, "spread", l->spread, l->d, 1);
	CsJsonNumbers(json, "scale", scale, l->d, stride);
	CsJsonNumbers(json, "mean", &l->moments[0].mean, l->d, stride);
	CsJsonNumbers(json, "rest", &l->moments[0].rest, l->d, stride);
	CsJsonNumber(json, "z_limit", Min(l->z_limit, DBL_MAX));
	CsJsonNumber(json, "significance", l->significance);
	if (l->law.inverse != NULL)
	{
		CsJsonNumbers(json, "inverse", l->law.inverse, CsTriangle(l->d), 1);
		CsJsonNumbers(json, "law_scale", l->law.scale, l->d, 1);
		CsJsonNumbers(json, "law_mean", l->law.mean, l->d, 1);
		CsJsonNumbers(json, "law_rest", l->law.rest, l->d, 1);
	}
	CsClosestPlan(json, room, key);
	(void) CsJsonEnd(json);
}

/* Read the law, if there is one. */
static CsMahalanobis
OpenLaw(const CsJsonReader *plan, int d)
{
	CsMahalanobis law = {.d = d};
	JsonbValue	value;

	if (!CsJsonReadMember(plan, "inverse", &value))
		return law;
	law.scale = palloc(sizeof(double) * d);
	law.mean = palloc(sizeof(double) * d);
	law.rest = palloc(sizeof(double) * d);
	law.work = palloc(sizeof(double) * d);
	law.inverse = palloc(sizeof(double) * CsTriangle(d));
	CsJsonReadNumbers(plan, "inverse", CsTriangle(d), law.inverse, 1);
	CsJsonReadNumbers(plan, "law_scale", d, law.scale, 1);
	CsJsonReadNumbers(plan, "law_mean", d, law.mean, 1);
	CsJsonReadNumbers(plan, "law_rest", d, law.rest, 1);
	return law;
}

/* CsTallyKind.open */
static void *
OpenOutliers(CsTally *pass, const CsJsonReader *plan)
{
	Outliers   *o = palloc0(sizeof(Outliers));
	int			d = JsonContainerSize(CsJsonReadArray(plan, "low", 1, Min(pass->nnumbers, MOST_COLUMNS)));
	int			stride = sizeof(CsMoments) / sizeof(double);

	o->limits = CsOutlierLimitsMake(d, CsJsonReadNumber(plan, "z_limit"), CsJsonReadNumber(plan, "significance"));
	CsJsonReadNumbers(plan, "low", d, o->limits.low, 1);
	CsJsonReadNumbers(plan, "high", d, o->limits.high, 1);
	CsJsonReadNumbers(plan, "spread", d, o->limits.spread, 1);
	CsJsonReadNumbers(plan, "scale", d, &o->limits.moments[0].scale, stride);
	CsJsonReadNumbers(plan, "mean", d, &o->limits.moments[0].mean, stride);
	CsJsonReadNumbers(plan, "rest", d, &o->limits.moments[0].rest, stride);
	o->limits.law = OpenLaw(plan, d);
	o->row = palloc(sizeof(double) * d);
	o->closest = CsClosestOpen(pass, plan);
	return o;
}

/* CsTallyKind.add: the farthest ones are closest to minus infinity. */
static void
AddOutliers(CsTally *pass, void *own, CsTallyState *state)
{
	Outliers   *o = own;
	CsFarOff	off;

	for (int j = 0; j < o->limits.d; j++)
		o->row[j] = isinf(pass->number[j]) ? NAN : pass->number[j];
	if (CsIsOutlier(&o->limits, o->row, &off))
		CsClosestAdd(pass, &o->closest, state, -CsOutlierDistance(&off));
}

/* The hashes of the rows that are farthest off, *n of them; palloc'd. */
double *
CsOutlierKeys(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 *n)
{
	const Outliers *o = part->own;

	return CsClosestKeys(pass, &o->closest, state, n);
}

const CsTallyKind CsOutlierPass = {"outliers", .open = OpenOutliers, .add = AddOutliers};
