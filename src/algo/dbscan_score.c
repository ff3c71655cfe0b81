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

#define NOISE 0

/* A node's segment when its core points are in several. */
#define SEVERAL (-1)

/* What is known of a node of the tree. */
typedef struct Junction
{
	double		left,			/* largest value of the left half's points in the column that parts them, */
				right;			/* and smallest of the right half's */
	int32		column;			/* of a node that has halves */
	int32		segment;		/* the one that all core points are in, or SEVERAL */
} Junction;

/* What compile makes: this, the segments of the core points, the nodes, and the tree. */
typedef struct Compiled
{
	double		eps;
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

/* Note where the halves of a node part: in the column in which it is widest, as they were parted. */
static void
NotePlane(const CsKdTree *tree, CsKdNode node, Junction *noted)
{
	int			d = tree->ncolumns;
	const double *box = CsKdBox(tree, node);

	noted->column = 0;
	for (int j = 1; j < d; j++)
		if (box[d + j] - box[j] > box[d + noted->column] - box[noted->column])
			noted->column = j;
	noted->left = CsKdBox(tree, CsKdLeft(node))[d + noted->column];
	noted->right = CsKdBox(tree, CsKdRight(node))[noted->column];
}

/* Note what is to be known of a node and of all below it; returns the node's segment. */
static int32
NoteNode(const Compiled *compiled, CsKdNode node)
{
	const CsKdTree *tree = TreeOf(compiled);
	const int32 *rows = CsKdIndex(tree) + (Size) node.first * CS_KD_LEAF;
	int32		label = compiled->segment[rows[0]];

	if (node.leaves > 1)
	{
		int32		left = NoteNode(compiled, CsKdLeft(node)),
					right = NoteNode(compiled, CsKdRight(node));

		NotePlane(tree, node, &NodesOf(compiled)[node.number]);
		label = left == right ? left : SEVERAL;
	}
	else
		for (int r = 1; r < CsKdLeafPoints(tree, node.first) && label != SEVERAL; r++)
			label = compiled->segment[rows[r]] == label ? label : SEVERAL;
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

/* Check the parameters and build the tree of core points, as CsAlgorithm.compile. */
Size
CsDbscanCompile(const CsFitted *model, void *result)
{
	const CsParameter *points = &model->parameters[DBSCAN_CORE_POINTS];
	Compiled   *compiled = result;
	Size		leaves = ((Size) points->rows + CS_KD_LEAF - 1) / CS_KD_LEAF;
	Size		node_offset = MAXALIGN(add_size(offsetof(Compiled, segment), mul_size(sizeof(int32), points->rows)));
	Size		tree_offset = MAXALIGN(add_size(node_offset, mul_size(2 * sizeof(Junction), leaves)));
	CsKdTree   *tree;

	if (result == NULL)
	{
		CheckParameters(model);
		return add_size(tree_offset, CsKdTreeSize(points->rows, model->ncolumns));
	}
	compiled->eps = model->parameters[DBSCAN_EPS].values[0];
	compiled->scores = points->rows > 0 || model->nsegments == 1;
	compiled->nodes = node_offset;
	compiled->tree = tree_offset;
	for (int32 i = 0; i < points->rows; i++)
		compiled->segment[i] = (int32) model->parameters[DBSCAN_CORE_SEGMENTS].values[i];
	tree = (CsKdTree *) ((char *) result + tree_offset);
	CsKdTreeInit(tree, points->rows, model->ncolumns);
	if (points->rows > 0)
		memcpy(CsKdRow(tree, 0), points->values,
			   sizeof(double) * points->rows * model->ncolumns);
	CsKdTreeBuild(tree);
	if (points->rows > 0)
		(void) NoteNode(compiled, CsKdRoot(tree));
	return tree_offset + CsKdTreeSize(points->rows, model->ncolumns);
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

/* Look at the core points of a leaf. */
static void
SearchLeaf(Search *s, int32 leaf)
{
	const CsKdTree *tree = TreeOf(s->compiled);
	const int32 *rows = CsKdIndex(tree) + (Size) leaf * CS_KD_LEAF;
	double		here[CS_KD_LEAF];

	CsKdLeafDistances(tree, leaf, 1, s->z, here);
	for (int r = 0; r < CsKdLeafPoints(tree, leaf); r++)
	{
		if (!(here[r] <= s->bound) || (here[r] == s->bound && s->nearest >= 0 && rows[r] > s->nearest))
			continue;
		s->unsure |= s->passed_over && s->compiled->segment[rows[r]] != s->segment;
		s->bound = here[r];
		s->nearest = rows[r];
		s->segment = s->compiled->segment[rows[r]];
	}
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
		SearchLeaf(s, node.first);
}

/* Search the tree: the leaf where the row belongs, and then the other halves on the way back. */
static void
SearchTree(Search *s)
{
	const CsKdTree *tree = TreeOf(s->compiled);
	CsKdNode	node = CsKdRoot(tree),
				others[CS_KD_MAX_DEPTH + 1];
	double		gaps[CS_KD_MAX_DEPTH + 1];	/* how far they are at least */
	int			depth = 0;

	for (; node.leaves > 1; depth++)
	{
		const Junction *here = &NodesOf(s->compiled)[node.number];
		double		to_left = s->z[here->column] - here->left,
					to_right = here->right - s->z[here->column];
		CsKdNode	left = CsKdLeft(node),
					right = CsKdRight(node);
		bool		turn = to_right < to_left;

		node = turn ? right : left;
		others[depth] = turn ? left : right;
		gaps[depth] = Max(turn ? to_left : to_right, 0);
	}
	SearchLeaf(s, node.first);
	while (--depth >= 0)
		if (gaps[depth] * gaps[depth] <= s->bound && !PassOver(s, others[depth]))
			SearchNode(s, others[depth], CsKdBoxNearest(tree, others[depth], s->z));
}

/* The segment that CsDbscanAssign() gives, as CsAlgorithm.place. */
int
CsDbscanPlace(const CsFitted *model, const double *z)
{
	const Compiled *compiled = model->compiled;
	const CsKdTree *tree = TreeOf(compiled);
	Search		s = {.compiled = compiled,.z = z,.bound = compiled->eps * compiled->eps,.nearest = -1};
	CsAssignment placed;

	if (!compiled->scores)
		return -1;
	if (tree->nleaves > 0)
		SearchTree(&s);
	if (s.unsure)
		return CsDbscanAssign(model, z, &placed, NULL) ? placed.index : -1;
	return s.nearest < 0 ? NOISE : s.segment;
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
