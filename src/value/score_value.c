/*
 * score_value.c
 *	  What a model of a value or a probability says of all customers of a source: score_value().
 *
 * Rows are prepared one by one, as they come, into a block of model space; a full block is predicted at
 * once, which for trees takes a fraction of the time of its rows one by one.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "score/pass.h"
#include "stat/prediction.h"
#include "utils/memutils.h"
#include "value/predictor.h"

/* The arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_CONFIDENCE, ARG_VERSION
};

/* A reading of the source, and the block at hand. */
typedef struct Scoring
{
	CsPass	   *pass;
	CsResult   *result;
	const CsPredictor *predictor;
	CsBinding  *binding;
	double	   *raw;			/* features of the row at hand */
	double	   *work;
	double		off;			/* of the ends of intervals; infinite: not known */

	int			nrows;
	MemoryContext ids_context;	/* reset with each block */
	char	   *id[CS_BLOCK_ROWS];
	bool		is_known[CS_BLOCK_ROWS];	/* the row can be predicted */
	double		predicted[CS_BLOCK_ROWS];
	double	   *block;			/* model space: [column * CS_BLOCK_ROWS + row] */
	float	   *scratch;
} Scoring;

PG_FUNCTION_INFO_V1(custseg_score_value);

/* Predict the rows of the block, put them out, and begin another one. */
static void
PutBlock(Scoring *s)
{
	const CsPredictor *p = s->predictor;

	CsValueModelPredictBlock(CsPredictorModel(p), s->block, s->nrows, s->scratch, s->predicted);
	for (int r = 0; r < s->nrows; r++)
	{
		bool		known = s->is_known[r];
		double		value = s->predicted[r];

		CsResultPut(s->result, CsValues(CsValueText(s->id[r]), CsValueFloat8(known ? value : NAN),
										CsValueFloat8(known ? CsConformalEnd(p->ratios, value, -s->off) : NAN),
										CsValueFloat8(known ? CsConformalEnd(p->ratios, value, s->off) : NAN)));
	}
	s->nrows = 0;
	MemoryContextReset(s->ids_context);
}

/* The id of the row at hand; it lasts as long as the block. */
static char *
IdOfRow(Scoring *s, const Datum *values, const bool *nulls)
{
	char	   *id = CsPassId(s->pass, values, nulls);

	return id == NULL ? NULL : MemoryContextStrdup(s->ids_context, id);
}

/* CsRowSink: prepare a row. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Scoring    *s = state;
	const CsPipeline *p = CsPredictorPipeline(s->predictor);
	int			row = s->nrows++;

	s->id[row] = IdOfRow(s, values, nulls);
	CsBindValues(s->binding, p, values, nulls, s->raw);
	s->is_known[row] = CsPipelineApply(p, s->raw, 1, 1, s->block + row, CS_BLOCK_ROWS, s->work);
	if (!s->is_known[row])
	{
		CsPipelineCheckMissing(p, s->raw, NameStr(s->predictor->model));
		for (int j = 0; j < p->noutputs; j++)
			s->block[(Size) j * CS_BLOCK_ROWS + row] = 0;
	}
	if (s->nrows == CS_BLOCK_ROWS)
		PutBlock(s);
}

/* Make room for a block. */
static void
MakeRoom(Scoring *s)
{
	const CsPipeline *p = CsPredictorPipeline(s->predictor);

	s->raw = palloc0(sizeof(double) * p->nfeatures);
	s->work = palloc(sizeof(double) * CsPipelineWork(p, 1));
	s->block = palloc0(sizeof(double) * CS_BLOCK_ROWS * Max(p->noutputs, 1));
	s->scratch = palloc(sizeof(float) * CsValueModelScratch(CsPredictorModel(s->predictor)));
	s->ids_context = AllocSetContextCreate(CurrentMemoryContext, "custseg score_value ids", ALLOCSET_DEFAULT_SIZES);
}

/* score_value(model, source, confidence, version): a row for each customer of the source */
Datum
custseg_score_value(PG_FUNCTION_ARGS)
{
	Scoring    *s = palloc(sizeof(Scoring));
	char	   *model = CsTextArgument(fcinfo, ARG_MODEL);
	int			version;

	s->result = CsResultOpen(fcinfo);
	s->nrows = 0;
	if (model == NULL)
		return (Datum) 0;
	s->predictor = CsCacheGetOfKind(CS_PREDICTOR_KINDS, model, CsVersionArgument(fcinfo, ARG_VERSION));
	CsCachePin(s->predictor, CurrentMemoryContext);
	version = CsCacheVersion(s->predictor);
	s->off = CsConformalQuantile(s->predictor->nscores, CsPredictorScores(s->predictor),
								 CsPredictionConfidence(fcinfo, ARG_CONFIDENCE));
	s->pass = CsPassOpen(CsSourceOpenOf(model, version, CsTextArgument(fcinfo, ARG_SOURCE)));
	s->binding = CsPassBind(s->pass, CsPredictorPipeline(s->predictor), model);
	CsPassIdentify(s->pass, CsFindKey(s->pass->relation, CsVersionId(model, version)));
	MakeRoom(s);
	CsPassVisit(s->pass, &(CsVisitor) {.state = s, .take_row = TakeRow});
	(void) CsPassRead(s->pass);
	PutBlock(s);
	return (Datum) 0;
}
