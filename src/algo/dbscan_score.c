/*
 * dbscan_score.c
 *	  DBSCAN for rows that it was not trained on: the nearest core point within eps says which
 *	  segment a row is in; without one it is noise.
 *
 * A compiled model is a k-d tree over the core points that were kept, and their segments.  Equally
 * near core points give the segment of the one that came first in training.
 *
 * With d the distance to the nearest core point, a row is in that point's segment to the degree
 * 1 - d / (2 eps) up to eps, eps / (2 d) beyond, and noise to the rest: from 1 at a core
 * point, over a half at a distance of eps, where the assignment changes, to 0 far away.
 */
#include "custseg.h"

#include <math.h>

#include "algo/dbscan.h"

#define NOISE 0

/* What compile makes: this, the segments of the core points, and the tree. */
typedef struct Compiled
{
	double		eps;
	bool		scores;			/* false: core points were not kept */
	Size		tree;			/* offset */
	int32		segment[FLEXIBLE_ARRAY_MEMBER]; /* by core point */
} Compiled;

static inline const CsKdTree *
TreeOf(const Compiled *compiled)
{
	return (const CsKdTree *) ((const char *) compiled + compiled->tree);
}

/* Check parameters that may be anything. */
static void
CheckParameters(const CsFitted *model)
{
	const CsParameter *eps = &model->parameters[DBSCAN_EPS],
			   *points = &model->parameters[DBSCAN_CORE_POINTS],
			   *segments = &model->parameters[DBSCAN_CORE_SEGMENTS];

	if (!(eps->values[0] > 0))
		CsInvalidParameters("\"%s\" is not positive.", "eps");
	if (points->rows > 0 && points->columns != model->ncolumns)
		CsInvalidParameters("\"%s\" has %d numbers for each point where %d are needed.",
							"core_points", points->columns, model->ncolumns);
	if (segments->rows != points->rows)
		CsInvalidParameters("\"%s\" has %d elements where %d are needed.", "core_segments",
							segments->rows, points->rows);
	if (points->rows > CS_KD_MAX_POINTS)
		CsInvalidParameters("\"%s\" has too many points.", "core_points");
	for (int32 i = 0; i < segments->rows; i++)
		if (segments->values[i] == NOISE)
			CsInvalidParameters("\"%s\" has a point of noise.", "core_segments");
}

/* Check the parameters and build the tree of core points, as CsAlgorithm.compile. */
Size
CsDbscanCompile(const CsFitted *model, void *result)
{
	const CsParameter *points = &model->parameters[DBSCAN_CORE_POINTS];
	Compiled   *compiled = result;
	Size		tree_offset = MAXALIGN(add_size(offsetof(Compiled, segment),
												mul_size(sizeof(int32), points->rows)));
	CsKdTree   *tree;

	if (result == NULL)
	{
		CheckParameters(model);
		return add_size(tree_offset, CsKdTreeSize(points->rows, model->ncolumns));
	}
	compiled->eps = model->parameters[DBSCAN_EPS].values[0];
	compiled->scores = points->rows > 0 || model->nsegments == 1;
	compiled->tree = tree_offset;
	for (int32 i = 0; i < points->rows; i++)
		compiled->segment[i] = (int32) model->parameters[DBSCAN_CORE_SEGMENTS].values[i];
	tree = (CsKdTree *) ((char *) result + tree_offset);
	CsKdTreeInit(tree, points->rows, model->ncolumns);
	if (points->rows > 0)
		memcpy(CsKdRow(tree, 0), points->values,
			   sizeof(double) * points->rows * model->ncolumns);
	CsKdTreeBuild(tree);
	return tree_offset + CsKdTreeSize(points->rows, model->ncolumns);
}

/* To what degree a row is in the segment of its nearest core point. */
static inline double
Membership(double distance, double eps)
{
	double		degree = distance <= eps ? 1 - distance / eps / 2 : eps / distance / 2;

	return isnan(degree) ? 0 : Min(Max(degree, 0), 1);
}

/* The segment that would come next: of the nearest core point of another; else noise. */
static int
RunnerUp(const Compiled *compiled, const double *z, int segment)
{
	double		distance;
	int32		other = CsKdNearestLabelled(TreeOf(compiled), z, compiled->segment, segment, true,
											HUGE_VAL, &distance);

	return other >= 0 ? compiled->segment[other] : NOISE;
}

/*
 * The segment of the nearest core point if that is within eps, otherwise noise, as
 * CsAlgorithm.assign.  When all training rows were noise, so is every other row.  A model that has
 * not kept its core points places no row.
 */
bool
CsDbscanAssign(const CsFitted *model, const double *z, CsAssignment *result, double *memberships)
{
	const Compiled *compiled = model->compiled;
	double		squared = HUGE_VAL,
				degree;
	int32		nearest;
	int			segment;
	bool		within;

	if (!compiled->scores)
		return false;
	result->index = NOISE;
	result->runner_up = -1;
	result->distance = HUGE_VAL;
	result->confidence = 1;
	if (memberships != NULL)
	{
		memset(memberships, 0, sizeof(double) * model->nsegments);
		memberships[NOISE] = 1;
	}
	if (CsKdNearest(TreeOf(compiled), z, 1, -1, &nearest, &squared) == 0)
		return true;

	segment = compiled->segment[nearest];
	result->distance = sqrt(squared);
	degree = Membership(result->distance, compiled->eps);
	within = squared <= compiled->eps * compiled->eps;
	result->index = within ? segment : NOISE;
	result->confidence = within ? degree : 1 - degree;
	if (memberships == NULL)
		return true;
	memberships[NOISE] = 1 - degree;
	memberships[segment] = degree;
	result->runner_up = within ? RunnerUp(compiled, z, segment) : segment;
	return true;
}

/*
 * What speaks against a segment is the squared distance to its nearest core point; nothing speaks
 * against noise.  See CsAlgorithm.explain.
 */
void
CsDbscanExplain(const CsFitted *model, const double *z, int segment, double *point, double *pull)
{
	const Compiled *compiled = model->compiled;
	double		distance;
	int32		nearest = segment == NOISE ? -1 :
		CsKdNearestLabelled(TreeOf(compiled), z, compiled->segment, segment, false, HUGE_VAL,
							&distance);

	if (nearest < 0)
	{
		memcpy(point, z, sizeof(double) * model->ncolumns);
		memset(pull, 0, sizeof(double) * model->ncolumns);
		return;
	}
	memcpy(point, model->parameters[DBSCAN_CORE_POINTS].values + (Size) nearest * model->ncolumns,
		   sizeof(double) * model->ncolumns);
	for (int j = 0; j < model->ncolumns; j++)
		pull[j] = z[j] - point[j];
}
