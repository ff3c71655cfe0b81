/*
 * validity_exact.c
 *	  What indices of a clustering need of its segments, by passes whose sums are exact.
 *
 * Two passes, as in moments.c.  The first measures rows from the centers of a model, and finds the means of their
 * segments; the second measures them from these means, which for a mixture are not its centers.
 */
#include "custseg.h"

#include <math.h>

#include "algo/algo.h"
#include "algo/kmeans_exact.h"
#include "stat/validity_exact.h"

/* A part of a pass. */
typedef struct Validity
{
	int			k;
	int			d;
	bool		is_labelled;
	CsFitted   *model;
	CsFitted   *measured;		/* the centers that distances are measured from; may be the model itself */
	double	   *from;			/* the same row by row */
	int		   *exponent;		/* d: of deviations */
	double	   *scale;
	int			distance_exponent,
				square_exponent,
				inertia_exponent;
	double		distance_scale,
				square_scale,
				inertia_scale;
	int			counts,			/* sections, of each segment */
				offs,
				distances,
				squares,
				inertia;		/* of all */
} Validity;

/* Write an array of k arrays of d numbers. */
static void
WriteCenters(JsonbParseState **json, const char *key, const double *centers, int k, int d)
{
	CsJsonArray(json, key);
	for (int c = 0; c < k; c++)
		CsJsonNumbers(json, NULL, centers + (Size) c * d, d, 1);
	(void) CsJsonEnd(json);
}

/* Write the plan. */
void
CsExactValidityPlan(const CsExactValidity *v, JsonbParseState **json)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", v->is_placed ? CsPlacedValidityPass.name : CsValidityPass.name);
	CsJsonInteger(json, "rows", v->nrows);
	CsJsonNumber(json, "heaviest", v->heaviest);
	CsJsonBool(json, "labelled", v->is_labelled);
	CsJsonNumbers(json, "reach", v->reach, v->d, 1);
	WriteCenters(json, "centers", v->centers, v->k, v->d);
	if (v->from != NULL)
		WriteCenters(json, "from", v->from, v->k, v->d);
	(void) CsJsonEnd(json);
}

/* The centers of a key as a model, and row by row. */
static CsFitted *
ReadCenters(const CsJsonReader *plan, const char *key, int k, int d, double **rows)
{
	*rows = palloc_extended(sizeof(double) * k * d, MCXT_ALLOC_HUGE);
	CsJsonReadRows(plan, key, k, d, *rows, d, 1);
	return CsFittedOfCenters(k, d, *rows);
}

/* Read the plan of a part of rows of d columns. */
static Validity *
ReadValidity(CsTally *pass, const CsJsonReader *plan, int d)
{
	Validity   *v = palloc0(sizeof(Validity));
	double		nrows = (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX);
	double		heaviest = CsJsonReadNumber(plan, "heaviest");
	double		square = 0;
	double	   *reach = palloc(sizeof(double) * d);
	JsonbValue	value;

	CsJsonReadShape(plan, "centers", &v->k, &v->d);
	if (v->k < 1 || v->k > CS_MAX_SEGMENTS || v->d != d)
		CsJsonReject(plan, "centers", "has %d arrays of %d elements where there are %d columns", v->k, v->d, d);
	v->is_labelled = CsJsonReadBool(plan, "labelled");
	v->model = v->measured = ReadCenters(plan, "centers", v->k, d, &v->from);
	if (CsJsonReadMember(plan, "from", &value))
		v->measured = ReadCenters(plan, "from", v->k, d, &v->from);
	CsJsonReadNumbers(plan, "reach", d, reach, 1);
	v->exponent = palloc(sizeof(int) * d);
	v->scale = palloc(sizeof(double) * d);
	for (int j = 0; j < d; j++)
	{
		square += 4 * reach[j] * reach[j];
		v->exponent[j] = CsExactExponent(2 * reach[j], nrows);
		v->scale[j] = CsExactScale(v->exponent[j]);
	}
	v->distance_exponent = CsExactExponent(sqrt(square), nrows);
	v->square_exponent = CsExactExponent(square, nrows);
	v->inertia_exponent = CsExactExponent(square * heaviest, nrows);
	v->distance_scale = CsExactScale(v->distance_exponent);
	v->square_scale = CsExactScale(v->square_exponent);
	v->inertia_scale = CsExactScale(v->inertia_exponent);
	v->counts = CsTallySection(pass, CS_SECTION_COUNTS, v->k, 1);
	v->offs = CsTallySection(pass, CS_SECTION_SUMS, (int64) v->k * d, 1);
	v->distances = CsTallySection(pass, CS_SECTION_SUMS, v->k, 1);
	v->squares = CsTallySection(pass, CS_SECTION_SUMS, v->k, 1);
	v->inertia = CsTallySection(pass, CS_SECTION_SUMS, 1, 1);
	return v;
}

/* CsTallyKind.open */
static void *
OpenValidity(CsTally *pass, const CsJsonReader *plan)
{
	return ReadValidity(pass, plan, pass->pipeline->noutputs);
}

/* CsTallyKind.open */
static void *
OpenPlacedValidity(CsTally *pass, const CsJsonReader *plan)
{
	return ReadValidity(pass, plan, pass->nplaced);
}

/* The segment of the row at hand. */
static int
SegmentOf(const CsTally *pass, const Validity *v)
{
	CsAssignment a = {0};

	if (v->is_labelled)
		a.index = pass->label;
	else if (!CsAssignNearest(v->model, pass->z, &a, NULL))
		a.index = -1;
	return a.index;
}

/* Add a row that is in a segment. */
static void
AddRow(CsTally *pass, const Validity *v, CsTallyState *state, const double *z, int segment)
{
	double		square;
	const double *from;
	CsExact    *offs;

	if (segment < 0 || segment >= v->k)
		CsTallyRowsChanged();
	square = CsSquaredToCenter(v->measured, z, segment);
	from = v->from + (Size) segment * v->d;
	offs = CsTallySums(pass, state, v->offs) + (Size) segment * v->d;
	CsTallyCounts(pass, state, v->counts)[segment]++;
	for (int j = 0; j < v->d; j++)
		CsTallySum(&offs[j], z[j] - from[j], v->scale[j]);
	CsTallySum(&CsTallySums(pass, state, v->distances)[segment], sqrt(square), v->distance_scale);
	CsTallySum(&CsTallySums(pass, state, v->squares)[segment], square, v->square_scale);
	CsTallySum(CsTallySums(pass, state, v->inertia), pass->row_weight * square, v->inertia_scale);
}

/* CsTallyKind.add */
static void
AddValidity(CsTally *pass, void *own, CsTallyState *state)
{
	AddRow(pass, own, state, pass->z, SegmentOf(pass, own));
}

/* CsTallyKind.add: rows that could not be placed are left out. */
static void
AddPlacedValidity(CsTally *pass, void *own, CsTallyState *state)
{
	if (pass->placed != NULL)
		AddRow(pass, own, state, pass->placed, pass->label);
}

const CsTallyKind CsValidityPass = {"validity", .is_prepared = true, .open = OpenValidity, .add = AddValidity};
const CsTallyKind CsPlacedValidityPass = {"placed_validity", .open = OpenPlacedValidity, .add = AddPlacedValidity};

/* The mean of all rows, and how far all of them are from it, from what is known of the segments. */
static void
MeasureAll(CsSegmentMoments *s, int d)
{
	double		n = 0;

	for (int c = 0; c <= s->k; c++)
		n += (double) s->counts[c];
	for (int c = 0; c <= s->k && n > 0; c++)
		for (int j = 0; j < d; j++)
			s->mean[j] += (double) s->counts[c] / n * s->centers[(Size) c * d + j];
	for (int c = 0; c <= s->k; c++)
	{
		double		apart = 0;

		for (int j = 0; j < d; j++)
		{
			double		off = s->centers[(Size) c * d + j] - s->mean[j];

			apart += off * off;
		}
		s->total += s->squared[c] + (double) s->counts[c] * apart;
	}
}

/*
 * The moments of the segments, palloc'd: their means, those without rows what distances are measured from; distances
 * are sums of those from what they are measured from.  All rows weigh 1.  With noise the part's first segment is that, and
 * comes last.
 */
CsSegmentMoments *
CsExactValidityMoments(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, bool has_noise)
{
	const Validity *v = part->own;
	const CsExact *offs = CsTallySums(pass, state, v->offs);
	CsSegmentMoments *s = palloc0(sizeof(CsSegmentMoments));
	int			k = v->k - has_noise,
				d = v->d;

	s->k = k;
	s->counts = palloc0(sizeof(int64) * (k + 1));
	s->weights = palloc0(sizeof(double) * (k + 1));
	s->centers = palloc_extended(sizeof(double) * (k + 1) * d, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	s->distance = palloc0(sizeof(double) * (k + 1));
	s->squared = palloc0(sizeof(double) * (k + 1));
	s->mean = palloc0(sizeof(double) * d);
	for (int c = 0; c < v->k; c++)
	{
		int			at = !has_noise ? c : c == 0 ? k : c - 1;
		double		n = (double) CsTallyCounts(pass, state, v->counts)[c];

		s->counts[at] = (int64) n;
		s->weights[at] = n;
		s->distance[at] = CsExactValue(&CsTallySums(pass, state, v->distances)[c], v->distance_exponent);
		s->squared[at] = CsExactValue(&CsTallySums(pass, state, v->squares)[c], v->square_exponent);
		for (int j = 0; j < d; j++)
			s->centers[(Size) at * d + j] = v->from[(Size) c * d + j] +
				(n > 0 ? CsExactMean(&offs[(Size) c * d + j], v->exponent[j], n) : 0);
	}
	MeasureAll(s, d);
	return s;
}

/* Sum of weight times squared distance, over all rows. */
double
CsExactValidityInertia(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state)
{
	const Validity *v = part->own;

	return CsExactValue(CsTallySums(pass, state, v->inertia), v->inertia_exponent);
}
