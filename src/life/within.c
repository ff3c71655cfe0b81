/*
 * within.c
 *	  Versions of a model within a segment of another model: asked for, checked, stored.
 *
 * Where a model belongs never changes: all of its versions are within the same segment, and a segment has one model
 * within it.  A model can be within what there was before it alone, so there are no cycles; who asks for one is told
 * so.  The owner of a model decides what is within its segments.
 */
#include "custseg.h"

#include "call/call.h"
#include "life/life.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

static const char *const named_sql =
"SELECT s.segment FROM custseg.segment AS s"
" JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) s.model"
"  AND m.deployed_version OPERATOR(pg_catalog.=) s.version "
"WHERE s.model OPERATOR(pg_catalog.=) $1 AND s.name OPERATOR(pg_catalog.=) $2";

static const char *const other_sql =
"SELECT w.model FROM custseg.model_within AS w WHERE w.parent_model OPERATOR(pg_catalog.=) $1"
" AND w.segment OPERATOR(pg_catalog.=) $2 AND w.model OPERATOR(pg_catalog.<>) $3 LIMIT 1";

static const char *const insert_sql =
"INSERT INTO custseg.model_within (model, version, parent_model, parent_version, segment) VALUES ($1, $2, $3, $4, $5)";

static const char *const children_sql =
"SELECT DISTINCT w.model FROM custseg.model_within AS w WHERE w.parent_model OPERATOR(pg_catalog.=) $1 ORDER BY w.model";

/* CsCatalogVisitor: a number. */
static void
TakeNumber(void *state, const CsCatalogRow *row)
{
	*(int *) state = CsRowInt4(row, 1, 0);
}

/* The segment that option "within" names, by number or by name. */
static int
ReadSegment(const char *parent, const CsJsonReader *r)
{
	JsonbValue	value;
	int			segment;
	uint64		n;
	char	   *name;

	if (!CsJsonReadMember(r, "segment", &value) || value.type != jbvString)
		return (int) CsJsonReadInteger(r, "segment", 0, PG_INT32_MAX);
	name = CsJsonReadText(r, "segment");
	n = CsCatalogRead(named_sql, CsValues(CsValueText(parent), CsValueText(name)), TakeNumber, &segment);
	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 n == 0 ? errmsg("the deployed version of model \"%s\" has no segment named \"%s\"", parent, name) :
				 errmsg("several segments of the deployed version of model \"%s\" are named \"%s\"", parent, name),
				 errhint("Give the segment's number: SELECT segment, name FROM custseg.segments WHERE model = %s AND deployed;",
						 quote_literal_cstr(parent))));
	return segment;
}

/* What option "within" says, {"model", "segment"}, which is taken out of the options; NULL without it. */
CsWithin *
CsWithinTake(Jsonb **options)
{
	static const char *const keys[] = {"model", "segment"};
	CsWithin   *within;
	CsJsonReader whole;
	CsJsonReader r;
	JsonbValue	value;

	if (*options == NULL || !JB_ROOT_IS_OBJECT(*options) || !CsJsonFind(&(*options)->root, CS_WITHIN_KEY, &value))
		return NULL;
	whole = CsJsonReaderOf(*options, "invalid option \"" CS_WITHIN_KEY "\"", "the options");
	r = CsJsonReadObject(&whole, CS_WITHIN_KEY, CS_WITHIN_KEY);
	CsJsonCheckKeys(&r, keys, lengthof(keys));
	within = palloc0(sizeof(CsWithin));
	within->parent = CsJsonReadText(&r, "model");
	CsModelCheckUse(within->parent);
	within->segment = ReadSegment(within->parent, &r);
	*options = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(*options),
												  CStringGetTextDatum(CS_WITHIN_KEY)));
	return within;
}

/* Error when a model would be within itself, or too deep down. */
static void
CheckAncestors(const char *model, const CsWithin *within)
{
	int			level = 2;

	for (const CsWithin *w = within; w != NULL; w = CsWithinOf(w->parent), level++)
	{
		if (strcmp(w->parent, model) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 level == 2 ? errmsg("model \"%s\" cannot be within itself", model) :
					 errmsg("model \"%s\" cannot be within model \"%s\", which is within it", model, within->parent),
					 errhint("Give the new model another name.")));
		if (level > CS_MOST_LEVELS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("models within models go down to %d levels", CS_MOST_LEVELS),
					 errhint("Train within a segment that is further up, or with more segments.")));
	}
}

/* Are both of the same customers?  NULL is for all. */
static bool
IsSame(const CsWithin *a, const CsWithin *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a->parent, b->parent) == 0 && a->segment == b->segment;
}

/* Error unless versions of a model are of the same customers as those before them. */
static void
RequireSame(const char *model, const CsWithin *within, const CsWithin *was)
{
	if (IsSame(within, was))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 within == NULL ? errmsg("model \"%s\" is not of all customers", model) :
			 errmsg("model \"%s\" is not within segment %d of model \"%s\"", model, within->segment, within->parent),
			 was == NULL ? errdetail("Its versions are of all customers.") :
			 errdetail("Its versions are within segment %d of model \"%s\".", was->segment, was->parent),
			 errhint("All versions of a model are of the same customers: give the new model another name.")));
}

/* Error when another model is within the segment; inside SPI. */
static void
CheckOthers(const char *model, const CsWithin *within)
{
	char	   *other;

	if (CsCatalogExecuteNewest(other_sql, CsValues(CsValueText(within->parent), CsValueInt4(within->segment),
												   CsValueText(model))) == 0)
		return;
	other = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("model \"%s\" is within segment %d of model \"%s\" already", other, within->segment, within->parent),
			 errhint("A segment has one model within it: retrain that, or drop it.")));
}

/*
 * Error unless a model, whether there is one of that name or not, can be within a segment; and with is_new, unless the
 * parent's deployed version, which is then noted, has the segment.
 */
void
CsWithinCheck(const char *model, CsWithin *within, bool is_new)
{
	CheckAncestors(model, within);
	CsModelCheckOwner(within->parent);
	if (CsModelExists(model))
		RequireSame(model, within, CsWithinOf(model));
	SPI_connect();
	CheckOthers(model, within);
	if (is_new)
		CsRequireSegment(within->parent, within->segment);
	SPI_finish();
	if (is_new)
		within->version = CsCacheGet(within->parent, 0)->version;
}

/* Store of which segment a version is.  The caller holds the model's lock.  Inside SPI. */
void
CsWithinStore(const char *model, int version, const CsWithin *within)
{
	/* who else trains within the segment, or drops the parent, waits or has come first */
	CsModelLock(within->parent);
	CsModelHold(within->parent);
	CheckOthers(model, within);
	CsCatalogExecute(insert_sql, CsValues(CsValueText(model), CsValueInt4(version), CsValueText(within->parent),
										  CsValueInt4(within->version), CsValueInt4(within->segment)), false);
}

/* Of which segment of which model an exported version is, palloc'd; NULL: of all customers. */
CsWithin *
CsWithinExported(const CsJsonReader *version)
{
	static const char *const keys[] = {"model", "segment", "version"};
	CsJsonReader r = CsJsonReadObject(version, CS_WITHIN_KEY, CS_WITHIN_KEY);
	NameData	parent;
	CsWithin   *within;

	if (JsonContainerSize(r.object) == 0)
		return NULL;
	CsJsonCheckKeys(&r, keys, lengthof(keys));
	CsJsonReadName(&r, "model", &parent);
	within = palloc(sizeof(CsWithin));
	within->parent = pstrdup(NameStr(parent));
	within->segment = (int) CsJsonReadInteger(&r, "segment", 0, PG_INT32_MAX);
	within->version = (int) CsJsonReadInteger(&r, "version", 1, CS_MOST_VERSIONS);
	return within;
}

/*
 * Import of which segment a version is, NULL for all customers, as the versions before it are.  The caller holds the
 * model's lock.  Inside SPI.
 */
void
CsWithinImport(const char *model, int version, const CsWithin *within, const CsWithin *was)
{
	RequireSame(model, within, was);
	if (within == NULL)
		return;
	if (!CsModelExists(within->parent))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" is within segment %d of model \"%s\", which does not exist", model,
						within->segment, within->parent),
				 errhint("Import that model first, under its own name.")));
	CheckAncestors(model, within);
	CsModelCheckOwner(within->parent);
	CsModelRequireKind(within->parent, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
	CsWithinStore(model, version, within);
}

/* Error when models are within segments of one that is to be dropped; inside SPI. */
void
CsWithinCheckDrop(const char *model)
{
	StringInfoData children;

	if (CsCatalogExecuteNewest(children_sql, CsValues(CsValueText(model))) == 0)
		return;
	initStringInfo(&children);
	for (uint64 i = 0; i < SPI_processed; i++)
		appendStringInfo(&children, "%s\"%s\"", i > 0 ? ", " : "",
						 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop model \"%s\" because models are within its segments", model),
			 errdetail("They are %s.", children.data),
			 errhint("Drop those first.")));
}
