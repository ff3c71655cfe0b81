/*
 * counts.c
 *	  The values of an expression counted by one SQL statement.
 *
 * Every piece groups its own rows, and its groups are added up as they come: memory is taken for each value once, and
 * held to maintenance_work_mem.
 */
#include "custseg.h"

#include "call/call.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "dist/dist.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Values that are counted. */
const CsHeldGroups CsHeldValues = {"counting the values of a category", "group its values in a view on the other servers"};

PG_FUNCTION_INFO_V1(custseg_rows_counted);

/* A value that is counted. */
typedef struct Counted
{
	const char *value;
	uint32		hash;
	int64		n;
	char		status;
} Counted;

static inline uint32
HashValue(const char *value)
{
	return hash_bytes((const unsigned char *) value, (int) strlen(value));
}

#define SH_PREFIX counted
#define SH_ELEMENT_TYPE Counted
#define SH_KEY_TYPE const char *
#define SH_KEY value
#define SH_HASH_KEY(tb, key) HashValue(key)
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Bytes of a value beside its text: twice its place in the hash table, which may be as good as half empty, and in the result. */
#define BYTES_OF_VALUE (2 * 2 * sizeof(Counted) + sizeof(CsValueCount))

/* Groups on their way. */
typedef struct CountReceiver
{
	DestReceiver pub;
	FmgrInfo	output;			/* of the values' type */
	counted_hash *values;
	int64		total;			/* of rows */
	int			most;
	Size		most_bytes;		/* of texts */
	Size		bytes;			/* of texts, */
	Size		held;			/* and with all that goes with them */
	MemoryContext row;			/* what one row needs */
	MemoryContext context;		/* of the values */
} CountReceiver;

/* DestReceiver.rStartup: how values become text. */
static void
StartCounts(DestReceiver *self, int operation, TupleDesc desc)
{
	CountReceiver *r = (CountReceiver *) self;
	Oid			function;
	bool		is_varlena;

	getTypeOutputInfo(TupleDescAttr(desc, 0)->atttypid, &function, &is_varlena);
	fmgr_info_cxt(function, &r->output, r->context);
}

/* Keep a value that is new. */
static void
KeepValue(CountReceiver *r, Counted *entry)
{
	r->bytes += strlen(entry->value) + 1;
	entry->value = MemoryContextStrdup(r->context, entry->value);
	entry->n = 0;
	r->held += GetMemoryChunkSpace(unconstify(char *, entry->value)) + BYTES_OF_VALUE;
	if (r->held > CsMemoryLimit())
		CsHeldExceeded(&CsHeldValues, r->held);
}

/* The error for a number of rows that cannot be. */
pg_noreturn static void
RefuseCount(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("another server has sent a number of rows that cannot be"),
			 errhint("All servers must have the same version of custseg, and count rows as PostgreSQL does.")));
}

/* A number of rows that another server has counted; an error where it is fewer than the least, or more than the most, that can be. */
int64
CsRowsCounted(Datum n, bool isnull, int64 least, int64 most)
{
	if (isnull || DatumGetInt64(n) < least || DatumGetInt64(n) > most)
		RefuseCount();
	return DatumGetInt64(n);
}

/*
 * rows_counted(n): n, the number of rows of a group that another server has counted; an error where it cannot be.  It is
 * stable, so that no other server is asked to check itself.
 */
Datum
custseg_rows_counted(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(CsRowsCounted(PG_GETARG_DATUM(0), PG_ARGISNULL(0), 1, CS_MOST_COUNTED));
}

/* DestReceiver.receiveSlot: add a group; false where there are more values than are asked for. */
static bool
TakeGroup(TupleTableSlot *slot, DestReceiver *self)
{
	CountReceiver *r = (CountReceiver *) self;
	MemoryContext old;
	Counted    *entry;
	int64		n;
	bool		found;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	/* another server may not keep to the condition that there is a value */
	if (slot->tts_isnull[0])
		return true;
	MemoryContextReset(r->row);
	old = MemoryContextSwitchTo(r->row);
	entry = counted_insert(r->values, OutputFunctionCall(&r->output, slot->tts_values[0]), &found);
	if (!found)
		KeepValue(r, entry);
	n = CsRowsCounted(slot->tts_values[1], slot->tts_isnull[1], 1, CS_MOST_COUNTED);
	/* what is added up of all values fits, too */
	if (pg_add_s64_overflow(r->total, n, &r->total))
		RefuseCount();
	entry->n += n;
	MemoryContextSwitchTo(old);
	return r->values->members <= (uint64) r->most && r->bytes <= r->most_bytes;
}

/* DestReceiver.rShutdown and rDestroy: nothing is held. */
static void
EndCounts(DestReceiver *self)
{
}

static int
CompareByCount(const void *a, const void *b)
{
	const CsValueCount *x = a,
			   *y = b;

	return x->n != y->n ? (x->n > y->n ? -1 : 1) : strcmp(x->value, y->value);
}

/* The values with their counts, most frequent first, ties by their texts; palloc'd. */
static CsValueCount *
SortCounts(counted_hash *values)
{
	CsValueCount *counts = palloc_extended(sizeof(CsValueCount) * Max(values->members, 1), MCXT_ALLOC_HUGE);
	counted_iterator at;
	Counted    *entry;
	int			n = 0;

	counted_start_iterate(values, &at);
	while ((entry = counted_iterate(values, &at)) != NULL)
		counts[n++] = (CsValueCount) {unconstify(char *, entry->value), entry->n};
	qsort(counts, n, sizeof(CsValueCount), CompareByCount);
	return counts;
}

/*
 * The statement that has every piece group its own rows; palloc'd.  A shard gives no more than most + 1 groups.  Of a foreign
 * table a LIMIT would have the planner fetch the first rows, sorted by the other server, and group them here.
 */
static char *
CountStatement(const CsPieces *pieces, const char *expression, const char *condition, int most)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < pieces->nitems; i++)
	{
		appendStringInfo(&sql, "%s(SELECT %s AS value, pg_catalog.count(*) AS n FROM %s WHERE %s IS NOT NULL%s%s GROUP BY 1",
						 i > 0 ? " UNION ALL " : "", expression, pieces->items[i], expression,
						 condition == NULL ? "" : " AND ", condition == NULL ? "" : condition);
		if (pieces->is_sharded)
			appendStringInfo(&sql, " LIMIT %d", most + 1);
		appendStringInfoChar(&sql, ')');
	}
	return sql.data;
}

/*
 * Count the rows of each value of an expression, where a condition holds (NULL: of all rows).  When there are more than
 * "most" values, or their texts have more bytes than that, *n is most + 1 and not all are there.  The most frequent ones
 * come first, ties by their texts; palloc'd.  An error where they do not fit into maintenance_work_mem.
 */
CsValueCount *
CsPiecesCount(const CsPieces *pieces, const char *expression, const char *condition, int most, Size most_bytes,
			  int *n)
{
	int			level = CsPlainSettings();
	CountReceiver r = {
		.pub = {
			.receiveSlot = TakeGroup,.rStartup = StartCounts,.rShutdown = EndCounts,.rDestroy = EndCounts,
			.mydest = DestTuplestore	/* with DestNone, SPI would not call this a SELECT */
		},
		.values = counted_create(CurrentMemoryContext, 64, NULL),
		.most = most,
		.most_bytes = most_bytes,
		.row = AllocSetContextCreate(CurrentMemoryContext, "custseg row", ALLOCSET_SMALL_SIZES),
		.context = CurrentMemoryContext
	};
	CsValueCount *counts;

	SPI_connect();
	CsPiecesRead(pieces, CountStatement(pieces, expression, condition, most), NULL, (DestReceiver *) &r);
	SPI_finish();
	AtEOXact_GUC(true, level);
	MemoryContextDelete(r.row);
	*n = r.bytes > most_bytes ? most + 1 : (int) r.values->members;
	counts = SortCounts(r.values);
	counted_destroy(r.values);
	return counts;
}
