/*
 * missing.c
 *	  Which columns go missing together: missing_patterns(), and is it by chance: mcar_test().
 *
 * A pattern is the set of columns that a row lacks.  Rows are told apart by it as they come, and those
 * of one pattern are summed up in mean and products of deviations, so that nothing is kept a row.  Of rows on other
 * servers, these count patterns, and add up their sums by a pass.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "dist/dist.h"
#include "executor/spi.h"
#include "explore/explore.h"
#include "math/math.h"
#include "stat/pair_pass.h"
#include "stat/pattern_sums_pass.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define MOST_COLUMNS 1000

typedef struct Pattern
{
	CsMissingPattern p;
	uint32		hash;
	int			next;			/* with the same bucket, -1: none */
	bool	   *missing;
} Pattern;

#define BUCKETS 1024

struct CsMissingCounts
{
	CsLook	   *look;
	bool		sums;			/* means and products, too */
	MemoryContext context;
	Size		used;
	int			npatterns,
				capacity;
	Pattern    *patterns;
	int			last;			/* that a row had */
	int			bucket[BUCKETS];
	bool	   *row_missing;
	double	   *row;
	double	   *origin,			/* of each column: its first value, which is taken off the others, */
			   *scale;			/* and a power of two that they are taken times; 0: no value yet */
	int64		nrows;
	int		   *position;		/* of each column among those that are read */
};

/* Patterns that other servers send. */
static const CsHeldGroups patterns_held = {"telling apart the patterns of missing columns", "name fewer columns"};

PG_FUNCTION_INFO_V1(custseg_missing_patterns);
PG_FUNCTION_INFO_V1(custseg_mcar_test);

/* The moments of a pattern's rows, a missing value being 0: their array begins one before the means. */
static CsCrossMoments
PatternMoments(const Pattern *pattern, int d)
{
	return CsCrossMomentsAt(pattern->p.mean - 1, d);
}

/* A pattern that was not there before. */
static Pattern *
AddPattern(CsMissingCounts *c, uint32 hash)
{
	int			d = c->look->ncolumns;
	Size		size = sizeof(Pattern) + d + (c->sums ? CsCrossMomentsSize(d) : 0);
	MemoryContext old = MemoryContextSwitchTo(c->context);
	Pattern    *pattern;

	c->used += size;
	if (c->used > CsMemoryLimit())
		CsMemoryExceeded(c->used, "name fewer columns",
						 "telling apart %d patterns of missing columns", c->npatterns + 1);
	if (c->npatterns == c->capacity)
	{
		c->capacity = Max(64, 2 * c->capacity);
		c->patterns = c->patterns == NULL ? palloc(sizeof(Pattern) * c->capacity) :
			repalloc_huge(c->patterns, sizeof(Pattern) * c->capacity);
	}
	pattern = &c->patterns[c->npatterns];
	memset(pattern, 0, sizeof(*pattern));
	pattern->hash = hash;
	pattern->missing = memcpy(palloc(Max(d, 1)), c->row_missing, d);
	pattern->p.missing = pattern->missing;
	if (c->sums)
	{
		CsCrossMoments m = CsCrossMomentsAt(palloc0(CsCrossMomentsSize(d)), d);

		pattern->p.mean = m.mean;
		pattern->p.cross = m.products;
	}
	pattern->next = c->bucket[hash % BUCKETS];
	c->bucket[hash % BUCKETS] = c->npatterns++;
	MemoryContextSwitchTo(old);
	return pattern;
}

/* The pattern of the row at hand. */
static Pattern *
FindPattern(CsMissingCounts *c)
{
	int			d = c->look->ncolumns;
	uint32		hash;

	/* rows are mostly like the one before */
	if (c->last < c->npatterns && memcmp(c->patterns[c->last].missing, c->row_missing, d) == 0)
		return &c->patterns[c->last];
	hash = DatumGetUInt32(hash_any((const unsigned char *) c->row_missing, d));
	for (int i = c->bucket[hash % BUCKETS]; i >= 0; i = c->patterns[i].next)
		if (c->patterns[i].hash == hash && memcmp(c->patterns[i].missing, c->row_missing, d) == 0)
			return &c->patterns[i];
	return AddPattern(c, hash);
}

/* A column's value as it is summed up: less the first one, and scaled so that no product is out of range. */
static double
ScaleValue(CsMissingCounts *c, int column, double x)
{
	double		scale = c->scale[column];

	if (scale == 0)
		c->origin[column] = x;
	if (scale == 0 || fabs(x) * scale >= 2)
	{
		c->scale[column] = CsScaleOf(fabs(x));
		for (int i = 0; i < c->npatterns && scale > 0; i++)
		{
			CsCrossMoments m = PatternMoments(&c->patterns[i], c->look->ncolumns);

			CsCrossMomentsRescale(&m, column, c->scale[column] / scale);
		}
	}
	return x * c->scale[column] - c->origin[column] * c->scale[column];
}

/* A column of a block: what is NULL, and its numbers; NULL: it is none of numbers. */
typedef struct BlockColumn
{
	const double *numbers;
	const bool *nulls;
} BlockColumn;

typedef struct MissingVisit
{
	CsMissingCounts *counts;
	CsPass	   *pass;
	BlockColumn *columns;		/* of the block at hand */
} MissingVisit;

/* Look up the columns of a block.  Returns whether there is nothing that a row may lack. */
static bool
FindBlockColumns(MissingVisit *v, const CsPassBlock *block, BlockColumn *columns)
{
	const CsMissingCounts *c = v->counts;
	bool		is_whole = true;

	for (int i = 0; i < c->look->ncolumns; i++)
	{
		const CsColumn *column = &c->look->columns[i].column;
		int			at = c->position[i];
		CsPassNumbers numbers = {NULL, true};

		if (CsLookIsNumber(column))
			numbers = CsPassNumbersOf(v->pass, at, &column->converter);
		columns[i] = (BlockColumn) {numbers.values, CsBlockNulls(block, at)};
		is_whole &= numbers.all_finite && !block->has_nulls[at];
	}
	return is_whole;
}

/* Note what a row lacks, and its values as they are summed up. */
static void
TakeRow(CsMissingCounts *c, const BlockColumn *columns, int row)
{
	for (int i = 0; i < c->look->ncolumns; i++)
	{
		const BlockColumn *column = &columns[i];
		double		x = column->numbers == NULL ? 0 : column->numbers[row];

		/* an infinite value is there, but cannot be summed up */
		c->row_missing[i] = column->nulls[row] || (c->sums ? !isfinite(x) : isnan(x));
		c->row[i] = 0;			/* where it is missing that adds nothing, the mean being 0, too */
		if (c->sums && !c->row_missing[i])
			c->row[i] = ScaleValue(c, i, x);
	}
}

/* Count rows of the pattern that the row at hand has, and find it. */
static Pattern *
CountRows(CsMissingCounts *c, int64 n)
{
	Pattern    *pattern = FindPattern(c);

	c->last = (int) (pattern - c->patterns);
	pattern->p.n += n;
	c->nrows += n;
	return pattern;
}

/* Count the row at hand, and sum it up. */
static void
SumRow(CsMissingCounts *c)
{
	CsCrossMoments m = PatternMoments(CountRows(c, 1), c->look->ncolumns);

	CsCrossMomentsJoin(&m, 1, c->row, NULL);
}

/* CsBlockSink: rows of the source. */
static void
TakeBlock(void *state, const CsPassBlock *block)
{
	MissingVisit *v = state;
	CsMissingCounts *c = v->counts;
	bool		is_whole = FindBlockColumns(v, block, v->columns);
	int			at_once = is_whole && !c->sums ? block->nrows : 1;

	for (int row = 0; row < block->nrows; row += at_once)
	{
		TakeRow(c, v->columns, row);
		if (c->sums)
			SumRow(c);
		else
			(void) CountRows(c, at_once);
	}
}

/* Have the columns of a look counted by a pass; with "sums" their means and products, too. */
static CsMissingCounts *
BeginCounting(CsLook *look, CsPass *pass, bool sums)
{
	CsMissingCounts *c = palloc0(sizeof(CsMissingCounts));
	MissingVisit *visit;

	if (look->ncolumns > MOST_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d columns are too many, the limit is %d", look->ncolumns, MOST_COLUMNS),
				 errhint("Name those of interest in \"columns\".")));
	c->look = look;
	c->sums = sums;
	c->context = CurrentMemoryContext;
	c->row_missing = palloc0(Max(look->ncolumns, 1));
	c->position = palloc(sizeof(int) * Max(look->ncolumns, 1));
	c->row = palloc0(sizeof(double) * 3 * Max(look->ncolumns, 1));
	c->origin = c->row + look->ncolumns;
	c->scale = c->origin + look->ncolumns;
	memset(c->bucket, -1, sizeof(c->bucket));
	for (int i = 0; i < look->ncolumns; i++)
		c->position[i] = CsPassColumn(pass, &look->columns[i].column);
	visit = palloc(sizeof(MissingVisit));
	*visit = (MissingVisit) {c, pass, palloc(sizeof(BlockColumn) * Max(look->ncolumns, 1))};
	CsPassVisit(pass, &(CsVisitor) {.state = visit, .take_block = TakeBlock});
	return c;
}

/* Have the rows of a pass that reads once counted by the columns of a look that they lack. */
CsMissingCounts *
CsMissingBegin(CsLook *look, CsPass *pass)
{
	return BeginCounting(look, pass, false);
}

/* Whether rows lack a column, where infinite values cannot be summed up; palloc'd. */
static char *
LackingExpression(const CsColumn *column)
{
	const char *value = CsTallyExpression(column);

	return psprintf("%s IS NULL OR NOT (%s OPERATOR(pg_catalog.<) 'Infinity'::pg_catalog.float8 AND %s OPERATOR(pg_catalog.>) '-Infinity'::pg_catalog.float8)",
					value, value, value);
}

/* Whether rows lack each column, an array that other servers make; palloc'd.  NULL where they cannot. */
static char *
PatternExpression(const CsLook *look, bool sums)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < look->ncolumns; i++)
	{
		const CsColumn *column = &look->columns[i].column;
		const char *value = quote_identifier(NameStr(column->name));

		if (column->element > 0 || column->vector != NULL)
			return NULL;
		appendStringInfoString(&sql, i > 0 ? ", " : "ARRAY[");
		if (sums)
		{
			appendStringInfoString(&sql, LackingExpression(column));
			continue;
		}
		appendStringInfo(&sql, "%s IS NULL", value);
		if (CsLookIsNumber(column) && (column->type == FLOAT4OID || column->type == FLOAT8OID || column->type == NUMERICOID))
			appendStringInfo(&sql, " OR %s OPERATOR(pg_catalog.=) 'NaN'::%s", value, format_type_be_qualified(column->type));
	}
	appendStringInfoChar(&sql, ']');
	return look->ncolumns == 0 ? NULL : sql.data;
}

/* Raise an error unless another server has given a pattern, and some rows of it, which with those so far are not too many to count. */
static void
CheckPattern(const CsMissingCounts *c, const CsValue row[2])
{
	int64		nrows;

	if (row[0].isnull || row[1].isnull || DatumGetInt64(row[1].datum) <= 0 ||
		pg_add_s64_overflow(c->nrows, DatumGetInt64(row[1].datum), &nrows))
		CsTallyCountsChanged();
}

/* Count the rows of the patterns that a statement has given, inside SPI. */
static void
TakePatterns(CsMissingCounts *c)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CsValue		row[2];
		Datum	   *missing;
		int			n;

		CHECK_FOR_INTERRUPTS();
		CsValuesOfTuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, row);
		CheckPattern(c, row);
		deconstruct_array(DatumGetArrayTypeP(row[0].datum), BOOLOID, 1, true, TYPALIGN_CHAR, &missing, NULL, &n);
		if (n != c->look->ncolumns)
			CsTallyCountsChanged();
		for (int j = 0; j < n; j++)
			c->row_missing[j] = DatumGetBool(missing[j]);
		(void) CountRows(c, DatumGetInt64(row[1].datum));
	}
}

/* Have other servers count the patterns of their rows; false where the rows are here, or to be read. */
static bool
CountElsewhere(CsMissingCounts *c)
{
	CsPieces   *pieces = CsPiecesElsewhere(c->look->relation);
	const char *expression = pieces == NULL ? NULL : PatternExpression(c->look, c->sums);
	const char *query;

	if (expression == NULL)
		return false;
	query = psprintf("SELECT piece.missing, pg_catalog.sum(piece.n)::pg_catalog.int8 FROM (%s) AS piece GROUP BY piece.missing",
					 CsPiecesUnion(pieces, psprintf("%s AS missing, pg_catalog.count(*) AS n", expression), "GROUP BY 1"));
	if (!CsPiecesReduce(pieces, query))
		return false;
	pieces->held = &patterns_held;
	SPI_connect();
	CsPiecesRead(pieces, query, NULL, NULL);
	TakePatterns(c);
	SPI_finish();
	return true;
}

/* Hold the patterns, and what a pass adds up of each, to memory. */
static void
CheckSumsMemory(const CsMissingCounts *c)
{
	Size		needed = add_size(c->used, CsPatternSumsMemory(c->npatterns, c->look->ncolumns));

	if (needed > CsMemoryLimit())
		CsMemoryExceeded(needed, "name fewer columns", "telling apart %d patterns of missing columns", c->npatterns);
	if (c->npatterns > CS_MAX_DICTIONARY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d patterns of missing columns are too many to be added up on other servers, the limit is %d",
						c->npatterns, CS_MAX_DICTIONARY),
				 errhint("Name fewer columns.")));
}

/* Have other servers add up the rows of the patterns that have been counted. */
static void
SumElsewhere(CsMissingCounts *c)
{
	CsStudy    *study = CsLookStudy(c->look);
	int			d = c->look->ncolumns;
	double	   *middle = palloc0(sizeof(double) * d);
	double	   *reach = palloc0(sizeof(double) * d);
	const CsMissingPattern **patterns = palloc(sizeof(CsMissingPattern *) * c->npatterns);
	JsonbParseState *json = NULL;
	CsTallyRun	run;

	CheckSumsMemory(c);
	CsStudyMoments(study);
	for (int j = 0; j < d; j++)
	{
		const CsStudyColumn *s = &study->column[j];

		if (s->moments.n > 0)
			CsMiddleOf(s->moments.mean, s->lowest, s->highest, &middle[j], &reach[j]);
	}
	for (int i = 0; i < c->npatterns; i++)
		patterns[i] = &c->patterns[i].p;
	CsStudyBegin(study, false, NULL, &json);
	CsPatternSumsPlan(&json, patterns, c->npatterns, d, middle, reach, study->nrows);
	run = CsStudyRun(study, &json);
	for (int i = 0; i < c->npatterns; i++)
		CsPatternSumsRead(run.pass, &run.pass->parts[0], run.state, i, &c->patterns[i].p);
}

/* Read the rows of the source. */
static void
ReadRows(CsMissingCounts *c, CsPass *pass)
{
	if (c->look->ncolumns > 0 && !CountElsewhere(c))
		CsPassRead(pass);
	else if (c->npatterns > 0 && c->sums)
		SumElsewhere(c);
}

/* Read the source into patterns. */
static CsMissingCounts *
CountPatterns(FunctionCallInfo fcinfo, bool sums)
{
	CsLook	   *look = CsLookOpen(CsRelationOpen(CsRequiredText(fcinfo, LOOK_SOURCE, "source")),
								  CsArrayArgument(fcinfo, LOOK_COLUMNS), sums);
	CsPass	   *pass = CsPassOpen(look->relation);
	CsMissingCounts *c = BeginCounting(look, pass, sums);

	ReadRows(c, pass);
	for (int p = 0; p < c->npatterns && sums; p++)
	{
		CsCrossMoments m = PatternMoments(&c->patterns[p], look->ncolumns);

		CsCrossMomentsFinish(&m, 1);
	}
	return c;
}

/* Most rows first, then those that have the first column in which they differ; the state is how many columns there are. */
static int
ComparePatterns(const void *a, const void *b, void *ncolumns)
{
	const Pattern *x = *(const Pattern *const *) a;
	const Pattern *y = *(const Pattern *const *) b;

	if (x->p.n != y->p.n)
		return x->p.n > y->p.n ? -1 : 1;
	return memcmp(x->missing, y->missing, *(const int *) ncolumns);
}

/* The rows of missing_patterns(). */
void
CsMissingPut(CsResult *result, const CsMissingCounts *c)
{
	Pattern   **order;

	order = palloc(sizeof(Pattern *) * Max(c->npatterns, 1));
	for (int i = 0; i < c->npatterns; i++)
		order[i] = &c->patterns[i];
	qsort_arg(order, c->npatterns, sizeof(Pattern *), ComparePatterns, &c->look->ncolumns);
	for (int i = 0; i < c->npatterns; i++)
	{
		const char **names = palloc(sizeof(char *) * Max(c->look->ncolumns, 1));
		int			n = 0;

		for (int j = 0; j < c->look->ncolumns; j++)
			if (order[i]->missing[j])
				names[n++] = NameStr(c->look->columns[j].column.name);
		CsResultPut(result, CsValues(CsValueTexts(names, n),
									 CsValueInt4(n),
									 CsValueInt8(order[i]->p.n),
									 CsValueFloat8((double) order[i]->p.n / (double) c->nrows)));
	}
}

/* missing_patterns(source, columns) */
Datum
custseg_missing_patterns(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);

	CsMissingPut(result, CountPatterns(fcinfo, false));
	return (Datum) 0;
}

/* An error unless Little's test can be made of the patterns. */
static void
CheckTestable(const CsMissingCounts *c)
{
	for (int j = 0; j < c->look->ncolumns; j++)
	{
		int64		seen = 0;

		for (int i = 0; i < c->npatterns; i++)
			seen += c->patterns[i].missing[j] ? 0 : c->patterns[i].p.n;
		if (seen == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" has no value", NameStr(c->look->columns[j].column.name)),
					 errhint("Leave it out: name the others in \"columns\".")));
	}
	if (c->look->ncolumns == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has no column of numbers", c->look->relation->description),
				 errhint("The test takes numbers, booleans, dates and times.")));
}

/* mcar_test(source, columns) */
Datum
custseg_mcar_test(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsMissingCounts *c;
	CsMissingPattern *patterns;
	CsLittleResult little;
	const char *reason;

	c = CountPatterns(fcinfo, true);
	CheckTestable(c);
	patterns = palloc(sizeof(CsMissingPattern) * Max(c->npatterns, 1));
	for (int i = 0; i < c->npatterns; i++)
		patterns[i] = c->patterns[i].p;
	if (!CsLittleTest(c->look->ncolumns, patterns, c->npatterns, &little))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the covariance matrix of the columns is singular"),
				 errhint("Leave out columns that do not vary or that follow from others; there must be more rows than columns.")));
	reason = little.df == 0 ? "nothing to compare: no column has values in more than one pattern" :
		!little.converged ? "the estimate did not converge" :
		little.p < 0.05 ? "values are not missing completely at random: rows with missing values differ from the others" :
		"no evidence against values missing completely at random";
	CsResultPut(result, CsValues(CsValueInt8(c->nrows),
								 CsValueInt4(c->npatterns),
								 CsValueFloat8(little.statistic),
								 CsValueFloat8((double) little.df),
								 CsValueFloat8(little.p),
								 CsValueText(reason)));
	return (Datum) 0;
}
