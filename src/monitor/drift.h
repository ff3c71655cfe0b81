/*
 * drift.h
 *	  What the files of drift() share: a feature compared, and what is said of it.
 */
#ifndef CUSTSEG_DRIFT_H
#define CUSTSEG_DRIFT_H

#include "monitor/monitor.h"
#include "stat/statistic.h"

/* Limits of the verdicts: from "watch" and from "drifted" on. */
typedef struct CsDriftLimits
{
	double		watch,
				drifted;
} CsDriftLimits;

typedef struct CsDriftOptions
{
	int			min_rows;
	double		significance;	/* an adjusted p below it counts */
	CsDriftLimits null_share;
	CsDriftLimits statistic[CS_MAX_STATISTICS]; /* of those that can be judged */
} CsDriftOptions;

/* One side of a feature. */
typedef struct CsDriftSide
{
	int64		n;				/* rows */
	int64		n_null;
	int64		n_infinite;
	int64		n_values;		/* all others */
	double		quartile[3];	/* of numbers; NaN without values */
} CsDriftSide;

/*
 * A feature compared.  Numbers that there are not are NaN.  Everything is palloc'd.
 */
typedef struct CsDriftFeature
{
	const CsFeature *feature;
	CsBindState state;			/* of the current column; unless it is CS_BIND_DONE, there is */
	char	   *type;			/* nothing below but the baseline's counts */
	CsBindState reference_state;	/* likewise of the baseline's; CS_BIND_DONE in training */
	CsDriftSide side[2];

	CsMeasure	measures[CS_MAX_STATISTICS];
	bool		has_levels;		/* they were compared: what follows is known */
	char	   *moved;			/* which level's share changed most, in words */
	bool		moved_null;		/* it is that of no value */
	double		moved_share[2];
	List	   *new_levels;		/* of char *, the most frequent first */
	List	   *vanished_levels;

	/* tests; NaN: not made */
	double		p_null;			/* chi-square of the shares without a value */
	double		p;				/* of it and of what is judged by, see CsDriftIsJudged */
	double		p_adjusted;		/* over the features */

	CsFinding	finding;
} CsDriftFeature;

/* Is a feature judged by the statistic?  It needs a limit. */
static inline bool
CsDriftIsJudged(const CsDriftOptions *options, int statistic)
{
	return CsStatisticAt(statistic)->words != NULL && isfinite(options->statistic[statistic].watch);
}

/* drift_compare.c */
extern void CsDriftCompare(CsDriftFeature *d, const CsPipeline *p, const CsBaseline *baseline,
						   const CsObservedFeature *current, bool in_training,
						   const CsDriftOptions *options);

/* drift_verdict.c */
extern void CsDriftJudge(CsDriftFeature *features, int nfeatures, const CsDriftOptions *options,
						 const char *then);

#endif							/* CUSTSEG_DRIFT_H */
