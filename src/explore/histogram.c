/*
 * histogram.c
 *	  One column: histogram() with a density, concentration(), and frequencies() of any column.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "explore/explore.h"
#include "funcapi.h"
#include "math/math.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#define MOST_BINS 1000
#define LORENZ_POINTS 101

PG_FUNCTION_INFO_V1(custseg_histogram);
PG_FUNCTION_INFO_V1(custseg_concentration);
PG_FUNCTION_INFO_V1(custseg_frequencies);

/* Read the one column, a number, that an argument names. */
static CsLook *
LookAtColumn(FunctionCallInfo fcinfo)
{
	Datum		name;
	CsLook	   *look;

	(void) CsRequiredText(fcinfo, 1, "column");
	name = PG_GETARG_DATUM(1);
	look = CsLookOpen(CsRequiredText(fcinfo, 0, "source"),
					  construct_array(&name, 1, TEXTOID, -1, false, TYPALIGN_INT), true);
	CsLookRead(look);
	return look;
}

/* The bins that are asked for, or as many as suit the values. */
static int
NumberOfBins(FunctionCallInfo fcinfo, const double *sorted, int64 n)
{
	int			bins;

	if (PG_ARGISNULL(2))
		return CsBinsOfSorted(sorted, n, MOST_BINS);
	bins = PG_GETARG_INT32(2);
	if (bins < 1 || bins > MOST_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"bins\" must be between 1 and %d", MOST_BINS),
				 errdetail("It is %d.", bins),
				 errhint("Leave it out to have it chosen.")));
	return bins;
}

/* histogram(source, column, bins) */
Datum
custseg_histogram(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CsLook	   *look;
	CsLookColumn *c;
	const double *sorted;
	double		low,
				high,
				bandwidth;
	int64		below = 0;
	int			bins;

	InitMaterializedSRF(fcinfo, 0);
	look = LookAtColumn(fcinfo);
	c = &look->columns[0];
	sorted = CsLookSorted(look, c);
	if (c->n == 0)
		return (Datum) 0;
	bins = NumberOfBins(fcinfo, sorted, c->n);
	low = sorted[0];
	high = sorted[c->n - 1];
	if (low == high)
	{
		/* as numpy does */
		low -= 0.5;
		high += 0.5;
	}
	bandwidth = CsBandwidth(sorted, c->n, CsMomentsDeviation(&c->moments));
	for (int i = 0; i < bins; i++)
	{
		/* halves first: the range of finite numbers may be none */
		double		from = low * (1 - (double) i / bins) + high * ((double) i / bins),
					to = i + 1 == bins ? high : low * (1 - (double) (i + 1) / bins) + high * ((double) (i + 1) / bins);
		int64		end = i + 1 == bins ? c->n : CsCountBelow(sorted, c->n, to);
		double		density = bandwidth > 0 ?
			CsKernelDensity(sorted, c->n, bandwidth, from / 2 + to / 2) : NAN;
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = Float8GetDatum(from);
		values[2] = Float8GetDatum(to);
		values[3] = Int64GetDatum(end - below);
		values[4] = Float8GetDatum((double) (end - below) / (double) c->n);
		values[5] = Float8GetDatum(density);
		nulls[5] = !isfinite(density);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		below = end;
	}
	CsLookEnd(look);
	return (Datum) 0;
}

/* concentration(source, column): one row */
Datum
custseg_concentration(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CsLook	   *look;
	CsLookColumn *c;
	const double *sorted;
	double		curve[LORENZ_POINTS],
				total,
				gini;
	Datum		points[LORENZ_POINTS];
	Datum		values[7];
	bool		nulls[7] = {false};

	InitMaterializedSRF(fcinfo, 0);
	look = LookAtColumn(fcinfo);
	c = &look->columns[0];
	sorted = CsLookSorted(look, c);
	if (c->n > 0 && sorted[0] < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" has values below 0, which have no concentration",
						NameStr(c->column.name)),
				 errdetail("The least is %.15g.", sorted[0]),
				 errhint("Leave them out in a query: WHERE %s >= 0",
						 quote_identifier(NameStr(c->column.name)))));
	gini = c->n > 0 ? CsLorenz(sorted, c->n, LORENZ_POINTS, curve, &total) : NAN;
	for (int i = 0; i < LORENZ_POINTS; i++)
		points[i] = Float8GetDatum(curve[i]);
	values[0] = Int64GetDatum(c->n);
	values[1] = Int64GetDatum(look->nrows - c->n);
	values[2] = Float8GetDatum(c->n > 0 ? total : 0);
	values[3] = Float8GetDatum(gini);
	values[4] = Float8GetDatum(1 - curve[90]);
	values[5] = Float8GetDatum(1 - curve[99]);
	nulls[3] = nulls[4] = nulls[5] = nulls[6] = isnan(gini);
	if (!isnan(gini))
		values[6] = PointerGetDatum(construct_array(points, LORENZ_POINTS, FLOAT8OID, sizeof(float8),
													FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	CsLookEnd(look);
	return (Datum) 0;
}

/* frequencies(source, column): the executor groups and sorts, as it can for any type */
Datum
custseg_frequencies(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CsRelation *rel;
	const CsColumn *column;
	StringInfoData query;

	InitMaterializedSRF(fcinfo, 0);
	rel = CsRelationOpen(CsRequiredText(fcinfo, 0, "source"));
	column = CsRelationColumn(rel, CsRequiredText(fcinfo, 1, "column"));
	initStringInfo(&query);
	appendStringInfo(&query,
					 "SELECT g.level, g.n, g.n::pg_catalog.float8 OPERATOR(pg_catalog./) pg_catalog.sum(g.n) OVER ()::pg_catalog.float8,"
					 " pg_catalog.sum(g.n) OVER (ORDER BY g.n DESC, g.level COLLATE \"C\" ROWS UNBOUNDED PRECEDING)::pg_catalog.float8"
					 " OPERATOR(pg_catalog./) pg_catalog.sum(g.n) OVER ()::pg_catalog.float8"
					 " FROM (SELECT t.level, pg_catalog.count(*) AS n"
					 " FROM (SELECT source.%s::pg_catalog.text AS level FROM %s%s) AS t GROUP BY t.level) AS g"
					 " ORDER BY g.n DESC, g.level COLLATE \"C\"",
					 quote_identifier(NameStr(column->name)), rel->from_item,
					 OidIsValid(rel->relid) ? " AS source" : "");
	SPI_connect();
	if (SPI_execute(query.data, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not count the levels of column \"%s\"", NameStr(column->name));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		values[4];
		bool		nulls[4];

		for (int j = 0; j < 4; j++)
			values[j] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, j + 1, &nulls[j]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}
