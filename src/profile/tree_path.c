/*
 * tree_path.c
 *	  A stored tree to be read: tree_rules(), its rules; and decision_path(), the way of one
 *	  customer through it.
 */
#include "custseg.h"

#include <math.h>

#include "algo/tree.h"
#include "algo/tree_words.h"
#include "miscadmin.h"
#include "monitor/monitor.h"

PG_FUNCTION_INFO_V1(custseg_tree_rules);
PG_FUNCTION_INFO_V1(custseg_decision_path);

static const char *const missing_sql =
"SELECT f.position FROM custseg.feature AS f "
"WHERE f.model OPERATOR(pg_catalog.=) $1 AND f.version OPERATOR(pg_catalog.=) $2"
" AND f.n_null OPERATOR(pg_catalog.>) 0";

/* A stored tree, as its readers see it. */
typedef struct StoredTree
{
	const CsScorer *scorer;
	CsScoring	scoring;
	CsRuleMaker maker;
} StoredTree;

/* CsCatalogVisitor: a feature that rows of the training lacked. */
static void
TakeMissing(void *state, const CsCatalogRow *row)
{
	((bool *) state)[CsRowInt4(row, 1, 1) - 1] = true;
}

/* Take a version of a model, which must be a tree. */
static void
OpenTree(StoredTree *tree, const CsScorer *scorer)
{
	bool	   *missing = palloc0(sizeof(bool) * CsScorerPipeline(scorer)->nfeatures);

	tree->scorer = scorer;
	if (strcmp(NameStr(scorer->algorithm), CsTreeAlgorithm.name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" is not a tree", NameStr(scorer->model)),
				 errdetail("Its algorithm is \"%s\".", NameStr(scorer->algorithm)),
				 errhint("custseg.surrogate() describes the segments of any model by rules.")));
	CsScoringInit(&tree->scoring, scorer, CurrentMemoryContext);
	CsScorerRead(scorer, missing_sql, TakeMissing, missing);
	CsRuleMakerInit(&tree->maker, CsScorerPipeline(scorer), tree->scoring.fitted.parameters, missing);
}

/* The training rows of a segment in a node; of all segments: -1. */
static double
RowsOf(const StoredTree *tree, int segment, int node)
{
	const CsParameter *counts = &tree->scoring.fitted.parameters[TREE_COUNTS];
	double		sum = 0;

	if (segment >= 0)
		return counts->values[(Size) segment * counts->columns + node];
	for (int s = 0; s < counts->rows; s++)
		sum += counts->values[(Size) s * counts->columns + node];
	return sum;
}

/* Number, name, rows, coverage and purity of a node; returns how many columns these are. */
static int
PutNode(const StoredTree *tree, int node, CsValue *row)
{
	int			segment = (int) tree->scoring.fitted.parameters[TREE_SEGMENTS].values[node];
	const CsScorerSegment *s = &CsScorerSegments(tree->scorer)[segment];
	double		rows = RowsOf(tree, -1, node);
	double		all = RowsOf(tree, -1, 0);
	int			i = 0;

	row[i++] = CsValueInt4(s->segment);
	row[i++] = CsValueText(CsScorerAt(tree->scorer, char, s->name));
	row[i++] = CsValueFloat8(rows);
	row[i++] = CsValueFloat8(all > 0 ? rows / all : NAN);
	row[i++] = CsValueFloat8(rows > 0 ? RowsOf(tree, segment, node) / rows : NAN);
	return i;
}

/* The arguments of tree_rules(). */
enum
{
	RULES_MODEL, RULES_VERSION
};

/* tree_rules(model, version): one row for each rule */
Datum
custseg_tree_rules(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *model = CsTextArgument(fcinfo, RULES_MODEL);
	const CsScorer *scorer;
	StoredTree	tree;
	int			number = 0;

	if (model == NULL)
		return (Datum) 0;
	scorer = CsCacheGet(model, CsVersionArgument(fcinfo, RULES_VERSION));
	CsCachePin(scorer, CurrentMemoryContext);
	OpenTree(&tree, scorer);
	for (int node = 0; node < tree.maker.nodes->rows; node++)
	{
		CsValue		row[8];

		CHECK_FOR_INTERRUPTS();
		if (!CsRuleIsRule(&tree.maker, node))
			continue;
		row[0] = CsValueInt4(++number);
		row[1] = CsValueText(CsRuleOfNode(&tree.maker, node, false));
		row[2] = CsValueText(CsRuleOfNode(&tree.maker, node, true));
		CsResultPut(result, row, 3 + PutNode(&tree, node, row + 3));
	}
	return (Datum) 0;
}

/* The row of a step of the way: the question that led to a node; none to the root. */
static void
PutStep(CsResult *result, const StoredTree *tree, CsCallSite *site, int step, int node)
{
	const CsPipeline *p = CsScorerPipeline(tree->scorer);
	CsValue		row[9];
	int			feature = -1;
	int			i = 0;
	char	   *condition = step == 0 ? NULL : CsRuleOfStep(&tree->maker, node, &feature);

	row[i++] = CsValueInt4(step);
	row[i++] = CsValueText(condition);
	row[i++] = CsValueText(feature < 0 ? NULL : NameStr(p->feature[feature].name));
	row[i++] = CsValueText(feature < 0 ? NULL : site->is_jsonb ?
						 CsJsonbText(p, DatumGetJsonbP(site->customer), feature) :
						 CsBindingText(site->binding, feature));
	i += PutNode(tree, node, row + i);
	CsResultPut(result, row, i);
}

/* decision_path(model, customer, version): one row for each step from the root to the leaf */
Datum
custseg_decision_path(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	StoredTree	tree;
	CsCallSite *site;
	CsAssignment placed;
	int			node = 0;

	site = CsCallSiteForModel(fcinfo);
	if (site == NULL || CsIsDecidedByHand(site))
		return (Datum) 0;
	OpenTree(&tree, site->scoring.scorer);
	if (!CsCallSitePlace(site, &placed, NULL))
		return (Datum) 0;
	PutStep(result, &tree, site, 0, node);
	for (int step = 1; !CsRuleIsLeaf(&tree.maker, node); step++)
	{
		node = CsRuleNext(&tree.maker, node, site->scoring.z);
		PutStep(result, &tree, site, step, node);
	}
	return (Datum) 0;
}
