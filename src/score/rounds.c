/*
 * rounds.c
 *	  The rows of a batch of resegment(), or all, read and judged, in rounds.
 *
 * A round streams the needed columns of every row through the scorer, as score() does, and notes
 * the rows whose segment is not the one they have; then one UPDATE, joined with these notes,
 * writes them (notes.c).  Both run as the caller, with the caller's rights and row-level security.
 *
 * The next round judges the rows that were left to their writers, and no others.  Rounds end when all
 * notes could be used, or none twice; what is left then stays as it was found.  So every row that the
 * first round saw, and that is still there, is counted once.
 *
 * A customer that somebody has put in a segment by hand (override.c) goes there and stays there.
 */
#include "custseg.h"

#include "catalog/pg_collation_d.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "score/resegment.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define MAX_ROUNDS 5

/* What a round calls the path of a row: a table hardly has a column of that name. */
#define PATH_NAME "\"custseg.predict_path()\""

/* Rows that are read at once: a batch, or all. */
typedef struct Rounds
{
	CsResegment *request;
	CsScoring	scoring;
	CsBinding  *binding;
	CsOverrides *overrides;		/* NULL: there are none */
	List	   *id;				/* with overrides: the columns (const CsColumn *) that tell customers */
	int			id_positions[INDEX_MAX_KEYS];	/* of these among what is read */
	CsBatchKey *key;			/* with batches, else NULL */
	char	   *until;			/* condition on the key: within the batch; NULL in the first round */
	CsRelation *reader;			/* the query that a round reads */
	char	   *table;			/* qualified and quoted */
	char	   *column;			/* quoted */
	Oid			column_type;
	CsNotes    *notes;
	int			round;			/* from 1 */
	int64		nread;			/* rows that the round has judged */
} Rounds;

/*
 * The columns that tell customers, so that overrides can be honoured; an error when there are none, for
 * whoever was excluded must not come back in silence.
 */
List *
CsResegmentKey(const CsScorer *scorer, Relation rel, const char *table)
{
	List	   *columns = CsFindKey(CsRelationOpen(table), CsScorerId(scorer));

	if (columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("overrides of model \"%s\" cannot be honoured: table \"%s\" has no column that identifies a customer",
						NameStr(scorer->model), RelationGetRelationName(rel)),
				 errhint("Name the column as the model's id, give the table a primary key, or end the overrides with custseg.end_override().")));
	return columns;
}

/* Add a column to what a round reads, unless it is read already. */
static void
AddColumn(StringInfo sql, Relation rel, const char *name, Bitmapset **columns)
{
	AttrNumber	number = get_attnum(RelationGetRelid(rel), name);

	if (!bms_is_member(number, *columns))
		appendStringInfo(sql, ", t.%s", quote_identifier(name));
	*columns = bms_add_member(*columns, number);
}

/* Add columns (const CsColumn *) to what a round reads. */
static void
AddColumns(StringInfo sql, Relation rel, const List *list, Bitmapset **columns)
{
	ListCell   *cell;

	foreach(cell, list)
		AddColumn(sql, rel, NameStr(((const CsColumn *) lfirst(cell))->name), columns);
}

/* The rows of the query that a round reads: those that the caller asks for, of this batch. */
static void
AddConditions(StringInfo sql, const Rounds *r)
{
	const CsResegment *request = r->request;
	const char *conditions[] = {request->condition, request->after, r->until};
	const char *before = " WHERE ";

	for (int i = 0; i < lengthof(conditions); i++)
	{
		if (conditions[i] == NULL)
			continue;
		/* a comment at its end ends with the line */
		appendStringInfo(sql, "%s(%s\n)", before, conditions[i]);
		before = " AND ";
	}
	if (r->key != NULL && r->until == NULL)
		appendStringInfo(sql, " ORDER BY %s LIMIT %d", CsBatchKeyOrder(r->key), request->batch);
}

/* Is the column one of text, which gets paths? */
static bool
WritesPaths(const Rounds *r)
{
	return r->column_type == TEXTOID;
}

/*
 * The query that a round reads: where each row is, its segment, the features and the columns that tell customers, or
 * the path that PostgreSQL finds, and with batches the columns of the key, in whose order the rows come.
 */
static char *
BuildReader(const Rounds *r, Relation rel)
{
	const CsPipeline *p = CsScorerPipeline(r->scoring.scorer);
	Bitmapset  *columns = NULL;	/* that are read: a vector once */
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT t.ctid, t.tableoid, t.xmin");
	AddColumn(&sql, rel, r->request->column, &columns);
	if (WritesPaths(r))
		appendStringInfo(&sql, ", custseg.predict_path(%s, t.*) AS " PATH_NAME, quote_literal_cstr(r->request->model));
	for (int i = 0; i < p->nfeatures && !WritesPaths(r); i++)
		AddColumn(&sql, rel, CsFeatureColumn(&p->feature[i]), &columns);
	AddColumns(&sql, rel, r->id, &columns);
	if (r->key != NULL)
		AddColumns(&sql, rel, r->key->columns, &columns);
	if (r->request->value != NULL)
		AddColumn(&sql, rel, r->request->value, &columns);
	appendStringInfo(&sql, " FROM %s AS t", r->table);
	AddConditions(&sql, r);
	return sql.data;
}

/* Load the decisions, for customers who are told by these columns. */
static void
LoadOverrides(Rounds *r)
{
	List	   *columns = NIL;
	int			n = 0;
	ListCell   *cell;

	foreach(cell, r->id)
	{
		const CsColumn *column = CsRelationColumn(r->reader, NameStr(((const CsColumn *) lfirst(cell))->name));

		r->id_positions[n++] = column - r->reader->columns;
		columns = lappend(columns, unconstify(CsColumn *, column));
	}
	r->overrides = CsOverridesLoad(r->scoring.scorer, CsIdentityOfColumns(columns));
}

/* An error unless the table has all features. */
void
CsResegmentCheckFeatures(const CsScorer *scorer, Relation rel)
{
	const CsPipeline *p = CsScorerPipeline(scorer);

	for (int i = 0; i < p->nfeatures; i++)
	{
		const char *name = CsFeatureColumn(&p->feature[i]);

		if (get_attnum(RelationGetRelid(rel), name) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("table \"%s\" lacks column \"%s\"", RelationGetRelationName(rel),
							name),
					 errdetail("Model \"%s\" was trained with it as a feature.",
							   NameStr(scorer->model)),
					 errhint("Where features come from a view, use UPDATE ... FROM the view with custseg.predict().")));
	}
}

/* Resolve everything that stays the same from round to round. */
static void
PrepareRounds(Rounds *r, const CsScorer *scorer, Relation rel)
{
	AttrNumber	number;

	/* the column is missed last: who is told to add it can use it then */
	CsResegmentCheckFeatures(scorer, rel);
	number = CsSegmentColumn(rel, r->request->column);
	CsScoringInit(&r->scoring, scorer, CurrentMemoryContext);
	r->table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
										  RelationGetRelationName(rel));
	r->column = pstrdup(quote_identifier(r->request->column));
	r->column_type = TupleDescAttr(RelationGetDescr(rel), number - 1)->atttypid;
	if (r->request->batch > 0)
		r->key = CsBatchKeyFind(rel, r->table);
	if (WritesPaths(r) && r->request->names_version)
		CsRejectVersionOfPath(r->request->column);
	if (!WritesPaths(r) && CsOverridesHold(scorer))
		r->id = CsResegmentKey(scorer, rel, r->table);
	r->reader = CsRelationOpen(BuildReader(r, rel));
	if (!WritesPaths(r))
		r->binding = CsBindingForColumns(CsScorerPipeline(scorer), r->reader->columns,
										 r->reader->ncolumns, NameStr(scorer->model),
										 CurrentMemoryContext, NULL);
	if (r->id != NIL)
		LoadOverrides(r);
	if (r->key != NULL)
		CsBatchKeyBind(r->key, r->reader);
	r->notes = CsNotesCreate(r->table, r->column, r->column_type, r->request->moves, r->reader);
}

/* What somebody has decided for the row's customer, or NULL. */
static const CsOverride *
FindOverride(Rounds *r, const Datum *row, const bool *nulls)
{
	Datum		id[INDEX_MAX_KEYS];
	bool		id_nulls[INDEX_MAX_KEYS];

	if (r->overrides == NULL)
		return NULL;
	for (int i = 0; i < r->overrides->identity->nparts; i++)
	{
		id[i] = row[r->id_positions[i]];
		id_nulls[i] = nulls[r->id_positions[i]];
	}
	return CsOverridesFind(r->overrides, id, id_nulls);
}

/* Where a row belongs: index of its segment, -1 for none. */
static int
PlaceRow(Rounds *r, const Datum *row, const bool *nulls)
{
	const CsOverride *override = FindOverride(r, row, nulls);
	CsAssignment placed;

	if (override != NULL)
	{
		r->request->n_by_hand += r->round == 1;
		return override->index;
	}
	CsBindValues(r->binding, CsScorerPipeline(r->scoring.scorer), row, nulls, r->scoring.raw);
	return CsScoringPlace(&r->scoring, &placed, NULL) ? placed.index : -1;
}

/* Judge a row by its path: it stays as it is, or is noted. */
static void
JudgePath(Rounds *r, const Datum *row, const bool *nulls)
{
	bool		is_none = nulls[CS_READ_PATH];
	bool		is_same = is_none == nulls[CS_READ_SEGMENT];

	if (!nulls[CS_READ_SEGMENT])
		CsPathCheckValue(r->request->column, row[CS_READ_SEGMENT]);
	if (is_same && !is_none)
		is_same = DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, row[CS_READ_SEGMENT],
													   row[CS_READ_PATH]));
	if (is_same)
		CsNotesStay(r->notes, row, nulls);
	else
		CsNotesAdd(r->notes, row, nulls, row[CS_READ_PATH], is_none);
}

/* Judge a row by its segment likewise. */
static void
JudgeSegment(Rounds *r, const Datum *row, const bool *nulls)
{
	const CsScorer *scorer = r->scoring.scorer;
	CsMaybeSegment old = CsMaybeSegmentRead(row[CS_READ_SEGMENT], nulls[CS_READ_SEGMENT], r->column_type);
	CsMaybeSegment new = {0, false};
	int			index = PlaceRow(r, row, nulls);

	if (index >= 0)
	{
		new.segment = CsScorerSegments(scorer)[index].segment;
		new.exists = true;
	}

	/* NULL stays NULL; a number that no segment can have does not, though it counts as none */
	if (new.exists ? old.exists && old.segment == new.segment : nulls[CS_READ_SEGMENT])
	{
		CsNotesStay(r->notes, row, nulls);
		return;
	}
	CsNotesAdd(r->notes, row, nulls, new.exists ? CsSegmentDatum(new.segment, r->column_type) : (Datum) 0,
			   !new.exists);
}

/* One row of a round. */
static void
JudgeRow(void *state, const Datum *row, const bool *nulls)
{
	Rounds	   *r = state;

	if (r->key != NULL && r->round == 1)
		CsBatchKeyKeep(r->key, row);
	if (r->round > 1 && !CsNotesIsLeft(r->notes, row))
		return;
	r->nread++;
	if (WritesPaths(r))
		JudgePath(r, row, nulls);
	else
		JudgeSegment(r, row, nulls);
}

/* One round; true when there is reason for another. */
static bool
RunRound(Rounds *r)
{
	int64		noted;
	int64		written = 0;
	bool		is_last;

	r->round++;
	r->nread = 0;
	CsNotesBegin(r->notes);
	PushActiveSnapshot(GetTransactionSnapshot());
	if (r->round > 1)
		CsNotesFollow(r->notes);
	(void) CsRelationRead(r->reader, r->reader->columns, r->reader->ncolumns, JudgeRow, r);
	PopActiveSnapshot();
	/* a row that a later round does not find is gone */
	r->request->rows_total += r->round == 1 ? r->nread : r->nread - r->notes->nleft;

	noted = tuplestore_tuple_count(r->notes->store);
	if (noted > 0)
		written = CsNotesWrite(r->notes);
	/* What a policy or a trigger keeps from being written shows in a second round without any. */
	is_last = written == noted || (written == 0 && r->round > 1) || r->round == MAX_ROUNDS;
	CsNotesEnd(r->notes, noted - written, is_last);
	r->request->rows_changed += written;
	ereport(DEBUG1,
			(errmsg_internal("resegment round %d: %lld rows noted, %lld written", r->round,
							 (long long) noted, (long long) written)));
	return !is_last;
}

/*
 * Place the rows of a batch, or all.  Later rounds read the rows between the same two keys as the first,
 * for there may be others among them now.  Returns the condition that the next batch begins with; NULL
 * when there is none, because this one was not full.
 */
char *
CsResegmentBatch(CsResegment *request, Relation rel)
{
	Rounds		r = {.request = request};
	const CsScorer *scorer = CsCacheGet(request->model, request->version);
	bool		again;
	bool		is_full;

	CsCachePin(scorer, CurrentMemoryContext);
	PrepareRounds(&r, scorer, rel);
	again = RunRound(&r);
	is_full = request->batch > 0 && r.nread == request->batch;
	if (again && request->batch > 0)
	{
		r.until = CsBatchKeyUntil(r.key);
		r.reader = CsRelationOpen(BuildReader(&r, rel));
	}
	while (again)
	{
		CHECK_FOR_INTERRUPTS();
		again = RunRound(&r);
	}
	return is_full ? CsBatchKeyAfter(r.key) : NULL;
}
