/*
 * xgboost.c
 *	  Gradient boosted trees (Chen and Guestrin, XGBoost, 2016), trained by its library.
 *
 * The library is the trainer only: its trees are read from the json that it writes, checked, and
 * predict as any other trees do (value_model.c).  Like LAPACK it is loaded when it is first needed.  It
 * would start threads, which a backend must not have; so OpenMP is told to have one before it is loaded,
 * and signals are blocked meanwhile.  Rounds are boosted one by one, with interrupts between.
 *
 * The library splits no node for a gain below 1e-6, whatever the units of the target.  A target that varies
 * little is therefore multiplied by a power of two, which alters no bit of what is told, and one that is so
 * large that its squares have no place in float4 is divided.
 *
 * What the library holds it frees with the memory context of the fit, also when that ends by an error.
 */
#include "custseg.h"

#include <dlfcn.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "algo/algo.h"
#include "algo/value.h"
#include "call/json.h"
#include "math/math.h"
#include "miscadmin.h"
#include "progress.h"
#include "utils/memutils.h"

#ifdef __APPLE__
#define XGBOOST_LIBRARY "libxgboost.dylib"
#else
#define XGBOOST_LIBRARY "libxgboost.so.0"
#endif

#define XGBOOST_PACKAGE "Install it on the server (Debian: libxgboost0). Algorithm \"forest\" needs no library."

/* Rows up to which all splits are tried, unless the user says otherwise. */
#define EXACT_ROWS 100000

/* Deviations of a target that the library takes as they are. */
#define LEAST_DEVIATION 1
#define MOST_DEVIATION 1e12

typedef struct XgboostOptions
{
	CsValueOptions common;
	int			rounds;
	double		learning_rate;
	int			max_depth;
	double		min_child_weight;
	double		subsample;
	double		colsample;
	double		lambda;
	double		alpha;
	double		gamma;
	int			tree_method;
} XgboostOptions;

static const char *const tree_methods[] = {"auto", "exact", "hist", NULL};

static const CsOption xgboost_options[] = {
	CS_VALUE_OPTIONS(XgboostOptions, common),
	{"rounds", CS_OPTION_INT, offsetof(XgboostOptions, rounds), 200, 1, CS_VALUE_MAX_TREES},
	{"learning_rate", CS_OPTION_REAL, offsetof(XgboostOptions, learning_rate), 0.1, 1e-6, 1},
	{"max_depth", CS_OPTION_INT, offsetof(XgboostOptions, max_depth), 4, 1, 30},
	{"min_child_weight", CS_OPTION_REAL, offsetof(XgboostOptions, min_child_weight), 1, 0, INFINITY},
	{"subsample", CS_OPTION_REAL, offsetof(XgboostOptions, subsample), 1, 1e-6, 1},
	{"colsample", CS_OPTION_REAL, offsetof(XgboostOptions, colsample), 1, 1e-6, 1},
	{"lambda", CS_OPTION_REAL, offsetof(XgboostOptions, lambda), 1, 0, INFINITY},
	{"alpha", CS_OPTION_REAL, offsetof(XgboostOptions, alpha), 0, 0, INFINITY},
	{"gamma", CS_OPTION_REAL, offsetof(XgboostOptions, gamma), 0, 0, INFINITY},
	{"tree_method", CS_OPTION_CHOICE, offsetof(XgboostOptions, tree_method), 0, .choices = tree_methods},
};

/* The functions of the library; each returns 0 for success. */
typedef struct Library
{
	const char *(*last_error) (void);
	int			(*matrix_create) (const float *data, uint64_t nrows, uint64_t ncolumns, float missing, void **out);
	int			(*matrix_set) (void *matrix, const char *field, const float *values, uint64_t n);
	int			(*matrix_free) (void *matrix);
	int			(*create) (void *const *matrices, uint64_t n, void **out);
	int			(*set) (void *booster, const char *name, const char *value);
	int			(*update) (void *booster, int round, void *matrix);
	int			(*save) (void *booster, const char *config, uint64_t *length, const char **json);
	int			(*free) (void *booster);
} Library;

/* What the library holds for a fit. */
typedef struct Held
{
	const Library *library;
	void	   *matrix;
	void	   *booster;
	MemoryContextCallback callback;
} Held;

/* The address of a function of the library; an error when it has none of that name. */
static void *
FunctionOf(void *handle, const char *name)
{
	void	   *function = dlsym(handle, name);

	if (function == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("library \"%s\" has no function \"%s\"", XGBOOST_LIBRARY, name),
				 errhint(XGBOOST_PACKAGE)));
	return function;
}

/* The library, loaded at the first call. */
static const Library *
GetLibrary(void)
{
	static Library library;
	static void *handle = NULL;

	if (library.free != NULL)
		return &library;
	if (handle == NULL)
	{
		setenv("OMP_NUM_THREADS", "1", 1);
		setenv("OMP_THREAD_LIMIT", "1", 1);
		handle = CsLibraryLoad(XGBOOST_LIBRARY, "XGBoost", XGBOOST_PACKAGE);
	}
	library.last_error = FunctionOf(handle, "XGBGetLastError");
	library.matrix_create = FunctionOf(handle, "XGDMatrixCreateFromMat");
	library.matrix_set = FunctionOf(handle, "XGDMatrixSetFloatInfo");
	library.matrix_free = FunctionOf(handle, "XGDMatrixFree");
	library.create = FunctionOf(handle, "XGBoosterCreate");
	library.set = FunctionOf(handle, "XGBoosterSetParam");
	library.update = FunctionOf(handle, "XGBoosterUpdateOneIter");
	library.save = FunctionOf(handle, "XGBoosterSaveModelToBuffer");
	library.free = FunctionOf(handle, "XGBoosterFree");
	return &library;
}

/* An error of the library, if what it returned tells of one; without the addresses that it tells, too. */
static void
Check(const Library *library, int status)
{
	const char *error;

	if (status == 0)
		return;
	error = library->last_error();
	ereport(ERROR,
			(errcode(strstr(error, "bad_alloc") != NULL ? ERRCODE_OUT_OF_MEMORY : ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("XGBoost failed: %.*s", (int) Min(strcspn(error, "\n"), 500), error)));
}

/* MemoryContextCallback: free what the library holds. */
static void
FreeHeld(void *arg)
{
	Held	   *held = arg;

	if (held->booster != NULL)
		(void) held->library->free(held->booster);
	if (held->matrix != NULL)
		(void) held->library->matrix_free(held->matrix);
	held->booster = held->matrix = NULL;
}

/* See CsValueAlgorithm. */
static int64
XgboostNodes(int64 nrows, const void *options)
{
	const XgboostOptions *o = options;
	int64		leaves = Min(INT64CONST(1) << Min(o->max_depth, 20), Max(nrows, 1));

	return Min(2 * leaves * o->rounds, CS_VALUE_MAX_NODES);
}

/*
 * See CsValueAlgorithm.  The library keeps the rows as they are given and once more, each value with its
 * number; the exact method sorts a third copy.
 */
static Size
XgboostMemory(int64 nrows, int ncolumns, const void *options)
{
	Size		values = mul_size(nrows, ncolumns);

	return add_size(mul_size(values, sizeof(float) + 16), add_size(mul_size(nrows, 64), mul_size(XgboostNodes(nrows, options), 400)));
}

/* The power of two that the target is multiplied by for the library. */
static double
TargetScale(const CsValueInput *in)
{
	const double *target = CsArenaAddress(CsTeamArena(in->team), in->target);
	CsMoments	moments = {0};
	double		deviation;
	int			exponent;

	if (in->is_probability)
		return 1;
	for (int64 i = 0; i < in->matrix->nrows; i++)
		CsMomentsAddValue(&moments, target[i]);
	deviation = CsMomentsDeviation(&moments, 0);
	if (!(deviation > 0) || (deviation >= LEAST_DEVIATION && deviation <= MOST_DEVIATION))
		return 1;
	(void) frexp(deviation, &exponent);
	return ldexp(1, 1 - exponent);
}

/* The rows and outcomes as the library takes them. */
static void
GiveRows(Held *held, const CsValueInput *in, double scale)
{
	CsArena    *arena = CsTeamArena(in->team);
	const CsMatrix *m = in->matrix;
	const double *target = CsArenaAddress(arena, in->target);
	int			d = m->ncolumns;
	float	   *rows = palloc_extended(mul_size(mul_size(sizeof(float), d), m->nrows), MCXT_ALLOC_HUGE);
	float	   *label = palloc_extended(mul_size(sizeof(float), m->nrows), MCXT_ALLOC_HUGE);

	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
		{
			int64		row = b * CS_BLOCK_ROWS + r;

			label[row] = (float) (target[row] * scale);
			for (int j = 0; j < d; j++)
				rows[row * d + j] = (float) x[(Size) j * CS_BLOCK_ROWS + r];
		}
	}
	Check(held->library, held->library->matrix_create(rows, (uint64_t) m->nrows, (uint64_t) d, NAN, &held->matrix));
	pfree(rows);
	Check(held->library, held->library->matrix_set(held->matrix, "label", label, (uint64_t) m->nrows));
	pfree(label);
}

/* Set a number. */
static void
SetNumber(const Held *held, const char *name, double value)
{
	Check(held->library, held->library->set(held->booster, name, psprintf("%.10g", value)));
}

/* The mean of the outcomes, in float4: where boosting begins. */
static float
MeanOutcome(const CsValueInput *in)
{
	const double *target = CsArenaAddress(CsTeamArena(in->team), in->target);
	double		sum = 0,
				rest = 0;

	for (int64 i = 0; i < in->matrix->nrows; i++)
		CsAddCompensated(&sum, &rest, target[i]);
	return (float) ((sum + rest) / (double) in->matrix->nrows);
}

/* An error when outcomes differ by so little of their mean that float4, as which the library sees them, blurs them. */
static void
CheckApart(const CsValueInput *in, float mean)
{
	const double *target = CsArenaAddress(CsTeamArena(in->team), in->target);
	double		squares = 0;

	for (int64 i = 0; i < in->matrix->nrows; i++)
		squares += (target[i] - mean) * (target[i] - mean);
	if (sqrt(squares / (double) in->matrix->nrows) < CS_VALUE_LEAST_STEPS * FLT_EPSILON * fabsf(mean))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the values of the target differ by too little for xgboost, which sees them as float4"),
				 errdetail("Their mean is %g.", mean),
				 errhint("Subtract about that from the target in a query as the source, or take another algorithm.")));
}

/* Tell the library what to do. */
static void
SetParameters(const Held *held, const CsValueInput *in, float base, double scale)
{
	const XgboostOptions *o = in->options;
	const char *method = tree_methods[o->tree_method];

	if (o->tree_method == 0)
		method = in->matrix->nrows <= EXACT_ROWS ? "exact" : "hist";
	Check(held->library, held->library->set(held->booster, "objective",
											in->is_probability ? "binary:logistic" : "reg:squarederror"));
	Check(held->library, held->library->set(held->booster, "tree_method", method));
	SetNumber(held, "verbosity", 0);
	SetNumber(held, "nthread", 1);
	SetNumber(held, "seed", (double) (o->common.common.seed & PG_INT32_MAX));
	SetNumber(held, "base_score", base * scale);
	SetNumber(held, "eta", o->learning_rate);
	SetNumber(held, "max_depth", o->max_depth);
	SetNumber(held, "min_child_weight", o->min_child_weight);
	SetNumber(held, "subsample", o->subsample);
	SetNumber(held, "colsample_bytree", o->colsample);
	SetNumber(held, "lambda", o->lambda);
	SetNumber(held, "alpha", o->alpha * scale);
	SetNumber(held, "gamma", o->gamma * scale * scale);
}

/* What the library's json has of the nodes of a tree; beside it whether NaN goes left. */
enum
{
	JSON_LEFT, JSON_RIGHT, JSON_COLUMN, JSON_VALUE, JSON_COVER, JSON_GAIN, NJSON
};

static const char *const json_keys[NJSON] = {
	"left_children", "right_children", "split_indices", "split_conditions", "sum_hessian", "loss_changes"
};

/* Whether NaN goes left, of each node: true and false, or 1 and 0. */
static void
ReadDirections(const CsJsonReader *tree, int n, bool *left)
{
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(tree, "default_left", n, n));

	while (CsJsonNext(&each))
	{
		double		number = 0;

		if (each.value.type == jbvBool)
			left[each.at] = each.value.val.boolean;
		else if (CsJsonGetNumber(&each.value, &number))
			left[each.at] = number != 0;
		else
			CsJsonReject(tree, "default_left", "has an element that is neither true nor false");
	}
}

/* A child of a node, which no other node has yet. */
static int32
ReadChild(const CsJsonReader *tree, const char *key, double number, int n, bool *seen)
{
	if (!(number >= 1 && number < n && number == floor(number)) || seen[(int) number])
		CsJsonReject(tree, key, "has an element that is no other node");
	seen[(int) number] = true;
	return (int32) number;
}

/*
 * Append a tree of the library to arrays with room for its nodes, level by level, and return how many
 * nodes it has; those that were pruned are left behind.
 */
static int
ReadTree(const CsJsonReader *tree, int ncolumns, double scale, int32 first, CsTreeNode *to, CsTreeNote *notes)
{
	int			n = (int) JsonContainerSize(CsJsonReadArray(tree, "left_children", 1, CS_VALUE_MAX_NODES));
	double	   *numbers = palloc_extended(sizeof(double) * n * NJSON, MCXT_ALLOC_HUGE);
	bool	   *missing_left = palloc0(n);
	bool	   *seen = palloc0(n);
	int32	   *order = palloc0(sizeof(int32) * n);
	int			count = 1;

	for (int k = 0; k < NJSON; k++)
		CsJsonReadNumbers(tree, json_keys[k], n, numbers + (Size) k * n, 1);
	ReadDirections(tree, n, missing_left);
	for (int i = 0; i < count; i++)
	{
		int			at = order[i];
		double		column = numbers[(Size) JSON_COLUMN * n + at];

		to[i] = (CsTreeNode) {(float) numbers[(Size) JSON_VALUE * n + at], first + i, 0, 0, 0};
		notes[i] = (CsTreeNote) {(float) numbers[(Size) JSON_COVER * n + at], 0};
		if (numbers[(Size) JSON_LEFT * n + at] == -1)
		{
			to[i].threshold = (float) (to[i].threshold / scale);
			continue;
		}
		if (!(column >= 0 && column < ncolumns && column == floor(column)))
			CsJsonReject(tree, "split_indices", "has an element that is no column");
		notes[i].gain = (float) numbers[(Size) JSON_GAIN * n + at];
		to[i].column = (uint16) column;
		to[i].missing_left = missing_left[at];
		to[i].step = 1;
		to[i].left = first + count;
		order[count++] = ReadChild(tree, "left_children", numbers[(Size) JSON_LEFT * n + at], n, seen);
		order[count++] = ReadChild(tree, "right_children", numbers[(Size) JSON_RIGHT * n + at], n, seen);
	}
	pfree(numbers);
	pfree(missing_left);
	pfree(seen);
	pfree(order);
	return count;
}

/* Nodes of all trees, those that were pruned included; an error when they are too many. */
static int
CountNodes(const CsJsonReader *model, JsonbContainer *trees)
{
	CsJsonEach	each = CsJsonEachOf(trees);
	int64		n = 0;

	while (CsJsonNext(&each))
	{
		CsJsonReader tree = CsJsonReadElement(model, "trees", &each, "tree");

		n += JsonContainerSize(CsJsonReadArray(&tree, "left_children", 1, CS_VALUE_MAX_NODES));
	}
	if (n > CS_VALUE_MAX_NODES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the trees have more than %d nodes, which is too many to keep", CS_VALUE_MAX_NODES),
				 errhint("Lower \"rounds\" or \"max_depth\", or raise \"min_child_weight\".")));
	return (int) n;
}

/* The trees of the library's json as a model; "base" is in the units of the sum, which are scaled in the json. */
static CsValueModel *
ReadModel(const char *json, int ncolumns, float base, double scale)
{
	CsJsonReader r = CsJsonReaderOf(CsJsonbFromText(json), "invalid model of XGBoost", "the model");
	CsJsonReader learner = CsJsonReadObject(&r, "learner", "the learner");
	CsJsonReader booster = CsJsonReadObject(&learner, "gradient_booster", "the booster");
	CsJsonReader inner = CsJsonReadObject(&booster, "model", "the booster's model");
	JsonbContainer *trees = CsJsonReadArray(&inner, "trees", 1, CS_VALUE_MAX_TREES);
	CsJsonEach	each = CsJsonEachOf(trees);
	CsValueShape shape = {CS_VALUE_SUM, ncolumns, (int) JsonContainerSize(trees)};
	int32	   *roots = palloc(sizeof(int32) * shape.ntrees);
	int			room = CountNodes(&inner, trees);
	CsTreeNode *nodes = palloc_extended(sizeof(CsTreeNode) * room, MCXT_ALLOC_HUGE);
	CsTreeNote *notes = palloc_extended(sizeof(CsTreeNote) * room, MCXT_ALLOC_HUGE);
	CsValueModel *m;

	while (CsJsonNext(&each))
	{
		CsJsonReader tree = CsJsonReadElement(&inner, "trees", &each, "tree");

		CHECK_FOR_INTERRUPTS();
		roots[each.at] = shape.nnodes;
		shape.nnodes += ReadTree(&tree, ncolumns, scale, shape.nnodes, nodes + shape.nnodes, notes + shape.nnodes);
	}
	m = CsValueModelCreate(&shape);
	memcpy(CsValueRoots(m), roots, sizeof(int32) * shape.ntrees);
	memcpy(CsValueNodes(m), nodes, sizeof(CsTreeNode) * shape.nnodes);
	memcpy(CsValueNotes(m), notes, sizeof(CsTreeNote) * shape.nnodes);
	CsValueModelFinish(m);
	m->base = base + 0.0f;
	return m;
}

/* Boost, and return the library's json, in the context at hand. */
static char *
Boost(Held *held, const CsValueInput *in, float base, double scale)
{
	const XgboostOptions *o = in->options;
	const Library *library = held->library;
	const char *json;
	uint64_t	length;

	GiveRows(held, in, scale);
	Check(library, library->create(&held->matrix, 1, &held->booster));
	SetParameters(held, in, base, scale);
	for (int i = 0; i < o->rounds; i++)
	{
		CHECK_FOR_INTERRUPTS();
		Check(library, library->update(held->booster, i, held->matrix));
		CsProgressFit(1, 1, i + 1);
	}
	Check(library, library->save(held->booster, "{\"format\": \"json\"}", &length, &json));
	if (length >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the trees are too many to keep"),
				 errhint("Lower \"rounds\" or \"max_depth\", or raise \"min_child_weight\".")));
	return pnstrdup(json, length);
}

/* Fit, as CsValueAlgorithm.fit. */
static void
XgboostFit(const CsValueInput *in, CsValueFit *out)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "custseg XGBoost", ALLOCSET_DEFAULT_SIZES);
	Held	   *held = MemoryContextAllocZero(context, sizeof(Held));
	float		base = MeanOutcome(in);
	double		scale = TargetScale(in);
	CsValueModel *m;
	char	   *json;

	memset(out, 0, sizeof(*out));
	CsValueCheckFloats(in);
	CheckApart(in, base);
	held->library = GetLibrary();
	held->callback.func = FreeHeld;
	held->callback.arg = held;
	MemoryContextRegisterResetCallback(context, &held->callback);
	MemoryContextSwitchTo(context);
	json = Boost(held, in, base, scale);
	FreeHeld(held);
	m = ReadModel(json, in->matrix->ncolumns, in->is_probability ? -logf(1.0f / base - 1.0f) : base, scale);
	m->is_probability = m->is_logit = in->is_probability;
	MemoryContextSwitchTo(caller);
	out->model = memcpy(palloc(m->size), m, m->size);
	MemoryContextDelete(context);
	out->left_out = -1;
	out->log_likelihood = NAN;
	out->iterations = ((const XgboostOptions *) in->options)->rounds;
	out->converged = true;
}

/* See CsValueAlgorithm. */
static int
XgboostGrid(int64 nrows, const void *options, CsGridAxis *axes)
{
	axes[0] = (CsGridAxis) {"max_depth", 3, {4, 2, 6}};
	axes[1] = (CsGridAxis) {"learning_rate", 2, {0.1, 0.05}};
	axes[2] = (CsGridAxis) {"rounds", 2, {200, 100}};
	return 3;
}

const CsValueAlgorithm CsXgboost = {
	.name = "xgboost",
	.prep = "{\"scale\": \"none\"}",
	.of_numbers = true,
	.of_probabilities = true,
	.is_of_trees = true,
	.options = xgboost_options,
	.noptions = lengthof(xgboost_options),
	.options_size = sizeof(XgboostOptions),
	.memory = XgboostMemory,
	.nodes = XgboostNodes,
	.fit = XgboostFit,
	.grid = XgboostGrid,
};
