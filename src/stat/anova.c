/*
 * anova.c
 *	  One-way analysis of variance: do the means of groups differ?
 *
 * F = (SSB / (k - 1)) / (SSW / (n - k)) (Fisher 1925), SSB the squared distances of the groups'
 * means to the mean of all, SSW those of the values to their group's mean.  Eta squared = SSB /
 * (SSB + SSW); omega squared takes off what chance adds to it (Hays 1963):
 * (SSB - (k - 1) MSW) / (SSB + SSW + MSW).
 *
 * Welch's F (Biometrika 38, 1951) does not take the groups to vary alike: each mean weighs as much
 * as its variance allows.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "stat/group_tests.h"

/* The upper tail of the F law, to some 10 digits, even far out. */
double
CsFUpper(double f, double df_between, double df_within)
{
	double		between = df_between * f;

	if (isnan(f) || f <= 0)
		return isnan(f) ? NAN : 1;
	if (isinf(between))
		return 0;
	return CsBetaLower(df_within / 2, df_between / 2, df_within / (df_within + between),
					   between / (df_within + between));
}

/* Sums of squares between and within groups, and how many values there are. */
static void
SumSquares(const CsGroupMoments *groups, int ngroups, int64 *n, double *between, double *within)
{
	double		mean = 0,
				rest = 0,
				between_rest = 0,
				within_rest = 0;

	*n = 0;
	*between = *within = 0;
	for (int g = 0; g < ngroups; g++)
		*n += groups[g].n;
	for (int g = 0; g < ngroups; g++)
		CsAddCompensated(&mean, &rest, groups[g].mean * ((double) groups[g].n / *n));
	mean += rest;
	for (int g = 0; g < ngroups; g++)
	{
		double		off = groups[g].mean - mean;

		CsAddCompensated(between, &between_rest, groups[g].n * off * off);
		CsAddCompensated(within, &within_rest, groups[g].m2);
	}
	*between += between_rest;
	*within += within_rest;
}

/* Welch's test; nothing is defined where a group has one value, or values that are all the same. */
static void
FillWelch(const CsGroupMoments *groups, int ngroups, CsAnovaResult *result)
{
	double		total = 0,
				mean = 0,
				between = 0,
				spread = 0;
	int			k = ngroups;

	for (int g = 0; g < k; g++)
	{
		double		weight = groups[g].n * (groups[g].n - 1.0) / groups[g].m2;

		if (groups[g].n < 2 || !isfinite(weight))
			return;
		total += weight;
		mean += weight * groups[g].mean;
	}
	mean /= total;
	for (int g = 0; g < k; g++)
	{
		double		weight = groups[g].n * (groups[g].n - 1.0) / groups[g].m2,
					off = groups[g].mean - mean,
					rest = 1 - weight / total;

		between += weight * off * off;
		spread += rest * rest / (groups[g].n - 1);
	}
	result->welch_f = between / (k - 1) / (1 + 2 * (k - 2.0) / ((double) k * k - 1) * spread);
	result->welch_df = ((double) k * k - 1) / (3 * spread);
	result->welch_p = CsFUpper(result->welch_f, k - 1, result->welch_df);
}

/* One-way analysis of variance, and Welch's analysis, which does not assume equal variances. */
CsAnovaResult
CsAnova(const CsGroupMoments *groups, int ngroups)
{
	CsAnovaResult result = {ngroups, 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	double		between,
				within,
				per_df;

	SumSquares(groups, ngroups, &result.n, &between, &within);
	if (ngroups < 2)
		return result;
	result.df_between = ngroups - 1;
	result.df_within = result.n - ngroups;
	if (between + within == 0)
		return result;
	result.eta_squared = between / (between + within);
	if (result.df_within > 0)
	{
		per_df = within / result.df_within;
		result.f = between / result.df_between / per_df;
		result.p = CsFUpper(result.f, result.df_between, result.df_within);
		result.omega_squared = (between - result.df_between * per_df) / (between + within + per_df);
	}
	FillWelch(groups, ngroups, &result);
	return result;
}
