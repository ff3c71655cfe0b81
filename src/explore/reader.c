/*
 * reader.c
 *	  Reads the columns of a source once.
 *
 * Values of numbers are collected in memory while they fit into maintenance_work_mem, with what
 * sorting one of them takes.  Beyond that each column goes to a sort of PostgreSQL's own, which uses
 * files; where rows must stay together there is an error instead.  Moments are the same either way.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "explore/explore.h"
#include "math/math.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#define FIRST_CAPACITY 4096
/* Values between two looks for an interrupt. */
#define INTERRUPT_VALUES 65536
#define MEGABYTE ((Size) 1024 * 1024)

/* Is it a number, or what is read as one? */
static bool
IsNumber(const CsColumn *column)
{
	return column->converter.kind != CS_CATEGORICAL && column->converter.kind != CS_UNUSABLE;
}

/* Add a column, an error when it was named and can't be used. */
static void
AddColumn(CsLook *look, const CsColumn *column, bool numbers, bool named)
{
	CsLookColumn *c = &look->columns[look->ncolumns];

	if (numbers && !IsNumber(column))
	{
		if (!named)
			return;
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s is no number", NameStr(column->name),
						format_type_be(column->type)),
				 errhint("Name numbers, booleans, dates and times; custseg.frequencies() counts levels.")));
	}
	for (int i = 0; i < look->ncolumns; i++)
		if (look->columns[i].column.attnum == column->attnum)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" is named twice", NameStr(column->name)),
					 errhint("Name each column once.")));
	c->column = *column;
	c->whole = true;
	if (column->converter.kind == CS_CATEGORICAL)
		c->dictionary = CsDictionaryCreate();
	look->ncolumns++;
}

/* See explore.h. */
CsLook *
CsLookOpen(const char *source, ArrayType *columns, bool numbers)
{
	CsLook	   *look = palloc0(sizeof(CsLook));
	CsRelation *rel = look->relation = CsRelationOpen(source);
	Datum	   *names;
	bool	   *nulls;
	int			n = rel->ncolumns;

	if (columns != NULL)
		deconstruct_array(columns, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	if (columns != NULL && n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"columns\" must not be empty"),
				 errhint("Name at least one column, or leave it out.")));
	look->columns = palloc0(sizeof(CsLookColumn) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		if (columns != NULL && nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("\"columns\" must not contain NULL")));
		AddColumn(look, columns == NULL ? &rel->columns[i] :
				  CsRelationColumn(rel, TextDatumGetCString(names[i])), numbers, columns != NULL);
	}
	return look;
}

/* Bytes of all values in memory, and of sorting the longest. */
static Size
MemoryUsed(const CsLook *look)
{
	Size		size = 0;
	int64		longest = 0;

	for (int i = 0; i < look->ncolumns; i++)
	{
		size = add_size(size, mul_size(look->columns[i].capacity, sizeof(double)));
		longest = Max(longest, look->columns[i].capacity);
	}
	return add_size(size, mul_size(longest, sizeof(double)));
}

/* Let PostgreSQL sort all numbers: they do not fit. */
static void
SpillColumns(CsLook *look)
{
	int			nnumbers = 0;

	for (int i = 0; i < look->ncolumns; i++)
		nnumbers += IsNumber(&look->columns[i].column);
	for (int i = 0; i < look->ncolumns; i++)
	{
		CsLookColumn *c = &look->columns[i];

		if (!IsNumber(&c->column))
			continue;
		c->sort = tuplesort_begin_datum(FLOAT8OID, Float8LessOperator, InvalidOid, false,
										Max(maintenance_work_mem / nnumbers, 64), NULL,
										TUPLESORT_RANDOMACCESS);
		for (int64 j = 0; j < c->n - c->pending; j++)
		{
			if (j % CS_BLOCK_ROWS == 0)
				CHECK_FOR_INTERRUPTS();
			tuplesort_putdatum(c->sort, Float8GetDatum(c->values[j]), false);
		}
		if (c->values != NULL)
			pfree(c->values);
		c->values = NULL;
		c->capacity = 0;
	}
}

/* Make room for more values of a column; they may all leave memory. */
static void
Grow(CsLook *look, CsLookColumn *c, int64 needed)
{
	int64		was = c->capacity;

	c->capacity = Max(Max(FIRST_CAPACITY, was + was / 2), needed);
	if (MemoryUsed(look) > (Size) maintenance_work_mem * 1024)
	{
		Size		used = MemoryUsed(look);

		c->capacity = was;
		if (look->keep_rows)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the values of %d columns need more than %zu MB, maintenance_work_mem is %d MB",
							look->ncolumns, used / MEGABYTE, maintenance_work_mem / 1024),
					 errhint("Raise maintenance_work_mem, name fewer columns, or give a sample as the source: a query with TABLESAMPLE.")));
		SpillColumns(look);
		return;
	}
	c->values = c->values == NULL ?
		palloc_extended(sizeof(double) * c->capacity, MCXT_ALLOC_HUGE) :
		repalloc_huge(c->values, sizeof(double) * c->capacity);
}

/* Take a full block, or the last one, to the moments and to where values are kept. */
static void
FlushBlock(CsLook *look, CsLookColumn *c)
{
	int64		kept = c->n - c->pending;

	CsMomentsAdd(&c->moments, c->block, c->pending);
	if (!look->keep_rows)
	{
		if (c->sort == NULL && c->n > c->capacity)
			Grow(look, c, c->n);
		if (c->sort == NULL)
			memcpy(c->values + kept, c->block, sizeof(double) * c->pending);
		for (int i = 0; i < c->pending && c->sort != NULL; i++)
			tuplesort_putdatum(c->sort, Float8GetDatum(c->block[i]), false);
	}
	c->pending = 0;
}

/* A number of a row. */
static void
TakeNumber(CsLook *look, CsLookColumn *c, Datum datum, bool isnull)
{
	double		value = isnull ? NAN : c->column.converter.to_double(&c->column.converter, datum);

	if (look->keep_rows)
	{
		if (look->nrows >= c->capacity)
			Grow(look, c, look->nrows + 1);
		c->values[look->nrows] = isinf(value) ? NAN : value;
	}
	if (isnan(value))
		c->n_null++;
	else if (isinf(value))
		c->n_infinite++;
	else
	{
		c->whole &= value == rint(value);
		c->block[c->pending++] = value;
		c->n++;
		if (c->pending == CS_BLOCK_ROWS)
			FlushBlock(look, c);
	}
}

/* A level of a row. */
static void
TakeLevel(CsLookColumn *c, Datum datum, bool isnull)
{
	int			length,
				code;
	void	   *copy;
	const char *text;

	if (isnull)
	{
		c->n_null++;
		return;
	}
	c->n++;
	text = CsCategoryText(&c->column.converter, datum, &length, &copy);
	code = CsDictionaryCode(c->dictionary, text, length);
	if (copy != NULL)
		pfree(copy);
	if (code < 0)
	{
		c->n_uncounted++;
		return;
	}
	if (code >= c->ncounts)
	{
		int			was = c->ncounts;

		c->ncounts = Max(64, 2 * was);
		c->counts = was == 0 ? palloc(sizeof(int64) * c->ncounts) :
			repalloc(c->counts, sizeof(int64) * c->ncounts);
		memset(c->counts + was, 0, sizeof(int64) * (c->ncounts - was));
	}
	c->counts[code]++;
}

typedef struct Reading
{
	CsLook	   *look;
	MemoryContext context;		/* of what is kept */
	TupleDesc	id_desc;
} Reading;

/* Keep the id of a row as text. */
static void
TakeId(Reading *r, Datum datum, bool isnull)
{
	Datum		value = (Datum) 0;

	if (!isnull)
		value = CStringGetTextDatum(OutputFunctionCall(&r->look->id_output, datum));
	tuplestore_putvalues(r->look->ids, r->id_desc, &value, &isnull);
}

/* CsRowSink: one row. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Reading    *r = state;
	CsLook	   *look = r->look;
	MemoryContext old;

	if (look->ids != NULL)
		TakeId(r, values[look->ncolumns], nulls[look->ncolumns]);
	old = MemoryContextSwitchTo(r->context);
	for (int i = 0; i < look->ncolumns; i++)
	{
		CsLookColumn *c = &look->columns[i];

		if (IsNumber(&c->column))
			TakeNumber(look, c, values[i], nulls[i]);
		else if (c->dictionary != NULL)
			TakeLevel(c, values[i], nulls[i]);
		else if (nulls[i])
			c->n_null++;
		else
			c->n++;
	}
	MemoryContextSwitchTo(old);
	look->nrows++;
}

/* Prepare to keep the ids as text. */
static void
StartIds(Reading *r)
{
	CsLook	   *look = r->look;
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(look->id->type, &output, &is_varlena);
	fmgr_info(output, &look->id_output);
	look->ids = tuplestore_begin_heap(false, false, work_mem);
	r->id_desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(r->id_desc, 1, "id", TEXTOID, -1, 0);
}

/* See explore.h. */
void
CsLookRead(CsLook *look)
{
	Reading		r = {.look = look,.context = CurrentMemoryContext};
	int			n = look->ncolumns;
	CsColumn   *columns = palloc(sizeof(CsColumn) * (n + 1));

	for (int i = 0; i < n; i++)
		columns[i] = look->columns[i].column;
	if (look->id != NULL)
	{
		StartIds(&r);
		columns[n++] = *look->id;
	}
	if (n > 0)
		CsRelationRead(look->relation, columns, n, TakeRow, &r);
	for (int i = 0; i < look->ncolumns; i++)
		if (IsNumber(&look->columns[i].column))
			FlushBlock(look, &look->columns[i]);
}

/* See explore.h. */
void
CsLookEnd(CsLook *look)
{
	for (int i = 0; i < look->ncolumns; i++)
		if (look->columns[i].sort != NULL)
			tuplesort_end(look->columns[i].sort);
	if (look->ids != NULL)
		tuplestore_end(look->ids);
}

/* Room to sort any column in memory; NULL when none is there. */
double *
CsLookScratch(const CsLook *look)
{
	int64		longest = 0;

	for (int i = 0; i < look->ncolumns; i++)
		if (look->columns[i].sort == NULL)
			longest = Max(longest, look->columns[i].n);
	return longest == 0 ? NULL : palloc_extended(sizeof(double) * longest, MCXT_ALLOC_HUGE);
}

/* See explore.h. */
void
CsLookSort(CsLookColumn *c, double *scratch)
{
	if (c->sort != NULL)
		tuplesort_performsort(c->sort);
	else if (c->n > 0)
		CsSortDoubles(c->values, c->n, scratch);
}

/* See explore.h. */
void
CsSortedRewind(CsSorted *s, CsLookColumn *c)
{
	s->column = c;
	s->at = 0;
	if (c->sort != NULL)
		tuplesort_rescan(c->sort);
}

/* See explore.h. */
bool
CsSortedNext(CsSorted *s, double *value)
{
	Datum		datum;
	bool		isnull;

	if (s->at >= s->column->n)
		return false;
	if (s->at % INTERRUPT_VALUES == 0)
		CHECK_FOR_INTERRUPTS();
	s->at++;
	if (s->column->sort == NULL)
	{
		*value = s->column->values[s->at - 1];
		return true;
	}
	if (!CsTuplesortGetFloat(s->column->sort, &datum, &isnull))
		return false;
	*value = DatumGetFloat8(datum);
	return true;
}

/* See explore.h. */
const double *
CsLookSorted(CsLook *look, CsLookColumn *c)
{
	if (c->sort != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%lld values of column \"%s\" do not fit into maintenance_work_mem, which is %d MB",
						(long long) c->n, NameStr(c->column.name), maintenance_work_mem / 1024),
				 errhint("SET maintenance_work_mem = '%zuMB'; or give a sample as the source: a query with TABLESAMPLE.",
						 (Size) c->n * 3 * sizeof(double) / MEGABYTE + 1)));
	CsLookSort(c, CsLookScratch(look));
	return c->values;
}
