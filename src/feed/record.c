/*
 * record.c
 *	  The trigger that keeps changes of customers' segments, whoever makes them: record_change().
 *
 * track_changes() gives it to the one table whose changes a model tracks.  It fires after a row was written,
 * when it is certain what the column holds: an INSERT that ended in ON CONFLICT, or that another trigger
 * has changed, tells nothing that is not so.  On any other table it does nothing, so that nobody who tries a
 * model on a copy of the customers starts a campaign.
 *
 * It needs no right to use the model: whoever may write the table makes the change.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "catalog/partition.h"
#include "catalog/tables.h"
#include "commands/trigger.h"
#include "data/identity.h"
#include "feed/feed.h"
#include "score/resegment.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* What the statement's first row resolved. */
typedef struct RecordSite
{
	MemoryContext context;
	Oid			relid;
	bool		is_tracked;		/* by the model, in this column; else nothing that follows */
	char	   *model;
	int			version;		/* deployed; 0: none */
	AttrNumber	attribute;
	Oid			type;
	CsIdentity *identity;
	AttrNumber	key[INDEX_MAX_KEYS];
} RecordSite;

/* A customer of a row, and the segment. */
typedef struct Customer
{
	char	   *id;				/* NULL: nobody */
	CsMaybeSegment segment;
} Customer;

static const char *const feed_sql =
"SELECT m.deployed_version, f.source, f.source OPERATOR(pg_catalog.=) $2 AND f.column_name OPERATOR(pg_catalog.=) $3,"
" pg_catalog.to_regclass(f.source) IS NOT NULL "
"FROM custseg.change_feed AS f JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) f.model "
"WHERE f.model OPERATOR(pg_catalog.=) $1";

static SPIPlanPtr feed_plan = NULL;

PG_FUNCTION_INFO_V1(custseg_record_change);

/* Error unless the trigger is fired as it must be. */
static void
CheckTrigger(FunctionCallInfo fcinfo)
{
	const TriggerData *data = (const TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg(CS_RECORD_FUNCTION "() can only be called as a trigger"),
				 errhint("custseg.track_changes() creates it.")));
	if (!TRIGGER_FIRED_AFTER(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		data->tg_trigger->tgnargs != 2)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" is not fired in the way that " CS_RECORD_FUNCTION "() needs", data->tg_trigger->tgname),
				 errhint("Drop it, and have custseg.track_changes() create it.")));
}

/*
 * CsCatalogVisitor: does the model track this column?  Whose table has got another name since is told, for nothing is kept
 * of it any more.
 */
static void
TakeFeed(void *state, const CsCatalogRow *row)
{
	RecordSite *site = state;
	bool		isnull;

	site->version = CsRowInt4(row, 1, 0);
	site->is_tracked = DatumGetBool(CsRowDatum(row, 3, &isnull));
	if (!site->is_tracked && !DatumGetBool(CsRowDatum(row, 4, &isnull)))
		ereport(WARNING,
				(errmsg("changes are not recorded: model \"%s\" tracks table %s, which does not exist", site->model,
						CsRowText(row, 2)),
				 errhint("The owner of the model can run custseg.track_changes() with the table's present name.")));
}

/* The name of a table, or of the one that it is a partition of, qualified and quoted; palloc'd. */
static char *
TableName(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);

	if (rel->rd_rel->relispartition)
		relid = llast_oid(get_partition_ancestors(relid));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

/* Resolve what tells the table's customers; an error when nothing does, for changes must not be lost in silence. */
static void
ResolveKey(RecordSite *site, Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	CsKey		key;
	List	   *names;

	CsModelKey(site->model, &key);
	names = CsKeyOfRow(&key, desc, RelationGetRelid(rel));
	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("changes of table \"%s\" cannot be recorded: it has no column that identifies a customer any more",
						RelationGetRelationName(rel)),
				 errhint("Give it a primary key, or end the tracking with custseg.track_changes(%s, NULL).",
						 quote_literal_cstr(site->model))));
	CsKeyAttributes(names, desc, site->key);
	site->identity = CsIdentityOfAttributes(desc, site->key, list_length(names));
}

/* The site of this trigger, resolved for its table. */
static RecordSite *
GetRecordSite(FunctionCallInfo fcinfo)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Relation	rel = data->tg_relation;
	char	  **arguments = data->tg_trigger->tgargs;
	RecordSite *site = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (site != NULL && site->relid == RelationGetRelid(rel))
		return site;
	if (site == NULL)
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RecordSite));
		site->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "custseg change", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = site;
	}
	MemoryContextReset(site->context);
	site->is_tracked = false;
	old = MemoryContextSwitchTo(site->context);
	site->model = pstrdup(arguments[0]);
	CsCatalogReadKept(&feed_plan, feed_sql, CsValues(CsValueText(site->model), CsValueText(TableName(rel)), CsValueText(arguments[1])),
				  TakeFeed, site);
	if (site->is_tracked)
	{
		ResolveKey(site, rel);
		site->attribute = CsSegmentColumn(rel, arguments[1]);
		site->type = TupleDescAttr(RelationGetDescr(rel), site->attribute - 1)->atttypid;
	}
	MemoryContextSwitchTo(old);
	site->relid = RelationGetRelid(rel);
	return site;
}

/* The segment of a row. */
static CsMaybeSegment
SegmentOf(const RecordSite *site, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(row, site->attribute, desc, &isnull);

	return CsMaybeSegmentRead(value, isnull, site->type);
}

/* The customer of a row by id, palloc'd; NULL where the id is not known. */
static char *
CustomerOf(const RecordSite *site, HeapTuple row, TupleDesc desc)
{
	Datum		values[INDEX_MAX_KEYS];

	for (int i = 0; i < site->identity->nparts; i++)
	{
		bool		isnull;

		values[i] = heap_getattr(row, site->key[i], desc, &isnull);
		if (isnull)
			return NULL;
	}
	return CsIdentityPlain(site->identity, values);
}

/* Is it the same segment, or none both times? */
static bool
IsSame(CsMaybeSegment a, CsMaybeSegment b)
{
	return a.exists == b.exists && a.segment == b.segment;
}

/* Keep a change of a customer, if it is one of somebody. */
static void
Record(const RecordSite *site, const char *customer, CsMaybeSegment from, CsMaybeSegment to, const char *cause)
{
	CsChange	change = {site->model, customer, from, to, site->version, cause};

	if (customer == NULL || IsSame(from, to))
		return;
	if (CsResegmentIsWriting(site->model, &change.version))
		change.cause = "resegment";
	CsChangeAdd(&change);
}

/* Have two rows of the table the same id, to the bit? */
static bool
HaveSameKey(const RecordSite *site, HeapTuple a, HeapTuple b, TupleDesc desc)
{
	for (int i = 0; i < site->identity->nparts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, site->key[i] - 1);
		bool		a_is_null,
					b_is_null;
		Datum		x = heap_getattr(a, site->key[i], desc, &a_is_null);
		Datum		y = heap_getattr(b, site->key[i], desc, &b_is_null);

		if (a_is_null || b_is_null || !datum_image_eq(x, y, attribute->attbyval, attribute->attlen))
			return false;
	}
	return true;
}

/* An UPDATE: the customer moved; or the id did, and with it one customer went and another came. */
static void
RecordUpdate(const RecordSite *site, HeapTuple old, HeapTuple new, TupleDesc desc)
{
	CsMaybeSegment none = {0, false};
	CsMaybeSegment from = SegmentOf(site, old, desc);
	CsMaybeSegment to = SegmentOf(site, new, desc);
	char	   *customer;
	char	   *before;

	if (IsSame(from, to) && HaveSameKey(site, old, new, desc))
		return;
	customer = CustomerOf(site, new, desc);
	before = CustomerOf(site, old, desc);
	if (customer != NULL && before != NULL && strcmp(customer, before) == 0)
	{
		Record(site, customer, from, to, "update");
		return;
	}
	Record(site, before, from, none, "update");
	Record(site, customer, none, to, "update");
}

/* record_change('model', 'column'): trigger that keeps what has become of a row's segment */
Datum
custseg_record_change(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	CsMaybeSegment none = {0, false};
	RecordSite *site;
	TupleDesc	desc;

	CheckTrigger(fcinfo);
	site = GetRecordSite(fcinfo);
	if (!site->is_tracked)
		return PointerGetDatum(NULL);
	desc = RelationGetDescr(data->tg_relation);
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		RecordUpdate(site, data->tg_trigtuple, data->tg_newtuple, desc);
	else if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		Record(site, CustomerOf(site, data->tg_trigtuple, desc), none, SegmentOf(site, data->tg_trigtuple, desc), "insert");
	else
		Record(site, CustomerOf(site, data->tg_trigtuple, desc), SegmentOf(site, data->tg_trigtuple, desc), none, "delete");
	return PointerGetDatum(NULL);
}
