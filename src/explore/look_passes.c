/*
 * look_passes.c
 *	  A source whose rows are on other servers, looked at by passes: what describe() tells of its columns.
 *
 *	 survey			rows, NULLs, infinite values, ranges
 *	 moments		means, about which the next pass is exact
 *	 powers			moments up to the fourth, and fractions
 *	 orders			values at quartiles and at both ends, and ranks of the limits of outliers, by as many passes as it takes
 *	 levels			a GROUP BY for each category
 *	 values			likewise for each number; where there are very many, of those values whose hash is a multiple of 2^bits
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "call/call.h"
#include "dist/dist.h"
#include "explore/explore.h"
#include "prep/powers_pass.h"
#include "utils/builtins.h"

/* Bytes that one of the different values of a number takes while they are counted. */
#define VALUE_BYTES 256

/* A look in the making. */
typedef struct Passes
{
	CsLook	   *look;
	const CsDescribeOptions *options;
	CsStudy    *study;
	CsColumnOrder *orders;
} Passes;

/* The order of a column of the look, NULL where it is no number or has no value. */
static CsOrder *
OrderOf(const Passes *o, int column)
{
	return CsLookIsNumber(&o->look->columns[column].column) && o->study->column[column].order->n > 0 ?
		o->study->column[column].order : NULL;
}

/*
 * Study the columns of a look, which the study has in the same order, by a pass; palloc'd.  NULL where the rows are not on
 * other servers that can add them up, or where elements of vectors are looked at: then nothing has been read.
 */
CsStudy *
CsLookStudy(CsLook *look)
{
	const CsPieces *pieces = CsPiecesElsewhere(look->relation);
	CsStudy    *study;
	CsColumn   *columns;

	if (pieces == NULL)
		return NULL;
	for (int i = 0; i < look->ncolumns; i++)
		if (look->columns[i].column.element > 0)
			return NULL;
	columns = palloc_extended(sizeof(CsColumn) * Max(look->ncolumns, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < look->ncolumns; i++)
		columns[i] = look->columns[i].column;
	study = CsStudyOpen(pieces, columns, look->ncolumns, palloc0(sizeof(bool) * Max(look->ncolumns, 1)));
	look->nrows = study->nrows;
	for (int i = 0; i < look->ncolumns; i++)
	{
		CsLookColumn *c = &look->columns[i];
		const CsStudyColumn *s = &study->column[i];

		c->n_null = s->n_null;
		c->n_infinite = s->n_infinite;
		c->n = s->n - s->n_null - s->n_infinite;
	}
	return study;
}

/* Find the moments of all numbers of a look, and which of them are whole, by two passes. */
void
CsLookMomentsByPasses(CsLook *look, CsStudy *study)
{
	const Passes o = {.look = look,.study = study};
	int			n = study->read.nnumbers;
	double	   *middle = palloc0(sizeof(double) * Max(n, 1));
	double	   *reach = palloc(sizeof(double) * Max(n, 1));
	CsMoments  *moments = palloc0(sizeof(CsMoments) * Max(n, 1));
	int64	   *n_fractions = palloc0(sizeof(int64) * Max(n, 1));
	JsonbParseState *json = NULL;
	CsTallyRun	run;

	CsStudyMoments(study);
	for (int i = 0; i < n; i++)
		reach[i] = -1;
	for (int i = 0; i < look->ncolumns; i++)
	{
		const CsStudyColumn *s = &study->column[i];

		if (OrderOf(&o, i) == NULL)
			continue;
		middle[s->at] = Max(Min(s->moments.mean, s->highest), s->lowest);
		reach[s->at] = Min(Max(s->highest - middle[s->at], middle[s->at] - s->lowest), DBL_MAX);
	}
	CsStudyBegin(study, false, NULL, &json);
	CsPowersPlan(&json, CS_POWERS_MOST, n, middle, reach, study->nrows);
	run = CsStudyRun(study, &json);
	CsPowersRead(run.pass, &run.pass->parts[0], run.state, moments, n_fractions);
	for (int i = 0; i < look->ncolumns; i++)
	{
		CsLookColumn *c = &look->columns[i];

		if (OrderOf(&o, i) == NULL)
			continue;
		c->moments = moments[study->column[i].at];
		c->whole = n_fractions[study->column[i].at] == 0;
		if (c->moments.n != c->n)
			CsTallyCountsChanged();
	}
}

/* Ask how many values lie below one limit or above another; false where it is not known yet. */
static bool
AskBeyond(CsOrder *order, double low, double high, int64 *n)
{
	int64		below = 0,
				not_above = order->n;
	bool		is_known = true;

	if (isfinite(low))
		is_known &= CsOrderBelow(order, low, &below);
	if (isfinite(high))
		is_known &= CsOrderBelow(order, nextafter(high, INFINITY), &not_above);
	*n = below + order->n - not_above;
	return is_known;
}

/* Ask for the outermost value and the next at both ends; what is not known yet stays as it is. */
static void
AskEnds(CsOrder *order, CsColumnOrder *o)
{
	int64		n;

	if (CsOrderBelow(order, nextafter(o->minimum, INFINITY), &n))
	{
		o->low = (CsEnd) {o->minimum, NAN, n};
		if (n < order->n)
			(void) CsOrderAt(order, n, &o->low.next);
	}
	if (CsOrderBelow(order, o->maximum, &n))
	{
		o->high = (CsEnd) {o->maximum, NAN, order->n - n};
		if (n > 0)
			(void) CsOrderAt(order, n - 1, &o->high.next);
	}
}

/* Ask what the order of a number is to tell, and take what is known of it. */
static void
Ask(const Passes *o, int column)
{
	CsOrder    *order = OrderOf(o, column);
	const CsMoments *m = &o->look->columns[column].moments;
	CsColumnOrder *answer = &o->orders[column];
	double		low,
				high,
				far = o->options->z_limit * CsMomentsSpread(m, 1);
	bool		is_known = true;

	for (int q = 0; q < 3; q++)
		is_known &= CsOrderQuantile(order, (q + 1) / 4.0, &answer->quartile[q]);
	AskEnds(order, answer);
	(void) AskBeyond(order, ((m->mean - far) + m->rest) / m->scale, ((m->mean + far) + m->rest) / m->scale,
					 &answer->z_outliers);
	if (!is_known)
		return;
	CsTukeyFences(answer->quartile[0], answer->quartile[2], o->options->iqr_factor, &low, &high);
	(void) AskBeyond(order, low, high, &answer->iqr_outliers);
}

/* Learn what the orders of all numbers tell. */
static void
LearnOrders(const Passes *o)
{
	for (int i = 0; i < o->look->ncolumns; i++)
	{
		if (OrderOf(o, i) == NULL)
			continue;
		o->orders[i].minimum = o->study->column[i].lowest;
		o->orders[i].maximum = o->study->column[i].highest;
		o->orders[i].range = o->orders[i].maximum - o->orders[i].minimum;
	}
	do
	{
		for (int i = 0; i < o->look->ncolumns; i++)
			if (OrderOf(o, i) != NULL)
				Ask(o, i);
	} while (CsStudyAnswer(o->study));
}

/* Count the levels of a category; where there are too many, all rows are uncounted. */
static void
CountLevels(const Passes *o, CsLookColumn *c)
{
	int			n;
	CsValueCount *counts = CsPiecesCount(o->study->pieces, CsTallyExpression(&c->column), NULL, CS_MAX_DICTIONARY,
										 CS_MAX_DICTIONARY_BYTES, &n);

	if (n > CS_MAX_DICTIONARY)
	{
		c->levels->uncounted[0] = c->n;
		return;
	}
	for (int i = 0; i < n; i++)
		CsLevelCountsAddText(c->levels, counts[i].value, (int) strlen(counts[i].value), 0, counts[i].n);
}

/* How many different values of a number are counted one by one; of more, only a part is. */
static int
MostDistinct(void)
{
	return (int) Min(CS_MAX_DICTIONARY, CsMemoryLimit() / VALUE_BYTES);
}

/* A number's values that are finite and whose hash is a multiple of 2^bits, each with its rows. */
static CsValueCount *
CountValues(const Passes *o, const CsLookColumn *c, int bits, int *n)
{
	const char *value = CsTallyExpression(&c->column);
	StringInfoData condition;

	initStringInfo(&condition);
	appendStringInfo(&condition, "%s OPERATOR(pg_catalog.<) 'Infinity'::pg_catalog.float8 AND %s OPERATOR(pg_catalog.>) '-Infinity'::pg_catalog.float8",
					 value, value);
	if (bits > 0)
		appendStringInfo(&condition, " AND pg_catalog.hashfloat8extended(%s, 0) OPERATOR(pg_catalog.&) " INT64_FORMAT "::pg_catalog.int8 OPERATOR(pg_catalog.=) 0",
						 value, (INT64CONST(1) << bits) - 1);
	return CsPiecesCount(o->study->pieces, value, condition.data, MostDistinct(), SIZE_MAX, n);
}

/* Take all values of a number, of which there are n. */
static void
TakeValues(CsValueCount *counts, int n, CsColumnOrder *order)
{
	order->distinct = n;
	order->few.n = 0;
	order->packed_dates = n > 0;
	for (int i = 0; i < n; i++)
	{
		double		value = DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(counts[i].value)));

		order->packed_dates &= CsIsPackedDate(value);
		CsFewAdd(&order->few, value, counts[i].n);
	}
}

/* How many values there are, of a part of them: as many as rows where none of the part occurs twice. */
static int64
Extrapolate(const CsValueCount *counts, int n, int bits, int64 nrows)
{
	int64		rows = 0;

	for (int i = 0; i < n; i++)
		rows += counts[i].n;
	return rows == n ? nrows : Min((int64) n << bits, nrows);
}

/*
 * Count the different values of a number: all of them up to a limit, else those of a part of them, which is chosen by
 * their hash.
 */
static void
CountDistinct(const Passes *o, int column)
{
	const CsLookColumn *c = &o->look->columns[column];
	CsColumnOrder *order = &o->orders[column];
	int			most = MostDistinct(),
				bits = 0,
				n = 0;
	CsValueCount *counts;

	while (c->n >> bits > most / 2 && c->n > most)
		bits++;
	if (bits > 0)
	{
		counts = CountValues(o, c, bits, &n);
		order->distinct = Max(Extrapolate(counts, n, bits, c->n), most + 1);
		order->few.n = CS_FEW_VALUES + 1;
		if (n > most >> bits)
			return;
	}
	counts = CountValues(o, c, 0, &n);
	if (n <= most)
		TakeValues(counts, n, order);
}

/*
 * Look at the columns by passes, as describe() wants them; palloc'd, one a column.  NULL where the rows are not on
 * other servers that can add them up, or where elements of vectors are looked at: then nothing has been read.
 */
CsColumnOrder *
CsLookByPasses(CsLook *look, const CsDescribeOptions *options)
{
	Passes		o = {.look = look,.options = options,.study = CsLookStudy(look)};

	if (o.study == NULL)
		return NULL;
	o.orders = palloc_extended(sizeof(CsColumnOrder) * Max(look->ncolumns, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	CsLookMomentsByPasses(look, o.study);
	LearnOrders(&o);
	for (int i = 0; i < look->ncolumns; i++)
	{
		if (OrderOf(&o, i) != NULL)
			CountDistinct(&o, i);
		else if (look->columns[i].levels != NULL)
			CountLevels(&o, &look->columns[i]);
	}
	return o.orders;
}
