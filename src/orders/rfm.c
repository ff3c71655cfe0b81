/*
 * rfm.c
 *	  Recency, frequency and monetary value of customers, from lines of orders: rfm(),
 *	  rfm_thresholds(), rfm_segments().
 *
 * Customers come in order from lines.c, one at a time; scores.c keeps them and scores them when all are
 * there.
 */
#include "custseg.h"

#include <math.h>

#include "orders/orders.h"
#include "orders/scores.h"
#include "utils/builtins.h"

typedef struct RfmOptions
{
	char	   *order;
	bool		same_day;
	int			returns;
	char	   *time_zone;
	CsRfmScoring scoring;
} RfmOptions;

static const CsOption rfmOptions[] = {
	{"order", CS_OPTION_TEXT, offsetof(RfmOptions, order)},
	{"same_day", CS_OPTION_BOOL, offsetof(RfmOptions, same_day), 0},
	{"returns", CS_OPTION_CHOICE, offsetof(RfmOptions, returns), CS_RETURNS_NET, 0, 0, CsReturnsNames},
	{"time_zone", CS_OPTION_TEXT, offsetof(RfmOptions, time_zone)},
	CS_RFM_SCORING_OPTIONS(RfmOptions, scoring)
};

/* Columns of the rows that wait for their scores. */
enum
{
	KEPT_CUSTOMER, KEPT_FIRST, KEPT_LAST, KEPT_ORDERS, KEPT_GAP_MEAN, KEPT_GAP_VARIATION, KEPT_COLUMNS
};

/* Days of which the points in time are kept. */
#define DAYS_KEPT 1024

/* A time of the time column, and the point in time that it is. */
typedef struct Instant
{
	bool		known;
	Timestamp	at;
	TimestampTz instant;
} Instant;

typedef struct Rfm
{
	CsLinesRequest request;
	CsRfmScores scores;
	Timestamp	as_of;			/* known when all lines are read */
	Instant	   *instants;		/* the last of each day of DAYS_KEPT */
} Rfm;

PG_FUNCTION_INFO_V1(custseg_rfm);
PG_FUNCTION_INFO_V1(custseg_rfm_thresholds);
PG_FUNCTION_INFO_V1(custseg_rfm_segments);

/* CsBuyerVisitor: keep a customer. */
static void
KeepBuyer(void *state, const CsBuyer *buyer)
{
	Rfm		   *r = state;
	double		measures[CS_RFM_MEASURES] = {
		CsRfmTimeAsMeasure(buyer->last), (double) buyer->norders, buyer->monetary
	};
	Datum		values[KEPT_COLUMNS] = {0};
	bool		nulls[KEPT_COLUMNS] = {false};

	if (r->scores.kept != NULL)
		values[KEPT_CUSTOMER] = CStringGetTextDatum(buyer->customer);
	values[KEPT_FIRST] = TimestampGetDatum(buyer->first);
	values[KEPT_LAST] = TimestampGetDatum(buyer->last);
	values[KEPT_ORDERS] = Int64GetDatum(buyer->norders);
	values[KEPT_GAP_MEAN] = Float8GetDatum(buyer->gap_mean);
	values[KEPT_GAP_VARIATION] = Float8GetDatum(buyer->gap_variation);
	CsRfmScoresAdd(&r->scores, measures, values, nulls);
}

/* The row type of customers that wait. */
static TupleDesc
KeptDesc(void)
{
	TupleDesc	desc = CreateTemplateTupleDesc(KEPT_COLUMNS);

	TupleDescInitEntry(desc, KEPT_CUSTOMER + 1, "customer", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, KEPT_FIRST + 1, "first", TIMESTAMPOID, -1, 0);
	TupleDescInitEntry(desc, KEPT_LAST + 1, "last", TIMESTAMPOID, -1, 0);
	TupleDescInitEntry(desc, KEPT_ORDERS + 1, "orders", INT8OID, -1, 0);
	for (int i = KEPT_GAP_MEAN; i < KEPT_COLUMNS; i++)
		TupleDescInitEntry(desc, (AttrNumber) (i + 1), "number", FLOAT8OID, -1, 0);
	return desc;
}

/* The arguments of rfm() and rfm_thresholds(), and the last ones of each. */
enum
{
	ARG_SOURCE, ARG_CUSTOMER, ARG_TIME, ARG_AMOUNT, ARG_AS_OF
};

enum
{
	RFM_SEGMENTS = ARG_AS_OF + 1, RFM_OPTIONS
};

enum
{
	THRESHOLDS_OPTIONS = ARG_AS_OF + 1
};

/* The arguments of rfm_segments(). */
enum
{
	SEGMENTS_SEGMENTS, SEGMENTS_BINS
};

/* Resolve the arguments that both have, and that of the options by its number. */
static void
OpenRfm(FunctionCallInfo fcinfo, int options_argument, Rfm *r)
{
	RfmOptions	options = {0};
	CsLinesRequest *request = &r->request;
	CsRelation *rel = CsRelationOpen(CsRequiredText(fcinfo, ARG_SOURCE, "source"));
	int			keys = CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL) |
		CS_KIND_BIT(CS_BOOLEAN) | CS_KIND_BIT(CS_TIME) | CS_KIND_BIT(CS_UNUSABLE);

	CsOptionsArgument(fcinfo, options_argument, rfmOptions, lengthof(rfmOptions), &options);
	CsRfmScoresInit(&r->scores, &options.scoring);
	request->relation = rel;
	request->customer = CsKeyOfRole(rel, CsTextArgument(fcinfo, ARG_CUSTOMER), "customer");
	request->time = CsOrdersTimeColumn(rel, CsTextArgument(fcinfo, ARG_TIME));
	request->amount = CsColumnOfRole(rel, CsTextArgument(fcinfo, ARG_AMOUNT), "amount",
									 CS_KIND_BIT(CS_NUMERIC));
	if (options.order != NULL)
		request->order = CsColumnOfRole(rel, options.order, "order", keys);
	request->same_day = options.same_day;
	request->returns = options.returns;
	request->zone = CsOrdersZone(options.time_zone);
	request->as_of = PG_ARGISNULL(ARG_AS_OF) ? CS_NO_TIME :
		CsOrdersAsOf(request->time, request->zone, PG_GETARG_TIMESTAMPTZ(ARG_AS_OF));
}

/* Read all customers, and cut their measures. */
static void
ReadRfm(Rfm *r)
{
	CsLinesCounts counts = CsLinesRead(&r->request, KeepBuyer, r);

	CsLinesReport(&counts);
	r->as_of = r->request.as_of == CS_NO_TIME ? counts.latest : r->request.as_of;
	CsRfmScoresAge(&r->scores, r->as_of);
	CsRfmScoresCut(&r->scores, true);
}

/* A time of the time column as a column.  Of many customers times are the same days, and a time zone takes long. */
static CsValue
TimeValue(const Rfm *r, Timestamp at)
{
	Instant    *kept = &r->instants[(uint64) at / USECS_PER_DAY % DAYS_KEPT];

	if (!kept->known || kept->at != at)
		*kept = (Instant) {true, at, CsOrdersTimestamp(r->request.time, r->request.zone, at)};
	return CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(kept->instant), false);
}

/* CsRfmRowMaker: what rfm() has before the scores. */
static int
MakeRow(void *state, const Datum *kept, const bool *nulls, int64 i, CsValue *row)
{
	const Rfm  *r = state;
	double	  *const *measure = r->scores.measure;
	Timestamp	first = DatumGetTimestamp(kept[KEPT_FIRST]);
	int			n = 0;

	row[n++] = CsValueOf(TEXTOID, kept[KEPT_CUSTOMER], false);
	row[n++] = TimeValue(r, first);
	row[n++] = TimeValue(r, DatumGetTimestamp(kept[KEPT_LAST]));
	row[n++] = CsValueFloat8(measure[0][i]);
	row[n++] = CsValueFloat8(CsDaysBetween(first, r->as_of));
	row[n++] = CsValueInt8(DatumGetInt64(kept[KEPT_ORDERS]));
	row[n++] = CsValueFloat8(measure[2][i]);
	row[n++] = CsValueFloat8(measure[2][i] / measure[1][i]);
	row[n++] = CsValueFloat8(DatumGetFloat8(kept[KEPT_GAP_MEAN]));
	row[n++] = CsValueFloat8(DatumGetFloat8(kept[KEPT_GAP_VARIATION]));
	return n;
}

/* rfm(source, customer, time, amount, as_of, segments, options): one row for each customer */
Datum
custseg_rfm(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Rfm			r = {{0}};

	OpenRfm(fcinfo, RFM_OPTIONS, &r);
	CsRfmScoresKeep(&r.scores, KeptDesc(), CsJsonbArgument(fcinfo, RFM_SEGMENTS));
	ReadRfm(&r);
	r.instants = palloc0(sizeof(Instant) * DAYS_KEPT);
	CsRfmScoresPut(&r.scores, result, MakeRow, &r);
	return (Datum) 0;
}

/*
 * rfm_thresholds(source, customer, time, amount, as_of, options): one row for each measure and
 * score
 */
Datum
custseg_rfm_thresholds(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Rfm			r = {{0}};

	OpenRfm(fcinfo, THRESHOLDS_OPTIONS, &r);
	ReadRfm(&r);
	if (r.scores.n == 0)
		return (Datum) 0;
	for (int m = 0; m < CS_RFM_MEASURES; m++)
	{
		const CsRfmCuts *cuts = &r.scores.cuts[m];

		for (int score = 1; score <= cuts->bins; score++)
		{
			int			bin = cuts->reversed ? cuts->bins - score : score - 1;

			CsResultPut(result,
						CsValues(CsValueText(CsRfmMeasureNames[m]), CsValueInt4(score),
								 CsValueFloat8(bin > 0 ? cuts->cut[bin - 1] : NAN),
								 CsValueFloat8(bin < cuts->bins - 1 ? cuts->cut[bin] : NAN),
								 CsValueInt8(r.scores.counts[m][score - 1])));
		}
	}
	return (Datum) 0;
}

/* rfm_segments(segments, bins): a row an entry, and one for what no entry fits */
Datum
custseg_rfm_segments(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	int			bins = CsIntArgument(fcinfo, SEGMENTS_BINS, 5);
	CsRfmTable *table;

	if (bins < 2 || bins > CS_RFM_MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bins must be between 2 and %d, not %d", CS_RFM_MAX_BINS, bins)));
	table = CsRfmTableRead(CsJsonbArgument(fcinfo, SEGMENTS_SEGMENTS), bins);
	for (int i = 0; i < table->n + (table->unnamed > 0); i++)
	{
		const CsRfmSegment *segment = &table->segment[i];
		CsValue		row[10];

		CsResultNulls(result, row);
		if (i < table->n)
		{
			row[0] = CsValueInt4(i + 1);
			row[1] = CsValueText(segment->name);
			for (int m = 0; m < CS_RFM_MEASURES; m++)
			{
				row[2 + 2 * m] = CsValueInt4(segment->low[m]);
				row[3 + 2 * m] = CsValueInt4(segment->high[m]);
			}
			row[9] = CsValueInt4(segment->loses);
		}
		row[8] = CsValueInt4(i < table->n ? segment->wins : table->unnamed);
		CsResultPut(result, row, lengthof(row));
	}
	return (Datum) 0;
}
