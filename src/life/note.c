/*
 * note.c
 *	  What columns mean, for those who read of them: set_column_note() by the owner of a model or of a table.
 *
 * A note is one of a model, whatever the relation that its customers come from, or of a relation.  Facts that are
 * given replace those there were, null removes one, and the others stay.
 */
#include "custseg.h"

#include "catalog/namespace.h"
#include "catalog/pg_class_d.h"
#include "catalog/pg_namespace_d.h"
#include "life/life.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

/* The facts, in the order of the statement's arguments from $4 on. */
static const char *const noteKeys[] = {
	"meaning", "source_system", "unit", "range", "update_cadence", "owner"
};

/* Which facts are given is $10: those that are not stay. */
static const char *const set_sql =
"INSERT INTO custseg.column_note AS t (model, source, column_name, meaning, source_system, unit, range, update_cadence, steward, set_at, set_by) "
"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, pg_catalog.clock_timestamp(), $11) "
"ON CONFLICT (coalesce(model, ''), coalesce(source, ''), column_name) DO UPDATE SET"
" meaning = CASE WHEN $10[1] THEN excluded.meaning ELSE t.meaning END,"
" source_system = CASE WHEN $10[2] THEN excluded.source_system ELSE t.source_system END,"
" unit = CASE WHEN $10[3] THEN excluded.unit ELSE t.unit END,"
" range = CASE WHEN $10[4] THEN excluded.range ELSE t.range END,"
" update_cadence = CASE WHEN $10[5] THEN excluded.update_cadence ELSE t.update_cadence END,"
" steward = CASE WHEN $10[6] THEN excluded.steward ELSE t.steward END,"
" set_at = excluded.set_at, set_by = excluded.set_by";

static const char *const clear_sql =
"DELETE FROM custseg.column_note AS t WHERE t.model OPERATOR(pg_catalog.=) $1"
" AND t.column_name OPERATOR(pg_catalog.=) $2";

static const char *const clear_source_sql =
"DELETE FROM custseg.column_note AS t WHERE t.source OPERATOR(pg_catalog.=) $1"
" AND t.column_name OPERATOR(pg_catalog.=) $2";

/* Three texts a note, for all that is read is one column of texts; nobody can note an empty one. */
static const char *const relation_sql =
"SELECT fact.value FROM custseg.column_note AS t"
" CROSS JOIN LATERAL pg_catalog.unnest(ARRAY[t.column_name, coalesce(t.meaning, ''), coalesce(t.unit, '')]) WITH ORDINALITY AS fact (value, place)"
" WHERE t.source OPERATOR(pg_catalog.=) $1"
" ORDER BY t.column_name, fact.place";

PG_FUNCTION_INFO_V1(custseg_set_column_note);
PG_FUNCTION_INFO_V1(custseg_require_owner);
PG_FUNCTION_INFO_V1(custseg_may_read);

/* The arguments. */
enum
{
	NOTE_MODEL, NOTE_SOURCE, NOTE_COLUMN, NOTE_NOTE
};

/* The text by which notes know a relation, palloc'd: its name with its schema. */
static char *
RelationKey(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

/*
 * What is noted of the columns of a relation, which the caller may read: CsColumnNote *, palloc'd, by the names of the
 * columns.  InvalidOid, as of a query, has none.
 */
List *
CsNotesOfRelation(Oid relid)
{
	List	   *facts = !OidIsValid(relid) ? NIL : CsCatalogTexts(relation_sql, CsValues(CsValueText(RelationKey(relid))), true);
	List	   *notes = NIL;

	for (int i = 0; i + 2 < list_length(facts); i += 3)
	{
		CsColumnNote *note = palloc(sizeof(CsColumnNote));
		char	   *meaning = list_nth(facts, i + 1);
		char	   *unit = list_nth(facts, i + 2);

		note->column = list_nth(facts, i);
		note->meaning = meaning[0] == '\0' ? NULL : meaning;
		note->unit = unit[0] == '\0' ? NULL : unit;
		notes = lappend(notes, note);
	}
	return notes;
}

/* A relation that the caller owns, with its schema, palloc'd; an error unless it has the column. */
static char *
SourceArgument(FunctionCallInfo fcinfo, const char *column)
{
	char	   *name = CsTextArgument(fcinfo, NOTE_SOURCE);
	List	   *names = textToQualifiedNameList(cstring_to_text(name));
	Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);

	if (!OidIsValid(relid))
		CsReportMissingRelation(name, names, "Name a table or view, with its schema if that is not in search_path.");
#if PG_VERSION_NUM >= 160000
	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
#else
	if (!pg_class_ownercheck(relid, GetUserId()))
#endif
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of relation \"%s\"", get_rel_name(relid)),
				 errhint("Its owner can say what its columns mean; the owner of a model can do so for the model.")));
	if (get_attnum(relid, column) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", column, get_rel_name(relid))));
	return RelationKey(relid);
}

/* Read the facts of a note; which are given, as a bool[] of SQL. */
static CsValue
ReadFacts(Jsonb *note, CsValue *facts)
{
	bool		given[lengthof(noteKeys)] = {false};
	Datum		flags[lengthof(noteKeys)];
	CsJsonEach	each;

	for (int i = 0; i < lengthof(noteKeys); i++)
		facts[i] = CsValueNull(TEXTOID);
	if (!JB_ROOT_IS_OBJECT(note))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a note must be a json object"),
				 errhint("Write {\"meaning\": \"Days since the last order\", \"unit\": \"days\"}. Known keys are: %s.",
						 CsJsonKeyList(noteKeys, lengthof(noteKeys)))));
	each = CsJsonEachOf(&note->root);
	while (CsJsonNext(&each))
	{
		int			key = CsJsonKnownKey(&each.key, noteKeys, lengthof(noteKeys), "a note");

		if (each.value.type != jbvNull && (each.value.type != jbvString || each.value.val.string.len == 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("key \"%s\" of a note must be a text that is not empty", noteKeys[key]),
					 errhint("A json null removes the key.")));
		given[key] = true;
		if (each.value.type == jbvString)
			facts[key] = CsValueText(CsJsonString(&each.value));
	}
	for (int i = 0; i < lengthof(noteKeys); i++)
		flags[i] = BoolGetDatum(given[i]);
	return CsValueArray(BOOLARRAYOID, construct_array(flags, lengthof(noteKeys), BOOLOID, 1, true, TYPALIGN_CHAR));
}

/* set_column_note(model, source, column, note): of a model or of a relation; the note NULL takes it away */
Datum
custseg_set_column_note(PG_FUNCTION_ARGS)
{
	char	   *column = CsRequiredText(fcinfo, NOTE_COLUMN, "column");
	char	   *model = NULL;
	char	   *source = NULL;
	CsValue		facts[lengthof(noteKeys)];
	CsValue		given = {0};

	if (PG_ARGISNULL(NOTE_MODEL) == PG_ARGISNULL(NOTE_SOURCE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a note is one of a model or of a source"),
				 errhint("Give one of \"model\" and \"source\", and NULL for the other.")));
	if (column[0] == '\0' || strlen(column) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" cannot be the name of a column", column),
				 errhint("A name of a column has 1 to %d bytes.", NAMEDATALEN - 1)));
	CsRequireWritable("custseg.set_column_note()");
	if (PG_ARGISNULL(NOTE_MODEL))
		source = SourceArgument(fcinfo, column);
	else
		model = CsBeginChange(fcinfo, "custseg.set_column_note()");
	if (!PG_ARGISNULL(NOTE_NOTE))
		given = ReadFacts(PG_GETARG_JSONB_P(NOTE_NOTE), facts);
	SPI_connect();
	if (PG_ARGISNULL(NOTE_NOTE))
		CsCatalogExecute(model != NULL ? clear_sql : clear_source_sql,
						 CsValues(CsValueText(model != NULL ? model : source), CsValueText(column)), false);
	else
		CsCatalogExecute(set_sql, CsValues(CsValueText(model), CsValueText(source), CsValueText(column), facts[0],
										   facts[1], facts[2], facts[3], facts[4], facts[5], given,
										   CsValueName(CsCallerName())), false);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The argument of require_owner(). */
enum
{
	OWNER_MODEL
};

/* require_owner(model): true, or an error unless the caller owns the model */
Datum
custseg_require_owner(PG_FUNCTION_ARGS)
{
	CsModelCheckOwner(CsRequiredText(fcinfo, OWNER_MODEL, "model"));
	PG_RETURN_BOOL(true);
}

/* May the caller look into a schema? */
static bool
MayUseSchema(Oid schema)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, schema, GetUserId(), ACL_USAGE) == ACLCHECK_OK;
#else
	return pg_namespace_aclcheck(schema, GetUserId(), ACL_USAGE) == ACLCHECK_OK;
#endif
}

/* The argument of may_read(). */
enum
{
	READ_SOURCE
};

/* may_read(source): may the caller read any column of a relation, whose name has its schema?  No error if it is gone. */
Datum
custseg_may_read(PG_FUNCTION_ARGS)
{
	List	   *names = textToQualifiedNameList(PG_GETARG_TEXT_PP(READ_SOURCE));
	RangeVar   *range = makeRangeVarFromNameList(names);
	Oid			schema = range->schemaname == NULL ? InvalidOid : get_namespace_oid(range->schemaname, true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid(range->relname, schema) : InvalidOid;

	if (!OidIsValid(relid) || !MayUseSchema(schema))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
				   pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK);
}
