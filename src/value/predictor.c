/*
 * predictor.c
 *	  A version of a model of a value or a probability: written as json, and compiled from it.
 *
 * Parameters:
 *   {"target", "form": "linear" | "sum" | "mean", "logit", "probability", "intercept", "coefficients",
 *	"means", "errors", "base", "trees": [{"column", "value", "cover", "gain"}...],
 *	"shuffled": [...], "calibration": {"predicted", "probability"} or null, "interval": {"ratios", "scores"} or null}
 * A linear model has intercept, coefficients, means and errors; the others have base and trees.  The
 * arrays of a tree have an element for each node, level by level: "column" is that of the split, from 1,
 * negative where missing values go left, and 0 for a leaf; "value" the threshold, or what the leaf says.
 * Where children are follows from the order.
 *
 * Numbers of trees are float4 and are written with the fewest digits that read back to the same.
 */
#include "custseg.h"

#include <math.h>

#include "call/json.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "value/predictor.h"

static const char *const forms[] = {
	[CS_VALUE_LINEAR] = "linear",[CS_VALUE_SUM] = "sum",[CS_VALUE_MEAN] = "mean"
};

/* The arrays of a tree. */
static const char *const tree_keys[] = {"column", "value", "cover", "gain"};

#define NTREE_KEYS lengthof(tree_keys)

/* Write what predictions are off by, by tenths of the prediction, as a member of a version's metrics. */
void
CsPredictorPushSpread(JsonbParseState **json, const CsPredictionSpread *spread)
{
	CsJsonObject(json, "spread");
	CsJsonNumbers(json, "bounds", spread->bound, CS_TENTHS - 1, 1);
	CsJsonNumbers(json, "squares", spread->square, CS_TENTHS, 1);
	(void) CsJsonEnd(json);
}

/* Read it back, trusting nothing; false where a version's metrics do not have it. */
bool
CsPredictorReadSpread(const CsJsonReader *metrics, CsPredictionSpread *spread)
{
	static const char *const keys[] = {"bounds", "squares"};
	CsJsonReader r;
	JsonbValue	value;

	if (!CsJsonReadMember(metrics, "spread", &value))
		return false;
	r = CsJsonReadObject(metrics, "spread", "the spread");
	CsJsonCheckKeys(&r, keys, lengthof(keys));
	CsJsonReadNumbers(&r, "bounds", CS_TENTHS - 1, spread->bound, 1);
	CsJsonReadNumbers(&r, "squares", CS_TENTHS, spread->square, 1);
	for (int i = 1; i < CS_TENTHS - 1; i++)
		if (spread->bound[i] < spread->bound[i - 1])
			CsJsonReject(&r, "bounds", "must ascend");
	for (int i = 0; i < CS_TENTHS; i++)
		if (spread->square[i] < 0)
			CsJsonReject(&r, "squares", "must not hold negative numbers");
	return true;
}

/* The double of the fewest digits that is rounded to this float4. */
static double
Decimal(float x)
{
	char		text[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(x, text);
	return strtod(text, NULL);
}

/* A tree's nodes, palloc'd. */
static Jsonb *
TreeToJson(const CsTreeNode *nodes, const CsTreeNote *notes, int n)
{
	JsonbParseState *json = NULL;
	double	   *numbers = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);

	CsJsonObject(&json, NULL);
	for (int k = 0; k < NTREE_KEYS; k++)
	{
		for (int i = 0; i < n; i++)
		{
			int			column = nodes[i].step == 0 ? 0 : nodes[i].column + 1;

			numbers[i] = k == 0 ? (nodes[i].missing_left && column > 0 ? -column : column) :
				Decimal(k == 1 ? nodes[i].threshold : k == 2 ? notes[i].cover : notes[i].gain);
		}
		CsJsonNumbers(&json, tree_keys[k], numbers, n, 1);
	}
	return CsJsonFinish(&json);
}

/*
 * The trees of a model as an array, palloc'd.  Each is made in a context of its own: the tree of values that it is made
 * from is five times as large.
 */
static Jsonb *
TreesToJson(const CsValueModel *m)
{
	Jsonb	  **trees = palloc(sizeof(Jsonb *) * m->ntrees);
	MemoryContext caller = CurrentMemoryContext,
				context = AllocSetContextCreate(caller, "custseg tree", ALLOCSET_DEFAULT_SIZES);
	Jsonb	   *result;

	for (int t = 0; t < m->ntrees; t++)
	{
		int32		first = CsValueRoots(m)[t];
		int32		end = t + 1 < m->ntrees ? CsValueRoots(m)[t + 1] : m->nnodes;
		Jsonb	   *tree;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(context);
		tree = TreeToJson(CsValueNodes(m) + first, CsValueNotes(m) + first, end - first);
		MemoryContextSwitchTo(caller);
		trees[t] = memcpy(palloc(VARSIZE(tree)), tree, VARSIZE(tree));
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	result = CsJsonArrayOf(trees, m->ntrees);
	for (int t = 0; t < m->ntrees; t++)
		pfree(trees[t]);
	pfree(trees);
	return result;
}

/* Push what a linear model has. */
static void
PushLinear(JsonbParseState **json, const CsPredictorParts *parts)
{
	const CsValueModel *m = parts->model;

	CsJsonNumber(json, "intercept", m->intercept);
	CsJsonNumbers(json, "coefficients", CsValueCoefficients(m), m->ncolumns, 1);
	CsJsonNumbers(json, "means", CsValueMeans(m), m->ncolumns, 1);
	if (parts->errors != NULL)
	{
		CsJsonNumber(json, "intercept_error", parts->errors[m->ncolumns]);
		CsJsonNumbers(json, "errors", parts->errors, m->ncolumns, 1);
	}
}

/* The parameters of a version, palloc'd. */
Jsonb *
CsPredictorParameters(const CsPredictorParts *parts)
{
	const CsValueModel *m = parts->model;
	JsonbParseState *json = NULL;
	Jsonb	   *head,
			   *trees,
			   *result;

	CsJsonObject(&json, NULL);
	CsJsonText(&json, "target", parts->target);
	CsJsonText(&json, "form", forms[m->form]);
	CsJsonBool(&json, "logit", m->is_logit);
	CsJsonBool(&json, "probability", m->is_probability);
	if (m->form == CS_VALUE_LINEAR)
		PushLinear(&json, parts);
	else
	{
		CsJsonNumber(&json, "base", Decimal(m->base));
		CsJsonNull(&json, "trees");
	}
	CsJsonNumbers(&json, "shuffled", parts->shuffled, parts->nfeatures, 1);
	CsJsonNull(&json, "calibration");
	if (m->ncalibrated > 0)
	{
		CsJsonObject(&json, "calibration");
		CsJsonNumbers(&json, "predicted", CsValueCalibrated(m), m->ncalibrated, 1);
		CsJsonNumbers(&json, "probability", CsValueCalibrated(m) + m->ncalibrated, m->ncalibrated, 1);
		(void) CsJsonEnd(&json);
	}
	CsJsonNull(&json, "interval");
	if (parts->nscores > 0)
	{
		CsJsonObject(&json, "interval");
		CsJsonBool(&json, "ratios", parts->ratios);
		CsJsonNumbers(&json, "scores", parts->scores, parts->nscores, 1);
		(void) CsJsonEnd(&json);
	}
	head = CsJsonFinish(&json);
	if (m->form == CS_VALUE_LINEAR)
		return head;
	trees = TreesToJson(m);
	result = CsJsonReplace(head, "trees", trees);
	pfree(trees);
	return result;
}

/* A number of a tree as float4; an error when there is none. */
static float
ReadFloat(const CsJsonReader *r, const char *key, double number)
{
	float		x = (float) number;

	if (!isfinite(x))
		CsJsonReject(r, key, "has a number that is too large");
	return x;
}

/* Read the nodes of a tree, which become nodes first, first + 1, ... of the model. */
static void
ReadTree(const CsJsonReader *r, CsValueModel *m, int32 first, int n)
{
	CsTreeNode *nodes = CsValueNodes(m) + first;
	CsTreeNote *notes = CsValueNotes(m) + first;
	double	   *numbers = palloc_extended(sizeof(double) * n * NTREE_KEYS, MCXT_ALLOC_HUGE);
	int			nsplits = 0;

	for (int k = 0; k < NTREE_KEYS; k++)
		CsJsonReadNumbers(r, tree_keys[k], n, numbers + (Size) k * n, 1);
	for (int i = 0; i < n; i++)
	{
		double		column = fabs(numbers[i]);

		if (column != floor(column) || column > m->ncolumns)
			CsJsonReject(r, "column", "has an element that is not the number of a column");
		nodes[i].threshold = ReadFloat(r, "value", numbers[n + i]);
		notes[i].cover = ReadFloat(r, "cover", numbers[2 * (Size) n + i]);
		notes[i].gain = ReadFloat(r, "gain", numbers[3 * (Size) n + i]);
		nodes[i].left = first + i;
		if (!(notes[i].cover >= 0))
			CsJsonReject(r, "cover", "has an element below 0");
		if (column == 0)
			continue;
		nodes[i].column = (uint16) (column - 1);
		nodes[i].missing_left = numbers[i] < 0;
		nodes[i].step = 1;
		nodes[i].left = first + 2 * nsplits++ + 1;
		/* a child follows its parent: so the nodes are a tree */
		if (nodes[i].left <= first + i || nodes[i].left + 1 >= first + n)
			CsJsonReject(r, "column", "is that of no tree");
	}
	if (n != 2 * nsplits + 1)
		CsJsonReject(r, "column", "is that of no tree");
	pfree(numbers);
}

/* Nodes of a tree. */
static int
CountNodes(const CsJsonReader *tree)
{
	return (int) JsonContainerSize(CsJsonReadArray(tree, "column", 1, CS_VALUE_MAX_NODES));
}

/* Read a model of trees; "shape" has what is known beside them. */
static CsValueModel *
ReadTrees(const CsJsonReader *r, CsValueShape *shape)
{
	JsonbContainer *trees = CsJsonReadArray(r, "trees", 1, CS_VALUE_MAX_TREES);
	CsJsonEach	each = CsJsonEachOf(trees);
	CsValueModel *m;
	int32		first = 0;

	shape->ntrees = (int) JsonContainerSize(trees);
	while (CsJsonNext(&each))
	{
		CsJsonReader tree = CsJsonReadElement(r, "trees", &each, "tree");

		shape->nnodes += CountNodes(&tree);
		if (shape->nnodes > CS_VALUE_MAX_NODES)
			CsJsonReject(r, "trees", "has more than %d nodes", CS_VALUE_MAX_NODES);
	}
	m = CsValueModelCreate(shape);
	m->base = ReadFloat(r, "base", CsJsonReadNumber(r, "base"));
	each = CsJsonEachOf(trees);
	while (CsJsonNext(&each))
	{
		CsJsonReader tree = CsJsonReadElement(r, "trees", &each, "tree");
		int			n = CountNodes(&tree);

		CHECK_FOR_INTERRUPTS();
		CsValueRoots(m)[each.at] = first;
		ReadTree(&tree, m, first, n);
		first += n;
	}
	CsValueModelFinish(m);
	for (int t = 0; t < m->ntrees; t++)
		if (CsValueDepths(m)[t] > CS_VALUE_MAX_DEPTH)
			CsJsonReject(r, "trees", "has a tree that is deeper than %d", CS_VALUE_MAX_DEPTH);
	return m;
}

/* Read a linear model. */
static CsValueModel *
ReadLinear(const CsJsonReader *r, const CsValueShape *shape)
{
	CsValueModel *m = CsValueModelCreate(shape);

	m->intercept = CsJsonReadNumber(r, "intercept");
	CsJsonReadNumbers(r, "coefficients", m->ncolumns, CsValueCoefficients(m), 1);
	CsJsonReadNumbers(r, "means", m->ncolumns, CsValueMeans(m), 1);
	CsValueModelFinish(m);
	return m;
}

/* Numbers that must not descend, palloc'd; *n of them. */
static double *
ReadAscending(const CsJsonReader *r, const char *key, int most, bool strictly, int *n)
{
	double	   *numbers;

	*n = (int) JsonContainerSize(CsJsonReadArray(r, key, 1, most));
	numbers = palloc(sizeof(double) * *n);
	CsJsonReadNumbers(r, key, *n, numbers, 1);
	for (int i = 1; i < *n; i++)
		if (numbers[i] < numbers[i - 1] || (strictly && numbers[i] == numbers[i - 1]))
			CsJsonReject(r, key, "must ascend");
	return numbers;
}

/* Read the calibration that a model may have; returns the model, which then is another one. */
static CsValueModel *
ReadCalibration(const CsJsonReader *r, CsValueModel *m)
{
	CsJsonReader part;
	double	   *predicted,
			   *probability;
	JsonbValue	member;
	int			n,
				other;

	if (!CsJsonReadMember(r, "calibration", &member))
		return m;
	part = CsJsonReadObject(r, "calibration", "the calibration");
	predicted = ReadAscending(&part, "predicted", CS_VALUE_MAX_NODES, true, &n);
	probability = ReadAscending(&part, "probability", CS_VALUE_MAX_NODES, false, &other);
	if (n != other)
		CsJsonReject(&part, "probability", "has %d elements, but \"predicted\" has %d", other, n);
	if (probability[0] < 0 || probability[n - 1] > 1)
		CsJsonReject(&part, "probability", "has an element that is no probability");
	return CsValueModelCalibrate(m, n, predicted, probability);
}

/* Read the model of the parameters for so many columns. */
static CsValueModel *
ReadModel(const CsJsonReader *r, int ncolumns)
{
	char	   *form = CsJsonReadText(r, "form");
	CsValueShape shape = {.ncolumns = ncolumns};
	CsValueModel *m;

	while (shape.form < lengthof(forms) && strcmp(forms[shape.form], form) != 0)
		shape.form++;
	if (shape.form >= lengthof(forms))
		CsJsonReject(r, "form", "is \"%s\", which is no form", form);
	m = shape.form == CS_VALUE_LINEAR ? ReadLinear(r, &shape) : ReadTrees(r, &shape);
	m->is_logit = CsJsonReadBool(r, "logit");
	m->is_probability = CsJsonReadBool(r, "probability");
	m = ReadCalibration(r, m);
	if (m->is_probability && !m->is_logit && m->ncalibrated == 0)
		CsJsonReject(r, "calibration", "must not be null where nothing else makes a probability of what is predicted");
	return m;
}

/* Compile a definition (CsCompile). */
void *
CsPredictorCompile(Jsonb *definition, const CsStoredParameters *parameters)
{
	CsJsonReader r = CsJsonReaderOf(definition, CS_INVALID_DEFINITION, "the definition");
	CsJsonReader part = CsJsonReadObject(&r, "pipeline", "the pipeline");
	CsPipeline *pipeline = CsPipelineFromJson(&part);
	CsPredictor head = {0};
	CsPredictor *p;
	CsValueModel *m;
	double	   *scores = NULL;
	JsonbValue	member;
	Size		size;

	part = CsJsonReadBeside(&r, "parameters", "the parameters", parameters == NULL ? NULL : parameters->json);
	m = ReadModel(&part, pipeline->noutputs);
	CsJsonReadName(&r, "model", &head.model);
	CsJsonReadName(&part, "target", &head.target);
	if (CsJsonReadMember(&part, "interval", &member))
	{
		CsJsonReader interval = CsJsonReadObject(&part, "interval", "the interval");

		head.ratios = CsJsonReadBool(&interval, "ratios");
		scores = ReadAscending(&interval, "scores", CS_MOST_SCORES, false, &head.nscores);
		if (scores[0] < 0)
			CsJsonReject(&interval, "scores", "has an element below 0");
	}
	head.pipeline_offset = MAXALIGN(sizeof(CsPredictor));
	head.value_offset = head.pipeline_offset + MAXALIGN(pipeline->size);
	head.score_offset = head.value_offset + m->size;
	head.shuffled_offset = head.score_offset + (int32) sizeof(double) * head.nscores;
	size = head.shuffled_offset + sizeof(double) * pipeline->nfeatures;
	p = palloc0(size);
	*p = head;
	SET_VARSIZE(p, size);
	memcpy(CsPredictorPipeline(p), pipeline, pipeline->size);
	memcpy(CsPredictorModel(p), m, m->size);
	CsJsonReadNumbers(&part, "shuffled", pipeline->nfeatures, CsPredictorShuffled(p), 1);
	if (head.nscores > 0)
		memcpy(CsPredictorScores(p), scores, sizeof(double) * head.nscores);
	return p;
}
