/*
 * segment_lines.c
 *	  Customers of lines of orders, placed by one model and valued by a model of purchases, by segment.
 *
 * The customers who are placed come first, sorted by id; then those who have bought, in the same order.  So both
 * sources are read once, and memory is bounded whatever their size.
 */
#include "custseg.h"

#include "call/call.h"
#include "value/roster.h"
#include "value/segment_worth.h"
#include "value/worth_errors.h"

/* A reading of the lines. */
typedef struct Reading
{
	CsSegmentWorth *worth;
	const CsWorthModel *model;
	CsRoster   *roster;
	CsWorthMemory *memory;
} Reading;

/* CsPurchaserVisitor: add a customer to the sum of its segment. */
static void
TakePurchaser(void *state, const CsPurchaser *p)
{
	Reading    *r = state;
	const CsPurchasesAsOf *at = &p->at[0];
	CsPurchaseHistory h = {at->repeats, at->recency / r->model->unit, at->age / r->model->unit};
	int			segment = CsRosterFind(r->roster, p->customer);

	CsWorthSumAdd(&r->worth->sums[segment < 0 ? r->worth->scorer->nsegments : segment], r->model, &h,
				  CsToComeOfDays(r->memory, at->repeats, at->age), at->repeats > 0 ? at->total / at->repeats : 0);
}

/* Read the customers, and add up what they are worth. */
void
CsSegmentWorthOfLines(CsSegmentWorth *w)
{
	const CsWorthVersion *v = w->value;
	CsPurchasesRequest request = {.in_order = true};
	Reading		r = {.worth = w, .model = &v->model};
	CsPurchasesCounts counts;
	int64		n_without;

	CsWorthErrorsRead(&w->errors, w->value_model, CsCacheVersion(v), &v->model, &w->tells_who_left, &w->reason);
	CsWorthOpenLines(&request, v, w->value_model, w->source, w->has_time ? &w->as_of : NULL);
	w->day = request.cut[0];
	r.memory = CsWorthRemember(r.model, &w->horizon, true);
	r.roster = CsRosterOpen(w->scorer, w->customers, false);
	counts = CsPurchasesRead(&request, TakePurchaser, &r);
	CsPurchasesReport(&counts);
	n_without = CsRosterClose(r.roster);
	if (n_without > 0)
		ereport(NOTICE,
				(errmsg("customers without a purchase, of whom nothing is told: %lld", (long long) n_without)));
}
