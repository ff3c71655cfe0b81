/*
 * score.c
 *	  All customers of a source placed at once: score().
 */
#include "custseg.h"

#include "score/pass.h"

/* The columns of score(). */
enum
{
	SCORE_ID, SCORE_SEGMENT, SCORE_NAME, SCORE_DISTANCE, SCORE_CONFIDENCE, SCORE_ASSIGNED_BY,
	SCORE_DECIDED_BY, SCORE_COLUMNS
};

/* What score() needs for each row. */
typedef struct ScoreState
{
	CsPass	   *pass;
	CsPlacer   *placer;
	CsResult   *result;
	CsValue		none[SCORE_COLUMNS];	/* NULLs, with which each row begins */
} ScoreState;

PG_FUNCTION_INFO_V1(custseg_score);

/* Where the customer belongs, and who says so: the values of score(), except for the id. */
static void
FillAssignment(const CsPlacer *placer, CsValue *columns)
{
	const CsScorer *scorer = placer->scoring.scorer;
	int			index = CsPlacerSegment(placer);
	const char *assigned_by = "model";

	if (placer->override != NULL)
	{
		assigned_by = index < 0 ? "exclusion" : "override";
		columns[SCORE_DECIDED_BY] = CsValueName(placer->override->made_by);
	}
	else if (index < 0)
		return;
	else
	{
		columns[SCORE_DISTANCE] = CsValueFloat8(placer->placed.distance);
		columns[SCORE_CONFIDENCE] = CsValueFloat8(placer->placed.confidence);
	}
	columns[SCORE_ASSIGNED_BY] = CsValueText(assigned_by);
	if (index >= 0)
	{
		const CsScorerSegment *segment = &CsScorerSegments(scorer)[index];

		columns[SCORE_SEGMENT] = CsValueInt4(segment->segment);
		columns[SCORE_NAME] = CsValueText(CsScorerAt(scorer, char, segment->name));
	}
}

/* CsRowSink: one row of the source to one row of the result. */
static void
ScoreRow(void *arg, const Datum *row, const bool *row_nulls)
{
	ScoreState *state = arg;
	CsValue		columns[SCORE_COLUMNS];

	memcpy(columns, state->none, sizeof(columns));
	columns[SCORE_ID] = CsValueText(CsPassId(state->pass, row, row_nulls));
	FillAssignment(state->placer, columns);
	CsResultPut(state->result, columns, lengthof(columns));
}

/* The arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_VERSION
};

/* score(model, source, version): one row a customer of the source */
Datum
custseg_score(PG_FUNCTION_ARGS)
{
	char	   *model = CsTextArgument(fcinfo, ARG_MODEL);
	ScoreState	state = {.result = CsResultOpen(fcinfo)};

	if (model == NULL)
		return (Datum) 0;
	state.pass = CsPassOpenModel(model, CsVersionArgument(fcinfo, ARG_VERSION),
								 CsTextArgument(fcinfo, ARG_SOURCE), CS_PLACE_STRICT, &state.placer);
	CsPassHonour(state.pass, state.placer);
	CsResultNulls(state.result, state.none);
	CsPassVisit(state.pass, &(CsVisitor) {.state = &state, .take_row = ScoreRow});
	(void) CsPassRead(state.pass);
	return (Datum) 0;
}
