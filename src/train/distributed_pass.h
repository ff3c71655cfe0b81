/*
 * distributed_pass.h
 *	  What the parts of a training by passes share: what is known of it so far, and how a pass is run.
 */
#ifndef CUSTSEG_DISTRIBUTED_PASS_H
#define CUSTSEG_DISTRIBUTED_PASS_H

#include "algo/passes.h"
#include "dist/dist.h"
#include "prep/summary.h"
#include "train/distributed.h"

struct CsDistribution
{
	CsPieces   *pieces;
	bool		chosen;			/* passes it is */
	bool		samples;		/* of which all but those that draw a sample are left out */
	char	   *reason;			/* why, a phrase */
	Size		needed;			/* bytes that a training in memory takes, where the memory alone is short; or 0 */

	/* what a pass reads of a row: the features first */
	CsTallyColumns columns;
	int			ntexts;			/* features that are categories */
	int			weight;			/* number, or -1 */
	int			key;			/* number, or -1 */
	int		   *predecessor;	/* the predecessor's features: which number, or text */

	/* what is known of the features */
	int			nsurveyed;
	CsColumn   *surveyed;
	CsColumnSurvey *surveys;
	double		heaviest;		/* weight of a row */
	CsSummary  *summary;
	double	   *lowest,			/* of each feature that is a number */
			   *highest;
	int			passes;
};

/* distributed.c */
extern char *CsWhyNotByPasses(const CsTraining *t);

/* distributed_pass.c */
extern void CsPassColumns(CsTraining *t);
extern void CsPassBegin(const CsTraining *t, const CsPipeline *p, JsonbParseState **json);
extern CsTallyRun CsPassRun(CsTraining *t, JsonbParseState **json);
extern CsTallyRun CsPassRunPlan(CsTraining *t, Jsonb *plan);
extern MemoryContext CsPassMemory(void);

/* distributed_fit.c */
extern CsPassesInput CsDistributedInput(const CsTraining *t);
extern double *CsDistributedMean(const CsTraining *t);
extern void CsDistributedLabel(const CsTraining *t, const CsFitOutput *fit);

/* distributed_survey.c */
extern void CsDistributedSurvey(CsTraining *t);

#endif							/* CUSTSEG_DISTRIBUTED_PASS_H */
