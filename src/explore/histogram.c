/*
 * histogram.c
 *	  One column: histogram() with a density, concentration(), and frequencies() of any column, whose values other servers
 *	  count that have the rows.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "data/fetch.h"
#include "dist/dist.h"
#include "executor/spi.h"
#include "explore/explore.h"
#include "math/math.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#define MOST_BINS 1000
#define LORENZ_POINTS 101

PG_FUNCTION_INFO_V1(custseg_histogram);
PG_FUNCTION_INFO_V1(custseg_concentration);
PG_FUNCTION_INFO_V1(custseg_frequencies);

/* The arguments of all three. */
enum
{
	ARG_COLUMN = LOOK_SOURCE + 1, ARG_BINS
};

/* Read the one column, a number, that an argument names. */
static CsLook *
LookAtColumn(FunctionCallInfo fcinfo)
{
	const char *column = CsRequiredText(fcinfo, ARG_COLUMN, "column");
	CsLook	   *look = CsLookOpen(CsRelationOpen(CsRequiredText(fcinfo, LOOK_SOURCE, "source")),
								  DatumGetArrayTypeP(CsValueTexts(&column, 1).datum), true);

	CsLookRead(look);
	return look;
}

/* The number of bins that was given, or as many as suit the values. */
static int
NumberOfBins(FunctionCallInfo fcinfo, const double *sorted, int64 n)
{
	int			bins;

	if (PG_ARGISNULL(ARG_BINS))
		return CsBinsOfSorted(sorted, n, MOST_BINS);
	bins = PG_GETARG_INT32(ARG_BINS);
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
	CsResult   *result = CsResultOpen(fcinfo);
	CsLook	   *look;
	CsLookColumn *c;
	const double *sorted;
	double		low,
				high,
				bandwidth;
	int64		below = 0;
	int			bins;

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
	bandwidth = CsBandwidth(sorted, c->n, CsMomentsDeviation(&c->moments, 1));
	for (int i = 0; i < bins; i++)
	{
		/* halves first: the range of finite numbers may be none */
		double		from = low * (1 - (double) i / bins) + high * ((double) i / bins),
					to = i + 1 == bins ? high : low * (1 - (double) (i + 1) / bins) + high * ((double) (i + 1) / bins);
		int64		end = i + 1 == bins ? c->n : CsCountBelow(sorted, c->n, to);
		double		density = bandwidth > 0 ?
			CsKernelDensity(sorted, c->n, bandwidth, from / 2 + to / 2) : NAN;

		CsResultPut(result, CsValues(CsValueInt4(i + 1),
									 CsValueFloat8(from),
									 CsValueFloat8(to),
									 CsValueInt8(end - below),
									 CsValueFloat8((double) (end - below) / (double) c->n),
									 CsValueFloat8(isfinite(density) ? density : NAN)));
		below = end;
	}
	CsLookEnd(look);
	return (Datum) 0;
}

/* The row of concentration(), of a column that has been read; its values end up sorted. */
void
CsConcentrationPut(CsResult *result, CsLook *look, CsLookColumn *c)
{
	const double *sorted = CsLookSorted(look, c);
	double		curve[LORENZ_POINTS],
				total = 0,
				gini = NAN;

	if (c->n > 0 && sorted[0] < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" has values below 0, which have no concentration",
						NameStr(c->column.name)),
				 errdetail("The least is %.15g.", sorted[0]),
				 errhint("Leave them out in a query: WHERE %s >= 0",
						 quote_identifier(NameStr(c->column.name)))));
	if (c->n > 0)
		gini = CsLorenz(sorted, c->n, LORENZ_POINTS, curve, &total);
	CsResultPut(result, CsValues(CsValueInt8(c->n),
								 CsValueInt8(look->nrows - c->n),
								 CsValueFloat8(total),
								 CsValueFloat8(gini),
								 CsValueFloat8(isnan(gini) ? NAN : 1 - curve[90]),
								 CsValueFloat8(isnan(gini) ? NAN : 1 - curve[99]),
								 isnan(gini) ? CsValueNull(FLOAT8ARRAYOID) :
								 CsValueNumbers(curve, LORENZ_POINTS)));
}

/* concentration(source, column): one row */
Datum
custseg_concentration(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsLook	   *look = LookAtColumn(fcinfo);

	CsConcentrationPut(result, look, &look->columns[0]);
	CsLookEnd(look);
	return (Datum) 0;
}

/* Can the values of a column be sorted? */
static bool
Sorts(const CsColumn *column)
{
	return OidIsValid(lookup_type_cache(column->type, TYPECACHE_LT_OPR)->lt_opr);
}

/*
 * A query of the values of a column and how many rows have each: of all rows, or of those of each piece, added up.  The
 * executor groups, so that values are told apart as their type and collation do it; a type that cannot be sorted is by
 * its text.  palloc'd.
 */
static char *
CountsQuery(const CsRelation *rel, const CsColumn *column, const CsPieces *pieces)
{
	const char *level = psprintf("%s%s", quote_identifier(NameStr(column->name)), Sorts(column) ? "" : "::pg_catalog.text");

	if (pieces == NULL)
		return psprintf("SELECT t.level, pg_catalog.count(*) AS n FROM (SELECT source.%s AS level FROM %s%s) AS t GROUP BY t.level",
						level, rel->from_item, OidIsValid(rel->relid) ? " AS source" : "");
	return psprintf("SELECT piece.level, pg_catalog.sum(piece.n)::pg_catalog.int8 AS n FROM (%s) AS piece GROUP BY piece.level",
					CsPiecesUnion(pieces, psprintf("t.%s AS level, pg_catalog.count(*) AS n", level),
								  psprintf("GROUP BY t.%s", level)));
}

/* The query that counts the values of a column, most rows first; palloc'd. */
static char *
FrequenciesQuery(const CsRelation *rel, const CsColumn *column, const CsPieces *pieces)
{
	StringInfoData query;
	bool		is_text = !Sorts(column) || type_is_collatable(column->type);
	const char *ties = !is_text ? "g.level" : "g.level COLLATE \"C\"";

	initStringInfo(&query);
	appendStringInfo(&query,
					 "SELECT g.level, g.n, g.n::pg_catalog.float8 OPERATOR(pg_catalog./) pg_catalog.sum(g.n) OVER ()::pg_catalog.float8,"
					 " pg_catalog.sum(g.n) OVER (ORDER BY g.n DESC, %s ROWS UNBOUNDED PRECEDING)::pg_catalog.float8"
					 " OPERATOR(pg_catalog./) pg_catalog.sum(g.n) OVER ()::pg_catalog.float8"
					 " FROM (%s) AS g ORDER BY g.n DESC, %s",
					 ties, CountsQuery(rel, column, pieces), ties);
	return query.data;
}

/* Have other servers count the values that have the rows, inside SPI; false where the rows are here, or to be read. */
static bool
CountElsewhere(const CsRelation *rel, const CsColumn *column)
{
	const CsPieces *pieces = CsPiecesElsewhere(rel);
	const char *query = pieces == NULL ? NULL : FrequenciesQuery(rel, column, pieces);

	if (query == NULL || !CsPiecesReduce(pieces, query))
		return false;
	CsPiecesRead(pieces, query, NULL, NULL);
	return true;
}

/* Count the values of rows that are here, or are fetched as other sources are, inside SPI. */
static void
CountHere(const CsRelation *rel, const CsColumn *column)
{
	const char *query = FrequenciesQuery(rel, column, NULL);
	SPIPlanPtr	plan = SPI_prepare_cursor(query, 0, NULL, CURSOR_OPT_PARALLEL_OK);

	if (plan == NULL)
		elog(ERROR, "could not plan to count the levels of column \"%s\"", NameStr(column->name));
	if (OidIsValid(CsFetchedBy(plan).relid))
		CsRelationExecute(rel, query, 0, NULL);
	else if (SPI_execute_plan(plan, NULL, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not count the levels of column \"%s\"", NameStr(column->name));
}

/* The text of a value as a column of a result. */
static CsValue
LevelValue(const CsConverter *converter, FmgrInfo *output, const CsValue *value)
{
	const char *text;
	void	   *copy;
	int			length;

	if (value->isnull)
		return CsValueNull(TEXTOID);
	text = CsColumnText(converter, output, value->datum, &length, &copy);
	return CsValueOf(TEXTOID, PointerGetDatum(cstring_to_text_with_len(text, length)), false);
}

/* Put the rows that SPI holds, the value of the first column as text. */
static void
PutFrequencies(CsResult *result)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	Oid			type = SPI_gettypeid(desc, 1);
	CsValue    *row = palloc(sizeof(CsValue) * desc->natts);
	CsConverter converter;
	FmgrInfo	output;
	Oid			function;
	bool		is_varlena;

	CsConverterInit(&converter, type);
	getTypeOutputInfo(type, &function, &is_varlena);
	fmgr_info(function, &output);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		CsValuesOfTuple(SPI_tuptable->vals[i], desc, row);
		row[0] = LevelValue(&converter, &output, &row[0]);
		CsResultPut(result, row, desc->natts);
	}
}

/* frequencies(source, column) */
Datum
custseg_frequencies(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsRelation *rel;
	const CsColumn *column;

	rel = CsRelationOpen(CsRequiredText(fcinfo, LOOK_SOURCE, "source"));
	column = CsRelationColumn(rel, CsRequiredText(fcinfo, ARG_COLUMN, "column"));
	SPI_connect();
	if (!CountElsewhere(rel, column))
		CountHere(rel, column);
	PutFrequencies(result);
	SPI_finish();
	return (Datum) 0;
}
