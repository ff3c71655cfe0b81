/*
 * pattern_sums_pass.c
 *	  What Little's test takes of rows that nobody holds: exact sums by pattern of missing values.
 *
 * Deviations are from the middle of a column, times a power of two that brings the farthest below 2: the test is the same
 * in any unit.  A value that is infinite or NaN is missing.
 */
#include "custseg.h"

#include <math.h>

#include "data/relation.h"
#include "prep/covariance_pass.h"
#include "stat/pattern_sums_pass.h"

/* Columns of a plan. */
#define MOST_COLUMNS 1000

typedef struct PatternSums
{
	CsDeviations dev;
	CsDictionary *patterns;		/* a letter a column: 1 is missing, 0 is there */
	char	   *letters;		/* of the row at hand */
	int			counts,			/* sections: of each pattern, as the next two */
				sums,
				products;		/* of columns i <= j, by i and then by j */
} PatternSums;

/* Products of two of d columns. */
static inline int64
Products(int64 d)
{
	return d * (d + 1) / 2;
}

/* Write the plan of patterns of d columns, each once: about which middles, and how far from them values are at most. */
void
CsPatternSumsPlan(JsonbParseState **json, const CsMissingPattern *const *patterns, int npatterns, int d,
				  const double *middle, const double *reach, int64 nrows)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsPatternSumsPass.name);
	CsDeviationsPlan(json, d, middle, reach, nrows);
	CsJsonArray(json, "patterns");
	for (int i = 0; i < npatterns; i++)
	{
		/* json keeps it */
		char	   *letters = palloc0(d + 1);

		for (int j = 0; j < d; j++)
			letters[j] = patterns[i]->missing[j] ? '1' : '0';
		CsJsonText(json, NULL, letters);
	}
	(void) CsJsonEnd(json);
	(void) CsJsonEnd(json);
}

/* Bytes of two states of the pass. */
Size
CsPatternSumsMemory(int npatterns, int d)
{
	return mul_size(2 * (Size) Max(npatterns, 1), sizeof(int64) + (d + Products(d)) * sizeof(CsExact));
}

/* CsTallyKind.open */
static void *
OpenPatternSums(CsTally *pass, const CsJsonReader *plan)
{
	PatternSums *own = palloc0(sizeof(PatternSums));
	int			d = JsonContainerSize(CsJsonReadArray(plan, "middle", 1, Min(pass->nnumbers, MOST_COLUMNS)));
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(plan, "patterns", 1, CS_MAX_DICTIONARY));
	int64		n = JsonContainerSize(CsJsonReadArray(plan, "patterns", 1, CS_MAX_DICTIONARY));

	own->dev = CsDeviationsRead(plan, d);
	own->patterns = CsDictionaryCreate();
	own->letters = palloc0(d + 1);
	while (CsJsonNext(&each))
	{
		char	   *letters;

		if (each.value.type != jbvString)
			CsJsonReject(plan, "patterns", "must be texts");
		letters = CsJsonString(&each.value);
		if ((int) strlen(letters) != d || CsDictionaryCode(own->patterns, letters, d) != each.at)
			CsJsonReject(plan, "patterns", "must have a letter for each column, and each pattern once");
	}
	own->counts = CsTallySection(pass, CS_SECTION_COUNTS, n, 1);
	own->sums = CsTallySection(pass, CS_SECTION_SUMS, n * d, 1);
	own->products = CsTallySection(pass, CS_SECTION_SUMS, n * Products(d), 1);
	return own;
}

/* CsTallyKind.add */
static void
AddPatternSums(CsTally *pass, void *part, CsTallyState *state)
{
	const PatternSums *own = part;
	const double *off = own->dev.off;
	int			d = own->dev.d;
	CsExact    *sums,
			   *product;
	int			pattern;

	for (int j = 0; j < d; j++)
		own->letters[j] = isfinite(pass->number[j]) ? '0' : '1';
	pattern = CsDictionaryFind(own->patterns, own->letters, d);
	if (pattern < 0)
		CsTallyRowsChanged();
	CsDeviationsTake(&own->dev, pass->number);
	CsTallyCounts(pass, state, own->counts)[pattern]++;
	sums = CsTallySums(pass, state, own->sums) + (Size) pattern * d;
	product = CsTallySums(pass, state, own->products) + (Size) pattern * Products(d);
	for (int i = 0; i < d; i++)
	{
		if (own->letters[i] == '1')
		{
			product += d - i;
			continue;
		}
		CsTallySum(&sums[i], off[i], own->dev.scale);
		for (int j = i; j < d; j++, product++)
			if (own->letters[j] == '0')
				CsTallySum(product, off[i] * off[j], own->dev.scale);
	}
}

/*
 * Read means and products of a pattern, in units of the deviations; of the products those of columns i <= j.  An error where
 * it has another number of rows than when these were counted.
 */
void
CsPatternSumsRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int pattern, CsMissingPattern *p)
{
	const PatternSums *own = part->own;
	int			d = own->dev.d;
	const CsExact *sums = CsTallySums(pass, state, own->sums) + (Size) pattern * d;
	const CsExact *product = CsTallySums(pass, state, own->products) + (Size) pattern * Products(d);
	double		n = (double) p->n;

	if (CsTallyCounts(pass, state, own->counts)[pattern] != p->n || p->n < 1)
		CsTallyRowsChanged();
	for (int i = 0; i < d; i++)
		p->mean[i] = CsExactMean(&sums[i], own->dev.exponent, n);
	for (int i = 0; i < d; i++)
		for (int j = i; j < d; j++, product++)
		{
			double		apart = CsExactMean(product, own->dev.exponent, n) - p->mean[i] * p->mean[j];

			p->cross[i * d + j] = n * (i == j ? Max(apart, 0) : apart);
		}
}

const CsTallyKind CsPatternSumsPass = {"pattern_sums", .open = OpenPatternSums, .add = AddPatternSums};
