/*
 * judge.h
 *	  Functions that judge rather than train: how many segments, by which algorithm, how good.
 *
 * They read a source as the caller and store nothing.  What they have in common with a training is
 * in train/prepare.c; the measures are in stat/.
 */
#ifndef CUSTSEG_JUDGE_H
#define CUSTSEG_JUDGE_H

#include <math.h>

#include "score/pass.h"
#include "stat/stat.h"
#include "train/choice.h"

/*
 * placed.c: the rows of a source in a model's space, with the segments that the model gives them.
 */
typedef struct CsPlacedRows
{
	MemoryContext context,
				caller,
				texts;			/* of the ids */
	CsPass	   *pass;
	CsPlacer   *placer;
	int64		sample;
	bool		keep_ids;

	CsArena    *arena;
	int64		nrows;			/* that could be placed */
	CsMatrix   *matrix;			/* these rows; or a sample of them, where other servers have them */
	int			labels;			/* area: 0..k-1, -1 noise */
	int			k;				/* segments of the model, noise left out */
	char	  **ids;			/* a row's id or NULL; when they are kept and there are rows */
	int64		unplaced;
	double		drawn_of;		/* rows of other servers, of which a sample was drawn; 0: all have been read */
	CsDistances distances;		/* of rows in segments */
	double		log_likelihood; /* sum over all rows, where the algorithm has one */
	CsValidity *validity;		/* of all rows, where the matrix has a sample; or NULL */
} CsPlacedRows;

extern CsPlacedRows *CsPlacedRowsRead(const char *model, int version, const char *source,
									  int64 sample, bool keep_ids);
extern CsTeam *CsPlacedRowsTeam(CsPlacedRows *rows);
extern void CsPlacedRowsFree(CsPlacedRows *rows);
extern bool CsPlacedRowsByPasses(CsPlacedRows *rows);

/*
 * contender.c: an algorithm on trial in compare().
 */
typedef struct CsContender
{
	const CsAlgorithm *algorithm;
	void	   *options;
	int			k;				/* 0 when it finds k itself */
	CsValidity	validity;
	double		silhouette;		/* NaN when not defined, as the next */
	double		stability;		/* mean adjusted Rand index of refits on half of the rows */
	double		milliseconds;	/* of the fit */
	char	   *failure;		/* why there is no result, or NULL */
	bool		recommended;
	char	   *reason;			/* or NULL */
} CsContender;

extern void CsContenderTry(CsTraining *t, CsContender *c, int resamples);
extern Size CsContenderMemory(const CsTraining *t, int64 nrows, int ncolumns);

/* request.c */
extern CsRequest CsJudgingRequest(FunctionCallInfo fcinfo, const char *command,
								  const CsOption *options, int noptions, void *result);
extern void CsJudgeSample(CsTraining *t, int64 most);

#endif							/* CUSTSEG_JUDGE_H */
