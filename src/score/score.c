/*
 * score.c
 *	  All customers of a source placed at once: score().
 *
 * A row goes to the result, which is on disk beyond work_mem, and is forgotten: so rows on other servers may be as many as
 * they are.
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
	CsValue		by_model;		/* what most rows say of who assigned the segment */
	CsValue    *names;			/* of the segments */
} ScoreState;

PG_FUNCTION_INFO_V1(custseg_score);

/* Make the texts that many rows share. */
static void
PrepareTexts(ScoreState *state)
{
	const CsScorer *scorer = state->placer->scoring.scorer;
	const CsScorerSegment *segments = CsScorerSegments(scorer);

	state->by_model = CsValueText("model");
	state->names = palloc(sizeof(CsValue) * scorer->nsegments);
	for (int i = 0; i < scorer->nsegments; i++)
		state->names[i] = CsValueText(CsScorerAt(scorer, char, segments[i].name));
}

/* Where the customer belongs, and who says so: the values of score(), except for the id. */
static void
FillAssignment(const ScoreState *state, CsValue *columns)
{
	const CsPlacer *placer = state->placer;
	int			index = CsPlacerSegment(placer);

	if (placer->override != NULL)
	{
		columns[SCORE_ASSIGNED_BY] = CsValueText(index < 0 ? "exclusion" : "override");
		columns[SCORE_DECIDED_BY] = CsValueName(placer->override->made_by);
	}
	else if (index >= 0)
	{
		columns[SCORE_DISTANCE] = CsValueFloat8(placer->placed.distance);
		columns[SCORE_CONFIDENCE] = CsValueFloat8(placer->placed.confidence);
		columns[SCORE_ASSIGNED_BY] = state->by_model;
	}
	if (index >= 0)
	{
		columns[SCORE_SEGMENT] =
			CsValueInt4(CsScorerSegments(placer->scoring.scorer)[index].segment);
		columns[SCORE_NAME] = state->names[index];
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
	FillAssignment(state, columns);
	CsResultPut(state->result, columns, lengthof(columns));
}

/* The arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_VERSION
};

/* score(model, source, version): a row for each customer of the source */
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
	CsPassStream(state.pass);
	CsResultExpect(fcinfo, state.result, CsRelationAnalyzedRows(state.pass->relation));
	CsResultNulls(state.result, state.none);
	PrepareTexts(&state);
	CsPassVisit(state.pass, &(CsVisitor) {.state = &state, .take_row = ScoreRow});
	(void) CsPassRead(state.pass);
	return (Datum) 0;
}
