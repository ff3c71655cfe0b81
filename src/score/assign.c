/*
 * assign.c
 *	  New and changed customers get their segment as they are written: trigger assign_segment().
 *
 * The row is placed as predict() would place it, with the rights of whoever writes it.  Model,
 * column and binding are resolved at a statement's first row and kept in fn_extra.  Where somebody has
 * decided for a customer by hand, that holds (override.c).  A trigger that is to warn places each row in
 * a subtransaction: what fails leaves NULL, and the row is written.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "score/score.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* What the statement's first row resolved. */
typedef struct AssignSite
{
	MemoryContext context;
	Oid			relid;
	CsAsOf		as_of;
	int			version;		/* 0: the deployed one */
	bool		warns;			/* instead of failing the write */
	AttrNumber	attribute;
	Oid			type;
	bool		failed;			/* to resolve the model, of which the statement has warned */
	CsScoring	scoring;
	CsBinding  *binding;		/* NULL: the model has not been resolved */
	CsOverrides *overrides;		/* NULL: there are none */
	AttrNumber	key[INDEX_MAX_KEYS];	/* with overrides: the attributes that tell customers */
	CsPath	   *path;			/* for a column of text, which gets paths; NULL: has not been resolved */
} AssignSite;

#define ASSIGN_HINT "EXECUTE FUNCTION custseg.assign_segment('model', 'column' [, 'version'] [, 'warn'])."

PG_FUNCTION_INFO_V1(custseg_assign_segment);

/*
 * An error when no column can be called so.  A text in quotes is no identifier, which PostgreSQL would cut:
 * a column that is made under a part of the name would not be found under the name.
 */
void
CsCheckColumnName(const char *column)
{
	Size		length = strlen(column);

	if (length >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("column name \"%s\" is too long", column),
				 errdetail("It has %zu bytes; %d are allowed.", length, NAMEDATALEN - 1),
				 errhint("Give the column's name as it is in the table, or a shorter one.")));
}

/*
 * The attribute of a relation that holds segments, or as text paths of them; an error unless it exists and is a
 * plain integer or text.
 */
AttrNumber
CsSegmentColumn(Relation rel, const char *column)
{
	AttrNumber	number;
	Form_pg_attribute attribute;

	CsCheckColumnName(column);
	number = get_attnum(RelationGetRelid(rel), column);
	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", column,
						RelationGetRelationName(rel)),
				 errhint(has_privs_of_role(GetUserId(), rel->rd_rel->relowner) ?
						 "ALTER TABLE %s ADD COLUMN %s integer;" :
						 "Ask the owner of the table for it: ALTER TABLE %s ADD COLUMN %s integer;",
						 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
													RelationGetRelationName(rel)),
						 quote_identifier(column))));
	attribute = TupleDescAttr(RelationGetDescr(rel), number - 1);
	if (attribute->atttypid != INT2OID && attribute->atttypid != INT4OID &&
		attribute->atttypid != INT8OID && attribute->atttypid != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, which cannot hold a segment", column,
						format_type_be(attribute->atttypid)),
				 errhint("Segments are numbers: use a column of type integer, or one of type text for paths such as 2.3.")));
	if (attribute->attgenerated != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("column \"%s\" is a generated column, which cannot be assigned", column),
				 errhint("Use a plain column of type %s.", format_type_be(attribute->atttypid))));
	return number;
}

/* A segment as a value of the column's type; an error when the type is too small. */
Datum
CsSegmentDatum(int32 segment, Oid type)
{
	if (type == INT8OID)
		return Int64GetDatum(segment);
	if (type == INT4OID)
		return Int32GetDatum(segment);
	if (segment > PG_INT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("segment %d is out of range for type smallint", segment),
				 errhint("Use a column of type integer.")));
	return Int16GetDatum((int16) segment);
}

/* An error for a version where paths are to be written, which are of the deployed versions. */
void
CsRejectVersionOfPath(const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" of type text gets paths, which are those of the deployed versions", column),
			 errhint("Leave the version out, or use a column of type integer.")));
}

/* Error unless the trigger is fired as it must be. */
static void
CheckTrigger(FunctionCallInfo fcinfo)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("assign_segment() can only be called as a trigger"),
				 errhint("CREATE TRIGGER ... BEFORE INSERT OR UPDATE ... FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('model', 'column').")));
	if (!TRIGGER_FIRED_BEFORE(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" is not fired in the way that assign_segment() needs",
						data->tg_trigger->tgname),
				 errhint("Create it as BEFORE INSERT OR UPDATE ... FOR EACH ROW.")));
	if (data->tg_trigger->tgnargs < 2 || data->tg_trigger->tgnargs > 4)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("trigger \"%s\" has %d argument, but assign_segment() takes 2 to 4",
							   "trigger \"%s\" has %d arguments, but assign_segment() takes 2 to 4",
							   data->tg_trigger->tgnargs, data->tg_trigger->tgname,
							   data->tg_trigger->tgnargs),
				 errhint(ASSIGN_HINT)));
}

/* Read what a trigger names after model and column: a version, the deployed one when there is none, and "warn". */
static void
ReadFurtherArguments(AssignSite *site, const Trigger *trigger)
{
	site->version = 0;
	site->warns = false;
	for (int i = 2; i < trigger->tgnargs; i++)
	{
		const char *argument = trigger->tgargs[i];

		if (strcmp(argument, "warn") == 0)
			site->warns = true;
		else if (argument[strspn(argument, "-0123456789 ")] != '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unrecognized argument \"%s\" of trigger \"%s\"", argument, trigger->tgname),
					 errhint(ASSIGN_HINT)));
		else if ((site->version = pg_strtoint32(argument)) < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("version must be 1 or more, not %d", site->version),
					 errhint("Leave the version out for the deployed one.")));
	}
}

/* Stored generated columns are computed after BEFORE triggers: what they see is not the value. */
static void
RejectGeneratedFeatures(const CsBinding *binding, const CsPipeline *p, TupleDesc desc)
{
	for (int i = 0; i < p->nfeatures; i++)
	{
		if (TupleDescAttr(desc, CsBindingAttribute(binding, i) - 1)->attgenerated != '\0')
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("feature \"%s\" is a generated column, which has no value yet in a BEFORE trigger",
							NameStr(p->feature[i].name)),
					 errhint("Use CALL custseg.resegment() instead of the trigger.")));
	}
}

/* What somebody has decided for the model's customers, where the row has an id to tell them by. */
static void
ResolveOverrides(AssignSite *site, Relation rel, const CsScorer *scorer)
{
	TupleDesc	desc = RelationGetDescr(rel);
	MemoryContext old;
	CsKey		key;
	List	   *names;

	site->overrides = NULL;
	if (!CsCacheHasOverrides(scorer))
		return;
	old = MemoryContextSwitchTo(site->context);
	CsScorerKey(scorer, &key);
	names = CsKeyOfRow(&key, desc, RelationGetRelid(rel));
	CsKeyAttributes(names, desc, site->key);
	if (names != NIL)
		site->overrides = CsOverridesLoad(scorer, CsIdentityOfAttributes(desc, site->key, list_length(names)));
	MemoryContextSwitchTo(old);
}

/* The decision for the row's customer, or NULL. */
static const CsOverride *
FindOverride(const AssignSite *site, HeapTuple row, TupleDesc desc)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	if (site->overrides == NULL)
		return NULL;
	for (int i = 0; i < site->overrides->identity->nparts; i++)
		values[i] = heap_getattr(row, site->key[i], desc, &nulls[i]);
	return CsOverridesFind(site->overrides, values, nulls);
}

/* Where the row belongs: index of its segment, -1 for none. */
static int
PlaceRow(AssignSite *site, HeapTuple row, TupleDesc desc)
{
	const CsOverride *override = FindOverride(site, row, desc);
	CsAssignment placed;

	if (override != NULL)
		return override->index;
	CsBindTuple(site->binding, CsScorerPipeline(site->scoring.scorer), row, site->scoring.raw);
	return CsScoringPlace(&site->scoring, &placed, NULL) ? placed.index : -1;
}

/* Resolve the model for the table's rows. */
static void
ResolveModel(AssignSite *site, const TriggerData *data)
{
	Relation	rel = data->tg_relation;
	const CsScorer *scorer = CsCacheGet(data->tg_trigger->tgargs[0], site->version);
	CsBinding  *binding;

	CsCachePin(scorer, site->context);
	CsScoringInit(&site->scoring, scorer, site->context);
	ResolveOverrides(site, rel, scorer);
	binding = CsBindingForRow(CsScorerPipeline(scorer), RelationGetDescr(rel),
							  NameStr(scorer->model), site->context);
	RejectGeneratedFeatures(binding, CsScorerPipeline(scorer), RelationGetDescr(rel));
	site->binding = binding;
}

/* The site of this trigger, with the column resolved, and what the last row resolved of the model. */
static AssignSite *
GetAssignSite(FunctionCallInfo fcinfo)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Relation	rel = data->tg_relation;
	AssignSite *site = fcinfo->flinfo->fn_extra;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(AssignSite));
		site->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "custseg trigger",
											  ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = site;
	}
	if ((site->binding != NULL || site->path != NULL || site->failed) && CsAsOfIsNow(&site->as_of) &&
		site->relid == RelationGetRelid(rel))
		return site;

	site->binding = NULL;
	site->path = NULL;
	site->failed = false;
	MemoryContextReset(site->context);
	ReadFurtherArguments(site, data->tg_trigger);
	site->attribute = CsSegmentColumn(rel, data->tg_trigger->tgargs[1]);
	site->type = TupleDescAttr(RelationGetDescr(rel), site->attribute - 1)->atttypid;
	if (site->type == TEXTOID && site->version != 0)
		CsRejectVersionOfPath(data->tg_trigger->tgargs[1]);
	site->as_of = CsAsOfNow();
	site->relid = RelationGetRelid(rel);
	return site;
}

/* A row and its segment, as a value of the column. */
typedef struct Assignment
{
	AssignSite *site;
	const TriggerData *data;
	HeapTuple	row;
	Datum		value;
	bool		isnull;
} Assignment;

/* Find the path of a row.  Any column may be a feature of one of the models, so none may be generated. */
static void
AssignPath(Assignment *a)
{
	AssignSite *site = a->site;
	Relation	rel = a->data->tg_relation;
	TupleDesc	desc = RelationGetDescr(rel);
	CsPath	   *path = site->path;
	Datum		present;
	bool		isnull;
	char	   *text;

	present = heap_getattr(a->row, site->attribute, desc, &isnull);
	if (!isnull)
		CsPathCheckValue(a->data->tg_trigger->tgargs[1], present);
	if (path == NULL)
	{
		for (int i = 0; i < desc->natts; i++)
			if (TupleDescAttr(desc, i)->attgenerated != '\0')
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("column \"%s\" is a generated column, which has no value yet in a BEFORE trigger",
								NameStr(TupleDescAttr(desc, i)->attname)),
						 errhint("Use CALL custseg.resegment() to write paths instead of the trigger.")));
		path = CsPathMake(rel->rd_rel->reltype, site->context);
	}
	text = CsPathOfCustomer(path, a->data->tg_trigger->tgargs[0], heap_copy_tuple_as_datum(a->row, desc), false);
	site->path = path;
	a->isnull = text == NULL;
	a->value = a->isnull ? (Datum) 0 : CStringGetTextDatum(text);
}

/* Find the segment of a row; for CsAttempt(), too. */
static void
Assign(void *state)
{
	Assignment *a = state;
	AssignSite *site = a->site;
	int			index;

	if (site->type == TEXTOID)
	{
		AssignPath(a);
		return;
	}
	if (site->binding == NULL)
		ResolveModel(site, a->data);
	index = PlaceRow(site, a->row, RelationGetDescr(a->data->tg_relation));
	if (index < 0)
		return;
	a->value = CsSegmentDatum(CsScorerSegments(site->scoring.scorer)[index].segment, site->type);
	a->isnull = false;
}

/* Likewise; what fails is a WARNING and leaves NULL.  For the whole statement, if the model cannot be had. */
static void
AssignOrWarn(Assignment *a)
{
	ErrorData  *error = a->site->failed ? NULL : CsAttempt(Assign, a, CsEndsCommand);

	if (error == NULL)
		return;
	a->site->failed = a->site->binding == NULL && a->site->path == NULL;
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("no segment is written to table \"%s\": %s", RelationGetRelationName(a->data->tg_relation),
					error->message),
			 error->detail == NULL ? 0 : errdetail_internal("%s", error->detail),
			 error->hint == NULL ? 0 : errhint("%s", error->hint)));
}

/* assign_segment('model', 'column' [, version] [, 'warn']): trigger that sets the column of a new row */
Datum
custseg_assign_segment(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Assignment	a = {.data = data,.isnull = true};
	int			attribute;

	CheckTrigger(fcinfo);
	a.row = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
	a.site = GetAssignSite(fcinfo);
	if (a.site->warns)
		AssignOrWarn(&a);
	else
		Assign(&a);
	attribute = a.site->attribute;
	return PointerGetDatum(heap_modify_tuple_by_cols(a.row, RelationGetDescr(data->tg_relation), 1,
													 &attribute, &a.value, &a.isnull));
}
