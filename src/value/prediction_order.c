/*
 * prediction_order.c
 *	  Rows in an order of their own, before anything is fitted: that of the hashes of their ids.
 *
 * What is drawn by the numbers of rows, and in which order numbers are added up, then follows the
 * customers, however they lie in the source.  Rows of the same hash follow each other by their outcomes and
 * values; which of two that agree in all of these comes first makes no difference.
 */
#include "custseg.h"

#include "miscadmin.h"
#include "utils/float.h"
#include "value/prediction.h"

/* A row that is to be put in its place. */
typedef struct Placed
{
	int64		row;			/* where it is */
	int32		hash;
} Placed;

/* Which of two rows comes first? */
static int
CompareRows(const Placed *a, const Placed *b, const CsTraining *t)
{
	const double *y = CsArenaAddress(t->arena, t->outcomes);
	int			result = (a->hash > b->hash) - (a->hash < b->hash);

	if (result == 0)
		result = float8_cmp_internal(y[a->row], y[b->row]);
	for (int j = 0; j < t->matrix->ncolumns && result == 0; j++)
		result = float8_cmp_internal(CsMatrixRow(t->matrix, t->arena, a->row)[(Size) j * CS_BLOCK_ROWS],
									 CsMatrixRow(t->matrix, t->arena, b->row)[(Size) j * CS_BLOCK_ROWS]);
	return result;
}

#define ST_SORT SortRows
#define ST_ELEMENT_TYPE Placed
#define ST_COMPARE_ARG_TYPE const CsTraining
#define ST_COMPARE(a, b, t) CompareRows(a, b, t)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* Put the rows of a training that has been prepared in order, with their outcomes and hashes. */
void
CsPredictionOrder(CsTraining *t)
{
	int64		n = t->matrix->nrows;
	Placed	   *rows = palloc_extended(mul_size(sizeof(Placed), n), MCXT_ALLOC_HUGE);
	int64	   *from = palloc_extended(mul_size(sizeof(int64), n), MCXT_ALLOC_HUGE);
	double	   *y = CsArenaAddress(t->arena, t->outcomes);
	double	   *scratch;

	for (int64 i = 0; i < n; i++)
		rows[i] = (Placed) {i, t->hashes->labels[i]};
	SortRows(rows, n, t);
	for (int64 i = 0; i < n; i++)
	{
		from[i] = rows[i].row;
		t->hashes->labels[i] = rows[i].hash;
	}
	pfree(rows);
	scratch = palloc_extended(mul_size(sizeof(double), n), MCXT_ALLOC_HUGE);
	memcpy(scratch, y, sizeof(double) * n);
	for (int64 i = 0; i < n; i++)
		y[i] = scratch[from[i]];
	for (int j = 0; j < t->matrix->ncolumns; j++)
		CsMatrixReorderColumn(t->matrix, t->arena, j, from, scratch);
	pfree(scratch);
	pfree(from);
}
