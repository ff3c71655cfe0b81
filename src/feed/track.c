/*
 * track.c
 *	  Whose changes are kept: track_changes() by the model's owner.
 *
 * A model tracks the changes of one column of one table.  Its trigger (record.c) is created as the caller, who
 * therefore must have the right to; with tracking off there is no trigger, and nothing that would cost time.
 */
#include "custseg.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/tables.h"
#include "catalog/pg_trigger.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "feed/feed.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "score/resegment.h"
#include "score/score.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"

static const char *const table_sql =
"SELECT f.source FROM custseg.change_feed AS f WHERE f.model OPERATOR(pg_catalog.=) $1";

static const char *const track_sql =
"INSERT INTO custseg.change_feed AS f (model, source, column_name, tracked_at, tracked_by) "
"VALUES ($1, $2, $3, pg_catalog.clock_timestamp(), $4) "
"ON CONFLICT (model) DO UPDATE SET (source, column_name, tracked_at, tracked_by) ="
" ROW(excluded.source, excluded.column_name, excluded.tracked_at, excluded.tracked_by)";

static const char *const end_sql =
"DELETE FROM custseg.change_feed AS f WHERE f.model OPERATOR(pg_catalog.=) $1";

PG_FUNCTION_INFO_V1(custseg_track_changes);

/* The arguments. */
enum
{
	ARG_MODEL, ARG_TABLE, ARG_COLUMN
};

/* Is it a trigger that keeps changes for the model, in that column or, with NULL, in any? */
static bool
Records(const Trigger *trigger, const char *model, const char *column)
{
	static const Oid arguments[1] = {InvalidOid};
	Oid			function = LookupFuncName(list_make2(makeString("custseg"), makeString(CS_RECORD_FUNCTION)), 0, arguments, false);

	return trigger->tgfoid == function && trigger->tgnargs == 2 && strcmp(trigger->tgargs[0], model) == 0 &&
		(column == NULL || strcmp(trigger->tgargs[1], column) == 0);
}

/* The name of the table's trigger that keeps changes for the model, in that column or in any; NULL when there is none. */
static const char *
FindTrigger(Relation rel, const char *model, const char *column)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
		if (Records(&rel->trigdesc->triggers[i], model, column))
			return pstrdup(rel->trigdesc->triggers[i].tgname);
	return NULL;
}

/* Run a statement as the caller. */
static void
Execute(const char *sql)
{
	SPI_connect();
	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not change a trigger");
	SPI_finish();
}

/* Drop the trigger of a table that is tracked no more, if it is there and the caller may; else it is idle. */
static void
DropTrigger(const char *model, const char *table)
{
	Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(table))),
										 AccessShareLock, true);
	Relation	rel;
	const char *name;

	if (!OidIsValid(relid))
		return;
	rel = relation_open(relid, NoLock);
	name = FindTrigger(rel, model, NULL);
	if (!has_privs_of_role(GetUserId(), rel->rd_rel->relowner))
		name = NULL;
	relation_close(rel, NoLock);
	if (name != NULL)
		Execute(psprintf("DROP TRIGGER %s ON %s", quote_identifier(name), table));
}

/* The table that a model tracks, qualified and quoted, palloc'd; NULL when it tracks none. */
static char *
TrackedTable(const char *model)
{
	List	   *tables = CsCatalogTexts(table_sql, CsValues(CsValueText(model)), false);

	return tables == NIL ? NULL : linitial(tables);
}

/* Error unless the table can tell its customers, as the trigger will. */
static void
RequireKey(const char *model, Relation rel)
{
	CsKey		key;

	CsModelKey(model, &key);
	if (CsKeyOfRow(&key, RelationGetDescr(rel), RelationGetRelid(rel)) == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("changes of table \"%s\" cannot be tracked: it has no column that identifies a customer",
						RelationGetRelationName(rel)),
				 errhint("Name the column as the model's id, or give the table a primary key.")));
}

/* Give a table the trigger, unless it has it; the relation is closed. */
static void
MakeTrigger(Relation rel, const char *model, const char *table, const char *column)
{
	bool		is_there = FindTrigger(rel, model, column) != NULL;
	bool		may = pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_TRIGGER) == ACLCHECK_OK;
	char	   *sql = psprintf("CREATE TRIGGER %s AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION custseg." CS_RECORD_FUNCTION "(%s, %s)",
							   quote_identifier(makeObjectName("custseg_record", model, "change")), table,
							   quote_literal_cstr(model), quote_literal_cstr(column));

	relation_close(rel, NoLock);
	if (is_there)
		return;
	DropTrigger(model, table);	/* for another column */
	if (!may)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to create a trigger on table %s", table),
				 errhint("Its owner can run: %s;", sql)));
	Execute(sql);
}

/* track_changes(model, table, column): keep changes of that column, or with table NULL of none */
Datum
custseg_track_changes(PG_FUNCTION_ARGS)
{
	char	   *model = CsBeginChange(fcinfo, "custseg.track_changes()");
	char	   *before = TrackedTable(model);
	char	   *column;
	char	   *table = NULL;
	Relation	rel;

	CsModelRequireKind(model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	if (!PG_ARGISNULL(ARG_TABLE))
	{
		column = CsRequiredText(fcinfo, ARG_COLUMN, "column");
		rel = CsTableOpen(PG_GETARG_TEXT_PP(ARG_TABLE), ShareRowExclusiveLock,
						  "Track changes where the foreign table's rows are stored.");
		table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)), RelationGetRelationName(rel));
		(void) CsSegmentColumn(rel, column);
		RequireKey(model, rel);
		MakeTrigger(rel, model, table, column);
	}
	if (before != NULL && (table == NULL || strcmp(before, table) != 0))
		DropTrigger(model, before);
	SPI_connect();
	if (table == NULL && CsCatalogExecute(end_sql, CsValues(CsValueText(model)), false) > 0)
		CsAuditAdd("end_tracking", model, 0, before, -1);
	if (table != NULL)
		CsCatalogExecute(track_sql, CsValues(CsValueText(model), CsValueText(table), CsValueText(column),
											 CsValueName(CsCallerName())), false);
	SPI_finish();
	PG_RETURN_VOID();
}
