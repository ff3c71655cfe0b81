/*
 * pairs.c
 *	  Which pairs of groups differ in their means, with all pairs held to one error rate.
 *
 * Tukey's honestly significant difference in Kramer's form for groups of different size (Kramer,
 * Biometrics 12, 1956): |difference| / sqrt(MSW / 2 (1 / n_i + 1 / n_j)) against the studentized range of
 * k means with n - k degrees of freedom.  It takes the groups to vary alike.
 *
 * Games and Howell (Journal of Educational Statistics 1, 1976) do not: a pair's standard error is of its
 * own two variances, and so are its degrees of freedom, by Welch and Satterthwaite.
 */
#include "custseg.h"

#include <math.h>

#include "stat/group_tests.h"

/*
 * Complete a pair whose standard error and degrees of freedom are known; critical: NaN to be found.
 * Difference and error are those of the values times "scale".
 */
static void
FinishPair(CsPair *pair, CsStudentizedRange *range, double scale, double error, double confidence,
		   double critical)
{
	double		difference = pair->difference;

	pair->difference = difference / scale;
	pair->statistic = fabs(difference) / error;
	if (isnan(pair->df) || !(pair->df > 0) || isnan(error))
	{
		pair->statistic = pair->p = pair->low = pair->high = NAN;
		return;
	}
	pair->p = isnan(pair->statistic) ? NAN :
		CsStudentizedRangeUpper(range, pair->statistic, pair->df);
	if (isnan(critical))
		critical = CsStudentizedRangeQuantile(range, confidence, pair->df);
	pair->low = (difference - critical * error) / scale;
	pair->high = (difference + critical * error) / scale;
}

/*
 * Tukey's test of all ngroups (ngroups - 1) / 2 pairs.  "confidence" is that of all intervals
 * together.  OUT pairs.
 */
void
CsTukeyHsd(CsGroupMoments *groups, int ngroups, double confidence, CsPair *pairs)
{
	CsStudentizedRange *range = CsStudentizedRangeMake(ngroups);
	CsMoments	all;
	double		scale = CsAlignGroups(groups, ngroups, &all),
				within = 0,
				critical;
	int64		n = all.n;

	for (int g = 0; g < ngroups; g++)
		within += groups[g].m.m2;
	critical = n > ngroups ? CsStudentizedRangeQuantile(range, confidence, n - ngroups) : NAN;
	within /= n - ngroups;
	for (int i = 0; i < ngroups; i++)
		for (int j = i + 1; j < ngroups; j++, pairs++)
		{
			double		error = sqrt(within / 2 * (1.0 / groups[i].m.n + 1.0 / groups[j].m.n));

			*pairs = (CsPair) {i, j, CsMeansApart(&groups[j].m, &groups[i].m)};
			pairs->df = n - ngroups;
			FinishPair(pairs, range, scale, error, confidence, critical);
		}
}

/*
 * Games and Howell's test of all pairs, which does not assume equal variances; otherwise as
 * CsTukeyHsd().
 */
void
CsGamesHowell(CsGroupMoments *groups, int ngroups, double confidence, CsPair *pairs)
{
	CsStudentizedRange *range = CsStudentizedRangeMake(ngroups);
	CsMoments	all;
	double		scale = CsAlignGroups(groups, ngroups, &all);

	for (int i = 0; i < ngroups; i++)
		for (int j = i + 1; j < ngroups; j++, pairs++)
		{
			const CsMoments *a = &groups[i].m,
					   *b = &groups[j].m;
			double		a_part = a->m2 / (a->n - 1.0) / a->n,
						b_part = b->m2 / (b->n - 1.0) / b->n,
						both = a_part + b_part;

			*pairs = (CsPair) {i, j, CsMeansApart(b, a)};
			pairs->df = both * both / (a_part * a_part / (a->n - 1.0) + b_part * b_part / (b->n - 1.0));
			FinishPair(pairs, range, scale, sqrt(both / 2), confidence, NAN);
		}
}
