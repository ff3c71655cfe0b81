/*
 * dbscan_score.c
 *	  DBSCAN for rows that it was not trained on: the nearest core point within eps says which
 *	  segment a row is in; without one it is noise.
 *
 * A compiled model is a k-d tree over the core points that were kept, and their segments.  Equally
 * near core points give the segment of the one that came first in training.
 *
 * The segment alone is found sooner than the distance.  Each node of the tree knows where its halves part, so that
 * a row goes down to its leaf by one comparison a node; and it knows whether all of its core points are in one
 * segment: once a core point is found, nodes of no other segment are passed over.  Where a nearer point of
 * another segment turns up then, which is at borders, all are visited after all.
 *
 * With d the distance to the nearest core point, a row is in that point's segment to the degree
 * 1 - d / (2 eps) up to eps, eps / (2 d) beyond, and noise to the rest: from 1 at a core
 * point, over a half at a distance of eps, where the assignment changes, to 0 far away.
 */
#include "custseg.h"

#include <math.h>

#include "algo/dbscan.h"
#include "miscadmin.h"

#define NOISE 0

/* A node's segment when its core points are in several, and when it has none. */
#define SEVERAL (-1)
#define NONE (-2)

/* Of eps. */
#define LESS_THAN_HALF 0.4999999

/* Rows that go down the tree side by side. */
#define TOGETHER 16

/* Points of a leaf that are looked at together for a near one. */
#define PART 16

/* Minima of a leaf that are found side by side. */
#define CHAINS 8

/* What is known of a node of the tree. */
typedef struct Junction
{
	double		left,			/* largest value of the left half's points in the column that parts them, */
				right;			/* and smallest of the right half's */
	int32		column;			/* of a node that has halves */
	int32		segment;		/* the one that all core points are in, or SEVERAL, or NONE */
} Junction;

/* What compile makes: this, the segments of the core points, the nodes, and the tree. */
typedef struct Compiled
{
	double		eps,
				near;			/* squared distance within which any core point is of the nearest one's segment; -1: none is */
	bool		scores;			/* false: core points were not kept */
	Size		nodes,			/* offsets */
				tree;
	int32		segment[FLEXIBLE_ARRAY_MEMBER]; /* by core point */
} Compiled;

static inline const CsKdTree *
TreeOf(const Compiled *compiled)
{
	return (const CsKdTree *) ((const char *) compiled + compiled->tree);
}

/* The nodes by their numbers. */
static inline Junction *
NodesOf(const Compiled *compiled)
{
	return (Junction *) ((char *) compiled + compiled->nodes);
}

/* Note where the halves of a node part: in the column in which they are farthest apart, or overlap least. */
static void
NotePlane(const CsKdTree *tree, CsKdNode node, Junction *noted)
{
	const double *left_high = CsKdBox(tree, CsKdLeft(node)) + tree->ncolumns,
			   *right_low = CsKdBox(tree, CsKdRight(node));

	noted->column = 0;
	for (int j = 1; j < tree->ncolumns; j++)
		if (right_low[j] - left_high[j] > right_low[noted->column] - left_high[noted->column])
			noted->column = j;
	noted->left = left_high[noted->column];
	noted->right = right_low[noted->column];
}

/* The segment of a node of two parts that have theirs. */
static inline int32
JoinSegments(int32 a, int32 b)
{
	return a == b || b == NONE ? a : a == NONE ? b : SEVERAL;
}

/* Note what is to be known of a node and of all below it; returns the node's segment. */
static int32
NoteNode(const Compiled *compiled, CsKdNode node)
{
	const CsKdTree *tree = TreeOf(compiled);
	const int32 *rows = CsKdIndex(tree) + (Size) node.first * CS_KD_LEAF;
	int32		label = NONE;

	if (node.leaves > 1)
	{
		int32		left = NoteNode(compiled, CsKdLeft(node)),
					right = NoteNode(compiled, CsKdRight(node));

		NotePlane(tree, node, &NodesOf(compiled)[node.number]);
		label = JoinSegments(left, right);
	}
	else
		for (int r = 0; r < CS_KD_LEAF; r++)
			label = JoinSegments(label, rows[r] < 0 ? NONE : compiled->segment[rows[r]]);
	NodesOf(compiled)[node.number].segment = label;
	return label;
}

/* Check parameters that may be anything. */
static void
CheckParameters(const CsFitted *model)
{
	const CsParameter *eps = &model->parameters[DBSCAN_EPS],
			   *points = &model->parameters[DBSCAN_CORE_POINTS],
			   *segments = &model->parameters[DBSCAN_CORE_SEGMENTS];

	if (!(eps->values[0] > 0))
		CsInvalidParameters("\"%s\" is not positive.", "eps");
	if (points->rows > 0 && points->columns != model->ncolumns)
		CsInvalidParameters("\"%s\" has %d numbers for each point where %d are needed.",
							"core_points", points->columns, model->ncolumns);
	if (segments->rows != points->rows)
		CsInvalidParameters("\"%s\" has %d elements where %d are needed.", "core_segments",
							segments->rows, points->rows);
	if (points->rows > CS_KD_MAX_POINTS)
		CsInvalidParameters("\"%s\" has too many points.", "core_points");
	for (int32 i = 0; i < segments->rows; i++)
		if (segments->values[i] == NOISE)
			CsInvalidParameters("\"%s\" has a point of noise.", "core_segments");
}

/* Points that the tree has places for. */
static int32
PlacesOf(const CsFitted *model)
{
	return model->point_places != NULL ? model->npoint_places : model->parameters[DBSCAN_CORE_POINTS].rows;
}

/* Make the tree of the core points. */
static void
MakeTree(const CsFitted *model, CsKdTree *tree)
{
	const CsParameter *points = &model->parameters[DBSCAN_CORE_POINTS];

	if (model->point_places != NULL)
	{
		CsKdTreePlace(tree, points->values, model->point_places, model->npoint_places, model->ncolumns);
		return;
	}
	CsKdTreeInit(tree, points->rows, model->ncolumns);
	if (points->rows > 0)
		memcpy(CsKdRow(tree, 0), points->values, sizeof(double) * points->rows * model->ncolumns);
	CsKdTreeBuild(tree);
}

/*
 * The squared distance within which a core point of a row tells its segment, be there nearer ones or not.  Two core
 * points that are both within half of eps of a row are within eps of each other, and in one cluster; a bit less than
 * half allows for rounding.  That is so of points that a fit has left, and of others nobody knows.
 */
static double
NearOf(const CsFitted *model)
{
	double		near = LESS_THAN_HALF * model->parameters[DBSCAN_EPS].values[0];

	return model->point_places != NULL && isfinite(near * near) ? near * near : -1;
}

/* Check the parameters and build the tree of core points, as CsAlgorithm.compile. */
Size
CsDbscanCompile(const CsFitted *model, void *result)
{
	const CsParameter *points = &model->parameters[DBSCAN_CORE_POINTS];
	Compiled   *compiled = result;
	int32		places = PlacesOf(model);
	Size		leaves = ((Size) places + CS_KD_LEAF - 1) / CS_KD_LEAF;
	Size		node_offset = MAXALIGN(add_size(offsetof(Compiled, segment), mul_size(sizeof(int32), points->rows)));
	Size		tree_offset = MAXALIGN(add_size(node_offset, mul_size(2 * sizeof(Junction), leaves)));

	if (result == NULL)
	{
		CheckParameters(model);
		return add_size(tree_offset, CsKdTreeSize(places, model->ncolumns));
	}
	compiled->eps = model->parameters[DBSCAN_EPS].values[0];
	compiled->near = NearOf(model);
	compiled->scores = points->rows > 0 || model->nsegments == 1;
	compiled->nodes = node_offset;
	compiled->tree = tree_offset;
	for (int32 i = 0; i < points->rows; i++)
		compiled->segment[i] = (int32) model->parameters[DBSCAN_CORE_SEGMENTS].values[i];
	MakeTree(model, (CsKdTree *) ((char *) result + tree_offset));
	if (points->rows > 0)
		(void) NoteNode(compiled, CsKdRoot(TreeOf(compiled)));
	return tree_offset + CsKdTreeSize(places, model->ncolumns);
}

/* A search for the segment of the nearest core point within eps. */
typedef struct Search
{
	const Compiled *compiled;
	const double *z;
	double		bound;			/* squared distance of the nearest so far, or eps */
	int32		nearest;		/* -1: none yet */
	int32		segment;		/* of the nearest */
	bool		passed_over;	/* nodes that may hold nearer points of that segment */
	bool		unsure;			/* they may hold the nearest of all */
} Search;

/* Pass over a node whose core points are all in the segment that has been found? */
static inline bool
PassOver(Search *s, CsKdNode node)
{
	if (s->nearest < 0 || NodesOf(s->compiled)[node.number].segment != s->segment)
		return false;
	s->passed_over = true;
	return true;
}

/* Is a node at this distance to be visited?  One that cannot change the segment is passed over. */
static inline bool
IsWorthAVisit(Search *s, CsKdNode node, double distance)
{
	if (s->nearest < 0)
		return distance <= s->bound;
	if (distance > s->bound ||
		(distance == s->bound && CsKdLowest(TreeOf(s->compiled), node) > s->nearest))
		return false;
	return !PassOver(s, node);
}

/* The least of a leaf's distances; free places, whose distances are NaN, are near nothing. */
CS_CLONES static double
LeastOfLeaf(const double *distance)
{
	double		chain[CHAINS],
				least;

	for (int i = 0; i < CHAINS; i++)
		chain[i] = HUGE_VAL;
	for (int r = 0; r < CS_KD_LEAF; r += CHAINS)
		for (int i = 0; i < CHAINS; i++)
			chain[i] = distance[r + i] < chain[i] ? distance[r + i] : chain[i];
	least = chain[0];
	for (int i = 1; i < CHAINS; i++)
		least = Min(least, chain[i]);
	return least;
}

/* The lowest of a leaf's rows that are at a distance; PG_INT32_MAX without any. */
CS_CLONES static int32
LowestOfLeaf(const double *distance, const int32 *rows, double at)
{
	int32		lowest[CHAINS],
				nearest = PG_INT32_MAX;

	for (int i = 0; i < CHAINS; i++)
		lowest[i] = PG_INT32_MAX;
	for (int r = 0; r < CS_KD_LEAF; r += CHAINS)
		for (int i = 0; i < CHAINS; i++)
		{
			int32		row = distance[r + i] == at ? rows[r + i] : PG_INT32_MAX;

			lowest[i] = Min(lowest[i], row);
		}
	for (int i = 0; i < CHAINS; i++)
		nearest = Min(nearest, lowest[i]);
	return nearest;
}

/* The segment of a core point of a leaf: mostly that of all of them, which is at hand. */
static inline int32
SegmentOfPoint(const Compiled *compiled, CsKdNode leaf, int32 point)
{
	int32		segment = NodesOf(compiled)[leaf.number].segment;

	return segment != SEVERAL ? segment : compiled->segment[point];
}

/* Look at the core points of a leaf. */
static void
SearchLeaf(Search *s, CsKdNode leaf)
{
	const CsKdTree *tree = TreeOf(s->compiled);
	double		here[CS_KD_LEAF],
				least;
	int32		nearest,
				segment;

	CsKdLeafDistances(tree, leaf.first, 1, s->z, here);
	least = LeastOfLeaf(here);
	if (!(least <= s->bound))
		return;
	nearest = LowestOfLeaf(here, CsKdIndex(tree) + (Size) leaf.first * CS_KD_LEAF, least);
	if (nearest == PG_INT32_MAX || (least == s->bound && s->nearest >= 0 && nearest > s->nearest))
		return;
	segment = SegmentOfPoint(s->compiled, leaf, nearest);
	s->unsure |= s->passed_over && segment != s->segment;
	s->bound = least;
	s->nearest = nearest;
	s->segment = segment;
}

/* Search a node, the nearer half first. */
static void
SearchNode(Search *s, CsKdNode node, double distance)
{
	const CsKdTree *tree = TreeOf(s->compiled);

	while (node.leaves > 1 && IsWorthAVisit(s, node, distance))
	{
		CsKdNode	left = CsKdLeft(node),
					right = CsKdRight(node);
		double		to_left = CsKdBoxNearest(tree, left, s->z),
					to_right = CsKdBoxNearest(tree, right, s->z);
		bool		turn = to_right < to_left;

		SearchNode(s, turn ? right : left, turn ? to_right : to_left);
		node = turn ? left : right;
		distance = turn ? to_left : to_right;
	}
	if (node.leaves == 1 && IsWorthAVisit(s, node, distance))
		SearchLeaf(s, node);
}

/* A way down the tree: the node that it has come to, and the halves that it has left aside. */
typedef struct Way
{
	CsKdNode	node;
	int			depth;
	struct
	{
		CsKdNode	other;
		int32		column;		/* in which the halves part, */
		double		border;		/* where the other half ends there, */
		bool		is_left;	/* and whether that is the left one */
	}			step[CS_KD_MAX_DEPTH + 1];
} Way;

/* Does a row belong in the right half of a node? */
static inline bool
BelongsRight(const Compiled *compiled, CsKdNode node, const double *z, Size stride)
{
	const Junction *here = &NodesOf(compiled)[node.number];
	double		value = z[(Size) here->column * stride];

	return here->right - value < value - here->left;
}

/* Begin a way at the root. */
static void
BeginWay(const Compiled *compiled, Way *way)
{
	way->node = CsKdRoot(TreeOf(compiled));
	way->depth = 0;
}

/* Take one of a node's halves. */
static inline void
StepDown(const Compiled *compiled, Way *way, bool right)
{
	const Junction *here = &NodesOf(compiled)[way->node.number];
	CsKdNode	left_half = CsKdLeft(way->node),
				right_half = CsKdRight(way->node);

	way->step[way->depth].other = right ? left_half : right_half;
	way->step[way->depth].column = here->column;
	way->step[way->depth].border = right ? here->left : here->right;
	way->step[way->depth++].is_left = right;
	way->node = right ? right_half : left_half;
}

/* Search the leaf at the end of a way, and then the halves that were left aside, on the way back. */
static void
SearchBack(Search *s, const Way *way)
{
	const CsKdTree *tree = TreeOf(s->compiled);

	SearchLeaf(s, way->node);
	for (int i = way->depth - 1; i >= 0 && s->bound > s->compiled->near; i--)
	{
		double		value = s->z[way->step[i].column],
					gap = way->step[i].is_left ? value - way->step[i].border : way->step[i].border - value;

		gap = Max(gap, 0);
		if (gap * gap <= s->bound && !PassOver(s, way->step[i].other))
			SearchNode(s, way->step[i].other, CsKdBoxNearest(tree, way->step[i].other, s->z));
	}
}

/* Is any of a leaf's points within a squared distance of z? */
CS_CLONES static bool
HasNear(int d, const double *x, const double *z, double near)
{
	for (int first = 0; first < CS_KD_LEAF; first += PART)
	{
		double		distance[PART] = {0};
		int			n = 0;

		for (int j = 0; j < d; j++)
			for (int r = 0; r < PART; r++)
			{
				double		gap = x[(Size) j * CS_KD_LEAF + first + r] - z[j];

				distance[r] += gap * gap;
			}
		for (int r = 0; r < PART; r++)
			n += distance[r] <= near;
		if (n > 0)
			return true;
	}
	return false;
}

/* The segment that CsDbscanAssign() gives to a row, searched from the end of its way down the tree. */
static int32
SegmentOf(const CsFitted *model, const double *z, const Way *way)
{
	const Compiled *compiled = model->compiled;
	Search		s = {.compiled = compiled,.z = z,.bound = compiled->eps * compiled->eps,.nearest = -1};
	CsAssignment placed;
	int32		of_leaf = NodesOf(compiled)[way->node.number].segment;

	if (of_leaf >= 0 && compiled->near >= 0 &&
		HasNear(model->ncolumns, CsKdLeaf(TreeOf(compiled), way->node.first), z, compiled->near))
		return of_leaf;
	SearchBack(&s, way);
	if (s.unsure)
		return CsDbscanAssign(model, z, &placed, NULL) ? placed.index : -1;
	return s.nearest < 0 ? NOISE : s.segment;
}

/* The segment that CsDbscanAssign() gives, as CsAlgorithm.place. */
int
CsDbscanPlace(const CsFitted *model, const double *z)
{
	const Compiled *compiled = model->compiled;
	Way			way;

	if (!compiled->scores)
		return -1;
	if (TreeOf(compiled)->nleaves == 0)
		return NOISE;
	BeginWay(compiled, &way);
	while (way.node.leaves > 1)
		StepDown(compiled, &way, BelongsRight(compiled, way.node, z, 1));
	return SegmentOf(model, z, &way);
}

/* One half of a node, by arithmetic: which one it is, no processor can foretell. */
static inline CsKdNode
HalfOf(CsKdNode node, int right)
{
	int32		left = (node.leaves + 1) / 2;

	return (CsKdNode) {node.number + 1 + right * (2 * left - 1), node.first + right * left,
		left - right * (2 * left - node.leaves)};
}

/*
 * Find the leaves where a few rows belong, value j of whom are at z[j * stride].  The rows go down side by side: each
 * step waits for its memory, but not for the steps of other rows.
 */
static void
FindLeaves(const Compiled *compiled, const double *z, Size stride, int n, int32 *leaves)
{
	const CsKdTree *tree = TreeOf(compiled);
	CsKdNode	nodes[TOGETHER];

	for (int r = 0; r < n; r++)
		nodes[r] = CsKdRoot(tree);
	/* the numbers of leaves of two nodes at the same depth differ by one at most */
	for (int most = tree->nleaves; most > 1; most = (most + 1) / 2)
		for (int r = 0; r < n; r++)
			if (nodes[r].leaves > 1)
				nodes[r] = HalfOf(nodes[r], BelongsRight(compiled, nodes[r], z + r, stride));
	for (int r = 0; r < n; r++)
		leaves[r] = nodes[r].first;
}

/* The rows in the order of the leaves where they belong, palloc'd; sets where the rows of each leaf end. */
static int32 *
SortByLeaf(const Compiled *compiled, const double *z, int stride, int nrows, int32 *ends)
{
	int32		nleaves = TreeOf(compiled)->nleaves,
			   *leaves = palloc(sizeof(int32) * nrows),
			   *order = palloc(sizeof(int32) * nrows),
				before = 0;

	memset(ends, 0, sizeof(int32) * nleaves);
	for (int r = 0; r < nrows; r += TOGETHER)
		FindLeaves(compiled, z + r, stride, Min(TOGETHER, nrows - r), leaves + r);
	for (int r = 0; r < nrows; r++)
		ends[leaves[r]]++;
	for (int32 leaf = 0; leaf < nleaves; leaf++)
	{
		int32		n = ends[leaf];

		ends[leaf] = before;
		before += n;
	}
	for (int r = 0; r < nrows; r++)
		order[ends[leaves[r]]++] = r;
	pfree(leaves);
	return order;
}

/*
 * The segments that CsDbscanAssign() gives, as CsAlgorithm.place_rows.  Rows of the same leaf come one after the other,
 * so that its points, and those near them, are fetched once for all.
 */
void
CsDbscanPlaceRows(const CsFitted *model, const double *z, int stride, int nrows, int32 *segments)
{
	const Compiled *compiled = model->compiled;
	int32		nleaves = TreeOf(compiled)->nleaves,
			   *ends = palloc(sizeof(int32) * Max(nleaves, 1)),
			   *order;
	double	   *row = palloc(sizeof(double) * model->ncolumns);
	int			at = 0;

	order = SortByLeaf(compiled, z, stride, nrows, ends);
	for (int32 leaf = 0; leaf < nleaves; leaf++)
	{
		Way			way;

		if (ends[leaf] == at)
			continue;
		CHECK_FOR_INTERRUPTS();
		BeginWay(compiled, &way);
		while (way.node.leaves > 1)
			StepDown(compiled, &way, leaf >= CsKdRight(way.node).first);
		for (; at < ends[leaf]; at++)
		{
			for (int j = 0; j < model->ncolumns; j++)
				row[j] = z[(Size) j * stride + order[at]];
			segments[order[at]] = SegmentOf(model, row, &way);
		}
	}
	pfree(order);
	pfree(row);
	pfree(ends);
}

/* Is it worth while to sort that many rows by their leaves?  See CsAlgorithm.places_rows. */
bool
CsDbscanPlacesRows(const CsFitted *model, int nrows)
{
	const Compiled *compiled = model->compiled;

	return compiled->scores && TreeOf(compiled)->nleaves > 0 && nrows >= TreeOf(compiled)->nleaves / 4;
}

/* To what degree a row is in the segment of its nearest core point. */
static inline double
Membership(double distance, double eps)
{
	double		degree = distance <= eps ? 1 - distance / eps / 2 : eps / distance / 2;

	return isnan(degree) ? 0 : Min(Max(degree, 0), 1);
}

/* The segment that would come next: of the nearest core point of another; else noise. */
static int
RunnerUp(const Compiled *compiled, const double *z, int segment)
{
	double		distance;
	int32		other = CsKdNearestLabelled(TreeOf(compiled), z, compiled->segment, segment, true,
											HUGE_VAL, &distance);

	return other >= 0 ? compiled->segment[other] : NOISE;
}

/*
 * The segment of the nearest core point if that is within eps, otherwise noise, as
 * CsAlgorithm.assign.  When all training rows were noise, so is every other row.  A model that has
 * not kept its core points places no row.
 */
bool
CsDbscanAssign(const CsFitted *model, const double *z, CsAssignment *result, double *memberships)
{
	const Compiled *compiled = model->compiled;
	double		squared = HUGE_VAL,
				degree;
	int32		nearest;
	int			segment;
	bool		within;

	if (!compiled->scores)
		return false;
	result->index = NOISE;
	result->runner_up = -1;
	result->distance = HUGE_VAL;
	result->confidence = 1;
	if (memberships != NULL)
	{
		memset(memberships, 0, sizeof(double) * model->nsegments);
		memberships[NOISE] = 1;
	}
	if (CsKdNearest(TreeOf(compiled), z, 1, -1, &nearest, &squared) == 0)
		return true;

	segment = compiled->segment[nearest];
	result->distance = sqrt(squared);
	degree = Membership(result->distance, compiled->eps);
	within = squared <= compiled->eps * compiled->eps;
	result->index = within ? segment : NOISE;
	result->confidence = within ? degree : 1 - degree;
	if (memberships == NULL)
		return true;
	memberships[NOISE] = 1 - degree;
	memberships[segment] = degree;
	result->runner_up = within ? RunnerUp(compiled, z, segment) : segment;
	return true;
}

/*
 * What speaks against a segment is the squared distance to its nearest core point; nothing speaks
 * against noise.  See CsAlgorithm.explain.
 */
void
CsDbscanExplain(const CsFitted *model, const double *z, int segment, double *point, double *pull)
{
	const Compiled *compiled = model->compiled;
	double		distance;
	int32		nearest = segment == NOISE ? -1 :
		CsKdNearestLabelled(TreeOf(compiled), z, compiled->segment, segment, false, HUGE_VAL,
							&distance);

	if (nearest < 0)
	{
		memcpy(point, z, sizeof(double) * model->ncolumns);
		memset(pull, 0, sizeof(double) * model->ncolumns);
		return;
	}
	memcpy(point, model->parameters[DBSCAN_CORE_POINTS].values + (Size) nearest * model->ncolumns,
		   sizeof(double) * model->ncolumns);
	for (int j = 0; j < model->ncolumns; j++)
		pull[j] = z[j] - point[j];
}
