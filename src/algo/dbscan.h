/*
 * dbscan.h
 *	  What the files of DBSCAN share: dbscan.c (the fit), dbscan_label.c (from rows to clusters),
 *	  dbscan_pass.c (what every member of the team does for it) and dbscan_score.c (new rows).
 */
#ifndef CUSTSEG_DBSCAN_H
#define CUSTSEG_DBSCAN_H

#include "algo/algo.h"
#include "math/kdtree.h"
#include "port/atomics.h"

typedef struct DbscanOptions
{
	CsCommonOptions common;
	double		eps;			/* NaN: from the knee of the k-distance curve */
	int			min_samples;
	bool		keep_core_points;
} DbscanOptions;

/* The parameters of a fitted model, in this order. */
enum
{
	DBSCAN_EPS, DBSCAN_CORE_POINTS, DBSCAN_CORE_SEGMENTS, DBSCAN_NPARAMETERS
};

/* What a position of the tree holds. */
typedef enum DbscanKind
{
	DBSCAN_NOT_CORE,
	DBSCAN_CORE,
	DBSCAN_DUPLICATE			/* core, and equal to a core row that comes before it */
} DbscanKind;

/*
 * One labelling's data as tasks see it: the arguments of every DBSCAN task.  What is by position
 * or by node lies in one area, at these offsets.
 */
typedef struct DbscanLabelling
{
	int			tree;			/* areas: CsKdTree, */
	int			weights;		/* double[nrows], -1: every row weighs 1, */
	int			labels;			/* int32[nrows]: clusters, -1 noise, */
	int			work;			/* and what follows */
	Size		kind;			/* uint8[position]: DbscanKind */
	Size		parent;			/* pg_atomic_uint32[position]: a forest of core points */
	Size		first;			/* int32[node]: its first core position, -1: none */
	Size		joined;			/* uint8[node]: its core points are known to be one cluster */
	Size		weight;			/* double[node]: of its points; only with weights */
	double		bound;			/* eps squared */
	double		min_samples;
	int			items;			/* that a pass over the leaves is split into */
} DbscanLabelling;

/* The address of a part of the work area in this process. */
static inline void *
DbscanPart(CsArena *arena, const DbscanLabelling *l, Size offset)
{
	return (char *) CsArenaAddress(arena, l->work) + offset;
}

/* One process' view of the areas during an item. */
typedef struct DbscanView
{
	const DbscanLabelling *l;
	const CsKdTree *tree;
	const int32 *index;
	const double *weights;		/* by row, or NULL */
	int32	   *labels;			/* by row */
	uint8	   *kind;
	pg_atomic_uint32 *parent;
	int32	   *first;
	volatile uint8 *joined;		/* written by several processes, but only ever from 0 to 1 */
	double	   *node_weight;	/* NULL without weights */
	int			d;
} DbscanView;

/* The root of a point's tree in the forest; halves the way there. */
static inline uint32
DbscanFindRoot(const DbscanView *v, uint32 position)
{
	for (;;)
	{
		uint32		parent = pg_atomic_read_u32(&v->parent[position]);
		uint32		next;

		if (parent == position)
			return position;
		next = pg_atomic_read_u32(&v->parent[parent]);
		if (next == parent)
			return parent;
		(void) pg_atomic_compare_exchange_u32(&v->parent[position], &parent, next);
		position = next;
	}
}

/* dbscan_label.c */
extern Size CsDbscanLabellingSize(int64 nrows, bool weighted);
extern void CsDbscanStart(DbscanLabelling *l, CsTeam *team, int tree, int weights);
extern void CsDbscanEnd(DbscanLabelling *l, CsTeam *team);
extern int64 CsDbscanCore(DbscanLabelling *l, CsTeam *team, double eps, double min_samples);
extern int64 CsDbscanCluster(DbscanLabelling *l, CsTeam *team);
extern int64 CsDbscanMarkDuplicates(DbscanLabelling *l, CsTeam *team, int64 ncore);
extern DbscanView CsDbscanView(CsTeam *team, const DbscanLabelling *l);

/* dbscan_pass.c: the passes over the leaves of the tree */
extern PGDLLEXPORT void CsDbscanCoreTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsDbscanJoinTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsDbscanBorderTask(CsTeam *team, const void *args, int item);

/* dbscan_score.c */
extern Size CsDbscanCompile(const CsFitted *model, void *result);
extern bool CsDbscanAssign(const CsFitted *model, const double *z, CsAssignment *result,
						   double *memberships);
extern int	CsDbscanPlace(const CsFitted *model, const double *z);
extern bool CsDbscanPlacesRows(const CsFitted *model, int nrows);
extern void CsDbscanPlaceRows(const CsFitted *model, const double *z, int stride, int nrows, int32 *segments);
extern void CsDbscanExplain(const CsFitted *model, const double *z, int segment,
							double *point, double *pull);

#endif							/* CUSTSEG_DBSCAN_H */
