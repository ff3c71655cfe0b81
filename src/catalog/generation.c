/*
 * generation.c
 *	  A number that rises when anything that was read from custseg's tables may have changed.
 *
 * Every statement that writes custseg's tables fires a trigger that invalidates the relation cache
 * entry of custseg.model; that reaches other backends with the commit, and this one with the next
 * command, with ROLLBACK and with ROLLBACK TO SAVEPOINT.  Roles and memberships come through the
 * system caches.  The callbacks only raise the number.
 */
#include "custseg.h"

#include "access/xact.h"
#include "catalog/tables.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static uint64 generation = 1;	/* raised by the callbacks */
static Oid	modelTable = InvalidOid;

PG_FUNCTION_INFO_V1(custseg_invalidate_models);

/* Some relation changed; may come at any lock, so no more is done than to count. */
static void
NoteRelation(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || !OidIsValid(modelTable) || relid == modelTable)
		generation++;
}

/* Roles changed. */
static void
NoteRoles(Datum arg, int cacheid, uint32 hashvalue)
{
	generation++;
}

/* Watch for changes.  Called once, by _PG_init(). */
void
CsGenerationInit(void)
{
	CacheRegisterRelcacheCallback(NoteRelation, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, NoteRoles, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, NoteRoles, (Datum) 0);
}

/* The generation as it is now. */
uint64
CsGeneration(void)
{
	return generation;
}

/* The OID of custseg.model, InvalidOid without the extension. */
static Oid
LookUpModelTable(void)
{
	Oid			schema = get_namespace_oid("custseg", true);

	return OidIsValid(schema) ? get_relname_relid("model", schema) : InvalidOid;
}

/*
 * Look the tables up again, as the start of a new cache requires, and return the generation.  The
 * number is taken first, because the look-up itself may bring news.
 */
uint64
CsGenerationRefresh(void)
{
	uint64		before = generation;

	modelTable = LookUpModelTable();
	return before;
}

/* The table whose invalidation raises the generation; InvalidOid before CsGenerationRefresh(). */
Oid
CsModelTable(void)
{
	return modelTable;
}

/* The active snapshot, the user and the generation, for CsAsOfIsNow to compare with later. */
CsAsOf
CsAsOfNow(void)
{
	CsAsOf		now = {CsGeneration(), GetUserId()};
	Snapshot	snapshot;

	if (!ActiveSnapshotSet())
		return now;
	snapshot = GetActiveSnapshot();
	now.end = snapshot->xmax;
	now.running = snapshot->xcnt + (uint32) snapshot->subxcnt;
	now.from = snapshot->curcid;
	now.to = now.from == GetCurrentCommandId(false) ? InvalidCommandId : now.from;
	return now;
}

/* Trigger on the tables that models are read from: tells all backends to forget them. */
Datum
custseg_invalidate_models(PG_FUNCTION_ARGS)
{
	Oid			table = LookUpModelTable();

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("invalidate_models() can only be called as a trigger")));
	if (OidIsValid(table))
		CacheInvalidateRelcacheByRelid(table);
	return PointerGetDatum(NULL);
}
