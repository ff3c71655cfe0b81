/*
 * hdbscan.h
 *	  What the files of HDBSCAN* share: hdbscan_graph.c (core distances and the minimum spanning
 *	  tree), hdbscan_search.c (the search that finds its edges), hdbscan_tree.c (from the edges to
 *	  clusters), hdbscan_assign.c (new rows) and hdbscan.c (options, sizes and the fit).
 */
#ifndef CUSTSEG_HDBSCAN_H
#define CUSTSEG_HDBSCAN_H

#include "algo/algo.h"
#include "math/kdtree.h"
#include "miscadmin.h"
#include "port/atomics.h"

/* Most neighbours that a core distance may count. */
#define CS_HDBSCAN_MAX_SAMPLES 1000

typedef enum HdbscanMethod
{
	HDBSCAN_EOM, HDBSCAN_LEAF
} HdbscanMethod;

typedef struct HdbscanOptions
{
	CsCommonOptions common;
	int			min_cluster_size;	/* 0: not given */
	int			min_samples;	/* 0: not given */
	int			method;			/* HdbscanMethod */
	double		epsilon;
	bool		allow_single_cluster;
	bool		keep_points;
} HdbscanOptions;

/*
 * The parameters that scoring needs, in the order of the algorithm's table.  Of the points those
 * that are in a segment come first, and only they have a segment and a distance.
 */
enum
{
	HDBSCAN_MIN_SAMPLES,
	HDBSCAN_LEVELS,				/* of each segment: birth and peak, see HdbscanSegment */
	HDBSCAN_POINTS,
	HDBSCAN_POINT_SEGMENTS,
	HDBSCAN_LEAVE_DISTANCES,
	HDBSCAN_NPARAMETERS
};

/* Two rows and their mutual reachability distance: an edge of the minimum spanning tree. */
typedef struct HdbscanEdge
{
	double		distance;
	int32		a,
				b;
} HdbscanEdge;

/* What a fit is based on: the options, with defaults filled in. */
typedef struct HdbscanPlan
{
	int32		nrows;
	int			min_cluster_size;
	int			min_samples;
	HdbscanMethod method;
	double		epsilon;
	bool		allow_single_cluster;
} HdbscanPlan;

/* A cluster that was selected; distances are levels of the hierarchy. */
typedef struct HdbscanSegment
{
	double		birth;			/* a row belongs to it that reaches it below this distance */
	double		peak;			/* at which its densest rows leave */
	double		stability;
} HdbscanSegment;

/*
 * The graph of the rows as tasks see it: offsets into one area.  It is the arguments of both
 * tasks.  Rows go by their position in the k-d tree, and distances are squared.
 */
typedef struct HdbscanGraph
{
	int			area;
	int			min_samples;
	int			items;			/* runs of leaves that a task is split into */
	Size		tree;			/* CsKdTree */
	Size		core;			/* double[npoints]: core distances */
	Size		node_core;		/* double[2 * nleaves]: the least of each node's rows */
	Size		component;		/* int32[npoints] */
	Size		node_component; /* int32[2 * nleaves]: of all rows of a node; -1: several */
	Size		shortest;		/* pg_atomic_uint64[npoints]: by component, the bits of its shortest
								 * known distance to another one */
	Size		candidate;		/* int32[npoints]: the nearest row of another component; -1: not known */
	Size		bound;			/* double[npoints]: its distance; not known: a lower bound of it */
	Size		total;
} HdbscanGraph;

/* The same in this process. */
typedef struct HdbscanView
{
	CsKdTree   *tree;
	double	   *core;
	double	   *node_core;
	int32	   *component;
	int32	   *node_component;
	pg_atomic_uint64 *shortest;
	int32	   *candidate;
	double	   *bound;
} HdbscanView;

/* First leaf of an item of a task. */
static inline int32
HdbscanItemStart(const HdbscanGraph *graph, const HdbscanView *v, int item)
{
	return (int32) ((int64) v->tree->nleaves * item / graph->items);
}

/* Look for a cancel now and then in a loop over rows. */
static inline void
HdbscanCheckAt(int64 i)
{
	CsCheckInterrupts(i);
}

/* The set that a member is in, halving the path to it (Tarjan and van Leeuwen 1984). */
static inline int32
HdbscanFindSet(int32 *set, int32 member)
{
	while (set[member] != member)
		member = set[member] = set[set[member]];
	return member;
}

/* hdbscan_graph.c */
extern HdbscanView CsHdbscanView(CsTeam *team, const HdbscanGraph *graph);
extern Size CsHdbscanGraphMemory(int64 nrows, int ncolumns);
extern HdbscanEdge *CsHdbscanSpanningTree(CsTeam *team, const CsMatrix *m, int min_samples,
										  int *rounds);
extern PGDLLEXPORT void CsHdbscanCoreTask(CsTeam *team, const void *args, int item);

/* hdbscan_search.c */
extern void CsHdbscanResetShortest(const HdbscanView *v, int32 component);
extern void CsHdbscanLowerShortest(const HdbscanView *v, int32 component, double distance);
extern PGDLLEXPORT void CsHdbscanNearestTask(CsTeam *team, const void *args, int item);

/* hdbscan_tree.c */
extern Size CsHdbscanTreeMemory(int64 nrows, int min_cluster_size);
extern int	CsHdbscanSelect(const HdbscanPlan *plan, const HdbscanEdge *edges, int32 *labels,
							double *leave, HdbscanSegment **segments, CsFitOutput *out);

/* hdbscan_assign.c */
extern Size CsHdbscanCompile(const CsFitted *model, void *result);
extern bool CsHdbscanAssign(const CsFitted *model, const double *z, CsAssignment *result,
							double *memberships);
extern void CsHdbscanExplain(const CsFitted *model, const double *z, int segment, double *point,
							 double *pull);

#endif							/* CUSTSEG_HDBSCAN_H */
