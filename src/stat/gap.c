/*
 * gap.c
 *	  The gap statistic (Tibshirani, Walther and Hastie 2001): do the rows cluster more than rows
 *	  without structure would?
 *
 * W(k) is half the sum of squared distances of the rows to their segment's mean, which is the
 * paper's pooled within-cluster sum of squares, and clusGap's with d.power = 2 in R's package
 * "cluster".  gap(k) is the mean of log W over reference sets, less log W of the rows; its standard
 * error is the sample standard deviation over the sets times sqrt(1 + 1 / sets).  The paper's choice
 * ("Tibs2001SEmax") is the least k with gap(k) >= gap(k + 1) - SE(k + 1).  It may stop early where
 * segments come in pairs; so the k of the largest gap is told, too.
 *
 * A reference set is drawn uniformly from the box that the centred rows fill along their principal
 * axes (the paper's reference (b), clusGap's "scaledPCA"), and taken back to the columns; with very
 * many columns from the box of the columns themselves.  Rows and reference sets are clustered
 * alike, on a seeded sample of the rows, because it takes (1 + sets) fits for each k.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/stat.h"
#include "utils/memutils.h"

/* Most columns whose principal axes are looked for. */
#define MOST_AXES 256

#define REFERENCE_STREAM UINT64CONST(0x6A9000000000)

/* The box that reference rows are drawn from. */
typedef struct Box
{
	int			d;
	double	   *mean;			/* of the rows */
	double	   *axes;			/* d x d, an axis each row; NULL: the columns are */
	double	   *low;			/* d: least value along the axis, of the centred rows */
	double	   *range;			/* d */
} Box;

/* Sum of products of two centred columns; eight running sums in a fixed order. */
CS_CLONES static double
ProductSum(int n, const double *x, double x_mean, const double *y, double y_mean)
{
	double		sum[8] = {0};
	int			r = 0;

	for (; r + 8 <= n; r += 8)
		for (int i = 0; i < 8; i++)
			sum[i] += (x[r + i] - x_mean) * (y[r + i] - y_mean);
	for (; r < n; r++)
		sum[r % 8] += (x[r] - x_mean) * (y[r] - y_mean);
	return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* Means of the columns into box->mean. */
static void
FindMeans(CsArena *arena, const CsMatrix *m, Box *box)
{
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);
		int			nrows = CsMatrixBlockRows(m, b);

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < box->d; j++)
			for (int r = 0; r < nrows; r++)
				box->mean[j] += x[(Size) j * CS_BLOCK_ROWS + r] / m->nrows;
	}
}

/* Principal axes of the rows; the columns when there are too many, or nothing varies. */
static void
FindAxes(CsArena *arena, const CsMatrix *m, Box *box)
{
	int			d = box->d;
	double	   *products;
	double	   *variance;
	double		total = 0;

	if (d > MOST_AXES)
		return;
	products = palloc0(sizeof(double) * d * d);
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);
		int			nrows = CsMatrixBlockRows(m, b);

		for (int i = 0; i < d; i++)
		{
			CHECK_FOR_INTERRUPTS();
			for (int j = i; j < d; j++)
				products[i * d + j] += ProductSum(nrows, x + (Size) i * CS_BLOCK_ROWS, box->mean[i],
												  x + (Size) j * CS_BLOCK_ROWS, box->mean[j]);
		}
	}
	for (int i = 0; i < d; i++)
	{
		total += products[i * d + i];
		for (int j = 0; j < i; j++)
			products[i * d + j] = products[j * d + i];
	}
	if (d > 1 && isfinite(total) && total > 0)
	{
		variance = palloc(sizeof(double) * d);
		box->axes = palloc(sizeof(double) * d * d);
		if (CsSymmetricEigen(d, products, variance, box->axes) != 0)
			elog(ERROR, "eigenvalues of the rows' covariance did not converge");
		pfree(variance);
	}
	pfree(products);
}

/* A row along the axes: z[i] = axes[i] . (x - mean). */
static void
ToAxes(const Box *box, const double *x, int stride, double *z)
{
	for (int i = 0; i < box->d; i++)
	{
		if (box->axes == NULL)
		{
			z[i] = x[(Size) i * stride] - box->mean[i];
			continue;
		}
		z[i] = 0;
		for (int j = 0; j < box->d; j++)
			z[i] += box->axes[i * box->d + j] * (x[(Size) j * stride] - box->mean[j]);
	}
}

/* And back: x = mean + sum z[i] axes[i]. */
static void
FromAxes(const Box *box, const double *z, double *x, int stride)
{
	for (int j = 0; j < box->d; j++)
	{
		double		sum = box->axes == NULL ? z[j] : 0;

		for (int i = 0; i < box->d && box->axes != NULL; i++)
			sum += z[i] * box->axes[i * box->d + j];
		x[(Size) j * stride] = box->mean[j] + sum;
	}
}

/* The box of the rows, palloc'd. */
static Box *
BoxOfRows(CsArena *arena, const CsMatrix *m)
{
	Box		   *box = palloc0(sizeof(Box));
	int			d = m->ncolumns;
	double	   *z = palloc(sizeof(double) * d);

	box->d = d;
	box->mean = palloc0(sizeof(double) * d);
	box->low = palloc(sizeof(double) * d);
	box->range = palloc(sizeof(double) * d);
	FindMeans(arena, m, box);
	FindAxes(arena, m, box);
	for (int64 i = 0; i < m->nrows; i++)
	{
		if (i % 64 == 0)
			CHECK_FOR_INTERRUPTS();
		ToAxes(box, CsMatrixRow(m, arena, i), CS_BLOCK_ROWS, z);
		for (int j = 0; j < d; j++)
		{
			/* range holds the largest value until all rows have been seen */
			box->low[j] = i == 0 ? z[j] : Min(box->low[j], z[j]);
			box->range[j] = i == 0 ? z[j] : Max(box->range[j], z[j]);
		}
	}
	for (int j = 0; j < d; j++)
		box->range[j] -= box->low[j];
	pfree(z);
	return box;
}

static void
FreeBox(Box *box)
{
	if (box->axes != NULL)
		pfree(box->axes);
	pfree(box->mean);
	pfree(box->low);
	pfree(box->range);
	pfree(box);
}

/* Overwrite all rows of a matrix with a reference set. */
static void
FillReference(CsArena *arena, CsMatrix *m, const Box *box, uint64 seed, int number)
{
	double	   *z = palloc(sizeof(double) * box->d);
	CsRng		rng;

	CsRngSeed(&rng, seed, REFERENCE_STREAM + number);
	for (int64 i = 0; i < m->nrows; i++)
	{
		if (i % 64 == 0)
			CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < box->d; j++)
			z[j] = box->low[j] + box->range[j] * CsRngDouble(&rng);
		FromAxes(box, z, CsMatrixRow(m, arena, i), CS_BLOCK_ROWS);
	}
	pfree(z);
}

/* log W of k segments of the rows; NaN when W is 0 or there are fewer segments.  Leaves what the fit palloc's. */
static double
FindLogWithin(const CsGapInput *in, const CsMatrix *m, int k)
{
	CsFitInput	fit = {
		.team = in->team,.matrix = m,.weights = -1,.k = k,.options = in->options,
		.memory_left = in->memory_left
	};
	CsFitOutput out = {0};
	CsSegmentMoments *s;
	double		within = 0;
	bool		defined;

	in->algorithm->fit(&fit, &out);
	s = CsMomentsOfSegments(in->team, m, -1, out.labels, out.k);
	for (int c = 0; c < out.k; c++)
		within += s->squared[c];
	defined = out.k == k && !CsIsNothing(s, m->ncolumns, within);
	CsSegmentMomentsFree(s);
	CsArenaFree(CsTeamArena(in->team), out.labels);
	return defined ? log(within / 2) : NAN;
}

/* Likewise, and leaves nothing, since there are as many fits as numbers of segments times references. */
static double
LogWithin(const CsGapInput *in, const CsMatrix *m, int k)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "custseg gap", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	double		result = FindLogWithin(in, m, k);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return result;
}

/* gap and SE of each k from log W of the rows and of the references, log_w[reference][k]. */
static void
FillGaps(CsGap *gap, int references, const double *log_w)
{
	for (int i = 0; i < gap->n; i++)
	{
		double		mean = 0,
					squares = 0;

		for (int b = 0; b < references; b++)
			mean += log_w[(Size) b * gap->n + i] / references;
		for (int b = 0; b < references; b++)
		{
			double		difference = log_w[(Size) b * gap->n + i] - mean;

			squares += difference * difference;
		}
		gap->gap[i] = mean - gap->log_w[i];
		gap->se[i] = sqrt(squares / (references - 1)) * sqrt(1 + 1.0 / references);
	}
}

/*
 * The paper's choice, which is the first k that is good enough, the last when none is; and how the
 * others stand to it.  No choice where a gap is not defined: if W is 0, that k beats any other.
 */
static void
ChooseGap(CsGap *gap)
{
	int			first = -1,
				highest = 0;

	for (int i = 0; i < gap->n; i++)
		if (isnan(gap->gap[i]))
			return;
	for (int i = 0; i < gap->n; i++)
	{
		if (first < 0 && (i == gap->n - 1 || gap->gap[i] >= gap->gap[i + 1] - gap->se[i + 1]))
			first = i;
		if (gap->gap[i] > gap->gap[highest])
			highest = i;
	}
	gap->chosen = gap->k_first + first;
	gap->highest = gap->k_first + highest;
}

/*
 * The gap statistic for k_first..k_last segments by an algorithm; every row weighs 1.  Values are
 * NaN from the first k on for which the gap is not defined: rows of W = 0, or fewer segments found.
 * Palloc'd.
 */
CsGap *
CsGapStatistic(const CsGapInput *in)
{
	CsArena    *arena = CsTeamArena(in->team);
	CsGap	   *gap = palloc0(sizeof(CsGap));
	int64	   *rows = CsSampleRows(in->matrix->nrows, in->sample, in->seed, &gap->rows);
	CsMatrix   *m = CsMatrixOfRows(arena, in->matrix, rows, gap->rows);
	Box		   *box = BoxOfRows(arena, m);
	double	   *log_w;

	pfree(rows);
	gap->k_first = in->k_first;
	gap->n = Max(0, (int) Min(in->k_last, gap->rows) - in->k_first + 1);
	gap->gap = palloc(sizeof(double) * Max(gap->n, 1));
	gap->se = palloc(sizeof(double) * Max(gap->n, 1));
	gap->log_w = palloc(sizeof(double) * Max(gap->n, 1));
	log_w = palloc(mul_size(sizeof(double) * Max(gap->n, 1), in->references));
	for (int i = 0; i < gap->n; i++)
		gap->log_w[i] = LogWithin(in, m, gap->k_first + i);
	for (int b = 0; b < in->references; b++)
	{
		FillReference(arena, m, box, in->seed, b);
		for (int i = 0; i < gap->n; i++)
			log_w[(Size) b * gap->n + i] = isnan(gap->log_w[i]) ? NAN :
				LogWithin(in, m, gap->k_first + i);
	}
	FillGaps(gap, in->references, log_w);
	if (gap->n > 0)
		ChooseGap(gap);
	pfree(log_w);
	FreeBox(box);
	CsMatrixFree(m, arena);
	pfree(m);
	return gap;
}

/*
 * Bytes that CsGapStatistic() takes beside the rows and beside the fit of as many rows as the
 * sample has.
 */
Size
CsGapMemory(int64 nrows, int d, int64 sample)
{
	Size		rows = Min(nrows, sample);
	Size		axes = d > MOST_AXES ? 0 : 3 * sizeof(double) * (Size) d * d;

	return add_size(add_size(mul_size(mul_size(rows + CS_BLOCK_ROWS, sizeof(double)), d),
							 mul_size(rows, sizeof(int64))), axes);
}
