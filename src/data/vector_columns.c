/*
 * vector_columns.c
 *	  The columns that a name stands for: a column of the source, or elements of a column of vectors.
 *
 * A column of vectors is expanded when somebody asks for one of its elements, or for all of them: its
 * width is that of the first vector in the source, which one short query reads.  From then on its
 * elements are columns like others, which CsRelationRead fills from the vector of each row.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "data/relation.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Columns that a hint lists before it says "and others". */
#define MAX_HINT_COLUMNS 30

/*
 * What there is to know of a column of vectors before any vector is read, palloc'd; NULL for a
 * column of another type.
 */
CsVectorColumn *
CsVectorColumnMake(const CsColumn *column)
{
	CsVectorType type;
	CsVectorColumn *vector;

	if (column->converter.kind != CS_UNUSABLE || !CsVectorTypeInit(&type, column->type))
		return NULL;
	vector = palloc0(sizeof(CsVectorColumn));
	vector->type = type;
	vector->width = -1;
	return vector;
}

/*
 * The SQL expression that reads a column, palloc'd: its name, and the cast of a vector that is no
 * array.  That of an element reads the whole vector.
 */
char *
CsColumnExpression(const CsColumn *column)
{
	int			length = (int) strlen(NameStr(column->name));
	int			element;
	const char *name;

	if (column->element > 0)
		(void) CsElementName(NameStr(column->name), &length, &element);
	name = quote_identifier(pnstrdup(NameStr(column->name), length));
	if (column->vector == NULL || !OidIsValid(column->vector->type.cast))
		return pstrdup(name);
	return psprintf("CAST(%s AS pg_catalog.float4[])", name);
}

/* The width of the first vector that is there, as the caller reads it; 0 if there is none. */
static int
ReadWidth(const CsRelation *rel, const CsColumn *column)
{
	char	   *expression = CsColumnExpression(column);
	char	   *sql = psprintf("SELECT pg_catalog.cardinality(%s) FROM %s WHERE %s IS NOT NULL LIMIT 1",
							   expression, rel->from_item, expression);
	int			width = 0;

	SPI_connect();
	CsRelationExecute(rel, sql, 1, NULL);
	if (SPI_processed > 0)
	{
		bool		isnull;

		width = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	return width;
}

/* The elements of a vector so wide as columns, which live as long as the vector. */
static void
MakeElements(const CsColumn *column, int width)
{
	CsVectorColumn *vector = column->vector;

	vector->elements = MemoryContextAllocZero(GetMemoryChunkContext(vector), sizeof(CsColumn) * width);
	for (int i = 0; i < width; i++)
	{
		CsColumn   *element = &vector->elements[i];

		snprintf(NameStr(element->name), NAMEDATALEN, "%s[%d]", NameStr(column->name), i + 1);
		element->type = FLOAT8OID;
		element->typmod = -1;
		element->collation = InvalidOid;
		element->attnum = column->attnum;
		element->element = i + 1;
		element->vector = vector;
		CsConverterInit(&element->converter, FLOAT8OID);
	}
	vector->width = width;
}

/* Why a vector so wide cannot be columns, a phrase; or NULL. */
static const char *
WhyNoElements(const CsRelation *rel, const CsColumn *column, int width)
{
	int			length;
	int			element;

	if (width == 0)
		return "its first vector tells no width";
	if (width > CS_MAX_VECTOR_WIDTH)
		return psprintf("vectors of %d elements, where %d can be features", width,
						CS_MAX_VECTOR_WIDTH);
	if (snprintf(NULL, 0, "%s[%d]", NameStr(column->name), width) >= NAMEDATALEN)
		return psprintf("names of its elements have more than %d bytes", NAMEDATALEN - 1);
	for (int i = 0; i < rel->ncolumns; i++)
		if (CsIsElementOf(NameStr(rel->columns[i].name), NameStr(column->name)) &&
			CsElementName(NameStr(rel->columns[i].name), &length, &element) && element <= width)
			return psprintf("column \"%s\" has the name of an element",
							NameStr(rel->columns[i].name));
	return NULL;
}

/*
 * Have the elements of a vector as columns.  The vector is as wide as the first one in the source,
 * and as "width" says where the source has none.  False when there can be no such columns: why_not
 * says why.
 */
static bool
ExpandVector(const CsRelation *rel, const CsColumn *column, int width)
{
	CsVectorColumn *vector = column->vector;
	MemoryContext old;

	if (vector->width < 0 || (vector->width == 0 && width > 0))
	{
		int			own = vector->width < 0 ? ReadWidth(rel, column) : 0;

		old = MemoryContextSwitchTo(GetMemoryChunkContext(vector));
		width = own > 0 ? own : width;
		vector->width = 0;
		vector->why_not = WhyNoElements(rel, column, width);
		if (vector->why_not == NULL)
			MakeElements(column, width);
		MemoryContextSwitchTo(old);
	}
	return vector->width > 0;
}

/* The error for a column of vectors that cannot be columns. */
static void
RejectVector(const CsRelation *rel, const CsColumn *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("elements of column \"%s\" of %s cannot be features", NameStr(column->name),
					rel->description),
			 errdetail("Reason: %s.", column->vector->why_not),
			 errhint("Take what is wanted in a query, under a name of its own: SELECT %s[1:10] AS v FROM ...",
					 quote_identifier(NameStr(column->name)))));
}

/* The whole column of that name, or NULL. */
static const CsColumn *
FindWhole(const CsRelation *rel, const char *name, int length)
{
	for (int i = 0; i < rel->ncolumns; i++)
	{
		const char *own = NameStr(rel->columns[i].name);

		if (strncmp(own, name, length) == 0 && own[length] == '\0')
			return &rel->columns[i];
	}
	return NULL;
}

/*
 * The column that is a model's feature of that name, or NULL.  "vector_width" is the width of the
 * vector of which the feature is an element, or 0.  Where a source has no vector that would tell
 * its width, the model's width is taken, so that a source without rows, or with NULLs only, can be
 * read.  Belongs to the relation.
 */
const CsColumn *
CsRelationFeature(const CsRelation *rel, const char *name, int vector_width)
{
	const CsColumn *column = FindWhole(rel, name, (int) strlen(name));
	const CsColumn *whole;
	int			length;
	int			element;

	if (!CsElementName(name, &length, &element) || (column != NULL && vector_width == 0))
		return column;
	whole = FindWhole(rel, name, length);
	if (whole == NULL || whole->vector == NULL)
		return column;
	if (!ExpandVector(rel, whole, vector_width))
	{
		if (vector_width > 0)
			RejectVector(rel, whole);
		return NULL;
	}
	return element > whole->vector->width ? NULL : &whole->vector->elements[element - 1];
}

/* The column of that name, or the element of a vector, or NULL.  Belongs to the relation. */
const CsColumn *
CsRelationFind(const CsRelation *rel, const char *name)
{
	return CsRelationFeature(rel, name, 0);
}

/*
 * The columns that a name stands for, one after the other: one column, or all elements of a vector.
 * An error when there are none.  Belongs to the relation.
 */
const CsColumn *
CsRelationColumns(const CsRelation *rel, const char *name, int *n)
{
	const CsColumn *column = CsRelationColumn(rel, name);

	*n = 1;
	if (column->vector == NULL || column->element > 0)
		return column;
	if (!ExpandVector(rel, column, 0))
		RejectVector(rel, column);
	*n = column->vector->width;
	return column->vector->elements;
}

/*
 * All columns, with each vector replaced by its elements; palloc'd.  A vector whose width is not
 * known stays as it is.
 */
CsColumn *
CsRelationAllColumns(const CsRelation *rel, int *n)
{
	CsColumn   *all;
	int			nall = 0;
	int			room = 1;

	for (int i = 0; i < rel->ncolumns; i++)
		room += rel->columns[i].vector != NULL && ExpandVector(rel, &rel->columns[i], 0) ?
			rel->columns[i].vector->width : 1;
	all = palloc(sizeof(CsColumn) * room);
	for (int i = 0; i < rel->ncolumns; i++)
	{
		const CsColumn *column = &rel->columns[i];
		bool		expands = column->vector != NULL && column->vector->width > 0;
		int			ncolumns = expands ? column->vector->width : 1;

		memcpy(&all[nall], expands ? column->vector->elements : column, sizeof(CsColumn) * ncolumns);
		nall += ncolumns;
	}
	*n = nall;
	return all;
}

/*
 * The type of a column as people know it, palloc'd; for an element, the type of its vector, and for a domain
 * the type that it is over, since that says how values are read and compared.  Of collations only those are
 * named by which texts of other bytes can be equal.
 */
char *
CsColumnTypeName(const CsColumn *column)
{
	int32		typmod = column->typmod;
	Oid			base = getBaseTypeAndTypmod(column->type, &typmod);
	char	   *name;

	if (column->element > 0)
		return format_type_be(column->vector->type.type);
	name = format_type_with_typemod(base, typmod);
	if (!OidIsValid(column->collation) || get_collation_isdeterministic(column->collation))
		return name;
	return psprintf("%s COLLATE %s", name, quote_identifier(get_collation_name(column->collation)));
}

/* What is said of each column (const CsColumn *), with a separator between them; palloc'd. */
char *
CsListColumns(const List *columns, const char *separator, char *(*say) (const CsColumn *column))
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, columns)
		appendStringInfo(&list, "%s%s", list.len > 0 ? separator : "", say(lfirst(cell)));
	return list.data;
}

/* The names of the columns, as a hint lists them. */
static char *
ListColumns(const CsRelation *rel)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < Min(rel->ncolumns, MAX_HINT_COLUMNS); i++)
		appendStringInfo(&list, "%s\"%s\"", i == 0 ? "" : ", ", NameStr(rel->columns[i].name));
	if (rel->ncolumns > MAX_HINT_COLUMNS)
		appendStringInfoString(&list, " and others");
	return list.data;
}

/* The name of a column that differs from the given one in upper and lower case only; or NULL. */
static const char *
FindInOtherCase(const CsRelation *rel, const char *name)
{
	for (int i = 0; i < rel->ncolumns; i++)
		if (pg_strcasecmp(NameStr(rel->columns[i].name), name) == 0)
			return NameStr(rel->columns[i].name);
	return NULL;
}

/* What is between the quotation marks around a name; the name itself where there are none. */
static const char *
WithoutQuotes(const char *name)
{
	Size		length = strlen(name);

	if (length < 3 || name[0] != '"' || name[length - 1] != '"')
		return name;
	return pnstrdup(name + 1, length - 2);
}

/* The error for a column that is not there, with the one that was meant or a list of those that are. */
static void
ReportNoColumn(const CsRelation *rel, const char *name)
{
	const char *bare = WithoutQuotes(name);
	const char *meant = FindInOtherCase(rel, bare);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" does not exist in %s", name, rel->description),
			 meant != NULL && bare != name ?
			 errhint("Column names are given without quotation marks of their own: %s.", meant) :
			 meant != NULL ? errhint("Perhaps you meant \"%s\": upper and lower case count here.", meant) :
			 rel->ncolumns > 0 ? errhint("Its columns are %s.", ListColumns(rel)) : 0));
}

/*
 * CsRelationColumn() where an element of a vector will not do, because SQL is written with the
 * column's name.
 */
const CsColumn *
CsRelationWhole(const CsRelation *rel, const char *name)
{
	const CsColumn *column = FindWhole(rel, name, (int) strlen(name));

	if (column == NULL)
		ReportNoColumn(rel, name);
	return column;
}

/*
 * CsRelationFind() that raises an error instead of returning NULL; the error names the relation,
 * and its hint the columns that exist.
 */
const CsColumn *
CsRelationColumn(const CsRelation *rel, const char *name)
{
	const CsColumn *column = CsRelationFind(rel, name);
	const CsColumn *whole;
	int			length;
	int			element;

	if (column == NULL && CsElementName(name, &length, &element))
	{
		whole = FindWhole(rel, name, length);
		if (whole != NULL && whole->vector != NULL && whole->vector->why_not != NULL)
			RejectVector(rel, whole);
	}
	if (column == NULL)
		ReportNoColumn(rel, name);
	return column;
}
