/*
 * hdbscan_assign.c
 *	  Which cluster of HDBSCAN* a new row joins: approximate prediction (McInnes, Healy and Astels
 *	  2017), made exact for the rows that were trained on.
 *
 * The hierarchy is left as it is, and the row is hung into it.  It joins a kept point p at the
 * distance max(core distance of the row, distance to p, distance at which p left its last
 * cluster): from there on the two are in a part that is large enough to be a cluster.  The least
 * of these over the points of segment s is the row's distance to s.  The row is inside s when
 * that is below the distance at which s was born; it goes to the segment whose birth it stays
 * farthest below, relatively, and is noise when it is inside none.  Its strength is that of a
 * training row which leaves at that distance.
 *
 * For a row that was trained on this gives back its label and its strength: were it inside another
 * segment, or joined its own one earlier than it left it, then the hierarchy would have had it
 * there.  It needs the core distance as it was in training, hence all points are kept, noise
 * included; but rows with the same values have everything in common, and of so many not more than
 * min_samples are kept, which is as far as a core distance counts.
 *
 * The compiled form is a k-d tree of the points, with the segment and distance of each by
 * position, and for each node the segment that all its points are in and the largest birth
 * distance among them.
 */
#include "custseg.h"

#include <math.h>

#include "algo/hdbscan.h"
#include "miscadmin.h"

typedef struct Compiled
{
	int32		min_samples;
	int32		npoints;		/* 0: new rows cannot be placed */
	Size		tree;			/* offsets from here: CsKdTree */
	Size		segment;		/* int32[npoints]: index by position; 0: noise */
	Size		leave;			/* double[npoints] */
	Size		node_segment;	/* int32[2 * nleaves]: segment of all points of a node, or -1 */
	Size		node_birth;		/* double[2 * nleaves]: largest of them; 0: all are noise */
	Size		size;
} Compiled;

#define CompiledAt(c, type, offset) ((type *) ((char *) (c) + (offset)))

/* The levels of a segment, see HdbscanSegment. */
static inline double
BirthOf(const CsFitted *model, int segment)
{
	return model->parameters[HDBSCAN_LEVELS].values[2 * (segment - 1)];
}

static inline double
PeakOf(const CsFitted *model, int segment)
{
	return model->parameters[HDBSCAN_LEVELS].values[2 * (segment - 1) + 1];
}

/* Parameters that make no sense are an error; they may come from anyone. */
static void
CheckParameters(const CsFitted *model)
{
	const CsParameter *p = model->parameters;
	double		min_samples = p[HDBSCAN_MIN_SAMPLES].values[0];
	int32		nmembers = p[HDBSCAN_POINT_SEGMENTS].rows;

	if (min_samples < 1 || min_samples > CS_HDBSCAN_MAX_SAMPLES ||
		min_samples != floor(min_samples))
		CsInvalidParameters("\"min_samples\" is not an integer between 1 and %d.",
							CS_HDBSCAN_MAX_SAMPLES);
	if (p[HDBSCAN_LEVELS].rows > 0 && p[HDBSCAN_LEVELS].columns != 2)
		CsInvalidParameters("An element of \"levels\" has %d numbers where 2 are needed.",
							p[HDBSCAN_LEVELS].columns);
	for (int s = 1; s < model->nsegments; s++)
		if (!(PeakOf(model, s) > 0 && PeakOf(model, s) < BirthOf(model, s)))
			CsInvalidParameters("In \"levels\" a peak is not between 0 and its birth.");
	if (p[HDBSCAN_POINTS].rows > 0 && p[HDBSCAN_POINTS].columns != model->ncolumns)
		CsInvalidParameters("An element of \"points\" has %d numbers where %d are needed.",
							p[HDBSCAN_POINTS].columns, model->ncolumns);
	if (nmembers > p[HDBSCAN_POINTS].rows || nmembers != p[HDBSCAN_LEAVE_DISTANCES].rows)
		CsInvalidParameters("\"point_segments\" and \"leave_distances\" do not fit \"points\".");
	for (int32 i = 0; i < nmembers; i++)
		if (!(p[HDBSCAN_LEAVE_DISTANCES].values[i] > 0) ||
			!(p[HDBSCAN_POINT_SEGMENTS].values[i] > 0))
			CsInvalidParameters("A point of a segment has segment 0, or no distance above 0.");
}

/* Lay out the compiled form. */
static Compiled
PlanCompiled(const CsFitted *model)
{
	Compiled	c = {.min_samples = (int32) model->parameters[HDBSCAN_MIN_SAMPLES].values[0]};
	Size		nodes;

	c.npoints = model->parameters[HDBSCAN_POINTS].rows;
	nodes = 2 * (Size) ((c.npoints + CS_KD_LEAF - 1) / CS_KD_LEAF);
	c.tree = MAXALIGN(sizeof(Compiled));
	c.leave = c.tree + MAXALIGN(CsKdTreeSize(c.npoints, model->ncolumns));
	c.node_birth = c.leave + sizeof(double) * c.npoints;
	c.segment = c.node_birth + sizeof(double) * nodes;
	c.node_segment = c.segment + MAXALIGN(sizeof(int32) * c.npoints);
	c.size = c.node_segment + MAXALIGN(sizeof(int32) * nodes);
	return c;
}

/* What all points of a node have in common. */
static void
FillNode(const CsFitted *model, Compiled *c, CsKdNode node)
{
	const CsKdTree *tree = CompiledAt(c, const CsKdTree, c->tree);
	const int32 *segment = CompiledAt(c, const int32, c->segment) + node.first * CS_KD_LEAF;
	int32	   *node_segment = CompiledAt(c, int32, c->node_segment);
	double	   *node_birth = CompiledAt(c, double, c->node_birth);
	int32		common = segment[0];
	double		birth = 0;

	if (node.leaves > 1)
	{
		int32		left = CsKdLeft(node).number,
					right = CsKdRight(node).number;

		FillNode(model, c, CsKdLeft(node));
		FillNode(model, c, CsKdRight(node));
		common = node_segment[left] == node_segment[right] ? node_segment[left] : -1;
		birth = Max(node_birth[left], node_birth[right]);
	}
	else
		for (int r = 0; r < CsKdLeafPoints(tree, node.first); r++)
		{
			if (segment[r] != common)
				common = -1;
			if (segment[r] > 0)
				birth = Max(birth, BirthOf(model, segment[r]));
		}
	node_segment[node.number] = common;
	node_birth[node.number] = birth;
}

/* Check the parameters and build the tree of points, as CsAlgorithm.compile. */
Size
CsHdbscanCompile(const CsFitted *model, void *result)
{
	const CsParameter *p = model->parameters;
	const double *points = p[HDBSCAN_POINTS].values;
	Compiled	plan;
	Compiled   *c = result;
	CsKdTree   *tree;

	if (result == NULL)
	{
		CheckParameters(model);
		return PlanCompiled(model).size;
	}
	plan = PlanCompiled(model);
	*c = plan;
	tree = CompiledAt(c, CsKdTree, c->tree);
	CsKdTreeInit(tree, c->npoints, model->ncolumns);
	for (int32 i = 0; i < c->npoints; i++)
		memcpy(CsKdRow(tree, i), points + (Size) i * model->ncolumns,
			   sizeof(double) * model->ncolumns);
	CsKdTreeBuild(tree);
	for (int32 at = 0; at < c->npoints; at++)
	{
		int32		i = CsKdIndex(tree)[at];
		bool		member = i < p[HDBSCAN_POINT_SEGMENTS].rows;

		CompiledAt(c, int32, c->segment)[at] =
			member ? (int32) p[HDBSCAN_POINT_SEGMENTS].values[i] : 0;
		CompiledAt(c, double, c->leave)[at] = member ? p[HDBSCAN_LEAVE_DISTANCES].values[i] : 0;
	}
	if (c->npoints > 0)
		FillNode(model, c, CsKdRoot(tree));
	return c->size;
}

/* A search for the segment that is nearest relatively to its birth. */
typedef struct Probe
{
	const CsFitted *model;
	const Compiled *c;
	const CsKdTree *tree;
	const double *z;
	double		core;			/* core distance of z */
	int			wanted;			/* only points of this segment; -1: of any */
	bool		plain;			/* distances as they are: the nearest point is wanted */
	double		ratio;			/* least distance over birth so far; infinite: none */
	double		distance;		/* that distance */
	int			segment;
	int32		point;			/* its position; -1: none */
} Probe;

/* A node on the way, and the least ratio that one of its points can have. */
typedef struct Stop
{
	CsKdNode	node;
	double		ratio;
} Stop;

/* A node with the least ratio its points can have; infinite when there is none to look at. */
static Stop
StopAt(const Probe *probe, CsKdNode node)
{
	const Compiled *c = probe->c;
	int32		segment = CompiledAt(c, const int32, c->node_segment)[node.number];
	double		birth = CompiledAt(c, const double, c->node_birth)[node.number];
	double		distance = sqrt(CsKdBoxNearest(probe->tree, node, probe->z));

	if (segment == 0 || (probe->wanted > 0 && segment > 0 && segment != probe->wanted))
		return (Stop) {node, HUGE_VAL};
	if (probe->wanted > 0)
		birth = BirthOf(probe->model, probe->wanted);
	return (Stop) {node, Max(distance, probe->core) / birth};
}

/* Compare z with the points of a leaf; the lowest segment among equals. */
static void
ProbeLeaf(Probe *probe, int32 leaf)
{
	const Compiled *c = probe->c;
	const int32 *segment = CompiledAt(c, const int32, c->segment) + (Size) leaf * CS_KD_LEAF;
	const double *leave = CompiledAt(c, const double, c->leave) + (Size) leaf * CS_KD_LEAF;
	double		squared[CS_KD_LEAF];

	CsKdLeafDistances(probe->tree, leaf, 1, probe->z, squared);
	for (int r = 0; r < CsKdLeafPoints(probe->tree, leaf); r++)
	{
		double		distance = sqrt(squared[r]),
					ratio;

		if (segment[r] == 0 || (probe->wanted > 0 && segment[r] != probe->wanted))
			continue;
		if (!probe->plain)
			distance = Max(Max(distance, probe->core), leave[r]);
		ratio = distance / BirthOf(probe->model, segment[r]);
		if (ratio > probe->ratio || (ratio == probe->ratio && segment[r] >= probe->segment))
			continue;
		probe->ratio = ratio;
		probe->distance = distance;
		probe->segment = segment[r];
		probe->point = leaf * CS_KD_LEAF + r;
	}
}

/* Walk over the tree, the more promising half of each node first. */
static void
RunProbe(Probe *probe)
{
	Stop		stack[CS_KD_MAX_DEPTH + 1];
	int			depth = 0;

	probe->ratio = probe->distance = HUGE_VAL;
	probe->segment = PG_INT32_MAX;
	probe->point = -1;
	stack[depth++] = StopAt(probe, CsKdRoot(probe->tree));
	while (depth > 0)
	{
		Stop		stop = stack[--depth];

		CHECK_FOR_INTERRUPTS();
		while (stop.node.leaves > 1 && stop.ratio <= probe->ratio && stop.ratio < HUGE_VAL)
		{
			Stop		left = StopAt(probe, CsKdLeft(stop.node)),
						right = StopAt(probe, CsKdRight(stop.node));
			bool		turn = right.ratio < left.ratio;

			stack[depth++] = turn ? left : right;
			stop = turn ? right : left;
		}
		if (stop.node.leaves == 1 && stop.ratio <= probe->ratio && stop.ratio < HUGE_VAL)
			ProbeLeaf(probe, stop.node.first);
	}
}

/* Distance to the min_samples-th nearest point, as in training, where a row is its own first. */
static double
CoreDistance(const Compiled *c, const CsKdTree *tree, const double *z)
{
	int32		index[CS_HDBSCAN_MAX_SAMPLES];
	double		squared[CS_HDBSCAN_MAX_SAMPLES];
	int			n = CsKdNearest(tree, z, c->min_samples, -1, index, squared);

	return sqrt(squared[n - 1]);
}

/*
 * Memberships from ratios, the noise's being 1: those of fuzzy c-means with exponent 2 and a
 * cluster of noise (Dave 1991).  They sum to 1, and what is least has most.
 */
static void
RatiosToMemberships(double *u, int n)
{
	double		least = 1,
				sum = 0;

	u[0] = 1;
	for (int i = 1; i < n; i++)
		least = Min(least, u[i]);
	for (int i = 0; i < n; i++)
	{
		double		part = u[i] == least ? 1 : least / u[i];

		u[i] = part * part;
		sum += u[i];
	}
	for (int i = 0; i < n; i++)
		u[i] /= sum;
}

/*
 * Probe each segment by itself and fill in its ratio.  The probe becomes the one of the best, and
 * the second best is returned, -1 if there is none.
 */
static int
ProbeEach(Probe *probe, double *ratios)
{
	Probe		best = *probe;
	double		second = HUGE_VAL;
	int			runner_up = -1;

	best.ratio = HUGE_VAL;
	best.point = -1;
	for (int s = 1; s < probe->model->nsegments; s++)
	{
		probe->wanted = s;
		RunProbe(probe);
		ratios[s] = probe->ratio;
		if (probe->ratio < best.ratio)
		{
			second = best.ratio;
			runner_up = best.point < 0 ? -1 : best.segment;
			best = *probe;
		}
		else if (probe->ratio < second)
		{
			second = probe->ratio;
			runner_up = s;
		}
	}
	*probe = best;
	return runner_up;
}

/*
 * The segment that a row would have joined in the hierarchy, by its mutual reachability to the kept
 * points, as CsAlgorithm.assign.  When all training rows were noise, so is every other row.  A
 * model that has not kept its points places no row.
 */
bool
CsHdbscanAssign(const CsFitted *model, const double *z, CsAssignment *result, double *memberships)
{
	const Compiled *c = model->compiled;
	Probe		probe = {.model = model, .c = c, .z = z, .wanted = -1};
	int			runner_up = -1;
	double		strength;
	bool		inside;

	if (model->nsegments == 1)
	{
		/* all rows were noise, and so is every other */
		*result = (CsAssignment) {.index = 0, .runner_up = -1, .distance = 0, .confidence = 1};
		if (memberships != NULL)
			memberships[0] = 1;
		return true;
	}
	if (c->npoints == 0)
		return false;
	probe.tree = CompiledAt(c, const CsKdTree, c->tree);
	probe.core = CoreDistance(c, probe.tree, z);
	if (memberships == NULL)
		RunProbe(&probe);
	else
		runner_up = ProbeEach(&probe, memberships);
	if (probe.point < 0 || !isfinite(probe.distance))
		return false;

	inside = probe.ratio < 1;
	strength = Min(1, PeakOf(model, probe.segment) / probe.distance);
	result->index = inside ? probe.segment : 0;
	result->runner_up = inside || memberships == NULL ? runner_up : probe.segment;
	result->distance = probe.distance;
	result->confidence = inside ? strength : 1 - strength;
	if (memberships != NULL)
		RatiosToMemberships(memberships, model->nsegments);
	return true;
}

/*
 * What speaks against z in a segment is the distance to the nearest of its points; nothing speaks
 * against noise.
 */
void
CsHdbscanExplain(const CsFitted *model, const double *z, int segment, double *point, double *pull)
{
	const Compiled *c = model->compiled;
	Probe		probe = {.model = model, .c = c, .z = z, .wanted = segment, .plain = true};

	memcpy(point, z, sizeof(double) * model->ncolumns);
	if (segment > 0 && c->npoints > 0)
	{
		probe.tree = CompiledAt(c, const CsKdTree, c->tree);
		RunProbe(&probe);
		if (probe.point >= 0)
			CsKdPoint(probe.tree, probe.point, point);
	}
	for (int j = 0; j < model->ncolumns; j++)
		pull[j] = z[j] - point[j];
}
