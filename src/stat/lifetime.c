/*
 * lifetime.c
 *	  What a customer is worth: purchases to come, discounted, times what is spent on each.
 *
 * Months are twelfths of 365.25 days.  What is expected in a month counts as if it came at its end; the
 * last month may be a part of one.
 */
#include "custseg.h"

#include <math.h>

#include "common/hashfn.h"
#include "stat/lifetime.h"

/* Customers who look alike are worth the same: as many kinds are remembered, each in its place. */
#define REMEMBERED 65536

/* The purchases to come of a customer who is there. */
typedef struct ToCome
{
	double		purchases;
	double		discounted;
} ToCome;

/* These of a kind, in days. */
typedef struct Remembered
{
	int32		repeats;
	int32		age;			/* -1: nothing is remembered */
	ToCome		to_come;
} Remembered;

struct CsWorthMemory
{
	const CsWorthModel *model;
	const CsHorizon *horizon;
	Remembered	place[REMEMBERED];
};

/* The purchases of each month, discounted; the last month ends with the horizon. */
static double
Discounted(const CsWorthModel *m, double repeats, double age, const CsHorizon *horizon)
{
	double		rate = log1p(horizon->discount) / 12,
				months = horizon->days / CS_MONTH_DAYS,
				last = 0,
				sum = 0;

	for (double month = 1; month < months + 1; month++)
	{
		double		end = Min(month, months),
					until = m->purchases->to_come(m->p, repeats, age, end * CS_MONTH_DAYS / m->unit);

		sum += (until - last) * exp(-rate * end);
		last = until;
	}
	return sum;
}

/* The purchases to come of a customer who is there: age is in units. */
static ToCome
ToComeOf(const CsWorthModel *m, double repeats, double age, const CsHorizon *horizon)
{
	ToCome		result = {.purchases = NAN};

	if (isinf(horizon->days))
	{
		result.discounted = CsParetoResidual(m->p, repeats, age, log1p(horizon->discount) * m->unit / CS_YEAR_DAYS);
		return result;
	}
	result.purchases = m->purchases->to_come(m->p, repeats, age, horizon->days / m->unit);
	result.discounted = horizon->discount == 0 ? result.purchases : Discounted(m, repeats, age, horizon);
	return result;
}

/* The same times the probability of being there. */
static CsWorth
WorthOfComing(const CsWorthModel *m, const CsPurchaseHistory *h, const ToCome *to_come)
{
	double		there = m->purchases->alive(m->p, h);

	return (CsWorth) {
		.alive = m->alive->alive(m->alive_p, h),
		.purchases = there * to_come->purchases,
		.discounted = there * to_come->discounted
	};
}

/* What a customer with a history is worth. */
CsWorth
CsWorthOf(const CsWorthModel *m, const CsPurchaseHistory *h, const CsHorizon *horizon)
{
	ToCome		to_come = ToComeOf(m, h->repeats, h->age, horizon);

	return WorthOfComing(m, h, &to_come);
}

/* A memory for CsWorthOfDays(), palloc'd; it keeps model and horizon. */
CsWorthMemory *
CsWorthRemember(const CsWorthModel *m, const CsHorizon *horizon)
{
	CsWorthMemory *memory = palloc(sizeof(CsWorthMemory));

	memory->model = m;
	memory->horizon = horizon;
	for (int i = 0; i < REMEMBERED; i++)
		memory->place[i].age = -1;
	return memory;
}

/* What one of many customers is worth, by days; what those have in common who look alike is computed once. */
CsWorth
CsWorthOfDays(CsWorthMemory *memory, int32 repeats, int32 recency, int32 age)
{
	const CsWorthModel *m = memory->model;
	CsPurchaseHistory h = {repeats, recency / m->unit, age / m->unit};
	Remembered *place = &memory->place[hash_combine(murmurhash32(repeats), murmurhash32(age)) % REMEMBERED];

	if (place->age != age || place->repeats != repeats)
		*place = (Remembered) {repeats, age, ToComeOf(m, repeats, h.age, memory->horizon)};
	return WorthOfComing(m, &h, &place->to_come);
}

/* What a customer with so many repeats, of that mean amount, spends on a day with a purchase; NaN: not known. */
double
CsSpendOf(const CsWorthModel *m, double repeats, double mean)
{
	switch (m->spend)
	{
		case CS_SPEND_CONSTANT:
			return m->spend_p[0];
		case CS_SPEND_GAMMA_GAMMA:
			/* of amounts that the model does not know nothing is told, as without repeats */
			return repeats > 0 && mean > 0 ? CsGammaGammaMean(m->spend_p, repeats, mean) :
				CsGammaGammaMean(m->spend_p, 0, 0);
		default:
			return NAN;
	}
}
