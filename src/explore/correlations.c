/*
 * correlations.c
 *	  How columns go together, pair by pair: correlations().
 *
 * Each pair takes the rows that have both.  Ranks of a column are taken once where no value is missing
 * in either; else those of the rows that the pair has.
 */
#include "custseg.h"

#include <math.h>

#include "explore/explore.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "model/train.h"
#include "stat/correlation.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(custseg_correlations);

/* Buffers of one pair, a double a row each. */
typedef struct Pair
{
	double	   *x,
			   *y,
			   *rank_x,
			   *rank_y,
			   *work;
} Pair;

static double *
NewColumn(int64 nrows, int times)
{
	return palloc_extended(sizeof(double) * Max(nrows, 1) * times, MCXT_ALLOC_HUGE);
}

/* Hold what ranking takes to maintenance_work_mem, beside the values. */
static void
CheckMemory(const CsLook *look)
{
	Size		needed = (Size) look->nrows * sizeof(double) * (2 * look->ncolumns + 8);

	if (needed > (Size) maintenance_work_mem * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("correlations of %d columns and %lld rows need %zu MB, maintenance_work_mem is %d MB",
						look->ncolumns, (long long) look->nrows, needed / (1024 * 1024) + 1,
						maintenance_work_mem / 1024),
				 errhint("SET maintenance_work_mem = '%zuMB'; or give a sample as the source: a query with TABLESAMPLE.",
						 needed / (1024 * 1024) + 1)));
}

/* Ranks of the columns without a missing value; NULL for the others. */
static double **
RankColumns(const CsLook *look, double *work)
{
	double	  **ranks = palloc0(sizeof(double *) * Max(look->ncolumns, 1));

	for (int i = 0; i < look->ncolumns; i++)
	{
		if (look->columns[i].n < look->nrows)
			continue;
		ranks[i] = NewColumn(look->nrows, 1);
		CsRanks(look->columns[i].values, look->nrows, ranks[i], work);
	}
	return ranks;
}

/* Put the rows that have both columns together; returns how many. */
static int64
TakePair(const CsLook *look, const CsLookColumn *a, const CsLookColumn *b, Pair *pair)
{
	int64		n = 0;

	for (int64 i = 0; i < look->nrows; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (isnan(a->values[i]) || isnan(b->values[i]))
			continue;
		pair->x[n] = a->values[i];
		pair->y[n++] = b->values[i];
	}
	return n;
}

/* The line of one pair. */
static void
PutPair(ReturnSetInfo *rsinfo, const CsLook *look, int a, int b, double **ranks, Pair *pair)
{
	const CsLookColumn *ca = &look->columns[a],
			   *cb = &look->columns[b];
	int64		n = look->nrows;
	double		r[2];
	Datum		values[7];
	bool		nulls[7] = {false};

	if (ranks[a] != NULL && ranks[b] != NULL)
	{
		r[0] = n > 1 ? CsPearson(ca->values, cb->values, n) : NAN;
		r[1] = n > 1 ? CsPearson(ranks[a], ranks[b], n) : NAN;
	}
	else
	{
		n = TakePair(look, ca, cb, pair);
		CsRanks(pair->x, n, pair->rank_x, pair->work);
		CsRanks(pair->y, n, pair->rank_y, pair->work);
		r[0] = n > 1 ? CsPearson(pair->x, pair->y, n) : NAN;
		r[1] = n > 1 ? CsPearson(pair->rank_x, pair->rank_y, n) : NAN;
	}
	values[0] = CStringGetTextDatum(NameStr(ca->column.name));
	values[1] = CStringGetTextDatum(NameStr(cb->column.name));
	values[2] = Int64GetDatum(n);
	for (int i = 0; i < 2; i++)
	{
		double		p = CsCorrelationP(r[i], n);

		values[3 + 2 * i] = Float8GetDatum(r[i]);
		nulls[3 + 2 * i] = isnan(r[i]);
		values[4 + 2 * i] = Float8GetDatum(p);
		nulls[4 + 2 * i] = isnan(p);
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* correlations(source, columns) */
Datum
custseg_correlations(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CsLook	   *look;
	Pair		pair;
	double	  **ranks;

	InitMaterializedSRF(fcinfo, 0);
	look = CsLookOpen(CsRequiredText(fcinfo, 0, "source"),
					  PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1), true);
	if (look->ncolumns < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no two columns of numbers to compare"),
				 errhint("Name two at least; columns of texts have no correlation.")));
	look->keep_rows = true;
	CsLookRead(look);
	CheckMemory(look);
	pair.x = NewColumn(look->nrows, 1);
	pair.y = NewColumn(look->nrows, 1);
	pair.rank_x = NewColumn(look->nrows, 1);
	pair.rank_y = NewColumn(look->nrows, 1);
	pair.work = NewColumn(look->nrows, 4);
	ranks = RankColumns(look, pair.work);
	for (int a = 0; a < look->ncolumns; a++)
		for (int b = a + 1; b < look->ncolumns; b++)
			PutPair(rsinfo, look, a, b, ranks, &pair);
	CsLookEnd(look);
	return (Datum) 0;
}
