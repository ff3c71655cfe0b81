/*
 * budget.c
 *	  A budget divided between curves of response.
 *
 * In whole units the best split of any curves is found by dynamic programming over the parts in their order:
 * f_s(t), the most that the first s parts bring for t units, is the largest f_{s-1}(t - k) + r_s(k), and of
 * equals that with the smallest k is taken.  A concave r_s makes the t - k that is best rise with t, so that f_s takes
 * n log n steps in place of n^2.  Where all curves are concave, and any amount may be spent, the best
 * split has one marginal return lambda wherever no bound is reached (Ibaraki and Katoh 1988).
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "stat/curve.h"

/* A number of units in the table of choices. */
typedef uint16 Choice;

/* The bytes that dividing a budget takes. */
Size
CsBudgetMemory(int n, int nunits)
{
	return (Size) n * (nunits + 1) * sizeof(Choice) + 3 * (Size) (nunits + 1) * sizeof(double);
}

/* What the programme keeps. */
typedef struct Programme
{
	CsBudget   *b;
	double	   *best,			/* f of the parts so far, by units */
			   *next,			/* f with one part more */
			   *response;		/* of that part */
	Choice	   *choice;			/* part by part */
	int			low,			/* units that the parts so far can take */
				high;
} Programme;

/*
 * The most that t units bring with one part more, of which those before it get "from" to "to", where they can;
 * and the choice behind it.  Returns what they get: of equals the most, so that the part gets the least.
 */
static int
ChooseUnits(Programme *p, const CsBudgetPart *part, Choice *choice, int t, int from, int to)
{
	int			first = Max(from, Max(p->low, t - part->high_units)),
				last = Min(to, Min(p->high, t - part->low_units)),
				others = last;
	double		best = p->best[last] + p->response[t - last];

	for (int j = last - 1; j >= first; j--)
	{
		double		sum = p->best[j] + p->response[t - j];

		if (sum > best)
		{
			best = sum;
			others = j;
		}
	}
	p->next[t] = best;
	choice[t] = (Choice) (t - others);
	return others;
}

/*
 * The same for all t from low to high where the part is concave: what the parts before it get never falls as t
 * rises, so that what the middle one chooses bounds both halves.
 */
static void
ChooseMonotone(Programme *p, const CsBudgetPart *part, Choice *choice, int low, int high, int from, int to)
{
	int			middle = (low + high) / 2,
				others;

	if (low > high)
		return;
	CHECK_FOR_INTERRUPTS();
	others = ChooseUnits(p, part, choice, middle, from, to);
	ChooseMonotone(p, part, choice, low, middle - 1, from, others);
	ChooseMonotone(p, part, choice, middle + 1, high, others, to);
}

/* Add a part: f for all numbers of units that it makes possible, and the choices behind it. */
static void
AddPart(Programme *p, int s)
{
	CsBudget   *b = p->b;
	const CsBudgetPart *part = &b->part[s];
	Choice	   *choice = p->choice + (Size) s * (b->nunits + 1);
	int			low = p->low + part->low_units,
				high = Min(p->high + part->high_units, b->nunits);
	double	   *swap;

	for (int k = part->low_units; k <= part->high_units; k++)
		p->response[k] = CsCurveResponse(&part->curve, k * b->unit);
	if (CsCurveIsConcave(&part->curve))
		ChooseMonotone(p, part, choice, low, high, 0, b->nunits);
	else
		for (int t = low; t <= high; t++)
		{
			CHECK_FOR_INTERRUPTS();
			(void) ChooseUnits(p, part, choice, t, 0, b->nunits);
		}
	swap = p->best;
	p->best = p->next;
	p->next = swap;
	p->low = low;
	p->high = high;
}

/* How many units to spend: all, or as many as return the most beyond what they cost. */
static int
UnitsToSpend(const Programme *p)
{
	const CsBudget *b = p->b;
	int			units = p->low;

	if (b->spend_all)
		return b->nunits;
	for (int t = p->low + 1; t <= p->high; t++)
		if (p->best[t] - t * b->unit > p->best[units] - units * b->unit)
			units = t;
	return units;
}

/* The best split in whole units. */
static void
DivideUnits(CsBudget *b)
{
	Size		nunits = b->nunits + 1;
	Programme	p = {
		b,
		palloc0(sizeof(double) * nunits),
		palloc(sizeof(double) * nunits),
		palloc(sizeof(double) * nunits),
		palloc_extended(sizeof(Choice) * nunits * b->n, MCXT_ALLOC_HUGE)
	};
	int			t;

	for (int s = 0; s < b->n; s++)
		AddPart(&p, s);
	t = UnitsToSpend(&p);
	for (int s = b->n - 1; s >= 0; s--)
	{
		b->part[s].units = p.choice[s * nunits + t];
		b->part[s].spend = b->part[s].units * b->unit;
		t -= b->part[s].units;
	}
}

/* Held to the bounds of a part. */
static double
Within(const CsBudgetPart *part, double x)
{
	return Min(Max(x, part->low), part->high);
}

/* The sum of what the parts get at a marginal return. */
static double
SpendingAt(const CsBudget *b, double lambda)
{
	double		sum = 0;

	for (int s = 0; s < b->n; s++)
		sum += Within(&b->part[s], CsCurveInverse(&b->part[s].curve, lambda));
	return sum;
}

/*
 * The best split of any amounts between concave curves.  Bisection leaves two marginal returns with nothing in
 * between; what the larger one leaves of the budget goes to parts that want it at the smaller one, then to those
 * that bring nothing more.
 */
static void
DivideContinuous(CsBudget *b)
{
	double		low = b->spend_all ? -CS_MOST_LOG : 0,	/* a marginal return of 1 is what it costs */
				high = SpendingAt(b, exp(low)) > b->budget ? CS_MOST_LOG : low,
				middle,
				rest = b->budget;

	for (middle = (low + high) / 2; low < middle && middle < high; middle = (low + high) / 2)
	{
		CHECK_FOR_INTERRUPTS();
		if (SpendingAt(b, exp(middle)) > b->budget)
			low = middle;
		else
			high = middle;
	}
	b->lambda = exp(high);
	for (int s = 0; s < b->n; s++)
	{
		b->part[s].continuous = Within(&b->part[s], CsCurveInverse(&b->part[s].curve, exp(high)));
		rest -= b->part[s].continuous;
	}
	for (int pass = 0; pass < (b->spend_all ? 2 : low < high ? 1 : 0); pass++)
		for (int s = 0; s < b->n && rest > 0; s++)
		{
			CsBudgetPart *part = &b->part[s];
			double		up_to = pass == 0 ? Within(part, CsCurveInverse(&part->curve, exp(low))) : part->high,
						more = Max(0, Min(rest, up_to - part->continuous));

			part->continuous += more;
			rest -= more;
		}
}

/* The sum of what the parts get by their weights, within the bounds. */
static double
SumByWeight(const CsBudget *b, const double *weight, double times)
{
	double		sum = 0;

	for (int s = 0; s < b->n; s++)
		sum += Within(&b->part[s], times * weight[s]);
	return sum;
}

/* By how much to multiply the weights so that all of the budget is spent, if the bounds allow it. */
static double
TimesOf(const CsBudget *b, const double *weight)
{
	double		weights = 0,
				low = 0,
				high;

	for (int s = 0; s < b->n; s++)
		weights += weight[s];
	high = b->budget / weights;
	if (fabs(SumByWeight(b, weight, high) - b->budget) <= 1e-12 * b->budget)
		return high;
	/* bounds take from some what others get */
	while (SumByWeight(b, weight, high) < b->budget && high < 1e300)
		high *= 2;
	for (;;)
	{
		double		middle = (low + high) / 2;

		CHECK_FOR_INTERRUPTS();
		if (middle <= low || middle >= high)
			return high;
		if (SumByWeight(b, weight, middle) < b->budget)
			low = middle;
		else
			high = middle;
	}
}

/* The splits by rule: in proportion to how large responses get, and the same for all; within the bounds. */
static void
DivideByRule(CsBudget *b)
{
	double	   *weight = palloc(sizeof(double) * b->n),
				times,
				largest = 0;

	for (int s = 0; s < b->n; s++)
		weight[s] = 1;
	times = TimesOf(b, weight);
	for (int s = 0; s < b->n; s++)
	{
		b->part[s].equal = b->part[s].proportional = Within(&b->part[s], times);
		weight[s] = CsCurveScale(&b->part[s].curve);
		largest = Max(largest, weight[s]);
	}
	if (largest == 0)
		return;
	/* in parts of the largest one, the sum of weights is a number */
	for (int s = 0; s < b->n; s++)
		weight[s] /= largest;
	times = TimesOf(b, weight);
	for (int s = 0; s < b->n; s++)
		b->part[s].proportional = Within(&b->part[s], times * weight[s]);
}

/*
 * Divide a budget, whose bounds can be met: the best split in whole units, the best of any amounts where all
 * curves are concave, and two splits by rule.
 */
void
CsBudgetDivide(CsBudget *b)
{
	DivideUnits(b);
	b->is_concave = true;
	for (int s = 0; s < b->n; s++)
		b->is_concave &= CsCurveIsConcave(&b->part[s].curve);
	b->lambda = NAN;
	for (int s = 0; s < b->n; s++)
		b->part[s].continuous = NAN;
	if (b->is_concave)
		DivideContinuous(b);
	DivideByRule(b);
}
