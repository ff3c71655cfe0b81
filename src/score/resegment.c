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
 * is left to its writer, and to the next round.  That round judges the rows that were left, and no
 * others, which it finds by following each to its newest version.  Rounds end when all notes could be
 * used, or none twice; what is left then stays as it was found.  So every row that the first round saw,
 * and that is still there, is counted once.
 *
 * With "batch", rows come in the order of the primary key, so many at a time, and each batch is
 * committed: its rows are locked no longer than it lasts, whatever moves where in the table meanwhile.
 *
 * A customer that somebody has put in a segment by hand (override.c) goes there and stays there.
 * What moved from where to where, and how many stayed, is recorded in custseg.migration (moves.c).
 */
#include "custseg.h"

#include "access/relation.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "parser/parser.h"
#include "score/moves.h"
#include "score/score.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
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
	NOTE_CTID, NOTE_TABLEOID, NOTE_XMIN, NOTE_OLD, NOTE_NEW, NOTE_NUMBER, NOTE_COLUMNS
};

/* Columns of a row that was written: of its note, and what it has now. */
enum
{
	WRITTEN_NUMBER, WRITTEN_OLD, WRITTEN_NEW, WRITTEN_COLUMNS
};

#define NOTES_NAME "custseg_moved"

/* A version of a row. */
typedef struct Place
{
	Oid			table;
	ItemPointerData row;
} Place;

/* A column of the primary key, by which batches follow each other. */
typedef struct BatchKey
{
	const CsColumn *column;
	int			position;		/* among what is read */
	bool		by_value;
	int16		length;
	Datum		last;			/* of the row that was read last */
} BatchKey;

/* What the caller asked for, and how far it is; lasts from batch to batch. */
typedef struct Request
{
	char	   *model;
	int			version;
	Oid			table;
	char	   *column;
	int			batch;			/* rows; 0: all at once */
	char	   *condition;		/* or NULL */
	char	   *after;			/* condition on the key: not in an earlier batch; NULL at first */
	CsMoves    *moves;
	int64		n_by_hand;		/* rows that an override decided */
	int64		rows_total;
	int64		rows_changed;
} Request;

/* Rows that are read at once: a batch, or all. */
typedef struct Resegment
{
	Request    *request;
	CsScoring	scoring;
	CsBinding  *binding;
	CsOverrides *overrides;		/* NULL: there are none */
	List	   *id;				/* with overrides: the columns (const CsColumn *) that tell customers */
	int			id_positions[INDEX_MAX_KEYS];	/* of these among what is read */
	List	   *batch_key;		/* with batches, names of the key's columns */
	BatchKey   *keys;			/* the same */
	int			nkeys;
	char	   *until;			/* condition on the key: within the batch; NULL in the first round */
	CsRelation *reader;			/* the query that a round reads */
	char	   *table;			/* qualified and quoted */
	char	   *column;			/* quoted */
	Oid			column_type;
	Tuplestorestate *notes;
	TupleDesc	note_desc;
	uint8	   *written;		/* a bit a note */
	Place	   *left;			/* rows that were left to the next round, ordered */
	int64		nleft;
	int			round;			/* from 1 */
	int64		nread;			/* rows that the round has judged */
} Resegment;

PG_FUNCTION_INFO_V1(custseg_resegment);

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
 * The columns that tell customers, so that overrides can be honoured; an error when there are none, for
 * whoever was excluded must not come back in silence.
 */
static List *
FindKey(const Resegment *r, Relation rel)
{
	List	   *columns = CsFindKey(CsRelationOpen(r->table), CsScorerId(r->scoring.scorer));

	if (columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("overrides of model \"%s\" cannot be honoured: table \"%s\" has no column that identifies a customer",
						NameStr(r->scoring.scorer->model), RelationGetRelationName(rel)),
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

/* The columns of a list (char *), as of the table "t", with commas between them; palloc'd. */
static char *
ListColumns(const List *names)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, names)
		appendStringInfo(&list, "%st.%s", list.len > 0 ? ", " : "", quote_identifier(lfirst(cell)));
	return list.data;
}

/* The rows of the query that a round reads: those that the caller asks for, of this batch. */
static void
AddConditions(StringInfo sql, const Resegment *r)
{
	const Request *request = r->request;
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
	if (r->batch_key != NIL && r->until == NULL)
		appendStringInfo(sql, " ORDER BY %s LIMIT %d", ListColumns(r->batch_key), request->batch);
}

/*
 * The query that a round reads: where each row is, its segment, the features, the columns that tell
 * customers, and with batches the columns of the key, in whose order the rows come.
 */
static char *
BuildReader(Resegment *r, Relation rel, AttrNumber segment_column)
{
	const CsPipeline *p = CsScorerPipeline(r->scoring.scorer);
	Bitmapset  *columns = bms_make_singleton(segment_column);	/* that are read: a vector once */
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.ctid, t.tableoid, t.xmin, t.%s", r->column);
	for (int i = 0; i < p->nfeatures; i++)
	{
		const char *name = CsFeatureColumn(&p->feature[i]);

		if (get_attnum(RelationGetRelid(rel), name) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("table \"%s\" lacks column \"%s\"", RelationGetRelationName(rel),
							name),
					 errdetail("Model \"%s\" was trained with it as a feature.",
							   NameStr(r->scoring.scorer->model)),
					 errhint("Where features come from a view, use UPDATE ... FROM the view with custseg.predict().")));
		AddColumn(&sql, rel, name, &columns);
	}
	foreach(cell, r->id)
		AddColumn(&sql, rel, NameStr(((const CsColumn *) lfirst(cell))->name), &columns);
	foreach(cell, r->batch_key)
		AddColumn(&sql, rel, lfirst(cell), &columns);
	appendStringInfo(&sql, " FROM %s AS t", r->table);
	AddConditions(&sql, r);
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
	TupleDescInitEntry(desc, NOTE_NUMBER + 1, "number", INT8OID, -1, 0);
	return desc;
}

/* Load the decisions, for customers who are told by these columns. */
static void
LoadOverrides(Resegment *r)
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

/* The primary key, by whose order batches follow each other, as names; an error without one. */
static List *
FindBatchKey(Relation rel, const char *table)
{
	List	   *names = CsPrimaryKey(RelationGetRelid(rel));

	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" has no primary key to make batches by",
						RelationGetRelationName(rel)),
				 errhint("Add a primary key, or leave \"batch\" out.")));
	return names;
}

/* Where the columns of the key are among what is read. */
static void
FindBatchColumns(Resegment *r)
{
	ListCell   *cell;

	r->keys = palloc0(sizeof(BatchKey) * list_length(r->batch_key));
	foreach(cell, r->batch_key)
	{
		BatchKey   *key = &r->keys[r->nkeys++];

		key->column = CsRelationColumn(r->reader, lfirst(cell));
		key->position = key->column - r->reader->columns;
		get_typlenbyval(key->column->type, &key->length, &key->by_value);
	}
}

/* Resolve everything that stays the same from round to round. */
static void
PrepareResegment(Resegment *r, const CsScorer *scorer, Relation rel, const char *column)
{
	AttrNumber	number = CsSegmentColumn(rel, column);

	CsScoringInit(&r->scoring, scorer, CurrentMemoryContext);
	r->table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
										  RelationGetRelationName(rel));
	r->column = pstrdup(quote_identifier(column));
	r->column_type = TupleDescAttr(RelationGetDescr(rel), number - 1)->atttypid;
	if (r->request->batch > 0)
		r->batch_key = FindBatchKey(rel, r->table);
	if (CsOverridesHold(scorer))
		r->id = FindKey(r, rel);
	r->reader = CsRelationOpen(BuildReader(r, rel, number));
	r->binding = CsBindingForColumns(CsScorerPipeline(scorer), r->reader->columns,
									 r->reader->ncolumns, NameStr(scorer->model),
									 CurrentMemoryContext, NULL);
	if (r->id != NIL)
		LoadOverrides(r);
	FindBatchColumns(r);
	r->note_desc = NoteDesc(r->column_type);
}

/* What somebody has decided for the row's customer, or NULL. */
static const CsOverride *
FindOverride(Resegment *r, const Datum *row, const bool *nulls)
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
PlaceRow(Resegment *r, const Datum *row, const bool *nulls)
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

static int
ComparePlaces(const void *a, const void *b)
{
	const Place *first = a;
	const Place *second = b;

	if (first->table != second->table)
		return first->table < second->table ? -1 : 1;
	return ItemPointerCompare(unconstify(ItemPointerData *, &first->row),
							  unconstify(ItemPointerData *, &second->row));
}

/* Is it this round's business to judge the row? */
static bool
IsAskedFor(const Resegment *r, const Datum *row)
{
	Place		place = {DatumGetObjectId(row[READ_TABLEOID]),
	*(ItemPointer) DatumGetPointer(row[READ_CTID])};

	return r->round == 1 ||
		bsearch(&place, r->left, r->nleft, sizeof(Place), ComparePlaces) != NULL;
}

/* Keep the row's key: the next batch comes after it. */
static void
KeepKey(Resegment *r, const Datum *row)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(r->keys));

	for (int i = 0; i < r->nkeys; i++)
	{
		BatchKey   *key = &r->keys[i];

		if (!key->by_value && DatumGetPointer(key->last) != NULL)
			pfree(DatumGetPointer(key->last));
		key->last = datumCopy(row[key->position], key->by_value, key->length);
	}
	MemoryContextSwitchTo(old);
}

/* One row of a round: stays where it is, or is noted. */
static void
JudgeRow(void *state, const Datum *row, const bool *nulls)
{
	Resegment  *r = state;
	const CsScorer *scorer = r->scoring.scorer;
	CsMaybeSegment old = CsMaybeSegmentRead(row[READ_SEGMENT], nulls[READ_SEGMENT], r->column_type);
	CsMaybeSegment new = {0, false};
	int			index;
	Datum		note[NOTE_COLUMNS];
	bool		note_nulls[NOTE_COLUMNS] = {false};

	if (r->nkeys > 0 && r->round == 1)
		KeepKey(r, row);
	if (!IsAskedFor(r, row))
		return;
	r->nread++;
	index = PlaceRow(r, row, nulls);
	if (index >= 0)
	{
		new.segment = CsScorerSegments(scorer)[index].segment;
		new.exists = true;
	}

	/* NULL stays NULL; a number that no segment can have does not, though it counts as none */
	if (new.exists ? old.exists && old.segment == new.segment : nulls[READ_SEGMENT])
	{
		CsMovesCount(r->request->moves, old, new);
		return;
	}
	note[NOTE_CTID] = row[READ_CTID];
	note[NOTE_TABLEOID] = row[READ_TABLEOID];
	note[NOTE_XMIN] = row[READ_XMIN];
	note[NOTE_OLD] = row[READ_SEGMENT];
	note_nulls[NOTE_OLD] = nulls[READ_SEGMENT];
	note[NOTE_NEW] = new.exists ? CsSegmentDatum(new.segment, r->column_type) : (Datum) 0;
	note_nulls[NOTE_NEW] = !new.exists;
	note[NOTE_NUMBER] = Int64GetDatum(tuplestore_tuple_count(r->notes));
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

/* A DestReceiver of the rows that an UPDATE has written. */
typedef struct WrittenReceiver
{
	DestReceiver pub;
	Resegment  *r;
	int64		n;
} WrittenReceiver;

static void
StartWritten(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
EndWritten(DestReceiver *self)
{
}

/* Count a row that was written, and mark its note. */
static bool
ReceiveWritten(TupleTableSlot *slot, DestReceiver *self)
{
	WrittenReceiver *receiver = (WrittenReceiver *) self;
	Resegment  *r = receiver->r;
	int64		number;

	slot_getallattrs(slot);
	number = DatumGetInt64(slot->tts_values[WRITTEN_NUMBER]);
	r->written[number / 8] |= 1 << (number % 8);
	receiver->n++;
	CsMovesCount(r->request->moves,
				 CsMaybeSegmentRead(slot->tts_values[WRITTEN_OLD], slot->tts_isnull[WRITTEN_OLD],
									r->column_type),
				 CsMaybeSegmentRead(slot->tts_values[WRITTEN_NEW], slot->tts_isnull[WRITTEN_NEW],
									r->column_type));
	return true;
}

/* Write the noted segments and count the moves; returns how many rows were written. */
static int64
UpdateNoted(Resegment *r)
{
	char	   *sql = psprintf("UPDATE %s AS t SET %s = m.new FROM " NOTES_NAME " AS m"
							   " WHERE t.ctid OPERATOR(pg_catalog.=) m.row_id"
							   " AND t.tableoid OPERATOR(pg_catalog.=) m.row_table"
							   " AND t.xmin OPERATOR(pg_catalog.=) m.row_version"
							   " RETURNING m.number, m.old, t.%s",
							   r->table, r->column, r->column);
	WrittenReceiver receiver = {{.receiveSlot = ReceiveWritten, .rStartup = StartWritten,
	.rShutdown = EndWritten, .rDestroy = EndWritten, .mydest = DestTuplestore}, r};
	SPIExecuteOptions options = {.dest = &receiver.pub};
	int64		noted = tuplestore_tuple_count(r->notes);
	int			code;

	r->written = MemoryContextAllocExtended(CurrentMemoryContext, noted / 8 + 1,
											MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	SPI_connect();
	RegisterNotes(r);
	code = SPI_execute_plan_extended(PlanUpdate(sql), &options);
	if (code != SPI_OK_UPDATE_RETURNING)
		elog(ERROR, "could not update segments: %s", SPI_result_code_string(code));
	SPI_finish();
	return receiver.n;
}

/* Remember a row for the next round. */
static void
LeaveRow(Resegment *r, Oid table, ItemPointer row, int64 n)
{
	if (r->left == NULL)
	{
		Size		size = sizeof(Place) * n;

		if (size > CsMemoryLimit())
			CsMemoryError(size, "give \"batch\"", "remembering %lld rows that could not be updated",
						  (long long) n);
		r->left = MemoryContextAllocHuge(CurrentMemoryContext, size);
	}
	r->left[r->nleft].table = table;
	r->left[r->nleft++].row = *row;
}

/* Leave "n" rows whose notes could not be used to the next round; the last one leaves them as they are. */
static void
LeaveUnwritten(Resegment *r, int64 n, bool is_last)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(r->note_desc, &TTSOpsMinimalTuple);

	r->left = NULL;
	r->nleft = 0;
	tuplestore_select_read_pointer(r->notes, 0);
	tuplestore_rescan(r->notes);
	for (int64 i = 0; n > 0 && tuplestore_gettupleslot(r->notes, true, false, slot); i++)
	{
		CsMaybeSegment old;

		if (r->written[i / 8] & (1 << (i % 8)))
			continue;
		slot_getallattrs(slot);
		if (!is_last)
		{
			LeaveRow(r, DatumGetObjectId(slot->tts_values[NOTE_TABLEOID]),
					 (ItemPointer) DatumGetPointer(slot->tts_values[NOTE_CTID]), n);
			continue;
		}
		old = CsMaybeSegmentRead(slot->tts_values[NOTE_OLD], slot->tts_isnull[NOTE_OLD],
								 r->column_type);
		CsMovesCount(r->request->moves, old, old);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * Follow the rows that were left to the versions that the active snapshot sees.  The snapshot that was
 * active when they were read first is still there, so no version in between has been removed.
 */
static void
FollowLeft(Resegment *r)
{
	Relation	rel = NULL;
	TableScanDesc scan = NULL;

	qsort(r->left, r->nleft, sizeof(Place), ComparePlaces);
	for (int64 i = 0; i < r->nleft; i++)
	{
		Place	   *place = &r->left[i];

		if (rel == NULL || RelationGetRelid(rel) != place->table)
		{
			if (rel != NULL)
			{
				table_endscan(scan);
				relation_close(rel, NoLock);
			}
			rel = relation_open(place->table, AccessShareLock);
			scan = table_beginscan_tid(rel, GetActiveSnapshot());
		}
		CHECK_FOR_INTERRUPTS();
		table_tuple_get_latest_tid(scan, &place->row);
	}
	if (rel != NULL)
	{
		table_endscan(scan);
		relation_close(rel, NoLock);
	}
	qsort(r->left, r->nleft, sizeof(Place), ComparePlaces);
}

/* One round; true when there is reason for another. */
static bool
RunRound(Resegment *r)
{
	int64		noted;
	int64		written = 0;
	bool		is_last;

	r->round++;
	r->nread = 0;
	r->notes = tuplestore_begin_heap(false, false, work_mem);
	PushActiveSnapshot(GetTransactionSnapshot());
	if (r->round > 1)
		FollowLeft(r);
	(void) CsRelationRead(r->reader, r->reader->columns, r->reader->ncolumns, JudgeRow, r);
	PopActiveSnapshot();
	/* a row that a later round does not find is gone */
	r->request->rows_total += r->round == 1 ? r->nread : r->nread - r->nleft;

	noted = tuplestore_tuple_count(r->notes);
	if (noted > 0)
		written = UpdateNoted(r);
	/* What a policy or a trigger keeps from being written shows in a second round without any. */
	is_last = written == noted || (written == 0 && r->round > 1) || r->round == MAX_ROUNDS;
	LeaveUnwritten(r, noted - written, is_last);
	tuplestore_end(r->notes);
	r->request->rows_changed += written;
	ereport(DEBUG1,
			(errmsg_internal("resegment round %d: %lld rows noted, %lld written", r->round,
							 (long long) noted, (long long) written)));
	return !is_last;
}

/* A condition on the key that compares the table's with that of the row that was read last. */
static char *
CompareKey(const Resegment *r, const char *comparison)
{
	StringInfoData columns;
	StringInfoData values;
	int			level = CsExactFloats();

	/* with zones as numbers: their abbreviations are ambiguous */
	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
	initStringInfo(&columns);
	initStringInfo(&values);
	for (int i = 0; i < r->nkeys; i++)
	{
		const CsColumn *column = r->keys[i].column;
		const char *comma = i > 0 ? ", " : "";
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(column->type, &output, &is_varlena);
		appendStringInfo(&columns, "%st.%s", comma, quote_identifier(NameStr(column->name)));
		appendStringInfo(&values, "%s%s::%s", comma,
						 quote_literal_cstr(OidOutputFunctionCall(output, r->keys[i].last)),
						 /* "given": char and bit without a length, which by default is 1 */
						 format_type_extended(column->type, -1,
											  FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	}
	AtEOXact_GUC(true, level);
	return psprintf("ROW(%s) %s ROW(%s)", columns.data, comparison, values.data);
}

/*
 * Place the rows of a batch, or all.  Later rounds read the rows between the same two keys as the first,
 * for there may be others among them now.  Returns the condition that the next batch begins with; NULL
 * when there is none, because this one was not full.
 */
static char *
RunBatch(Request *request, Relation rel)
{
	Resegment	r = {.request = request};
	const CsScorer *scorer = CsCacheGet(request->model, request->version);
	bool		again;
	bool		is_full;

	CsCachePin(scorer, CurrentMemoryContext);
	PrepareResegment(&r, scorer, rel, request->column);
	again = RunRound(&r);
	is_full = request->batch > 0 && r.nread == request->batch;
	if (again && request->batch > 0)
	{
		r.until = CompareKey(&r, "<=");
		r.reader = CsRelationOpen(BuildReader(&r, rel, CsSegmentColumn(rel, request->column)));
	}
	while (again)
	{
		CHECK_FOR_INTERRUPTS();
		again = RunRound(&r);
	}
	return is_full ? CompareKey(&r, ">") : NULL;
}

/* Commit what there is and begin a transaction; the active snapshot is replaced. */
static void
CommitBatch(void)
{
	PopActiveSnapshot();
	SPI_commit();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/* Place all rows, batch after batch, each committed and recorded. */
static void
RunBatches(Request *request, Relation rel)
{
	MemoryContext outer = CurrentMemoryContext;
	MemoryContext inner = AllocSetContextCreate(outer, "custseg resegment", ALLOCSET_DEFAULT_SIZES);
	char	   *next;

	for (;;)
	{
		MemoryContextSwitchTo(inner);
		next = RunBatch(request, rel);
		CsMovesRecord(request->moves, next == NULL);
		relation_close(rel, NoLock);
		MemoryContextSwitchTo(outer);
		request->after = next == NULL ? NULL : pstrdup(next);
		MemoryContextReset(inner);
		if (next == NULL)
			break;
		CommitBatch();
		rel = relation_open(request->table, RowExclusiveLock);
	}
	MemoryContextDelete(inner);
}

/* An error unless the text is a condition, and not one that goes on as something else. */
static void
CheckCondition(const char *condition)
{
	List	   *statements = raw_parser(psprintf("SELECT WHERE %s\n", condition), RAW_PARSE_DEFAULT);
	SelectStmt *select = list_length(statements) != 1 ? NULL :
		(SelectStmt *) linitial_node(RawStmt, statements)->stmt;

	if (select == NULL || !IsA(select, SelectStmt) || select->op != SETOP_NONE ||
		select->groupClause != NIL || select->havingClause != NULL || select->windowClause != NIL ||
		select->sortClause != NIL || select->limitOffset != NULL || select->limitCount != NULL ||
		select->lockingClause != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"where\" is not a condition: %s", condition),
				 errhint("Write what could follow WHERE, such as \"where\" => 'segment IS NULL'.")));
}

/* Add the segment column to a table, as the caller, unless it is there; returns the table as it is then. */
static Relation
CreateColumn(Relation rel, const char *table, const char *column)
{
	Oid			relid = RelationGetRelid(rel);

	if (get_attnum(relid, column) != InvalidAttrNumber)
		return rel;
	/* nobody may have it open */
	relation_close(rel, NoLock);
	SPI_connect();
	if (SPI_execute(psprintf("ALTER TABLE %s ADD COLUMN %s pg_catalog.int4", table,
							 quote_identifier(column)), false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not add a column");
	SPI_finish();
	return relation_open(relid, NoLock);
}

/* The arguments; the INOUT parameters are the result. */
enum
{
	ARG_MODEL, ARG_TABLE, ARG_COLUMN, ARG_BATCH, ARG_WHERE, ARG_CREATE, ARG_KEEP_DAYS, ARG_VERSION
};

/* A number of 1 or more, 0 for NULL. */
static int
CountArgument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	int			value = CsIntArgument(fcinfo, argument, 0);

	if (!PG_ARGISNULL(argument) && value < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be 1 or more, not %d", name, value),
				 errhint("Leave it out for none.")));
	return value;
}

/* Check and keep the arguments. */
static Request
ReadArguments(FunctionCallInfo fcinfo)
{
	Request		request = {0};

	request.model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	request.column = CsRequiredText(fcinfo, ARG_COLUMN, "column");
	CsRequireWritable("custseg.resegment()");
	CsRequireArgument(fcinfo, ARG_TABLE, "table");
	request.version = CsVersionArgument(fcinfo, ARG_VERSION);
	request.batch = CountArgument(fcinfo, ARG_BATCH, "batch");
	request.condition = CsTextArgument(fcinfo, ARG_WHERE);
	if (request.condition != NULL)
		CheckCondition(request.condition);
	if (request.batch > 0 && castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("batches cannot be committed within a transaction block or a function"),
				 errhint("CALL custseg.resegment() outside of them, or leave \"batch\" out.")));
	if (!PG_ARGISNULL(ARG_KEEP_DAYS))
	{
		CsModelCheckName(request.model);
		CsModelCheckOwner(request.model);
	}
	return request;
}

/*
 * resegment(model, table, column, batch, where, create_column, keep_days, version, INOUT rows_changed,
 * INOUT rows_total).  All batches have the version that is deployed when the first one begins.
 */
Datum
custseg_resegment(PG_FUNCTION_ARGS)
{
	Request		request = ReadArguments(fcinfo);
	int			keep_days = CountArgument(fcinfo, ARG_KEEP_DAYS, "keep_days");
	Relation	rel;

	CsModelRequireUnchanged(request.model);
	SPI_connect_ext(request.batch > 0 ? SPI_OPT_NONATOMIC : 0);
	PushActiveSnapshot(GetTransactionSnapshot());
	request.version = CsCacheGet(request.model, request.version)->version;
	rel = OpenTable(PG_GETARG_TEXT_PP(ARG_TABLE));
	request.table = RelationGetRelid(rel);
	request.moves = CsMovesBegin(request.model, request.version,
								 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
															RelationGetRelationName(rel)));
	if (CsBoolArgument(fcinfo, ARG_CREATE, false))
		rel = CreateColumn(rel, request.moves->source, request.column);
	RunBatches(&request, rel);
	if (keep_days > 0)
		CsMovesForget(request.model, keep_days);
	PopActiveSnapshot();
	SPI_finish();
	if (request.n_by_hand > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld customer has the segment of an override, or no segment because of an exclusion",
							   "%lld customers have the segment of an override, or no segment because of an exclusion",
							   request.n_by_hand, (long long) request.n_by_hand),
				 errhint("SELECT * FROM custseg.overrides lists the decisions.")));
	PG_RETURN_DATUM(CsResultRow(fcinfo, CsValues(CsValueInt8(request.rows_changed),
												 CsValueInt8(request.rows_total))));
}
