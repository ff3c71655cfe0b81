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
 */
static void
FinishPair(CsPair *pair, int ngroups, double error, double confidence, double critical)
{
	pair->statistic = fabs(pair->difference) / error;
	if (isnan(pair->df) || !(pair->df > 0) || isnan(error))
	{
		pair->statistic = pair->p = pair->low = pair->high = NAN;
		return;
	}
	pair->p = isnan(pair->statistic) ? NAN :
		CsStudentizedRangeUpper(pair->statistic, ngroups, pair->df);
	if (isnan(critical))
		critical = CsStudentizedRangeQuantile(confidence, ngroups, pair->df);
	pair->low = pair->difference - critical * error;
	pair->high = pair->difference + critical * error;
}

/*
 * Tukey's test of all ngroups (ngroups - 1) / 2 pairs.  "confidence" is that of all intervals
 * together.  OUT pairs.
 */
void
CsTukeyHsd(const CsGroupMoments *groups, int ngroups, double confidence, CsPair *pairs)
{
	double		within = 0,
				critical;
	int64		n = 0;

	for (int g = 0; g < ngroups; g++)
	{
		within += groups[g].m2;
		n += groups[g].n;
	}
	critical = n > ngroups ? CsStudentizedRangeQuantile(confidence, ngroups, n - ngroups) : NAN;
	within /= n - ngroups;
	for (int i = 0; i < ngroups; i++)
		for (int j = i + 1; j < ngroups; j++, pairs++)
		{
			double		error = sqrt(within / 2 * (1.0 / groups[i].n + 1.0 / groups[j].n));

			*pairs = (CsPair) {i, j, groups[j].mean - groups[i].mean};
			pairs->df = n - ngroups;
			FinishPair(pairs, ngroups, error, confidence, critical);
		}
}

/*
 * Games and Howell's test of all pairs, which does not assume equal variances; otherwise as
 * CsTukeyHsd().
 */
void
CsGamesHowell(const CsGroupMoments *groups, int ngroups, double confidence, CsPair *pairs)
{
	for (int i = 0; i < ngroups; i++)
		for (int j = i + 1; j < ngroups; j++, pairs++)
		{
			const CsGroupMoments *a = &groups[i],
					   *b = &groups[j];
			double		a_part = a->m2 / (a->n - 1.0) / a->n,
						b_part = b->m2 / (b->n - 1.0) / b->n,
						both = a_part + b_part;

			*pairs = (CsPair) {i, j, b->mean - a->mean};
			pairs->df = both * both / (a_part * a_part / (a->n - 1.0) + b_part * b_part / (b->n - 1.0));
			FinishPair(pairs, ngroups, sqrt(both / 2), confidence, NAN);
		}
}
