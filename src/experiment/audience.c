/*
 * audience.c
 *	  The customers whom a campaign may address, as a view that other systems read: create_audience_view(), and
 *	  in_audience(), which it asks of each customer.
 *
 * The view places customers as predict() does when it is read, so that decisions by hand hold at once, or takes
 * their segments from a column.  Either way it leaves out whoever is excluded, and whoever is in the control of an
 * experiment with the model that is running: a campaign that reaches them would spoil the comparison.
 *
 * The view has the rights of whoever reads it.  Who is in a blocked experiment only the owner of the model may
 * know, and those whom the owner lets read changes, for they are told of single customers anyway.
 */
#include "custseg.h"

#include "catalog/namespace.h"
#include "experiment/experiment.h"
#include "nodes/makefuncs.h"
#include "score/score.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(custseg_in_audience);
PG_FUNCTION_INFO_V1(custseg_create_audience_view);
PG_FUNCTION_INFO_V1(custseg_audience_sizes);

/* Experiments that keep customers out: the one that is named, or all of the model. */
static const char *const running_sql =
"SELECT e.experiment FROM custseg.experiment AS e WHERE e.model OPERATOR(pg_catalog.=) $1"
" AND e.status OPERATOR(pg_catalog.=) 'running' AND coalesce(e.experiment OPERATOR(pg_catalog.=) $2, true) "
"ORDER BY e.experiment";

static const char *const readers_sql =
"SELECT c.reader, c.reader_oid, c.reader_cluster FROM custseg.change_consumer AS c WHERE c.model OPERATOR(pg_catalog.=) $1";

/* What a call site of in_audience() has found of a model; it is kept while a statement lasts. */
typedef struct AudienceSite
{
	MemoryContext context;
	CsAsOf		as_of;
	char	   *model;
	char	   *experiment;		/* or NULL */
	CsIdentity *identity;		/* of the model's customers; NULL: not known */
	CsOverrides *overrides;		/* NULL: there are none */
	List	   *experiments;	/* (CsExperiment *) that are running */
} AudienceSite;

/* The arguments of in_audience(). */
enum
{
	IN_MODEL, IN_CUSTOMER, IN_EXPERIMENT
};

/* CsCatalogVisitor: is the caller one of the readers? */
static void
TakeReader(void *state, const CsCatalogRow *row)
{
	Oid			reader = CsRowRole(row, 1);

	*(bool *) state |= OidIsValid(reader) && has_privs_of_role(GetUserId(), reader);
}

/* Error unless the caller may know who is in an experiment. */
static void
RequireKnowing(const CsExperiment *e)
{
	bool		reads = false;

	if (e->assignment != CS_ASSIGN_BLOCKED || CsModelIsOwned(e->model))
		return;
	CsCatalogRead(readers_sql, CsValues(CsValueText(e->model)), TakeReader, &reads);
	if (!reads)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to know who is in experiment \"%s\"", e->name),
				 errhint("The owner of the model can let you read its changes with custseg.create_consumer().")));
}

/* What a call site has to know of a model, in CurrentMemoryContext. */
static AudienceSite *
MakeSite(const char *model, const char *experiment)
{
	AudienceSite *site = palloc0(sizeof(AudienceSite));
	const CsScorer *scorer = CsCacheGet(model, 0);
	ListCell   *cell;

	site->context = CurrentMemoryContext;
	site->as_of = CsAsOfNow();
	site->model = pstrdup(model);
	site->experiment = experiment == NULL ? NULL : pstrdup(experiment);
	site->identity = CsIdentityOfModel(model);
	if (site->identity != NULL && CsOverridesHold(scorer))
		site->overrides = CsOverridesLoad(scorer, site->identity);
	if (experiment != NULL)
		(void) CsExperimentRead(experiment);	/* there is one, which the caller may use */
	foreach(cell, CsCatalogTexts(running_sql, CsValues(CsValueText(model), CsValueText(experiment)), true))
	{
		CsExperiment *e = CsExperimentRead(lfirst(cell));

		RequireKnowing(e);
		site->experiments = lappend(site->experiments, e);
	}
	return site;
}

/* Are two texts the same, or both missing? */
static bool
IsSameText(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The site of a call; it has memory of its own, given back with the next one's coming. */
static AudienceSite *
FindSite(FunctionCallInfo fcinfo)
{
	AudienceSite *site = fcinfo->flinfo->fn_extra;
	char	   *model = CsRequiredText(fcinfo, IN_MODEL, "model");
	char	   *experiment = CsTextArgument(fcinfo, IN_EXPERIMENT);
	MemoryContext old;

	if (site != NULL && CsAsOfIsNow(&site->as_of) && strcmp(site->model, model) == 0 &&
		IsSameText(site->experiment, experiment))
		return site;
	fcinfo->flinfo->fn_extra = NULL;
	if (site != NULL)
		MemoryContextDelete(site->context);
	old = MemoryContextSwitchTo(AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "custseg audience", ALLOCSET_DEFAULT_SIZES));
	fcinfo->flinfo->fn_extra = site = MakeSite(model, experiment);
	MemoryContextSwitchTo(old);
	return site;
}

/* Is a customer in the control of one of the experiments? */
static bool
IsHeldOut(const AudienceSite *site, char *customer)
{
	ListCell   *cell;

	foreach(cell, site->experiments)
	{
		const CsExperiment *e = lfirst(cell);
		const char *variant = CsVariantOf(e, customer);

		if (variant != NULL && strcmp(variant, e->variants[0].name) == 0)
			return true;
	}
	return false;
}

/* in_audience(model, customer, experiment): may a campaign address the customer? */
Datum
custseg_in_audience(PG_FUNCTION_ARGS)
{
	AudienceSite *site = FindSite(fcinfo);
	char	   *customer;

	if (PG_ARGISNULL(IN_CUSTOMER))
		PG_RETURN_BOOL(false);
	customer = CsCustomerArgument(fcinfo, IN_CUSTOMER, site->identity);
	PG_RETURN_BOOL(!CsIsExcludedByText(site->overrides, customer) && !IsHeldOut(site, customer));
}

/* Options of create_audience_view(). */
typedef struct AudienceOptions
{
	Jsonb	   *columns;		/* beside the id; NULL: none */
	char	   *column;			/* that holds segments; NULL: customers are placed when the view is read */
	char	   *experiment;		/* whose control is left out; NULL: that of all of the model */
} AudienceOptions;

static const CsOption audienceOptions[] = {
	{"columns", CS_OPTION_LIST, offsetof(AudienceOptions, columns)},
	{"column", CS_OPTION_TEXT, offsetof(AudienceOptions, column)},
	{"experiment", CS_OPTION_TEXT, offsetof(AudienceOptions, experiment)}
};

/* The arguments of create_audience_view(). */
enum
{
	VIEW_NAME, VIEW_MODEL, VIEW_SOURCE, VIEW_SEGMENTS, VIEW_OPTIONS
};

/* A view to be. */
typedef struct Audience
{
	const char *model;
	const CsRelation *source;
	const char *alias;			/* of the source */
	List	   *id;				/* (const CsColumn *) */
	List	   *columns;		/* likewise, the id among them */
	char	   *segment;		/* of a customer, an expression */
	char	   *segments;		/* an array of those that are in it, a constant; NULL: all */
	AudienceOptions options;
} Audience;

/* A column of the source, an expression; palloc'd. */
static char *
Column(const Audience *a, const CsColumn *column)
{
	return psprintf("%s.%s", a->alias, quote_identifier(NameStr(column->name)));
}

/* Columns of the source, with commas between them; palloc'd. */
static char *
Columns(const Audience *a, const List *columns)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, columns)
		appendStringInfo(&list, "%s%s", list.len == 0 ? "" : ", ", Column(a, lfirst(cell)));
	return list.data;
}

/* Add a column of the source to those of the view, once; an error when it would hide one of the view's own. */
static void
AddColumn(Audience *a, const CsColumn *column)
{
	const char *name = NameStr(column->name);

	if (strcmp(name, "segment") == 0 || strcmp(name, "segment_name") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("column \"%s\" cannot be one of an audience's, which has a column of that name itself", name),
				 errhint("Give it another name in a query as the source, or leave it out.")));
	a->columns = list_append_unique_ptr(a->columns, unconstify(CsColumn *, column));
}

/* Read which columns the view has: those that tell customers, and what is asked for. */
static void
ReadColumns(Audience *a)
{
	ListCell   *cell;
	CsJsonEach	each;

	a->id = CsFindKey(a->source, CsVersionId(a->model, CsModelDeployedVersion(a->model)));
	if (a->id == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("%s has no column that identifies a customer", a->source->description),
				 errhint("Name the column as the model's id, or give the table a primary key.")));
	foreach(cell, a->id)
		AddColumn(a, lfirst(cell));
	if (a->options.columns == NULL)
		return;
	each = CsJsonEachOf(&a->options.columns->root);
	while (CsJsonNext(&each))
	{
		if (each.value.type != jbvString)
			CsRejectValue("option \"columns\" must be an array of names", "Write {\"columns\": [\"email\"]}.");
		AddColumn(a, CsRelationWhole(a->source, CsJsonString(&each.value)));
	}
}

/* How the segment of a customer is found. */
static char *
SegmentExpression(const Audience *a)
{
	const CsColumn *column;

	if (a->options.column == NULL)
		return psprintf("custseg.predict(%s, %s)", quote_literal_cstr(a->model), a->alias);
	column = CsRelationWhole(a->source, a->options.column);
	if (column->type != INT2OID && column->type != INT4OID && column->type != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, which cannot hold a segment", a->options.column,
						format_type_be(column->type)),
				 errhint("Name the column that custseg.resegment() writes.")));
	return psprintf("%s::pg_catalog.int4", Column(a, column));
}

/* The segments that are in the audience, an array constant, NULL for all; an error unless the deployed version has them. */
static char *
ReadSegments(FunctionCallInfo fcinfo, const char *model)
{
	ArrayType  *array = CsArrayArgument(fcinfo, VIEW_SEGMENTS);
	Datum	   *values;
	bool	   *nulls;
	int			n;
	StringInfoData list;

	if (array == NULL)
		return NULL;
	deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &values, &nulls, &n);
	if (n == 0)
		CsRejectValue("\"segments\" must not be empty", "Leave it out for all segments.");
	initStringInfo(&list);
	SPI_connect();
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			CsRejectValue("\"segments\" must not contain NULL", "Name segments by their numbers.");
		CsRequireSegment(model, DatumGetInt32(values[i]));
	}
	SPI_finish();
	for (int i = 0; i < n; i++)
		appendStringInfo(&list, "%s%d", i == 0 ? "" : ", ", DatumGetInt32(values[i]));
	return psprintf("ARRAY[%s]::pg_catalog.int4[]", list.data);
}

/* The query of the view. */
static char *
AudienceSql(const Audience *a)
{
	char	   *id = Columns(a, a->id);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s, %s AS segment, g.name AS segment_name\nFROM %s%s\n"
					 "LEFT JOIN custseg_private.segment_names(%s) AS g ON g.segment OPERATOR(pg_catalog.=) %s\nWHERE ",
					 Columns(a, a->columns), a->segment, a->source->from_item,
					 OidIsValid(a->source->relid) ? " AS c" : "", quote_literal_cstr(a->model), a->segment);
	if (a->segments == NULL)
		appendStringInfo(&sql, "%s IS NOT NULL", a->segment);
	else
		appendStringInfo(&sql, "%s OPERATOR(pg_catalog.=) ANY (%s)", a->segment, a->segments);
	appendStringInfo(&sql, "\n    AND custseg.in_audience(%s, %s, %s)", quote_literal_cstr(a->model),
					 list_length(a->id) > 1 ? psprintf("ROW(%s)", id) : id,
					 a->options.experiment == NULL ? "NULL" : quote_literal_cstr(a->options.experiment));
	return sql.data;
}

/* create_audience_view(name, model, source, segments, options): a view of the caller's */
Datum
custseg_create_audience_view(PG_FUNCTION_ARGS)
{
	char	   *name = CsRequiredText(fcinfo, VIEW_NAME, "name");
	Audience	a = {.model = CsRequiredText(fcinfo, VIEW_MODEL, "model")};
	List	   *names = textToQualifiedNameList(cstring_to_text(name));

	CsRequireWritable("custseg.create_audience_view()");
	(void) CsCacheGet(a.model, 0);
	CsRelationRequireNew(names);
	CsOptionsArgument(fcinfo, VIEW_OPTIONS, audienceOptions, lengthof(audienceOptions), &a.options);
	if (a.options.experiment != NULL && strcmp(CsExperimentRead(a.options.experiment)->model, a.model) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("experiment \"%s\" is not one with model \"%s\"", a.options.experiment, a.model),
				 errhint("SELECT experiment FROM custseg.experiment WHERE model = %s lists those.", quote_literal_cstr(a.model))));
	a.segments = ReadSegments(fcinfo, a.model);
	a.source = CsRelationOpen(CsRequiredText(fcinfo, VIEW_SOURCE, "source"));
	a.alias = OidIsValid(a.source->relid) ? "c" : "source";
	ReadColumns(&a);
	a.segment = SegmentExpression(&a);
	SPI_connect();
	if (SPI_execute(psprintf("CREATE VIEW %s WITH (security_invoker = true) AS\n%s", NameListToQuotedString(names), AudienceSql(&a)), false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not create the view");
	SPI_finish();
	PG_RETURN_VOID();
}

/* audience_sizes(audience): customers by segment, read with the rights of the caller */
Datum
custseg_audience_sizes(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	const CsRelation *audience = CsRelationOpen(CsRequiredText(fcinfo, 0, "audience"));
	const CsColumn *segment = CsRelationWhole(audience, "segment");

	if (segment->type != INT4OID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"segment\" of %s is of type %s, which an audience's is not", audience->description,
						format_type_be(segment->type)),
				 errhint("Name a view that custseg.create_audience_view() has made.")));
	SPI_connect();
	(void) CsCallerSelect(psprintf("SELECT a.segment, pg_catalog.count(*) FROM (SELECT segment FROM %s) AS a GROUP BY a.segment",
								   audience->from_item), NULL, 0);
	CsFoundPut(result);
	SPI_finish();
	return (Datum) 0;
}
