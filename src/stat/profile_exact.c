/*
 * profile_exact.c
 *	  Who is in each segment, by a pass whose sums are exact: the last pass of a training.
 *
 * A row is in the segment that a part before has found, or in that of the nearest centre.  What is summed up
 * is what profile.c sums up: rows, distances, values in their own units, levels; and, by
 * weight, the squared distances to the centre and to the mean of all rows.
 */
#include "custseg.h"

#include <math.h>

#include "algo/algo.h"
#include "algo/kmeans_exact.h"
#include "stat/profile_exact.h"

/* Sums of a segment before those of its features: distances, squared distances. */
#define HEAD 2

typedef struct Profile
{
	int			k;
	int			d;
	int			nprofile;
	int			nnumbers;		/* features that are numbers */
	CsFitted   *model;
	double	   *mean;
	int			exponent[3];	/* of distances, of their squares, and of these by weight */
	double		scale[3];
	int		   *value_exponent; /* of each feature that is a number */
	double	   *value_size,		/* a power of two that values are taken times, for tiny ones would be few units */
			   *value_scale;
	int			counts,			/* sections: rows, values of each feature, and levels, of each segment */
				sums,			/* of each segment */
				squares;		/* inertia, total */
} Profile;

/* Write the plan of the last pass. */
void
CsExactProfilePlan(const CsExactProfile *p, const CsPipeline *pipeline, JsonbParseState **json)
{
	double	   *values = palloc(sizeof(double) * pipeline->nfeatures);
	int			n = 0;

	for (int i = 0; i < pipeline->nfeatures; i++)
		if (pipeline->feature[i].kind != CS_CATEGORICAL)
			values[n++] = p->values[i];
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsProfilePass.name);
	CsJsonInteger(json, "rows", p->nrows);
	CsJsonNumber(json, "heaviest", p->heaviest);
	CsJsonNumbers(json, "reach", p->reach, p->d, 1);
	CsJsonNumbers(json, "values", values, n, 1);
	CsJsonNumbers(json, "mean", p->mean, p->d, 1);
	CsJsonArray(json, "centers");
	for (int c = 0; c < p->k; c++)
		CsJsonNumbers(json, NULL, p->centers + (Size) c * p->d, p->d, 1);
	(void) CsJsonEnd(json);
	(void) CsJsonEnd(json);
	pfree(values);
}

static void *
OpenProfile(CsTally *pass, const CsJsonReader *plan)
{
	Profile    *p = palloc0(sizeof(Profile));
	const CsPipeline *pipeline = pass->pipeline;
	double		nrows = (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX);
	double		heaviest = CsJsonReadNumber(plan, "heaviest");
	double		square = 0;
	int			d = pipeline->noutputs;
	double	   *reach = palloc(sizeof(double) * d);
	double	   *centers,
			   *values;

	CsJsonReadShape(plan, "centers", &p->k, &p->d);
	if (p->k < 1 || p->k > CS_MAX_SEGMENTS || p->d != d)
		CsJsonReject(plan, "centers", "has %d arrays of %d elements where there are %d columns", p->k, p->d, d);
	centers = palloc_extended(sizeof(double) * p->k * d, MCXT_ALLOC_HUGE);
	CsJsonReadRows(plan, "centers", p->k, d, centers, d, 1);
	p->model = CsFittedOfCenters(p->k, d, centers);
	p->mean = palloc(sizeof(double) * d);
	CsJsonReadNumbers(plan, "mean", d, p->mean, 1);
	CsJsonReadNumbers(plan, "reach", d, reach, 1);
	for (int j = 0; j < d; j++)
		square += 4 * reach[j] * reach[j];
	p->exponent[0] = CsExactExponent(sqrt(square), nrows);
	p->exponent[1] = CsExactExponent(square, nrows);
	p->exponent[2] = CsExactExponent(square * heaviest, nrows);
	for (int i = 0; i < 3; i++)
		p->scale[i] = CsExactScale(p->exponent[i]);
	p->nprofile = CsProfileSize(pipeline);
	for (int i = 0; i < pipeline->nfeatures; i++)
		p->nnumbers += pipeline->feature[i].kind != CS_CATEGORICAL;
	values = palloc(sizeof(double) * Max(p->nnumbers, 1));
	CsJsonReadNumbers(plan, "values", p->nnumbers, values, 1);
	p->value_exponent = palloc(sizeof(int) * Max(p->nnumbers, 1));
	p->value_size = palloc(sizeof(double) * Max(p->nnumbers, 1));
	p->value_scale = palloc(sizeof(double) * Max(p->nnumbers, 1));
	for (int i = 0; i < p->nnumbers; i++)
	{
		p->value_size[i] = CsScaleOf(values[i]);
		p->value_exponent[i] = CsExactExponent(values[i] * p->value_size[i], nrows);
		p->value_scale[i] = CsExactScale(p->value_exponent[i]);
	}
	p->counts = CsTallySection(pass, CS_SECTION_COUNTS, p->k * ((int64) 1 + pipeline->nfeatures + p->nprofile), 1);
	p->sums = CsTallySection(pass, CS_SECTION_SUMS, p->k * ((int64) HEAD + p->nnumbers), 1);
	p->squares = CsTallySection(pass, CS_SECTION_SUMS, 2, 1);
	return p;
}

/* Add the row's values to its segment. */
static void
AddValues(const CsTally *pass, const Profile *p, int64 *counts, CsExact *sums)
{
	const CsPipeline *pipeline = pass->pipeline;
	int64	   *levels = counts + 1 + pipeline->nfeatures;
	int			number = 0;

	for (int i = 0; i < pipeline->nfeatures; i++)
	{
		const CsFeature *f = &pipeline->feature[i];
		double		x = isnan(pass->raw[i]) ? f->fill : pass->raw[i];

		if (f->kind == CS_CATEGORICAL)
		{
			if (x >= 0 && x < f->nlevels)
				levels[(int) x]++;
		}
		else
		{
			if (!isnan(x))
			{
				counts[1 + i]++;
				CsTallySum(&sums[HEAD + number], x * p->value_size[number], p->value_scale[number]);
			}
			number++;
		}
		levels += CsProfileWidth(f);
	}
}

static void
AddProfile(CsTally *pass, void *own, CsTallyState *state)
{
	const Profile *p = own;
	CsAssignment a;
	double		square,
				total = 0;
	int64	   *counts;
	CsExact    *sums,
			   *squares = CsTallySums(pass, state, p->squares);

	if (pass->label >= 0 && pass->label < p->k)
	{
		a.index = pass->label;
		a.distance = sqrt(CsSquaredToCenter(p->model, pass->z, pass->label));
	}
	else if (!CsAssignNearest(p->model, pass->z, &a, NULL))
		CsTallyRowsChanged();
	CsTallyLabel(pass, a.index, NULL);
	square = a.distance * a.distance;
	counts = CsTallyCounts(pass, state, p->counts) + a.index * ((Size) 1 + pass->pipeline->nfeatures + p->nprofile);
	sums = CsTallySums(pass, state, p->sums) + a.index * ((Size) HEAD + p->nnumbers);
	counts[0]++;
	CsTallySum(&sums[0], a.distance, p->scale[0]);
	CsTallySum(&sums[1], square, p->scale[1]);
	AddValues(pass, p, counts, sums);
	for (int j = 0; j < p->d; j++)
	{
		double		off = pass->z[j] - p->mean[j];

		total += off * off;
	}
	CsTallySum(&squares[0], pass->row_weight * square, p->scale[2]);
	CsTallySum(&squares[1], pass->row_weight * total, p->scale[2]);
}

const CsTallyKind CsProfilePass = {"profile", .is_prepared = true, .open = OpenProfile, .add = AddProfile};

/* A segment of the rows that were added; its means are palloc'd. */
CsSegmentProfile
CsExactProfileSegment(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int segment)
{
	const Profile *p = part->own;
	const CsPipeline *pipeline = pass->pipeline;
	const int64 *counts = CsTallyCounts(pass, state, p->counts) +
		segment * ((Size) 1 + pipeline->nfeatures + p->nprofile);
	const CsExact *sums = CsTallySums(pass, state, p->sums) + segment * ((Size) HEAD + p->nnumbers);
	CsSegmentProfile result = {.n = counts[0],.means = palloc(sizeof(double) * p->nprofile)};
	int			at = 0,
				number = 0;

	if (result.n > 0)
	{
		result.distances = CsExactValue(&sums[0], p->exponent[0]);
		result.mean_distance = result.distances / (double) result.n;
		result.spread = sqrt(CsExactValue(&sums[1], p->exponent[1]) / (double) result.n);
	}
	for (int i = 0; i < pipeline->nfeatures; i++)
	{
		const CsFeature *f = &pipeline->feature[i];

		if (f->kind == CS_CATEGORICAL)
			for (int level = 0; level < f->nlevels; level++)
				result.means[at + level] = result.n > 0 ?
					(double) counts[1 + pipeline->nfeatures + at + level] / (double) result.n : 0;
		else
		{
			result.means[at] = counts[1 + i] == 0 ? f->mean :
				CsExactMean(&sums[HEAD + number], p->value_exponent[number], (double) counts[1 + i]) / p->value_size[number];
			number++;
		}
		at += CsProfileWidth(f);
	}
	return result;
}

/* Sum of weight times squared distance to the centre, over all rows, and *total: to the mean of all. */
double
CsExactProfileInertia(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, double *total)
{
	const Profile *p = part->own;
	const CsExact *squares = CsTallySums(pass, state, p->squares);

	*total = CsExactValue(&squares[1], p->exponent[2]);
	return CsExactValue(&squares[0], p->exponent[2]);
}
