/*
 * bg_nbd.c
 *	  BG/NBD (Fader, Hardie, Lee 2005) and MBG/NBD (Batislam, Denizel, Filiztekin 2007; Hoppe, Wagner
 *	  2007): a customer buys at a rate that is gamma(r, alpha) distributed, and leaves after each
 *	  purchase with a probability that is beta(a, b) distributed; in MBG/NBD after the first, too.
 *
 * The expected purchases are a sum of positive terms, unless r is above a + b (+ 1).  With w = t / (alpha + T), C = a + b + x - 1 (+ 1
 * in MBG) and z = w / (1 + w), Pfaff's transformation of the published hypergeometric function is
 * 2F1(r + x, a - 1; C; -w) = (1 - z)^(a - 1) 2F1(C - r - x, a - 1; C; z).  Taking the published
 * 1 - 2F1(...), times C / (a - 1), term by term cancels a - 1, and leaves
 *
 *	   (1 - z)^(a - 1) sum over k >= 1 of (a)_(k - 1) / k! z^k d_k,
 *	   d_1 = r + x, d_(k + 1) = d_k + (C - d_k) (r + x) / (C + k),
 *
 * in which nothing is singular at a = 1 or a + b = 1, and nothing cancels where b is huge.  Where r is above,
 * d_k swings and its terms cancel, and where a or w is large there are many of them; the mean over the
 * chances of leaving, an integral, is as exact there, and everywhere else slower.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "stat/purchases.h"

#define LARGE_SUM 1e200
#define LEAST_WEIGHT 1e-18
#define LEAST_LOG (-700)

enum
{
	P_R, P_ALPHA, P_A, P_B
};

/* The tables of a likelihood. */
typedef struct Tables
{
	double	   *r,				/* rising sums over repeats, and their slopes */
			   *r_slope,
			   *b,
			   *b_slope,
			   *ab,
			   *ab_slope,
			   *left,			/* ln(b + x - 1 (+ 1)), and 1 over it: left after the last purchase */
			   *left_inverse,
			   *time,			/* ln(alpha + day) and 1 over it */
			   *time_inverse;
} Tables;

/* Make the tables for some parameters.  They lie in the scratch of the data. */
static Tables
MakeTables(const double *p, int first, CsPurchaseData *data)
{
	int			n = data->max_repeats + 2;
	double	   *next = data->scratch;
	Tables		t;
	double	  **tables[] = {&t.r, &t.r_slope, &t.b, &t.b_slope, &t.ab, &t.ab_slope, &t.left, &t.left_inverse};

	for (int i = 0; i < lengthof(tables); i++, next += n)
		*tables[i] = next;
	t.time = next;
	t.time_inverse = next + data->max_age + 1;
	CsRisingSums(p[P_R], n - 1, t.r, t.r_slope);
	CsRisingSums(p[P_B], n - 1, t.b, t.b_slope);
	CsRisingSums(p[P_A] + p[P_B], n - 1, t.ab, t.ab_slope);
	for (int x = 0; x < n; x++)
	{
		double		at = p[P_B] + x - 1 + first;

		/* nobody can have left after the first purchase in BG/NBD */
		t.left[x] = x + first == 0 ? 0 : log(at);
		t.left_inverse[x] = x + first == 0 ? 0 : 1 / at;
	}
	CsLogsOfDays(p[P_ALPHA], data, t.time, t.time_inverse);
	return t;
}

/* The mean log-likelihood and its gradient; first is 1 where customers may leave at once. */
static double
Likelihood(int first, const double *theta, double *gradient, CsPurchaseData *data)
{
	double		p[4] = {exp(theta[0]), exp(theta[1]), exp(theta[2]), exp(theta[3])};
	Tables		t = MakeTables(p, first, data);
	double		likelihood = 0,
				by[4] = {0};

	for (int64 i = 0; i < data->n_groups; i++)
	{
		const CsPurchaseGroup *g = &data->group[i];
		double		n = (double) g->n;
		int			x = g->repeats,
					ended = x + first;
		double		rate = p[P_R] + x,
					stayed = -rate * t.time[g->age],
					total = stayed,
					w = 0;

		if (ended > 0)
		{
			double		apart = theta[P_A] - t.left[x] - rate * t.time[g->recency] - stayed;
			double		ratio = exp(-fabs(apart));

			total = stayed + Max(apart, 0) + log1p(ratio);
			w = (apart > 0 ? 1 : ratio) / (1 + ratio);
		}
		likelihood += n * (t.r[x] + p[P_R] * theta[P_ALPHA] + t.b[ended] - t.ab[ended] + total);
		by[P_R] += n * (t.r_slope[x] + theta[P_ALPHA] - (1 - w) * t.time[g->age] - w * t.time[g->recency]);
		by[P_ALPHA] += n * (p[P_R] / p[P_ALPHA] -
							rate * ((1 - w) * t.time_inverse[g->age] + w * t.time_inverse[g->recency]));
		by[P_A] += n * (w / p[P_A] - t.ab_slope[ended]);
		by[P_B] += n * (t.b_slope[ended] - t.ab_slope[ended] - w * t.left_inverse[x]);
	}
	for (int i = 0; i < 4; i++)
		gradient[i] = by[i] * p[i] / (double) data->n;
	return likelihood / (double) data->n;
}

static double
BgLikelihood(const double *theta, double *gradient, void *data)
{
	return Likelihood(0, theta, gradient, data);
}

static double
MbgLikelihood(const double *theta, double *gradient, void *data)
{
	return Likelihood(1, theta, gradient, data);
}

/* The probability that a customer has not left. */
static double
Alive(int first, const double *p, const CsPurchaseHistory *h)
{
	double		odds;

	if (h->repeats + first == 0)
		return 1;
	/* of having left after the last purchase */
	odds = p[P_A] / (p[P_B] + h->repeats - 1 + first) *
		exp((p[P_R] + h->repeats) * log1p((h->age - h->recency) / (p[P_ALPHA] + h->recency)));
	return 1 / (1 + odds);
}

/* (1 - (1 + w p)^-rate) / p by the logarithm of p: purchases of whose buyers p leave after each. */
static double
PurchasesByChance(double log_p, double rate, double w)
{
	return log_p < LEAST_LOG ? rate * w : -expm1(-rate * log1p(w * exp(log_p))) * exp(-log_p);
}

/*
 * The mean purchases over a chance of leaving that is beta(a, b) distributed: by the trapezoidal rule over its
 * logit, from the mode outwards, which for such a density loses nothing but rounding.
 */
static double
MeanOverChances(double a, double b, double rate, double w)
{
	double		mode = log(a / b),
				step = Min(0.5 * sqrt(1 / a + 1 / b), 0.25),
				log_leave = -log1p(exp(-mode)),
				log_stay = -log1p(exp(mode)),
				sum = 0,
				weights = 0;

	for (int side = 0; side < 2; side++)
	{
		double		weight = 1,
					term = INFINITY;

		for (int j = side; weight > LEAST_WEIGHT || term > LEAST_WEIGHT * sum; j++)
		{
			double		logit = mode + (side == 0 ? j : -j) * step,
						log_p = logit > 0 ? -log1p(exp(-logit)) : logit - log1p(exp(logit)),
						log_q = log_p - logit;

			CsCheckInterrupts(j);
			weight = exp(a * (log_p - log_leave) + b * (log_q - log_stay));
			term = weight * PurchasesByChance(log_p, rate, w);
			sum += term;
			weights += weight;
		}
	}
	return sum / weights;
}

/* The same by the sum at the head of this file; b is c + 1 - a. */
static double
SumOfTerms(double a, double c, double rate, double w)
{
	double		z = w / (1 + w),
				d = rate,
				factor = z,
				sum = 0,
				rest = 0,
				log_scale = 0;

	for (int64 k = 1;; k++)
	{
		double		term = factor * d;

		CsCheckInterrupts(k);
		CsAddCompensated(&sum, &rest, term);
		/* what follows falls at least like a geometric series of this ratio */
		factor *= z * (a + k - 1) / (k + 1);
		d += (c - d) * rate / (c + k);
		if (!(fabs(factor * d) >= fabs(sum) * (DBL_EPSILON / 4) * (1 - z)))
			break;
		/* terms may rise beyond all numbers, as what they are multiplied with falls below them */
		if (fabs(sum) > LARGE_SUM)
		{
			factor /= LARGE_SUM;
			sum /= LARGE_SUM;
			rest /= LARGE_SUM;
			log_scale += log(LARGE_SUM);
		}
	}
	return exp((a - 1) * log1p(-z) + log_scale) * (sum + rest);
}

/* The purchases in t units of a customer who is there. */
static double
ToCome(int first, const double *p, double repeats, double age, double t)
{
	double		w = t / (p[P_ALPHA] + age),
				rate = p[P_R] + repeats,
				a = p[P_A],
				b = p[P_B] + repeats + first,
				c = a + b - 1;

	if (t <= 0)
		return 0;
	/* about so many terms, and so many points, of which each costs ten terms */
	if (rate <= c + 1 && (36 + a) * (1 + w) < 10 * (40 + 164 * (1 / a + 1 / b)))
		return SumOfTerms(a, c, rate, w);
	return MeanOverChances(a, b, rate, w);
}

static double
BgAlive(const double *p, const CsPurchaseHistory *h)
{
	return Alive(0, p, h);
}

static double
MbgAlive(const double *p, const CsPurchaseHistory *h)
{
	return Alive(1, p, h);
}

static double
BgToCome(const double *p, double repeats, double age, double t)
{
	return ToCome(0, p, repeats, age, t);
}

static double
MbgToCome(const double *p, double repeats, double age, double t)
{
	return ToCome(1, p, repeats, age, t);
}

#define STARTS {{0, 1.6, 0, 0}, {-1.386, 1.61, -.223, .916}}

const CsPurchaseModel CsBgNbd = {
	"bg_nbd", 4, {"r", "alpha", "a", "b"}, 2, STARTS, 1 << P_ALPHA,
	BgLikelihood, BgAlive, BgToCome
};

const CsPurchaseModel CsMbgNbd = {
	"mbg_nbd", 4, {"r", "alpha", "a", "b"}, 2, STARTS, 1 << P_ALPHA,
	MbgLikelihood, MbgAlive, MbgToCome
};
