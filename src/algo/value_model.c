/*
 * value_model.c
 *	  What a fitted model says of rows: a linear model, or trees that are walked.
 *
 * Trees see columns as float4, and a value goes left when it is below the threshold.  The leaves of a
 * boosted model are added up from its base in the order of the trees, in float4: these are XGBoost's
 * own rules (Chen and Guestrin 2016), and the sums are the library's bit for bit.
 *
 * Rows are walked many at a time through one tree, and trees several at a time by one row: a step of
 * one walk then does not wait for the memory of another.  A leaf has itself for its child, so that
 * all walks take the same number of steps.  A small tree is not walked by rows: from its last split to
 * its root, each split takes for all rows what the one or the other child says, in vectors; of few levels in
 * registers, see value_tree.c.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/value.h"
#include "math/math.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Rows, and trees, that are walked at a time. */
#define GROUP_ROWS 128
#define GROUP_TREES 8

/* Nodes of a tree that is not walked by rows. */
#define SMALL_NODES 63

/* Trees that are made whole ones once for all rows: a quarter of a megabyte of them, beyond which they leave the cache. */
#define FLAT_TREES 1024

/* Steps between two looks whether all rows of a group are in leaves. */
#define STEPS 4

/* Bytes of a model's part, and where it begins. */
static int32
Reserve(Size *size, Size n, Size each)
{
	Size		offset = MAXALIGN(*size);

	*size = add_size(offset, mul_size(n, each));
	return (int32) offset;
}

/*
 * An empty model of a shape: offsets set, all else zero; palloc'd.  An error when it would be larger
 * than a value can be.
 */
CsValueModel *
CsValueModelCreate(const CsValueShape *shape)
{
	bool		is_linear = shape->form == CS_VALUE_LINEAR;
	CsValueModel head = {.form = shape->form,.ncolumns = shape->ncolumns,.ntrees = shape->ntrees,
	.nnodes = shape->nnodes,.ncalibrated = shape->ncalibrated};
	CsValueModel *m;
	Size		size = sizeof(CsValueModel);

	head.coefficient_offset = Reserve(&size, is_linear ? shape->ncolumns : 0, sizeof(double));
	head.mean_offset = Reserve(&size, is_linear ? shape->ncolumns : 0, sizeof(double));
	head.root_offset = Reserve(&size, shape->ntrees, sizeof(int32));
	head.depth_offset = Reserve(&size, shape->ntrees, sizeof(int32));
	head.node_offset = Reserve(&size, shape->nnodes, sizeof(CsTreeNode));
	head.note_offset = Reserve(&size, shape->nnodes, sizeof(CsTreeNote));
	head.calibrated_offset = Reserve(&size, 2 * (Size) shape->ncalibrated, sizeof(double));
	size = MAXALIGN(size);
	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a model of %d nodes is too large to keep", shape->nnodes),
				 errhint("Lower \"max_depth\" or the number of trees, or raise \"min_samples_leaf\".")));
	m = palloc0(size);
	head.size = (int32) size;
	*m = head;
	return m;
}

/*
 * A copy of a model whose results are calibrated: n predictions, ascending, and the probability of
 * each; between them the probability is interpolated.
 */
CsValueModel *
CsValueModelCalibrate(const CsValueModel *m, int n, const double *predicted, const double *probability)
{
	CsValueShape shape = {m->form, m->ncolumns, m->ntrees, m->nnodes, n};
	CsValueModel *result = CsValueModelCreate(&shape);
	int32		offset = result->calibrated_offset;
	int32		size = result->size;

	memcpy(result, m, m->calibrated_offset);
	result->size = size;
	result->calibrated_offset = offset;
	result->ncalibrated = n;
	memcpy(CsValueCalibrated(result), predicted, sizeof(double) * n);
	memcpy(CsValueCalibrated(result) + n, probability, sizeof(double) * n);
	return result;
}

/*
 * Put a tree's n nodes, whose root is node 0 and whose children follow their parents, level by level,
 * as nodes first, first + 1, ... of a model.
 */
void
CsTreeLevelOrder(const CsTreeNode *from, const CsTreeNote *from_notes, int n, int32 first,
				 CsTreeNode *to, CsTreeNote *to_notes)
{
	int32	   *order = palloc_extended(sizeof(int32) * n, MCXT_ALLOC_HUGE);
	int			next = 1;

	order[0] = 0;
	for (int i = 0; i < n; i++)
	{
		to[i] = from[order[i]];
		to_notes[i] = from_notes[order[i]];
		to[i].left = first + i;
		if (to[i].step == 0)
			continue;
		to[i].left = first + next;
		order[next++] = from[order[i]].left;
		order[next++] = from[order[i]].left + 1;
	}
	pfree(order);
}

/*
 * What a linear model says at the means of its columns, exact but for one rounding: far from zero the
 * intercept and what a column adds are large, and nearly the same but for their signs.
 */
static double
AtMeans(const CsValueModel *m)
{
	double		sum = m->intercept,
				rest = 0;

	for (int j = 0; j < m->ncolumns; j++)
	{
		double		part = CsValueCoefficients(m)[j] * CsValueMeans(m)[j];

		CsAddCompensated(&sum, &rest, part);
		rest += fma(CsValueCoefficients(m)[j], CsValueMeans(m)[j], -part);
	}
	return sum + rest + 0.0;
}

/*
 * Work out what follows from the numbers of a model, once they are there: how deep its trees are, where
 * children follow their parents, and what it says at the means, or of a row of which nothing is known.
 */
void
CsValueModelFinish(CsValueModel *m)
{
	const CsTreeNode *nodes = CsValueNodes(m);
	int32	   *depth = palloc0(sizeof(int32) * Max(m->nnodes, 1));
	int32		deepest_of_all = 0;

	for (int t = 0; t < m->ntrees; t++)
	{
		int			end = t + 1 < m->ntrees ? CsValueRoots(m)[t + 1] : m->nnodes;
		int32		deepest = 0;

		for (int i = CsValueRoots(m)[t]; i < end; i++)
		{
			deepest = Max(deepest, depth[i]);
			if (nodes[i].step != 0)
				depth[nodes[i].left] = depth[nodes[i].left + 1] = depth[i] + 1;
		}
		CsValueDepths(m)[t] = deepest;
		deepest_of_all = Max(deepest_of_all, deepest);
	}
	pfree(depth);
	if (m->form == CS_VALUE_LINEAR)
		m->at_means = AtMeans(m);
	else if (deepest_of_all <= CS_VALUE_MAX_DEPTH)	/* deeper trees are none */
		m->at_means = CsValueModelMean(m);
}

/* Are all of n numbers finite? */
static bool
AreFinite(const double *numbers, Size n)
{
	double		sum = 0;

	/* what is not finite leaves 0 * it, NaN, in the sum */
	for (Size i = 0; i < n; i++)
		sum += 0 * numbers[i];
	return sum == 0;
}

/* An error when a fitted model has a number that is not finite: it could be stored, but never used. */
void
CsValueModelCheck(const CsValueModel *m)
{
	bool		is_finite = isfinite(m->intercept) && isfinite(m->at_means) && isfinite(m->base) &&
		AreFinite(CsValueCalibrated(m), 2 * (Size) m->ncalibrated);

	if (m->form == CS_VALUE_LINEAR)
		is_finite = is_finite && AreFinite(CsValueCoefficients(m), m->ncolumns) &&
			AreFinite(CsValueMeans(m), m->ncolumns);
	for (int i = 0; i < m->nnodes && is_finite; i++)
		is_finite = isfinite(CsValueNodes(m)[i].threshold) && isfinite(CsValueNotes(m)[i].cover) &&
			isfinite(CsValueNotes(m)[i].gain);
	if (!is_finite)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the fitted model has numbers that are too large"),
				 errhint("Divide the target, or large features, in a query as the source.")));
}

/* Trees see numbers as float4: an error when those of a column have no place there. */
void
CsValueCheckFloats(const CsValueInput *in)
{
	CsArena    *arena = CsTeamArena(in->team);
	const CsMatrix *m = in->matrix;

	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < m->ncolumns; j++)
			for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
				if (fabs(CsMatrixBlock(m, arena, b)[(Size) j * CS_BLOCK_ROWS + r]) > FLT_MAX)
					ereport(ERROR,
							(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							 errmsg("values of column \"%s\" are too large for trees, which see them as float4",
									in->columns[j]),
							 errhint("Divide the column in a query as the source.")));
	}
}

/* Warn of columns whose values differ by so little of their mean that trees, which see float4, hardly tell them apart. */
void
CsValueWarnFloats(const CsMatrix *m, CsArena *arena, char **columns)
{
	for (int j = 0; j < m->ncolumns; j++)
	{
		CsMoments	moments = {0};
		double		mean,
					deviation;

		for (int64 b = 0; b < CsMatrixBlocks(m); b++)
		{
			CHECK_FOR_INTERRUPTS();
			for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
				CsMomentsAddValue(&moments, CsMatrixBlock(m, arena, b)[(Size) j * CS_BLOCK_ROWS + r]);
		}
		mean = CsMomentsMean(&moments);
		deviation = CsMomentsDeviation(&moments, 0);
		if (deviation > 0 && deviation < CS_VALUE_LEAST_STEPS * FLT_EPSILON * fabs(mean))
			ereport(WARNING,
					(errmsg("values of column \"%s\" differ by too little for trees, which see them as float4", columns[j]),
					 errdetail("Their mean is %g, and their standard deviation %g.", mean, deviation),
					 errhint("Subtract about their mean in a query as the source, or scale them by prep => '{\"columns\": {\"%s\": {\"scale\": \"standard\"}}}'.",
							 columns[j])));
	}
}

/* The node that a value goes to; without a branch where no value is missing. */
static pg_attribute_always_inline int32
StepFrom(const CsTreeNode *node, float x, bool any_missing)
{
	if (any_missing && isnan(x))
		return node->left + (node->missing_left ? 0 : node->step);
	return node->left + (node->step & !(x < node->threshold));
}

/* The result of a model whose form gives x. */
static double
Link(const CsValueModel *m, double x)
{
	if (m->is_logit)
		x = CsInverseLogit(x);
	return m->ncalibrated == 0 ? x :
		CsInterpolate(m->ncalibrated, CsValueCalibrated(m), CsValueCalibrated(m) + m->ncalibrated, x);
}

/* Walk up to GROUP_TREES trees by one row; the leaves' values. */
static pg_attribute_always_inline void
WalkTrees(const CsValueModel *m, int first, int n, const float *x, bool any_missing, float *leaves)
{
	const CsTreeNode *nodes = CsValueNodes(m);
	int32		at[GROUP_TREES];
	int			depth = 0;

	for (int t = 0; t < GROUP_TREES; t++)
	{
		at[t] = CsValueRoots(m)[first + Min(t, n - 1)];
		depth = Max(depth, CsValueDepths(m)[first + Min(t, n - 1)]);
	}
	for (int step = 0; step < depth; step++)
		for (int t = 0; t < GROUP_TREES; t++)
			at[t] = StepFrom(&nodes[at[t]], x[nodes[at[t]].column], any_missing);
	for (int t = 0; t < n; t++)
		leaves[t] = nodes[at[t]].threshold;
}

/* What trees say of one row. */
static double
SumTrees(const CsValueModel *m, const double *x)
{
	float		local[256];
	float	   *values = m->ncolumns <= lengthof(local) ? local : palloc(sizeof(float) * m->ncolumns);
	float		sum = m->base;
	double		total = 0;
	bool		any_missing = false;

	for (int j = 0; j < m->ncolumns; j++)
	{
		values[j] = (float) x[j];
		any_missing |= isnan(x[j]);
	}
	for (int first = 0; first < m->ntrees; first += GROUP_TREES)
	{
		int			n = Min(GROUP_TREES, m->ntrees - first);
		float		leaves[GROUP_TREES];

		if (any_missing)
			WalkTrees(m, first, n, values, true, leaves);
		else
			WalkTrees(m, first, n, values, false, leaves);
		for (int t = 0; t < n; t++)
		{
			sum += leaves[t];
			total += leaves[t];
		}
	}
	if (values != local)
		pfree(values);
	return m->form == CS_VALUE_SUM ? (double) sum : m->base + total / Max(m->ntrees, 1);
}

/* What a model says of one row in model space. */
double
CsValueModelPredict(const CsValueModel *m, const double *x)
{
	double		sum = m->at_means;

	if (m->form != CS_VALUE_LINEAR)
		return Link(m, SumTrees(m, x));
	for (int j = 0; j < m->ncolumns; j++)
		sum += CsValueCoefficients(m)[j] * (x[j] - CsValueMeans(m)[j]);
	return Link(m, sum);
}

/* Steps of a whole group of rows through a tree; x[column * GROUP_ROWS + row]. */
static pg_attribute_always_inline void
WalkRows(const CsTreeNode *nodes, const float *x, int steps, bool any_missing, int32 *at)
{
	for (int step = 0; step < steps; step++)
		for (int r = 0; r < GROUP_ROWS; r++)
		{
			const CsTreeNode *node = &nodes[at[r]];

			at[r] = StepFrom(node, x[node->column * GROUP_ROWS + r], any_missing);
		}
}

/* Are all rows of a group in leaves? */
static bool
AllInLeaves(const CsTreeNode *nodes, const int32 *at)
{
	uint8		open = 0;

	for (int r = 0; r < GROUP_ROWS; r++)
		open |= nodes[at[r]].step;
	return open == 0;
}

/* What a split between two leaves says of a group of rows. */
static pg_attribute_always_inline void
ChooseLeaf(const float *x, float threshold, float left, float right, float *result)
{
	for (int r = 0; r < GROUP_ROWS; r++)
		result[r] = x[r] < threshold ? left : right;
}

/* What a split says of a group of rows: what its left child says, or its right one. */
static pg_attribute_always_inline void
ChooseChild(const float *x, float threshold, const float *left, const float *right, float *result)
{
	for (int r = 0; r < GROUP_ROWS; r++)
		result[r] = x[r] < threshold ? left[r] : right[r];
}

/* What a leaf says of a group of rows. */
static pg_attribute_always_inline void
SayLeaf(const CsTreeNode *leaf, float *result)
{
	for (int r = 0; r < GROUP_ROWS; r++)
		result[r] = leaf->threshold;
}

/*
 * What a small tree of n nodes says of a group of rows without missing values, from its last split to its
 * first; said[SMALL_NODES][GROUP_ROWS] ends with it in the first.
 */
CS_CLONES static void
AskSmallTree(const CsTreeNode *nodes, int32 root, int n, const float *x, float (*said)[GROUP_ROWS])
{
	for (int i = n - 1; i >= 0; i--)
	{
		const CsTreeNode *node = &nodes[root + i];
		const CsTreeNode *left = &nodes[node->left];
		int			at = node->left - root;

		if (node->step == 0)
			continue;
		if (left[0].step == 0 && left[1].step == 0)
		{
			ChooseLeaf(x + node->column * GROUP_ROWS, node->threshold, left[0].threshold, left[1].threshold, said[i]);
			continue;
		}
		for (int k = 0; k < 2; k++)
			if (left[k].step == 0)
				SayLeaf(&left[k], said[at + k]);
		ChooseChild(x + node->column * GROUP_ROWS, node->threshold, said[at], said[at + 1], said[i]);
	}
	if (n == 1)
		SayLeaf(&nodes[root], said[0]);
}

/* Add what a tree says of a group of rows. */
CS_CLONES static void
AddToSum(const float *said, float *sum)
{
	for (int r = 0; r < GROUP_ROWS; r++)
		sum[r] += said[r];
}

/* The same in double. */
CS_CLONES static void
AddToTotal(const float *said, double *total)
{
	for (int r = 0; r < GROUP_ROWS; r++)
		total[r] += said[r];
}

/* Walk a group of rows through a tree; at[GROUP_ROWS] becomes their leaves. */
static void
WalkGroup(const CsValueModel *m, int tree, const float *x, bool any_missing, int32 *at)
{
	const CsTreeNode *nodes = CsValueNodes(m);
	int			left = CsValueDepths(m)[tree];

	for (int r = 0; r < GROUP_ROWS; r++)
		at[r] = CsValueRoots(m)[tree];
	while (left > 0)
	{
		if (any_missing)
			WalkRows(nodes, x, Min(left, STEPS), true, at);
		else
			WalkRows(nodes, x, Min(left, STEPS), false, at);
		left -= STEPS;
		if (left > 0 && AllInLeaves(nodes, at))
			break;
	}
}

/* Are a tree's levels so few that it is made a whole one? */
static bool
IsFlat(const CsValueModel *m, int tree)
{
	return CsValueDepths(m)[tree] <= CS_VALUE_FLAT_LEVELS;
}

/* What a tree of few levels says of the group of rows in the room, of which no value is missing. */
static void
AskFlatTree(const CsValueModel *m, int tree, const CsValueRoom *room, float *said)
{
	CsFlatTree	flat;

	if (tree < room->nflat)
	{
		CsFlatTreeAsk(&room->flat[tree], GROUP_ROWS, said);
		return;
	}
	CsFlatTreeMake(CsValueNodes(m), CsValueRoots(m)[tree], room->group, GROUP_ROWS, &flat);
	CsFlatTreeAsk(&flat, GROUP_ROWS, said);
}

/* What trees say of the group of rows in the room. */
static void
SumTreesOfRows(const CsValueModel *m, const CsValueRoom *room, bool any_missing, double *result)
{
	const CsTreeNode *nodes = CsValueNodes(m);
	const float *x = room->group;
	float		said[SMALL_NODES][GROUP_ROWS] pg_attribute_aligned(PG_CACHE_LINE_SIZE);
	float		sum[GROUP_ROWS] pg_attribute_aligned(PG_CACHE_LINE_SIZE);
	double		total[GROUP_ROWS] = {0};

	for (int r = 0; r < GROUP_ROWS; r++)
		sum[r] = m->base;
	for (int t = 0; t < m->ntrees; t++)
	{
		int32		root = CsValueRoots(m)[t];
		int			n = (t + 1 < m->ntrees ? CsValueRoots(m)[t + 1] : m->nnodes) - root;

		if (IsFlat(m, t) && !any_missing)
			AskFlatTree(m, t, room, said[0]);
		else if (n <= SMALL_NODES && !any_missing)
			AskSmallTree(nodes, root, n, x, said);
		else
		{
			int32		at[GROUP_ROWS];

			WalkGroup(m, t, x, any_missing, at);
			for (int r = 0; r < GROUP_ROWS; r++)
				said[0][r] = nodes[at[r]].threshold;
		}
		if (m->form == CS_VALUE_SUM)
			AddToSum(said[0], sum);
		else
			AddToTotal(said[0], total);
	}
	for (int r = 0; r < GROUP_ROWS; r++)
		result[r] = m->form == CS_VALUE_SUM ? (double) sum[r] : m->base + total[r] / Max(m->ntrees, 1);
}

/* Room for a model to predict blocks in, palloc'd as one piece. */
CsValueRoom *
CsValueRoomMake(const CsValueModel *m)
{
	int			nflat = Min(m->ntrees, FLAT_TREES);
	Size		size = offsetof(CsValueRoom, flat) + sizeof(CsFlatTree) * nflat;
	CsValueRoom *room = palloc(size + PG_CACHE_LINE_SIZE + sizeof(float) * GROUP_ROWS * Max(m->ncolumns, 1));

	/* vectors that lie across two cache lines take twice as long */
	room->group = (float *) CACHELINEALIGN((char *) room + size);
	room->nflat = nflat;
	for (int t = 0; t < nflat; t++)
		if (IsFlat(m, t))
			CsFlatTreeMake(CsValueNodes(m), CsValueRoots(m)[t], room->group, GROUP_ROWS, &room->flat[t]);
	return room;
}

/*
 * What a model says of the first rows of a block in model space, whose others may hold anything:
 * x[column * CS_BLOCK_ROWS + row].
 */
void
CsValueModelPredictBlock(const CsValueModel *m, const double *x, int nrows, const CsValueRoom *room, double *result)
{
	float	   *group = room->group;

	if (m->form == CS_VALUE_LINEAR)
	{
		for (int r = 0; r < nrows; r++)
			result[r] = m->at_means;
		for (int j = 0; j < m->ncolumns; j++)
			for (int r = 0; r < nrows; r++)
				result[r] += CsValueCoefficients(m)[j] * (x[(Size) j * CS_BLOCK_ROWS + r] - CsValueMeans(m)[j]);
	}
	for (int first = 0; first < nrows && m->form != CS_VALUE_LINEAR; first += GROUP_ROWS)
	{
		double		of_group[GROUP_ROWS];
		int			n = Min(GROUP_ROWS, nrows - first);
		bool		any_missing = false;

		for (int j = 0; j < m->ncolumns; j++)
			for (int r = 0; r < GROUP_ROWS; r++)
			{
				group[j * GROUP_ROWS + r] = (float) x[(Size) j * CS_BLOCK_ROWS + first + r];
				any_missing |= isnan(group[j * GROUP_ROWS + r]);
			}
		SumTreesOfRows(m, room, any_missing, of_group);
		memcpy(result + first, of_group, sizeof(double) * n);
	}
	for (int r = 0; r < nrows; r++)
		result[r] = Link(m, result[r]);
}

typedef struct PredictArgs
{
	int			model,			/* areas: the CsValueModel, */
				matrix,			/* the CsMatrix, */
				result;			/* double[nrows] */
} PredictArgs;

/* CS_TASK(CsValuePredictTask): predict the rows of a lane. */
void
CsValuePredictTask(CsTeam *team, const void *args, int item)
{
	const PredictArgs *a = args;
	CsArena    *arena = CsTeamArena(team);
	const CsValueModel *model = CsArenaAddress(arena, a->model);
	const CsMatrix *m = CsArenaAddress(arena, a->matrix);
	double	   *result = CsArenaAddress(arena, a->result);
	CsValueRoom *room = CsValueRoomMake(model);

	for (int64 b = CsLaneStart(m, item); b < CsLaneStart(m, item + 1); b++)
	{
		CHECK_FOR_INTERRUPTS();
		CsValueModelPredictBlock(model, CsMatrixBlock(m, arena, b), CsMatrixBlockRows(m, b), room,
								 result + b * CS_BLOCK_ROWS);
	}
	pfree(room);
}

/* What a model says of each row of a matrix: a new area of double[nrows], which the caller frees. */
int
CsValueModelPredictRows(CsTeam *team, const CsValueModel *m, const CsMatrix *matrix)
{
	CsArena    *arena = CsTeamArena(team);
	PredictArgs args;

	args.model = CsArenaAlloc(arena, m->size);
	memcpy(CsArenaAddress(arena, args.model), m, m->size);
	args.matrix = CsMatrixShare(matrix, arena);
	args.result = CsArenaAlloc(arena, mul_size(sizeof(double), Max(matrix->nrows, 1)));
	CsTeamRun(team, CS_TASK(CsValuePredictTask), &args, sizeof(args), CS_LANES);
	CsArenaFree(arena, args.matrix);
	CsArenaFree(arena, args.model);
	return args.result;
}

/* The gain of all splits by each column; gains[ncolumns]. */
void
CsValueModelGains(const CsValueModel *m, double *gains)
{
	memset(gains, 0, sizeof(double) * m->ncolumns);
	for (int i = 0; i < m->nnodes; i++)
		if (CsValueNodes(m)[i].step != 0)
			gains[CsValueNodes(m)[i].column] += CsValueNotes(m)[i].gain;
}
