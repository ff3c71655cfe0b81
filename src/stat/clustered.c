/*
 * clustered.c
 *	  Intervals of shares of cases that hang together in clusters, such as the visits of a customer.
 *
 * Cases of a cluster that are alike tell less than as many independent ones: visits of customers who each go one of two
 * ways tell no more than the customers.  The design effect is the variance of a share, as the clusters' counts tell it,
 * over that of independent cases (Kish, Survey Sampling, 1965); the interval is Wilson's for so many times fewer cases, with
 * Student's law for the clusters less one (Korn and Graubard, Survey Methodology 24, 1998; Dean and Pagano, Journal of
 * Survey Statistics and Methodology 3, 2015).  That law holds for an effect of 1, too: two clusters of many cases that have
 * about the same share may have it by chance.
 *
 * Of a rare outcome few clusters have any, and its own variance says little: the effect is at least that of all outcomes
 * together, the mean of Rao and Scott's (Annals of Statistics 12, 1984).  It is at least 1, and no more than where each
 * cluster is of one kind.  That is what is taken where all cases have the same outcome, or are of one cluster, so that
 * nothing tells how much they hang together.  Where no cluster has two cases, the interval is Wilson's own.
 */
#include "custseg.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

#include "math/math.h"
#include "stat/clustered.h"
#include "stat/shares.h"

/* Add a cluster with so many cases, 0 or more. */
void
CsClustersAdd(CsClusters *c, int64 cases)
{
	c->n += cases > 0;
	c->cases += (double) cases;
	c->squares += (double) cases * (double) cases;
}

/* Add a cluster that has the outcome in so many of its cases. */
void
CsClusteredCountAdd(CsClusteredCount *c, int64 count, int64 cases)
{
	c->count += (double) count;
	c->squares += (double) count * (double) count;
	c->products += (double) count * (double) cases;
}

/* The variance of an outcome's count as the clusters tell it, and that of independent cases. */
static CsDesignEffect
EffectOf(const CsClusters *clusters, const CsClusteredCount *count)
{
	double		share = count->count / clusters->cases;

	return (CsDesignEffect) {
		Max(count->squares - 2 * share * count->products + share * share * clusters->squares, 0),
		count->count * (1 - share)
	};
}

/* Add an outcome to the effect of all of them; there is a case. */
void
CsDesignEffectAdd(CsDesignEffect *effect, const CsClusters *clusters, const CsClusteredCount *count)
{
	CsDesignEffect one = EffectOf(clusters, count);

	effect->variance += one.variance;
	effect->independent += one.independent;
}

/*
 * The interval of the share of an outcome, of one case or more: "all" is the effect of all outcomes of the cases.
 */
void
CsClusteredInterval(const CsClusters *clusters, const CsClusteredCount *count, const CsDesignEffect *all,
					double confidence, double *low, double *high)
{
	CsDesignEffect one = EffectOf(clusters, count);
	double		share = count->count / clusters->cases,
				most = clusters->squares / clusters->cases,
				effect = most,
				z = gsl_cdf_ugaussian_Qinv((1 - confidence) / 2),
				cases;
	bool		is_known = clusters->n > 1 && all->independent > 0;

	if (is_known)
		effect = all->variance / all->independent;
	if (is_known && one.independent > 0)
		effect = Max(effect, one.variance / one.independent);
	effect = Max(Min(effect, most), 1);
	if (is_known && most > 1)
	{
		effect *= (double) clusters->n / (double) (clusters->n - 1);
		z = CsStudentQuantile(1 - confidence, (double) (clusters->n - 1));
	}
	cases = clusters->cases / effect;
	CsScoreInterval(share * cases, cases, z, low, high);
}
