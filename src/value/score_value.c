/*
 * score_value.c
 *	  What a model of a value or a probability says of all customers of a source: score_value().
 *
 * Rows come in blocks, which are prepared and predicted at once: that takes a fraction of the time of their rows one
 * by one.
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

/* Bytes of ids that are kept until the end of their block. */
#define MOST_IDS ((Size) 64 * 1024)

/* A reading of the source, and the block at hand. */
typedef struct Scoring
{
	CsPass	   *pass;
	CsResult   *result;
	const CsPredictor *predictor;
	CsBinding  *binding;
	double	   *row;			/* features of a row */
	double	   *work;
	CsConformalEnds ends;		/* of intervals */

	int			nrows;
	MemoryContext id_context;	/* reset with each block, or before */
	bool		is_known[CS_BLOCK_ROWS];	/* the row can be predicted */
	double		predicted[CS_BLOCK_ROWS];
	double	   *raw;			/* [feature * CS_PASS_STRIDE + row] */
	double	   *block;			/* model space: [column * CS_BLOCK_ROWS + row] */
	CsValueRoom *room;			/* of the model */
} Scoring;

PG_FUNCTION_INFO_V1(custseg_score_value);

/* Prepare a row of the block by itself; false where it cannot be. */
static bool
PrepareRow(Scoring *s, int row)
{
	const CsPipeline *p = CsPredictorPipeline(s->predictor);

	for (int i = 0; i < p->nfeatures; i++)
		s->row[i] = s->raw[(Size) i * CS_PASS_STRIDE + row];
	if (CsPipelineApply(p, s->row, 1, 1, s->block + row, CS_BLOCK_ROWS, s->work))
		return true;
	CsPipelineCheckMissing(p, s->row, NameStr(s->predictor->model));
	for (int j = 0; j < p->noutputs; j++)
		s->block[(Size) j * CS_BLOCK_ROWS + row] = 0;
	return false;
}

/* Prepare the rows of the block: all at once, or where one cannot be, each by itself. */
static void
PrepareBlock(Scoring *s)
{
	bool		all = CsPipelineApply(CsPredictorPipeline(s->predictor), s->raw, CS_PASS_STRIDE, s->nrows, s->block,
									  CS_BLOCK_ROWS, s->work);

	for (int r = 0; r < s->nrows; r++)
		s->is_known[r] = all || PrepareRow(s, r);
}

/* Put the line of a row of the block out. */
static void
PutRow(Scoring *s, int row)
{
	double		value = NAN,
				low = NAN,
				high = NAN;

	if (s->is_known[row])
	{
		value = s->predicted[row];
		CsConformalInterval(&s->ends, value, &low, &high);
	}
	CsResultPut(s->result, CsValues(CsValueText(CsPassBlockId(s->pass, row)), CsValueFloat8(value),
									CsValueFloat8(low), CsValueFloat8(high)));
}

/* CsBlockSink: predict the rows of a block, and put them out. */
static void
TakeBlock(void *state, const CsPassBlock *block)
{
	Scoring    *s = state;
	MemoryContext caller = MemoryContextSwitchTo(s->id_context);

	s->nrows = block->nrows;
	CsPassBlockRaw(s->pass, s->binding, CsPredictorPipeline(s->predictor), s->raw);
	PrepareBlock(s);
	CsValueModelPredictBlock(CsPredictorModel(s->predictor), s->block, s->nrows, s->room, s->predicted);
	for (int r = 0; r < s->nrows; r++)
	{
		PutRow(s, r);
		/* ids are short, but nothing holds them to that */
		if (MemoryContextMemAllocated(s->id_context, false) > MOST_IDS)
			MemoryContextReset(s->id_context);
	}
	MemoryContextReset(s->id_context);
	MemoryContextSwitchTo(caller);
}

/* Make room for a block. */
static void
MakeRoom(Scoring *s)
{
	const CsPipeline *p = CsPredictorPipeline(s->predictor);

	s->row = palloc0(sizeof(double) * p->nfeatures);
	s->work = palloc(sizeof(double) * CsPipelineWork(p, CS_BLOCK_ROWS));
	s->raw = palloc0(sizeof(double) * CS_PASS_STRIDE * Max(p->nfeatures, 1));
	s->block = palloc0(sizeof(double) * CS_BLOCK_ROWS * Max(p->noutputs, 1));
	s->room = CsValueRoomMake(CsPredictorModel(s->predictor));
	s->id_context = AllocSetContextCreate(CurrentMemoryContext, "custseg score_value id", ALLOCSET_DEFAULT_SIZES);
}

/* score_value(model, source, confidence, version): a row for each customer of the source */
Datum
custseg_score_value(PG_FUNCTION_ARGS)
{
	Scoring    *s = palloc(sizeof(Scoring));
	char	   *model = CsTextArgument(fcinfo, ARG_MODEL);
	double		off;
	int			version;

	s->result = CsResultOpen(fcinfo);
	if (model == NULL)
		return (Datum) 0;
	s->predictor = CsCacheGetOfKind(CS_PREDICTOR_KINDS, model, CsVersionArgument(fcinfo, ARG_VERSION));
	CsCachePin(s->predictor, CurrentMemoryContext);
	version = CsCacheVersion(s->predictor);
	off = CsConformalQuantile(s->predictor->nscores, CsPredictorScores(s->predictor),
							  CsPredictionConfidence(fcinfo, ARG_CONFIDENCE));
	s->ends = CsConformalEndsOf(s->predictor->ratios, off);
	s->pass = CsPassOpen(CsSourceOpenOf(model, version, CsTextArgument(fcinfo, ARG_SOURCE)));
	s->binding = CsPassBind(s->pass, CsPredictorPipeline(s->predictor), model);
	CsPassIdentify(s->pass, CsFindKey(s->pass->relation, CsVersionId(model, version)));
	MakeRoom(s);
	CsResultExpect(fcinfo, s->result, CsRelationAnalyzedRows(s->pass->relation));
	CsPassVisit(s->pass, &(CsVisitor) {.state = s, .take_block = TakeBlock});
	(void) CsPassRead(s->pass);
	return (Datum) 0;
}
