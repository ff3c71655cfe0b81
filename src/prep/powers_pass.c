/*
 * powers_pass.c
 *	  The moments of numbers up to the second or the fourth, summed exactly.
 *
 * Deviations are from a middle that is the mean but for its last bits, so that nothing is lost when the sums become
 * moments, and times a power of two that brings the farthest to 1 or a little more.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "prep/powers_pass.h"

#define POWERS CS_POWERS_MOST

typedef struct PowersColumn
{
	bool		is_asked;
	double		middle;
	double		size;			/* that deviations are taken times */
	double		largest;		/* magnitude of a value */
	int			exponent[POWERS];
	double		scale[POWERS];
} PowersColumn;

typedef struct Powers
{
	int			counts,			/* sections: values and fractions, */
				sums;
	bool		placed;			/* rows count that a part before has put into a segment; else all do */
	int			npowers;
	int			ncolumns;
	PowersColumn *columns;
} Powers;

/* Write the plan, of all rows or of those that have been placed. */
static void
PlanPowers(JsonbParseState **json, bool placed, int npowers, int n, const double *middle, const double *reach, int64 nrows)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsPowersPass.name);
	CsJsonBool(json, "placed", placed);
	CsJsonInteger(json, "powers", npowers);
	CsJsonInteger(json, "rows", nrows);
	CsJsonNumbers(json, "middle", middle, n, 1);
	CsJsonNumbers(json, "reach", reach, n, 1);
	(void) CsJsonEnd(json);
}

/*
 * Write the plan of the first powers, CS_POWERS_LEAST to CS_POWERS_MOST, of n numbers, whose finite values are not further
 * from a middle than "reach"; -1: the number is not asked for.
 */
void
CsPowersPlan(JsonbParseState **json, int npowers, int n, const double *middle, const double *reach, int64 nrows)
{
	PlanPowers(json, false, npowers, n, middle, reach, nrows);
}

/* Likewise of the rows that a part before has put into a segment. */
void
CsPowersPlanPlaced(JsonbParseState **json, int npowers, int n, const double *middle, const double *reach, int64 nrows)
{
	PlanPowers(json, true, npowers, n, middle, reach, nrows);
}

/* CsTallyKind.open */
static void *
OpenPowers(CsTally *pass, const CsJsonReader *plan)
{
	Powers	   *own = palloc0(sizeof(Powers));
	double		nrows = (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX);
	int			n = JsonContainerSize(CsJsonReadArray(plan, "middle", 0, pass->nnumbers));
	double	   *middle = palloc(sizeof(double) * Max(n, 1));
	double	   *reach = palloc(sizeof(double) * Max(n, 1));

	CsJsonReadNumbers(plan, "middle", n, middle, 1);
	CsJsonReadNumbers(plan, "reach", n, reach, 1);
	own->placed = CsJsonReadBool(plan, "placed");
	own->npowers = (int) CsJsonReadInteger(plan, "powers", CS_POWERS_LEAST, CS_POWERS_MOST);
	own->ncolumns = n;
	own->columns = palloc(sizeof(PowersColumn) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		PowersColumn *c = &own->columns[i];
		double		power = 1;

		c->is_asked = reach[i] >= 0;
		c->middle = middle[i];
		c->largest = Min(fabs(middle[i]) + Max(reach[i], 0), DBL_MAX);
		c->size = CsScaleOf(reach[i]);
		for (int k = 0; k < POWERS; k++)
		{
			power *= reach[i] * c->size;
			c->exponent[k] = CsExactExponent(power, nrows);
			c->scale[k] = CsExactScale(c->exponent[k]);
		}
	}
	own->counts = CsTallySection(pass, CS_SECTION_COUNTS, 2 * (int64) n, 1);
	own->sums = CsTallySection(pass, CS_SECTION_SUMS, own->npowers * (int64) n, 1);
	return own;
}

/* CsTallyKind.add */
static void
AddRowPowers(CsTally *pass, void *opaque, CsTallyState *state)
{
	const Powers *own = opaque;
	int64	   *counts = CsTallyCounts(pass, state, own->counts);
	CsExact    *sums = CsTallySums(pass, state, own->sums);

	if (own->placed && pass->label < 0)
		return;
	for (int i = 0; i < own->ncolumns; i++)
	{
		const PowersColumn *c = &own->columns[i];
		CsExact    *of_column = sums + (Size) own->npowers * i;
		double		x = pass->number[i],
					off,
					power = 1;

		if (!c->is_asked || !isfinite(x))
			continue;
		off = (x - c->middle) * c->size;
		counts[2 * i]++;
		counts[2 * i + 1] += x != rint(x);
		for (int k = 0; k < own->npowers; k++)
		{
			power *= off;
			CsTallySum(&of_column[k], power, c->scale[k]);
		}
	}
}

/* The moments of a number; those above the powers that were summed are 0. */
static CsMoments
MomentsOf(const PowersColumn *c, int npowers, const CsExact *sums, int64 count)
{
	CsMoments	m = {.n = count,.scale = CsScaleOf(c->largest)};
	double		n = (double) count,
				factor = m.scale / c->size,
				s[POWERS] = {0},
				off;

	for (int k = 0; k < npowers; k++)
		s[k] = CsExactMean(&sums[k], c->exponent[k], n);
	off = s[0];
	m.mean = c->middle * m.scale;
	m.rest = off * factor;
	m.m2 = n * Max(s[1] - off * off, 0) * factor * factor;
	if (npowers < POWERS)
		return m;
	m.m3 = n * (s[2] - 3 * off * s[1] + 2 * off * off * off) * factor * factor * factor;
	m.m4 = n * Max(s[3] - 4 * off * s[2] + 6 * off * off * s[1] - 3 * off * off * off * off, 0) *
		(factor * factor) * (factor * factor);
	return m;
}

/* Read the moments of the numbers, and how many values of each have a fraction; those that are not asked for stay as they are. */
void
CsPowersRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, CsMoments *moments,
			 int64 *n_fractions)
{
	const Powers *own = part->own;
	const int64 *counts = CsTallyCounts(pass, state, own->counts);
	const CsExact *sums = CsTallySums(pass, state, own->sums);

	for (int i = 0; i < own->ncolumns; i++)
	{
		if (!own->columns[i].is_asked || counts[2 * i] == 0)
			continue;
		moments[i] = MomentsOf(&own->columns[i], own->npowers, sums + (Size) own->npowers * i, counts[2 * i]);
		n_fractions[i] = counts[2 * i + 1];
	}
}

const CsTallyKind CsPowersPass = {"powers", .open = OpenPowers, .add = AddRowPowers};
