/*
 * tree_words.h
 *	  The way to a node of a decision tree as a condition that people read and SQL understands.
 */
#ifndef CUSTSEG_TREE_WORDS_H
#define CUSTSEG_TREE_WORDS_H

#include "algo/algo.h"
#include "lib/stringinfo.h"
#include "prep/prep.h"

/* A tree and the features that it asks about. */
typedef struct CsRuleMaker
{
	const CsPipeline *pipeline;
	const CsParameter *nodes;	/* TREE_NODES of the model */
	const bool *has_nulls;		/* by feature: rows may lack it, and their way is told, too */
	int		   *parents;		/* by node, -1: the root */
	bool	   *is_uniform;		/* by node: all leaves below it are of one segment */
} CsRuleMaker;

extern void CsRuleMakerInit(CsRuleMaker *maker, const CsPipeline *pipeline,
							const CsParameter *parameters, const bool *has_nulls);
extern bool CsRuleIsLeaf(const CsRuleMaker *maker, int node);
extern bool CsRuleIsRule(const CsRuleMaker *maker, int node);
extern char *CsRuleOfNode(const CsRuleMaker *maker, int node, bool for_people);
extern char *CsRuleOfStep(const CsRuleMaker *maker, int node, int *feature);
extern int	CsRuleNext(const CsRuleMaker *maker, int node, const double *z);

extern List *CsTreeBorders(const CsFitted *model, const CsPipeline *p, const void *options,
						   const double *z);

#endif							/* CUSTSEG_TREE_WORDS_H */
