/*
 * choose_k.c
 *	  custseg.choose_k(): a row for each number of segments, its indices, and which to take.
 *
 * One read and one preparation of the source serve all of them.  What decides is in choice.c, and
 * is the same for train(k => NULL).
 */
#include "custseg.h"

#include <math.h>

#include "funcapi.h"
#include "judge/judge.h"
#include "utils/builtins.h"

/* Positions of the arguments. */
enum
{
	ARG_SOURCE, ARG_FEATURES, ARG_K_MIN, ARG_K_MAX, ARG_ALGORITHM, ARG_ID, ARG_PREP, ARG_OPTIONS
};

static const CsOption choice_options[] = {
	{"gap_references", CS_OPTION_INT, offsetof(CsChoiceOptions, gap_references), 10, 0, 1000},
	{"gap_sample", CS_OPTION_INT, offsetof(CsChoiceOptions, gap_sample), 5000, 10, 1000000},
};

PG_FUNCTION_INFO_V1(custseg_choose_k);

/* k_min and k_max, or an error. */
static void
ReadRange(FunctionCallInfo fcinfo, const CsAlgorithm *algorithm, CsChoiceOptions *asked)
{
	if (PG_ARGISNULL(ARG_K_MIN) || PG_ARGISNULL(ARG_K_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" must not be NULL", PG_ARGISNULL(ARG_K_MIN) ? "k_min" : "k_max")));
	asked->k_min = PG_GETARG_INT32(ARG_K_MIN);
	asked->k_max = PG_GETARG_INT32(ARG_K_MAX);
	if (asked->k_min < 1 || asked->k_max > algorithm->max_segments || asked->k_min > asked->k_max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k_min\" and \"k_max\" must be a range between 1 and %d",
						algorithm->max_segments),
				 errdetail("They are %d and %d.", asked->k_min, asked->k_max)));
}

/* Check and keep the arguments. */
static CsRequest
ReadArguments(FunctionCallInfo fcinfo, CsChoiceOptions *asked)
{
	CsRequest	request = {.command = "custseg.choose_k()"};
	const CsAlgorithm *algorithm;

	request.source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	algorithm = CsClusteringFind(CsRequiredText(fcinfo, ARG_ALGORITHM, "algorithm"));
	if (algorithm->finds_k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("algorithm \"%s\" finds the number of segments itself", algorithm->name),
				 errhint("Look at its result with custseg.compare().")));
	request.algorithm = algorithm;
	request.options = CsParseJudging(algorithm,
									 PG_ARGISNULL(ARG_OPTIONS) ? NULL : PG_GETARG_JSONB_P(ARG_OPTIONS),
									 choice_options, lengthof(choice_options),
									 sizeof(CsChoiceOptions), asked);
	if (asked->gap_references == 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"gap_references\" must be 0, or at least 2"),
				 errdetail("The standard error needs two sets.")));
	ReadRange(fcinfo, algorithm, asked);
	request.k_max = asked->k_max;
	request.id = CsTextArgument(fcinfo, ARG_ID);
	request.features = PG_ARGISNULL(ARG_FEATURES) ? NULL : PG_GETARG_ARRAYTYPE_P(ARG_FEATURES);
	request.prep = PG_ARGISNULL(ARG_PREP) ? NULL : PG_GETARG_JSONB_P(ARG_PREP);
	request.measures = CsChoiceMemory;
	request.judging = asked;
	return request;
}

/* Every candidate as a row of the result. */
static void
PutRows(ReturnSetInfo *rsinfo, const CsChoice *choice)
{
	for (int i = 0; i < choice->n; i++)
	{
		const CsCandidate *c = &choice->candidates[i];
		Datum		values[13];
		bool		nulls[13] = {0};

		values[0] = Int32GetDatum(c->k);
		CsPutNumber(values, nulls, 1, c->inertia);
		CsPutNumber(values, nulls, 2, c->silhouette);
		CsPutNumber(values, nulls, 3, c->calinski_harabasz);
		CsPutNumber(values, nulls, 4, c->davies_bouldin);
		CsPutNumber(values, nulls, 5, c->gap);
		CsPutNumber(values, nulls, 6, c->gap_se);
		CsPutNumber(values, nulls, 7, c->bic);
		CsPutNumber(values, nulls, 8, c->smallest_share);
		CsPutNumber(values, nulls, 9, c->largest_share);
		values[10] = Int32GetDatum(c->votes);
		values[11] = BoolGetDatum(i == choice->best);
		nulls[12] = c->reason == NULL;
		values[12] = nulls[12] ? (Datum) 0 : CStringGetTextDatum(c->reason);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/*
 * choose_k(source, features, k_min, k_max, algorithm, id, prep, options)
 */
Datum
custseg_choose_k(PG_FUNCTION_ARGS)
{
	CsChoiceOptions asked = {0};
	CsRequest	request;
	CsTraining *t;
	CsTeam	   *team;
	CsChoice   *choice;

	InitMaterializedSRF(fcinfo, 0);
	request = ReadArguments(fcinfo, &asked);
	t = CsTrainingOpen(&request);
	team = CsTrainingPrepare(t);
	if (asked.k_min > t->matrix->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"k_min\" is %d, but there are only %lld rows", asked.k_min,
						(long long) t->matrix->nrows),
				 errhint("Lower \"k_min\".")));
	choice = CsChooseK(t, team, request.algorithm, request.options, &asked);
	CsTeamEnd(team);
	PutRows((ReturnSetInfo *) fcinfo->resultinfo, choice);
	CsTrainingClose(t);
	return (Datum) 0;
}
