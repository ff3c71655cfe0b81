/*
 * covariance_pass.c
 *	  Means and covariances of prepared columns, by a pass whose sums are exact.
 *
 * What is added up are products of deviations from a middle that is near the mean, so that neither a column far from 0
 * nor one with outliers loses anything.
 */
#include "custseg.h"

#include <float.h>

#include "prep/covariance_pass.h"

/* What no product of two deviations reaches. */
#define LARGEST_PRODUCT 4

/* Part of a variance that rounding may be. */
#define MOST_ROUNDED 1e-13

/* A part of a pass. */
typedef struct Covariance
{
	CsDeviations dev;
	int			rows,			/* sections */
				sums,
				products;		/* of columns i <= j, by i and then by j */
} Covariance;

/* Write what CsDeviationsRead() reads: about which middles, and how far from them values are at most, into a part's plan. */
void
CsDeviationsPlan(JsonbParseState **json, int d, const double *middle, const double *reach, int64 nrows)
{
	CsJsonInteger(json, "rows", nrows);
	CsJsonNumbers(json, "middle", middle, d, 1);
	CsJsonNumbers(json, "reach", reach, d, 1);
}

/* Read it for d columns, palloc'd. */
CsDeviations
CsDeviationsRead(const CsJsonReader *plan, int d)
{
	Size		size = sizeof(double) * Max(d, 1);
	CsDeviations dev = {.d = d,.middle = palloc(size),.size = palloc(size),.off = palloc(size)};

	CsJsonReadNumbers(plan, "middle", d, dev.middle, 1);
	CsJsonReadNumbers(plan, "reach", d, dev.size, 1);
	for (int j = 0; j < d; j++)
		dev.size[j] = CsScaleOf(dev.size[j]);
	dev.exponent = CsExactExponent(LARGEST_PRODUCT, (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX));
	dev.scale = CsExactScale(dev.exponent);
	return dev;
}

/*
 * Does a variance of deviations whose mean is "off" say little, because the deviations are rounded, and far from the middle or
 * small beside the unit?
 */
bool
CsDeviationsBlur(const CsDeviations *dev, double off, double variance)
{
	return off * off * DBL_EPSILON + 1 / dev->scale > MOST_ROUNDED * variance;
}

/* Write the plan: about which middles, and how far from them rows are at most. */
void
CsCovariancePlan(JsonbParseState **json, int d, const double *middle, const double *reach, int64 nrows)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsCovariancePass.name);
	CsDeviationsPlan(json, d, middle, reach, nrows);
	(void) CsJsonEnd(json);
}

static void *
OpenCovariance(CsTally *pass, const CsJsonReader *plan)
{
	Covariance *c = palloc0(sizeof(Covariance));
	int			d = pass->pipeline->noutputs;

	c->dev = CsDeviationsRead(plan, d);
	c->rows = CsTallySection(pass, CS_SECTION_COUNTS, 1, 1);
	c->sums = CsTallySection(pass, CS_SECTION_SUMS, d, 1);
	c->products = CsTallySection(pass, CS_SECTION_SUMS, (int64) d * (d + 1) / 2, 1);
	return c;
}

static void
AddCovariance(CsTally *pass, void *own, CsTallyState *state)
{
	const Covariance *c = own;
	const double *off = c->dev.off;
	CsExact    *sums = CsTallySums(pass, state, c->sums);
	CsExact    *product = CsTallySums(pass, state, c->products);

	CsTallyCounts(pass, state, c->rows)[0]++;
	CsDeviationsTake(&c->dev, pass->z);
	for (int i = 0; i < c->dev.d; i++)
	{
		CsTallySum(&sums[i], off[i], c->dev.scale);
		for (int j = i; j < c->dev.d; j++)
			CsTallySum(product++, off[i] * off[j], c->dev.scale);
	}
}

const CsTallyKind CsCovariancePass = {"covariance", .is_prepared = true, .open = OpenCovariance, .add = AddCovariance};

/* Bytes that the pass and what follows from it take, for d columns: two states, and matrices. */
Size
CsCovariancePassMemory(int d)
{
	return mul_size(mul_size(d, d), 2 * sizeof(CsExact) / 2 + 3 * sizeof(double));
}

/*
 * Means and covariances of the columns, with n - 1 in the denominator; NaN with fewer than two rows.  Palloc'd.  An error
 * where there were not "nrows" rows.
 */
CsCovariance
CsCovarianceRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 nrows)
{
	const Covariance *c = part->own;
	const CsExact *sums = CsTallySums(pass, state, c->sums);
	const CsExact *product = CsTallySums(pass, state, c->products);
	const CsDeviations *dev = &c->dev;
	int			d = dev->d;
	double		n = (double) nrows;
	double	   *off = palloc(sizeof(double) * Max(d, 1));
	CsCovariance result = {
		.d = d,
		.mean = palloc(sizeof(double) * Max(d, 1)),
		.values = palloc_extended(sizeof(double) * Max((Size) d * d, 1), MCXT_ALLOC_HUGE)
	};

	if (CsTallyCounts(pass, state, c->rows)[0] != nrows)
		CsTallyCountsChanged();
	for (int j = 0; j < d; j++)
	{
		off[j] = CsExactMean(&sums[j], dev->exponent, n);
		result.mean[j] = dev->middle[j] + off[j] / dev->size[j];
	}
	for (int i = 0; i < d; i++)
		for (int j = i; j < d; j++, product++)
		{
			double		value = (CsExactMean(product, dev->exponent, n) - off[i] * off[j]) * (n / (n - 1));

			result.values[(Size) i * d + j] = result.values[(Size) j * d + i] = value / dev->size[i] / dev->size[j];
		}
	pfree(off);
	return result;
}
