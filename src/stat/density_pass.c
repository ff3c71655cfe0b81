/*
 * density_pass.c
 *	  A kernel density by a pass, for values that nobody holds.
 *
 * Each value adds to the points within reach of it, exactly, so that the density does not depend on how rows are laid out.
 * What is added is that which CsKernelDensity() adds up.
 */
#include "custseg.h"

#include <math.h>

#include "math/search.h"
#include "stat/density_pass.h"
#include "stat/describe.h"

/* Points that a value is added to at a time. */
#define TERMS 64

typedef struct Density
{
	int			npoints;
	double		bandwidth;
	double	   *points,			/* ascending, */
			   *from,			/* and the values that each has: from this one on, */
			   *to;				/* and below that one */
	int			exponent;
	double		scale;
	int			sums;			/* section */
} Density;

/* Write the plan: the points ascend. */
void
CsDensityPlan(JsonbParseState **json, const double *points, int npoints, double bandwidth, int64 nrows)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsDensityPass.name);
	CsJsonInteger(json, "rows", nrows);
	CsJsonNumber(json, "bandwidth", bandwidth);
	CsJsonNumbers(json, "points", points, npoints, 1);
	(void) CsJsonEnd(json);
}

/* CsTallyKind.open */
static void *
OpenDensity(CsTally *pass, const CsJsonReader *plan)
{
	Density    *own = palloc0(sizeof(Density));
	int			n = JsonContainerSize(CsJsonReadArray(plan, "points", 0, CS_DENSITY_MOST));

	if (pass->nnumbers < 1)
		CsJsonReject(plan, "points", "are of a number, and there is none");
	own->npoints = n;
	own->bandwidth = CsJsonReadNumber(plan, "bandwidth");
	if (!(own->bandwidth > 0))
		CsJsonReject(plan, "bandwidth", "must be above 0");
	own->points = palloc(sizeof(double) * Max(n, 1));
	own->from = palloc(sizeof(double) * Max(n, 1));
	own->to = palloc(sizeof(double) * Max(n, 1));
	CsJsonReadNumbers(plan, "points", n, own->points, 1);
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && own->points[i] < own->points[i - 1])
			CsJsonReject(plan, "points", "must ascend");
		own->from[i] = own->points[i] - CS_KERNEL_REACH * own->bandwidth;
		own->to[i] = own->points[i] + CS_KERNEL_REACH * own->bandwidth;
	}
	own->exponent = CsExactExponent(1, (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX));
	own->scale = CsExactScale(own->exponent);
	own->sums = CsTallySection(pass, CS_SECTION_SUMS, n, 1);
	return own;
}

/* For CsCountBefore(): does a point's reach end at a value, or before it? */
static bool
EndsUpTo(const void *to, const void *value)
{
	return *(const double *) to <= *(const double *) value;
}

/* The first point that is within reach of a value or above it. */
static int
FirstPoint(const Density *d, double x)
{
	return (int) CsCountBefore(&x, d->to, d->npoints, sizeof(double), EndsUpTo);
}

/* CsTallyKind.add */
static void
AddDensity(CsTally *pass, void *part, CsTallyState *state)
{
	const Density *d = part;
	CsExact    *sums = CsTallySums(pass, state, d->sums);
	double		x = pass->number[0];
	double		terms[TERMS];
	int			n;

	if (!isfinite(x))
		return;
	for (int first = FirstPoint(d, x); first < d->npoints && d->from[first] <= x; first += n)
	{
		for (n = 0; n < TERMS && first + n < d->npoints && d->from[first + n] <= x; n++)
		{
			double		z = (x - d->points[first + n]) / d->bandwidth;

			terms[n] = -z * z / 2;
		}
		for (int i = n; i < TYPEALIGN(8, n); i++)
			terms[i] = -1000;	/* exp() of it is 0 */
		CsExp(TYPEALIGN(8, n), terms);
		for (int i = 0; i < n; i++)
			CsTallySum(&sums[first + i], terms[i], d->scale);
	}
}

/* Read the density of n >= 1 values at each point. */
void
CsDensityRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 n, double *density)
{
	const Density *d = part->own;
	const CsExact *sums = CsTallySums(pass, state, d->sums);

	for (int i = 0; i < d->npoints; i++)
		density[i] = CsExactValue(&sums[i], d->exponent) / ((double) n * d->bandwidth * sqrt(2 * M_PI));
}

const CsTallyKind CsDensityPass = {"density", .open = OpenDensity, .add = AddDensity};
