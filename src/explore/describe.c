/*
 * describe.c
 *	  What is in a source: describe(), a line a column, with what to do about it.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type_d.h"
#include "explore/explore.h"
#include "life/life.h"
#include "math/math.h"
#include "miscadmin.h"
#include "prep/prep.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#define TOP_LEVELS 5

/* Values between two looks for an interrupt. */
#define STEPS 65536

/* Limits of the suggestions. */
#define SOME_EMPTY 0.05
#define MUCH_SKEWNESS 2
#define MANY_OUTLIERS 0.05

/* A range that is this part of the values leaves doubles too few digits to tell numerics apart. */
#define CLOSE 1e-6

static const CsOption describe_options[] = {
	{"iqr_factor", CS_OPTION_REAL, offsetof(CsDescribeOptions, iqr_factor), 1.5, 0, HUGE_VAL},
	{"z_limit", CS_OPTION_REAL, offsetof(CsDescribeOptions, z_limit), 3, 0, HUGE_VAL},
};

/* The columns of the answer. */
enum
{
	D_COLUMN, D_TYPE, D_KIND, D_N, D_N_NULL, D_NULL_SHARE, D_N_INFINITE, D_DISTINCT, D_MEAN, D_SD, D_MIN,
	D_Q1, D_MEDIAN, D_Q3, D_MAX, D_SKEWNESS, D_KURTOSIS, D_JB, D_JB_P, D_IQR_OUTLIERS, D_Z_OUTLIERS, D_TOP,
	D_SUGGESTION, D_MEANING, D_UNIT, D_COLUMNS
};

PG_FUNCTION_INFO_V1(custseg_describe);

/* So many rows have the next of the different values: the outermost ones, those next to them, and all if they are few. */
static void
TakeRun(CsColumnOrder *o, double value, int64 rows)
{
	o->distinct++;
	if (o->distinct == 1)
		o->low = (CsEnd) {value, NAN, rows};
	else if (o->distinct == 2)
		o->low.next = value;
	o->high = (CsEnd) {value, o->distinct == 1 ? NAN : o->high.value, rows};
	o->packed_dates = o->packed_dates && CsIsPackedDate(value);
	CsFewAdd(&o->few, value, rows);
}

/* How often a sorted value differs from the one before. */
CS_CLONES static int64
CountSteps(const double *sorted, int64 n)
{
	int64		steps = 0;

	for (int64 i = 1; i < n; i++)
		steps += sorted[i] != sorted[i - 1];
	return steps;
}

/* Is there more to be known of the next different value than that it is there? */
static bool
IsRunTold(const CsColumnOrder *o)
{
	return o->distinct < 2 || o->packed_dates || o->few.n <= CS_FEW_VALUES;
}

/* The different values of those in memory. */
static void
TakeRuns(const double *sorted, int64 n, CsColumnOrder *o)
{
	int64		start = 0,
				end,
				last = n - 1;

	for (; start < n && IsRunTold(o); start = end)
	{
		CHECK_FOR_INTERRUPTS();
		for (end = start + 1; end < n && sorted[end] == sorted[start];)
			end++;
		TakeRun(o, sorted[start], end - start);
	}
	if (start == n)
		return;
	for (; start < n; start = end)
	{
		CHECK_FOR_INTERRUPTS();
		end = Min(start + STEPS, n);
		o->distinct += CountSteps(sorted + start - 1, end - start + 1);
	}
	for (; sorted[last - 1] == sorted[n - 1]; last--)
		CsCheckInterrupts(last);
	o->high = (CsEnd) {sorted[last], sorted[last - 1], n - last};
}

/* The quartiles (type 7), the ends, and how many different values there are, of values in memory. */
static void
FillFromMemory(const double *sorted, int64 n, CsColumnOrder *o)
{
	TakeRuns(sorted, n, o);
	for (int q = 0; q < 3; q++)
		o->quartile[q] = CsQuantileSorted(sorted, n, (q + 1) / 4.0);
	o->minimum = sorted[0];
	o->maximum = sorted[n - 1];
}

/* The same of values that PostgreSQL has sorted: one pass. */
static void
FillFromSort(CsLookColumn *c, CsColumnOrder *o)
{
	CsSorted	s;
	int64		rank[3],
				rows = 0;
	double		part[3];
	double		value,
				first = NAN,
				last = NAN;

	for (int q = 0; q < 3; q++)
		rank[q] = CsQuantileRank(c->n, (q + 1) / 4.0, &part[q]);
	CsSortedRewind(&s, c);
	for (int64 i = 0; CsSortedNext(&s, &value); i++)
	{
		if (rows > 0 && value != first)
		{
			TakeRun(o, first, rows);
			rows = 0;
		}
		if (rows++ == 0)
			first = value;
		if (i == 0)
			o->minimum = value;
		for (int q = 0; q < 3; q++)
		{
			if (i == rank[q])
				o->quartile[q] = value;
			else if (i == rank[q] + 1)
				o->quartile[q] = CsBetweenValues(o->quartile[q], value, part[q]);
		}
		last = value;
	}
	TakeRun(o, first, rows);
	o->maximum = last;
}

/* What the order of values tells. */
static void
FillQuartiles(CsLookColumn *c, CsColumnOrder *o)
{
	o->packed_dates = true;
	if (c->n == 0)
		o->maximum = NAN;
	else if (c->sort == NULL)
		FillFromMemory(c->values, c->n, o);
	else
		FillFromSort(c, o);
	o->range = o->maximum - o->minimum;
}

/* CountOutliers() of values in memory: those in the middle are none. */
static void
CountFromEnds(const CsLookColumn *c, double low, double high, double far, CsColumnOrder *o)
{
	int64		first = 0,
				last = c->n - 1;

	if (!isnan(low) && !isnan(high))
		o->iqr_outliers += CsCountBelow(c->values, c->n, low) +
			c->n - CsCountBelow(c->values, c->n, nextafter(high, INFINITY));
	for (; first < c->n && fabs(CsMomentsOff(&c->moments, c->values[first])) > far; first++)
		CsCheckInterrupts(first);
	for (; last >= first && fabs(CsMomentsOff(&c->moments, c->values[last])) > far; last--)
		CsCheckInterrupts(last);
	o->z_outliers += first + c->n - 1 - last;
}

/* Values beyond the fences of a box plot, or beyond a number of standard deviations. */
static void
CountOutliers(CsLookColumn *c, const CsDescribeOptions *options, CsColumnOrder *o)
{
	CsSorted	s;
	double		low,
				high;
	double		far = options->z_limit * CsMomentsSpread(&c->moments, 1);
	double		value;

	CsTukeyFences(o->quartile[0], o->quartile[2], options->iqr_factor, &low, &high);
	if (c->sort == NULL)
	{
		CountFromEnds(c, low, high, far, o);
		return;
	}
	CsSortedRewind(&s, c);
	while (CsSortedNext(&s, &value))
	{
		o->iqr_outliers += value < low || value > high;
		o->z_outliers += fabs(CsMomentsOff(&c->moments, value)) > far;
	}
}

/* The most frequent levels as json, ties by text; palloc'd. */
static CsValue
TopLevels(const CsLookColumn *c)
{
	JsonbParseState *json = NULL;
	int		   *levels = CsLevelsByRows(c->levels);

	CsJsonArray(&json, NULL);
	for (int i = 0; i < Min(TOP_LEVELS, c->levels->nlevels); i++)
	{
		CsJsonObject(&json, NULL);
		CsJsonText(&json, "level", CsDictionaryLevel(c->levels->dictionary, levels[i]));
		CsJsonInteger(&json, "n", *CsLevelRows(c->levels, levels[i]));
		(void) CsJsonEnd(&json);
	}
	pfree(levels);
	return CsValueJsonb(CsJsonFinish(&json));
}

/* One more thing to say. */
static void
Say(StringInfo words, const char *what)
{
	appendStringInfo(words, "%s%s", words->len > 0 ? "; " : "", what);
}

/* What to do with a number. */
static void
AdviseNumber(StringInfo words, const CsLookColumn *c, const CsColumnOrder *o)
{
	double		skewness = CsMomentsSkewness(&c->moments);

	if (c->n_infinite > 0)
		Say(words, "training refuses infinite values: use nullif or WHERE");
	/* of two values, such as 0 and 1, nothing can be made but two values */
	if (c->column.converter.kind == CS_BOOLEAN || o->distinct == 2)
		return;
	if (skewness > MUCH_SKEWNESS && c->column.converter.kind == CS_NUMERIC)
		Say(words, psprintf("skewed to the right: use transform %s%s",
							o->minimum > -1 ? "log1p" : "yeo-johnson",
							o->quartile[0] < o->quartile[2] ? ", or clip" : ""));
	else if (skewness < -MUCH_SKEWNESS && c->column.converter.kind == CS_NUMERIC)
		Say(words, "skewed to the left: use transform yeo-johnson");
	else if ((double) o->iqr_outliers > MANY_OUTLIERS * (double) c->n && o->quartile[0] < o->quartile[2])
		Say(words, "many outliers: use clip, or scale robust");
}

/* What the values of a column tell of its use. */
static CsColumnFacts
FactsOf(const CsLookColumn *c, const CsColumnOrder *o)
{
	CsColumnFacts facts;

	CsColumnFactsInit(&facts, &c->column);
	facts.n = c->n;
	facts.n_null = c->n_null;
	facts.n_infinite = c->n_infinite;
	facts.n_distinct = o->distinct;
	facts.whole = c->whole;
	facts.range = o->range;
	facts.few = o->few;
	facts.low = o->low;
	facts.high = o->high;
	facts.packed_dates &= o->packed_dates;
	if (c->levels == NULL)
		return facts;
	facts.n_distinct = c->levels->uncounted[0] > 0 ? -1 : c->levels->nlevels;
	for (int i = 0; i < c->levels->nlevels; i++)
		CsColumnFactsLevel(&facts, CsDictionaryLevel(c->levels->dictionary, i), *CsLevelRows(c->levels, i));
	return facts;
}

/* What is found of one column. */
typedef struct Description
{
	CsValue		row[D_COLUMNS];
	CsColumnOrder		order;
	CsColumnFacts facts;
	char	   *segments;		/* why it is known to hold segments, or NULL */
} Description;

/* What to do with a column, in words; palloc'd. */
static char *
Advise(const CsLook *look, const CsLookColumn *c, Description *d)
{
	StringInfoData words;
	double		null_share = (double) c->n_null / (double) Max(look->nrows, 1);
	const char *why;

	initStringInfo(&words);
	if (look->nrows == 0)
		return pstrdup("there are no rows");
	if (c->column.vector != NULL && c->column.element == 0)
		return pstrdup("a vector, whose elements can be features: name the column to see them");
	if (c->column.converter.kind == CS_UNUSABLE)
		return psprintf("a column of type %s cannot be a feature: compute a number or a text from it",
						format_type_be(c->column.type));
	if (c->n + c->n_infinite == 0)
		return pstrdup("no value in any row: leave the column out");
	why = CsWhyUnsuitable(&d->facts);
	if (why == NULL)
		why = d->segments;
	if (why != NULL)
		return psprintf("training leaves the column out unless it is named: %s", why);
	why = CsReconsider(&d->facts);
	if (why != NULL)
		Say(&words, why);
	why = CsStandsForMissing(&d->facts);
	if (why != NULL)
		Say(&words, psprintf("%s: use nullif", why));
	if (c->column.converter.kind != CS_CATEGORICAL)
		AdviseNumber(&words, c, &d->order);
	if (null_share > SOME_EMPTY)
		Say(&words, c->column.converter.kind == CS_CATEGORICAL ? "training makes NULL a level of its own" :
			"training replaces NULL by the median: check that this is what NULL means");
	return words.len > 0 ? words.data : pstrdup("fine as it is");
}

/* The advice on a column; of times, whose numbers are days, what the first and the last are; palloc'd. */
static char *
Suggest(const CsLook *look, const CsLookColumn *c, Description *d)
{
	Oid			type = c->column.converter.type;
	char	   *advice = Advise(look, c, d);

	if (c->n == 0 || (type != DATEOID && type != TIMESTAMPOID && type != TIMESTAMPTZOID))
		return advice;
	return psprintf("%s; from %s to %s, told in days since 1970-01-01", advice,
					CsTimeWords(d->order.minimum), CsTimeWords(d->order.maximum));
}

/* A number as a column; what is not defined is NULL. */
static CsValue
Finite(double value)
{
	return CsValueFloat8(isfinite(value) ? value : NAN);
}

/* Do doubles not tell the values apart?  Those of a numeric do unless the values are close to each other. */
static bool
LosesDigits(const CsLookColumn *c, const CsColumnOrder *o)
{
	return c->is_rounded && (c->column.converter.type == INT8OID ||
							 o->range <= CLOSE * Max(fabs(o->minimum), fabs(o->maximum)));
}

/*
 * Read a column once more, as its type has it: the values less their minimum, which doubles do tell apart,
 * and their ranks.  What is told of differences goes to the column and to "o" in place of what rounded values
 * gave.
 */
static void
DescribeExactly(const CsLook *look, CsLookColumn *c, const CsDescribeOptions *options, CsColumnOrder *o)
{
	const CsRelation *rel = look->relation;
	CsLook	   *exact = CsLookOpen(CsRelationOpenStored(psprintf(
			"SELECT (d.value OPERATOR(pg_catalog.-) pg_catalog.min(d.value) OVER ())::pg_catalog.float8 AS value,"
			" pg_catalog.dense_rank() OVER (ORDER BY d.value) AS rank"
			" FROM (SELECT source.%s::pg_catalog.numeric AS value FROM %s%s) AS d"
			" WHERE d.value OPERATOR(pg_catalog.>) '-Infinity'::pg_catalog.numeric"
			" AND d.value OPERATOR(pg_catalog.<) 'Infinity'::pg_catalog.numeric",
			quote_identifier(NameStr(c->column.name)), rel->from_item,
			OidIsValid(rel->relid) ? " AS source" : ""), rel->search_path, rel->reader), NULL, true);
	double	   *scratch;
	CsColumnOrder		order[2] = {{{0}}};

	CsLookRead(exact);
	scratch = CsLookScratch(exact);
	for (int i = 0; i < 2; i++)
	{
		CsLookSort(&exact->columns[i], scratch);
		FillQuartiles(&exact->columns[i], &order[i]);
	}
	CountOutliers(&exact->columns[0], options, &order[0]);
	o->range = order[0].range;
	o->distinct = (int64) order[1].maximum;
	o->iqr_outliers = order[0].iqr_outliers;
	o->z_outliers = order[0].z_outliers;
	c->moments = exact->columns[0].moments;
	c->whole &= exact->columns[0].whole;
	CsLookEnd(exact);
}

/* What the values of a number tell, which are sorted; OUT *order, all zero where there are none. */
void
CsOrderOfColumn(CsLookColumn *c, const CsDescribeOptions *options, CsColumnOrder *order)
{
	memset(order, 0, sizeof(*order));
	if (c->n == 0)
		return;
	FillQuartiles(c, order);
	CountOutliers(c, options, order);
}

/* Fill in what numbers have. */
static void
PutNumber(const CsLook *look, CsLookColumn *c, const CsDescribeOptions *options, CsColumnOrder *o, CsValue *row)
{
	double		jarque_bera,
				p;

	if (c->n == 0)
		return;
	row[D_MEAN] = Finite(CsMomentsMean(&c->moments));
	if (LosesDigits(c, o))
		DescribeExactly(look, c, options, o);
	jarque_bera = CsJarqueBera(&c->moments, &p);
	row[D_SD] = Finite(CsMomentsDeviation(&c->moments, 1));
	row[D_MIN] = Finite(o->minimum);
	for (int q = 0; q < 3; q++)
		row[D_Q1 + q] = Finite(o->quartile[q]);
	row[D_MAX] = Finite(o->maximum);
	row[D_SKEWNESS] = Finite(CsMomentsSkewness(&c->moments));
	row[D_KURTOSIS] = Finite(CsMomentsKurtosis(&c->moments));
	row[D_JB] = Finite(jarque_bera);
	row[D_JB_P] = Finite(p);
	row[D_DISTINCT] = CsValueInt8(o->distinct);
	row[D_IQR_OUTLIERS] = CsValueInt8(o->iqr_outliers);
	row[D_Z_OUTLIERS] = CsValueInt8(o->z_outliers);
}

/* Describe one column, but for what to do with it; what its order tells is there. */
static void
DescribeColumn(const CsLook *look, CsLookColumn *c, const CsDescribeOptions *options, Description *d)
{
	CsValue    *row = d->row;
	CsKind		kind = c->column.converter.kind;

	if (kind == CS_CATEGORICAL)
	{
		if (c->levels->uncounted[0] == 0)
			row[D_DISTINCT] = CsValueInt8(c->levels->nlevels);
		row[D_TOP] = TopLevels(c);
	}
	else if (kind != CS_UNUSABLE)
		PutNumber(look, c, options, &d->order, row);
	row[D_COLUMN] = CsValueText(NameStr(c->column.name));
	row[D_TYPE] = CsValueText(format_type_with_typemod(c->column.type, c->column.typmod));
	row[D_KIND] = CsValueText(CsKindName(kind));
	row[D_N] = CsValueInt8(c->n);
	row[D_N_NULL] = CsValueInt8(c->n_null);
	row[D_NULL_SHARE] = Finite(look->nrows == 0 ? NAN : (double) c->n_null / (double) look->nrows);
	row[D_N_INFINITE] = CsValueInt8(c->n_infinite);
	d->facts = FactsOf(c, &d->order);
}

/* Find the columns that hold segments, among those that training would take. */
static void
FindSegments(const CsLook *look, Description *described)
{
	const CsColumn **columns = palloc(sizeof(CsColumn *) * look->ncolumns);
	const CsColumnFacts **facts = palloc0(sizeof(CsColumnFacts *) * look->ncolumns);
	char	  **reasons;

	for (int i = 0; i < look->ncolumns; i++)
	{
		columns[i] = &look->columns[i].column;
		if (look->columns[i].n > 0 && CsWhyUnsuitable(&described[i].facts) == NULL)
			facts[i] = &described[i].facts;
	}
	reasons = CsSegmentColumnReasons(look->relation, columns, facts, look->ncolumns);
	for (int i = 0; i < look->ncolumns; i++)
		described[i].segments = reasons[i];
}

/* Fill in what is noted of the columns of the relation that is read; of those of a query nothing is. */
static void
PutNotes(const CsLook *look, Description *described)
{
	List	   *notes = CsNotesOfRelation(look->relation->relid);
	ListCell   *cell;

	foreach(cell, notes)
	{
		const CsColumnNote *note = lfirst(cell);

		for (int i = 0; i < look->ncolumns; i++)
		{
			if (strcmp(NameStr(look->columns[i].column.name), note->column) != 0)
				continue;
			described[i].row[D_MEANING] = CsValueText(note->meaning);
			described[i].row[D_UNIT] = CsValueText(note->unit);
		}
	}
}

/* The rows of describe() in the making. */
struct CsDescribing
{
	CsResult   *result;
	CsLook	   *look;
	CsDescribeOptions options;
	Description *described;
};

/* Begin the rows of describe(), of columns that have been read, by the usual options. */
CsDescribing *
CsDescribeBegin(CsResult *result, CsLook *look)
{
	CsDescribing *d = palloc(sizeof(CsDescribing));

	d->result = result;
	d->look = look;
	CsOptionsParse(describe_options, lengthof(describe_options), NULL, &d->options);
	d->described = palloc0(sizeof(Description) * Max(look->ncolumns, 1));
	return d;
}

/* Which values are outliers. */
const CsDescribeOptions *
CsDescribeOptionsOf(const CsDescribing *d)
{
	return &d->options;
}

/*
 * Describe a column.  What the order of its numbers tells is given, or NULL: then they end up sorted, and the scratch is
 * CsLookScratch().
 */
void
CsDescribeColumn(CsDescribing *d, int column, double *scratch, const CsColumnOrder *order)
{
	CsLookColumn *c = &d->look->columns[column];
	Description *described = &d->described[column];

	CsResultNulls(d->result, described->row);
	if (order != NULL)
		described->order = *order;
	else if (CsLookIsNumber(&c->column))
	{
		CsLookSort(c, scratch);
		CsOrderOfColumn(c, &d->options, &described->order);
	}
	DescribeColumn(d->look, c, &d->options, described);
}

/* Put the rows when all columns have been described; the result. */
CsResult *
CsDescribeEnd(CsDescribing *d)
{
	FindSegments(d->look, d->described);
	PutNotes(d->look, d->described);
	for (int i = 0; i < d->look->ncolumns; i++)
	{
		d->described[i].row[D_SUGGESTION] = CsValueText(Suggest(d->look, &d->look->columns[i], &d->described[i]));
		CsResultPut(d->result, d->described[i].row, D_COLUMNS);
	}
	return d->result;
}

/* describe(source, columns, options) */
Datum
custseg_describe(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsDescribeOptions options = {0};
	CsDescribing *d;
	CsLook	   *look;
	const CsColumnOrder *orders;
	double	   *scratch = NULL;

	CsOptionsArgument(fcinfo, LOOK_OPTIONS, describe_options, lengthof(describe_options), &options);
	look = CsLookOpen(CsRelationOpen(CsRequiredText(fcinfo, LOOK_SOURCE, "source")),
					  CsArrayArgument(fcinfo, LOOK_COLUMNS), false);
	orders = CsLookByPasses(look, &options);
	if (orders == NULL)
	{
		CsLookRead(look);
		scratch = CsLookScratch(look);
	}
	d = CsDescribeBegin(result, look);
	d->options = options;
	for (int i = 0; i < look->ncolumns; i++)
		CsDescribeColumn(d, i, scratch, orders == NULL ? NULL : &orders[i]);
	(void) CsDescribeEnd(d);
	CsLookEnd(look);
	return (Datum) 0;
}
