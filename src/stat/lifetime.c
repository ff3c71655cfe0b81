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

enum
{
	P_R, P_ALPHA
};

/* Nodes in (0, 1) and weights of the Gauss-Legendre rule of 5 points. */
static const double nodes[] = {
	0.046910077030668, 0.230765344947158, 0.5, 0.769234655052842, 0.953089922969332
};
static const double weights[] = {
	0.118463442528095, 0.239314335249683, 0.284444444444444, 0.239314335249683, 0.118463442528095
};

/* The purchases to come of a kind of customers who are there, in days. */
typedef struct Remembered
{
	int32		repeats;
	int32		age;			/* -1: nothing is remembered */
	CsToCome	to_come;
} Remembered;

struct CsWorthMemory
{
	const CsWorthModel *model;
	const CsHorizon *horizon;
	bool		with_errors;
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

/*
 * The expected ordered pairs of purchases in t units of a customer who is there, E[Y(Y - 1)]:
 *
 *	   2 (r + x)/(alpha + T) (t e(t) - integral of e(v) from 0 to t),
 *
 * where e(v) are the purchases to come of one with x + 1 repeats, the last one just now, who may have left with it.  A
 * pair is a purchase, at a rate that is the mean of the gamma distribution, and another one of a customer of whom one
 * purchase more is known: integrating over the time of the second one gives e, and over that of the first one, by
 * parts, the difference.  It holds for all the models.
 */
static double
PairsToCome(const CsWorthModel *m, double repeats, double age, double t)
{
	CsPurchaseHistory again = {repeats + 1, age, age};
	double		integral = 0;

	for (int i = 0; i < lengthof(nodes); i++)
		integral += weights[i] * m->purchases->to_come(m->p, repeats + 1, age, nodes[i] * t);
	return 2 * (m->p[P_R] + repeats) / (m->p[P_ALPHA] + age) * m->purchases->alive(m->p, &again) *
		t * (m->purchases->to_come(m->p, repeats + 1, age, t) - integral);
}

/* OUT the parameters with one of them half a step lower, and half a step higher. */
void
CsNearParameters(const double *p, int parameter, double near[2][CS_OPTIMUM_MAX])
{
	for (int side = 0; side < 2; side++)
	{
		memcpy(near[side], p, sizeof(double) * CS_OPTIMUM_MAX);
		near[side][parameter] *= exp((side - 0.5) * CS_LOG_STEP);
	}
}

/* Add what is known of the errors of purchases to come. */
static void
AddErrors(CsToCome *to_come, const CsWorthModel *m, double repeats, double age, double t)
{
	to_come->pairs = isinf(t) ? NAN : PairsToCome(m, repeats, age, t);
	for (int i = 0; i < m->purchases->n_parameters; i++)
	{
		double		near[2][CS_OPTIMUM_MAX];

		CsNearParameters(m->p, i, near);
		to_come->slope[i] = isinf(t) ? NAN :
			(m->purchases->to_come(near[1], repeats, age, t) - m->purchases->to_come(near[0], repeats, age, t)) / CS_LOG_STEP;
	}
}

/* The purchases to come of a customer who is there: age is in units. */
CsToCome
CsToComeOf(const CsWorthModel *m, double repeats, double age, const CsHorizon *horizon, bool with_errors)
{
	CsToCome	result = {.purchases = NAN};
	double		t = horizon->days / m->unit;

	if (isinf(t))
		result.discounted = CsParetoResidual(m->p, repeats, age, log1p(horizon->discount) * m->unit / CS_YEAR_DAYS);
	else
	{
		result.purchases = m->purchases->to_come(m->p, repeats, age, t);
		result.discounted = horizon->discount == 0 ? result.purchases : Discounted(m, repeats, age, horizon);
	}
	if (with_errors)
		AddErrors(&result, m, repeats, age, t);
	return result;
}

/* The same times the probability of being there. */
static CsWorth
WorthOfComing(const CsWorthModel *m, const CsPurchaseHistory *h, const CsToCome *to_come)
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
	CsToCome	to_come = CsToComeOf(m, h->repeats, h->age, horizon, false);

	return WorthOfComing(m, h, &to_come);
}

/* A memory for CsToComeOfDays(), palloc'd; it keeps model and horizon. */
CsWorthMemory *
CsWorthRemember(const CsWorthModel *m, const CsHorizon *horizon, bool with_errors)
{
	CsWorthMemory *memory = palloc(sizeof(CsWorthMemory));

	memory->model = m;
	memory->horizon = horizon;
	memory->with_errors = with_errors;
	for (int i = 0; i < REMEMBERED; i++)
		memory->place[i].age = -1;
	return memory;
}

/*
 * The purchases to come of one of many customers who are there, by days; what those have in common who look alike is
 * computed once.  The result is valid until the next call.
 */
const CsToCome *
CsToComeOfDays(CsWorthMemory *memory, int32 repeats, int32 age)
{
	const CsWorthModel *m = memory->model;
	Remembered *place = &memory->place[hash_combine(murmurhash32(repeats), murmurhash32(age)) % REMEMBERED];

	if (place->age != age || place->repeats != repeats)
		*place = (Remembered) {repeats, age, CsToComeOf(m, repeats, age / m->unit, memory->horizon, memory->with_errors)};
	return &place->to_come;
}

/* What one of many customers is worth, by days. */
CsWorth
CsWorthOfDays(CsWorthMemory *memory, int32 repeats, int32 recency, int32 age)
{
	const CsWorthModel *m = memory->model;
	CsPurchaseHistory h = {repeats, recency / m->unit, age / m->unit};

	return WorthOfComing(m, &h, CsToComeOfDays(memory, repeats, age));
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
