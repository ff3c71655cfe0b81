/*
 * summary.h
 *	  The pipeline fitted to columns of which only summaries are known, as passes tell them.
 *
 *	 CsSummaryCreate()			the columns, how many rows there are and how often each level occurs
 *	 CsSummarySample()			a sample of the rows
 *	 while (!CsSummaryFit())	ask what the fit still has to know, and tell it:
 *		CsSummaryAsk()			notes the questions of a pass
 *		CsSummaryPlan()			appends its parts
 *		CsSummaryLearn()		takes in its state
 *	 CsSummaryFinish()			the pipeline, without components
 *	 CsSummaryReduce()			with components, where all columns' covariances are known
 *
 * What comes of it is what CsPipelineFit() makes of all rows, but for the last bits of moments.  A transform
 * that is fitted to all values, a power, is fitted to those of the sample.
 */
#ifndef CUSTSEG_SUMMARY_H
#define CUSTSEG_SUMMARY_H

#include "prep/survey.h"

typedef struct CsSummary CsSummary;

/* What a survey tells of a column. */
typedef struct CsColumnSurvey
{
	int64		n_values;		/* finite ones of a number */
	int64		n_infinite;
	double		lowest,
				highest;
	int64		n_null;			/* of a category */
	const int64 *counts;		/* of a category: rows by the codes of its dictionary */
	double		mode;			/* of a number whose impute is "mode"; else NaN */
} CsColumnSurvey;

extern CsSummary *CsSummaryCreate(CsArena *arena, int64 nrows, const CsColumn *columns, CsDictionary **dictionaries,
								  const CsPrep *prep, const CsColumnSurvey *surveys, CsBaseline *baselines);
extern const CsPipeline *CsSummaryPipeline(CsSummary *s);
extern void CsSummarySample(CsSummary *s, CsMatrix *raw);
extern void CsSummaryRecode(const CsSummary *s, CsMatrix *raw);
extern bool CsSummaryFit(CsSummary *s);
extern void CsSummaryAsk(CsSummary *s);
extern void CsSummaryPlan(CsSummary *s, JsonbParseState **json);
extern void CsSummaryLearn(CsSummary *s, const CsTally *pass, const CsTallyState *state);
extern CsPipeline *CsSummaryFinish(CsSummary *s, CsTeam *team, CsMatrix *raw, uint64 seed);
extern CsPipeline *CsSummaryReduce(CsSummary *s, const CsCovariance *covariance);
extern bool CsSummaryFitsSample(const CsPrep *prep);

#endif							/* CUSTSEG_SUMMARY_H */
