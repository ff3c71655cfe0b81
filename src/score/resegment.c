/*
 * resegment.c
 *	  A table's segment column brought up to date: CALL resegment().
 *
 * resegment() is for a table of which few customers have moved: rewriting them all, as an UPDATE
 * with predict() does, would cost many times what finding the movers does.  It works in rounds.
 * A round streams the needed columns of every row through the scorer, as score() does, and notes
 * the rows whose segment is not the one they have; then one UPDATE, joined with these notes,
 * writes them.  Both run as the caller, with the caller's rights and row-level security.
 *
 * Nobody else's work is undone.  A note holds where the row was (tableoid, ctid) and which version
 * of it was read (xmin), and the UPDATE takes exactly that version: a row that was changed since
 * is left to its writer, and to the next round, which reads it anew.  Rounds end when all notes
 * could be used, or none twice.
 *
 * A customer that somebody has put in a segment by hand (override.c) goes there and stays there.
 * What moved from where to where, and how many stayed, is recorded in custseg.migration.
 */
#include "custseg.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "score/score.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"

#define MAX_ROUNDS 5

/* Columns that a round reads before the features. */
enum
{
	READ_CTID, READ_TABLEOID, READ_XMIN, READ_SEGMENT
};

/* Columns of a note. */
enum
{
	NOTE_CTID, NOTE_TABLEOID, NOTE_XMIN, NOTE_OLD, NOTE_NEW, NOTE_COLUMNS
};

#define NOTES_NAME "custseg_moved"

/* A segment or none. */
typedef struct MaybeSegment
{
	int32		segment;		/* 0 when there is none */
	int32		exists;
} MaybeSegment;

typedef struct Move
{
	MaybeSegment from;
	MaybeSegment to;
} Move;

typedef struct MoveCount
{
	Move		move;			/* hash key */
	int64		n;
} MoveCount;

/* One call of resegment. */
typedef struct Resegment
{
	CsScoring	scoring;
	CsBinding  *binding;
	CsOverrides *overrides;		/* NULL: there are none */
	int			id;				/* with overrides: position of the id among what is read */
	FmgrInfo	id_output;
	int64		n_by_hand;		/* rows of the first round that an override decided */
	CsRelation *reader;			/* the query that a round reads */
	char	   *table;			/* qualified and quoted */
	char	   *column;			/* quoted */
	Oid			column_type;
	HTAB	   *moves;			/* MoveCount */
	Tuplestorestate *notes;
	TupleDesc	note_desc;
	int			round;			/* from 1 */
	int64		rows_total;
	int64		rows_changed;
} Resegment;

static const char *const record_sql =
"INSERT INTO custseg.migration"
" (model, version, source, run_at, run_by, from_segment, to_segment, n) "
"SELECT $1, $2, $3, (SELECT pg_catalog.clock_timestamp()), $4, m.f, m.t, m.n "
"FROM ROWS FROM (pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7))"
" AS m (f, t, n), "
"(SELECT FROM custseg.model AS k WHERE k.name OPERATOR(pg_catalog.=) $1 FOR KEY SHARE) AS there";

PG_FUNCTION_INFO_V1(custseg_resegment);

/* What the column of that type holds; a number that no segment can have counts as none. */
static MaybeSegment
ReadSegment(Datum value, bool isnull, Oid type)
{
	MaybeSegment result = {0, false};
	int64		number;

	if (isnull)
		return result;
	number = type == INT8OID ? DatumGetInt64(value) :
		type == INT4OID ? DatumGetInt32(value) : DatumGetInt16(value);
	if (number >= 0 && number <= PG_INT32_MAX)
	{
		result.segment = (int32) number;
		result.exists = true;
	}
	return result;
}

/* Open the table to update; an error unless it is one. */
static Relation
OpenTable(text *name)
{
	RangeVar   *range = makeRangeVarFromNameList(textToQualifiedNameList(name));
	Relation	rel = relation_openrv(range, RowExclusiveLock);
	char		kind = rel->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel)),
				 kind == RELKIND_FOREIGN_TABLE ?
				 errhint("Run resegment where the foreign table's rows are stored.") :
				 errhint("Name the table that its rows are stored in.")));
	return rel;
}

/*
 * The column that identifies customers, so that overrides can be honoured; an error without one,
 * for an excluded customer must not come back silently.
 */
static const char *
FindId(const Resegment *r, Relation rel)
{
	const CsColumn *column = CsFindIdColumn(CsRelationOpen(r->table), CsScorerId(r->scoring.scorer));

	if (column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("overrides of model \"%s\" cannot be honoured: table \"%s\" has no column that identifies a customer",
						NameStr(r->scoring.scorer->model), RelationGetRelationName(rel)),
				 errhint("Name the column as the model's id, give the table a primary key, or end the overrides with custseg.end_override().")));
	return NameStr(column->name);
}

/*
 * The query that a round reads: where each row is, its segment, with overrides its id, and the
 * features.
 */
static char *
BuildReader(Resegment *r, Relation rel, AttrNumber segment_column)
{
	const CsPipeline *p = CsScorerPipeline(r->scoring.scorer);
	const char *id = r->overrides == NULL ? NULL : FindId(r, rel);
	Bitmapset  *columns = NULL; /* that are read: a vector once */
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.ctid, t.tableoid, t.xmin, t.%s", r->column);
	for (int i = 0; i < p->nfeatures; i++)
	{
		const char *name = CsFeatureColumn(&p->feature[i]);
		AttrNumber	number = get_attnum(RelationGetRelid(rel), name);

		if (number <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("table \"%s\" lacks column \"%s\"", RelationGetRelationName(rel),
							name),
					 errdetail("Model \"%s\" was trained with it as a feature.",
							   NameStr(r->scoring.scorer->model)),
					 errhint("Where features come from a view, use UPDATE ... FROM the view with custseg.predict().")));
		if (number != segment_column && !bms_is_member(number, columns))
			appendStringInfo(&sql, ", t.%s", quote_identifier(name));
		columns = bms_add_member(columns, number);
		if (id != NULL && strcmp(name, id) == 0)
			id = NULL;			/* a feature, which is read already */
	}
	if (id != NULL)
		appendStringInfo(&sql, ", t.%s", quote_identifier(id));
	appendStringInfo(&sql, " FROM %s AS t", r->table);
	return sql.data;
}

/* The row type of notes. */
static TupleDesc
NoteDesc(Oid segment_type)
{
	TupleDesc	desc = CreateTemplateTupleDesc(NOTE_COLUMNS);

	TupleDescInitEntry(desc, NOTE_CTID + 1, "row_id", TIDOID, -1, 0);
	TupleDescInitEntry(desc, NOTE_TABLEOID + 1, "row_table", OIDOID, -1, 0);
	TupleDescInitEntry(desc, NOTE_XMIN + 1, "row_version", XIDOID, -1, 0);
	TupleDescInitEntry(desc, NOTE_OLD + 1, "old", segment_type, -1, 0);
	TupleDescInitEntry(desc, NOTE_NEW + 1, "new", segment_type, -1, 0);
	return desc;
}

/* Where the id is among the columns that are read. */
static void
FindReadId(Resegment *r, Relation rel)
{
	const CsColumn *column = CsRelationColumn(r->reader, FindId(r, rel));
	Oid			output;
	bool		is_varlena;

	r->id = column - r->reader->columns;
	getTypeOutputInfo(column->type, &output, &is_varlena);
	fmgr_info(output, &r->id_output);
}

/* Resolve everything that stays the same from round to round. */
static void
PrepareResegment(Resegment *r, const CsScorer *scorer, Relation rel, const char *column)
{
	HASHCTL		control = {0};
	AttrNumber	number = CsSegmentColumn(rel, column);

	CsScoringInit(&r->scoring, scorer, CurrentMemoryContext);
	r->overrides = CsOverridesLoad(scorer);
	r->table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
										  RelationGetRelationName(rel));
	r->column = pstrdup(quote_identifier(column));
	r->column_type = TupleDescAttr(RelationGetDescr(rel), number - 1)->atttypid;
	r->reader = CsRelationOpen(BuildReader(r, rel, number));
	r->binding = CsBindingForColumns(CsScorerPipeline(scorer), r->reader->columns,
									 r->reader->ncolumns, NameStr(scorer->model),
									 CurrentMemoryContext, NULL);
	if (r->overrides != NULL)
		FindReadId(r, rel);
	r->note_desc = NoteDesc(r->column_type);
	control.keysize = sizeof(Move);
	control.entrysize = sizeof(MoveCount);
	control.hcxt = CurrentMemoryContext;
	r->moves = hash_create("custseg moves", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Add rows that went from one segment to another, or stayed. */
static void
CountMove(Resegment *r, MaybeSegment from, MaybeSegment to, int64 n)
{
	Move		move = {from, to};
	bool		found;
	MoveCount  *count = hash_search(r->moves, &move, HASH_ENTER, &found);

	count->n = found ? count->n + n : n;
}

/* What somebody has decided for the row's customer, or NULL. */
static const CsOverride *
FindOverride(Resegment *r, const Datum *row, const bool *nulls)
{
	if (r->overrides == NULL || nulls[r->id])
		return NULL;
	return CsOverridesFind(r->overrides, OutputFunctionCall(&r->id_output, row[r->id]));
}

/* Where a row belongs: index of its segment, -1 for none. */
static int
PlaceRow(Resegment *r, const Datum *row, const bool *nulls)
{
	const CsOverride *override = FindOverride(r, row, nulls);
	CsAssignment placed;

	if (override != NULL)
	{
		r->n_by_hand += r->round == 1;
		return override->index;
	}
	CsBindValues(r->binding, CsScorerPipeline(r->scoring.scorer), row, nulls, r->scoring.raw);
	return CsScoringPlace(&r->scoring, &placed, NULL) ? placed.index : -1;
}

/* One row of a round: stays where it is, or is noted. */
static void
JudgeRow(void *state, const Datum *row, const bool *nulls)
{
	Resegment  *r = state;
	const CsScorer *scorer = r->scoring.scorer;
	MaybeSegment old = ReadSegment(row[READ_SEGMENT], nulls[READ_SEGMENT], r->column_type);
	MaybeSegment new = {0, false};
	int			index = PlaceRow(r, row, nulls);
	Datum		note[NOTE_COLUMNS];
	bool		note_nulls[NOTE_COLUMNS] = {false};

	if (index >= 0)
	{
		new.segment = CsScorerSegments(scorer)[index].segment;
		new.exists = true;
	}

	/* NULL stays NULL; a number that no segment can have doesn't, though it counts as none */
	if (new.exists ? old.exists && old.segment == new.segment : nulls[READ_SEGMENT])
	{
		if (r->round == 1)
			CountMove(r, old, new, 1);
		return;
	}
	note[NOTE_CTID] = row[READ_CTID];
	note[NOTE_TABLEOID] = row[READ_TABLEOID];
	note[NOTE_XMIN] = row[READ_XMIN];
	note[NOTE_OLD] = row[READ_SEGMENT];
	note_nulls[NOTE_OLD] = nulls[READ_SEGMENT];
	note[NOTE_NEW] = new.exists ? CsSegmentDatum(new.segment, r->column_type) : (Datum) 0;
	note_nulls[NOTE_NEW] = !new.exists;
	tuplestore_putvalues(r->notes, r->note_desc, note, note_nulls);
}

/* Make the notes a relation that the next statement of SPI can name. */
static void
RegisterNotes(Resegment *r)
{
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	enr->md.name = pstrdup(NOTES_NAME);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = r->note_desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = (double) tuplestore_tuple_count(r->notes);
	enr->reldata = r->notes;
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the rows to update");
}

/*
 * Prepare and plan the UPDATE.  Notes are in the order in which rows lie in the table, so fetching
 * the rows by their ctid is no random access, and is planned as what it is.  The setting is for the
 * plan only: triggers that the UPDATE fires plan with the user's own.
 */
static SPIPlanPtr
PlanUpdate(const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare(sql, 0, NULL);
	char	   *cost = psprintf("%g", seq_page_cost);
	int			level;

	if (plan == NULL)
		elog(ERROR, "could not prepare the update: %s", SPI_result_code_string(SPI_result));
	level = NewGUCNestLevel();
	(void) set_config_option("random_page_cost", cost, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	ReleaseCachedPlan(SPI_plan_get_cached_plan(plan), NULL);
	AtEOXact_GUC(true, level);
	return plan;
}

/* Write the noted segments; returns how many rows were written. */
static int64
UpdateNoted(Resegment *r)
{
	char	   *sql = psprintf("WITH moved AS ("
							   "UPDATE %s AS t SET %s = m.new FROM " NOTES_NAME " AS m"
							   " WHERE t.ctid OPERATOR(pg_catalog.=) m.row_id"
							   " AND t.tableoid OPERATOR(pg_catalog.=) m.row_table"
							   " AND t.xmin OPERATOR(pg_catalog.=) m.row_version"
							   " RETURNING m.old AS old, t.%s AS new) "
							   "SELECT moved.old, moved.new, pg_catalog.count(*) FROM moved"
							   " GROUP BY moved.old, moved.new",
							   r->table, r->column, r->column);
	int64		written = 0;
	int			code;

	SPI_connect();
	RegisterNotes(r);
	code = SPI_execute_plan(PlanUpdate(sql), NULL, NULL, false, 0);
	if (code != SPI_OK_SELECT)
		elog(ERROR, "could not update segments: %s", SPI_result_code_string(code));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		old_null,
					new_null,
					isnull;
		Datum		old = SPI_getbinval(tuple, desc, 1, &old_null);
		Datum		new = SPI_getbinval(tuple, desc, 2, &new_null);
		int64		n = DatumGetInt64(SPI_getbinval(tuple, desc, 3, &isnull));

		CountMove(r, ReadSegment(old, old_null, r->column_type),
				  ReadSegment(new, new_null, r->column_type), n);
		written += n;
	}
	SPI_finish();
	return written;
}

/* One round; true when there is reason for another. */
static bool
RunRound(Resegment *r)
{
	int64		rows;
	int64		noted;
	int64		written = 0;

	r->round++;
	r->notes = tuplestore_begin_heap(false, false, work_mem);
	PushActiveSnapshot(GetTransactionSnapshot());
	rows = CsRelationRead(r->reader, r->reader->columns, r->reader->ncolumns, JudgeRow, r);
	PopActiveSnapshot();
	if (r->round == 1)
		r->rows_total = rows;

	noted = tuplestore_tuple_count(r->notes);
	if (noted > 0)
		written = UpdateNoted(r);
	tuplestore_end(r->notes);
	r->rows_changed += written;
	ereport(DEBUG1,
			(errmsg_internal("resegment round %d: %lld rows noted, %lld written", r->round,
							 (long long) noted, (long long) written)));

	/* What a policy or a trigger keeps from being written shows in a second round without any. */
	return written < noted && (written > 0 || r->round == 1);
}

/* An int4[] of one side of all moves, NULL where there is no segment. */
static ArrayType *
SegmentArray(const MaybeSegment *segments, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc(sizeof(bool) * n);
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		values[i] = Int32GetDatum(segments[i].segment);
		nulls[i] = !segments[i].exists;
	}
	return construct_md_array(values, nulls, 1, &n, &lower, INT4OID, sizeof(int32), true,
							  TYPALIGN_INT);
}

/* Keep the counts in custseg.migration. */
static void
RecordMoves(Resegment *r)
{
	int			nmoves = (int) hash_get_num_entries(r->moves);
	MaybeSegment *from = palloc(sizeof(MaybeSegment) * nmoves);
	MaybeSegment *to = palloc(sizeof(MaybeSegment) * nmoves);
	Datum	   *counts = palloc(sizeof(Datum) * nmoves);
	HASH_SEQ_STATUS status;
	MoveCount  *count;
	int			i = 0;

	if (nmoves == 0)
		return;
	hash_seq_init(&status, r->moves);
	while ((count = hash_seq_search(&status)) != NULL)
	{
		from[i] = count->move.from;
		to[i] = count->move.to;
		counts[i++] = Int64GetDatum(count->n);
	}
	SPI_connect();
	CsCatalogExecute(record_sql,
					 CsValues(CsValueText(NameStr(r->scoring.scorer->model)),
							  CsValueInt4(r->scoring.scorer->version), CsValueText(r->table),
							  CsValueName(CsCallerName()),
							  CsValueArray(INT4ARRAYOID, SegmentArray(from, nmoves)),
							  CsValueArray(INT4ARRAYOID, SegmentArray(to, nmoves)),
							  CsValueArray(INT8ARRAYOID, construct_array(counts, nmoves, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE))), false);
	SPI_finish();
}

/* The arguments; the INOUT parameters are the result. */
enum
{
	ARG_MODEL, ARG_TABLE, ARG_COLUMN, ARG_VERSION
};

/* resegment(model, table, column, version, INOUT rows_changed, INOUT rows_total) */
Datum
custseg_resegment(PG_FUNCTION_ARGS)
{
	char	   *model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	char	   *column = CsRequiredText(fcinfo, ARG_COLUMN, "column");
	Resegment	r = {{0}};
	const CsScorer *scorer;
	Relation	rel;

	CsRequireWritable("custseg.resegment()");
	CsRequireArgument(fcinfo, ARG_TABLE, "table");
	PushActiveSnapshot(GetTransactionSnapshot());
	scorer = CsCacheGet(model, CsVersionArgument(fcinfo, ARG_VERSION));
	CsCachePin(scorer, CurrentMemoryContext);

	rel = OpenTable(PG_GETARG_TEXT_PP(ARG_TABLE));
	PrepareResegment(&r, scorer, rel, column);
	while (RunRound(&r) && r.round < MAX_ROUNDS)
		CHECK_FOR_INTERRUPTS();
	RecordMoves(&r);
	if (r.n_by_hand > 0)
		ereport(NOTICE,
				(errmsg("%lld customers have the segment of their override, or no segment because they are excluded",
						(long long) r.n_by_hand),
				 errhint("SELECT * FROM custseg.overrides lists the decisions.")));
	relation_close(rel, NoLock);
	PopActiveSnapshot();
	PG_RETURN_DATUM(CsResultRow(fcinfo, CsValues(CsValueInt8(r.rows_changed),
												 CsValueInt8(r.rows_total))));
}
