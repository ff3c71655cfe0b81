/*
 * sample_pass.c
 *	  A sample of the rows of a source on other servers, as an observation has it.
 */
#include "custseg.h"

#include "dist/dist.h"
#include "monitor/monitor.h"

/* A sample in the making. */
typedef struct Taking
{
	CsObservedSample sample;
	bool		raw;
	int			ncolumns;
} Taking;

/* CsDraw.take: keep a row. */
static void
TakeRow(void *state, const CsScoring *scoring, const int *index)
{
	Taking	   *t = state;

	memcpy(t->sample.rows + (Size) t->sample.n * t->ncolumns, t->raw ? scoring->raw : scoring->z, sizeof(double) * t->ncolumns);
	t->sample.labels[t->sample.n++] = *index;
}

/*
 * Draw a sample of the rows of a source, of whose features all are bound, and place them.  "column" is which of the study
 * each feature is.  The values are those of model space or, with "raw", those of the features.  Its arrays are palloc'd.
 */
CsObservedSample
CsObserveSampleByPass(const CsScorer *scorer, const CsStudy *study, const int *column,
					  const CsObservedSampleRequest *request, bool raw)
{
	Size		most = Max(Min(request->rows, study->nrows), 1);
	Taking		t = {.raw = raw,.ncolumns = raw ? CsScorerPipeline(scorer)->nfeatures : scorer->ncolumns};
	CsDraw		draw = {
		.study = study,.nversions = 1,.scorer = &scorer,.column = &column,.rows = request->rows,.seed = request->seed,
		.take = TakeRow,.state = &t
	};

	t.sample.rows = palloc_extended(sizeof(double) * t.ncolumns * most, MCXT_ALLOC_HUGE);
	t.sample.labels = palloc(sizeof(int32) * most);
	t.sample.by_values = !CsDrawByPass(&draw);
	return t.sample;
}
