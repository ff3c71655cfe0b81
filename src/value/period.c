/*
 * period.c
 *	  Customers up to a day, grouped for a fit, and what came of each until a later one.
 *
 * Customers who look alike are merged as they come, so that memory grows with their kinds and not with their
 * number.  Records of single customers are thinned by a hash of the customer where they do not fit: the
 * same ones are kept, however the rows lie.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "miscadmin.h"
#include "progress.h"
#include "utils/memutils.h"
#include "value/period.h"

#define FIRST_ALLOCATED 1024

#define ST_SORT SortGroups
#define ST_ELEMENT_TYPE CsPurchaseGroup
#define ST_COMPARE(a, b) \
	((a)->repeats != (b)->repeats ? ((a)->repeats < (b)->repeats ? -1 : 1) : \
	 (a)->recency != (b)->recency ? ((a)->recency < (b)->recency ? -1 : 1) : \
	 (a)->age != (b)->age ? ((a)->age < (b)->age ? -1 : 1) : 0)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT SortSpend
#define ST_ELEMENT_TYPE CsSpend
#define ST_COMPARE(a, b) \
	((a)->repeats != (b)->repeats ? ((a)->repeats < (b)->repeats ? -1 : 1) : \
	 (a)->mean != (b)->mean ? ((a)->mean < (b)->mean ? -1 : 1) : 0)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* Bytes of all arrays. */
static Size
Used(const CsPeriod *p)
{
	return p->groups_allocated * sizeof(CsPurchaseGroup) + p->spend_allocated * sizeof(CsSpend) +
		p->records_allocated * sizeof(CsPeriodRecord);
}

/* Can an array of so many elements of that size be doubled? */
static bool
MayGrow(const CsPeriod *p, int64 allocated, Size size)
{
	return Used(p) + allocated * size <= CsMemoryLimit();
}

/* Make room in an array whose elements are all taken, or raise an error. */
static void *
Grow(const CsPeriod *p, void *array, int64 *allocated, Size size)
{
	int64		more = Max(2 * *allocated, FIRST_ALLOCATED);

	if (!MayGrow(p, *allocated, size))
		CsMemoryExceeded(Used(p), "train on a sample of the customers", "training on the customers of %s",
						 p->request.relation->description);
	*allocated = more;
	return array == NULL ? MemoryContextAllocHuge(p->context, more * size) : repalloc_huge(array, more * size);
}

/* Order the groups, and make those that are alike one. */
static void
MergeGroups(CsPeriod *p)
{
	int64		n = 0;

	SortGroups(p->groups, p->data.n_groups);
	for (int64 i = 0; i < p->data.n_groups; i++)
	{
		const CsPurchaseGroup *g = &p->groups[i];
		CsPurchaseGroup *last = n > 0 ? &p->groups[n - 1] : NULL;

		if (last != NULL && last->repeats == g->repeats && last->recency == g->recency && last->age == g->age)
			last->n += g->n;
		else
			p->groups[n++] = *g;
	}
	p->data.n_groups = n;
}

/* Count a customer in a group. */
static void
AddToGroups(CsPeriod *p, const CsPurchasesAsOf *at)
{
	if (p->data.n_groups == p->groups_allocated)
	{
		MergeGroups(p);
		/* to merge again and again should pay */
		if (p->data.n_groups >= p->groups_allocated / 2)
			p->groups = Grow(p, p->groups, &p->groups_allocated, sizeof(CsPurchaseGroup));
	}
	p->groups[p->data.n_groups++] = (CsPurchaseGroup) {at->repeats, at->recency, at->age, 1};
	p->data.n++;
	p->data.max_repeats = Max(p->data.max_repeats, at->repeats);
	p->data.max_age = Max(p->data.max_age, at->age);
}

/* Keep what a customer spends on repeats. */
static void
AddSpend(CsPeriod *p, const CsPurchasesAsOf *at)
{
	double		mean = at->total / at->repeats;

	p->n_repeat++;
	if (p->request.amount == NULL)
		return;
	if (!(mean > 0))
	{
		p->n_not_positive++;
		return;
	}
	if (p->n_spend == p->spend_allocated)
		p->spend = Grow(p, p->spend, &p->spend_allocated, sizeof(CsSpend));
	p->spend[p->n_spend++] = (CsSpend) {at->repeats, mean};
}

/* Keep about half of the records: those of customers in whose hash one more bit is 0. */
static void
ThinRecords(CsPeriod *p, uint32 *hashes)
{
	int64		n = 0;

	p->skipped_bits = p->skipped_bits << 1 | 1;
	for (int64 i = 0; i < p->n_records; i++)
	{
		if ((hashes[i] & p->skipped_bits) != 0)
			continue;
		hashes[n] = hashes[i];
		p->records[n++] = p->records[i];
	}
	p->n_records = n;
}

/* A reading: the period, and the hashes of its records' customers. */
typedef struct Reading
{
	CsPeriod   *period;
	uint32	   *hashes;
	int64		rows;
} Reading;

/* Keep what came of a customer. */
static void
AddRecord(Reading *r, const CsPurchaser *purchaser)
{
	CsPeriod   *p = r->period;
	const CsPurchasesAsOf *at = &purchaser->at[1],
			   *end = &purchaser->at[0];

	if ((purchaser->hash & p->skipped_bits) != 0)
		return;
	if (p->n_records == p->records_allocated)
	{
		if (p->records != NULL && !MayGrow(p, p->records_allocated, 2 * sizeof(CsPeriodRecord)))
			ThinRecords(p, r->hashes);
		else
		{
			p->records = Grow(p, p->records, &p->records_allocated, sizeof(CsPeriodRecord));
			r->hashes = r->hashes == NULL ?
				MemoryContextAllocHuge(p->context, p->records_allocated * sizeof(uint32)) :
				repalloc_huge(r->hashes, p->records_allocated * sizeof(uint32));
		}
		if ((purchaser->hash & p->skipped_bits) != 0 || p->n_records == p->records_allocated)
			return;
	}
	p->records[p->n_records++] = (CsPeriodRecord) {
		.repeats = at->repeats,.recency = at->recency,.age = at->age,
		.later = end->repeats - at->repeats,
		.mean = at->repeats > 0 ? at->total / at->repeats : NAN,
		.later_amount = end->total - at->total
	};
}

/* CsPurchaserVisitor: a customer. */
static void
TakePurchaser(void *state, const CsPurchaser *purchaser)
{
	Reading    *r = state;
	CsPeriod   *p = r->period;
	const CsPurchasesAsOf *at = &purchaser->at[p->request.ncuts - 1];

	if (++r->rows % CS_BLOCK_ROWS == 0)
		CsProgressRows(r->rows, r->rows);
	if (at->repeats < 0)
		return;					/* came later */
	AddToGroups(p, at);
	if (at->repeats > 0)
		AddSpend(p, at);
	if (p->request.ncuts > 1)
		AddRecord(r, purchaser);
}

/* Take the tables of a likelihood, which have a place for each day of the oldest customer. */
static void
TakeScratch(CsPeriod *p)
{
	Size		size = mul_size(sizeof(double), CsPurchaseScratch(p->data.max_repeats, p->data.max_age));

	if (add_size(Used(p), size) > CsMemoryLimit())
		CsMemoryError(add_size(Used(p), size), "give \"as_of\" a day near the lines, and leave out those far from all others",
					  "training on lines of %s over %d days", p->request.relation->description, p->data.max_age);
	p->data.scratch = MemoryContextAllocHuge(p->context, size);
}

/* Read the customers.  The arrays live in CurrentMemoryContext. */
void
CsPeriodRead(CsPeriod *p)
{
	Reading		r = {p};

	p->context = CurrentMemoryContext;
	p->counts = CsPurchasesRead(&p->request, TakePurchaser, &r);
	MergeGroups(p);
	SortSpend(p->spend, p->n_spend);
	p->data.group = p->groups;
	TakeScratch(p);
	if (r.hashes != NULL)
		pfree(r.hashes);
}

/* Free what a period holds. */
void
CsPeriodFree(CsPeriod *p)
{
	pfree(p->data.scratch);
	if (p->groups != NULL)
		pfree(p->groups);
	if (p->spend != NULL)
		pfree(p->spend);
	if (p->records != NULL)
		pfree(p->records);
}
