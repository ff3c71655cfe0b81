/*
 * at_risk.c
 *	  Customers that are about to fall into a segment of lower value: at_risk().
 *
 * The owner ranks segments by value (name_segment), 1 the highest.  For a customer in a segment
 * with a rank, the segments of a lower value are those whose rank is a larger number; of these the
 * one that the customer belongs to most is the one it may fall into, whatever segments of higher
 * value lie nearer.  Its distance from the border between the two is
 *
 *	margin = 1 - sqrt(u_lower / u_own)
 *
 * u being the degrees of membership that predict_detail() shows: 0 on the border, 1 where nothing
 * speaks for the lower one.  For the nearest centre that is 1 - d_own / d_lower, the confidence of
 * predict_detail() when the lower segment is the runner-up; for a mixture it is one less the root
 * of the odds.
 *
 * The source is streamed, and the customers of least margin are kept in a heap of bounded size with
 * the largest margin on top; of equal margins the row that came first stays.  Of rows on other servers no more are read
 * than may be listed (at_risk_passes.c).
 */
#include "custseg.h"

#include "call/call.h"
#include "lib/binaryheap.h"
#include "monitor/monitor.h"
#include "score/margin_pass.h"
#include "score/pass.h"
#include "utils/builtins.h"

typedef struct RiskOptions
{
	int			limit;
	double		margin;			/* the largest that is listed */
} RiskOptions;

static const CsOption riskOptions[] = {
	{"limit", CS_OPTION_INT, offsetof(RiskOptions, limit), 1000, 1, 100000},
	{"margin", CS_OPTION_REAL, offsetof(RiskOptions, margin), 1, 0, 1}
};

/* A customer near a border. */
typedef struct Customer
{
	double		margin;
	int64		row;			/* of the source */
	int			segment,
				lower;			/* indexes */
	char	   *id;				/* or NULL */
} Customer;

typedef struct RiskState
{
	MemoryContext context;		/* of the ids */
	CsPass	   *pass;
	CsPlacer   *placer;
	RiskOptions options;
	int		   *rank;			/* a segment, 0: none */
	double	   *memberships;
	int64		nrows;			/* seen */
	int			ncustomers;
	Customer   *customers;
	binaryheap *heap;			/* of pointers to them, largest margin on top */
} RiskState;

static const char *const ranks_sql =
"SELECT s.rank FROM custseg.segment AS s "
"WHERE s.model OPERATOR(pg_catalog.=) $1 AND s.version OPERATOR(pg_catalog.=) $2 "
"ORDER BY s.segment";

PG_FUNCTION_INFO_V1(custseg_at_risk);

/* CsCatalogVisitor: the rank of a segment, 0 without. */
static void
TakeRank(void *state, const CsCatalogRow *row)
{
	RiskState  *risk = state;

	if (row->number < risk->placer->scoring.scorer->nsegments)
		risk->rank[row->number] = CsRowInt4(row, 1, 0);
}

/* Read the segments' ranks, in the scorer's order; an error unless some differ. */
static void
ReadRanks(RiskState *state)
{
	const CsScorer *scorer = state->placer->scoring.scorer;
	int			lowest = 0,
				highest = 0;

	state->rank = palloc0(sizeof(int) * scorer->nsegments);
	CsScorerRead(scorer, ranks_sql, TakeRank, state);
	for (int i = 0; i < scorer->nsegments; i++)
	{
		if (state->rank[i] == 0)
			continue;
		lowest = Max(lowest, state->rank[i]);
		highest = highest == 0 ? state->rank[i] : Min(highest, state->rank[i]);
	}
	if (lowest == highest)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 lowest == 0 ?
				 errmsg("segments of version %d of model \"%s\" have no ranks", scorer->version,
						NameStr(scorer->model)) :
				 errmsg("no segment of version %d of model \"%s\" has a lower rank than another",
						scorer->version, NameStr(scorer->model)),
				 errhint("Rank segments by value, 1 the highest: SELECT custseg.name_segment(%s, 1, 'loyal', rank => 1), custseg.name_segment(%s, 2, 'lapsed', rank => 2);",
						 quote_literal_cstr(NameStr(scorer->model)),
						 quote_literal_cstr(NameStr(scorer->model)))));
}

/* The order in which customers are listed. */
static int
CompareCustomers(const Customer *a, const Customer *b)
{
	if (a->margin != b->margin)
		return a->margin < b->margin ? -1 : 1;
	return a->row < b->row ? -1 : a->row > b->row;
}

/* For the heap: the customer that is listed last is on top. */
static int
CompareInHeap(Datum a, Datum b, void *arg)
{
	return CompareCustomers((const Customer *) DatumGetPointer(a),
							(const Customer *) DatumGetPointer(b));
}

static int
CompareForSort(const void *a, const void *b)
{
	return CompareCustomers(a, b);
}

/* Keep a customer if it is among the nearest so far. */
static void
KeepCustomer(RiskState *state, Customer customer, const Datum *row, const bool *nulls)
{
	Customer   *kept;
	char	   *id;

	if (state->ncustomers < state->options.limit)
		kept = &state->customers[state->ncustomers];
	else
	{
		kept = (Customer *) DatumGetPointer(binaryheap_first(state->heap));
		if (CompareCustomers(&customer, kept) >= 0)
			return;
		if (kept->id != NULL)
			pfree(kept->id);
	}
	id = CsPassId(state->pass, row, nulls);
	customer.id = id == NULL ? NULL : MemoryContextStrdup(state->context, id);
	*kept = customer;
	if (state->ncustomers < state->options.limit)
	{
		state->ncustomers++;
		binaryheap_add(state->heap, PointerGetDatum(kept));
	}
	else
		binaryheap_replace_first(state->heap, PointerGetDatum(kept));
}

/* CsRowSink: one row of the source. */
static void
TakeRow(void *arg, const Datum *row, const bool *nulls)
{
	RiskState  *state = arg;
	Customer	customer = {.row = state->nrows++, .segment = state->placer->placed.index};

	if (customer.segment < 0)
		return;
	customer.lower = CsLowerSegment(state->rank, state->memberships, state->placer->scoring.scorer->nsegments,
									customer.segment, &customer.margin);
	if (customer.lower < 0)
		return;
	if (customer.margin <= state->options.margin)
		KeepCustomer(state, customer, row, nulls);
}

/* The customers that were kept, nearest first. */
static void
PutCustomers(const RiskState *state, CsResult *result)
{
	const CsScorer *scorer = state->placer->scoring.scorer;
	const CsScorerSegment *segments = CsScorerSegments(scorer);

	qsort(state->customers, state->ncustomers, sizeof(Customer), CompareForSort);
	for (int i = 0; i < state->ncustomers; i++)
	{
		const Customer *customer = &state->customers[i];
		const CsScorerSegment *own = &segments[customer->segment],
				   *lower = &segments[customer->lower];

		CsResultPut(result, CsValues(CsValueText(customer->id),
									 CsValueInt4(own->segment),
									 CsValueText(CsScorerAt(scorer, char, own->name)),
									 CsValueInt4(lower->segment),
									 CsValueText(CsScorerAt(scorer, char, lower->name)),
									 CsValueFloat8(customer->margin)));
	}
}

/* at_risk(model, source, options, version): id, segment, name, runner_up, runner_up_name, margin */
Datum
custseg_at_risk(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	RiskState	state = {.context = CurrentMemoryContext};
	const CsScorer *scorer;

	if (PG_ARGISNULL(ARG_MODEL))
		return (Datum) 0;
	CsOptionsArgument(fcinfo, ARG_OPTIONS, riskOptions, lengthof(riskOptions), &state.options);
	state.pass = CsPassOpenModel(CsTextArgument(fcinfo, ARG_MODEL),
								 CsVersionArgument(fcinfo, ARG_VERSION),
								 CsTextArgument(fcinfo, ARG_SOURCE), CS_PLACE_STRICT, &state.placer);
	CsPassHonour(state.pass, state.placer);
	scorer = state.placer->scoring.scorer;
	ReadRanks(&state);
	CsRiskByPasses(state.pass, state.placer, state.rank, state.options.limit, state.options.margin);
	state.memberships = state.placer->memberships = palloc(sizeof(double) * scorer->nsegments);
	state.customers = palloc(sizeof(Customer) * state.options.limit);
	state.heap = binaryheap_allocate(state.options.limit, CompareInHeap, NULL);
	CsPassVisit(state.pass, &(CsVisitor) {.state = &state, .take_row = TakeRow});
	(void) CsPassRead(state.pass);
	PutCustomers(&state, result);
	return (Datum) 0;
}
