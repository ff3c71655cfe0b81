/*
 * covariance_pass.c
 *	  Means and covariances of prepared columns, by a pass whose sums are exact.
 *
 * What is added up are products of deviations from a middle that is near the mean, so that neither a column far from 0
 * nor one with outliers loses anything.  Deviations are taken times a power of two, by which those of all columns are
 * below 2, and one unit does for all sums.
 */
#include "custseg.h"

#include "prep/covariance_pass.h"

/* What no product of two deviations reaches. */
#define LARGEST_PRODUCT 4

/* A part of a pass. */
typedef struct Covariance
{
	int			d;
	double	   *middle;
	double	   *size;			/* powers of two that deviations are taken times */
	double	   *off;			/* of the row at hand */
	int			exponent;		/* of all sums */
	double		scale;
	int			rows,			/* sections */
				sums,
				products;		/* of columns i <= j, by i and then by j */
} Covariance;

/* Write the plan: about which middles, and how far from them rows are at most. */
void
CsCovariancePlan(JsonbParseState **json, int d, const double *middle, const double *reach, int64 nrows)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsCovariancePass.name);
	CsJsonInteger(json, "rows", nrows);
	CsJsonNumbers(json, "middle", middle, d, 1);
	CsJsonNumbers(json, "reach", reach, d, 1);
	(void) CsJsonEnd(json);
}

static void *
OpenCovariance(CsTally *pass, const CsJsonReader *plan)
{
	Covariance *c = palloc0(sizeof(Covariance));
	int			d = pass->pipeline->noutputs;
	double		nrows = (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX);

	c->d = d;
	c->middle = palloc(sizeof(double) * Max(d, 1));
	c->size = palloc(sizeof(double) * Max(d, 1));
	c->off = palloc(sizeof(double) * Max(d, 1));
	CsJsonReadNumbers(plan, "middle", d, c->middle, 1);
	CsJsonReadNumbers(plan, "reach", d, c->size, 1);
	for (int j = 0; j < d; j++)
		c->size[j] = CsScaleOf(c->size[j]);
	c->exponent = CsExactExponent(LARGEST_PRODUCT, nrows);
	c->scale = CsExactScale(c->exponent);
	c->rows = CsTallySection(pass, CS_SECTION_COUNTS, 1, 1);
	c->sums = CsTallySection(pass, CS_SECTION_SUMS, d, 1);
	c->products = CsTallySection(pass, CS_SECTION_SUMS, (int64) d * (d + 1) / 2, 1);
	return c;
}

static void
AddCovariance(CsTally *pass, void *own, CsTallyState *state)
{
	const Covariance *c = own;
	CsExact    *sums = CsTallySums(pass, state, c->sums);
	CsExact    *product = CsTallySums(pass, state, c->products);

	CsTallyCounts(pass, state, c->rows)[0]++;
	for (int j = 0; j < c->d; j++)
	{
		c->off[j] = (pass->z[j] - c->middle[j]) * c->size[j];
		CsTallySum(&sums[j], c->off[j], c->scale);
	}
	for (int i = 0; i < c->d; i++)
		for (int j = i; j < c->d; j++)
			CsTallySum(product++, c->off[i] * c->off[j], c->scale);
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
	int			d = c->d;
	double		n = (double) nrows;
	double	   *off = palloc(sizeof(double) * Max(d, 1));
	CsCovariance result = {
		.d = d,
		.mean = palloc(sizeof(double) * Max(d, 1)),
		.values = palloc_extended(sizeof(double) * Max((Size) d * d, 1), MCXT_ALLOC_HUGE)
	};

	if (CsTallyCounts(pass, state, c->rows)[0] != nrows)
		CsTallyRowsChanged();
	for (int j = 0; j < d; j++)
	{
		off[j] = CsExactMean(&sums[j], c->exponent, n);
		result.mean[j] = c->middle[j] + off[j] / c->size[j];
	}
	for (int i = 0; i < d; i++)
		for (int j = i; j < d; j++, product++)
		{
			double		value = (CsExactMean(product, c->exponent, n) - off[i] * off[j]) * (n / (n - 1));

			result.values[(Size) i * d + j] = result.values[(Size) j * d + i] = value / c->size[i] / c->size[j];
		}
	pfree(off);
	return result;
}
