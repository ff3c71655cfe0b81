/*
 * query.c
 *	  What functions that stand for a query share: options in its text, and rows that are shown as they are.
 */
#include "custseg.h"

#include "call/call.h"
#include "call/text_value.h"
#include "orders/lines_sql.h"
#include "orders/orders.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* An option that is an interval, as SQL that says the same whatever the settings; an error unless it is above 0. */
const char *
CsSqlIntervalOption(const char *option, const char *text, const char *example, const char *hint)
{
	Interval   *interval = CsIntervalOption(option, text, example);
	bool		is_positive = interval->month >= 0 && interval->day >= 0 && interval->time >= 0 &&
		(interval->month > 0 || interval->day > 0 || interval->time > 0);

#ifdef INTERVAL_NOT_FINITE
	is_positive &= !INTERVAL_NOT_FINITE(interval);
#endif
	if (!is_positive)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be an interval above 0, not %s", option, text),
				 errhint("%s", hint)));
	return psprintf("interval '%d months %d days %lld microseconds'", interval->month, interval->day,
					(long long) interval->time);
}

/* The option "look_back" as SQL, so that there is a time so long before any "as of"; NULL where it is not given. */
const char *
CsSqlLookBack(const char *text)
{
	static const char *const hint = "Write \"1 year\" or \"90 days\", or leave it out to count all lines.";
	Interval	most = {.day = CS_MOST_WINDOW_DAYS};
	const char *sql;

	if (text == NULL)
		return NULL;
	sql = CsSqlIntervalOption("look_back", text, "90 days", hint);
	if (DatumGetInt32(DirectFunctionCall2(interval_cmp, IntervalPGetDatum(CsIntervalOption("look_back", text, "90 days")),
										  IntervalPGetDatum(&most))) > 0)
		CsRejectValue(psprintf("\"look_back\" must be at most %d days, not %s", CS_MOST_WINDOW_DAYS, text), hint);
	return sql;
}

/* CsRowSink: one more text. */
static void
TakeText(void *state, const Datum *values, const bool *nulls)
{
	List	  **texts = state;
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(*texts));

	*texts = lappend(*texts, TextDatumGetCString(values[0]));
	MemoryContextSwitchTo(old);
}

/* The texts that a query of one column over a source gives, palloc'd: a list of char *. */
List *
CsSqlTexts(const CsRelation *relation, const char *sql)
{
	CsRelation *rel = CsRelationQuery(relation, sql);
	List	   *texts = list_make1(NULL);	/* so that it has a context */

	(void) CsRelationRead(rel, rel->columns, rel->ncolumns, TakeText, &texts);
	return list_delete_first(texts);
}

/* CsRowSink: is "as_of" too early? */
static void
TakeTooEarly(void *state, const Datum *values, const bool *nulls)
{
	bool	   *too_early = state;

	*too_early = DatumGetBool(values[0]);
}

/* An error when the query says that all lines are after "as_of": there would be no customers. */
void
CsCheckAsOf(const CsRelation *relation, const char *sql)
{
	CsRelation *rel = CsRelationQuery(relation, sql);
	bool		too_early = false;

	(void) CsRelationRead(rel, rel->columns, rel->ncolumns, TakeTooEarly, &too_early);
	if (too_early)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"as_of\" is before the first line of %s", relation->description),
				 errhint("Give a later time, or leave it out.")));
}

/* Where the rows of a query go. */
typedef struct Copying
{
	CsResult   *result;
	const CsRelation *query;
	int			ncolumns;		/* of the result */
	int64	   *rest;			/* what the columns after those hold */
	CsValue    *row;
} Copying;

/* CsRowSink: a row of the query as it is. */
static void
PutRow(void *state, const Datum *values, const bool *nulls)
{
	Copying    *c = state;

	for (int i = 0; i < c->ncolumns; i++)
		c->row[i] = CsValueOf(c->query->columns[i].type, values[i], nulls[i]);
	for (int i = c->ncolumns; i < c->query->ncolumns; i++)
		c->rest[i - c->ncolumns] = DatumGetInt64(values[i]);
	CsResultPut(c->result, c->row, c->ncolumns);
}

/*
 * Put the rows of a query over a source into the result; after the columns of the result so many are bigint, the same in all rows,
 * and go to "rest".
 */
void
CsSqlCopy(const CsRelation *relation, const char *sql, CsResult *result, int64 *rest, int nrest)
{
	CsRelation *query = CsRelationQuery(relation, sql);
	Copying		c = {result, query, query->ncolumns - nrest, rest};

	c.row = palloc(sizeof(CsValue) * c.ncolumns);
	(void) CsRelationRead(query, query->columns, query->ncolumns, PutRow, &c);
}
