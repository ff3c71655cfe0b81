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
 * nodes; what is left out at the ends is below 1e-16, and for a large z below 1e-32.  The upper tail is
 * integrated as such, and is right to some 1e-14.
 *
 * Many pairs of the same k groups ask for 1 - W at hundreds of places each.  So it is integrated where
 * Chebyshev's polynomials want it, panel by panel as they are asked for, and read from those; and
 * what depends on df alone is kept until df changes.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_integration.h>

#include "miscadmin.h"
#include "stat/group_tests.h"

#define PANEL_NODES 16
#define RANGE_PANELS 20			/* of z, from LEAST_Z to GREATEST_Z */
#define LEAST_Z (-8.5)
#define GREATEST_Z 12.0
#define SCALE_PANELS 7			/* of t, at least */
#define MOST_SCALE_PANELS 96

/*
 * A panel of t is no wider: 1 - W(q s) falls from 1 to 0 within 0.5 for many means, wherever in the density's
 * long tail of few degrees of freedom that is.
 */
#define SCALE_PANEL 0.45

/* ln of what part of its greatest value the density of t may have where it is cut off. */
#define CUT_OFF 38.0

/* Above so many degrees of freedom the estimate is as good as the truth. */
#define MANY_DF 1e8

#define RANGE_NODES (RANGE_PANELS * PANEL_NODES)
#define SCALE_NODES (MOST_SCALE_PANELS * PANEL_NODES)

/*
 * Panels of 1 - W(w), narrow beside how fast it falls, until it is less than 1e-300; and how many of
 * Chebyshev's polynomials say it on one.
 */
#define TAIL_PANEL 0.25
#define TAIL_PANELS (46 * 4)
#define TAIL_TERMS 16

typedef struct TailPanel
{
	bool		known;
	double		term[TAIL_TERMS];
} TailPanel;

struct CsStudentizedRange
{
	int			k;
	double		x[PANEL_NODES],	/* a panel's nodes and weights on [-1, 1] */
				w[PANEL_NODES];

	/* the inner integral: weight is k phi(z) Phi(z)^(k - 1) times the node's own */
	double		z[RANGE_NODES];
	double		weight[RANGE_NODES];
	double		below[RANGE_NODES]; /* Phi(z) */
	TailPanel	tail[TAIL_PANELS];

	/* the outer integral for this df: s and its density, whose sum by the same nodes is "total" */
	double		df;
	int			nscales;
	double		scale[SCALE_NODES];
	double		density[SCALE_NODES];
	double		total;
};

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

/* The law of the studentized range of k means, palloc'd in CurrentMemoryContext, for any q and df. */
CsStudentizedRange *
CsStudentizedRangeMake(int k)
{
	CsStudentizedRange *r = palloc0(sizeof(CsStudentizedRange));
	double		half = (GREATEST_Z - LEAST_Z) / 2 / RANGE_PANELS;

	r->k = k;
	r->df = NAN;
	PanelNodes(r->x, r->w);
	for (int panel = 0; panel < RANGE_PANELS; panel++)
		for (int i = 0; i < PANEL_NODES; i++)
		{
			int			at = panel * PANEL_NODES + i;
			double		z = LEAST_Z + half * (2 * panel + 1 + r->x[i]);

			r->z[at] = z;
			r->below[at] = NormalLower(z);
			r->weight[at] = half * r->w[i] * k * exp(-z * z / 2) / sqrt(2 * M_PI) *
				pow(r->below[at], k - 1);
		}
	return r;
}

/* 1 - W(w): the largest is z, and the others are not all within w below it. */
static double
IntegrateTail(const CsStudentizedRange *r, double w)
{
	double		sum = 0;

	for (int i = 0; i < RANGE_NODES; i++)
		sum -= r->weight[i] *
			expm1((r->k - 1) * log1p(-NormalLower(r->z[i] - w) / r->below[i]));
	return Min(Max(sum, 0), 1);
}

/* Find the terms of 1 - W on a panel, from its values at Chebyshev's nodes. */
static void
FillTailPanel(CsStudentizedRange *r, int number)
{
	TailPanel  *panel = &r->tail[number];
	double		value[TAIL_TERMS];

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < TAIL_TERMS; i++)
		value[i] = IntegrateTail(r, TAIL_PANEL *
								 (number + (1 + cos(M_PI * (i + 0.5) / TAIL_TERMS)) / 2));
	for (int j = 0; j < TAIL_TERMS; j++)
	{
		panel->term[j] = 0;
		for (int i = 0; i < TAIL_TERMS; i++)
			panel->term[j] += value[i] * cos(M_PI * j * (i + 0.5) / TAIL_TERMS) * 2 / TAIL_TERMS;
	}
	panel->term[0] /= 2;
	panel->known = true;
}

/* 1 - W(w) by the panel's terms, added up as Clenshaw does. */
static double
RangeUpper(CsStudentizedRange *r, double w)
{
	double		at = w / TAIL_PANEL,
				twice,
				next = 0,
				after = 0;
	const double *term;

	if (at >= TAIL_PANELS)
		return 0;
	if (!r->tail[(int) at].known)
		FillTailPanel(r, (int) at);
	term = r->tail[(int) at].term;
	twice = 2 * (2 * (at - (int) at) - 1);
	for (int j = TAIL_TERMS - 1; j > 0; j--)
	{
		double		here = term[j] + twice * next - after;

		after = next;
		next = here;
	}
	return Min(Max(term[0] + twice / 2 * next - after, 0), 1);
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

/* Set the nodes of the outer integral, unless they are those of that df already. */
static void
SetScales(CsStudentizedRange *r, double df)
{
	int			npanels;
	double		low,
				width,
				half;

	if (r->df == df)
		return;
	r->df = df;
	r->total = 0;
	low = ScaleEnd(df, -0.01);
	width = ScaleEnd(df, 0.01) - low;
	npanels = (int) Min(Max(ceil(width / SCALE_PANEL), SCALE_PANELS), MOST_SCALE_PANELS);
	r->nscales = npanels * PANEL_NODES;
	half = width / 2 / npanels;
	for (int i = 0; i < r->nscales; i++)
	{
		int			panel = i / PANEL_NODES,
					node = i % PANEL_NODES;
		double		t = low + half * (2 * panel + 1 + r->x[node]);

		r->scale[i] = exp(t);
		r->density[i] = r->w[node] * exp(ScaleLog(t, df));
		r->total += r->density[i];
	}
}

/*
 * The upper tail of the studentized range, the probability that it exceeds q; df may be infinite.  What
 * is computed on the way is kept in r.
 */
double
CsStudentizedRangeUpper(CsStudentizedRange *r, double q, double df)
{
	double		sum = 0;

	if (isnan(q) || q <= 0)
		return isnan(q) ? NAN : 1;
	if (isinf(q))
		return 0;
	if (df > MANY_DF)
		return RangeUpper(r, q);
	CHECK_FOR_INTERRUPTS();
	SetScales(r, df);
	for (int i = 0; i < r->nscales; i++)
		sum += r->density[i] * RangeUpper(r, q * r->scale[i]);
	return Min(sum / r->total, 1);
}

/*
 * The quantile of the studentized range of k means; df may be infinite.  Found by false position,
 * where the end that stays is pulled in (the Illinois method).
 */
double
CsStudentizedRangeQuantile(CsStudentizedRange *r, double probability, double df)
{
	double		low = 0,
				high = 4,
				at_low = probability,
				at_high;

	while ((at_high = CsStudentizedRangeUpper(r, high, df) - (1 - probability)) > 0 && high < 1e8)
	{
		low = high;
		at_low = at_high;
		high *= 2;
	}
	for (int i = 0, stayed = 0; i < 100 && high - low > 1e-12 * high; i++)
	{
		double		middle = low + (high - low) * at_low / (at_low - at_high),
					here = CsStudentizedRangeUpper(r, middle, df) - (1 - probability);

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
