/*
 * tree.c
 *	  Decision trees: segments that are given with the rows, told by questions about single columns.
 *
 * A tree imitates: the segments of another model, or the values of a column.  It is grown
 * (tree_grow.c, tree_search.c), cut back (tree_prune.c), and stored as it is: nodes, and how many rows of each
 * segment each of them had.  Its segments are all that were given, also those that no leaf is for.
 *
 * A tree reads features in their own units, which is what makes its rules readable; so their
 * preparation neither scales nor transforms.
 */
#include "custseg.h"

#include <math.h>

#include "algo/tree.h"
#include "algo/tree_words.h"
#include "call/call.h"
#include "miscadmin.h"
#include "prep/prep.h"
#include "utils/fmgrprotos.h"

const CsOption CsTreeOptions[TREE_NOPTIONS] = {
	{"target", CS_OPTION_TEXT, offsetof(TreeOptions, imitated.column)},
	{"model", CS_OPTION_TEXT, offsetof(TreeOptions, imitated.model)},
	{"weight", CS_OPTION_TEXT, offsetof(TreeOptions, common.weight)},
	/* distances mean nothing to a tree */
	{"silhouette_sample", CS_OPTION_INT, offsetof(TreeOptions, common.silhouette_sample), 0, 0, 50000},
	{"max_depth", CS_OPTION_INT, offsetof(TreeOptions, max_depth), CS_TREE_DEPTH, 1, CS_TREE_MAX_DEPTH},
	CS_SEED_OPTION(TreeOptions, common.seed),
	CS_ENGINE_OPTION(TreeOptions, common.engine),
	{"min_samples_split", CS_OPTION_INT, offsetof(TreeOptions, min_samples_split), 2, 2, PG_INT32_MAX},
	{"min_samples_leaf", CS_OPTION_INT, offsetof(TreeOptions, min_samples_leaf), 1, 1, PG_INT32_MAX},
	{"max_leaf_nodes", CS_OPTION_INT, offsetof(TreeOptions, max_leaf_nodes), 0, 2, CS_TREE_MAX_LEAVES},
	{"min_impurity_decrease", CS_OPTION_REAL, offsetof(TreeOptions, min_impurity_decrease), 0, 0, INFINITY},
	{"ccp_alpha", CS_OPTION_REAL, offsetof(TreeOptions, ccp_alpha), 0, 0, INFINITY},
};

static const CsParameterInfo parameters[TREE_NPARAMETERS] = {
	[TREE_NODES] = {"nodes", CS_PARAMETER_ROWS},
	[TREE_SEGMENTS] = {"node_segments", CS_PARAMETER_LABELS},
	[TREE_COUNTS] = {"rows", CS_PARAMETER_SEGMENTS},
};

/* Raise an error for a preparation that would take a feature out of its own units. */
static void
CheckOwnUnits(const CsPrep *prep)
{
	const char *key = prep->pca != 0 ? "pca" : NULL;

	for (int i = 0; i < prep->ncolumns && key == NULL; i++)
	{
		const CsPrepColumn *column = &prep->columns[i];

		if (column->scale != CS_SCALE_NONE)
			key = "scale";
		else if (column->transform != CS_TRANSFORM_NONE)
			key = "transform";
		else if (column->clip != CS_CLIP_NONE)
			key = "clip";
	}
	if (key != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation key \"%s\" does not apply to a tree", key),
				 errdetail("A tree splits features in their own units, and its segments would be the same in other units."),
				 errhint("Leave it out.")));
}

/* See CsAlgorithm. */
static CsPrep *
TreePrep(Jsonb *asked, const CsColumn *features, int nfeatures)
{
	Jsonb	   *unscaled = CsJsonbFromText("{\"scale\": \"none\"}");
	CsPrep	   *prep;

	if (asked == NULL)
		asked = unscaled;
	else if (JB_ROOT_IS_OBJECT(asked))
		asked = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(unscaled),
												   JsonbPGetDatum(asked)));
	prep = CsPrepParse(asked, features, nfeatures, false);
	CheckOwnUnits(prep);
	return prep;
}

/* See CsAlgorithm. */
static const CsImitated *
TreeImitated(const void *options)
{
	return &((const TreeOptions *) options)->imitated;
}

/* Bytes beside the matrix: growing, asking about other rows, labels and what is summed up by them. */
static Size
TreeMemory(int64 nrows, int d, int k, const void *options)
{
	Size		growing = Max(CsTreeSortMemory(nrows, d),
							  add_size(CsTreeSearchMemory(nrows, d), CsTreeValidateMemory(nrows, d)));

	return add_size(add_size(CsTreeKeptMemory(nrows, d), growing),
					add_size(mul_size(sizeof(int32), nrows), CsMomentsMemory(k, d)));
}

/* The error for a tree that is too large to keep, let alone to read. */
static void
CheckTree(const CsDecisionTree *tree)
{
	int			nleaves = (tree->nnodes + 1) / 2;

	if (nleaves <= CS_TREE_MAX_LEAVES &&
		(int64) tree->nnodes * tree->nclasses <= CS_TREE_MAX_COUNTS)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the tree has %d leaves for %d segments, which is too many to keep", nleaves,
					tree->nclasses),
			 errdetail("A tree can have %d leaves, and %d numbers of rows by node and segment.",
					   CS_TREE_MAX_LEAVES, CS_TREE_MAX_COUNTS),
			 errhint("Lower \"max_depth\" or \"max_leaf_nodes\", or raise \"min_samples_leaf\" or \"ccp_alpha\".")));
}

/* The segment of each row's leaf: an area of the arena. */
static int
LabelRows(const CsFitInput *in, const CsDecisionTree *tree, const int32 *node_of, const int32 *place)
{
	CsArena    *arena = CsTeamArena(in->team);
	int64		n = in->matrix->nrows;
	int			area = CsArenaAlloc(arena, sizeof(int32) * n);
	int32	   *labels = CsArenaAddress(arena, area);
	int32	   *classes = palloc_extended(sizeof(int32) * tree->nnodes, MCXT_ALLOC_HUGE);

	for (int i = 0; i < tree->nnodes; i++)
		classes[i] = CsTreeClass(tree, i);
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		labels[i] = classes[place[node_of[i]]];
	}
	pfree(classes);
	return area;
}

/* The tree as parameters of the model; nodes are counted from 1, so that 0 is none. */
static void
StoreTree(const CsDecisionTree *tree, CsFitOutput *out)
{
	CsParameter *nodes = &out->parameters[TREE_NODES],
			   *segments = &out->parameters[TREE_SEGMENTS],
			   *counts = &out->parameters[TREE_COUNTS];
	int			n = tree->nnodes;

	*nodes = (CsParameter) {n, TREE_NODE_NUMBERS, palloc(sizeof(double) * n * TREE_NODE_NUMBERS)};
	*segments = (CsParameter) {n, 1, palloc(sizeof(double) * n)};
	*counts = (CsParameter) {tree->nclasses, n, palloc(sizeof(double) * n * tree->nclasses)};
	for (int i = 0; i < n; i++)
	{
		const CsDecisionNode *node = &tree->nodes[i];
		double	   *row = nodes->values + (Size) i * TREE_NODE_NUMBERS;

		row[0] = node->column + 1;
		row[1] = node->column < 0 ? 0 : node->threshold;
		row[2] = node->left + 1;
		row[3] = node->right + 1;
		row[4] = node->column < 0 ? 0 : node->shown;
		segments->values[i] = CsTreeClass(tree, i);
		for (int c = 0; c < tree->nclasses; c++)
			counts->values[(Size) c * n + i] = tree->counts[(Size) i * tree->nclasses + c];
	}
}

static void
AddMetric(CsFitOutput *out, const char *name, double value)
{
	out->metrics[out->nmetrics++] = (CsMetric) {name, value};
}

/* The share of the rows' weight that the largest segment has. */
static double
LargestShare(const CsDecisionTree *tree)
{
	return tree->counts[CsTreeClass(tree, 0)] / tree->nodes[0].weight;
}

/* The rules that the tree amounts to, by its parameters. */
static int
CountRules(const CsParameter *parameters)
{
	CsRuleMaker maker;
	int			nrules = 0;

	CsRuleMakerInit(&maker, NULL, parameters, NULL);
	for (int i = 0; i < maker.nodes->rows; i++)
		nrules += CsRuleIsRule(&maker, i);
	return nrules;
}

/* How often the rules are right, in words: the less of what rows say that the tree has seen, and others. */
static char *
DescribeFidelity(const CsDecisionTree *tree, int nrules, double seen, double unseen)
{
	bool		is_unseen = unseen <= seen;
	double		least = is_unseen ? unseen : seen;

	return psprintf("%d rule%s %d segments, and %s right for %.1f %% of the customers%s%s", nrules,
					nrules == 1 ? " stands for" : "s distinguish", tree->nclasses,
					nrules == 1 ? "is" : "are", 100 * least,
					is_unseen ? " that the tree has not seen" : "",
					least <= LargestShare(tree) ? ", no more than if all were in the largest segment" : "");
}

/*
 * How well the tree imitates: the share of rows that are in the right segment, the mean over the
 * segments of the same share, and the share of right rows among those that it has not seen.
 */
static void
MeasureTree(const CsDecisionTree *tree, double validated, CsFitOutput *out)
{
	double	   *right = palloc0(sizeof(double) * tree->nclasses);
	double		correct = 0,
				recalls = 0;
	int			depth = 0,
				nclasses = 0;

	for (int i = 0; i < tree->nnodes; i++)
	{
		int			c = CsTreeClass(tree, i);

		depth = Max(depth, tree->nodes[i].depth);
		if (tree->nodes[i].column < 0)
			right[c] += tree->counts[(Size) i * tree->nclasses + c];
	}
	for (int c = 0; c < tree->nclasses; c++)
	{
		correct += right[c];
		if (tree->counts[c] == 0)
			continue;			/* without weight */
		recalls += right[c] / tree->counts[c];
		nclasses++;
	}
	AddMetric(out, "fidelity", correct / tree->nodes[0].weight);
	AddMetric(out, "balanced_fidelity", recalls / nclasses);
	AddMetric(out, "validated_fidelity", validated);
	AddMetric(out, "n_leaves", (tree->nnodes + 1) / 2);
	AddMetric(out, "depth", depth);
	out->iterations = depth;
	out->note = DescribeFidelity(tree, CountRules(out->parameters), correct / tree->nodes[0].weight, validated);
	pfree(right);
}

/* Grow and prune the tree, as CsAlgorithm.fit. */
static void
TreeFit(const CsFitInput *in, CsFitOutput *out)
{
	CsTreeGrowth *growth = CsTreeGrowthStart(in, NULL, in->matrix->nrows, NULL);
	CsTreeValidation *validation = CsTreeValidateStart(in, growth);
	int32	   *place;
	CsDecisionTree	   *tree = CsTreePrune(CsTreeGrow(growth, NULL), in->options, &place);

	memset(out, 0, sizeof(*out));
	CheckTree(tree);
	out->k = in->k;
	out->labels = LabelRows(in, tree, CsTreeLeaves(growth), place);
	CsTreeGrowthEnd(growth);
	pfree(place);
	StoreTree(tree, out);
	MeasureTree(tree, CsTreeValidate(validation), out);
	CsMeasureSegments(in, out);
	out->converged = true;
}

const CsAlgorithm CsTreeAlgorithm = {
	.name = "tree",
	.segments = "those of a model or a column, told by questions",
	.memory_text = "half of the matrix, 10 bytes for each row, and 24 bytes for each row and process; of up to 30,000 rows half of it once more",
	.keeps = "thresholds, each the middle of two neighboring values, and the rows of each leaf",
	.time = "rows x log(rows) x columns to sort, and rows x columns for each level",
	.options = CsTreeOptions,
	.noptions = TREE_NOPTIONS,
	.options_size = sizeof(TreeOptions),
	.max_segments = CS_TREE_MAX_CLASSES,
	.finds_k = true,
	.is_given = true,
	.borders = CsTreeBorders,
	.prep = TreePrep,
	.imitated = TreeImitated,
	.parameters = parameters,
	.nparameters = lengthof(parameters),
	.memory = TreeMemory,
	.fit = TreeFit,
	.compile = CsTreeCompile,
	.assign = CsTreeAssign,
	.place = CsTreePlace,
	.places_rows = CsTreePlacesRows,
	.place_rows = CsTreePlaceRows,
	.explain = CsTreeExplain,
};
