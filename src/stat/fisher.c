/*
 * fisher.c
 *	  Fisher's exact test of two arms, two-sided: the tables with the same margins that are no likelier
 *	  than the one that was seen.
 *
 * The probability of a table is taken from three binomial ones in Loader's form (Fast and accurate
 * computation of binomial probabilities, 2000), so that no large logarithms are subtracted.  From the table
 * that was seen, and from the likeliest one on the other side of the mode that is no likelier, terms are
 * added up outwards; each follows from the one before.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/arms.h"

/* Tables that are as likely but for rounding count as as likely. */
#define TOLERANCE 1e-7

/*
 * A table turned so that the first row and the first column are the smaller ones: the first cell is from 0
 * to the smaller one of the two.
 */
typedef struct Margins
{
	double		rows[2],
				columns[2];
	double		n;
	double		seen;			/* the first cell */
} Margins;

static Margins
MarginsOf(const CsProportions *p)
{
	int			few = p->n[CS_CONTROL] <= p->n[CS_TREATMENT] ? CS_CONTROL : CS_TREATMENT;
	double		successes = (double) p->successes[CS_CONTROL] + (double) p->successes[CS_TREATMENT],
				failures = (double) (p->n[CS_CONTROL] - p->successes[CS_CONTROL]) +
				(double) (p->n[CS_TREATMENT] - p->successes[CS_TREATMENT]);
	bool		is_success = successes <= failures;

	return (Margins) {
		.rows = {(double) p->n[few], (double) p->n[CS_TREATMENT - few]},
		.columns = {Min(successes, failures), Max(successes, failures)},
		.n = successes + failures,
		.seen = (double) (is_success ? p->successes[few] : p->n[few] - p->successes[few])
	};
}

/* How far x differs from what is expected, in the exponent: x log(x / expected) + expected - x. */
static double
Deviance(double x, double expected)
{
	double		off = (expected - x) / x;

	return x == 0 ? expected : -x * (off > -0.5 ? CsLogMinusLinear(off) : log(expected / x) - off);
}

/* The error of Stirling's formula for log x!. */
static double
StirlingError(double x)
{
	return x == 0 ? 0 : log(CsGammaStar(x));
}

/* The logarithm of the binomial probability of x of n, each of which has the probability p = 1 - q. */
static double
LogBinomial(double x, double n, double p, double q)
{
	if (x == 0)
		return p < 0.1 ? -Deviance(n, n * q) - n * p : n * log(q);
	if (x == n)
		return q < 0.1 ? -Deviance(n, n * p) - n * q : n * log(p);
	return StirlingError(n) - StirlingError(x) - StirlingError(n - x) - Deviance(x, n * p) -
		Deviance(n - x, n * q) + 0.5 * log(n / (2 * M_PI * x * (n - x)));
}

/* The logarithm of the probability that the first cell is x. */
static double
LogProbability(const Margins *m, double x)
{
	double		p = m->rows[0] / m->n,
				q = m->rows[1] / m->n;

	return LogBinomial(x, m->columns[0], p, q) + LogBinomial(m->rows[0] - x, m->columns[1], p, q) -
		LogBinomial(m->rows[0], m->n, p, q);
}

/* Probabilities from the cell x outwards, upwards or down, over that of x. */
static double
Outwards(const Margins *m, double x, bool up)
{
	double		most = Min(m->rows[0], m->columns[0]),
				rest = m->rows[1] - m->columns[0],
				sum = 1,
				term = 1;

	for (int64 i = 1; term > sum * DBL_EPSILON / 16; i++)
	{
		CsCheckInterrupts(i);
		if (x == (up ? most : 0))
			break;
		if (up)
			term *= (m->columns[0] - x) / (x + 1) * ((m->rows[0] - x) / (rest + x + 1));
		else
			term *= x / (m->columns[0] - x + 1) * ((rest + x) / (m->rows[0] - x + 1));
		x += up ? 1 : -1;
		sum += term;
	}
	return sum;
}

/*
 * The likeliest first cell on the other side of the mode whose logarithm of the probability is at most
 * "limit"; -1 where there is none.  "up": the other side is the upper one.
 */
static double
OtherSide(const Margins *m, double mode, double limit, bool up)
{
	double		inner = mode,
				outer = up ? Min(m->rows[0], m->columns[0]) : 0;

	if (LogProbability(m, outer) > limit)
		return -1;
	while (fabs(outer - inner) > 1)
	{
		double		middle = floor((inner + outer) / 2);

		if (LogProbability(m, middle) > limit)
			inner = middle;
		else
			outer = middle;
	}
	return outer;
}

/* The variance of a cell of the table: above CS_FISHER_MAX_VARIANCE there are too many tables to add up. */
double
CsFisherVariance(const CsProportions *p)
{
	Margins		m = MarginsOf(p);

	if (m.n < 2)
		return 0;
	return m.rows[0] / m.n * m.rows[1] * (m.columns[0] / m.n) * (m.columns[1] / (m.n - 1));
}

/* The two-sided p of Fisher's exact test; NaN where an arm is empty. */
double
CsFisherExact(const CsProportions *p)
{
	Margins		m = MarginsOf(p);
	double		mode = floor((m.rows[0] + 1) * ((m.columns[0] + 1) / (m.n + 2))),
				seen,
				limit,
				other,
				sum;

	if (m.rows[0] == 0)
		return NAN;
	if (m.columns[0] == 0)
		return 1;
	mode = Min(mode, Min(m.rows[0], m.columns[0]));
	seen = LogProbability(&m, m.seen);
	limit = seen + log1p(TOLERANCE);
	if (LogProbability(&m, mode) <= limit)
		return 1;
	sum = Outwards(&m, m.seen, m.seen > mode);
	other = OtherSide(&m, mode, limit, m.seen < mode);
	if (other >= 0)
		sum += exp(LogProbability(&m, other) - seen) * Outwards(&m, other, m.seen < mode);
	return Min(exp(seen) * sum, 1);
}
