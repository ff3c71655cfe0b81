/*
 * tree_target.c
 *	  What a tree imitates: for each training row a class, which is the segment that another model
 *	  has for it, or the value of a column.
 *
 * Classes come with the rows.  Once all have been read they are put in the order of their sizes, and
 * take over numbers and names: a segment its own, a column of whole numbers from 0 its values,
 * everything else its values as names.  Segments are numbered from 1, so noise, and the value 0, get
 * the number after the highest.
 *
 * A tree reads features in their own units, which is what makes its rules readable; so the
 * preparation of its features neither scales nor transforms.
 */
#include "custseg.h"

#include <math.h>

#include "access/tupdesc.h"
#include "algo/tree.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "train/train.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define FIRST_CAPACITY 4096

struct CsTarget
{
	/* a column */
	const CsColumn *column;		/* NULL: a model */
	int			position;		/* among the columns that are read */
	FmgrInfo	output;			/* of its type */
	CsDictionary *dictionary;	/* its values as text */
	double	   *values;			/* by code: as number, NaN when it is none */

	/* a model */
	const CsScorer *scorer;		/* pinned */
	CsScoring	scoring;
	CsBinding  *binding;

	MemoryContext context;
	int64		capacity;
	int32	   *labels;			/* per row: code or index into the scorer's segments */
	int64		n_skipped;

	/* once the rows have been read */
	int			area;			/* int32[nrows]: classes */
	int			nclasses;
	CsTargetClass *classes;
};

static const char *const segment_sql =
"SELECT s.segment, s.name, s.description, s.rank FROM custseg.segment AS s "
"WHERE s.model OPERATOR(pg_catalog.=) $1 AND s.version OPERATOR(pg_catalog.=) $2";

/* Take a column as target. */
static void
OpenColumn(CsTarget *target, const CsTraining *t, const char *name)
{
	Oid			output;
	bool		is_varlena;

	target->column = CsRelationColumn(t->relation, name);
	if (target->column->converter.kind == CS_UNUSABLE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be imitated", name,
						format_type_be(target->column->type)),
				 errhint("Cast it in a query: SELECT %s::text, ... FROM ...",
						 quote_identifier(name))));
	getTypeOutputInfo(target->column->type, &output, &is_varlena);
	fmgr_info(output, &target->output);
	target->dictionary = CsDictionaryCreate();
	target->values = palloc(sizeof(double) * (CS_TREE_MAX_CLASSES + 1));
}

/* Take a model as target; 0: its deployed version. */
static void
OpenModel(CsTarget *target, const char *model, int version)
{
	target->scorer = CsCacheGet(model, version);
	CsCachePin(target->scorer, CurrentMemoryContext);
	if (target->scorer->nsegments > CS_TREE_MAX_CLASSES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" has %d segments, a tree can tell %d", model,
						target->scorer->nsegments, CS_TREE_MAX_CLASSES),
				 errhint("Imitate a model of fewer segments.")));
	CsScoringInit(&target->scoring, target->scorer, CurrentMemoryContext);
}

/* See train.h. */
CsTarget *
CsTargetOpen(const CsTraining *t, const CsRequest *request)
{
	CsTarget   *target = palloc0(sizeof(CsTarget));

	target->context = CurrentMemoryContext;
	if ((request->target_column == NULL) == (request->target_model == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 request->target_column == NULL ?
				 errmsg("algorithm \"%s\" needs something to imitate", request->algorithm->name) :
				 errmsg("options \"target\" and \"model\" exclude each other"),
				 errhint("Give options => '{\"target\": \"column\"}' or '{\"model\": \"model\"}'.")));
	if (request->target_column != NULL)
		OpenColumn(target, t, request->target_column);
	else
		OpenModel(target, request->target_model, request->target_version);
	return target;
}

/* See train.h. */
ArrayType *
CsTargetFeatures(const CsTarget *target)
{
	const CsPipeline *p;
	Datum	   *names;

	if (target->scorer == NULL)
		return NULL;
	p = CsScorerPipeline(target->scorer);
	names = palloc(sizeof(Datum) * p->nfeatures);
	for (int i = 0; i < p->nfeatures; i++)
		names[i] = CStringGetTextDatum(NameStr(p->feature[i].name));
	return construct_array(names, p->nfeatures, TEXTOID, -1, false, TYPALIGN_INT);
}

/* See train.h. */
bool
CsTargetIs(const CsTarget *target, const char *column)
{
	return target != NULL && target->column != NULL &&
		strcmp(NameStr(target->column->name), column) == 0;
}

/* An error for a preparation that would take a feature out of its own units. */
static void
CheckOwnUnits(const CsPrep *prep)
{
	const char *key = prep->pca != 0 ? "pca" : NULL;

	for (int i = 0; i < prep->ncolumns && key == NULL; i++)
	{
		const CsPrepColumn *column = &prep->columns[i];

		if (column->scale != CS_SCALE_NONE)
			key = "scale";
		else if (column->transform != CS_TRANSFORM_NONE)
			key = "transform";
		else if (column->clip != CS_CLIP_NONE)
			key = "clip";
	}
	if (key != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation key \"%s\" has no place in a tree", key),
				 errdetail("A tree asks about features in their own units, and its answers would be the same in others."),
				 errhint("Leave it out.")));
}

/* See train.h. */
CsPrep *
CsTargetPrep(const CsTraining *t, Jsonb *prep)
{
	Jsonb	   *unscaled = CsJsonbFromText("{\"scale\": \"none\"}");
	CsPrep	   *result;

	if (prep == NULL)
		prep = unscaled;
	else if (JB_ROOT_IS_OBJECT(prep))
		prep = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(unscaled),
												  JsonbPGetDatum(prep)));
	result = CsPrepParse(prep, t->features, t->nfeatures, false);
	CheckOwnUnits(result);
	return result;
}

/* See train.h. */
const CsPipeline *
CsTargetPipeline(const CsTarget *target)
{
	return target->scorer == NULL ? NULL : CsScorerPipeline(target->scorer);
}

/* See train.h. */
const CsColumn *
CsTargetColumn(const CsTarget *target)
{
	return target->column;
}

/* See train.h. */
void
CsTargetBind(CsTarget *target, const CsColumn *columns, int ncolumns)
{
	if (target->column == NULL)
		target->binding = CsBindingForColumns(CsScorerPipeline(target->scorer), columns, ncolumns,
											  NameStr(target->scorer->model), target->context,
											  NULL);
	for (int i = 0; i < ncolumns; i++)
		if (CsTargetIs(target, NameStr(columns[i].name)))
			target->position = i;
}

/* The code of a value of the column. */
static int
ValueCode(CsTarget *target, Datum value)
{
	const CsConverter *converter = &target->column->converter;
	int			known = CsDictionarySize(target->dictionary);
	void	   *copy;
	const char *text;
	int			length;
	int			code;

	text = CsValueText(converter, &target->output, value, &length, &copy);
	code = CsDictionaryCode(target->dictionary, text, length);
	if (copy != NULL)
		pfree(copy);
	if (code < 0 || code >= CS_TREE_MAX_CLASSES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has more than %d values to imitate",
						NameStr(target->column->name), CS_TREE_MAX_CLASSES),
				 errhint("Imitate a column of few values, or group them in a query.")));
	if (code == known)
		target->values[code] = converter->kind == CS_NUMERIC ?
			converter->to_double(converter, value) : NAN;
	return code;
}

/* See train.h. */
int
CsTargetClassOf(CsTarget *target, const Datum *values, const bool *nulls)
{
	CsAssignment placed;

	if (target->column != NULL)
		return nulls[target->position] ? -1 : ValueCode(target, values[target->position]);
	CsBindValues(target->binding, CsScorerPipeline(target->scorer), values, nulls,
				 target->scoring.raw);
	return CsScoringTry(&target->scoring, &placed, NULL) ? placed.index : -1;
}

/* See train.h. */
void
CsTargetLabel(CsTarget *target, int64 row, int class)
{
	if (row == target->capacity)
	{
		target->capacity = Max(FIRST_CAPACITY, target->capacity + target->capacity / 2);
		target->labels = target->labels == NULL ?
			MemoryContextAllocHuge(target->context, sizeof(int32) * target->capacity) :
			repalloc_huge(target->labels, sizeof(int32) * target->capacity);
	}
	target->labels[row] = class;
}

/* See train.h. */
void
CsTargetForget(CsTarget *target)
{
	if (target->labels != NULL)
		pfree(target->labels);
	target->labels = NULL;
	target->capacity = 0;
}

/* See train.h. */
char *
CsTargetName(const CsTarget *target)
{
	if (target->column != NULL)
		return psprintf("column \"%s\"", NameStr(target->column->name));
	return psprintf("version %d of model \"%s\"", target->scorer->version,
					NameStr(target->scorer->model));
}

/* See train.h. */
char *
CsTargetSkipReason(const CsTarget *target)
{
	if (target->column != NULL)
		return psprintf("null in column \"%s\"", NameStr(target->column->name));
	return psprintf("not placed by model \"%s\"", NameStr(target->scorer->model));
}

/* Names and descriptions of the model's segments as they are now; by index of the segment. */
static void
ReadSegments(const CsTarget *target, CsTargetClass *classes)
{
	const CsScorerSegment *segments = CsScorerSegments(target->scorer);
	MemoryContext context = CurrentMemoryContext;
	CsSqlArgument arguments[2];
	uint64		nrows;

	for (int i = 0; i < target->scorer->nsegments; i++)
	{
		classes[i].number = segments[i].segment;
		classes[i].name = pstrdup(CsScorerAt(target->scorer, char, segments[i].name));
	}
	/* as the cache's: the version may be younger than the statement */
	PushActiveSnapshot(GetCatalogSnapshot(CsModelTable()));
	SPI_connect();
	arguments[0] = CsSqlText(NameStr(target->scorer->model));
	arguments[1] = CsSqlInt4(target->scorer->version);
	nrows = CsCatalogExecute(segment_sql, arguments, lengthof(arguments), true);
	for (uint64 row = 0; row < nrows; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int			number = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull));
		char	   *description = SPI_getvalue(tuple, desc, 3);
		Datum		rank = SPI_getbinval(tuple, desc, 4, &isnull);

		for (int i = 0; i < target->scorer->nsegments; i++)
		{
			if (segments[i].segment != number)
				continue;
			classes[i].name = MemoryContextStrdup(context, SPI_getvalue(tuple, desc, 2));
			classes[i].rank = isnull ? 0 : DatumGetInt32(rank);
			if (description != NULL)
				classes[i].description = MemoryContextStrdup(context, description);
		}
	}
	SPI_finish();
	PopActiveSnapshot();
}

/* Are all values of the column whole numbers that can number segments, or 0? */
static bool
HasNumbers(const CsTarget *target, int n)
{
	for (int i = 0; i < n; i++)
	{
		double		value = target->values[i];

		/* one less than there are, for 0 */
		if (!(value >= 0 && value < PG_INT32_MAX && value == floor(value)))
			return false;
	}
	return true;
}

/* The column's values; by code. */
static void
NameValues(const CsTarget *target, CsTargetClass *classes, int n)
{
	bool		numbers = HasNumbers(target, n);

	for (int i = 0; i < n; i++)
	{
		const char *text = CsDictionaryLevel(target->dictionary, i);

		classes[i].number = numbers ? (int) target->values[i] : -1;
		classes[i].name = numbers && classes[i].number > 0 ?
			psprintf("segment %d", classes[i].number) : pstrdup(text);
	}
}

/* Most rows first, then the lower number or the name. */
static int
CompareClasses(const void *a, const void *b)
{
	const CsTargetClass *x = a;
	const CsTargetClass *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Number what has no number yet: all by size, or what is noise or 0 after the others. */
static void
NumberClasses(CsTarget *target)
{
	int			last = 0;

	for (int i = 0; i < target->nclasses; i++)
		last = Max(last, target->classes[i].number);
	for (int i = 0; i < target->nclasses; i++)
		if (target->classes[i].number <= 0)
			target->classes[i].number = ++last;
}

/* See train.h. */
void
CsTargetFinish(CsTraining *t)
{
	CsTarget   *target = t->target;
	int64		nrows = t->raw->nrows;
	int			n = target->column == NULL ? target->scorer->nsegments :
		CsDictionarySize(target->dictionary);
	CsTargetClass *classes = palloc0(sizeof(CsTargetClass) * n);
	int		   *new_number = palloc(sizeof(int) * n);
	int32	   *result;

	if (target->column == NULL)
		ReadSegments(target, classes);
	else
		NameValues(target, classes, n);
	for (int i = 0; i < n; i++)
		classes[i].code = i;
	for (int64 i = 0; i < nrows; i++)
	{
		if (i % CS_BLOCK_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		classes[target->labels[i]].n++;
	}
	qsort(classes, n, sizeof(CsTargetClass), CompareClasses);
	target->classes = classes;
	while (target->nclasses < n && classes[target->nclasses].n > 0)
		target->nclasses++;
	if (target->nclasses < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("all rows are in segment \"%s\"", classes[0].name),
				 errhint("A tree tells segments apart: give it rows of at least two.")));
	NumberClasses(target);
	for (int i = 0; i < n; i++)
		new_number[classes[i].code] = i;
	target->area = CsArenaAlloc(t->arena, sizeof(int32) * nrows);
	result = CsArenaAddress(t->arena, target->area);
	for (int64 i = 0; i < nrows; i++)
	{
		if (i % CS_BLOCK_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		result[i] = new_number[target->labels[i]];
	}
	CsTargetForget(target);
	pfree(new_number);
}

/* See train.h. */
int
CsTargetArea(const CsTarget *target)
{
	return target->area;
}

/* See train.h. */
int
CsTargetClasses(const CsTarget *target, const CsTargetClass **classes)
{
	*classes = target->classes;
	return target->nclasses;
}

/* See train.h. */
bool
CsTargetHasNumbers(const CsTarget *target)
{
	return target->column == NULL ||
		HasNumbers(target, CsDictionarySize(target->dictionary));
}
