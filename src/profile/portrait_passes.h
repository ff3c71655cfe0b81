/*
 * portrait_passes.h
 *	  A portrait of rows on other servers, while passes tell what it has.
 *
 *	  portrait_passes.c: levels, sums and samples; portrait_orders.c: orders of numbers.
 */
#ifndef CUSTSEG_PROFILE_PORTRAIT_PASSES_H
#define CUSTSEG_PROFILE_PORTRAIT_PASSES_H

#include "dist/dist.h"
#include "profile/profile.h"
#include "score/groups_pass.h"

/* A portrait in the making. */
typedef struct CsPortraitPasses
{
	const CsPortraitRequest *request;
	CsPortrait *portrait;
	const CsPipeline *pipeline;
	CsStudy    *study;
	int		   *of_feature;		/* which column of the study each feature is, */
	int		   *of_column;		/* and each of the portrait */
	int		   *at;				/* which number, or text, of a row each feature is */
	int			halves;			/* which number tells of which half a row is; -1: there are none */
	CsDictionary **texts,		/* levels that are counted by segment, of each text, */
			  **values;			/* and each number */
	bool	   *overfull;		/* texts of more levels than are counted */
	CsGroupNumber *numbers;		/* of each segment, and of all of them */
	CsMoments  *moments;		/* of each segment, up to the second */
	CsOrder   **orders;			/* likewise; NULL without a value */
} CsPortraitPasses;

/* A number of a group. */
static inline int
CsPassesAt(const CsPortraitPasses *o, int group, int number)
{
	return group * o->study->read.nnumbers + number;
}

extern void CsPassesOrders(CsPortraitPasses *o);

#endif							/* CUSTSEG_PROFILE_PORTRAIT_PASSES_H */
