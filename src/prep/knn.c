/*
 * knn.c
 *	  Missing values filled by the mean of the nearest training rows.
 *
 * As scikit-learn's KNNImputer with uniform weights, on scaled values: the distance of two rows is
 * Euclidean over the columns that both have.  Donors are complete rows, so the columns of a
 * distance depend on the customer alone, and the factor that makes up for the missing ones changes
 * no order and is left out.  Ties go to the donor that came first.  Donors lie column by column,
 * so that a chunk of them is compared at a time.
 */
#include "custseg.h"

#include "math/math.h"
#include "miscadmin.h"
#include "prep/internal.h"

/* Donors compared at a time: their distances stay in the first-level cache. */
#define CHUNK 1024

/* The random stream that donors are chosen from. */
#define DONOR_STREAM UINT64CONST(0x646f6e6f72)

/* The donors nearest to a row so far, in the caller's scratch. */
typedef struct Nearest
{
	int			wanted;
	int			found;
	double	   *distance;		/* ascending */
	double	   *donor;			/* their numbers, exact as doubles */
} Nearest;

/* Largest number of neighbours that a feature of the pipeline asks for; 0 without knn. */
static int
MaxNeighbors(const CsPipeline *p)
{
	int			neighbors = 0;

	for (int i = 0; i < p->nfeatures; i++)
	{
		if (p->feature[i].impute == CS_IMPUTE_KNN)
			neighbors = Max(neighbors, p->feature[i].neighbors);
	}
	return neighbors;
}

/*
 * Doubles of scratch that CsKnnFill() needs: the distances of a chunk, the nearest ones, and the
 * row as it came.
 */
Size
CsKnnWork(const CsPipeline *p)
{
	int			neighbors = MaxNeighbors(p);

	return neighbors == 0 ? 0 : CHUNK + 2 * (Size) neighbors + p->nscaled;
}

/* Squared distances of a row to donors first .. first + n - 1, over the columns it has. */
CS_CLONES static void
DonorDistances(const CsPipeline *p, const double *row, int first, int n,
			   double *restrict distance)
{
	const double *donors = CsPipelineAt(p, const double, p->donor_offset) + first;

	for (int i = 0; i < n; i++)
		distance[i] = 0;
	for (int j = 0; j < p->nscaled; j++)
	{
		const double *restrict x = donors + (Size) j * p->ndonors;
		const double value = row[j];

		if (isnan(value))
			continue;
		for (int i = 0; i < n; i++)
			distance[i] += (x[i] - value) * (x[i] - value);
	}
}

/* Put a donor among the nearest, behind those at the same distance. */
static void
InsertDonor(Nearest *nearest, int donor, double distance)
{
	int			at = nearest->found;

	if (at == nearest->wanted)
		at--;
	else
		nearest->found++;
	for (; at > 0 && nearest->distance[at - 1] > distance; at--)
	{
		nearest->distance[at] = nearest->distance[at - 1];
		nearest->donor[at] = nearest->donor[at - 1];
	}
	nearest->distance[at] = distance;
	nearest->donor[at] = donor;
}

/* Find the donors nearest to a row. */
static void
FindNearest(const CsPipeline *p, const double *row, double *chunk, Nearest *nearest)
{
	nearest->found = 0;
	for (int first = 0; first < p->ndonors; first += CHUNK)
	{
		int			n = Min(CHUNK, p->ndonors - first);

		CHECK_FOR_INTERRUPTS();
		DonorDistances(p, row, first, n, chunk);
		for (int i = 0; i < n; i++)
		{
			if (nearest->found < nearest->wanted ||
				chunk[i] < nearest->distance[nearest->found - 1])
				InsertDonor(nearest, first + i, chunk[i]);
		}
	}
}

/* Mean of a column over the first n of the nearest donors, or over all donors (nearest NULL). */
static double
DonorMean(const CsPipeline *p, int column, const Nearest *nearest, int n)
{
	const double *x = CsPipelineAt(p, const double, p->donor_offset) + (Size) column * p->ndonors;
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += x[nearest == NULL ? i : (int) nearest->donor[i]];
	return sum / n;
}

/*
 * Fill one row, whose values lie stride apart; false when a mean is out of a double's range.
 */
static bool
FillRow(const CsPipeline *p, double *scaled, int stride, double *work)
{
	int			wanted = Min(MaxNeighbors(p), p->ndonors);
	Nearest		nearest = {.wanted = wanted};
	double	   *row = work + CHUNK + 2 * (Size) wanted;
	bool		anything = false;

	nearest.distance = work + CHUNK;
	nearest.donor = nearest.distance + wanted;
	for (int j = 0; j < p->nscaled; j++)
	{
		row[j] = scaled[(Size) j * stride];
		anything |= !isnan(row[j]);
	}
	if (anything)
		FindNearest(p, row, work, &nearest);

	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		int			j = f->first_output;
		double		mean;

		if (f->impute != CS_IMPUTE_KNN || !isnan(row[j]))
			continue;

		/* a row that has nothing is as near to one donor as to another */
		mean = anything ? DonorMean(p, j, &nearest, Min(f->neighbors, nearest.found)) :
			DonorMean(p, j, NULL, p->ndonors);
		if (!isfinite(mean))
			return false;
		scaled[(Size) j * stride] = mean;
	}
	return true;
}

/*
 * Fill the missing values of knn features in rows of scaled values.  Returns false when that cannot
 * be done.
 */
bool
CsKnnFill(const CsPipeline *p, int nrows, double *scaled, int stride, double *work)
{
	for (int r = 0; r < nrows; r++)
	{
		bool		complete = true;

		for (int i = 0; i < p->nfeatures && complete; i++)
		{
			const CsFeature *f = &p->feature[i];

			complete = f->impute != CS_IMPUTE_KNN ||
				!isnan(scaled[(Size) f->first_output * stride + r]);
		}
		if (complete)
			continue;
		if (p->ndonors == 0 || !FillRow(p, scaled + r, stride, work))
			return false;
	}
	return true;
}

/* Is a raw row complete where only neighbours could fill it? */
static bool
RowIsComplete(const CsPipeline *p, const double *block, int r)
{
	for (int i = 0; i < p->nfeatures; i++)
	{
		double		value = block[(Size) i * CS_BLOCK_ROWS + r];

		if (p->feature[i].impute == CS_IMPUTE_KNN &&
			(isnan(value) ||
			 (p->feature[i].kind == CS_CATEGORICAL && value == CS_UNSEEN_LEVEL)))
			return false;
	}
	return true;
}

static int64
CountCompleteRows(const CsPipeline *p, CsArena *arena, const CsMatrix *raw)
{
	int64		ncomplete = 0;

	for (int64 b = 0; b < CsMatrixBlocks(raw); b++)
	{
		const double *block = CsMatrixBlock(raw, arena, b);

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < CsMatrixBlockRows(raw, b); r++)
			ncomplete += RowIsComplete(p, block, r);
	}
	return ncomplete;
}

/* Scale the chosen ones of the complete rows into donors, column by column. */
static void
CollectDonors(const CsPipeline *p, CsArena *arena, const CsMatrix *raw, const int64 *chosen,
			  int ndonors, double *donors)
{
	double	   *scaled = palloc(mul_size(p->nscaled, sizeof(double)));
	double	   *work = palloc(mul_size(CsKnnWork(p), sizeof(double)));
	int64		complete = 0;
	int			next = 0;

	for (int64 b = 0; b < CsMatrixBlocks(raw) && next < ndonors; b++)
	{
		const double *block = CsMatrixBlock(raw, arena, b);

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < CsMatrixBlockRows(raw, b) && next < ndonors; r++)
		{
			if (!RowIsComplete(p, block, r) || complete++ != chosen[next])
				continue;
			if (!CsPipelineScale(p, block + r, CS_BLOCK_ROWS, 1, scaled, 1, work))
				elog(ERROR, "a complete row of the training data cannot be prepared");
			for (int j = 0; j < p->nscaled; j++)
				donors[(Size) j * ndonors + next] = scaled[j];
			next++;
		}
	}
	Assert(next == ndonors);
	pfree(scaled);
	pfree(work);
}

/*
 * Choose donors among the complete rows of the raw matrix, by the seed, and add them to the parts
 * of pipeline p, which has none yet; palloc'd.
 */
void
CsKnnFitDonors(CsPipelineParts *parts, const CsPipeline *p, CsTeam *team, const CsMatrix *raw,
			   uint64 seed)
{
	CsArena    *arena = CsTeamArena(team);
	int			neighbors = MaxNeighbors(p);
	int			most = Max(neighbors, CS_KNN_VALUES / Max(p->nscaled, 1));
	int64		ncomplete;
	int64	   *chosen;
	CsRng		rng;

	if (neighbors == 0)
		return;
	ncomplete = CountCompleteRows(p, arena, raw);
	if (ncomplete < neighbors)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("imputing from %d neighbors needs as many complete rows, but there are %lld",
						neighbors, (long long) ncomplete),
				 errhint("Impute by \"median\", or lower \"neighbors\".")));

	parts->ndonors = (int) Min(ncomplete, Min(CS_KNN_DONORS, most));
	parts->donors = palloc(mul_size(mul_size(parts->ndonors, p->nscaled), sizeof(double)));
	chosen = palloc(mul_size(parts->ndonors, sizeof(int64)));
	CsRngSeed(&rng, seed, DONOR_STREAM);
	CsRngSample(&rng, ncomplete, parts->ndonors, chosen);
	CollectDonors(p, arena, raw, chosen, parts->ndonors, parts->donors);
	pfree(chosen);
}
