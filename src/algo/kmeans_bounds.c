/*
 * kmeans_bounds.c
 *	  Passes of k-means that skip the rows whose bounds prove that they stay.
 *
 * A row keeps an upper bound on the distance to its own centre and lower bounds on the others.
 * When centres move, bounds are loosened by how far; a row is looked at again only where its upper
 * bound reaches a lower one.  Two sets of lower bounds:
 *
 *	hamerly	one per row, on the nearest of all other centres (Hamerly 2010): little memory, best for
 *			few features, where looking costs little.
 *	elkan	one per row and centre (Elkan 2003, without the distances between centres): a row looks
 *			only at the centres that could win.  Best for many features.
 *
 * Bounds are float: upper ones rounded up and lower ones down by more than any error of a distance,
 * so a skipped row is one that plain Lloyd would have left where it is, ties included (the test is
 * strict, and a tie goes to the lower centre as always).
 *
 * The rows of a block that have to look are gathered into a small block of their own, so that the
 * kernel runs on full vectors.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/kmeans_pass.h"
#include "math/math.h"

/* More than the error of any distance, relative; a float's own rounding is a quarter of it. */
#define SLACK 2.4e-7

/* Part of a block's rows above which the whole block is looked at where it lies. */
#define DENSE(nrows) ((nrows) / 2)

/* From so many centres on it pays to make the distance to the own centre exact first. */
#define TIGHTEN_CENTERS 8

static inline float
RoundUp(double x)
{
	return (float) (x * (1 + SLACK));
}

static inline float
RoundDown(double x)
{
	double		down = x * (1 - SLACK);

	return down > FLT_MAX ? FLT_MAX : (float) down;
}

/* All rows of the block have to look. */
static void
LookAtAll(KmeansPass *pass)
{
	pass->nlook = pass->nrows;
	for (int r = 0; r < pass->nrows; r++)
		pass->look[r] = r;
}

/* Nearest and second nearest centre of the rows in "look", in their order. */
static void
FindNearest(KmeansPass *pass)
{
	const KmeansFit *fit = pass->fit;
	bool		whole = pass->nlook == pass->nrows;

	if (!whole)
		CsKmeansGatherRows(pass, pass->nlook, pass->look);
	CsNearest(fit->d, pass->nlook, whole ? pass->x : pass->gathered,
			  whole ? CS_BLOCK_ROWS : CS_PAD_ROWS(pass->nlook), fit->k, pass->centers->value,
			  pass->scratch, pass->found, pass->nearest, pass->second);
}

/*
 * Loosen a block's bounds by what the centres moved.  OUT must_look[r]: 1 where the upper bound
 * reaches the lower one, else 0; as CsKmeansListFlagged() reads them.
 */
CS_CLONES static void
LoosenBounds(int nrows, const KmeansLabel *label, const double *drift, int farthest, double largest,
			 double second, float *upper, float *lower, uint8 *must_look)
{
	for (int r = 0; r < nrows; r++)
	{
		double		other = label[r] == farthest ? second : largest;

		upper[r] = RoundUp(upper[r] + drift[label[r]]);
		lower[r] = RoundDown(lower[r] - other);
		must_look[r] = !(upper[r] < lower[r]);
	}
	KmeansEndFlags(nrows, must_look);
}

/* Make the upper bound of the rows in "look" exact, and drop those for which that is enough. */
static void
Tighten(KmeansPass *pass)
{
	const KmeansFit *fit = pass->fit;
	int			n = 0;

	for (int i = 0; i < pass->nlook; i++)
	{
		int			row = pass->look[i];
		const double *center = pass->centers->value + (Size) pass->label[row] * fit->d;
		double		sum = 0;

		for (int j = 0; j < fit->d; j++)
		{
			double		difference = pass->x[(Size) j * CS_BLOCK_ROWS + row] - center[j];

			sum += difference * difference;
		}
		pass->upper[row] = RoundUp(sqrt(sum) * fit->scale);
		pass->look[n] = row;
		n += !(pass->upper[row] < pass->lower[row]);
	}
	pass->nlook = n;
}

/* Hamerly's pass over a block. */
void
CsKmeansAssignHamerly(KmeansPass *pass)
{
	const KmeansFit *fit = pass->fit;

	if (fit->first)
		LookAtAll(pass);
	else
	{
		LoosenBounds(pass->nrows, pass->label, pass->drift, pass->centers->farthest,
					 pass->centers->largest, pass->centers->second, pass->upper, pass->lower,
					 pass->flags);
		pass->nlook = CsKmeansListFlagged(pass->nrows, pass->flags, pass->look);
		if (fit->k >= TIGHTEN_CENTERS)
			Tighten(pass);
		if (pass->nlook > DENSE(pass->nrows))
			LookAtAll(pass);
	}
	if (pass->nlook == 0)
		return;
	FindNearest(pass);
	for (int i = 0; i < pass->nlook; i++)
	{
		pass->upper[pass->look[i]] = RoundUp(sqrt(pass->nearest[i]) * fit->scale);
		pass->lower[pass->look[i]] = RoundDown(sqrt(pass->second[i]) * fit->scale);
	}
	CsKmeansTakeLabels(pass, pass->nlook, pass->look);
}

/*
 * Loosen a block's bounds on every centre.  OUT must_look[r]: 1 where some other centre's bound is
 * reached, else 0; as CsKmeansListFlagged() reads them.
 */
CS_CLONES static void
LoosenAllBounds(int nrows, int k, const KmeansLabel *label, const double *drift, float *upper,
				float *lower, uint8 *must_look)
{
	memset(must_look, 0, CS_BLOCK_ROWS);
	for (int r = 0; r < nrows; r++)
		upper[r] = RoundUp(upper[r] + drift[label[r]]);
	for (int c = 0; c < k; c++)
	{
		float	   *bound = lower + (Size) c * CS_BLOCK_ROWS;

		for (int r = 0; r < nrows; r++)
		{
			bound[r] = RoundDown(bound[r] - drift[c]);
			must_look[r] |= !(upper[r] < bound[r]) & (label[r] != c);
		}
	}
}

/*
 * Squared distances of one row to some centres, four at a time for the processor's sake.  The sum
 * of each runs in order of the columns, as everywhere.
 */
static void
RowDistances(int d, const double *row, int n, const int *candidate, const double *centers,
			 double *distance)
{
	for (int i = 0; i < n; i += 4)
	{
		const double *center[4];
		double		sum[4] = {0};

		for (int t = 0; t < 4; t++)
			center[t] = centers + (Size) candidate[Min(i + t, n - 1)] * d;
		for (int j = 0; j < d; j++)
			for (int t = 0; t < 4; t++)
			{
				double		difference = row[j] - center[t][j];

				sum[t] += difference * difference;
			}
		for (int t = 0; t < 4 && i + t < n; t++)
			distance[i + t] = sum[t];
	}
}

/*
 * Let one row look at the centres that its bounds do not rule out; returns its nearest centre, ties
 * to the lower one, and makes the bounds of those it looked at exact.
 */
static int32
LookAround(KmeansPass *pass, int row)
{
	const KmeansFit *fit = pass->fit;
	int32		own = pass->label[row];
	int32		nearest = own;
	double		least;
	int			n = 0;

	for (int j = 0; j < fit->d; j++)
		pass->gathered[j] = pass->x[(Size) j * CS_BLOCK_ROWS + row];
	RowDistances(fit->d, pass->gathered, 1, &own, pass->centers->value, &least);
	pass->upper[row] = RoundUp(sqrt(least) * fit->scale);
	for (int c = 0; c < fit->k; c++)
	{
		pass->candidate[n] = c;
		n += c != own && !(pass->upper[row] < pass->lower[(Size) c * CS_BLOCK_ROWS + row]);
	}
	RowDistances(fit->d, pass->gathered, n, pass->candidate, pass->centers->value, pass->scratch);
	for (int i = 0; i < n; i++)
	{
		int			c = pass->candidate[i];
		double		distance = pass->scratch[i];

		pass->lower[(Size) c * CS_BLOCK_ROWS + row] = RoundDown(sqrt(distance) * fit->scale);
		if (distance < least || (distance == least && c < nearest))
		{
			least = distance;
			nearest = c;
		}
	}
	if (nearest != own)
	{
		pass->lower[(Size) own * CS_BLOCK_ROWS + row] = RoundDown(pass->upper[row] / (1 + 2 * SLACK));
		pass->upper[row] = RoundUp(sqrt(least) * fit->scale);
	}
	return nearest;
}

/* Distances of all rows of a block to all centres: labels and every bound afresh. */
static void
LookEverywhere(KmeansPass *pass)
{
	const KmeansFit *fit = pass->fit;
	int			padded = CS_PAD_ROWS(pass->nrows);

	LookAtAll(pass);
	CsSquaredDistances(fit->d, pass->nrows, pass->x, CS_BLOCK_ROWS, fit->k, pass->centers->value,
					   pass->all);
	for (int r = 0; r < pass->nrows; r++)
	{
		pass->found[r] = 0;
		pass->nearest[r] = pass->all[r];
	}
	for (int c = 0; c < fit->k; c++)
	{
		const double *distance = pass->all + (Size) c * padded;
		float	   *bound = pass->lower + (Size) c * CS_BLOCK_ROWS;

		for (int r = 0; r < pass->nrows; r++)
		{
			bool		closer = distance[r] < pass->nearest[r];

			pass->found[r] = closer ? c : pass->found[r];
			pass->nearest[r] = closer ? distance[r] : pass->nearest[r];
			bound[r] = RoundDown(sqrt(distance[r]) * fit->scale);
		}
	}
	for (int r = 0; r < pass->nrows; r++)
		pass->upper[r] = RoundUp(sqrt(pass->nearest[r]) * fit->scale);
}

/* Elkan's pass over a block. */
void
CsKmeansAssignElkan(KmeansPass *pass)
{
	const KmeansFit *fit = pass->fit;

	if (!fit->first)
	{
		LoosenAllBounds(pass->nrows, fit->k, pass->label, pass->drift, pass->upper, pass->lower,
						pass->flags);
		pass->nlook = CsKmeansListFlagged(pass->nrows, pass->flags, pass->look);
	}
	if (fit->first || pass->nlook > DENSE(pass->nrows))
		LookEverywhere(pass);
	else
		for (int i = 0; i < pass->nlook; i++)
			pass->found[i] = LookAround(pass, pass->look[i]);
	CsKmeansTakeLabels(pass, pass->nlook, pass->look);
}
