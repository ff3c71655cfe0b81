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
#include "miscadmin.h"
#include "score/score.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Customers who are placed, and the share of them whose segment the column must hold. */
#define MOST_CUSTOMERS 1000
#define FEWEST_CUSTOMERS 10
#define MOST_AGREE 0.8

static const char *const triggers_sql =
"SELECT t.model FROM (SELECT custseg_private.trigger_arguments(g.tgargs) AS arguments"
" FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid OPERATOR(pg_catalog.=) $1"
" AND g.tgfoid OPERATOR(pg_catalog.=) 'custseg.assign_segment'::pg_catalog.regproc"
" AND g.tgenabled OPERATOR(pg_catalog.<>) 'D') AS a, "
"LATERAL (SELECT a.arguments[1] AS model, a.arguments[2] AS column_name) AS t "
"WHERE t.column_name OPERATOR(pg_catalog.=) $2 ORDER BY t.model COLLATE pg_catalog.\"C\"";

/*
 * Deployed versions that have a segment for each value, do not have the column as a feature, and have no
 * feature but what the source has.
 */
static const char *const models_sql =
"SELECT m.name FROM custseg.model AS m WHERE m.deployed_version IS NOT NULL"
" AND NOT EXISTS (SELECT FROM pg_catalog.unnest($1) AS x (value) WHERE NOT EXISTS"
" (SELECT FROM custseg.segment AS s WHERE s.model OPERATOR(pg_catalog.=) m.name"
" AND s.version OPERATOR(pg_catalog.=) m.deployed_version AND s.segment OPERATOR(pg_catalog.=) x.value))"
" AND NOT EXISTS (SELECT FROM custseg.feature AS f WHERE f.model OPERATOR(pg_catalog.=) m.name"
" AND f.version OPERATOR(pg_catalog.=) m.deployed_version"
" AND (f.name OPERATOR(pg_catalog.=) $2 OR f.name OPERATOR(pg_catalog.<>) ALL ($3))) "
"ORDER BY m.name COLLATE pg_catalog.\"C\"";

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

/* A model whose segments the column may hold: customers placed, and how many of them are where it says. */
typedef struct Candidate
{
	const char *model;
	CsScoring	scoring;
	CsBinding  *binding;
	int64		n_placed;
	int64		n_same;
} Candidate;

typedef struct Comparing
{
	const CsColumn *column;
	int			at;				/* of the column among those that are read */
	int			ncandidates;
	Candidate  *candidates;
} Comparing;

/* CsRowSink: one customer. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	const Comparing *c = state;
	const CsConverter *converter = &c->column->converter;

	for (int i = 0; i < c->ncandidates && !nulls[c->at]; i++)
	{
		Candidate  *candidate = &c->candidates[i];
		const CsScorer *scorer = candidate->scoring.scorer;
		CsAssignment placed;

		CsBindValues(candidate->binding, CsScorerPipeline(scorer), values, nulls, candidate->scoring.raw);
		if (!CsScoringTry(&candidate->scoring, &placed, NULL) || placed.index < 0)
			continue;
		candidate->n_placed++;
		candidate->n_same += CsScorerSegments(scorer)[placed.index].segment ==
			converter->to_double(converter, values[c->at]);
	}
}

/* May a column be read?  What the user asked for has been; a model's feature may be another one. */
static bool
MayRead(const CsRelation *rel, const CsColumn *column)
{
	Oid			reader = OidIsValid(rel->reader) ? rel->reader : GetUserId();
	const char *name = NameStr(rel->columns[column->attnum - 1].name);

	return !OidIsValid(rel->relid) || pg_class_aclcheck(rel->relid, reader, ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck(rel->relid, get_attnum(rel->relid, name), reader, ACL_SELECT) == ACLCHECK_OK;
}

/* Collect a model's features; false when the source lacks one, or has it where it cannot be read. */
static bool
CollectColumns(CsColumnSet *set, const CsRelation *rel, const CsPipeline *p)
{
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsColumn *column = CsRelationFind(rel, NameStr(p->feature[i].name));

		if (column == NULL || !MayRead(rel, column))
			return false;
	}
	for (int i = 0; i < p->nfeatures; i++)
		CsColumnSetAdd(set, CsRelationFind(rel, NameStr(p->feature[i].name)));
	return true;
}

/* Bind a candidate to the columns; false when one of them is of another kind than its feature. */
static bool
Bind(Candidate *candidate, const CsColumnSet *set)
{
	const CsPipeline *p = CsScorerPipeline(candidate->scoring.scorer);
	CsBindState *states = palloc0(sizeof(CsBindState) * p->nfeatures);

	candidate->binding = CsBindingForColumns(p, set->columns, set->ncolumns, candidate->model,
											 CurrentMemoryContext, states);
	for (int i = 0; i < p->nfeatures; i++)
		if (states[i] != CS_BIND_DONE)
			return false;
	return true;
}

/*
 * The first of the models, a List of char *, whose deployed version, if the caller may use it, says of the
 * customers what the column says; or NULL.  The source is read once for all of them.
 */
static const char *
FindModel(const CsRelation *rel, const CsColumn *column, const List *models)
{
	CsRelation	first = *rel;
	CsColumnSet set = {0};
	Comparing	c = {.column = column};
	ListCell   *cell;
	int			n = 0;

	c.candidates = palloc0(sizeof(Candidate) * Max(list_length(models), 1));
	foreach(cell, models)
	{
		const CsScorer *scorer = CsCacheTry(lfirst(cell), 0);

		if (scorer == NULL || !CollectColumns(&set, rel, CsScorerPipeline(scorer)))
			continue;
		CsCachePin(scorer, CurrentMemoryContext);
		c.candidates[n].model = lfirst(cell);
		CsScoringInit(&c.candidates[n++].scoring, scorer, CurrentMemoryContext);
	}
	c.at = CsColumnSetAdd(&set, column);
	for (int i = 0; i < n; i++)
		if (Bind(&c.candidates[i], &set))
			c.candidates[c.ncandidates++] = c.candidates[i];
	if (c.ncandidates == 0)
		return NULL;
	first.from_item = psprintf("%s LIMIT %d", rel->from_item, MOST_CUSTOMERS);
	CsRelationRead(&first, set.columns, set.ncolumns, TakeRow, &c);
	for (int i = 0; i < c.ncandidates; i++)
	{
		const Candidate *candidate = &c.candidates[i];

		if (candidate->n_placed >= FEWEST_CUSTOMERS &&
			(double) candidate->n_same >= MOST_AGREE * (double) candidate->n_placed)
			return candidate->model;
	}
	return NULL;
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

/* The names of the source's columns, text[]. */
static ArrayType *
NamesOf(const CsRelation *rel)
{
	Datum	   *names = palloc(sizeof(Datum) * Max(rel->ncolumns, 1));

	for (int i = 0; i < rel->ncolumns; i++)
		names[i] = CStringGetTextDatum(NameStr(rel->columns[i].name));
	return construct_array(names, rel->ncolumns, TEXTOID, -1, false, TYPALIGN_INT);
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
	const char *model;

	if (!facts->is_integer)
		return NULL;
	if (OidIsValid(rel->relid))
	{
		models = ReadNames(triggers_sql, CsValues(CsValueOf(OIDOID, ObjectIdGetDatum(rel->relid), false), name));
		if (models != NIL)
			return CsModelMayUse(linitial(models)) ?
				psprintf("a trigger keeps the segment of model \"%s\" in it", (char *) linitial(models)) :
				pstrdup("a trigger keeps the segment of a model in it");
	}
	if (segments == NULL)
		return NULL;
	models = ReadNames(models_sql, CsValues(CsValueArray(INT4ARRAYOID, segments), name,
											CsValueArray(TEXTARRAYOID, NamesOf(rel))));
	model = FindModel(rel, column, models);
	return model == NULL ? NULL : psprintf("the segment of model \"%s\"", model);
}
