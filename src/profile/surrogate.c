/*
 * surrogate.c
 *	  A model, or a column, in rules: surrogate() and surrogate_of_column().
 *
 * A small decision tree is trained on the features to give each row the segment that it has (Craven
 * and Shavlik, Extracting Tree-Structured Representations of Trained Networks, NIPS 8, 1996).  Its
 * leaves are rules that anyone can check, and how often they are right says how much of the
 * segments they explain.
 *
 * Everything but the words is a training's: what train() makes of the same arguments with
 * algorithm => 'tree' is this tree.
 */
#include "custseg.h"

#include <math.h>

#include "algo/tree.h"
#include "algo/tree_words.h"
#include "monitor/monitor.h"
#include "train/train.h"

PG_FUNCTION_INFO_V1(custseg_surrogate);
PG_FUNCTION_INFO_V1(custseg_surrogate_of_column);

/* Columns of the row of a rule. */
#define RULE_COLUMNS 12

/* The options of the tree; max_depth is an argument. */
static TreeOptions *
ReadOptions(FunctionCallInfo fcinfo, int max_depth, int options)
{
	TreeOptions *result = palloc0(sizeof(TreeOptions));

	CsOptionsArgument(fcinfo, options, CsTreeOptions + TREE_TRAIN_OPTIONS,
					  TREE_NOPTIONS - TREE_TRAIN_OPTIONS, result);
	result->max_depth = CsIntArgument(fcinfo, max_depth, CS_TREE_DEPTH);
	if (result->max_depth < 1 || result->max_depth > CS_TREE_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"max_depth\" must be between 1 and %d", CS_TREE_MAX_DEPTH),
				 errdetail("It is %d.", result->max_depth),
				 errhint("Each level can double the number of rules; people can read a tree of 3 to 5 levels.")));
	return result;
}

/* A share; NaN of nothing. */
static double
Share(double part, double all)
{
	return all > 0 ? part / all : NAN;
}

/* The rows of a tree's segment in a node. */
static double
RowsOf(const CsFitOutput *fit, int class, int node)
{
	const CsParameter *counts = &fit->parameters[TREE_COUNTS];

	return counts->values[(Size) class * counts->columns + node];
}

/* The row of a rule. */
static void
PutRule(CsResult *result, const CsTraining *t, const CsRuleMaker *maker, int node, int number)
{
	const CsFitOutput *fit = &t->fit;
	const CsClass *class = &t->target->classes[(int) fit->parameters[TREE_SEGMENTS].values[node]];
	double		rows = 0;
	CsValue		row[RULE_COLUMNS];
	int			i = 0;

	for (int c = 0; c < t->target->nclasses; c++)
		rows += RowsOf(fit, c, node);
	row[i++] = CsValueInt4(number);
	row[i++] = CsValueText(CsRuleOfNode(maker, node, false));
	row[i++] = CsValueText(CsRuleOfNode(maker, node, true));
	row[i++] = CsValueInt4(class->number);
	row[i++] = CsValueText(class->name);
	row[i++] = CsValueInt8((int64) rows);
	row[i++] = CsValueFloat8(Share(rows, (double) t->nrows));
	row[i++] = CsValueFloat8(Share(RowsOf(fit, (int) (class - t->target->classes), node), rows));
	for (int m = 0; m < TREE_NFIDELITIES; m++)
		row[i++] = CsValueFloat8(fit->metrics[m].value);
	row[i++] = CsValueText(fit->note);
	CsResultPut(result, row, i);
}

/* Train the tree, and put its rules into the result. */
static void
PutTree(CsResult *result, CsRequest *request)
{
	CsTraining *t;
	CsTeam	   *team;
	CsRuleMaker maker;
	bool	   *has_nulls;
	int			number = 0;

	request->algorithm = &CsTreeAlgorithm;
	t = CsTrainingOpen(request);
	team = CsTrainingPrepare(t);
	t->fit = CsTrainingFit(t, team, t->algorithm, t->options, 0);
	CsTeamEnd(team);

	has_nulls = palloc(sizeof(bool) * t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
		has_nulls[i] = t->baselines[i].n_null > 0;
	CsRuleMakerInit(&maker, t->pipeline, t->fit.parameters, has_nulls);
	for (int i = 0; i < maker.nodes->rows; i++)
		if (CsRuleIsRule(&maker, i))
			PutRule(result, t, &maker, i, ++number);
	CsTrainingClose(t);
}

/* The arguments. */
enum
{
	SURROGATE_MODEL, SURROGATE_SOURCE, SURROGATE_FEATURES, SURROGATE_MAX_DEPTH, SURROGATE_OPTIONS,
	SURROGATE_VERSION
};

enum
{
	COLUMN_SOURCE, COLUMN_TARGET, COLUMN_FEATURES, COLUMN_MAX_DEPTH, COLUMN_OPTIONS
};

/* surrogate(model, source, features, max_depth, options, version): one row for each rule */
Datum
custseg_surrogate(PG_FUNCTION_ARGS)
{
	CsReport	report;
	CsRequest	request = {.command = "custseg.surrogate()"};
	TreeOptions *options;

	if (!CsReportOpen(&report, fcinfo, SURROGATE_SOURCE, SURROGATE_VERSION))
		return (Datum) 0;
	request.source = report.source;
	request.trained = report.scorer;
	request.features = CsArrayArgument(fcinfo, SURROGATE_FEATURES);
	options = ReadOptions(fcinfo, SURROGATE_MAX_DEPTH, SURROGATE_OPTIONS);
	options->imitated.model = pstrdup(NameStr(report.scorer->model));
	options->imitated.version = report.scorer->version;
	request.options = options;
	PutTree(report.result, &request);
	return (Datum) 0;
}

/* surrogate_of_column(source, target, features, max_depth, options): one row for each rule */
Datum
custseg_surrogate_of_column(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsRequest	request = {.command = "custseg.surrogate_of_column()"};
	TreeOptions *options;
	char	   *target;

	request.source = CsRequiredText(fcinfo, COLUMN_SOURCE, "source");
	request.features = CsArrayArgument(fcinfo, COLUMN_FEATURES);
	target = CsRequiredText(fcinfo, COLUMN_TARGET, "target");
	options = ReadOptions(fcinfo, COLUMN_MAX_DEPTH, COLUMN_OPTIONS);
	options->imitated.column = target;
	request.options = options;
	PutTree(result, &request);
	return (Datum) 0;
}
