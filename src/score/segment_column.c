/*
 * segment_column.c
 *	  Does a column hold the segments of a model?
 *
 * It does when a trigger keeps it so, which the catalogue knows, and when what it holds is what a deployed
 * model gives the customers now: resegment(), an UPDATE, or a query may have put it there.  Few columns come
 * so far that rows are read for them: they are integers, and all of their values are numbers of a model's
 * segments.
 */
#include "custseg.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "score/score.h"
#include "utils/builtins.h"

/* Customers who are placed, and the share of them whose segment the column must hold. */
#define MOST_CUSTOMERS 1000
#define FEWEST_CUSTOMERS 10
#define MOST_AGREE 0.8

static const char *const triggers_sql =
"SELECT t.model FROM (SELECT custseg_private.trigger_arguments(g.tgargs) AS arguments"
" FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid OPERATOR(pg_catalog.=) $1"
" AND g.tgfoid OPERATOR(pg_catalog.=) 'custseg.assign_segment'::pg_catalog.regproc) AS a, "
"LATERAL (SELECT a.arguments[1] AS model, a.arguments[2] AS column_name) AS t "
"WHERE t.column_name OPERATOR(pg_catalog.=) $2 ORDER BY 1";

/* Deployed versions that have a segment for each value, and do not have the column as a feature. */
static const char *const models_sql =
"SELECT m.name FROM custseg.model AS m WHERE m.deployed_version IS NOT NULL"
" AND NOT EXISTS (SELECT FROM pg_catalog.unnest($1) AS x (value) WHERE NOT EXISTS"
" (SELECT FROM custseg.segment AS s WHERE s.model OPERATOR(pg_catalog.=) m.name"
" AND s.version OPERATOR(pg_catalog.=) m.deployed_version AND s.segment OPERATOR(pg_catalog.=) x.value))"
" AND NOT EXISTS (SELECT FROM custseg.feature AS f WHERE f.model OPERATOR(pg_catalog.=) m.name"
" AND f.version OPERATOR(pg_catalog.=) m.deployed_version AND f.name OPERATOR(pg_catalog.=) $2) "
"ORDER BY m.name";

/* The first column of what a statement finds, a List of char *. */
static List *
ReadNames(const char *sql, const CsValue *arguments, int narguments)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *names = NIL;

	SPI_connect();
	(void) CsCatalogExecute(sql, arguments, narguments, true);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		MemoryContext spi = MemoryContextSwitchTo(caller);

		if (name != NULL)
			names = lappend(names, pstrdup(name));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return names;
}

/* Customers placed, and how many of them are where the column says. */
typedef struct Comparing
{
	CsScoring	scoring;
	CsBinding  *binding;
	const CsColumn *column;
	int			at;				/* of the column among those that are read */
	int64		n_placed;
	int64		n_same;
} Comparing;

/* CsRowSink: one customer. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Comparing  *c = state;
	const CsScorer *scorer = c->scoring.scorer;
	const CsConverter *converter = &c->column->converter;
	CsAssignment placed;

	if (nulls[c->at])
		return;
	CsBindValues(c->binding, CsScorerPipeline(scorer), values, nulls, c->scoring.raw);
	if (!CsScoringTry(&c->scoring, &placed, NULL) || placed.index < 0)
		return;
	c->n_placed++;
	c->n_same += CsScorerSegments(scorer)[placed.index].segment == converter->to_double(converter, values[c->at]);
}

/* Collect a model's features and the column; false when the source lacks a feature. */
static bool
CollectColumns(CsColumnSet *set, const CsRelation *rel, const CsPipeline *p)
{
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		const CsColumn *column = CsRelationFeature(rel, NameStr(f->name), f->vector_width);

		if (column == NULL)
			return false;
		CsColumnSetAdd(set, column);
	}
	return true;
}

/* Is a column what the deployed version of a model, if the caller may use it, says of the customers? */
static bool
IsWhatModelSays(const CsRelation *rel, const CsColumn *column, const char *model)
{
	const CsScorer *scorer = CsCacheTry(model, 0);
	const CsPipeline *p;
	CsRelation	first = *rel;
	CsColumnSet set = {0};
	CsBindState *states;
	Comparing	c = {.column = column};

	if (scorer == NULL)
		return false;
	CsCachePin(scorer, CurrentMemoryContext);
	p = CsScorerPipeline(scorer);
	if (!CollectColumns(&set, rel, p))
		return false;
	c.at = CsColumnSetAdd(&set, column);
	states = palloc0(sizeof(CsBindState) * p->nfeatures);
	c.binding = CsBindingForColumns(p, set.columns, set.ncolumns, model, CurrentMemoryContext, states);
	for (int i = 0; i < p->nfeatures; i++)
		if (states[i] != CS_BIND_DONE)
			return false;
	CsScoringInit(&c.scoring, scorer, CurrentMemoryContext);
	first.from_item = psprintf("(SELECT * FROM %s LIMIT %d) AS source", rel->from_item, MOST_CUSTOMERS);
	first.relid = InvalidOid;
	CsRelationRead(&first, set.columns, set.ncolumns, TakeRow, &c);
	return c.n_placed >= FEWEST_CUSTOMERS && (double) c.n_same >= MOST_AGREE * (double) c.n_placed;
}

/* The values of a column as int4[], or NULL when it cannot hold segments. */
static ArrayType *
SegmentsOf(const CsColumnFacts *facts)
{
	const CsFewValues *few = &facts->few;
	Datum		values[CS_FEW_VALUES + 1];

	if (!facts->is_integer || few->n < 2 || few->n > CS_FEW_VALUES)
		return NULL;
	for (int i = 0; i < few->n; i++)
	{
		if (few->value[i] < 0 || few->value[i] > PG_INT32_MAX)
			return NULL;
		values[i] = Int32GetDatum((int32) few->value[i]);
	}
	return construct_array(values, few->n, INT4OID, sizeof(int32), true, TYPALIGN_INT);
}

/*
 * Why a column is known to hold segments, a phrase, palloc'd; NULL: it is not.  The facts tell its values.
 */
char *
CsSegmentColumnReason(const CsRelation *rel, const CsColumn *column, const CsColumnFacts *facts)
{
	CsValue		name = CsValueText(NameStr(column->name));
	ArrayType  *segments = SegmentsOf(facts);
	List	   *models;
	ListCell   *cell;

	if (!facts->is_integer)
		return NULL;
	if (OidIsValid(rel->relid))
	{
		models = ReadNames(triggers_sql, CsValues(CsValueOf(OIDOID, ObjectIdGetDatum(rel->relid), false), name));
		if (models != NIL)
			return psprintf("a trigger keeps the segment of model \"%s\" in it", (char *) linitial(models));
	}
	if (segments == NULL)
		return NULL;
	models = ReadNames(models_sql, CsValues(CsValueArray(INT4ARRAYOID, segments), name));
	foreach(cell, models)
		if (IsWhatModelSays(rel, column, lfirst(cell)))
			return psprintf("the segment of model \"%s\"", (char *) lfirst(cell));
	return NULL;
}
