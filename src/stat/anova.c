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
static double
FUpper(double f, double df_between, double df_within)
{
	double		between = df_between * f;

	if (isnan(f) || f <= 0)
		return isnan(f) ? NAN : 1;
	if (isinf(between))
		return 0;
	return CsBetaLower(df_within / 2, df_between / 2, df_within / (df_within + between),
					   between / (df_within + between));
}

/* Sums of squares between and within groups. */
static void
SumSquares(const CsGroupMoments *groups, int ngroups, const CsMoments *all, double *between,
		   double *within)
{
	double		between_rest = 0,
				within_rest = 0;

	*between = *within = 0;
	for (int g = 0; g < ngroups; g++)
	{
		double		off = CsMeansApart(&groups[g].m, all);

		CsAddCompensated(between, &between_rest, (double) groups[g].m.n * off * off);
		CsAddCompensated(within, &within_rest, groups[g].m.m2);
	}
	*between += between_rest;
	*within += within_rest;
}

/* What a group's mean weighs: one over its variance, of 2 or more values that vary. */
static double
WelchWeight(const CsMoments *m)
{
	return (double) m->n * ((double) m->n - 1) / m->m2;
}

/*
 * Welch's test; nothing is defined where a group has one value, or values that are all the same.  Means are
 * taken less that of the group whose mean weighs most, near which their mean is: less that of all values, they would lose
 * all digits where one group varies far less than the others.
 */
static void
FillWelch(const CsGroupMoments *groups, int ngroups, CsAnovaResult *result)
{
	const CsMoments *origin = &groups[0].m;
	double		total = 0,
				mean = 0,
				between = 0,
				spread = 0;
	int			k = ngroups;

	for (int g = 0; g < ngroups; g++)
	{
		if (groups[g].m.n < 2 || groups[g].m.m2 == 0)
			return;
		if (WelchWeight(&groups[g].m) > WelchWeight(origin))
			origin = &groups[g].m;
	}
	for (int g = 0; g < ngroups; g++)
	{
		total += WelchWeight(&groups[g].m);
		mean += WelchWeight(&groups[g].m) * CsMeansApart(&groups[g].m, origin);
	}
	mean /= total;
	for (int g = 0; g < ngroups; g++)
	{
		const CsMoments *m = &groups[g].m;
		double		rest = 1 - WelchWeight(m) / total,
					off = CsMeansApart(m, origin) - mean;

		between += WelchWeight(m) * off * off;
		spread += rest * rest / ((double) m->n - 1);
	}
	result->welch_f = between / (k - 1) / (1 + 2 * (k - 2.0) / ((double) k * k - 1) * spread);
	result->welch_df = ((double) k * k - 1) / (3 * spread);
	result->welch_p = FUpper(result->welch_f, k - 1, result->welch_df);
}

/* One-way analysis of variance, and Welch's analysis, which does not assume equal variances. */
CsAnovaResult
CsAnova(CsGroupMoments *groups, int ngroups)
{
	CsMoments	all;
	CsAnovaResult result = {ngroups, 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	double		between,
				within,
				per_df;

	(void) CsAlignGroups(groups, ngroups, &all);
	result.n = all.n;
	if (ngroups < 2)
		return result;
	result.df_between = ngroups - 1;
	result.df_within = result.n - ngroups;
	SumSquares(groups, ngroups, &all, &between, &within);
	if (between + within == 0)
		return result;
	result.eta_squared = between / (between + within);
	if (result.df_within > 0)
	{
		per_df = within / result.df_within;
		result.f = between / result.df_between / per_df;
		result.p = FUpper(result.f, result.df_between, result.df_within);
		result.omega_squared = (between - result.df_between * per_df) / (between + within + per_df);
	}
	FillWelch(groups, ngroups, &result);
	return result;
}
