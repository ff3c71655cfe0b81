/*
 * path.c
 *	  A customer's path: the segment, the segment within it, and so on, as 2.3: predict_path().
 *
 * A model within a segment places the customers of that segment, and each model of the path has a call site of its
 * own, like that of predict(): decisions by hand hold at every level.  All versions are the deployed ones.  Which
 * models there are within a model's segments is looked up once for a statement.
 */
#include "custseg.h"

#include "call/call.h"
#include "lib/stringinfo.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* The arguments. */
enum
{
	ARG_MODEL, ARG_CUSTOMER, ARG_NAMES
};

static const char *const children_sql =
"SELECT w.segment, w.model FROM custseg.model_within AS w"
" JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) w.model"
"  AND m.deployed_version OPERATOR(pg_catalog.=) w.version "
"WHERE w.parent_model OPERATOR(pg_catalog.=) $1";

/* A model of a path. */
typedef struct PathModel
{
	char	   *model;
	int			segment;		/* of the model above, that it is within */
	CsCallSite *site;
	List	   *children;		/* (PathModel *) of models within its segments */
} PathModel;

struct CsPath
{
	Oid			customer_type;
	MemoryContext context;		/* of the nodes */
	CsAsOf		as_of;
	PathModel	   *root;			/* NULL: not resolved */
};

PG_FUNCTION_INFO_V1(custseg_predict_path);
PG_FUNCTION_INFO_V1(custseg_path_counts);

/* What finds the paths of customers of a type, as CsCustomerType() tells it; it lasts as long as "context". */
CsPath *
CsPathMake(Oid customer_type, MemoryContext context)
{
	CsPath	   *path = MemoryContextAllocZero(context, sizeof(CsPath));

	path->customer_type = customer_type;
	path->context = AllocSetContextCreate(context, "custseg path", ALLOCSET_SMALL_SIZES);
	return path;
}

/* A model of the path, in CurrentMemoryContext, whose children are not known yet. */
static PathModel *
MakeModel(const CsPath *path, const char *model, int segment)
{
	PathModel	   *node = palloc0(sizeof(PathModel));

	node->model = pstrdup(model);
	node->segment = segment;
	node->site = CsCallSiteMake(path->customer_type, path->context);
	return node;
}

/* What TakeChild fills. */
typedef struct Children
{
	const CsPath *path;
	PathModel	   *of;
} Children;

/* CsCatalogVisitor: a model within a segment. */
static void
TakeChild(void *state, const CsCatalogRow *row)
{
	Children   *c = state;

	c->of->children = lappend(c->of->children, MakeModel(c->path, CsRowText(row, 2), CsRowInt4(row, 1, 0)));
}

/* Look up the models below one. */
static void
FindChildren(const CsPath *path, PathModel *node, int level)
{
	ListCell   *cell;

	if (level == CS_MOST_LEVELS)
		return;
	CsCatalogRead(children_sql, CsValues(CsValueText(node->model)), TakeChild,
				  &(Children) {path, node});
	foreach(cell, node->children)
		FindChildren(path, lfirst(cell), level + 1);
}

/* Have the models of the path of a model, as the statement sees them. */
static void
Resolve(CsPath *path, const char *model)
{
	MemoryContext old;
	CsAsOf		as_of = CsAsOfNow();

	if (path->root != NULL && strcmp(path->root->model, model) == 0 && CsAsOfIsNow(&path->as_of))
		return;
	path->root = NULL;
	MemoryContextReset(path->context);
	old = MemoryContextSwitchTo(path->context);
	path->root = MakeModel(path, model, 0);
	FindChildren(path, path->root, 1);
	path->as_of = as_of;
	MemoryContextSwitchTo(old);
}

/* The model within a segment, or NULL. */
static PathModel *
ChildOf(const PathModel *node, int segment)
{
	ListCell   *cell;

	foreach(cell, node->children)
	{
		PathModel	   *child = lfirst(cell);

		if (child->segment == segment)
			return child;
	}
	return NULL;
}

/* Append a name to a path of names, in which " / " comes between two: its own slashes are told from that. */
static void
AppendName(StringInfo path, const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
	{
		if (*c == '/' || *c == '\\')
			appendStringInfoChar(path, '\\');
		appendStringInfoChar(path, *c);
	}
}

/*
 * The path of a customer, as CsCustomerOf() gives them, from the segments of a model down, palloc'd; NULL when that
 * places nobody there.  It ends where no model is within, or where that cannot place the customer.
 */
char *
CsPathOfCustomer(CsPath *path, const char *model, Datum customer, bool names)
{
	StringInfoData text;
	PathModel	   *node;
	int			level = 0;

	Resolve(path, model);
	initStringInfo(&text);
	node = path->root;
	while (node != NULL)
	{
		const CsScorerSegment *segment;
		int			index;

		CsCallSiteTake(node->site, node->model, customer);
		index = CsCallSiteSegment(node->site);
		if (index < 0)
			break;
		segment = &CsScorerSegments(node->site->scoring.scorer)[index];
		if (level++ > 0)
			appendStringInfoString(&text, names ? " / " : ".");
		if (names)
			AppendName(&text, CsScorerAt(node->site->scoring.scorer, char, segment->name));
		else
			appendStringInfo(&text, "%d", segment->segment);
		node = ChildOf(node, segment->segment);
	}
	return level == 0 ? NULL : text.data;
}

/* Is a text one that predict_path() gives: numbers with dots between them? */
static bool
IsPath(const char *path)
{
	Size		length = strlen(path);

	return length > 0 && strspn(path, "0123456789.") == length && path[0] != '.' && path[length - 1] != '.' &&
		strstr(path, "..") == NULL;
}

/*
 * Error when a value of a column that paths are to be written to is none: it would be lost, and a column of other texts
 * is easily named instead.
 */
void
CsPathCheckValue(const char *column, Datum value)
{
	char	   *path = TextDatumGetCString(value);

	if (!IsPath(path))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" holds \"%s\", which is no path of segments", column, CsWordsText(path)),
				 errhint("Use a column of type text for paths alone, such as 2.3, or one of type integer for segments.")));
}

/* predict_path(model, customer, names): the path of numbers or of names; NULL when the model cannot place the customer */
Datum
custseg_predict_path(PG_FUNCTION_ARGS)
{
	char	   *model = CsTextArgument(fcinfo, ARG_MODEL);
	CsPath	   *path = fcinfo->flinfo->fn_extra;
	char	   *result;

	if (model == NULL || PG_ARGISNULL(ARG_CUSTOMER))
		PG_RETURN_NULL();
	if (path == NULL)
	{
		path = CsPathMake(CsCustomerType(fcinfo), fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = path;
	}
	result = CsPathOfCustomer(path, model, CsCustomerOf(fcinfo, path->customer_type),
							  CsBoolArgument(fcinfo, ARG_NAMES, false));
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

/* The arguments of path_counts(). */
enum
{
	COUNTS_MODEL, COUNTS_SOURCE
};

/* CsRowSink: a path and its number of customers, as they are. */
static void
PutCount(void *result, const Datum *values, const bool *nulls)
{
	CsResultPut(result, CsValues(CsValueOf(TEXTOID, values[0], nulls[0]), CsValueOf(INT8OID, values[1], nulls[1])));
}

/* path_counts(model, source): the customers of a source by path, counted by one statement that reads it */
Datum
custseg_path_counts(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *model = CsTextArgument(fcinfo, COUNTS_MODEL);
	CsRelation *rel;

	if (model == NULL)
		return (Datum) 0;
	rel = CsSourceOpen(CsCacheGet(model, 0), CsTextArgument(fcinfo, COUNTS_SOURCE));
	rel = CsRelationOpenStored(psprintf("SELECT custseg.predict_path(%s, source.*) AS path, pg_catalog.count(*) AS n FROM %s GROUP BY 1",
										quote_literal_cstr(model), CsRelationAsSource(rel)),
							   rel->search_path, rel->reader);
	(void) CsRelationRead(rel, rel->columns, rel->ncolumns, PutCount, result);
	return (Datum) 0;
}
