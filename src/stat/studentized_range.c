/*
 * studentized_range.c
 *	  The law of the studentized range: the range of k normal means over an independent estimate of
 *	  their standard deviation (Tukey 1953), by Gauss and Legendre's quadrature.
 *
 * The range of k standard normal numbers is below w with probability W(w) = k * integral of
 * phi(z) (Phi(z) - Phi(z - w))^(k - 1), z being the largest.  The estimate s has df s^2 chi-square
 * with df degrees of freedom, so that P(range / s < q) = integral of W(q s) over the density of s.
 * That one is taken over t = ln s, where it is smooth for any df: its logarithm is
 * df (t - exp(2 t) / 2) and a constant.
 *
 * Both integrals are cut into panels that are narrow beside what the integrand does, with GSL's
 * nodes; what is left out at the ends is below 1e-16.  The upper tail is integrated as such, and is
 * right to some 1e-12.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_integration.h>

#include "miscadmin.h"
#include "stat/group_tests.h"

#define PANEL_NODES 16
#define RANGE_PANELS 8			/* of z, from -LARGEST to LARGEST */
#define LARGEST 8.5
#define SCALE_PANELS 7			/* of t */
#define FEW_DF 12				/* up to so many the density of t has a long tail: more panels */
#define FEW_DF_PANELS 16

/* ln of what part of its greatest value the density of t may have where it is cut off. */
#define CUT_OFF 38.0

/* Above so many degrees of freedom the estimate is as good as the truth. */
#define MANY_DF 1e8

#define RANGE_NODES (RANGE_PANELS * PANEL_NODES)

/* Nodes of the inner integral, and k phi(z) times their weights. */
typedef struct RangeNodes
{
	int			k;
	double		z[RANGE_NODES];
	double		weight[RANGE_NODES];
	double		below[RANGE_NODES]; /* Phi(z) */
	double		power[RANGE_NODES]; /* Phi(z)^(k - 1) */
} RangeNodes;

/* Phi(x): the normal law's lower tail. */
static inline double
NormalLower(double x)
{
	return 0.5 * erfc(-x * M_SQRT1_2);
}

/* GSL's nodes and weights of one panel on [-1, 1]. */
static void
PanelNodes(double *x, double *w)
{
	gsl_integration_glfixed_table *table = gsl_integration_glfixed_table_alloc(PANEL_NODES);

	if (table == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	for (int i = 0; i < PANEL_NODES; i++)
		gsl_integration_glfixed_point(-1, 1, i, &x[i], &w[i], table);
	gsl_integration_glfixed_table_free(table);
}

/* x to a power of 0 or more. */
static inline double
Power(double x, int power)
{
	double		result = 1;

	for (; power > 0; power >>= 1, x *= x)
	{
		if (power & 1)
			result *= x;
	}
	return result;
}

static void
PrepareRange(RangeNodes *nodes, int k, const double *x, const double *w)
{
	double		half = LARGEST / RANGE_PANELS;

	nodes->k = k;
	for (int panel = 0; panel < RANGE_PANELS; panel++)
		for (int i = 0; i < PANEL_NODES; i++)
		{
			int			at = panel * PANEL_NODES + i;
			double		z = -LARGEST + half * (2 * panel + 1 + x[i]);

			nodes->z[at] = z;
			nodes->below[at] = NormalLower(z);
			nodes->power[at] = Power(nodes->below[at], k - 1);
			nodes->weight[at] = half * w[i] * k * exp(-z * z / 2) / sqrt(2 * M_PI);
		}
}

/* 1 - W(w): the largest is z, and the others are not all within w below it. */
static double
RangeUpper(const RangeNodes *nodes, double w)
{
	double		sum = 0;

	for (int i = 0; i < RANGE_NODES; i++)
	{
		double		outside = NormalLower(nodes->z[i] - w);

		if (outside > 0)
			sum += nodes->weight[i] * (nodes->power[i] -
									   Power(nodes->below[i] - outside, nodes->k - 1));
	}
	return Min(Max(sum, 0), 1);
}

/* ln of the density of t, but for a constant: 0 at its greatest, t = 0. */
static inline double
ScaleLog(double t, double df)
{
	return df * (t - expm1(2 * t) / 2);
}

/* Where the density of t is cut off, on the side that "step" points to. */
static double
ScaleEnd(double df, double step)
{
	double		inside = 0,
				outside = step;

	while (ScaleLog(outside, df) > -CUT_OFF)
		outside *= 2;
	for (int i = 0; i < 60; i++)
	{
		double		middle = (inside + outside) / 2;

		if (ScaleLog(middle, df) > -CUT_OFF)
			inside = middle;
		else
			outside = middle;
	}
	return outside;
}

/* The upper tail of the studentized range of k means; df may be infinite. */
double
CsStudentizedRangeUpper(double q, int k, double df)
{
	double		x[PANEL_NODES],
				w[PANEL_NODES],
				low,
				half,
				sum = 0,
				total = 0;
	int			npanels = df > FEW_DF ? SCALE_PANELS : FEW_DF_PANELS;
	RangeNodes	nodes;

	if (isnan(q) || q <= 0)
		return isnan(q) ? NAN : 1;
	if (isinf(q))
		return 0;
	PanelNodes(x, w);
	PrepareRange(&nodes, k, x, w);
	if (df > MANY_DF)
		return RangeUpper(&nodes, q);
	low = ScaleEnd(df, -0.01);
	half = (ScaleEnd(df, 0.01) - low) / 2 / npanels;
	for (int panel = 0; panel < npanels; panel++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < PANEL_NODES; i++)
		{
			double		t = low + half * (2 * panel + 1 + x[i]),
						density = w[i] * exp(ScaleLog(t, df));

			total += density;
			sum += density * RangeUpper(&nodes, q * exp(t));
		}
	}
	/* what the density sums up to by the same nodes is its constant */
	return Min(sum / total, 1);
}

/*
 * The quantile of the studentized range of k means; df may be infinite.  Found by false position,
 * where the end that stays is pulled in (the Illinois method).
 */
double
CsStudentizedRangeQuantile(double probability, int k, double df)
{
	double		low = 0,
				high = 4,
				at_low = probability,
				at_high;

	while ((at_high = CsStudentizedRangeUpper(high, k, df) - (1 - probability)) > 0 && high < 1e8)
	{
		low = high;
		at_low = at_high;
		high *= 2;
	}
	for (int i = 0, stayed = 0; i < 100 && high - low > 1e-12 * high; i++)
	{
		double		middle = low + (high - low) * at_low / (at_low - at_high),
					here = CsStudentizedRangeUpper(middle, k, df) - (1 - probability);

		if (here == 0 || middle <= low || middle >= high)
			return middle;
		if (here > 0)
		{
			low = middle;
			at_low = here;
			at_high /= stayed == 1 ? 2 : 1;
			stayed = 1;
		}
		else
		{
			high = middle;
			at_high = here;
			at_low /= stayed == -1 ? 2 : 1;
			stayed = -1;
		}
	}
	return (low + high) / 2;
}
