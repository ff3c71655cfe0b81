/*
 * reader.c
 *	  Reads the columns of a source once.
 *
 * Values of numbers are collected in memory while they fit into maintenance_work_mem, with what
 * sorting one of them takes.  Beyond that each column goes to a sort of PostgreSQL's own, which uses
 * files; where rows must stay together there is an error instead.  Moments are the same either way.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "call/call.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "data/fetch.h"
#include "explore/explore.h"
#include "math/math.h"
#include "miscadmin.h"
#include "parallel/large.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Is it a number, or what is read as one? */
bool
CsLookIsNumber(const CsColumn *column)
{
	return column->converter.kind != CS_CATEGORICAL && column->converter.kind != CS_UNUSABLE;
}

/* Add a column, an error when it was named and cannot be used. */
static void
AddColumn(CsLook *look, const CsColumn *column, bool numbers, bool named)
{
	CsLookColumn *c = &look->columns[look->ncolumns];

	if (numbers && !CsLookIsNumber(column))
	{
		if (!named)
			return;
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s is not numeric", NameStr(column->name),
						format_type_be(column->type)),
				 errhint("Name numbers, booleans, dates and times; custseg.frequencies() counts levels.")));
	}
	c->column = *column;
	c->whole = true;
	if (column->converter.kind == CS_CATEGORICAL)
		c->levels = CsLevelCountsCreate(1, CS_MAX_DICTIONARY, NULL);
	look->ncolumns++;
}

/*
 * Open a relation to look at its named columns, or at all of them for NULL.  With "numbers" only
 * columns of numbers are looked at, and naming another one is an error.  The result is palloc'd in
 * CurrentMemoryContext.
 */
CsLook *
CsLookOpen(const CsRelation *rel, ArrayType *columns, bool numbers)
{
	CsLook	   *look = palloc0(sizeof(CsLook));
	int			n = rel->ncolumns;
	const CsColumn *found = columns == NULL ? rel->columns :
		CsRelationNamed(rel, columns, "columns", &n);

	look->relation = rel;
	look->columns = palloc_extended(mul_size(Max(n, 1), sizeof(CsLookColumn)),
									MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < n; i++)
		AddColumn(look, &found[i], numbers, columns != NULL);
	return look;
}

/* Take a full block, or the last one, to the moments. */
static void
FlushBlock(CsLookColumn *c)
{
	CsMomentsAdd(&c->moments, c->block, c->pending);
	c->pending = 0;
}

/* Take finite values to the moments. */
static void
TakeToMoments(CsLookColumn *c, const double *values, int n)
{
	while (n > 0)
	{
		int			room = Min(CS_BLOCK_ROWS - c->pending, n);

		memcpy(c->block + c->pending, values, sizeof(double) * room);
		c->pending += room;
		values += room;
		n -= room;
		if (c->pending == CS_BLOCK_ROWS)
			FlushBlock(c);
	}
}

/* Let PostgreSQL sort all numbers: they do not fit. */
static void
SpillColumns(CsLook *look)
{
	MemoryContext old = MemoryContextSwitchTo(look->kept.context);
	int			nnumbers = 0;

	for (int i = 0; i < look->ncolumns; i++)
		nnumbers += CsLookIsNumber(&look->columns[i].column);
	for (int i = 0; i < look->ncolumns; i++)
	{
		CsLookColumn *c = &look->columns[i];
		const CsKeptColumn *kept = &look->kept.columns[i];

		if (!CsLookIsNumber(&c->column))
			continue;
		c->sort = tuplesort_begin_datum(FLOAT8OID, Float8LessOperator, InvalidOid, false,
										Max(maintenance_work_mem / nnumbers, 64), NULL,
										TUPLESORT_RANDOMACCESS);
		for (int64 j = 0; j < kept->n; j++)
		{
			CsCheckInterrupts(j);
			if (isnan(kept->values[j]))
				continue;
			tuplesort_putdatum(c->sort, Float8GetDatum(kept->values[j]), false);
			if (look->moments_later)
				TakeToMoments(c, &kept->values[j], 1);
		}
		CsKeptRelease(&look->kept, i);
	}
	look->moments_later = false;
	MemoryContextSwitchTo(old);
}

/* There is no room for all values: they leave memory, unless rows must stay together. */
static void
LeaveMemory(void *state, int column, Size needed)
{
	CsLook	   *look = state;

	if (look->keep_rows && !look->may_lose_rows)
		CsMemoryExceeded(needed, psprintf("name fewer columns, or give a sample as the source: %s", CsSampleOf(look->relation, 0)),
						 "keeping the values of %d columns", look->ncolumns);
	SpillColumns(look);
	look->keep_rows = false;
}

/* Can a value have more digits than a double has?  A numeric stores four in two bytes, after a header. */
static inline bool
HasManyDigits(const CsConverter *converter, Datum datum)
{
	const int64 most = INT64CONST(1) << DBL_MANT_DIG;

	if (converter->type == INT8OID)
		return DatumGetInt64(datum) > most || DatumGetInt64(datum) < -most;
	return converter->type == NUMERICOID && VARSIZE_ANY_EXHDR(DatumGetPointer(datum)) > 8;
}

/*
 * Keep values, and give those that are not kept any more to the sort; to the moments, too, if these had been left for
 * later.
 */
static void
KeepValues(CsLook *look, int column, const double *values, int n)
{
	CsLookColumn *c = &look->columns[column];
	bool		was_later = look->moments_later;

	for (int i = CsKeptPutRun(&look->kept, column, values, n); i < n; i++)
	{
		if (isnan(values[i]))
			continue;
		tuplesort_putdatum(c->sort, Float8GetDatum(values[i]), false);
		if (was_later)
			TakeToMoments(c, &values[i], 1);
	}
}

/* Is there a value of more digits than a double has? */
static bool
HaveManyDigits(const CsLookColumn *c, const CsPassBlock *block, const double *numbers)
{
	const Datum *values = CsBlockValues(block, c->position);
	Oid			type = c->column.converter.type;

	for (int r = 0; r < block->nrows && (type == INT8OID || type == NUMERICOID); r++)
	{
		if (isfinite(numbers[r]) && HasManyDigits(&c->column.converter, values[r]))
			return true;
	}
	return false;
}

/*
 * A column of numbers of a block.  With rows kept there is a value for each row, else for those that have one.
 */
static void
TakeNumbers(CsLook *look, CsPass *pass, int column, const CsPassBlock *block)
{
	CsLookColumn *c = &look->columns[column];
	CsPassNumbers numbers = CsPassNumbersOf(pass, c->position, &c->column.converter);
	const double *values = numbers.values;
	bool		is_later = look->moments_later;
	double		of_rows[CS_BLOCK_ROWS];
	double		finite[CS_BLOCK_ROWS];
	int			n = 0;

	for (int r = 0; r < block->nrows && !numbers.all_finite; r++)
	{
		c->n_null += isnan(values[r]);
		c->n_infinite += isinf(values[r]) != 0;
		of_rows[r] = isinf(values[r]) ? NAN : values[r];
		if (isfinite(values[r]))
			finite[n++] = values[r];
	}
	c->is_rounded |= HaveManyDigits(c, block, values);
	if (numbers.all_finite || !look->keep_rows)
		KeepValues(look, column, numbers.all_finite ? values : finite, numbers.all_finite ? block->nrows : n);
	else
		KeepValues(look, column, of_rows, block->nrows);
	values = numbers.all_finite ? values : finite;
	n = numbers.all_finite ? block->nrows : n;
	c->n += n;
	c->whole &= CsAreWhole(values, n);
	if (!is_later)
		TakeToMoments(c, values, n);
}

/* A category, or what is of no use, of a block. */
static void
TakeLevels(CsLookColumn *c, const CsPassBlock *block)
{
	const Datum *values = CsBlockValues(block, c->position);
	const bool *nulls = CsBlockNulls(block, c->position);

	for (int r = 0; r < block->nrows; r++)
	{
		c->n_null += nulls[r];
		c->n += !nulls[r];
		if (!nulls[r] && c->levels != NULL)
			CsLevelCountsAdd(c->levels, &c->column.converter, values[r], 0);
	}
}

typedef struct Reading
{
	CsLook	   *look;
	CsPass	   *pass;
	TupleDesc	id_desc;
} Reading;

/* Keep the id of a row as text. */
static void
TakeId(Reading *r, const char *id)
{
	Datum		value = id == NULL ? (Datum) 0 : CStringGetTextDatum(id);
	bool		isnull = id == NULL;

	tuplestore_putvalues(r->look->ids, r->id_desc, &value, &isnull);
}

/* CsBlockSink: rows of the source. */
static void
TakeBlock(void *state, const CsPassBlock *block)
{
	Reading    *r = state;
	CsLook	   *look = r->look;

	if (look->nrows == 0 && look->keep_rows && r->pass->team != NULL)
		CsKeptShare(&look->kept, CsTeamArena(r->pass->team), r->pass->expected);
	for (int row = 0; row < block->nrows && look->ids != NULL; row++)
		TakeId(r, CsPassBlockId(r->pass, row));
	for (int i = 0; i < look->ncolumns; i++)
	{
		CsLookColumn *c = &look->columns[i];

		CHECK_FOR_INTERRUPTS();
		if (CsLookIsNumber(&c->column))
			TakeNumbers(look, r->pass, i, block);
		else
			TakeLevels(c, block);
	}
	look->nrows += block->nrows;
}

/* Prepare to keep the ids as text. */
static void
StartIds(Reading *r)
{
	CsPassIdentify(r->pass, r->look->id);
	r->look->ids = tuplestore_begin_heap(false, false, work_mem);
	r->id_desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(r->id_desc, 1, "id", TEXTOID, -1, 0);
}

/*
 * Have the columns read by a pass that reads once.  Values that are kept are palloc'd in CurrentMemoryContext.
 * CsLookFinish() is to be called when the pass has been read.
 */
void
CsLookBegin(CsLook *look, CsPass *pass)
{
	Reading    *r = palloc0(sizeof(Reading));

	r->look = look;
	r->pass = pass;
	CsKeptInit(&look->kept, look->ncolumns, 1, 0);
	look->kept.fewest = look->ncolumns;
	look->kept.full = LeaveMemory;
	look->kept.state = look;
	for (int i = 0; i < look->ncolumns; i++)
	{
		look->columns[i].position = CsPassColumn(pass, &look->columns[i].column);
		look->kept.columns[i].wanted = CsLookIsNumber(&look->columns[i].column);
	}
	CsKeptBegin(&look->kept, 0);
	if (look->id != NIL)
		StartIds(r);
	CsPassVisit(pass, &(CsVisitor) {.state = r, .take_block = TakeBlock});
}

/* End what CsLookBegin() began. */
void
CsLookFinish(CsLook *look)
{
	for (int i = 0; i < look->ncolumns; i++)
	{
		FlushBlock(&look->columns[i]);
		look->columns[i].values = look->kept.columns[i].values;
	}
}

/* Read the source once. */
void
CsLookRead(CsLook *look)
{
	CsPass	   *pass = CsPassOpen(look->relation);

	CsLookBegin(look, pass);
	if (pass->columns.ncolumns > 0)
		CsPassRead(pass);
	CsLookFinish(look);
}

/* Release the sorts and the stored ids.  Everything else goes with its memory context. */
void
CsLookEnd(CsLook *look)
{
	for (int i = 0; i < look->ncolumns; i++)
		if (look->columns[i].sort != NULL)
			tuplesort_end(look->columns[i].sort);
	if (look->ids != NULL)
		tuplestore_end(look->ids);
}

/* Room to sort any column that is kept in memory, palloc'd; NULL when no column is kept there. */
double *
CsLookScratch(const CsLook *look)
{
	int64		longest = 0;

	for (int i = 0; i < look->ncolumns; i++)
		if (look->columns[i].sort == NULL)
			longest = Max(longest, look->columns[i].n);
	return longest == 0 ? NULL : CsLargeAlloc(CurrentMemoryContext, sizeof(double) * longest);
}

/*
 * Sort the values of a column, in memory or in the sort to which they were given.  The scratch is
 * CsLookScratch().
 */
void
CsLookSort(CsLookColumn *c, double *scratch)
{
	if (c->sort != NULL)
		tuplesort_performsort(c->sort);
	else if (c->n > 0 && !c->is_sorted)
		CsSortDoubles(c->values, c->n, scratch);
	c->is_sorted = true;
}

/* Start again before the first of a column's sorted values. */
void
CsSortedRewind(CsSorted *s, CsLookColumn *c)
{
	s->column = c;
	s->at = 0;
	if (c->sort != NULL)
		tuplesort_rescan(c->sort);
}

/* The next of a column's sorted values; false when there is none. */
bool
CsSortedNext(CsSorted *s, double *value)
{
	Datum		datum;
	bool		isnull;

	if (s->at >= s->column->n)
		return false;
	CsCheckInterrupts(s->at);
	s->at++;
	if (s->column->sort == NULL)
	{
		*value = s->column->values[s->at - 1];
		return true;
	}
	if (!CsTuplesortGetDatum(s->column->sort, &datum, &isnull))
		return false;
	*value = DatumGetFloat8(datum);
	return true;
}

/* Values that PostgreSQL has sorted, in memory again; there is room for them. */
static void
Recall(CsLookColumn *c)
{
	CsSorted	s;

	c->values = palloc_extended(sizeof(double) * Max(c->n, 1), MCXT_ALLOC_HUGE);
	CsSortedRewind(&s, c);
	for (int64 i = 0; CsSortedNext(&s, &c->values[i]);)
		i++;
	tuplesort_end(c->sort);
	c->sort = NULL;
}

/*
 * The values of a column, sorted in memory, which belong to the look.  An error when they do not
 * fit in memory, though nothing else is there any more.
 */
const double *
CsLookSorted(CsLook *look, CsLookColumn *c)
{
	Size		needed = (Size) c->n * 3 * sizeof(double);

	if (c->sort != NULL && needed > CsMemoryLimit())
		CsMemoryError(needed, psprintf("give a sample as the source: %s", CsSampleOf(look->relation, 1.25 * (double) needed / (double) CsMemoryLimit())),
					  "sorting %lld values of column \"%s\"", (long long) c->n,
					  NameStr(c->column.name));
	if (!c->is_sorted)
		CsLookSort(c, CsLookScratch(look));
	if (c->sort != NULL)
		Recall(c);
	return c->values;
}

/* Is there room for CsLookSorted()? */
bool
CsLookSortedFits(const CsLookColumn *c)
{
	return c->sort == NULL || (Size) c->n * 3 * sizeof(double) <= CsMemoryLimit();
}
