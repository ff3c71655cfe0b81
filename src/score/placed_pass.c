/*
 * placed_pass.c
 *	  A version placing the rows of a pass: how many are in each segment, and how far from its centre.
 *
 * The version travels as its definition, which is checked where it arrives as any other is.  Distances are added
 * exactly, so that their sums do not depend on how the rows are laid out.  The parts that follow find the segment as the
 * label of the row.
 */
#include "custseg.h"

#include <math.h>

#include "score/placed_pass.h"

typedef struct Placed
{
	CsPassScorer version;
	int			exponent[2];	/* of distances and their squares */
	double		scale[2];
	int			density_exponent;
	double		density_scale;
	int			counts,			/* sections: rows of each segment, those without one, and rows that have a distance */
				sums,			/* -1: how far rows are is still to be found */
				farthest,		/* -1: it has been */
				densities;		/* -1: these are not asked for */
} Placed;

/* Write which version it is, and which number, or text, of a row each of its features is: members of a part. */
void
CsPassScorerPlan(JsonbParseState **json, const CsScorer *scorer, const int *columns)
{
	CsJsonArray(json, "columns");
	for (int i = 0; i < CsScorerPipeline(scorer)->nfeatures; i++)
		CsJsonInteger(json, NULL, columns[i]);
	(void) CsJsonEnd(json);
	CsJsonJsonb(json, "definition", CsScorerToJsonb(scorer));
}

/* Read a version of a plan; palloc'd in CurrentMemoryContext. */
void
CsPassScorerOpen(const CsTally *pass, const CsJsonReader *plan, CsPassScorer *s)
{
	const CsPipeline *p;
	CsJsonEach	each;

	s->scorer = CsScorerFromJsonb(CsJsonReadJsonb(plan, "definition"));
	CsScoringInit(&s->scoring, s->scorer, CurrentMemoryContext);
	p = CsScorerPipeline(s->scorer);
	s->columns = palloc(sizeof(int) * p->nfeatures);
	each = CsJsonEachOf(CsJsonReadArray(plan, "columns", p->nfeatures, p->nfeatures));
	while (CsJsonNext(&each))
	{
		bool		is_text = p->feature[each.at].kind == CS_CATEGORICAL;
		int64		column;

		if (!CsJsonGetInteger(&each.value, 0, (int64) (is_text ? pass->nlevels : pass->nnumbers) - 1, &column))
			CsJsonReject(plan, "columns", "has an element that is out of range");
		s->columns[each.at] = (int) column;
	}
}

/* Place the row at hand; false: it cannot be placed. */
bool
CsPassScorerPlace(const CsTally *pass, CsPassScorer *s, CsAssignment *placed)
{
	return CsPassScorerPlaceWith(pass, s, placed, NULL);
}

/* Likewise; OUT its memberships of all segments, unless that is NULL. */
bool
CsPassScorerPlaceWith(const CsTally *pass, CsPassScorer *s, CsAssignment *placed, double *memberships)
{
	const CsPipeline *p = CsScorerPipeline(s->scorer);

	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		int			column = s->columns[i];

		s->scoring.raw[i] = f->kind == CS_CATEGORICAL ?
			CsFeatureLevel(p, f, pass->text[column], pass->length[column]) : pass->number[column];
	}
	return CsScoringTry(&s->scoring, placed, memberships);
}

/*
 * Write the plan of how rows are placed.  "farthest" is how far from its centre the farthest one is, as such a pass has
 * told that did not know it, with a negative number.
 */
void
CsPlacedPlan(JsonbParseState **json, const CsScorer *scorer, const int *columns, int64 nrows, double farthest)
{
	CsPlacedPlanDensities(json, scorer, columns, nrows, farthest, -1);
}

/*
 * Likewise.  With the farthest one the logs of densities are added up, too, of which none is further from 0 than "density";
 * below 0: they are not.
 */
void
CsPlacedPlanDensities(JsonbParseState **json, const CsScorer *scorer, const int *columns, int64 nrows, double farthest,
					  double density)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsPlacedPass.name);
	CsJsonInteger(json, "rows", nrows);
	if (farthest >= 0)
		CsJsonNumber(json, "farthest", farthest);
	if (density >= 0)
		CsJsonNumber(json, "density", density);
	CsPassScorerPlan(json, scorer, columns);
	(void) CsJsonEnd(json);
}

/* CsTallyKind.open: without the farthest distance the pass looks for it, with it distances are summed up. */
static void *
OpenPlaced(CsTally *pass, const CsJsonReader *plan)
{
	Placed	   *p = palloc0(sizeof(Placed));
	double		nrows = (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX);
	JsonbValue	value;
	double		farthest;
	int			n;

	CsPassScorerOpen(pass, plan, &p->version);
	pass->nplaced = p->version.scorer->ncolumns;
	n = p->version.scorer->nsegments;
	if (n < 1)
		CsJsonReject(plan, "definition", "has no segments");
	p->counts = CsTallySection(pass, CS_SECTION_COUNTS, 2 * (int64) n + 1, 1);
	p->sums = p->farthest = p->densities = -1;
	if (!CsJsonReadMember(plan, "farthest", &value))
	{
		p->farthest = CsTallySection(pass, CS_SECTION_HIGHEST, 1, 1);
		return p;
	}
	farthest = CsJsonReadNumber(plan, "farthest");
	p->exponent[0] = CsExactExponent(farthest, nrows);
	p->exponent[1] = CsExactExponent(farthest * farthest, nrows);
	for (int i = 0; i < 2; i++)
		p->scale[i] = CsExactScale(p->exponent[i]);
	p->sums = CsTallySection(pass, CS_SECTION_SUMS, 2 * (int64) n, 1);
	if (!CsJsonReadMember(plan, "density", &value))
		return p;
	if (p->version.scoring.algorithm->log_density == NULL)
		CsJsonReject(plan, "density", "is of a version without densities");
	p->density_exponent = CsExactExponent(CsJsonReadNumber(plan, "density"), nrows);
	p->density_scale = CsExactScale(p->density_exponent);
	p->densities = CsTallySection(pass, CS_SECTION_SUMS, 1, 1);
	return p;
}

/* The log of the density of the row at hand, which has been placed by a version that has densities. */
static inline double
LogDensity(const Placed *p)
{
	return p->version.scoring.algorithm->log_density(&p->version.scoring.fitted, p->version.scoring.z);
}

/* CsTallyKind.add: place the row, and count it where it belongs. */
static void
AddPlaced(CsTally *pass, void *own, CsTallyState *state)
{
	Placed	   *p = own;
	int			n = p->version.scorer->nsegments;
	int64	   *counts = CsTallyCounts(pass, state, p->counts);
	CsAssignment placed;
	CsDistances distance = {0};
	CsExact    *sums;

	CsTallyLabel(pass, -1, NULL);
	if (!CsPassScorerPlace(pass, &p->version, &placed) || placed.index < 0)
	{
		counts[n]++;
		return;
	}
	CsTallyLabel(pass, placed.index, p->version.scoring.z);
	counts[placed.index]++;
	if (p->densities >= 0)
		CsTallySum(CsTallySums(pass, state, p->densities), LogDensity(p), p->density_scale);
	CsDistancesAdd(&distance, &p->version.scoring.fitted, p->version.scoring.z, placed.index);
	if (distance.n == 0)
		return;
	counts[n + 1 + placed.index]++;
	if (p->farthest >= 0)
	{
		double	   *farthest = CsTallyNumbers(pass, state, p->farthest);

		*farthest = Max(*farthest, distance.sum);
		return;
	}
	sums = CsTallySums(pass, state, p->sums);
	CsTallySum(&sums[2 * placed.index], distance.sum, p->scale[0]);
	CsTallySum(&sums[2 * placed.index + 1], distance.squares, p->scale[1]);
}

/*
 * Read how many rows there are in each segment and how many have none; returns how far from its centre the farthest
 * one is, -1 where the pass has been told that.
 */
double
CsPlacedRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 *rows, int64 *n_unplaced)
{
	const Placed *p = part->own;
	int			n = p->version.scorer->nsegments;
	const int64 *counts = CsTallyCounts(pass, state, p->counts);

	memcpy(rows, counts, sizeof(int64) * n);
	*n_unplaced = counts[n];
	return p->farthest < 0 ? -1 : Max(*CsTallyNumbers(pass, state, p->farthest), 0);
}

/* Read how far the rows of each segment are from its centre, of a pass that has been told the farthest one. */
void
CsPlacedDistances(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, CsDistances *distances)
{
	const Placed *p = part->own;
	int			n = p->version.scorer->nsegments;
	const int64 *counts = CsTallyCounts(pass, state, p->counts) + n + 1;
	const CsExact *sums = CsTallySums(pass, state, p->sums);

	for (int i = 0; i < n; i++)
		distances[i] = (CsDistances) {
			(double) counts[i],
			CsExactValue(&sums[2 * i], p->exponent[0]),
			CsExactValue(&sums[2 * i + 1], p->exponent[1])
		};
}

/* Read the sum of the logs of densities, of a pass that has been told how far from 0 these are. */
double
CsPlacedDensities(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state)
{
	const Placed *p = part->own;

	return CsExactValue(CsTallySums(pass, state, p->densities), p->density_exponent);
}

const CsTallyKind CsPlacedPass = {"placed", .open = OpenPlaced, .add = AddPlaced};

typedef struct PlacedRange
{
	const Placed *placed;		/* by whom rows are */
	bool		has_densities;
	int			n;				/* columns; their lowest values come first, then those of densities */
	int			lowest,			/* sections */
				highest;
} PlacedRange;

/* Write the plan. */
void
CsPlacedRangePlan(JsonbParseState **json)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsPlacedRangePass.name);
	(void) CsJsonEnd(json);
}

/* CsTallyKind.open */
static void *
OpenPlacedRange(CsTally *pass, const CsJsonReader *plan)
{
	PlacedRange *r = palloc0(sizeof(PlacedRange));

	for (int i = 0; i + 1 < pass->nparts; i++)
		if (pass->parts[i].kind == &CsPlacedPass)
			r->placed = pass->parts[i].own;
	if (r->placed == NULL)
		CsJsonReject(plan, "pass", "must come after one that places rows");
	r->has_densities = r->placed->version.scoring.algorithm->log_density != NULL;
	r->n = r->placed->version.scorer->ncolumns;
	r->lowest = CsTallySection(pass, CS_SECTION_LOWEST, (int64) r->n + r->has_densities, 1);
	r->highest = CsTallySection(pass, CS_SECTION_HIGHEST, (int64) r->n + r->has_densities, 1);
	return r;
}

/* CsTallyKind.add */
static void
AddPlacedRange(CsTally *pass, void *own, CsTallyState *state)
{
	const PlacedRange *r = own;
	double	   *lowest = CsTallyNumbers(pass, state, r->lowest);
	double	   *highest = CsTallyNumbers(pass, state, r->highest);

	if (pass->placed != r->placed->version.scoring.z)
		return;
	for (int i = 0; i < r->n + r->has_densities; i++)
	{
		double		x = i < r->n ? r->placed->version.scoring.z[i] : LogDensity(r->placed);

		lowest[i] = Min(lowest[i], x);
		highest[i] = Max(highest[i], x);
	}
}

/* How far from 0 the values between two ends are; 0 where there are none. */
static double
ReachOfEnds(double lowest, double highest)
{
	return lowest <= highest ? Max(fabs(lowest), fabs(highest)) : 0;
}

/* Read how far from 0 rows are, and logs of densities, -1 without these.  Returns whether all of it is finite. */
bool
CsPlacedRangeRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, double *reach, double *density)
{
	const PlacedRange *r = part->own;
	const double *lowest = CsTallyNumbers(pass, state, r->lowest);
	const double *highest = CsTallyNumbers(pass, state, r->highest);
	bool		all_finite = true;

	*density = r->has_densities ? ReachOfEnds(lowest[r->n], highest[r->n]) : -1;
	for (int i = 0; i < r->n; i++)
	{
		reach[i] = ReachOfEnds(lowest[i], highest[i]);
		all_finite &= isfinite(reach[i]) != 0;
	}
	return all_finite && isfinite(*density);
}

const CsTallyKind CsPlacedRangePass = {"placed_range", .open = OpenPlacedRange, .add = AddPlacedRange};
