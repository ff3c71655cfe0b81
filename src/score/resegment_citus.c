/*
 * resegment_citus.c
 *	  resegment() of a table whose rows Citus keeps.
 *
 * Rows cannot be noted by where they are, for that says nothing on another server.  So there are two
 * statements, both of which the servers with the rows run on all shards at once: one that counts the
 * moves, and one UPDATE of the rows whose segment is another.  The model goes along as a value,
 * and so do decisions by hand.  What somebody else changes between the two statements is placed by the
 * second and was counted as the first has seen it.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "score/resegment.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Sums of floats are taken of values so much smaller, 2^-64, for a sum past the largest float is an error there. */
#define SUM_SCALE 5.421010862427522e-20

/* The statements' parts and arguments. */
typedef struct Statements
{
	CsResegment *request;
	const CsScorer *scorer;
	char	   *table;			/* qualified and quoted */
	char	   *column;			/* quoted, of the table "t" */
	Oid			column_type;
	const char *placed;			/* where a row belongs */
	const char *by_hand;		/* whether somebody has decided that */
	int			narguments;
	Oid			types[3];
	Datum		arguments[3];
} Statements;

/* The columns of the counts. */
enum
{
	COUNT_FROM = 1, COUNT_TO, COUNT_ROWS, COUNT_BY_HAND, COUNT_VALUE
};

/* Add an argument of the statements. */
static void
AddArgument(Statements *s, Oid type, Datum value)
{
	s->types[s->narguments] = type;
	s->arguments[s->narguments++] = value;
}

/* The type custseg.compiled_model. */
static Oid
ScorerType(void)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("compiled_model"),
									   ObjectIdGetDatum(get_namespace_oid("custseg", false)));

	if (!OidIsValid(type))
		elog(ERROR, "type custseg.compiled_model is missing");
	return type;
}

/* Have decisions by hand hold, where there are any. */
static void
HonourDecisions(Statements *s, Relation rel)
{
	List	   *columns = CsResegmentKey(s->scorer, rel, s->table);
	Jsonb	   *decisions = CsOverridesAsJsonb(s->request->model);
	Datum	   *names = palloc(sizeof(Datum) * list_length(columns));
	int			n = 0;
	ListCell   *cell;

	/* here, too, for the NOTICE of those that cannot be honoured */
	if (CsOverridesTold(s->scorer, CsOverridesOfJsonb(s->scorer, CsIdentityOfColumns(columns), decisions)) == NULL)
		return;
	foreach(cell, columns)
		names[n++] = CStringGetTextDatum(NameStr(((const CsColumn *) lfirst(cell))->name));
	AddArgument(s, JSONBOID, JsonbPGetDatum(decisions));
	AddArgument(s, TEXTARRAYOID, PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT)));
	s->placed = "custseg_private.predict_decided($1, t, $2, $3)";
	s->by_hand = "custseg_private.is_decided($1, t, $2, $3)";
}

/* Resolve what both statements need. */
static void
Prepare(Statements *s, CsResegment *request, Relation rel)
{
	AttrNumber	number;

	memset(s, 0, sizeof(*s));
	s->request = request;
	s->scorer = CsCacheGet(request->model, request->version);
	CsCachePin(s->scorer, CurrentMemoryContext);
	CsResegmentCheckFeatures(s->scorer, rel);
	number = CsSegmentColumn(rel, request->column);
	s->column_type = TupleDescAttr(RelationGetDescr(rel), number - 1)->atttypid;
	if (s->column_type == TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is distributed by Citus and cannot have paths written to it",
						RelationGetRelationName(rel)),
				 errhint("Use a column of type integer for segments.")));
	s->table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
										  RelationGetRelationName(rel));
	s->column = psprintf("t.%s", quote_identifier(request->column));
	s->placed = "custseg.predict($1, t)";
	s->by_hand = "false";
	AddArgument(s, ScorerType(), PointerGetDatum(CsScorerValue(s->scorer)));
	if (CsOverridesHold(s->scorer))
		HonourDecisions(s, rel);
}

/* Run one of the statements as the caller; an error unless it ends as expected. */
static void
Run(Statements *s, const char *sql, int expected)
{
	if (SPI_execute_with_args(sql, s->narguments, s->types, s->arguments,
							  NULL, false, 0) != expected)
		elog(ERROR, "could not resegment");
}

/* The condition of the rows that the caller asks for; a comment at its end ends with the line. */
static const char *
Condition(const Statements *s)
{
	return s->request->condition == NULL ? "true" : psprintf("(%s\n)", s->request->condition);
}

/* What the rows are worth, as SQL. */
static const char *
SumOfValues(const Statements *s)
{
	const char *value;
	bool		is_decimal;

	if (s->request->value == NULL)
		return "NULL::pg_catalog.float8";
	is_decimal = CsConverterIsDecimal(&s->request->moves->converter);
	value = psprintf("t.%s::pg_catalog.%s", quote_identifier(s->request->value), is_decimal ? "numeric" : "float8");
	return psprintf(is_decimal ?
					"(pg_catalog.sum(%s) FILTER (WHERE %s OPERATOR(pg_catalog.<>) ALL ('{NaN,Infinity,-Infinity}')))::pg_catalog.float8" :
					"pg_catalog.sum(%s OPERATOR(pg_catalog.*) " CppAsString2(SUM_SCALE) "::pg_catalog.float8) FILTER (WHERE %s OPERATOR(pg_catalog.<>) ALL ('{NaN,Infinity,-Infinity}'))",
					value, value);
}

/* Count the moves, and those who stay. */
static void
CountMoves(Statements *s)
{
	CsResegment *request = s->request;
	bool		is_scaled = request->value != NULL && !CsConverterIsDecimal(&request->moves->converter);

	Run(s, psprintf("SELECT CASE WHEN %s OPERATOR(pg_catalog.>=) 0 AND %s OPERATOR(pg_catalog.<=) 2147483647"
					" THEN %s::pg_catalog.int4 END, %s, pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE %s), %s"
					" FROM %s AS t WHERE %s GROUP BY 1, 2",
					s->column, s->column, s->column, s->placed, s->by_hand, SumOfValues(s), s->table, Condition(s)),
		SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		from = SPI_getbinval(tuple, desc, COUNT_FROM, &isnull);
		CsMaybeSegment had = CsMaybeSegmentRead(from, isnull, INT4OID);
		Datum		to = SPI_getbinval(tuple, desc, COUNT_TO, &isnull);
		CsMaybeSegment has = CsMaybeSegmentRead(to, isnull, INT4OID);
		int64		n = DatumGetInt64(SPI_getbinval(tuple, desc, COUNT_ROWS, &isnull));
		Datum		sum;

		request->n_by_hand += DatumGetInt64(SPI_getbinval(tuple, desc, COUNT_BY_HAND, &isnull));
		sum = SPI_getbinval(tuple, desc, COUNT_VALUE, &isnull);
		CsMovesAdd(request->moves, had, has, n,
				   isnull ? 0 : DatumGetFloat8(sum) / (is_scaled ? SUM_SCALE : 1));
		request->rows_total += n;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Write the rows whose segment is another. */
static void
WriteSegments(Statements *s)
{
	Run(s, psprintf("UPDATE %s AS t SET %s = %s::pg_catalog.%s WHERE %s AND %s IS DISTINCT FROM %s",
					s->table, quote_identifier(s->request->column), s->placed,
					s->column_type == INT2OID ? "int2" : s->column_type == INT4OID ? "int4" : "int8",
					Condition(s), s->column, s->placed),
		SPI_OK_UPDATE);
	s->request->rows_changed += SPI_processed;
}

/* Place all rows of a table that Citus keeps. */
void
CsResegmentCitus(CsResegment *request, Relation rel)
{
	Statements	s;

	if (request->batch > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is distributed by Citus and cannot be resegmented in batches",
						RelationGetRelationName(rel)),
				 errhint("Leave \"batch\" out: all shards are updated at once. Or give ranges of rows as \"where\".")));
	Prepare(&s, request, rel);
	CountMoves(&s);
	WriteSegments(&s);
}
