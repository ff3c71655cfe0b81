/*
 * stratified.c
 *	  A group compared with others of the same strata, by how many of it have something.
 *
 * In each stratum the number follows the hypergeometric law where only chance is at work, given how many of the
 * stratum are of the group, and how many have it; the sum over the strata is compared with what was seen (Mantel and
 * Haenszel, Journal of the National Cancer Institute 22, 1959).  Seen over expected is a ratio standardised indirectly.
 * Where the variance is small, the law of the sum is computed exactly, and the numbers that are no likelier than the one
 * seen add up to p, as in Fisher's test, which it is with one stratum; else the normal law serves, with a correction for
 * continuity.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/stratified.h"

/* Numbers that are as likely but for rounding count as as likely. */
#define TOLERANCE 1e-7

/* Up to here the law is computed. */
#define EXACT_VARIANCE 25
#define EXACT_NUMBERS 1000

/* OUT the least and the largest number of the group that can have it, in a stratum. */
static void
RangeOf(const CsStratum *s, int64 *low, int64 *high)
{
	*low = Max(s->n_group + s->n_having - s->n, 0);
	*high = Min(s->n_group, s->n_having);
}

/* The hypergeometric law of a stratum: probabilities of its numbers, from the least on. */
static void
LawOf(const CsStratum *s, double *law)
{
	double		n = (double) s->n,
				group = (double) s->n_group,
				having = (double) s->n_having,
				sum = 0;
	int64		low,
				high,
				mode;

	RangeOf(s, &low, &high);
	mode = (int64) floor((group + 1) * ((having + 1) / (n + 2)));
	mode = Min(Max(mode, low), high);
	/* from the likeliest one outwards, so that nothing overflows */
	law[mode - low] = 1;
	for (int64 i = mode; i < high; i++)
	{
		double		x = (double) i;

		law[i + 1 - low] = law[i - low] * ((group - x) / (x + 1)) * ((having - x) / (n - group - having + x + 1));
	}
	for (int64 i = mode; i > low; i--)
	{
		double		x = (double) i;

		law[i - 1 - low] = law[i - low] * (x / (group - x + 1)) * ((n - group - having + x) / (having - x + 1));
	}
	for (int64 i = 0; i <= high - low; i++)
		sum += law[i];
	for (int64 i = 0; i <= high - low; i++)
		law[i] /= sum;
}

/* Fold the law of one more stratum, of so many numbers, into that of a sum; returns how many numbers that has then. */
static int
Fold(double *sum, int nsum, const double *law, int nlaw)
{
	double		folded[EXACT_NUMBERS + 1];

	memset(folded, 0, sizeof(double) * (nsum + nlaw - 1));
	for (int i = 0; i < nsum; i++)
	{
		for (int j = 0; j < nlaw; j++)
			folded[i + j] += sum[i] * law[j];
	}
	memcpy(sum, folded, sizeof(double) * (nsum + nlaw - 1));
	return nsum + nlaw - 1;
}

/* The two-sided p by the law of the sum. */
static double
ExactP(const CsStratum *strata, int nstrata, int64 seen)
{
	double		sum[EXACT_NUMBERS + 1] = {1},
				law[EXACT_NUMBERS + 1],
				limit,
				p = 0;
	int			n = 1;
	int64		least = 0;

	for (int i = 0; i < nstrata; i++)
	{
		int64		low,
					high;

		RangeOf(&strata[i], &low, &high);
		least += low;
		if (low == high)
			continue;
		LawOf(&strata[i], law);
		n = Fold(sum, n, law, (int) (high - low + 1));
	}
	limit = sum[seen - least] * (1 + TOLERANCE);
	for (int i = 0; i < n; i++)
		p += sum[i] <= limit ? sum[i] : 0;
	return Min(p, 1);
}

/*
 * Compare with the strata the number of the group that has it, which is among the numbers that there can be.
 */
CsStratifiedResult
CsStratifiedTest(const CsStratum *strata, int nstrata, int64 seen)
{
	CsStratifiedResult r = {.p = NAN};
	double		apart,
				corrected;
	int64		numbers = 1;

	for (int i = 0; i < nstrata; i++)
	{
		const CsStratum *s = &strata[i];
		double		n = (double) s->n,
					group = (double) s->n_group,
					having = (double) s->n_having;
		int64		low,
					high;

		if (s->n == 0)
			continue;
		r.expected += group * having / n;
		if (s->n > 1)
			r.variance += group / n * (n - group) * (having / n) * (n - having) / (n - 1);
		RangeOf(s, &low, &high);
		numbers += high - low;
	}
	if (numbers == 1)
		return r;
	apart = (double) seen - r.expected;
	r.z = apart / sqrt(r.variance);
	r.is_exact = r.variance <= EXACT_VARIANCE && numbers <= EXACT_NUMBERS;
	corrected = Max(fabs(apart) - 0.5, 0) / sqrt(r.variance);
	r.p = r.is_exact ? ExactP(strata, nstrata, seen) : CsNormalTails(corrected);
	return r;
}
