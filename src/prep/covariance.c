/*
 * covariance.c
 *	  Means and covariances of the columns of a matrix, as they are or as a pipeline scales them.
 *
 * Mean and centred cross products in one pass: each block is centred by its own mean and merged
 * into its lane's, each lane into the total, in their order, by Chan, Golub and LeVeque's formula
 * (The American Statistician 37, 1983).
 */
#include "custseg.h"

#include "miscadmin.h"
#include "prep/internal.h"

/* Columns that one column is multiplied with at a time, and running sums of each product. */
#define TILE 4
#define SUMS 8

typedef struct CovarianceArgs
{
	int			pipeline;		/* areas: the CsPipeline, or -1 */
	int			matrix;			/* the CsMatrix */
	int			moments;		/* per item of the wave: rows, mean[d], products[d][d] */
	int			first;			/* lane of item 0 */
	int			d;
} CovarianceArgs;

/* Rows, mean and centred cross products (those with j >= i) of some rows; in one array. */
typedef struct CrossMoments
{
	int			d;
	double	   *nrows;
	double	   *mean;
	double	   *products;
} CrossMoments;

static Size
CrossMomentsSize(int d)
{
	return (1 + (Size) d + (Size) d * d) * sizeof(double);
}

/* Find the parts of the array. */
static CrossMoments
CrossMomentsAt(double *array, int d)
{
	CrossMoments m = {.d = d,.nrows = array,.mean = array + 1,.products = array + 1 + d};

	return m;
}

/*
 * Account for rows that join: their own products have been, or are being added; this adds what
 * the distance of the means makes, and moves the mean.
 */
static void
JoinMeans(CrossMoments *to, double nrows, const double *mean)
{
	double		total = *to->nrows + nrows;
	double		weight = *to->nrows * nrows / total;

	for (int i = 0; i < to->d; i++)
	{
		double		delta = mean[i] - to->mean[i];

		for (int j = i; j < to->d; j++)
			to->products[(Size) i * to->d + j] += weight * delta * (mean[j] - to->mean[j]);
	}
	for (int i = 0; i < to->d; i++)
		to->mean[i] += (mean[i] - to->mean[i]) * (nrows / total);
	*to->nrows = total;
}

/* Add lane moments to the total. */
static void
MergeMoments(CrossMoments *to, const CrossMoments *from)
{
	for (int i = 0; i < to->d; i++)
	{
		for (int j = i; j < to->d; j++)
			to->products[(Size) i * to->d + j] += from->products[(Size) i * to->d + j];
	}
	JoinMeans(to, *from->nrows, from->mean);
}

/* Sum of n values: n is a multiple of SUMS, as the block is padded with zeros. */
static double
SumColumn(const double *x, int n)
{
	double		s[SUMS] = {0};

	for (int r = 0; r < n; r += SUMS)
	{
		for (int k = 0; k < SUMS; k++)
			s[k] += x[r + k];
	}
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/*
 * Products of one column with TILE columns that start ystride apart, added to sums[0..TILE-1].
 * Eight running sums each, so that the order of additions is the same on any machine.
 */
CS_CLONES static void
MultiplyColumns(const double *x, const double *y, int ystride, int n, double *sums)
{
	double		s[TILE][SUMS] = {{0}};

	for (int r = 0; r < n; r += SUMS)
	{
		for (int t = 0; t < TILE; t++)
		{
			for (int k = 0; k < SUMS; k++)
				s[t][k] += x[r + k] * y[(Size) t * ystride + r + k];
		}
	}
	for (int t = 0; t < TILE; t++)
		sums[t] += ((s[t][0] + s[t][1]) + (s[t][2] + s[t][3])) +
			((s[t][4] + s[t][5]) + (s[t][6] + s[t][7]));
}

/*
 * Add a block of scaled columns, CS_BLOCK_ROWS apart, to the moments; the block is centred in
 * place.  There is room for TILE columns behind the last.
 */
static void
AddBlock(CrossMoments *m, double *block, int nrows, double *mean)
{
	int			padded = TYPEALIGN(SUMS, nrows);

	for (int j = 0; j < m->d; j++)
	{
		double	   *x = block + (Size) j * CS_BLOCK_ROWS;

		memset(x + nrows, 0, (padded - nrows) * sizeof(double));
		mean[j] = SumColumn(x, padded) / nrows;
		for (int r = 0; r < nrows; r++)
			x[r] -= mean[j];
	}
	for (int i = 0; i < m->d; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = i; j < m->d; j += TILE)
		{
			double		sums[TILE] = {0};

			MultiplyColumns(block + (Size) i * CS_BLOCK_ROWS, block + (Size) j * CS_BLOCK_ROWS,
							CS_BLOCK_ROWS, padded, sums);
			for (int t = 0; t < Min(TILE, m->d - j); t++)
				m->products[(Size) i * m->d + j + t] += sums[t];
		}
	}
	JoinMeans(m, nrows, mean);
}

/* Copy or scale a block of rows; the columns of the result are CS_BLOCK_ROWS apart. */
static void
TakeBlock(const CsPipeline *p, const double *x, int nrows, int d, double *block, double *work)
{
	if (p == NULL)
		memcpy(block, x, sizeof(double) * d * CS_BLOCK_ROWS);
	else if (!CsPipelineScale(p, x, CS_BLOCK_ROWS, nrows, block, CS_BLOCK_ROWS, work))
		elog(ERROR, "a row of the training data can't be prepared");
}

/* Moments of the rows of one lane. */
void
CsPrepCovarianceTask(CsTeam *team, const void *args, int item)
{
	const CovarianceArgs *a = args;
	CsArena    *arena = CsTeamArena(team);
	const CsPipeline *p = a->pipeline < 0 ? NULL : CsArenaAddress(arena, a->pipeline);
	const CsMatrix *rows = CsArenaAddress(arena, a->matrix);
	int			d = a->d;
	int			lane = a->first + item;
	double	   *array = (double *) CsArenaAddress(arena, a->moments) +
		item * (CrossMomentsSize(d) / sizeof(double));
	CrossMoments m = CrossMomentsAt(array, d);
	double	   *block = palloc0(mul_size((Size) (d + TILE) * CS_BLOCK_ROWS, sizeof(double)));
	double	   *work = palloc(mul_size(p == NULL ? 1 : Max(CsKnnWork(p), 1), sizeof(double)));
	double	   *mean = palloc(mul_size(d, sizeof(double)));

	memset(array, 0, CrossMomentsSize(d));
	for (int64 b = CsLaneStart(rows, lane); b < CsLaneStart(rows, lane + 1); b++)
	{
		int			nrows = CsMatrixBlockRows(rows, b);

		CHECK_FOR_INTERRUPTS();
		TakeBlock(p, CsMatrixBlock(rows, arena, b), nrows, d, block, work);
		AddBlock(&m, block, nrows, mean);
	}
}

/*
 * Means of the d columns that pipeline "p" scales the rows to (NULL: of the matrix' own), and their
 * covariances with n - 1 in the denominator, d x d; NaN with fewer than two rows.  Both palloc'd.
 * Lanes run in waves, and are added in their order.
 */
CsCovariance
CsCovarianceOfRows(CsTeam *team, const CsPipeline *p, const CsMatrix *m)
{
	CsArena    *arena = CsTeamArena(team);
	int			d = p == NULL ? m->ncolumns : p->nscaled;
	Size		size = CrossMomentsSize(d);
	int			wave = Min(CsTeamWorkers(team) + 1, CS_LANES);
	Size		needed = mul_size(size, wave + 3);	/* and the sum, a copy and eigenvectors */
	CrossMoments total;
	CovarianceArgs args = {.pipeline = -1,.d = d};

	if (needed / 1024 > maintenance_work_mem)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("covariances of %d columns need %zu MB, but maintenance_work_mem is %d MB",
						d, needed / (1024 * 1024), maintenance_work_mem / 1024),
				 errhint("Raise maintenance_work_mem, or use fewer features.")));
	total = CrossMomentsAt(palloc0(size), d);
	if (p != NULL)
	{
		args.pipeline = CsArenaAlloc(arena, p->size);
		memcpy(CsArenaAddress(arena, args.pipeline), p, p->size);
	}
	args.matrix = CsMatrixShare(m, arena);
	args.moments = CsArenaAlloc(arena, mul_size(size, wave));
	for (args.first = 0; args.first < CS_LANES; args.first += wave)
	{
		int			items = Min(wave, CS_LANES - args.first);
		double	   *moments = CsArenaAddress(arena, args.moments);

		CsTeamRun(team, CS_TASK(CsPrepCovarianceTask), &args, sizeof(args), items);
		for (int i = 0; i < items; i++)
		{
			CrossMoments lane = CrossMomentsAt(moments + i * (size / sizeof(double)), d);

			if (*lane.nrows > 0)
				MergeMoments(&total, &lane);
		}
	}
	CsArenaFree(arena, args.moments);
	CsArenaFree(arena, args.matrix);
	if (p != NULL)
		CsArenaFree(arena, args.pipeline);

	for (int i = 0; i < d; i++)
		for (int j = i; j < d; j++)
			total.products[(Size) j * d + i] = total.products[(Size) i * d + j] /=
				(double) (m->nrows - 1);
	return (CsCovariance) {.d = d,.mean = total.mean,.values = total.products};
}
