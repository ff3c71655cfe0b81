/*
 * rewrite.c
 *	  predict(model, row) over a table's rows, planned as a call on the columns that it needs.
 *
 * To pass a row, the executor deforms the tuple and forms a new one of all its columns, which costs
 * more than scoring it.  Where the customer is simply the row of a table, the planner asks this
 * support function, which puts predict_columns(model, version, names, column, ...) in the call's
 * place: only the columns that the model needs are read, and no row is made.
 *
 * Where somebody has decided for customers by hand, the columns that tell who a customer is come along.
 *
 * Such a plan depends on the model's features and decisions.  So custseg.model is entered among the relations
 * that the plan depends on: a cached plan is made anew when a model changes.
 *
 * The call stays as it is where a column could be something else than the row's field: rows that
 * an outer join may set to NULL, OLD and NEW, columns that are computed when they are read.  And
 * where it is bound to fail, so that it fails when it is executed.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "score/score.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* Arguments of predict_columns() before the columns. */
#define FIXED_ARGUMENTS 3

/* What a feature costs beside an addition: to prepare it, and for each eight segments. */
#define FEATURE_COST 0.5
#define GROUP_COST 0.5

PG_FUNCTION_INFO_V1(custseg_predict_support);

/* The relation whose row a node is, as one of the query's own; InvalidOid for anything else. */
static Oid
RelationOfRow(PlannerInfo *root, Node *node)
{
	Var		   *var = (Var *) node;
	RangeTblEntry *rte;

	if (!IsA(node, Var) || var->varattno != InvalidAttrNumber || var->varlevelsup != 0 ||
		var->varno <= 0 || var->varno > list_length(root->parse->rtable))
		return InvalidOid;
#if PG_VERSION_NUM >= 180000
	if (var->varreturningtype != VAR_RETURNING_DEFAULT)
		return InvalidOid;
#endif
	rte = rt_fetch(var->varno, root->parse->rtable);
	if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_COMPOSITE_TYPE ||
		get_rel_type_id(rte->relid) != var->vartype)
		return InvalidOid;
	return rte->relid;
}

#if PG_VERSION_NUM < 160000
/* Is there an outer join anywhere in a query? */
static bool
HasOuterJoin(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, JoinExpr) && IS_OUTER_JOIN(((JoinExpr *) node)->jointype))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, HasOuterJoin, context, 0);
	return expression_tree_walker(node, HasOuterJoin, context);
}
#endif

/*
 * May the row be NULL as a whole, or the plan see it from above a grouping?  The planner simplifies
 * functions in FROM before it sets hasJoinRTEs, and the condition of an EXISTS with the outer
 * query's root; so what the row itself tells counts, or else the whole query.
 */
static bool
MayBeNull(PlannerInfo *root, Var *row)
{
#if PG_VERSION_NUM >= 160000
	if (!bms_is_empty(row->varnullingrels))
		return true;
#else
	if (HasOuterJoin((Node *) root->parse, NULL))
		return true;
#endif
	return root->hasJoinRTEs || root->parse->groupingSets != NIL ||
		root->parse->commandType == CMD_MERGE;
}

/* A column of a row's relation by name, as a Var; NULL when there is none, or it is computed. */
static Var *
ColumnOfRow(Oid relid, Var *row, const char *name)
{
	HeapTuple	tuple = SearchSysCacheAttName(relid, name);
	Form_pg_attribute attribute;
	Var		   *column = NULL;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	if (attribute->attnum > 0 && (attribute->attgenerated == '\0' || attribute->attgenerated == 's'))
		column = makeVar(row->varno, attribute->attnum, attribute->atttypid, attribute->atttypmod,
						 attribute->attcollation, 0);
	ReleaseSysCache(tuple);
	return column;
}

/* The model that a call names, in the version that is another of its arguments, if all is as it must be; else NULL. */
static const CsScorer *
ModelOfCall(FuncExpr *call, Const *version)
{
	Const	   *model = linitial(call->args);

	if (!IsA(model, Const) || model->constisnull || !IsA(version, Const) ||
		!ActiveSnapshotSet())
		return NULL;
	if (!version->constisnull && DatumGetInt32(version->constvalue) < 1)
		return NULL;
	return CsCacheTry(TextDatumGetCString(model->constvalue),
					  version->constisnull ? 0 : DatumGetInt32(version->constvalue));
}

/* OID of predict_columns(), InvalidOid if it is not there. */
static Oid
PredictColumnsOid(void)
{
	Oid			types[] = {TEXTOID, INT4OID, TEXTARRAYOID, ANYOID};

	return LookupFuncName(list_make2(makeString(pstrdup("custseg_private")),
									 makeString(pstrdup("predict_columns"))),
						  lengthof(types), types, true);
}

/* Add columns of the row by name; false where one could be something else than the row's field. */
static bool
AddColumns(Oid relid, Var *row, const List *names, List **columns)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		Var		   *column = ColumnOfRow(relid, row, lfirst(cell));

		if (column == NULL)
			return false;
		*columns = lappend(*columns, column);
	}
	return true;
}

/* The columns of a relation that tell for whom somebody has decided by hand; NIL where nobody has. */
static List *
KeyColumns(const CsScorer *scorer, Oid relid)
{
	Relation	relation;
	CsKey		key;
	List	   *names;

	if (!CsCacheHasOverrides(scorer))
		return NIL;
	CsScorerKey(scorer, &key);
	relation = relation_open(relid, AccessShareLock);
	names = CsKeyOfRow(&key, RelationGetDescr(relation), relid);
	relation_close(relation, NoLock);
	return names;
}

/* Names of features and, after a NULL, of the columns of a key; a text[]. */
static Const *
NamesOfColumns(const List *features, const List *key)
{
	int			n = list_length(features) + 1 + list_length(key);
	Datum	   *names = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc0(sizeof(bool) * n);
	int			lower = 1;
	int			i = 0;
	ListCell   *cell;

	foreach(cell, features)
		names[i++] = CStringGetTextDatum(lfirst(cell));
	nulls[i++] = true;
	foreach(cell, key)
		names[i++] = CStringGetTextDatum(lfirst(cell));
	if (key == NIL)
		n--;
	return makeConst(TEXTARRAYOID, -1, DEFAULT_COLLATION_OID, -1,
					 PointerGetDatum(construct_md_array(names, nulls, 1, &n, &lower, TEXTOID, -1, false,
														TYPALIGN_INT)), false, false);
}

/* predict_columns(model, version, names, column, ...), or NULL where the call has to stay. */
static Node *
CallOnColumns(PlannerInfo *root, FuncExpr *call)
{
	Var		   *row = lsecond(call->args);
	Oid			relid = RelationOfRow(root, (Node *) row);
	const CsScorer *scorer;
	const CsPipeline *p;
	Oid			function;
	List	   *names = NIL;
	List	   *key;
	List	   *columns = NIL;

	if (!OidIsValid(relid) || MayBeNull(root, row))
		return NULL;
	scorer = ModelOfCall(call, lthird(call->args));
	if (scorer == NULL || !OidIsValid(function = PredictColumnsOid()))
		return NULL;
	CsCachePin(scorer, CurrentMemoryContext);
	p = CsScorerPipeline(scorer);
	for (int i = 0; i < p->nfeatures; i++)
		names = lappend(names, pstrdup(NameStr(p->feature[i].name)));
	key = KeyColumns(scorer, relid);
	if (p->nfeatures + list_length(key) > FUNC_MAX_ARGS - FIXED_ARGUMENTS ||
		!AddColumns(relid, row, names, &columns) || !AddColumns(relid, row, key, &columns))
		return NULL;
	columns = lcons(NamesOfColumns(names, key), columns);
	columns = lcons(lthird(call->args), columns);
	columns = lcons(linitial(call->args), columns);

	root->glob->relationOids = list_append_unique_oid(root->glob->relationOids,
													  CsModelTable());
	return (Node *) makeFuncExpr(function, INT4OID, columns, InvalidOid, call->inputcollid,
								 COERCE_EXPLICIT_CALL);
}

/*
 * Tell what a call of predict_columns() costs, where the model is plain: about as much as to add the columns up, for
 * up to eight segments.  What a function is said to cost decides about compiling the query, and about workers.
 */
static bool
EstimateCost(SupportRequestCost *request)
{
	FuncExpr   *call = (FuncExpr *) request->node;
	const CsScorer *scorer;
	CsScoring	scoring;
	double		additions,
				groups;

	if (call == NULL || !IsA(call, FuncExpr) || request->funcid != PredictColumnsOid() ||
		(scorer = ModelOfCall(call, lsecond(call->args))) == NULL)
		return false;
	CsScoringInit(&scoring, scorer, CurrentMemoryContext);
	if (scoring.plain == NULL)
		return false;
	additions = Max(CsScorerPipeline(scorer)->nfeatures - 1, 1);
	groups = scorer->padded / CS_CENTER_GROUP;
	request->startup = 0;
	request->per_tuple = cpu_operator_cost * additions * (FEATURE_COST + groups * GROUP_COST);
	return true;
}

/* Planner support of predict(model, customer, version) and predict_columns(). */
Datum
custseg_predict_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestCost) && EstimateCost((SupportRequestCost *) request))
		result = request;

	if (IsA(request, SupportRequestSimplify))
	{
		SupportRequestSimplify *simplify = (SupportRequestSimplify *) request;

		if (simplify->root != NULL && list_length(simplify->fcall->args) == 3)
			result = CallOnColumns(simplify->root, simplify->fcall);
	}
	PG_RETURN_POINTER(result);
}
