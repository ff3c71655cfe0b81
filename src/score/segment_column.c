/*
 * segment_column.c
 *	  Does a column hold the segments of a model?
 *
 * It does when a trigger keeps it so, which the catalogue knows, and when what it holds is what a deployed
 * model gives the customers now: resegment(), an UPDATE, or a query may have put it there.  Few columns come
 * so far that rows are read for them: they are integers, and all of their values are numbers of a model's
 * segments.  The source, which may be a query that takes long, is read once for all columns.
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

/* A model whose segments columns may hold. */
typedef struct Candidate
{
	const char *model;
	CsScoring	scoring;
	CsBinding  *binding;		/* NULL: a feature's column is of another kind */
	int			segment;		/* of the customer at hand; -1: not placed */
} Candidate;

/* A column and a model whose segments it may hold: customers placed, and how many are where it says. */
typedef struct Match
{
	Candidate  *candidate;
	int			of;				/* the column's number among those that are asked about */
	const CsColumn *column;
	int			at;				/* among those that are read */
	int64		n_placed;
	int64		n_same;
} Match;

/* What is looked for in one reading. */
typedef struct Search
{
	const CsRelation *relation;
	CsColumnSet set;			/* that are read */
	List	   *candidates;		/* Candidate *, one for each model */
	List	   *matches;		/* Match *, the columns' in their order, the models' of each by name */
} Search;

/* The segment in which a model places the customer whose values these are; -1 for none. */
static int
PlaceBy(Candidate *candidate, const Datum *values, const bool *nulls)
{
	const CsScorer *scorer = candidate->scoring.scorer;
	CsAssignment placed;

	if (candidate->binding == NULL)
		return -1;
	CsBindValues(candidate->binding, CsScorerPipeline(scorer), values, nulls, candidate->scoring.raw);
	if (!CsScoringTry(&candidate->scoring, &placed, NULL) || placed.index < 0)
		return -1;
	return CsScorerSegments(scorer)[placed.index].segment;
}

/* CsRowSink: one customer. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	const Search *s = state;
	ListCell   *cell;

	foreach(cell, s->candidates)
	{
		Candidate  *candidate = lfirst(cell);

		candidate->segment = PlaceBy(candidate, values, nulls);
	}
	foreach(cell, s->matches)
	{
		Match	   *match = lfirst(cell);
		const CsConverter *converter = &match->column->converter;

		if (match->candidate->segment < 0 || nulls[match->at])
			continue;
		match->n_placed++;
		match->n_same += match->candidate->segment == converter->to_double(converter, values[match->at]);
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

/* Bind a candidate to the columns that are read, unless one of them is of another kind than its feature. */
static void
Bind(Candidate *candidate, const CsColumnSet *set)
{
	const CsPipeline *p = CsScorerPipeline(candidate->scoring.scorer);
	CsBindState *states = palloc0(sizeof(CsBindState) * p->nfeatures);
	CsBinding  *binding = CsBindingForColumns(p, set->columns, set->ncolumns, candidate->model,
											  CurrentMemoryContext, states);

	for (int i = 0; i < p->nfeatures; i++)
		if (states[i] != CS_BIND_DONE)
			return;
	candidate->binding = binding;
}

/* The candidate of a model, made when there is none yet; NULL when the caller may not use or read what it needs. */
static Candidate *
CandidateOf(Search *s, const char *model)
{
	const CsScorer *scorer;
	Candidate  *candidate;
	ListCell   *cell;

	foreach(cell, s->candidates)
		if (strcmp(((Candidate *) lfirst(cell))->model, model) == 0)
			return lfirst(cell);
	scorer = CsCacheTry(model, 0);
	if (scorer == NULL || !CollectColumns(&s->set, s->relation, CsScorerPipeline(scorer)))
		return NULL;
	candidate = palloc0(sizeof(Candidate));
	candidate->model = model;
	CsCachePin(scorer, CurrentMemoryContext);
	CsScoringInit(&candidate->scoring, scorer, CurrentMemoryContext);
	s->candidates = lappend(s->candidates, candidate);
	return candidate;
}

/* Look whether a column holds the segments of one of the models, a List of char *. */
static void
AddMatches(Search *s, int of, const CsColumn *column, const List *models)
{
	ListCell   *cell;

	foreach(cell, models)
	{
		Candidate  *candidate = CandidateOf(s, lfirst(cell));
		Match	   *match;

		if (candidate == NULL)
			continue;
		match = palloc0(sizeof(Match));
		match->candidate = candidate;
		match->of = of;
		match->column = column;
		match->at = CsColumnSetAdd(&s->set, column);
		s->matches = lappend(s->matches, match);
	}
}

/*
 * Read customers, and give the reason for each column that says what the deployed version of a model says of
 * them: of several models the first.
 */
static void
ReadMatches(Search *s, char **reasons)
{
	CsRelation	first = *s->relation;
	ListCell   *cell;

	foreach(cell, s->candidates)
		Bind(lfirst(cell), &s->set);
	first.from_item = psprintf("%s LIMIT %d", first.from_item, MOST_CUSTOMERS);
	CsRelationRead(&first, s->set.columns, s->set.ncolumns, TakeRow, s);
	foreach(cell, s->matches)
	{
		const Match *match = lfirst(cell);

		if (reasons[match->of] == NULL && match->n_placed >= FEWEST_CUSTOMERS &&
			(double) match->n_same >= MOST_AGREE * (double) match->n_placed)
			reasons[match->of] = psprintf("the segment of model \"%s\"", match->candidate->model);
	}
}

/* The values of a column as int4[], or NULL when it cannot hold segments. */
static ArrayType *
SegmentsOf(const CsColumnFacts *facts)
{
	const CsFewValues *few = &facts->few;
	Datum		values[CS_FEW_VALUES + 1];

	if (few->n < 2 || few->n > CS_FEW_VALUES)
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

/* Why a column is known to hold segments by a trigger, a phrase; NULL: there is none. */
static char *
TriggerReason(const CsRelation *rel, CsValue column)
{
	List	   *models;

	if (!OidIsValid(rel->relid))
		return NULL;
	models = CsCatalogTexts(triggers_sql, CsValues(CsValueOf(OIDOID, ObjectIdGetDatum(rel->relid), false), column), true);
	if (models == NIL)
		return NULL;
	return CsModelMayUse(linitial(models)) ?
		psprintf("a trigger keeps the segment of model \"%s\" in it", (char *) linitial(models)) :
		pstrdup("a trigger keeps the segment of a model in it");
}

/*
 * Why columns are known to hold segments: for each of n a phrase, or NULL if it is not known to, palloc'd.  The
 * facts tell a column's values; where there are none, it is not asked.
 */
char **
CsSegmentColumnReasons(const CsRelation *rel, const CsColumn **columns, const CsColumnFacts **facts, int n)
{
	Search		s = {.relation = rel};
	char	  **reasons = palloc0(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		CsValue		name;
		ArrayType  *segments;

		if (facts[i] == NULL || !(facts[i]->is_integer || columns[i]->type == TEXTOID))
			continue;
		/* a trigger writes paths to a text */
		name = CsValueText(NameStr(columns[i]->name));
		reasons[i] = TriggerReason(rel, name);
		segments = reasons[i] == NULL && facts[i]->is_integer ? SegmentsOf(facts[i]) : NULL;
		if (segments != NULL)
			AddMatches(&s, i, columns[i],
					   CsCatalogTexts(models_sql, CsValues(CsValueArray(INT4ARRAYOID, segments), name,
														   CsValueArray(TEXTARRAYOID, NamesOf(rel))), true));
	}
	if (s.matches != NIL)
		ReadMatches(&s, reasons);
	return reasons;
}
