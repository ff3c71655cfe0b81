/*
 * hdbscan_graph.c
 *	  Core distances, and a minimum spanning tree of the rows under mutual reachability: the first
 *	  half of HDBSCAN*.
 *
 * A row's core distance is that to its min_samples-th nearest row, itself included.  The mutual
 * reachability distance of two rows is their distance or either's core distance, whichever is
 * largest.  The tree is found by Boruvka's method (1926) over a k-d tree: in each round every
 * component takes its shortest edge to another one, which leaves at most half of them.
 *
 * Of equal edges a component takes the one whose row comes first in the k-d tree, and an edge that
 * would close a circle is left out.  That is still a minimum spanning tree: a circle of shortest
 * edges consists of equal ones.  Which one it is makes no difference: see hdbscan_tree.c.
 *
 * Distances are squared until the end.  Rows go by their position in the k-d tree.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/hdbscan.h"
#include "progress.h"

/* Most items that a task is split into. */
#define MAX_ITEMS 1024

/* Take a part of the area that is being laid out; returns its offset. */
static Size
TakePart(HdbscanGraph *graph, Size size)
{
	Size		offset = graph->total;

	graph->total = add_size(offset, CACHELINEALIGN(size));
	return offset;
}

/* Lay out the area. */
static void
PlanGraph(HdbscanGraph *graph, int64 nrows, int ncolumns)
{
	Size		nodes = 2 * (Size) ((nrows + CS_KD_LEAF - 1) / CS_KD_LEAF);

	graph->total = 0;
	graph->tree = TakePart(graph, CsKdTreeSize(nrows, ncolumns));
	graph->core = TakePart(graph, mul_size(sizeof(double), nrows));
	graph->node_core = TakePart(graph, mul_size(sizeof(double), nodes));
	graph->component = TakePart(graph, mul_size(sizeof(int32), nrows));
	graph->node_component = TakePart(graph, mul_size(sizeof(int32), nodes));
	graph->shortest = TakePart(graph, mul_size(sizeof(pg_atomic_uint64), nrows));
	graph->candidate = TakePart(graph, mul_size(sizeof(int32), nrows));
	graph->bound = TakePart(graph, mul_size(sizeof(double), nrows));
}

/* Bytes at the peak: the area, the edges and the leader's union-find. */
Size
CsHdbscanGraphMemory(int64 nrows, int ncolumns)
{
	HdbscanGraph graph;

	PlanGraph(&graph, nrows, ncolumns);
	return add_size(graph.total, mul_size(sizeof(HdbscanEdge) + 2 * sizeof(int32), nrows));
}

/* The parts of the graph's area in this process. */
HdbscanView
CsHdbscanView(CsTeam *team, const HdbscanGraph *graph)
{
	char	   *area = CsArenaAddress(CsTeamArena(team), graph->area);

	return (HdbscanView) {
		.tree = (CsKdTree *) (area + graph->tree),
		.core = (double *) (area + graph->core),
		.node_core = (double *) (area + graph->node_core),
		.component = (int32 *) (area + graph->component),
		.node_component = (int32 *) (area + graph->node_component),
		.shortest = (pg_atomic_uint64 *) (area + graph->shortest),
		.candidate = (int32 *) (area + graph->candidate),
		.bound = (double *) (area + graph->bound)
	};
}

/* Core distances of the rows of some leaves. */
void
CsHdbscanCoreTask(CsTeam *team, const void *args, int item)
{
	const HdbscanGraph *graph = args;
	HdbscanView v = CsHdbscanView(team, graph);
	int			k = graph->min_samples;
	int32		end = HdbscanItemStart(graph, &v, item + 1);
	int32	   *index = palloc(sizeof(int32) * k);
	double	   *distance = palloc(sizeof(double) * k);
	double	   *z = palloc(sizeof(double) * v.tree->ncolumns);

	for (int32 leaf = HdbscanItemStart(graph, &v, item); leaf < end; leaf++)
		for (int r = 0; r < CsKdLeafPoints(v.tree, leaf); r++)
		{
			int32		at = leaf * CS_KD_LEAF + r;

			CsKdPoint(v.tree, at, z);
			(void) CsKdNearest(v.tree, z, k, -1, index, distance);
			v.core[at] = distance[k - 1];
		}
}

/* The least core distance of a node's rows, and of every node below it. */
static double
FillNodeCore(const HdbscanView *v, CsKdNode node)
{
	double		least = HUGE_VAL;

	if (node.leaves > 1)
	{
		double		left = FillNodeCore(v, CsKdLeft(node)),
					right = FillNodeCore(v, CsKdRight(node));

		least = Min(left, right);
	}
	else
		for (int r = 0; r < CsKdLeafPoints(v->tree, node.first); r++)
			least = Min(least, v->core[node.first * CS_KD_LEAF + r]);
	v->node_core[node.number] = least;
	return least;
}

/* The component that all rows of a node are in, or -1; and of every node below it. */
static int32
FillNodeComponent(const HdbscanView *v, CsKdNode node)
{
	int32		common;

	if (node.leaves > 1)
	{
		int32		left = FillNodeComponent(v, CsKdLeft(node)),
					right = FillNodeComponent(v, CsKdRight(node));

		common = left == right ? left : -1;
	}
	else
	{
		const int32 *component = v->component + (Size) node.first * CS_KD_LEAF;

		common = component[0];
		for (int r = 1; r < CsKdLeafPoints(v->tree, node.first); r++)
			if (component[r] != common)
				common = -1;
	}
	v->node_component[node.number] = common;
	return common;
}

/* Copy the rows of a matrix to a tree and build it. */
static void
BuildTree(CsArena *arena, const CsMatrix *m, CsKdTree *tree)
{
	CsKdTreeInit(tree, m->nrows, m->ncolumns);
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
		{
			double	   *row = CsKdRow(tree, (int32) (b * CS_BLOCK_ROWS + r));

			for (int j = 0; j < m->ncolumns; j++)
				row[j] = x[(Size) j * CS_BLOCK_ROWS + r];
		}
	}
	CsKdTreeBuild(tree);
}

/* The leader's part of the search. */
typedef struct Leader
{
	HdbscanGraph graph;
	HdbscanView v;
	int32		nrows;
	int32		ncomponents;
	int32	   *set;			/* union-find of a round's components; later their new numbers */
	int32	   *chosen;			/* row whose candidate is the component's shortest edge; -1: none */
	HdbscanEdge *edges;			/* by position */
	int32		nedges;
} Leader;

/* Before a round: what is known already of each component's shortest edge. */
static void
StartRound(Leader *leader)
{
	const HdbscanView *v = &leader->v;

	for (int32 c = 0; c < leader->ncomponents; c++)
		CsHdbscanResetShortest(v, c);
	for (int32 i = 0; i < leader->nrows; i++)
	{
		HdbscanCheckAt(i);
		if (v->candidate[i] < 0)
			continue;
		if (v->component[v->candidate[i]] == v->component[i])
			v->candidate[i] = -1;
		else
			CsHdbscanLowerShortest(v, v->component[i], v->bound[i]);
	}
	(void) FillNodeComponent(v, CsKdRoot(v->tree));
}

/* The row of each component that has its shortest edge, the first of equals. */
static void
ChooseEdges(Leader *leader)
{
	const HdbscanView *v = &leader->v;

	for (int32 c = 0; c < leader->ncomponents; c++)
		leader->chosen[c] = -1;
	for (int32 i = 0; i < leader->nrows; i++)
	{
		int32	   *chosen = &leader->chosen[v->component[i]];

		HdbscanCheckAt(i);
		if (v->candidate[i] >= 0 && (*chosen < 0 || v->bound[i] < v->bound[*chosen]))
			*chosen = i;
	}
}

/* Take the chosen edges, except for those that close a circle. */
static void
TakeEdges(Leader *leader)
{
	const HdbscanView *v = &leader->v;

	for (int32 c = 0; c < leader->ncomponents; c++)
		leader->set[c] = c;
	for (int32 c = 0; c < leader->ncomponents; c++)
	{
		int32		a = leader->chosen[c],
					from,
					to;

		if (a < 0)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("distances between rows are too large to compare"),
					 errhint("Scale the features.")));
		from = HdbscanFindSet(leader->set, c);
		to = HdbscanFindSet(leader->set, v->component[v->candidate[a]]);
		if (from == to)
			continue;
		leader->set[Max(from, to)] = Min(from, to);
		leader->edges[leader->nedges++] = (HdbscanEdge) {
			.distance = v->bound[a],
			.a = a,
			.b = v->candidate[a]
		};
	}
}

/* Number the components that are left. */
static void
JoinComponents(Leader *leader)
{
	const HdbscanView *v = &leader->v;
	int32		n = 0;

	/* the representative of a set is its lowest member, so that its number comes first */
	for (int32 c = 0; c < leader->ncomponents; c++)
	{
		int32		root = HdbscanFindSet(leader->set, c);

		leader->chosen[c] = root == c ? n++ : leader->chosen[root];
	}
	for (int32 i = 0; i < leader->nrows; i++)
	{
		HdbscanCheckAt(i);
		v->component[i] = leader->chosen[v->component[i]];
	}
	leader->ncomponents = n;
}

/* Make the area, and every row a component. */
static void
InitLeader(Leader *leader, CsTeam *team, const CsMatrix *m, int min_samples)
{
	CsArena    *arena = CsTeamArena(team);
	Size		table = mul_size(sizeof(int32), m->nrows);

	memset(leader, 0, sizeof(*leader));
	PlanGraph(&leader->graph, m->nrows, m->ncolumns);
	leader->graph.min_samples = min_samples;
	leader->graph.area = CsArenaAlloc(arena, leader->graph.total);
	leader->v = CsHdbscanView(team, &leader->graph);
	leader->nrows = leader->ncomponents = (int32) m->nrows;
	leader->set = palloc_extended(table, MCXT_ALLOC_HUGE);
	leader->chosen = palloc_extended(table, MCXT_ALLOC_HUGE);
	leader->edges = palloc_extended(mul_size(sizeof(HdbscanEdge), m->nrows), MCXT_ALLOC_HUGE);
	BuildTree(arena, m, leader->v.tree);
	leader->graph.items = Min(leader->v.tree->nleaves, MAX_ITEMS);
	for (int32 i = 0; i < leader->nrows; i++)
	{
		leader->v.component[i] = i;
		leader->v.candidate[i] = -1;
		leader->v.bound[i] = 0;
		pg_atomic_init_u64(&leader->v.shortest[i], 0);
	}
}

static inline int
CompareEdges(const HdbscanEdge *x, const HdbscanEdge *y)
{
	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

#define ST_SORT SortEdges
#define ST_ELEMENT_TYPE HdbscanEdge
#define ST_COMPARE(x, y) CompareEdges(x, y)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Distances of one level get the same number.  Equal steps of a scaled integer differ in their last
 * bits, and must not become levels of their own: distances follow each other in one level when they
 * differ by no more than the rounding of their rows' values can make.  Rows of the same values, to
 * that precision, count as half as far apart as the nearest others: what was rounded to the same
 * number differs by less than a step, and a density has to be finite.
 */
static void
UniteLevels(Leader *leader, const double *norm)
{
	double		level = 0,
				previous = 0,
				half;
	int32		i;

	for (i = 0; i < leader->nedges; i++)
	{
		HdbscanEdge *edge = &leader->edges[i];
		double		distance = edge->distance;
		double		rounding = 4 * DBL_EPSILON * (norm[edge->a] + norm[edge->b]);

		if (!(distance - previous <= rounding))
			level = distance;
		edge->distance = level;
		previous = distance;
	}
	for (i = 0; i < leader->nedges && leader->edges[i].distance == 0; i++)
		;
	half = i < leader->nedges ? leader->edges[i].distance / 2 : 1;
	while (--i >= 0)
		leader->edges[i].distance = half;
}

/* Order the edges, make levels of their distances, and name rows instead of positions. */
static void
FinishEdges(Leader *leader)
{
	const CsKdTree *tree = leader->v.tree;
	const int32 *index = CsKdIndex(tree);
	double	   *norm = leader->v.bound; /* has served its purpose */
	double	   *z = palloc(sizeof(double) * tree->ncolumns);

	for (int32 i = 0; i < leader->nedges; i++)
		leader->edges[i].distance = sqrt(leader->edges[i].distance);
	SortEdges(leader->edges, leader->nedges);
	for (int32 i = 0; i < leader->nrows; i++)
	{
		double		sum = 0;

		HdbscanCheckAt(i);
		CsKdPoint(tree, i, z);
		for (int j = 0; j < tree->ncolumns; j++)
			sum += z[j] * z[j];
		norm[i] = sqrt(sum);
	}
	UniteLevels(leader, norm);
	for (int32 i = 0; i < leader->nedges; i++)
	{
		HdbscanEdge *edge = &leader->edges[i];

		edge->a = index[edge->a];
		edge->b = index[edge->b];
	}
	pfree(z);
}

/*
 * A minimum spanning tree of the rows under mutual reachability: nrows - 1 edges in ascending
 * order, palloc'd; and how many rounds it took.  min_samples is at most the number of rows.
 */
HdbscanEdge *
CsHdbscanSpanningTree(CsTeam *team, const CsMatrix *m, int min_samples, int *rounds)
{
	Leader		leader;
	HdbscanGraph *graph = &leader.graph;

	*rounds = 0;
	InitLeader(&leader, team, m, min_samples);
	CsTeamRun(team, CS_TASK(CsHdbscanCoreTask), graph, sizeof(*graph), graph->items);
	(void) FillNodeCore(&leader.v, CsKdRoot(leader.v.tree));
	CsProgressPhase(CS_PHASE_ITERATING);
	while (leader.ncomponents > 1)
	{
		CsProgressFit(1, 1, ++*rounds);
		StartRound(&leader);
		CsTeamRun(team, CS_TASK(CsHdbscanNearestTask), graph, sizeof(*graph), graph->items);
		ChooseEdges(&leader);
		TakeEdges(&leader);
		JoinComponents(&leader);
	}
	Assert(leader.nedges == leader.nrows - 1);
	FinishEdges(&leader);
	CsArenaFree(CsTeamArena(team), graph->area);
	pfree(leader.set);
	pfree(leader.chosen);
	return leader.edges;
}
