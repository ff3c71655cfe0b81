/*
 * pending.c
 *	  Changes of a transaction: written in portions, and given their place in the feed as it commits.
 *
 * Whoever reads a feed must not miss what was written early and committed late: numbers that a sequence gives
 * while a transaction runs come in another order than commits.  So rows are written under the number of a
 * batch, which is one transaction's for one model, and the batch gets its positions at the very end: the
 * transaction takes the lock of the model's feed, numbers the batch, and keeps the lock until it has
 * committed.  Whoever sees a position therefore sees all lower ones of that feed, or they will never be.
 * A customer's changes are in order, because the row in which they are made is locked until then.
 *
 * The lock is held for as long as the commit itself takes.  Nothing is read for the numbering, so
 * that it causes no failure under REPEATABLE READ and SERIALIZABLE.
 *
 * What waits here belongs to the subtransaction that added it, and goes with it.  Changes that a
 * subtransaction has written itself go as rows do; the counts, by which a batch is announced, are told
 * apart in the same way.
 */
#include "custseg.h"

#include "access/xact.h"
#include "call/call.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "commands/async.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "feed/feed.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Changes that are written at once. */
#define PORTION 2000

#define CHANNEL "custseg_change"

/* A notification may have 7,999 bytes at most; a longer one says less. */
#define MOST_PAYLOAD 7000

/* The feed of a model, as far as the transaction writes it. */
typedef struct Feed
{
	char		model[NAMEDATALEN];
	int64		batch;			/* 0: none yet */
	int32		number;			/* of the last change in the batch */
} Feed;

/* A change that is not written yet. */
typedef struct Pending
{
	Feed	   *feed;
	SubTransactionId subid;
	int32		number;
	CsMaybeSegment from;
	CsMaybeSegment to;
	int			version;
	const char *cause;
	TimestampTz at;
	char	   *customer;
} Pending;

/* How many customers a subtransaction has moved to a segment. */
typedef struct Entered
{
	Feed	   *feed;
	SubTransactionId subid;
	CsMaybeSegment segment;
	int64		n;
} Entered;

/* All of it lives in a context of its own, which goes with the transaction; NULL: no change yet. */
static MemoryContext context = NULL;
static List *feeds = NIL;		/* (Feed *) */
static Pending *pending = NULL;
static int	npending = 0;
static int	pendingCapacity = 0;
static Entered *entered = NULL;
static int	nentered = 0;
static int	enteredCapacity = 0;

static const char *const write_sql =
"INSERT INTO custseg.segment_change"
" (model, transaction_number, number, customer, from_segment, to_segment, version, at, cause) "
"SELECT $1, $2, c.number, c.customer, c.f, c.t, CASE WHEN c.version OPERATOR(pg_catalog.>) 0 THEN c.version END, c.at, c.cause "
"FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6),"
" pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9)) AS c (number, customer, f, t, version, at, cause), "
"(SELECT FROM custseg.model AS m WHERE m.name OPERATOR(pg_catalog.=) $1 FOR KEY SHARE) AS there";

/*
 * Numbers a batch, unless its model is gone: takes so many numbers of the sequence at once, for which the caller has
 * the lock.
 */
static const char *const announce_sql =
"INSERT INTO custseg.change_batch AS b (model, transaction_number, first_position, last_position, n, recorded_at, recorded_by) "
"SELECT m.name, $2, p.last OPERATOR(pg_catalog.-) $3 OPERATOR(pg_catalog.+) 1, p.last, $4, pg_catalog.clock_timestamp(), $5 "
"FROM custseg.model AS m,"
" (SELECT pg_catalog.setval('custseg.change_batch_last_position_seq'::pg_catalog.regclass,"
"  pg_catalog.nextval('custseg.change_batch_last_position_seq'::pg_catalog.regclass) OPERATOR(pg_catalog.+) $3 OPERATOR(pg_catalog.-) 1) OFFSET 0) AS p (last) "
"WHERE m.name OPERATOR(pg_catalog.=) $1 RETURNING b.last_position";

static SPIPlanPtr write_plan = NULL;
static SPIPlanPtr announce_plan = NULL;

/* Forget all, as the transaction has ended or is about to. */
static void
Forget(void)
{
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
	feeds = NIL;
	pending = NULL;
	npending = pendingCapacity = 0;
	entered = NULL;
	nentered = enteredCapacity = 0;
}

/* The feed of a model; a new one when the transaction has not written it before. */
static Feed *
FindFeed(const char *model)
{
	MemoryContext old;
	ListCell   *cell;
	Feed	   *feed;

	foreach(cell, feeds)
		if (strcmp(((Feed *) lfirst(cell))->model, model) == 0)
			return lfirst(cell);
	old = MemoryContextSwitchTo(context);
	feed = palloc0(sizeof(Feed));
	strlcpy(feed->model, model, NAMEDATALEN);
	feeds = lappend(feeds, feed);
	MemoryContextSwitchTo(old);
	return feed;
}

/* Room for one more element of an array of the transaction's. */
static void *
Grow(void *array, int n, int *capacity, Size size)
{
	if (n < *capacity)
		return array;
	*capacity = Max(64, 2 * *capacity);
	return array == NULL ? MemoryContextAlloc(context, size * *capacity) : repalloc_huge(array, size * *capacity);
}

/* Count a customer who comes to a segment, or to none. */
static void
CountEntered(Feed *feed, SubTransactionId subid, CsMaybeSegment segment)
{
	for (int i = nentered - 1; i >= 0 && entered[i].subid >= subid; i--)
	{
		Entered    *e = &entered[i];

		if (e->feed == feed && e->subid == subid && e->segment.exists == segment.exists &&
			e->segment.segment == segment.segment)
		{
			e->n++;
			return;
		}
	}
	entered = Grow(entered, nentered, &enteredCapacity, sizeof(Entered));
	entered[nentered++] = (Entered) {feed, subid, segment, 1};
}

/* The elements of a portion, as arrays of SQL. */
typedef struct Portion
{
	int			n;
	Datum		number[PORTION];
	Datum		customer[PORTION];
	Datum		from[PORTION];
	bool		from_nulls[PORTION];
	Datum		to[PORTION];
	bool		to_nulls[PORTION];
	Datum		version[PORTION];
	Datum		at[PORTION];
	Datum		cause[PORTION];
} Portion;

/* An int4[] in which some are NULL. */
static CsValue
MaybeSegments(Datum *values, bool *nulls, int n)
{
	int			lower = 1;

	return CsValueArray(INT4ARRAYOID, construct_md_array(values, nulls, 1, &n, &lower, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* A relation of the extension; InvalidOid when the extension is gone. */
static Oid
FindRelation(const char *name)
{
	Oid			schema = get_namespace_oid("custseg", true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

/* The table of batches, which locks are named after. */
static Oid
BatchTable(void)
{
	return FindRelation("change_batch");
}

/* A number for what the transaction does to a model. */
static int64
NextTransactionNumber(void)
{
	return nextval_internal(FindRelation("change_batch_transaction_number_seq"), false);
}

/* Write a portion of a feed's changes, unless its model is gone; inside SPI. */
static void
WritePortion(Feed *feed, Portion *p)
{
	if (feed->batch == 0)
		feed->batch = NextTransactionNumber();
	CsCatalogExecuteKept(&write_plan, write_sql,
						 CsValues(CsValueText(feed->model), CsValueInt8(feed->batch),
								  CsValueArray(INT4ARRAYOID, construct_array(p->number, p->n, INT4OID, sizeof(int32), true, TYPALIGN_INT)),
								  CsValueArray(TEXTARRAYOID, construct_array(p->customer, p->n, TEXTOID, -1, false, TYPALIGN_INT)),
								  MaybeSegments(p->from, p->from_nulls, p->n),
								  MaybeSegments(p->to, p->to_nulls, p->n),
								  CsValueArray(INT4ARRAYOID, construct_array(p->version, p->n, INT4OID, sizeof(int32), true, TYPALIGN_INT)),
								  CsValueArray(TIMESTAMPTZARRAYOID, construct_array(p->at, p->n, TIMESTAMPTZOID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)),
								  CsValueArray(TEXTARRAYOID, construct_array(p->cause, p->n, TEXTOID, -1, false, TYPALIGN_INT))),
					 false);
}

/* Put a change into a portion. */
static void
PutChange(Portion *p, const Pending *change)
{
	int			i = p->n++;

	p->number[i] = Int32GetDatum(change->number);
	p->customer[i] = CStringGetTextDatum(change->customer);
	p->from[i] = Int32GetDatum(change->from.segment);
	p->from_nulls[i] = !change->from.exists;
	p->to[i] = Int32GetDatum(change->to.segment);
	p->to_nulls[i] = !change->to.exists;
	p->version[i] = Int32GetDatum(change->version);
	p->at[i] = TimestampTzGetDatum(change->at);
	p->cause[i] = CStringGetTextDatum(change->cause);
}

/* Write the changes of a feed from an index on. */
static void
WriteFeed(Feed *feed, int from)
{
	Portion    *p = palloc(sizeof(Portion));

	p->n = 0;
	for (int i = from; i < npending; i++)
	{
		if (pending[i].feed == feed)
			PutChange(p, &pending[i]);
		if (p->n == PORTION)
		{
			WritePortion(feed, p);
			p->n = 0;
		}
	}
	if (p->n > 0)
		WritePortion(feed, p);
}

/* The index from which on what is pending belongs to a subtransaction and those that have ended in it. */
static int
FirstOf(SubTransactionId subid)
{
	int			from = npending;

	while (from > 0 && pending[from - 1].subid >= subid)
		from--;
	return from;
}

/* Let go of what is pending from an index on. */
static void
DropPending(int from)
{
	while (npending > from)
		pfree(pending[--npending].customer);
}

/*
 * Write what the present subtransaction has added, and what those that have ended in it have.  What is of
 * an outer one stays, for it must not go with this one.
 */
void
CsChangesFlush(void)
{
	int			from = FirstOf(GetCurrentSubTransactionId());
	ListCell   *cell;

	if (from == npending)
		return;
	SPI_connect();
	foreach(cell, feeds)
		WriteFeed(lfirst(cell), from);
	SPI_finish();
	DropPending(from);
}

/* The lock of a model's feed, or with NULL that of the positions. */
static LOCKTAG
FeedLock(const char *model)
{
	LOCKTAG		tag;
	uint32		hash = model == NULL ? 0 : hash_bytes((const unsigned char *) model, (int) strlen(model));

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, BatchTable(), (Oid) hash, model == NULL);
	return tag;
}

/* Number the batch of a feed, which has n changes; returns its last position, 0 when the model is gone.  Inside SPI. */
static int64
NumberBatch(const Feed *feed, int64 n)
{
	LOCKTAG		tag = FeedLock(NULL);
	bool		isnull;
	int64		last = 0;

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	if (CsCatalogExecuteKept(&announce_plan, announce_sql,
							 CsValues(CsValueText(feed->model), CsValueInt8(feed->batch), CsValueInt8(feed->number),
									  CsValueInt8(n), CsValueName(CsCallerName())), false) > 0)
		last = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	LockRelease(&tag, ExclusiveLock, false);
	return last;
}

/* The customers of a feed who came to any segment or to none. */
static int64
CountOf(const Feed *feed)
{
	int64		n = 0;

	for (int i = 0; i < nentered; i++)
		n += entered[i].feed == feed ? entered[i].n : 0;
	return n;
}

/* Write how many came to which segment as a member of a notification. */
static void
WriteEntered(JsonbParseState **json, const Feed *feed)
{
	int64		left = 0;

	CsJsonObject(json, "entered");
	for (int i = 0; i < nentered; i++)
	{
		if (entered[i].feed == feed && entered[i].segment.exists)
			CsJsonInteger(json, psprintf("%d", entered[i].segment.segment), entered[i].n);
		else if (entered[i].feed == feed)
			left += entered[i].n;
	}
	(void) CsJsonEnd(json);
	CsJsonInteger(json, "left", left);
}

/* What listeners are told, as json: without the segments when there are too many. */
static char *
Payload(const Feed *feed, int64 n, int64 last, bool with_segments)
{
	JsonbParseState *json = NULL;
	Jsonb	   *object;
	char	   *text;

	CsJsonObject(&json, NULL);
	CsJsonText(&json, "model", feed->model);
	CsJsonInteger(&json, "n", n);
	CsJsonInteger(&json, "change_position", last);
	if (with_segments)
		WriteEntered(&json, feed);
	object = CsJsonFinish(&json);
	text = JsonbToCString(NULL, &object->root, VARSIZE(object));
	return with_segments && strlen(text) > MOST_PAYLOAD ? Payload(feed, n, last, false) : text;
}

/*
 * Number the batch of a feed and tell listeners, if any change of it has lasted.  The lock is kept until
 * the transaction has committed.  Inside SPI.
 */
static void
Announce(const Feed *feed)
{
	int64		n = CountOf(feed);
	LOCKTAG		tag = FeedLock(feed->model);
	int64		last;

	if (n == 0)
		return;
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	last = NumberBatch(feed, n);
	if (last == 0)
		return;					/* the transaction has dropped the model */
	Async_Notify(CHANNEL, Payload(feed, n, last, true));
}

/* Feeds in the order of their models, in which all transactions lock them. */
static int
CompareFeeds(const ListCell *a, const ListCell *b)
{
	return strcmp(((Feed *) lfirst(a))->model, ((Feed *) lfirst(b))->model);
}

/* Sum up what subtransactions that have ended well have counted for the same segment. */
static void
MergeEntered(void)
{
	int			n = 0;

	for (int i = 0; i < nentered; i++)
	{
		int			j = 0;

		while (j < n && !(entered[j].feed == entered[i].feed && entered[j].segment.exists == entered[i].segment.exists &&
						  entered[j].segment.segment == entered[i].segment.segment))
			j++;
		if (j < n)
			entered[j].n += entered[i].n;
		else
			entered[n++] = entered[i];
	}
	nentered = n;
}

/* The transaction is about to commit: write what is left, and number it. */
static void
Finish(void)
{
	ListCell   *cell;

	/* whoever has dropped the extension has no feed to write */
	if (context == NULL || !OidIsValid(BatchTable()))
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	CsChangesFlush();
	MergeEntered();
	list_sort(feeds, CompareFeeds);
	SPI_connect();
	foreach(cell, feeds)
		Announce(lfirst(cell));
	SPI_finish();
	PopActiveSnapshot();
}

/* XactCallback */
static void
AtTransactionEnd(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			Finish();
			break;
		case XACT_EVENT_PRE_PREPARE:
			/* the lock would be held for as long as nobody ends what is prepared */
			if (nentered > 0)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot PREPARE a transaction that has changed segments of model \"%s\", which tracks changes",
								((Feed *) linitial(feeds))->model),
						 errhint("COMMIT it, or end the tracking with custseg.track_changes(%s, NULL).",
								 quote_literal_cstr(((Feed *) linitial(feeds))->model))));
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			Forget();
			break;
		default:
			break;
	}
}

/* What a subtransaction has added becomes that of the one around it. */
static void
HandOver(SubTransactionId from, SubTransactionId to)
{
	for (int i = FirstOf(from); i < npending; i++)
		pending[i].subid = to;
	for (int i = nentered - 1; i >= 0 && entered[i].subid >= from; i--)
		entered[i].subid = to;
}

/* What a subtransaction has added goes. */
static void
Withdraw(SubTransactionId subid)
{
	DropPending(FirstOf(subid));
	while (nentered > 0 && entered[nentered - 1].subid >= subid)
		nentered--;
}

/* SubXactCallback */
static void
AtSubtransactionEnd(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		HandOver(subid, parent);
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		Withdraw(subid);
}

/* Begin to keep changes in this transaction. */
static void
Begin(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(AtTransactionEnd, NULL);
		RegisterSubXactCallback(AtSubtransactionEnd, NULL);
		registered = true;
	}
	context = AllocSetContextCreate(TopMemoryContext, "custseg changes", ALLOCSET_DEFAULT_SIZES);
}

/* Keep a change, which is written and numbered when the transaction commits, or written before when there are many. */
void
CsChangeAdd(const CsChange *change)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	Feed	   *feed;

	if (context == NULL)
		Begin();
	feed = FindFeed(change->model);
	pending = Grow(pending, npending, &pendingCapacity, sizeof(Pending));
	pending[npending++] = (Pending) {
		.feed = feed,.subid = subid,.number = ++feed->number,.from = change->from,.to = change->to,
		.version = change->version,.cause = change->cause,.at = GetCurrentTimestamp(),
		.customer = MemoryContextStrdup(context, change->customer)
	};
	CountEntered(feed, subid, change->to);
	if (npending % PORTION == 0)
		CsChangesFlush();
}
