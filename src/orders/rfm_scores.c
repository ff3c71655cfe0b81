/*
 * rfm_scores.c
 *	  Scores of customers whose recency, frequency and monetary value are columns already: rfm_scores().
 *
 * A recency is a number of days, or the time of the last purchase, from which days are counted as rfm()
 * counts them.  All else is scores.c, as for rfm().
 */
#include "custseg.h"

#include <math.h>

#include "call/text_value.h"
#include "catalog/pg_type.h"
#include "data/identity.h"
#include "orders/orders.h"
#include "orders/scores.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

typedef struct ScoresOptions
{
	char	   *id;
	char	   *as_of;
	char	   *time_zone;
	Jsonb	   *segments;
	CsRfmScoring scoring;
} ScoresOptions;

static const CsOption scoresOptions[] = {
	{"id", CS_OPTION_TEXT, offsetof(ScoresOptions, id)},
	{"as_of", CS_OPTION_TEXT, offsetof(ScoresOptions, as_of)},
	{"time_zone", CS_OPTION_TEXT, offsetof(ScoresOptions, time_zone)},
	{"segments", CS_OPTION_LIST, offsetof(ScoresOptions, segments)},
	CS_RFM_SCORING_OPTIONS(ScoresOptions, scoring)
};

/* The table that is read. */
typedef struct Customers
{
	CsRfmScores scores;
	CsColumnSet columns;
	const CsColumn *recency;
	int			measure[CS_RFM_MEASURES];	/* positions among the columns */
	CsIdentity *identity;		/* NULL: nothing tells customers */
	int			id[INDEX_MAX_KEYS];
	bool		is_time;		/* recency is a time */
	Timestamp	as_of;			/* CS_NO_TIME: that of the latest customer */
	Timestamp	latest;
	int64		n;				/* rows read */
	int64		unknown[CS_RFM_MEASURES];	/* left out for the first of these */
	int64		later;
} Customers;

PG_FUNCTION_INFO_V1(custseg_rfm_scores);

/* The recency of a row; false when it has none, or not yet: that is counted. */
static bool
ReadRecency(Customers *c, Datum value, bool isnull, double *recency)
{
	const CsConverter *converter = &c->recency->converter;
	Timestamp	at = CS_NO_TIME;

	if (!isnull && !c->is_time)
		*recency = converter->to_double(converter, value);
	if (isnull || (c->is_time ? !CsOrdersReadTime(c->recency, value, &at) : !isfinite(*recency)))
	{
		c->unknown[0]++;
		return false;
	}
	if (c->is_time && at > c->as_of)
	{
		c->later++;
		return false;
	}
	if (c->is_time)
		*recency = CsRfmTimeAsMeasure(at);
	return true;
}

/* CsRowSink: one customer. */
static void
TakeCustomer(void *state, const Datum *row, const bool *nulls)
{
	Customers  *c = state;
	double		measures[CS_RFM_MEASURES];
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	char	   *id = NULL;
	Datum		kept = (Datum) 0;
	bool		kept_null;
	Timestamp	at;

	c->n++;
	if (!ReadRecency(c, row[c->measure[0]], nulls[c->measure[0]], &measures[0]))
		return;
	for (int m = 1; m < CS_RFM_MEASURES; m++)
	{
		const CsConverter *converter = &c->columns.columns[c->measure[m]].converter;

		measures[m] = nulls[c->measure[m]] ? NAN : converter->to_double(converter, row[c->measure[m]]);
		if (isfinite(measures[m]))
			continue;
		c->unknown[m]++;
		return;
	}
	for (int i = 0; c->identity != NULL && i < c->identity->nparts; i++)
	{
		values[i] = row[c->id[i]];
		isnull[i] = nulls[c->id[i]];
	}
	if (c->identity != NULL)
		id = CsIdentityText(c->identity, values, isnull);
	kept_null = id == NULL;
	if (id != NULL)
		kept = CStringGetTextDatum(id);
	if (c->is_time)
	{
		memcpy(&at, &measures[0], sizeof(at));
		c->latest = Max(c->latest, at);
	}
	CsRfmScoresAdd(&c->scores, measures, &kept, &kept_null);
}

/* The arguments. */
enum
{
	ARG_SOURCE, ARG_RECENCY, ARG_FREQUENCY, ARG_MONETARY, ARG_OPTIONS
};

/* What tells customers: as named, or a primary key, or nothing. */
static void
ResolveId(Customers *c, const CsRelation *rel, const char *name)
{
	List	   *columns;
	ListCell   *cell;

	if (name == NULL)
		name = CsRelationDefaultId(rel);
	if (name == NULL)
		return;
	columns = CsRelationIdColumns(rel, name, false);
	c->identity = CsIdentityOfColumns(columns);
	foreach(cell, columns)
		c->id[foreach_current_index(cell)] = CsColumnSetAdd(&c->columns, lfirst(cell));
}

/* "as of" applies to times, and counts as their column does. */
static void
ResolveAsOf(Customers *c, const ScoresOptions *options)
{
	c->as_of = CS_NO_TIME;
	c->latest = DT_NOBEGIN;
	if (options->as_of == NULL)
		return;
	if (!c->is_time)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"as_of\" applies to a recency that is a date or a timestamp"),
				 errdetail("The values of column \"%s\" are days already.",
						   NameStr(c->recency->name)),
				 errhint("Leave it out, or name the column of the last purchase as recency.")));
	c->as_of = CsOrdersAsOf(c->recency, CsOrdersZone(options->time_zone),
							CsTimeOption("as_of", options->as_of));
}

/* Resolve the columns. */
static void
ResolveColumns(FunctionCallInfo fcinfo, Customers *c, const CsRelation *rel)
{
	for (int m = 0; m < CS_RFM_MEASURES; m++)
	{
		int			kinds = CS_KIND_BIT(CS_NUMERIC) | (m == 0 ? CS_KIND_BIT(CS_TIME) : 0);
		const CsColumn *column = CsColumnOfRole(rel, CsTextArgument(fcinfo, ARG_RECENCY + m),
												CsRfmMeasureNames[m], kinds);

		if (m == 0)
			c->recency = column;
		c->measure[m] = CsColumnSetAdd(&c->columns, column);
	}
	c->is_time = c->recency->converter.kind == CS_TIME && c->recency->converter.type != INTERVALOID;
}

/* CsRfmRowMaker: what rfm_scores() has before the scores. */
static int
MakeRow(void *state, const Datum *kept, const bool *nulls, int64 i, CsValue *row)
{
	const Customers *c = state;

	row[0] = CsValueOf(TEXTOID, kept[0], nulls[0]);
	for (int m = 0; m < CS_RFM_MEASURES; m++)
		row[1 + m] = CsValueFloat8(c->scores.measure[m][i]);
	return 1 + CS_RFM_MEASURES;
}

/* Report the rows that were left out. */
static void
ReportRows(const Customers *c)
{
	CsLeftOut	left_out[] = {
		{c->unknown[0], "without a finite recency"},
		{c->later, "later than \"as_of\""},
		{c->unknown[1], "without a finite frequency"},
		{c->unknown[2], "without a finite monetary value"}
	};

	CsReportLeftOut("rows", left_out, lengthof(left_out), c->n);
}

/* rfm_scores(source, recency, frequency, monetary, options): one row for each customer */
Datum
custseg_rfm_scores(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsRelation *rel = CsRelationOpen(CsRequiredText(fcinfo, ARG_SOURCE, "source"));
	ScoresOptions options = {0};
	Customers	c = {{{0}}};
	TupleDesc	desc = CreateTemplateTupleDesc(1);

	CsOptionsArgument(fcinfo, ARG_OPTIONS, scoresOptions, lengthof(scoresOptions), &options);
	CsRfmScoresInit(&c.scores, &options.scoring);
	ResolveColumns(fcinfo, &c, rel);
	ResolveId(&c, rel, options.id);
	ResolveAsOf(&c, &options);
	TupleDescInitEntry(desc, 1, "customer", TEXTOID, -1, 0);
	CsRfmScoresKeep(&c.scores, desc, options.segments);
	(void) CsRelationRead(rel, c.columns.columns, c.columns.ncolumns, TakeCustomer, &c);
	ReportRows(&c);
	if (c.is_time)
		CsRfmScoresAge(&c.scores, c.as_of == CS_NO_TIME ? c.latest : c.as_of);
	CsRfmScoresCut(&c.scores, false);
	CsRfmScoresPut(&c.scores, result, MakeRow, &c);
	return (Datum) 0;
}
