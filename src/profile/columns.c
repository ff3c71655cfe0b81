/*
 * columns.c
 *	  Which columns of a source describe its segments.
 *
 * Columns that are named are taken as they are, features of the model or not.  When none are, they
 * are the features and every other column that can be read as a number or a category, but for those
 * that only say who a row is, or where: the id, the primary key, texts that are different in each
 * row, the segment itself.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "profile/profile.h"
#include "stat/suitability.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* The feature that a column is, -1: none. */
static int
FindFeature(const CsScorer *scorer, const CsColumn *column)
{
	const CsPipeline *p = CsScorerPipeline(scorer);

	for (int i = 0; i < p->nfeatures; i++)
	{
		if (strcmp(NameStr(p->feature[i].name), NameStr(column->name)) == 0)
			return i;
	}
	return -1;
}

/* Did prep make a category of a feature's numbers? */
static bool
IsCoded(const CsScorer *scorer, int feature)
{
	return feature >= 0 && CsScorerPipeline(scorer)->feature[feature].is_coded;
}

/* Is a column among those that were added? */
static int
FindAdded(const CsPortrait *portrait, const CsColumn *column)
{
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		if (CsIsSameColumn(&portrait->columns[i].column, column))
			return i;
	}
	return -1;
}

/* Add a column; its number. */
static int
AddColumn(CsPortrait *portrait, const CsColumn *column)
{
	CsPortraitColumn *c;

	/* as many as a power of two: full */
	if ((portrait->ncolumns & (portrait->ncolumns - 1)) == 0)
	{
		Size		room = sizeof(CsPortraitColumn) * Max(2 * portrait->ncolumns, 1);

		portrait->columns = portrait->columns == NULL ? palloc(room) :
			repalloc(portrait->columns, room);
	}
	c = &portrait->columns[portrait->ncolumns];
	memset(c, 0, sizeof(*c));
	c->column = *column;
	c->feature = FindFeature(portrait->scorer, column);
	if (IsCoded(portrait->scorer, c->feature))
		(void) CsConverterAsCategory(&c->column.converter);
	return portrait->ncolumns++;
}

/*
 * Add a column, and, when it is of whole numbers that no model has taken as such, the same as a category: it
 * may hold codes, which the values tell.
 */
static int
AddEither(CsPortrait *portrait, const CsColumn *column, const CsPortraitRequest *request)
{
	int			added = AddColumn(portrait, column);
	Oid			type = column->converter.type;
	bool		is_whole = column->converter.kind == CS_NUMERIC &&
		(type == INT2OID || type == INT4OID || type == INT8OID);

	if (is_whole && portrait->columns[added].feature < 0 && !request->only_numbers &&
		(request->is_whole || request->value == NULL || strcmp(NameStr(column->name), request->value) != 0))
	{
		int			codes = AddColumn(portrait, column);

		(void) CsConverterAsCategory(&portrait->columns[codes].column.converter);
		portrait->columns[codes].as_codes = true;
	}
	return added;
}

/* Does a column hold the numbers of the segments, as an UPDATE with predict() leaves them? */
static bool
HoldsSegments(const CsPortrait *portrait, const CsPortraitColumn *c)
{
	int			nfound = 0;

	if (c->column.converter.kind != CS_NUMERIC)
		return false;
	for (int g = 0; g < portrait->ngroups; g++)
	{
		const CsNumberSummary *s = &c->summaries[g];
		int			segment = CsScorerSegments(portrait->scorer)[g % portrait->nsegments].segment;

		if (s->n > 0 && (s->minimum != segment || s->maximum != segment))
			return false;
		nfound += s->n > 0;
	}
	return nfound > 1;
}

/* Are the levels of a column, which are whole numbers, codes?  Counts and years are none, however even they are. */
static bool
AreCodes(const CsPortrait *portrait, const CsPortraitColumn *c)
{
	CsFewValues few = {0};
	int64		n = 0;

	for (int i = 0; i < c->nlevels; i++)
	{
		if (c->levels[i].is_other)
			return false;
		if (c->levels[i].text == NULL)
			continue;
		CsFewAdd(&few, strtod(c->levels[i].text, NULL), c->levels[i].rows[portrait->ngroups]);
		n += c->levels[i].rows[portrait->ngroups];
	}
	return !CsNamesCount(NameStr(c->column.name)) && CsMayBeCodes(&few, n);
}

/* Of columns that are there as numbers and as codes, keep what their values are. */
static void
ChooseKinds(CsPortrait *portrait)
{
	int			n = 0;

	for (int i = 0; i < portrait->ncolumns; i++)
	{
		bool		has_other = i + 1 < portrait->ncolumns && portrait->columns[i + 1].as_codes;

		if (has_other && !HoldsSegments(portrait, &portrait->columns[i]) &&
			AreCodes(portrait, &portrait->columns[i + 1]))
			i++;
		if (portrait->value == i)
			portrait->value = n;
		portrait->columns[n++] = portrait->columns[i];
		if (has_other && !portrait->columns[i].as_codes)
			i++;
	}
	portrait->ncolumns = n;
}

/* An error unless a column that was named can be described. */
static void
CheckColumn(const CsColumn *column, bool only_numbers)
{
	const char *name = NameStr(column->name);

	if (column->converter.kind == CS_UNUSABLE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be described", name,
						format_type_be(column->type)),
				 errdetail("A column is a number, a boolean, a date or time, or a text or enum."),
				 errhint("Cast it in a query: SELECT %s::text, ... FROM ...",
						 quote_identifier(name))));
	if (only_numbers && column->converter.kind == CS_CATEGORICAL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s has no quartiles", name,
						format_type_be(column->type)),
				 errhint("Name numbers, booleans, dates and times; custseg.segment_profile() shows the shares of categories.")));
}

/* The columns that the user named. */
static void
AddNamed(CsPortrait *portrait, const CsRelation *rel, const CsPortraitRequest *request)
{
	int			n;
	CsColumn   *columns = CsRelationNamed(rel, request->columns, "columns", &n);

	for (int i = 0; i < n; i++)
	{
		int			added;

		CheckColumn(&columns[i], false);
		added = AddEither(portrait, &columns[i], request);
		CheckColumn(&portrait->columns[added].column, request->only_numbers);
	}
}

/* Does a column only identify the rows? */
static bool
IsKey(const CsReport *report, const List *primary_key, const CsColumn *column)
{
	ListCell   *cell;

	if (CsIdHasColumn(report->id, NameStr(column->name)))
		return true;
	foreach(cell, primary_key)
		if (strcmp(lfirst(cell), NameStr(column->name)) == 0)
			return true;
	return false;
}

/* The features, and every other column that is worth describing. */
static void
AddAll(CsPortrait *portrait, const CsReport *report, const CsRelation *rel,
	   const CsPortraitRequest *request)
{
	const CsPipeline *p = CsScorerPipeline(portrait->scorer);
	List	   *primary_key = CsPrimaryKey(rel->relid);

	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		const CsColumn *column = CsRelationFeature(rel, NameStr(f->name), f->vector_width);

		if (column == NULL)
			column = CsRelationColumn(rel, NameStr(f->name));	/* the error */
		if (!request->only_numbers || f->kind != CS_CATEGORICAL)
			AddColumn(portrait, column);
	}
	for (int i = 0; i < rel->ncolumns && !request->only_features; i++)
	{
		const CsColumn *column = &rel->columns[i];

		if (column->converter.kind != CS_UNUSABLE && FindAdded(portrait, column) < 0 &&
			FindFeature(portrait->scorer, column) < 0 && !IsKey(report, primary_key, column))
			(void) AddEither(portrait, column, request);
	}
}

/* The column whose sum was requested. */
static void
AddValue(CsPortrait *portrait, const CsRelation *rel, const char *name)
{
	const CsColumn *column = CsRelationColumn(rel, name);

	if (column->converter.kind != CS_NUMERIC)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s has no sum", name, format_type_be(column->type)),
				 errhint("Name a column of numbers: what a customer has spent, or is worth.")));
	portrait->value = FindAdded(portrait, column);
	portrait->value_is_extra = portrait->value < 0 || CsIsCategory(&portrait->columns[portrait->value]);
	if (!portrait->value_is_extra)
		return;
	/* numbers that prep has made a category of are summed up beside it */
	portrait->value = AddColumn(portrait, column);
	portrait->columns[portrait->value].column = *column;
	portrait->columns[portrait->value].feature = -1;
}

/*
 * Choose the columns to describe: features first when none are named, the column of the value last.
 */
void
CsPortraitColumns(CsPortrait *portrait, const CsReport *report, const CsRelation *rel,
				  const CsPortraitRequest *request)
{
	portrait->columns = NULL;
	portrait->value = -1;
	if (request->columns != NULL)
		AddNamed(portrait, rel, request);
	else
		AddAll(portrait, report, rel, request);
	if (request->value != NULL)
		AddValue(portrait, rel, request->value);
}

/*
 * Drop columns that nobody named and that turned out to name rows, or to hold their segments, with
 * a NOTICE unless it is to be quiet.
 */
static void
DropLabels(CsPortrait *portrait, bool is_quiet)
{
	StringInfoData dropped;
	int			n = 0;

	initStringInfo(&dropped);
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		const CsPortraitColumn *c = &portrait->columns[i];
		const char *reason = c->feature >= 0 ? NULL :
			c->names_rows ? "a different value in nearly every row" :
			i != portrait->value && HoldsSegments(portrait, c) ? "the segment itself" : NULL;

		if (reason != NULL)
			appendStringInfo(&dropped, "%s\"%s\" (%s)", dropped.len > 0 ? ", " : "",
							 NameStr(c->column.name), reason);
		else
		{
			if (portrait->value == i)
				portrait->value = n;
			portrait->columns[n++] = *c;
		}
	}
	portrait->ncolumns = n;
	if (dropped.len > 0 && !is_quiet)
		ereport(NOTICE,
				(errmsg("columns left out: %s", dropped.data),
				 errhint("Name the columns to describe in \"columns\".")));
}

/* What is left to decide when everything is summed up: which columns are codes, and which only name rows. */
void
CsPortraitFinish(CsPortrait *portrait, const CsPortraitRequest *request)
{
	ChooseKinds(portrait);
	if (request->columns == NULL)
		DropLabels(portrait, request->is_quiet);
}
