/*
 * notes.c
 *	  Rows that resegment() is to write: noted, written by one UPDATE, followed where that left them.
 *
 * Nobody else's work is undone.  A note holds where the row was (tableoid, ctid) and which version
 * of it was read (xmin), and the UPDATE takes exactly that version: a row that was changed since
 * is left to its writer, and to the next round, which finds it by following it to its newest version.
 * The UPDATE runs as the caller, with the caller's rights and row-level security.
 */
#include "custseg.h"

#include "access/relation.h"
#include "access/tableam.h"
#include "call/call.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "score/resegment.h"
#include "score/score.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Columns of a note. */
enum
{
	NOTE_CTID, NOTE_TABLEOID, NOTE_XMIN, NOTE_OLD, NOTE_NEW, NOTE_NUMBER, NOTE_VALUE, NOTE_COLUMNS
};

/* Columns of a row that was written: of its note, and what it has now. */
enum
{
	WRITTEN_NUMBER, WRITTEN_OLD, WRITTEN_NEW, WRITTEN_VALUE
};

#define NOTES_NAME "custseg_moved"

/* The run whose UPDATE is executed; NULL: none. */
static const CsMoves *writing = NULL;

/* A version of a row. */
typedef struct CsPlace
{
	Oid			table;
	ItemPointerData row;
} CsPlace;

/* The row type of notes; without a column of values their place is an integer that is never there. */
static TupleDesc
NoteDesc(Oid segment_type, const CsColumn *value)
{
	TupleDesc	desc = CreateTemplateTupleDesc(NOTE_COLUMNS);

	TupleDescInitEntry(desc, NOTE_CTID + 1, "row_id", TIDOID, -1, 0);
	TupleDescInitEntry(desc, NOTE_TABLEOID + 1, "row_table", OIDOID, -1, 0);
	TupleDescInitEntry(desc, NOTE_XMIN + 1, "row_version", XIDOID, -1, 0);
	TupleDescInitEntry(desc, NOTE_OLD + 1, "old", segment_type, -1, 0);
	TupleDescInitEntry(desc, NOTE_NEW + 1, "new", segment_type, -1, 0);
	TupleDescInitEntry(desc, NOTE_NUMBER + 1, "number", INT8OID, -1, 0);
	TupleDescInitEntry(desc, NOTE_VALUE + 1, "value", value == NULL ? INT4OID : value->converter.type,
					   -1, 0);
	return desc;
}

/*
 * Notes of rows of a table as a reader reads it, palloc'd: they are written to that column, and moves are
 * counted as they are written.  The names are qualified and quoted, and last as long as the notes.
 */
CsNotes *
CsNotesCreate(const char *table, const char *column, Oid column_type, CsMoves *moves,
			  const CsRelation *reader)
{
	CsNotes    *notes = palloc0(sizeof(CsNotes));
	const CsColumn *value = moves->value == NULL ? NULL : CsRelationColumn(reader, moves->value);

	notes->table = table;
	notes->column = column;
	notes->column_type = column_type;
	notes->moves = moves;
	notes->value = value == NULL ? -1 : (int) (value - reader->columns);
	notes->desc = NoteDesc(column_type, value);
	return notes;
}

/* Begin a round's notes. */
void
CsNotesBegin(CsNotes *notes)
{
	notes->store = tuplestore_begin_heap(false, false, work_mem);
}

/* Note that a row as it is read (CS_READ_...) goes to a segment, a value of the column, or to none. */
void
CsNotesAdd(CsNotes *notes, const Datum *row, const bool *nulls, Datum segment, bool is_none)
{
	Datum		note[NOTE_COLUMNS];
	bool		note_nulls[NOTE_COLUMNS] = {false};

	note[NOTE_CTID] = row[CS_READ_CTID];
	note[NOTE_TABLEOID] = row[CS_READ_TABLEOID];
	note[NOTE_XMIN] = row[CS_READ_XMIN];
	note[NOTE_OLD] = row[CS_READ_SEGMENT];
	note_nulls[NOTE_OLD] = nulls[CS_READ_SEGMENT];
	note[NOTE_NEW] = segment;
	note_nulls[NOTE_NEW] = is_none;
	note[NOTE_NUMBER] = Int64GetDatum(tuplestore_tuple_count(notes->store));
	note_nulls[NOTE_VALUE] = notes->value < 0 || nulls[notes->value];
	note[NOTE_VALUE] = note_nulls[NOTE_VALUE] ? (Datum) 0 : row[notes->value];
	tuplestore_putvalues(notes->store, notes->desc, note, note_nulls);
}

/* Count a row as it is read (CS_READ_...), which stays where it is. */
void
CsNotesStay(CsNotes *notes, const Datum *row, const bool *nulls)
{
	CsMaybeSegment segment = CsMaybeSegmentRead(row[CS_READ_SEGMENT], nulls[CS_READ_SEGMENT],
												notes->column_type);
	bool		is_null = notes->value < 0 || nulls[notes->value];

	CsMovesCount(notes->moves, segment, segment, is_null ? (Datum) 0 : row[notes->value], is_null);
}

/* Make the notes a relation that the next statement of SPI can name. */
static void
RegisterNotes(CsNotes *notes)
{
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	enr->md.name = pstrdup(NOTES_NAME);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = notes->desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = (double) tuplestore_tuple_count(notes->store);
	enr->reldata = notes->store;
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
	CsSetForNow("random_page_cost", cost);
	ReleaseCachedPlan(SPI_plan_get_cached_plan(plan), NULL);
	AtEOXact_GUC(true, level);
	return plan;
}

/* A DestReceiver of the rows that an UPDATE has written. */
typedef struct WrittenReceiver
{
	DestReceiver pub;
	CsNotes    *notes;
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
	CsNotes    *notes = receiver->notes;
	int64		number;

	slot_getallattrs(slot);
	number = DatumGetInt64(slot->tts_values[WRITTEN_NUMBER]);
	notes->written[number / 8] |= 1 << (number % 8);
	receiver->n++;
	CsMovesCount(notes->moves,
				 CsMaybeSegmentRead(slot->tts_values[WRITTEN_OLD], slot->tts_isnull[WRITTEN_OLD],
									notes->column_type),
				 CsMaybeSegmentRead(slot->tts_values[WRITTEN_NEW], slot->tts_isnull[WRITTEN_NEW],
									notes->column_type),
				 slot->tts_values[WRITTEN_VALUE], slot->tts_isnull[WRITTEN_VALUE]);
	return true;
}

/*
 * Is a run of resegment() by this model writing, so that what a trigger sees is its doing?  Sets the version by
 * which it places customers.
 */
bool
CsResegmentIsWriting(const char *model, int *version)
{
	if (writing == NULL || strcmp(writing->model, model) != 0)
		return false;
	*version = writing->version;
	return true;
}

/* Execute the UPDATE of a run, and let triggers know of the run meanwhile. */
static int
ExecuteUpdate(const CsMoves *moves, SPIPlanPtr plan, const SPIExecuteOptions *options)
{
	const CsMoves *outer = writing;
	int			code;

	writing = moves;
	PG_TRY();
	{
		code = SPI_execute_plan_extended(plan, options);
	}
	PG_FINALLY();
	{
		writing = outer;
	}
	PG_END_TRY();
	return code;
}

/* Write the noted segments and count the moves; returns how many rows were written. */
int64
CsNotesWrite(CsNotes *notes)
{
	char	   *sql = psprintf("UPDATE %s AS t SET %s = m.new FROM " NOTES_NAME " AS m"
							   " WHERE t.ctid OPERATOR(pg_catalog.=) m.row_id"
							   " AND t.tableoid OPERATOR(pg_catalog.=) m.row_table"
							   " AND t.xmin OPERATOR(pg_catalog.=) m.row_version"
							   " RETURNING m.number, m.old, t.%s, m.value",
							   notes->table, notes->column, notes->column);
	WrittenReceiver receiver = {{.receiveSlot = ReceiveWritten, .rStartup = StartWritten,
	.rShutdown = EndWritten, .rDestroy = EndWritten, .mydest = DestTuplestore}, notes};
	SPIExecuteOptions options = {.dest = &receiver.pub};
	int64		noted = tuplestore_tuple_count(notes->store);
	int			code;

	notes->written = MemoryContextAllocExtended(CurrentMemoryContext, noted / 8 + 1,
											MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	SPI_connect();
	RegisterNotes(notes);
	code = ExecuteUpdate(notes->moves, PlanUpdate(sql), &options);
	if (code != SPI_OK_UPDATE_RETURNING)
		elog(ERROR, "could not update segments: %s", SPI_result_code_string(code));
	SPI_finish();
	return receiver.n;
}

/* Remember a row for the next round. */
static void
LeaveRow(CsNotes *notes, Oid table, ItemPointer row, int64 n)
{
	if (notes->left == NULL)
	{
		Size		size = sizeof(CsPlace) * n;

		if (size > CsMemoryLimit())
			CsMemoryError(size, "give \"batch\"", "remembering %lld rows that could not be updated",
						  (long long) n);
		notes->left = MemoryContextAllocHuge(CurrentMemoryContext, size);
	}
	notes->left[notes->nleft].table = table;
	notes->left[notes->nleft++].row = *row;
}

/*
 * End a round's notes.  The "n" rows whose notes could not be used are left to the next round; the last one
 * leaves them as they are.
 */
void
CsNotesEnd(CsNotes *notes, int64 n, bool is_last)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(notes->desc, &TTSOpsMinimalTuple);

	notes->left = NULL;
	notes->nleft = 0;
	tuplestore_select_read_pointer(notes->store, 0);
	tuplestore_rescan(notes->store);
	for (int64 i = 0; n > 0 && tuplestore_gettupleslot(notes->store, true, false, slot); i++)
	{
		CsMaybeSegment old;

		if (notes->written[i / 8] & (1 << (i % 8)))
			continue;
		slot_getallattrs(slot);
		if (!is_last)
		{
			LeaveRow(notes, DatumGetObjectId(slot->tts_values[NOTE_TABLEOID]),
					 (ItemPointer) DatumGetPointer(slot->tts_values[NOTE_CTID]), n);
			continue;
		}
		old = CsMaybeSegmentRead(slot->tts_values[NOTE_OLD], slot->tts_isnull[NOTE_OLD],
								 notes->column_type);
		CsMovesCount(notes->moves, old, old, slot->tts_values[NOTE_VALUE], slot->tts_isnull[NOTE_VALUE]);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(notes->store);
}

/* The order of places, for qsort() and bsearch(). */
static int
ComparePlaces(const void *a, const void *b)
{
	const CsPlace *first = a;
	const CsPlace *second = b;

	if (first->table != second->table)
		return first->table < second->table ? -1 : 1;
	return ItemPointerCompare(unconstify(ItemPointerData *, &first->row),
							  unconstify(ItemPointerData *, &second->row));
}

/* Was the row left to this round? */
bool
CsNotesIsLeft(const CsNotes *notes, const Datum *row)
{
	CsPlace		place = {DatumGetObjectId(row[CS_READ_TABLEOID]),
	*(ItemPointer) DatumGetPointer(row[CS_READ_CTID])};

	return bsearch(&place, notes->left, notes->nleft, sizeof(CsPlace), ComparePlaces) != NULL;
}

/*
 * Follow the rows that were left to the versions that the active snapshot sees.  The snapshot that was
 * active when they were read first is still there, so no version in between has been removed.
 */
void
CsNotesFollow(CsNotes *notes)
{
	Relation	rel = NULL;
	TableScanDesc scan = NULL;

	qsort(notes->left, notes->nleft, sizeof(CsPlace), ComparePlaces);
	for (int64 i = 0; i < notes->nleft; i++)
	{
		CsPlace	   *place = &notes->left[i];

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
	qsort(notes->left, notes->nleft, sizeof(CsPlace), ComparePlaces);
}
