/*
 * request.c
 *	  What functions that judge rows have in common: their arguments, and the sample they look at.
 */
#include "custseg.h"

#include "judge/judge.h"

/* Positions of the arguments of a function that runs no algorithm of the user's choice. */
enum
{
	ARG_SOURCE, ARG_FEATURES, ARG_PREP, ARG_OPTIONS
};

/*
 * The request of a function (source, features, prep, options).  Its options go to "result", a
 * struct that begins with CsCommonOptions.  Passes may tell what it asks for, or draw its sample.
 */
CsRequest
CsJudgingRequest(FunctionCallInfo fcinfo, const char *command, const CsOption *options,
				 int noptions, void *result)
{
	CsRequest	request = {.command = command};

	request.source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	request.features = CsArrayArgument(fcinfo, ARG_FEATURES);
	request.prep = CsJsonbArgument(fcinfo, ARG_PREP);
	CsOptionsArgument(fcinfo, ARG_OPTIONS, options, noptions, result);
	request.options = result;
	request.judging = result;
	request.by_passes = true;
	return request;
}

/*
 * Replace the training's matrix and weights by a seeded sample of "most" rows, if there are more,
 * and free the rest.
 */
void
CsJudgeSample(CsTraining *t, int64 most)
{
	int64		used;
	int64	   *rows;
	CsMatrix   *sample;
	int			weights;

	if (t->matrix->nrows <= most)
		return;
	rows = CsSampleRows(t->matrix->nrows, most, (uint64) t->common->seed, &used);
	sample = CsMatrixOfRows(t->arena, t->matrix, rows, used);
	weights = CsWeightsOfRows(t->arena, t->weights, rows, used);
	pfree(rows);
	if (t->weights >= 0)
		CsArenaFree(t->arena, t->weights);
	if (t->matrix != t->raw)
		CsMatrixFree(t->raw, t->arena);
	CsMatrixFree(t->matrix, t->arena);
	t->matrix = t->raw = sample;
	t->weights = weights;
}
