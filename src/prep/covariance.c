/*
 * covariance.c
 *	  Means and covariances of the columns of a matrix, as they are or as a pipeline scales them.
 *
 * math/cross_moments.c sums up each lane's blocks, one after the other; then lanes are merged in their
 * order.
 */
#include "custseg.h"

#include "call/call.h"
#include "math/math.h"
#include "miscadmin.h"
#include "prep/internal.h"

typedef struct CovarianceArgs
{
	int			pipeline;		/* areas: the CsPipeline, or -1 */
	int			matrix;			/* the CsMatrix */
	int			moments;		/* per item of the wave: rows, mean[d], products[d][d] */
	int			first;			/* lane of item 0 */
	int			d;
} CovarianceArgs;

/* Copy or scale a block of rows; the columns of the result are CS_BLOCK_ROWS apart. */
static void
TakeBlock(const CsPipeline *p, const double *x, int nrows, int d, double *block, double *work)
{
	if (p == NULL)
		memcpy(block, x, sizeof(double) * d * CS_BLOCK_ROWS);
	else if (!CsPipelineScale(p, x, CS_BLOCK_ROWS, nrows, block, CS_BLOCK_ROWS, work))
		elog(ERROR, "a row of the training data cannot be prepared");
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
		item * (CsCrossMomentsSize(d) / sizeof(double));
	CsCrossMoments m = CsCrossMomentsAt(array, d);
	double	   *block = palloc0(mul_size((Size) (d + CS_CROSS_TILE) * CS_BLOCK_ROWS, sizeof(double)));
	double	   *work = palloc(mul_size(p == NULL ? 1 : Max(CsKnnWork(p), 1), sizeof(double)));
	double	   *mean = palloc(mul_size(2 * (Size) d, sizeof(double)));

	memset(array, 0, CsCrossMomentsSize(d));
	for (int64 b = CsLaneStart(rows, lane); b < CsLaneStart(rows, lane + 1); b++)
	{
		int			nrows = CsMatrixBlockRows(rows, b);

		CHECK_FOR_INTERRUPTS();
		TakeBlock(p, CsMatrixBlock(rows, arena, b), nrows, d, block, work);
		CsCrossMomentsAddBlock(&m, block, CS_BLOCK_ROWS, nrows, mean);
	}
}

/*
 * Means of the d columns to which pipeline "p" scales the rows, before PCA (p is NULL: of the
 * matrix' own columns), and their covariances, d x d, with n - 1 in the denominator; NaN with fewer
 * than two rows.  Both are palloc'd.  Lanes run in waves, and are added in their order.
 */
CsCovariance
CsCovarianceOfRows(CsTeam *team, const CsPipeline *p, const CsMatrix *m)
{
	CsArena    *arena = CsTeamArena(team);
	int			d = p == NULL ? m->ncolumns : p->nscaled;
	Size		size = CsCrossMomentsSize(d);
	int			wave = Min(CsTeamWorkers(team) + 1, CS_LANES);
	Size		needed = mul_size(size, wave + 3);	/* and the sum, a copy and eigenvectors */
	CsCrossMoments total;
	CovarianceArgs args = {.pipeline = -1,.d = d};

	if (needed > CsMemoryLimit())
		CsMemoryError(needed, "use fewer features", "the covariance of %d columns", d);
	total = CsCrossMomentsAt(palloc0(size), d);
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
			CsCrossMoments lane = CsCrossMomentsAt(moments + i * (size / sizeof(double)), d);

			if (*lane.nrows > 0)
				CsCrossMomentsMerge(&total, &lane);
		}
	}
	CsArenaFree(arena, args.moments);
	CsArenaFree(arena, args.matrix);
	if (p != NULL)
		CsArenaFree(arena, args.pipeline);

	CsCrossMomentsFinish(&total, (double) (m->nrows - 1));
	return (CsCovariance) {.d = d,.mean = total.mean,.values = total.products};
}
