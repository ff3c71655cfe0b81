/*
 * choice.h
 *	  The number of segments, as choose_k() and train(k => NULL) choose it.
 */
#ifndef CUSTSEG_CHOICE_H
#define CUSTSEG_CHOICE_H

#include "stat/stat.h"
#include "train/train.h"

/* Rows from which silhouettes are computed by default; up to so many they are exact. */
#define CS_JUDGED_ROWS 20000

/* Up to so many rows, a training chooses the number of segments as choose_k() does. */
#define CS_EXAMINED_ROWS 1000

/* Numbers of segments that are tried when nothing else is said. */
#define CS_FIRST_K 2
#define CS_LAST_K 10

/*
 * Is a segment of n of so many rows a handful, which is outliers rather than a segment?  Fewer than 30
 * rows are, unless there are few in all, and so is less than a thousandth of many.
 */
static inline bool
CsIsHandful(double n, double rows)
{
	return (n < 30 && n < 0.02 * rows) || n < 0.001 * rows;
}

typedef struct CsChoiceOptions
{
	int			k_min,
				k_max;
	int			gap_references; /* sets; 0: no gap statistic */
	int			gap_sample;		/* rows */
} CsChoiceOptions;

typedef struct CsCandidate
{
	int			k;
	double		inertia;
	double		silhouette,		/* NaN where not defined, as are the others */
				silhouette_deviation,	/* of its rows' widths */
				calinski_harabasz,
				davies_bouldin,
				gap,
				gap_se,
				bic;
	double		smallest_share,
				largest_share;
	int			votes;			/* of the indices that decide */
	char	   *reason;			/* which indices chose it, or NULL; of the best one a sentence */
	CsFitOutput fit;
	bool		has_fit;		/* its labels have not been given back */
} CsCandidate;

/* Values of a candidate as a row of choose_k(). */
#define CS_CANDIDATE_VALUES 13

typedef struct CsChoice
{
	int			n;
	CsCandidate *candidates;	/* by k */
	int			best;			/* the recommended one, which has its fit */
	int64		silhouette_rows;	/* of the best one */
	CsGap	   *gap;			/* or NULL */
} CsChoice;

extern void *CsParseJudging(const CsAlgorithm *algorithm, Jsonb *json, const CsOption *options,
							int noptions, size_t size, void *extra);
extern Size CsChoiceMemory(const CsTraining *t, int64 nrows, int ncolumns);
extern CsChoice *CsChooseKByPasses(CsTraining *t, CsTeam **team, const CsChoiceOptions *asked);
extern CsChoice *CsChooseK(CsTraining *t, CsTeam *team, const CsAlgorithm *algorithm,
						   const void *options, const CsChoiceOptions *asked);

extern double CsMetricOf(const CsFitOutput *fit, const char *name);

/* distributed_choice.c */
extern int	CsDistributedTry(CsTraining *t, CsTeam **team, int k_first, int k_last, CsCandidate *candidates,
							 int64 *silhouette_rows);

extern void CsCandidateValues(const CsChoice *choice, int i, CsValue *row);

extern Size CsSearchMemory(const CsTraining *t, int64 nrows, int ncolumns);
extern CsChoice *CsSearchK(CsTraining *t, CsTeam *team, int64 *searched);

#endif							/* CUSTSEG_CHOICE_H */
