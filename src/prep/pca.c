/*
 * pca.c
 *	  Principal components of the scaled columns.
 *
 * Mean and centred cross products in one pass: each block is centred by its own mean and merged
 * into its lane's, each lane into the total, in their order, by Chan, Golub and LeVeque's formula
 * (The American Statistician 37, 1983).  Eigenvectors of the covariance are the components; their
 * sign is fixed by math/linear.c.
 */
#include "custseg.h"

#include "math/math.h"
#include "miscadmin.h"
#include "prep/internal.h"

/* Columns that one column is multiplied with at a time, and running sums of each product. */
#define TILE 4
#define SUMS 8

typedef struct CovarianceArgs
{
	int			pipeline;		/* areas: the CsPipeline so far */
	int			matrix;			/* the raw CsMatrix */
	int			moments;		/* per item of the wave: rows, mean[d], products[d][d] */
	int			first;			/* lane of item 0 */
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

/* Moments of the scaled rows of one lane. */
void
CsPrepCovarianceTask(CsTeam *team, const void *args, int item)
{
	const CovarianceArgs *a = args;
	CsArena    *arena = CsTeamArena(team);
	const CsPipeline *p = CsArenaAddress(arena, a->pipeline);
	const CsMatrix *raw = CsArenaAddress(arena, a->matrix);
	int			d = p->nscaled;
	int			lane = a->first + item;
	double	   *array = (double *) CsArenaAddress(arena, a->moments) +
		item * (CrossMomentsSize(d) / sizeof(double));
	CrossMoments m = CrossMomentsAt(array, d);
	double	   *block = palloc0(mul_size((Size) (d + TILE) * CS_BLOCK_ROWS, sizeof(double)));
	double	   *work = palloc(mul_size(Max(CsKnnWork(p), 1), sizeof(double)));
	double	   *mean = palloc(mul_size(d, sizeof(double)));

	memset(array, 0, CrossMomentsSize(d));
	for (int64 b = CsLaneStart(raw, lane); b < CsLaneStart(raw, lane + 1); b++)
	{
		int			nrows = CsMatrixBlockRows(raw, b);

		CHECK_FOR_INTERRUPTS();
		if (!CsPipelineScale(p, CsMatrixBlock(raw, arena, b), CS_BLOCK_ROWS, nrows,
							 block, CS_BLOCK_ROWS, work))
			elog(ERROR, "a row of the training data can't be prepared");
		AddBlock(&m, block, nrows, mean);
	}
}

/* Products and means of all rows: lanes in waves, added in their order.  Returns the moments. */
static CrossMoments
ComputeMoments(const CsPipeline *p, CsTeam *team, const CsMatrix *raw)
{
	CsArena    *arena = CsTeamArena(team);
	int			d = p->nscaled;
	Size		size = CrossMomentsSize(d);
	int			wave = Min(CsTeamWorkers(team) + 1, CS_LANES);
	Size		needed = mul_size(size, wave + 3);	/* and the sum, a copy and the vectors */
	CrossMoments total = CrossMomentsAt(palloc0(size), d);
	CovarianceArgs args;

	if (needed / 1024 > maintenance_work_mem)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("PCA of %d columns needs %zu MB, but maintenance_work_mem is %d MB",
						d, needed / (1024 * 1024), maintenance_work_mem / 1024),
				 errhint("Raise maintenance_work_mem, or use fewer features.")));
	args.pipeline = CsArenaAlloc(arena, p->size);
	memcpy(CsArenaAddress(arena, args.pipeline), p, p->size);
	args.matrix = CsMatrixShare(raw, arena);
	args.moments = CsArenaAlloc(arena, mul_size(size, wave));
	for (args.first = 0; args.first < CS_LANES; args.first += wave)
	{
		int			items = Min(wave, CS_LANES - args.first);
		double	   *moments = CsArenaAddress(arena, args.moments);

		CsTeamRun(team, CS_TASK_PREP_COVARIANCE, &args, sizeof(args), items);
		for (int i = 0; i < items; i++)
		{
			CrossMoments lane = CrossMomentsAt(moments + i * (size / sizeof(double)), d);

			if (*lane.nrows > 0)
				MergeMoments(&total, &lane);
		}
	}
	CsArenaFree(arena, args.moments);
	CsArenaFree(arena, args.matrix);
	CsArenaFree(arena, args.pipeline);
	return total;
}

/* How many components were asked for: a number, or as few as reach a share of the variance. */
static int
ChooseComponents(double pca, const double *variance, int d, double total)
{
	double		sum = 0;
	int			n = 0;

	if (pca >= 1)
		return (int) pca;
	while (n < d && sum < pca * total)
		sum += variance[n++];
	return n;
}

/* Add components to the parts; palloc'd. */
void
CsPcaFit(CsPipelineParts *parts, const CsPipeline *p, CsTeam *team, const CsMatrix *raw,
		 double pca)
{
	int			d = p->nscaled;
	CrossMoments m;
	double	   *variance;
	double	   *vectors;
	double		total = 0;
	int			info;

	if (pca > d)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of PCA components %.0f exceeds the %d columns there are", pca, d),
				 errhint("Lower \"pca\", or give a share of the variance between 0 and 1.")));
	if (raw->nrows < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("PCA needs at least two rows")));

	m = ComputeMoments(p, team, raw);
	for (int i = 0; i < d; i++)
	{
		for (int j = i; j < d; j++)
		{
			m.products[(Size) i * d + j] /= raw->nrows - 1;
			m.products[(Size) j * d + i] = m.products[(Size) i * d + j];
		}
		total += m.products[(Size) i * d + i];
	}
	if (!isfinite(total) || total <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("PCA needs columns with a finite variance above 0"),
				 errhint("Choose columns whose values differ from row to row, and scale them.")));

	variance = palloc(mul_size(d, sizeof(double)));
	vectors = palloc(mul_size(mul_size(d, d), sizeof(double)));
	CHECK_FOR_INTERRUPTS();
	info = CsSymmetricEigen(d, m.products, variance, vectors);
	if (info != 0)
		elog(ERROR, "eigenvalues of the covariance did not converge: LAPACK returned %d", info);
	for (int i = 0; i < d; i++)
		variance[i] = Max(variance[i], 0);	/* rounding may leave a tiny negative one */

	parts->ncomponents = ChooseComponents(pca, variance, d, total);
	parts->pca_mean = m.mean;
	parts->pca_variance = variance;
	parts->components = vectors;
	parts->pca_total_variance = total;
}
