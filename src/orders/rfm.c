/*
 * rfm.c
 *	  Recency, frequency and monetary value of customers, from lines of orders: rfm(),
 *	  rfm_thresholds(), rfm_segments().
 *
 * Customers come in order from lines.c, one at a time; each becomes a row of a tuplestore, which may lie
 * on disk, and leaves three numbers in memory.  When all are there the numbers are cut into bins,
 * and a second pass over the tuplestore adds the scores.
 */
#include "custseg.h"

#include <math.h>

#include "algo/algo.h"
#include "call/call.h"
#include "math/math.h"
#include "miscadmin.h"
#include "orders/orders.h"
#include "orders/segments.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#define FIRST_CAPACITY 1024

typedef struct RfmOptions
{
	char	   *order;
	bool		same_day;
	int			returns;
	char	   *time_zone;
	int			bins;
	int			ties;
	Jsonb	   *thresholds;
} RfmOptions;

static const char *const tiesNames[] = {"below", "above", NULL};

static const CsOption rfmOptions[] = {
	{"order", CS_OPTION_TEXT, offsetof(RfmOptions, order)},
	{"same_day", CS_OPTION_BOOL, offsetof(RfmOptions, same_day), 0},
	{"returns", CS_OPTION_CHOICE, offsetof(RfmOptions, returns), CS_RETURNS_NET, 0, 0, CsReturnsNames},
	{"time_zone", CS_OPTION_TEXT, offsetof(RfmOptions, time_zone)},
	{"bins", CS_OPTION_INT, offsetof(RfmOptions, bins), 5, 2, CS_RFM_MAX_BINS},
	{"ties", CS_OPTION_CHOICE, offsetof(RfmOptions, ties), 0, 0, 0, tiesNames},
	{"thresholds", CS_OPTION_OBJECT, offsetof(RfmOptions, thresholds)}
};

static const char *const measureNames[CS_RFM_MEASURES] = {"recency", "frequency", "monetary"};

/* Columns of the rows that wait for their scores. */
enum
{
	KEPT_CUSTOMER, KEPT_FIRST, KEPT_LAST, KEPT_ORDERS, KEPT_MONETARY, KEPT_GAP_MEAN,
	KEPT_GAP_VARIATION, KEPT_COLUMNS
};

typedef struct Rfm
{
	RfmOptions	options;
	CsLinesRequest request;
	CsRfmTable *table;
	Timestamp	as_of;			/* known when all lines are read */
	Tuplestorestate *kept;		/* NULL: rows are not wanted */
	TupleDesc	kept_desc;
	int64		n;
	int64		capacity;
	double	   *measure[CS_RFM_MEASURES];	/* of recency the Timestamp of the last purchase, until all
										 * lines are read */
	MemoryContext context;
	CsRfmCuts	cuts[CS_RFM_MEASURES];
} Rfm;

PG_FUNCTION_INFO_V1(custseg_rfm);
PG_FUNCTION_INFO_V1(custseg_rfm_thresholds);
PG_FUNCTION_INFO_V1(custseg_rfm_segments);

/* Make room for a customer's three numbers, and for one sorted copy of one of them. */
static void
GrowMeasures(Rfm *r)
{
	int64		capacity = Max(FIRST_CAPACITY, r->capacity * 2);
	Size		needed = sizeof(double) * (CS_RFM_MEASURES + 2) * capacity;

	if (needed > CsMemoryLimit())
		CsMemoryError(needed, "to 80 bytes for each customer",
					  "scoring more than %lld customers", (long long) r->capacity);
	for (int m = 0; m < CS_RFM_MEASURES; m++)
		r->measure[m] = r->measure[m] == NULL ?
			MemoryContextAllocHuge(r->context, sizeof(double) * capacity) :
			repalloc_huge(r->measure[m], sizeof(double) * capacity);
	r->capacity = capacity;
}

/* CsBuyerVisitor: keep a customer. */
static void
KeepBuyer(void *state, const CsBuyer *buyer)
{
	Rfm		   *r = state;
	Datum		values[KEPT_COLUMNS];
	bool		nulls[KEPT_COLUMNS] = {false};

	if (r->n == r->capacity)
		GrowMeasures(r);
	((Timestamp *) r->measure[0])[r->n] = buyer->last;
	r->measure[1][r->n] = (double) buyer->norders;
	r->measure[2][r->n++] = buyer->monetary;
	if (r->kept == NULL)
		return;
	values[KEPT_CUSTOMER] = CStringGetTextDatum(buyer->customer);
	values[KEPT_FIRST] = TimestampGetDatum(buyer->first);
	values[KEPT_LAST] = TimestampGetDatum(buyer->last);
	values[KEPT_ORDERS] = Int64GetDatum(buyer->norders);
	values[KEPT_MONETARY] = Float8GetDatum(buyer->monetary);
	values[KEPT_GAP_MEAN] = Float8GetDatum(buyer->gap_mean);
	values[KEPT_GAP_VARIATION] = Float8GetDatum(buyer->gap_variation);
	tuplestore_putvalues(r->kept, r->kept_desc, values, nulls);
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
	for (int i = KEPT_MONETARY; i < KEPT_COLUMNS; i++)
		TupleDescInitEntry(desc, (AttrNumber) (i + 1), "number", FLOAT8OID, -1, 0);
	return desc;
}

static void
ReportThresholds(const char *measure, int bins)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("thresholds of \"%s\" must be %d ascending numbers", measure, bins - 1),
			 errhint("With %d bins write \"thresholds\": {\"monetary\": [...]}; by default a value that equals a threshold is below it. Measures are recency, frequency and monetary.",
					 bins)));
}

/* Cut points of a measure as given; false when there are none. */
static bool
ReadThresholds(Jsonb *thresholds, int measure, CsRfmCuts *cuts)
{
	const char *name = measureNames[measure];
	JsonbValue	value;

	if (thresholds == NULL ||
		!CsJsonFind(&thresholds->root, name, &value))
		return false;
	if (CsJsonGetAscending(&value, cuts->cut, cuts->bins - 1) != cuts->bins - 1)
		ReportThresholds(name, cuts->bins);
	return true;
}

/* Unknown measures among the thresholds are errors. */
static void
CheckThresholds(const RfmOptions *options)
{
	int			known = 0;

	if (options->thresholds == NULL)
		return;
	for (int m = 0; m < CS_RFM_MEASURES; m++)
	{
		CsRfmCuts	cuts = {.bins = options->bins};

		known += ReadThresholds(options->thresholds, m, &cuts);
	}
	if (known != JB_ROOT_COUNT(options->thresholds))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"thresholds\" has an unknown measure"),
				 errhint("Measures are recency, frequency and monetary.")));
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
OpenRfm(FunctionCallInfo fcinfo, int options, Rfm *r)
{
	CsLinesRequest *request = &r->request;
	CsRelation *rel = CsRelationOpen(CsRequiredText(fcinfo, ARG_SOURCE, "source"));
	int			keys = CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL) |
		CS_KIND_BIT(CS_BOOLEAN) | CS_KIND_BIT(CS_TIME) | CS_KIND_BIT(CS_UNUSABLE);

	CsOptionsArgument(fcinfo, options, rfmOptions, lengthof(rfmOptions), &r->options);
	CheckThresholds(&r->options);
	request->relation = rel;
	request->customer = CsOrdersColumn(rel, CsTextArgument(fcinfo, ARG_CUSTOMER), "customer", keys);
	request->time = CsOrdersTimeColumn(rel, CsTextArgument(fcinfo, ARG_TIME));
	request->amount = CsOrdersColumn(rel, CsTextArgument(fcinfo, ARG_AMOUNT), "amount",
									 CS_KIND_BIT(CS_NUMERIC));
	if (r->options.order != NULL)
		request->order = CsOrdersColumn(rel, r->options.order, "order", keys);
	request->same_day = r->options.same_day;
	request->returns = r->options.returns;
	request->zone = CsOrdersZone(r->options.time_zone);
	request->as_of = PG_ARGISNULL(ARG_AS_OF) ? CS_NO_TIME :
		CsOrdersAsOf(request->time, request->zone, PG_GETARG_TIMESTAMPTZ(ARG_AS_OF));
	r->context = CurrentMemoryContext;
}

/* A measure that is the same for all customers scores them all alike, which is said. */
static void
ReportConstant(int measure, double value, int64 n)
{
	ereport(NOTICE,
			(errmsg("%s is %s for all %lld customers, so its score tells nothing",
					measureNames[measure], float8out_internal(value), (long long) n),
			 measure == 1 && value == 1 ?
			 errhint("If each row of the source is a customer already, segment its columns by rules: custseg.train(..., algorithm => 'rules').") : 0));
}

/* Read all customers, and cut their measures. */
static void
ReadRfm(Rfm *r)
{
	CsLinesCounts counts = CsLinesRead(&r->request, KeepBuyer, r);
	double	   *sorted,
			   *scratch;

	CsLinesReport(&counts);
	r->as_of = r->request.as_of == CS_NO_TIME ? counts.latest : r->request.as_of;
	for (int64 i = 0; i < r->n; i++)
		r->measure[0][i] = CsDaysBetween(((Timestamp *) r->measure[0])[i], r->as_of);
	sorted = MemoryContextAllocHuge(r->context, sizeof(double) * Max(r->n, 1));
	scratch = MemoryContextAllocHuge(r->context, sizeof(double) * Max(r->n, 1));
	for (int m = 0; m < CS_RFM_MEASURES; m++)
	{
		r->cuts[m].bins = r->options.bins;
		r->cuts[m].reversed = m == 0;
		r->cuts[m].ties_above = r->options.ties == 1;
		if (ReadThresholds(r->options.thresholds, m, &r->cuts[m]) || r->n == 0)
			continue;
		memcpy(sorted, r->measure[m], sizeof(double) * r->n);
		CsSortDoubles(sorted, r->n, scratch);
		if (r->n > 1 && sorted[0] == sorted[r->n - 1])
			ReportConstant(m, sorted[0], r->n);
		CsRfmCutAtQuantiles(&r->cuts[m], sorted, r->n);
	}
	pfree(sorted);
	pfree(scratch);
}

/* A time of the time column as a column. */
static CsValue
TimeValue(const Rfm *r, Timestamp at)
{
	TimestampTz result = CsOrdersTimestamp(r->request.time, r->request.zone, at);

	return CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(result), false);
}

/* One row of rfm(), from one that waited; i is its number. */
static void
PutScored(const Rfm *r, CsResult *result, const Datum *kept, int64 i)
{
	Timestamp	first = DatumGetTimestamp(kept[KEPT_FIRST]),
				last = DatumGetTimestamp(kept[KEPT_LAST]);
	int			scores[CS_RFM_MEASURES];
	StringInfoData code;

	initStringInfo(&code);
	for (int m = 0; m < CS_RFM_MEASURES; m++)
	{
		scores[m] = CsRfmScore(&r->cuts[m], r->measure[m][i]);
		appendStringInfo(&code, r->options.bins > 9 && m > 0 ? "-%d" : "%d", scores[m]);
	}
	CsResultPut(result, CsValues(CsValueOf(TEXTOID, kept[KEPT_CUSTOMER], false),
								 TimeValue(r, first), TimeValue(r, last),
								 CsValueFloat8(r->measure[0][i]),
								 CsValueFloat8(CsDaysBetween(first, r->as_of)),
								 CsValueInt8(DatumGetInt64(kept[KEPT_ORDERS])),
								 CsValueFloat8(r->measure[2][i]),
								 CsValueFloat8(r->measure[2][i] / r->measure[1][i]),
								 CsValueFloat8(DatumGetFloat8(kept[KEPT_GAP_MEAN])),
								 CsValueFloat8(DatumGetFloat8(kept[KEPT_GAP_VARIATION])),
								 CsValueInt4(scores[0]), CsValueInt4(scores[1]),
								 CsValueInt4(scores[2]), CsValueText(code.data),
								 CsValueText(CsRfmTableFind(r->table, scores))));
}

/* rfm(source, customer, time, amount, as_of, segments, options): one row for each customer */
Datum
custseg_rfm(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Rfm			r = {{0}};
	TupleTableSlot *slot;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "custseg rfm row",
													  ALLOCSET_DEFAULT_SIZES);

	OpenRfm(fcinfo, RFM_OPTIONS, &r);
	r.table = CsRfmTableRead(CsJsonbArgument(fcinfo, RFM_SEGMENTS), r.options.bins);
	CsRfmTableReport(r.table);
	r.kept_desc = KeptDesc();
	r.kept = tuplestore_begin_heap(false, false, work_mem);
	ReadRfm(&r);
	slot = MakeSingleTupleTableSlot(r.kept_desc, &TTSOpsMinimalTuple);
	for (int64 i = 0; tuplestore_gettupleslot(r.kept, true, false, slot); i++)
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		PutScored(&r, result, slot->tts_values, i);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(r.kept);
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
	if (r.n == 0)
		return (Datum) 0;
	for (int m = 0; m < CS_RFM_MEASURES; m++)
	{
		const CsRfmCuts *cuts = &r.cuts[m];
		int64		customers[CS_RFM_MAX_BINS] = {0};

		for (int64 i = 0; i < r.n; i++)
			customers[CsRfmScore(cuts, r.measure[m][i]) - 1]++;
		for (int score = 1; score <= cuts->bins; score++)
		{
			int			bin = cuts->reversed ? cuts->bins - score : score - 1;

			CsResultPut(result,
						CsValues(CsValueText(measureNames[m]), CsValueInt4(score),
								 CsValueFloat8(bin > 0 ? cuts->cut[bin - 1] : NAN),
								 CsValueFloat8(bin < cuts->bins - 1 ? cuts->cut[bin] : NAN),
								 CsValueInt8(customers[score - 1])));
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
