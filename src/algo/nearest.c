/*
 * nearest.c
 *	  Scoring by the nearest centre, for every algorithm that does not bring a rule of its own.
 *
 * Centres are transposed and padded to groups of 8, so that one customer is compared with 8
 * centres by vector instructions, while for each centre the sum still runs over the columns in
 * order: the same bits as in training, whatever the machine.
 */
#include "custseg.h"

#include <math.h>

#include "algo/algo.h"

/*
 * Distances of z to the 8 centres that start at "centers", one row of "padded" doubles a column:
 * Manhattan, or Euclidean and squared.  The inner loop runs over centres and is vectorised.
 */
static inline void
CompareGroup(const double *z, const double *centers, int ncolumns, int padded, bool manhattan,
			 double distance[CS_CENTER_GROUP])
{
	for (int i = 0; i < CS_CENTER_GROUP; i++)
		distance[i] = 0;
	for (int j = 0; j < ncolumns; j++, centers += padded)
	{
		for (int i = 0; i < CS_CENTER_GROUP; i++)
		{
			double		difference = z[j] - centers[i];

			distance[i] += manhattan ? fabs(difference) : difference * difference;
		}
	}
}

/*
 * Degrees of membership in place of distances, which are squared or to be squared: u_i = 1 / sum_j
 * (d_i / d_j)^2, those of fuzzy c-means with exponent 2 (Bezdek 1981).  They sum to 1; centres at
 * distance 0 share all of it.
 */
static void
DistancesToMemberships(double *u, int n, bool squared)
{
	double		nearest = u[0];
	double		sum = 0;

	for (int i = 1; i < n; i++)
		nearest = Min(nearest, u[i]);
	for (int i = 0; i < n; i++)
	{
		/* relative to the nearest, so that nothing overflows */
		u[i] = u[i] == nearest ? 1.0 : nearest / u[i];
		if (!squared)
			u[i] *= u[i];
		sum += u[i];
	}
	for (int i = 0; i < n; i++)
		u[i] /= sum;
}

/*
 * The nearest centre and the second nearest, ties to the lower segment number; the confidence is 1
 * - d1/d2 (1 with one segment, 0 when both are 0).  False when no distance is a number that float8
 * can hold.
 */
static inline __attribute__((always_inline)) bool
AssignNearest(const CsFitted *model, const double *z, bool manhattan, CsAssignment *result,
			  double *memberships)
{
	const int	nsegments = model->nsegments;
	double		first = INFINITY;
	double		second = INFINITY;
	int			index = -1;
	int			runner_up = -1;

	for (int group = 0; group < nsegments; group += CS_CENTER_GROUP)
	{
		double		distance[CS_CENTER_GROUP];
		int			n = Min(CS_CENTER_GROUP, nsegments - group);

		CompareGroup(z, model->centers + group, model->ncolumns, model->padded, manhattan, distance);
		if (memberships != NULL)
			memcpy(memberships + group, distance, n * sizeof(double));
		for (int i = 0; i < n; i++)
		{
			if (distance[i] < first)
			{
				second = first;
				runner_up = index;
				first = distance[i];
				index = group + i;
			}
			else if (distance[i] < second)
			{
				second = distance[i];
				runner_up = group + i;
			}
		}
	}
	if (index < 0)
		return false;
	if (!manhattan)
	{
		first = sqrt(first);
		second = sqrt(second);
	}
	result->index = index;
	result->runner_up = runner_up;
	result->distance = first;
	result->confidence = runner_up < 0 ? 1.0 : second > 0 ? Max(0.0, 1.0 - first / second) : 0.0;
	if (memberships != NULL)
		DistancesToMemberships(memberships, nsegments, !manhattan);
	return true;
}

/*
 * The segment is the one whose centre is nearest by the Euclidean distance, as CsAlgorithm.assign.
 */
CS_CLONES bool
CsAssignNearest(const CsFitted *model, const double *z, CsAssignment *result, double *memberships)
{
	return AssignNearest(model, z, false, result, memberships);
}

/*
 * The segment is the one whose centre is nearest by the Manhattan distance, as CsAlgorithm.assign.
 */
CS_CLONES bool
CsAssignManhattan(const CsFitted *model, const double *z, CsAssignment *result,
				  double *memberships)
{
	return AssignNearest(model, z, true, result, memberships);
}

/* Rows whose distances are kept at once. */
#define NEAREST_ROWS 256

/*
 * The indexes of the segments of prepared customers, value j of whom are at z[j * stride], as CsAssignNearest() finds
 * them: the same sums, and the same of two that are equally near.  -1: no distance is a number.
 */
CS_CLONES void
CsPlaceNearest(const CsFitted *model, const double *z, int stride, int nrows, int32 *segments)
{
	double		distance[NEAREST_ROWS];
	double		least[NEAREST_ROWS];

	for (int first = 0; first < nrows; first += NEAREST_ROWS)
	{
		int			n = Min(NEAREST_ROWS, nrows - first);
		int32	   *index = segments + first;

		for (int r = 0; r < n; r++)
		{
			least[r] = INFINITY;
			index[r] = -1;
		}
		for (int c = 0; c < model->nsegments; c++)
		{
			memset(distance, 0, sizeof(distance));
			for (int j = 0; j < model->ncolumns; j++)
			{
				const double *x = z + (Size) j * stride + first;
				double		center = model->centers[(Size) j * model->padded + c];

				for (int r = 0; r < n; r++)
					distance[r] += (x[r] - center) * (x[r] - center);
			}
			for (int r = 0; r < n; r++)
			{
				index[r] = distance[r] < least[r] ? c : index[r];
				least[r] = distance[r] < least[r] ? distance[r] : least[r];
			}
		}
	}
}

/* The squared distance of a prepared customer to the centre of a segment. */
double
CsSquaredToCenter(const CsFitted *model, const double *z, int segment)
{
	double		squared = 0;

	for (int j = 0; j < model->ncolumns; j++)
	{
		double		difference = z[j] - model->centers[(Size) j * model->padded + segment];

		squared += difference * difference;
	}
	return squared;
}

/* Add the distance of a prepared customer to the centre of a segment. */
void
CsDistancesAdd(CsDistances *distances, const CsFitted *model, const double *z, int segment)
{
	double		squared = CsSquaredToCenter(model, z, segment);

	if (isfinite(squared))
		CsDistancesMerge(distances, &(CsDistances) {1, sqrt(squared), squared});
}

/* Add other distances. */
void
CsDistancesMerge(CsDistances *into, const CsDistances *from)
{
	into->n += from->n;
	into->sum += from->sum;
	into->squares += from->squares;
}

/*
 * What speaks against z in a segment is its squared distance to the centre, column by column, as
 * CsAlgorithm.explain.
 */
void
CsExplainNearest(const CsFitted *model, const double *z, int segment, double *point, double *pull)
{
	for (int j = 0; j < model->ncolumns; j++)
	{
		point[j] = model->centers[(Size) j * model->padded + segment];
		pull[j] = z[j] - point[j];
	}
}
