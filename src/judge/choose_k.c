/*
 * choose_k.c
 *	  custseg.choose_k(): a row for each number of segments, its indices, and which to take.
 *
 * One read and one preparation of the source serve all of them.  What decides is in choice.c, and
 * is the same for train(k => NULL).
 */
#include "custseg.h"

#include <math.h>

#include "judge/judge.h"
#include "train/distributed.h"

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
	asked->k_min = CsRequiredInt(fcinfo, ARG_K_MIN, "k_min");
	asked->k_max = CsRequiredInt(fcinfo, ARG_K_MAX, "k_max");
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
	request.by_passes = true;
	request.options = CsParseJudging(algorithm,
									 CsJsonbArgument(fcinfo, ARG_OPTIONS),
									 choice_options, lengthof(choice_options),
									 sizeof(CsChoiceOptions), asked);
	if (asked->gap_references == 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"gap_references\" must be 0, or at least 2"),
				 errdetail("The standard error needs at least two reference sets.")));
	ReadRange(fcinfo, algorithm, asked);
	request.k_max = asked->k_max;
	request.id = CsTextArgument(fcinfo, ARG_ID);
	request.features = CsArrayArgument(fcinfo, ARG_FEATURES);
	request.prep = CsJsonbArgument(fcinfo, ARG_PREP);
	request.measures = CsChoiceMemory;
	request.judging = asked;
	return request;
}

/* Every candidate as a row of the result. */
static void
PutRows(CsResult *result, const CsChoice *choice)
{
	CsValue		row[CS_CANDIDATE_VALUES];

	for (int i = 0; i < choice->n; i++)
	{
		CsCandidateValues(choice, i, row);
		CsResultPut(result, row, lengthof(row));
	}
}

/*
 * choose_k(source, features, k_min, k_max, algorithm, id, prep, options)
 */
Datum
custseg_choose_k(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsChoiceOptions asked = {0};
	CsRequest	request;
	CsTraining *t;
	CsTeam	   *team;
	CsChoice   *choice;

	request = ReadArguments(fcinfo, &asked);
	t = CsTrainingOpen(&request);
	team = CsTrainingPrepare(t);
	if (asked.k_min > t->matrix->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("\"k_min\" is %d, but there is only %lld row",
							   "\"k_min\" is %d, but there are only %lld rows", t->nrows, asked.k_min,
						(long long) t->matrix->nrows),
				 errhint("Lower \"k_min\".")));
	choice = CsJudgesByPasses(t) ? CsChooseKByPasses(t, &team, &asked) :
		CsChooseK(t, team, request.algorithm, request.options, &asked);
	CsTeamEndLast(team);
	PutRows(result, choice);
	CsTrainingClose(t);
	return (Datum) 0;
}
