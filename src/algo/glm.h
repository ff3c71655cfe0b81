/*
 * glm.h
 *	  What linear and logistic regression have in common: a pass of the team, and Newton's method on it.
 */
#ifndef CUSTSEG_ALGO_GLM_H
#define CUSTSEG_ALGO_GLM_H

#include "algo/value.h"

typedef struct CsGlmOptions
{
	CsValueOptions common;
	double		ridge;
	int			max_iter;
} CsGlmOptions;

#define CS_GLM_NOPTIONS 4

extern const CsOption CsGlmOptionTable[CS_GLM_NOPTIONS];

/* What the two say alike of themselves. */
#define CS_GLM_ALGORITHM \
	.prep = "{\"scale\": \"none\", \"drop_first\": true}", \
	.is_simple = true, \
	.options = CsGlmOptionTable, \
	.noptions = CS_GLM_NOPTIONS, \
	.options_size = sizeof(CsGlmOptions), \
	.memory = CsGlmMemory, \
	.grid = CsGlmGrid

typedef enum CsGlmPass
{
	CS_GLM_SUMS,				/* of how far columns are from their centers */
	CS_GLM_SQUARES,				/* of the squares of that */
	CS_GLM_NEWTON,
	CS_GLM_SEPARATION			/* how far fitted probabilities of a column's rows are from outcomes */
} CsGlmPass;

typedef struct CsGlmArgs
{
	int			matrix,			/* areas: the CsMatrix, */
				target,			/* double[nrows], */
				state,			/* double[3][d + 1]: centers, scales, coefficients; the last column is 1 */
				sums;			/* the lanes' doubles */
	int			d;
	int			lanes;
	bool		is_logistic;
	CsGlmPass	pass;
} CsGlmArgs;

/* A regression that is being fitted. */
typedef struct CsGlm
{
	const CsValueInput *in;
	const CsGlmOptions *options;
	double		ridge;
	CsGlmArgs	args;
	int			p;				/* d + 1 */
	double	   *center,			/* of args.state */
			   *scale,
			   *beta;
	bool	   *left_out;		/* p: columns that add nothing */
	double	   *sums;			/* the lanes added up: the gradient p, the second derivatives p (p + 1) / 2,
								 * the log-likelihood */
	double	   *factor;			/* Cholesky's */
} CsGlm;

/* glm_pass.c */
extern Size CsGlmMemory(int64 nrows, int ncolumns, const void *options);
extern void CsGlmBegin(CsGlm *g, const CsValueInput *in, bool is_logistic);
extern void CsGlmRun(CsGlm *g, CsGlmPass pass);
extern void CsGlmEnd(CsGlm *g);

/* glm.c */
extern int	CsGlmGrid(int64 nrows, const void *options, CsGridAxis *axes);
extern void CsGlmStart(CsGlm *g, double ridge, CsValueFit *out);
extern bool CsGlmStep(CsGlm *g, CsValueFit *out);
extern double CsGlmLikelihood(const CsGlm *g);
extern double *CsGlmErrors(CsGlm *g, double variance);
extern void CsGlmFinish(CsGlm *g, CsValueFit *out);

#endif							/* CUSTSEG_ALGO_GLM_H */
