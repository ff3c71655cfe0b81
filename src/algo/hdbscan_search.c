/*
 * hdbscan_search.c
 *	  A round of Boruvka's method: for each component the shortest edge to another one, under mutual
 *	  reachability, over a k-d tree (after March, Ram and Gray 2010, and McInnes and Healy 2017).
 *
 * Each row looks for the nearest row of another component.  What keeps that short:
 *	- what a row found stays its nearest until that one's component has become its own;
 *	- from then on its distance is a lower bound, and where that exceeds the shortest edge that the
 *	  row's component has already, there is nothing to look for;
 *	- a node of the tree is skipped when it is too far by its box, when none of its rows has so
 *	  small a core distance, or when all of it is in the row's own component;
 *	- nothing can be nearer than the row's own core distance, so that the first row at that
 *	  distance ends the search.  This also keeps the rows of a mass of equal ones from looking at
 *	  each other.
 * The rows of a leaf search together, and walk over the tree in an order that depends on the leaf
 * alone.
 *
 * Members of the team lower the shortest edges of components while others read them.  That makes
 * no difference to the result: a row either ends with the first of the nearest rows on its walk,
 * whatever the others did, or it was turned away because its component has an edge that is
 * shorter than anything the row could find, and then only a lower bound is kept.
 */
#include "custseg.h"

#include <math.h>

#include "algo/hdbscan.h"

/* Distances are not negative, so their bits order as they do. */
static inline double
ReadShortest(const HdbscanView *v, int32 component)
{
	uint64		bits = pg_atomic_read_u64(&v->shortest[component]);
	double		distance;

	memcpy(&distance, &bits, sizeof(bits));
	return distance;
}

static inline uint64
BitsOf(double distance)
{
	uint64		bits;

	memcpy(&bits, &distance, sizeof(bits));
	return bits;
}

/* Record that no edge of a component is known. */
void
CsHdbscanResetShortest(const HdbscanView *v, int32 component)
{
	pg_atomic_write_u64(&v->shortest[component], BitsOf(HUGE_VAL));
}

/* Record that a component has an edge of this distance. */
void
CsHdbscanLowerShortest(const HdbscanView *v, int32 component, double distance)
{
	uint64		bits = BitsOf(distance);
	uint64		seen = pg_atomic_read_u64(&v->shortest[component]);

	while (bits < seen &&
		   !pg_atomic_compare_exchange_u64(&v->shortest[component], &seen, bits))
		;
}

/* The rows of one leaf that look for another component together. */
typedef struct Search
{
	HdbscanView v;
	int32		leaf;			/* theirs */
	const double *box;			/* of it */
	int			nlook;			/* rows that look; all that follows is of each */
	int			place[CS_KD_LEAF];	/* in the leaf */
	int32		component[CS_KD_LEAF];
	double		core[CS_KD_LEAF];
	double		limit[CS_KD_LEAF];	/* shortest edge that its component has so far */
	double		found[CS_KD_LEAF];	/* distance of what it found; infinite: nothing */
	int32		candidate[CS_KD_LEAF];	/* position of what it found */
	double	   *z;				/* values, row by row */
	int32		common;			/* component of all of them; -1: several */
	double		least_core;		/* of all of them */
	double		reach;			/* largest limit of them */
	int			visitor[CS_KD_LEAF];	/* rows that look at the leaf visited */
	double	   *visitor_z;
	double	   *distance;		/* of each visitor to each point */
} Search;

/* A node on the way, and the least distance of its box to that of the rows that look. */
typedef struct Stop
{
	CsKdNode	node;
	double		distance;
} Stop;

/* Read the limits again. */
static void
ReadLimits(Search *s)
{
	s->reach = -1;
	for (int i = 0; i < s->nlook; i++)
	{
		s->limit[i] = ReadShortest(&s->v, s->component[i]);
		s->reach = Max(s->reach, s->limit[i]);
	}
}

/* Take the rows of a leaf that have to look; false when there are none. */
static bool
StartSearch(Search *s, int32 leaf)
{
	const HdbscanView *v = &s->v;
	int			d = v->tree->ncolumns,
				n = 0;

	s->leaf = leaf;
	s->box = CsKdBox(v->tree, CsKdLeafNode(v->tree, leaf));
	s->least_core = HUGE_VAL;
	for (int r = 0; r < CsKdLeafPoints(v->tree, leaf); r++)
	{
		int32		at = leaf * CS_KD_LEAF + r;
		int32		component = v->component[at];

		if (v->candidate[at] >= 0 || v->bound[at] > ReadShortest(v, component))
			continue;
		CsKdPoint(v->tree, at, s->z + n * d);
		s->place[n] = r;
		s->component[n] = component;
		s->core[n] = v->core[at];
		s->found[n] = HUGE_VAL;
		s->candidate[n] = -1;
		s->least_core = Min(s->least_core, s->core[n]);
		s->common = n == 0 || s->common == component ? component : -1;
		n++;
	}
	s->nlook = n;
	ReadLimits(s);
	return n > 0;
}

/* The leaf visited is at least so far from row i: does the row look at it? */
static inline bool
Concerns(const Search *s, int i, double distance)
{
	distance = Max(distance, s->core[i]);
	return distance < s->found[i] && distance <= s->limit[i];
}

/* Mutual reachability of a row to the points of a leaf, of which the nearest is kept. */
static void
LookAtLeaf(Search *s, int i, int32 leaf, const double *distance)
{
	const HdbscanView *v = &s->v;
	const double *core = v->core + (Size) leaf * CS_KD_LEAF;
	const int32 *component = v->component + (Size) leaf * CS_KD_LEAF;
	int			n = CsKdLeafPoints(v->tree, leaf),
				nearest = -1;
	double		found = s->found[i];

	for (int r = 0; r < n; r++)
	{
		double		reachable = Max(Max(distance[r], core[r]), s->core[i]);

		if (reachable < found && component[r] != s->component[i])
		{
			found = reachable;
			nearest = r;
		}
	}
	if (nearest < 0)
		return;
	s->found[i] = found;
	s->candidate[i] = leaf * CS_KD_LEAF + nearest;
	CsHdbscanLowerShortest(v, s->component[i], found);
}

/* Let the rows that it concerns look at a leaf. */
static void
VisitLeaf(Search *s, CsKdNode node)
{
	const HdbscanView *v = &s->v;
	double		to_box[CS_KD_LEAF];
	int			d = v->tree->ncolumns,
				n = 0;

	CsKdLeafToBox(v->tree, s->leaf, CsKdBox(v->tree, node), to_box);
	for (int i = 0; i < s->nlook; i++)
	{
		if (s->component[i] == v->node_component[node.number] ||
			!Concerns(s, i, Max(to_box[s->place[i]], v->node_core[node.number])))
			continue;
		memcpy(s->visitor_z + n * d, s->z + i * d, sizeof(double) * d);
		s->visitor[n++] = i;
	}
	if (n == 0)
		return;
	CsKdLeafDistances(v->tree, node.first, n, s->visitor_z, s->distance);
	for (int i = 0; i < n; i++)
		LookAtLeaf(s, s->visitor[i], node.first, s->distance + i * CS_KD_LEAF);
	ReadLimits(s);
}

/* Can there be anything in a node for any of the rows? */
static inline bool
IsWorthAVisit(const Search *s, Stop stop)
{
	int32		number = stop.node.number;
	double		distance = Max(Max(stop.distance, s->v.node_core[number]), s->least_core);

	return distance <= s->reach &&
		(s->common < 0 || s->common != s->v.node_component[number]);
}

/* A node with its distance. */
static inline Stop
StopAt(const Search *s, CsKdNode node)
{
	const CsKdTree *tree = s->v.tree;

	return (Stop) {node, CsKdBoxesNearest(tree->ncolumns, s->box, CsKdBox(tree, node))};
}

/* Walk over the tree, near nodes first. */
static void
RunSearch(Search *s)
{
	Stop		stack[CS_KD_MAX_DEPTH + 1];
	int			depth = 0;

	stack[depth++] = StopAt(s, CsKdRoot(s->v.tree));
	while (depth > 0)
	{
		Stop		stop = stack[--depth];

		while (stop.node.leaves > 1 && IsWorthAVisit(s, stop))
		{
			Stop		left = StopAt(s, CsKdLeft(stop.node)),
						right = StopAt(s, CsKdRight(stop.node));
			bool		turn = right.distance < left.distance;

			stack[depth++] = turn ? left : right;
			stop = turn ? right : left;
		}
		if (stop.node.leaves == 1 && IsWorthAVisit(s, stop))
			VisitLeaf(s, stop.node);
	}
}

/* Keep what the rows found; where the limit is below it, that is all there is to know. */
static void
FinishSearch(Search *s, int32 leaf)
{
	const HdbscanView *v = &s->v;

	ReadLimits(s);
	for (int i = 0; i < s->nlook; i++)
	{
		int32		at = leaf * CS_KD_LEAF + s->place[i];
		bool		exact = s->found[i] <= s->limit[i];

		v->candidate[at] = exact ? s->candidate[i] : -1;
		v->bound[at] = exact ? s->found[i] : s->limit[i];
	}
}

/* The nearest row of another component, for the rows of some leaves that have to look. */
void
CsHdbscanNearestTask(CsTeam *team, const void *args, int item)
{
	const HdbscanGraph *graph = args;
	Search		s = {.v = CsHdbscanView(team, graph)};
	int			d = s.v.tree->ncolumns;
	int32		end = HdbscanItemStart(graph, &s.v, item + 1);

	s.z = palloc(sizeof(double) * CS_KD_LEAF * d);
	s.visitor_z = palloc(sizeof(double) * CS_KD_LEAF * d);
	s.distance = palloc(sizeof(double) * CS_KD_LEAF * CS_KD_LEAF);
	for (int32 leaf = HdbscanItemStart(graph, &s.v, item); leaf < end; leaf++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!StartSearch(&s, leaf))
			continue;
		RunSearch(&s);
		FinishSearch(&s, leaf);
	}
}

