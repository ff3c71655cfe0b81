/*
 * hierarchical.h
 *	  What the files of hierarchical clustering share: linkage.c (the table of merges and its cut),
 *	  linkage_points.c (ward, single: from the points), linkage_pairs.c (complete, average: from
 *	  all distances), cophenetic.c (how well the tree keeps distances), micro_clusters.c (what
 *	  stands for too many rows) and hierarchical.c (the algorithm).
 */
#ifndef CUSTSEG_HIERARCHICAL_H
#define CUSTSEG_HIERARCHICAL_H

#include "algo/algo.h"

typedef enum CsLinkage
{
	CS_LINKAGE_WARD, CS_LINKAGE_COMPLETE, CS_LINKAGE_AVERAGE, CS_LINKAGE_SINGLE
} CsLinkage;

typedef struct HierarchicalOptions
{
	CsCommonOptions common;
	int			linkage;		/* CsLinkage */
	int			max_rows;		/* above: micro-clusters */
	int			micro_clusters;
} HierarchicalOptions;

/* The linkage comes last, so that what takes it as an argument can leave it out. */
#define HIERARCHICAL_NOPTIONS 7

extern const CsOption CsHierarchicalOptions[HIERARCHICAL_NOPTIONS];

/* The points that are merged: rows, or the micro-clusters of more rows. */
typedef struct CsLeaves
{
	int			n;
	CsMatrix   *matrix;
	int			weights;		/* area of double[n], or -1: all weigh 1 */
	bool		micro;			/* micro-clusters: the next two are there, and all areas theirs */
	int64	   *rows;			/* of each leaf */
	int			labels;			/* area of int32[nrows]: the leaf of each row */
} CsLeaves;

/* A hierarchy: its leaves and the table of merges, all palloc'd. */
typedef struct CsTree
{
	CsLeaves	leaves;
	CsMerge    *merges;			/* leaves.n - 1 */
	char	   *note;			/* that the leaves are micro-clusters, or NULL */
} CsTree;

/* hierarchical.c: the whole of it, or all but the cut.  "in" has HierarchicalOptions. */
extern const CsAlgorithm CsHierarchical;
extern const char *const CsLinkageNames[];
extern CsTree *CsTreeMake(const CsFitInput *in);

/* linkage.c */
extern Size CsLinkageMemory(int64 n, int ncolumns);
extern CsMerge *CsLinkageMerges(CsTeam *team, const CsLeaves *leaves, CsLinkage linkage,
								Size memory_left);
extern int	CsLinkageCut(const CsMerge *merges, int n, int k, int32 *segment);

/* cophenetic.c */
extern Size CsCopheneticMemory(int64 n, int ncolumns);
extern double CsCopheneticCorrelation(CsArena *arena, const CsTree *tree, uint64 seed);

/*
 * The nearest-neighbour chain, over whatever knows the distances of clusters.  nearest: the cluster
 * nearest to x, and in *distance how far it is; "before", unless it is -1, is *distance away and
 * wins ties, which else go to the lowest.  merge: y takes x in, and x < y is no more.
 */
typedef struct CsChainClusters
{
	int			(*nearest) (void *state, int x, int before, double *distance);
	void		(*merge) (void *state, int x, int y);
	void	   *state;
} CsChainClusters;

extern void CsChainMerge(int n, const CsChainClusters *clusters, CsMerge *merges);

/* linkage_points.c, linkage_pairs.c */
extern void CsLinkageWard(CsTeam *team, const CsLeaves *leaves, CsMerge *merges);
extern void CsLinkageSingle(CsTeam *team, const CsLeaves *leaves, CsMerge *merges);
extern PGDLLEXPORT void CsLinkageScanTask(CsTeam *team, const void *args, int item);
extern Size CsLinkagePairsSize(int64 n);
extern void CsLinkagePairs(CsTeam *team, const CsLeaves *leaves, CsLinkage linkage,
						   CsMerge *merges);

/* micro_clusters.c */
extern Size CsMicroClustersMemory(int64 nrows, int ncolumns, int n);
extern void CsMicroClusters(const CsFitInput *in, int n, CsLeaves *leaves);

#endif							/* CUSTSEG_HIERARCHICAL_H */
