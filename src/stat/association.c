/*
 * association.c
 *	  How far two columns go together, whatever their kinds; and how little one varies.
 *
 * Correlation, correlation ratio and Cramer's V all are the root of a sum, over the columns of both
 * features, of their squared covariance over what each varies.  A column of 0 and 1 that marks a level
 * varies by its mean here, the level's share p: with c the covariances, c^2 / (p q) of all pairs of levels
 * adds up to Pearson's chi-square over n, and c^2 / (p s^2) of a number's to the variance between levels
 * over that of all.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "stat/association.h"

/* What a column varies by. */
static double
Variation(const double *covariance, const double *mean, int d, double unbiased, bool is_level,
		  int column)
{
	return is_level ? mean[column] : covariance[(Size) column * d + column] * unbiased;
}

/*
 * The association of two features: Pearson's correlation, with its sign, for two numbers; the
 * correlation ratio for a number and a category; Cramer's V for two categories. 0 where one feature
 * does not vary.
 *
 * IN the covariances (d x d; times "unbiased" they are those of all rows, with n in the
 * denominator) and the means of the features' columns.
 */
double
CsAssociation(const double *covariance, const double *mean, int d, double unbiased, CsColumnSpan f,
			  CsColumnSpan g)
{
	int			levels[2] = {0, 0};
	double		sum = 0;

	for (int i = f.first; i < f.first + f.n; i++)
	{
		double		fi = Variation(covariance, mean, d, unbiased, f.is_category, i);

		levels[0] += fi > 0;
		levels[1] = 0;
		for (int j = g.first; j < g.first + g.n; j++)
		{
			double		c = covariance[(Size) i * d + j] * unbiased;
			double		gj = Variation(covariance, mean, d, unbiased, g.is_category, j);

			levels[1] += gj > 0;
			if (!f.is_category && !g.is_category)
				return fi > 0 && gj > 0 ? Max(-1, Min(1, c / sqrt(fi) / sqrt(gj))) : 0;
			if (fi > 0 && gj > 0)
				sum += c * c / fi / gj;
		}
	}
	if (f.is_category && g.is_category)
		sum = Min(levels[0], levels[1]) > 1 ? sum / (Min(levels[0], levels[1]) - 1) : 0;
	return sqrt(Min(sum, 1));
}

/*
 * The share of the rows that have the most frequent value of a column.  It is exact when it is more
 * than half, otherwise lower than the share.  Found by the majority vote of Boyer and Moore (1991),
 * and a count.
 */
double
CsMajorityShare(CsArena *arena, const CsMatrix *m, int column)
{
	double		majority = 0;
	int64		lead = 0,
				count = 0;

	for (int pass = 0; pass < 2; pass++)
		for (int64 b = 0; b < CsMatrixBlocks(m); b++)
		{
			const double *x = CsMatrixBlock(m, arena, b) + (Size) column * CS_BLOCK_ROWS;

			CHECK_FOR_INTERRUPTS();
			for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
			{
				if (pass == 1)
					count += x[r] == majority;
				else if (x[r] == majority)
					lead++;
				else if (lead > 0)
					lead--;
				else
				{
					majority = x[r];
					lead = 1;
				}
			}
		}
	return (double) count / m->nrows;
}
