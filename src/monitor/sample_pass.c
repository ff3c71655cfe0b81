/*
 * sample_pass.c
 *	  A sample of the rows of a source on other servers, drawn by a pass and placed here.
 *
 * The rows are those of the lowest hashes, so that they are the same however the source is laid out.
 */
#include "custseg.h"

#include <math.h>

#include "dist/dist.h"
#include "miscadmin.h"
#include "monitor/monitor.h"
#include "utils/memutils.h"

/* Bytes that the samples of all pieces may have together. */
#define MOST_BYTES (256 * CS_MEGABYTE)

/* What is drawn. */
typedef struct Drawing
{
	const CsScorer *scorer;
	const CsPipeline *pipeline;
	CsStudy		study;			/* of the source, with what identifies its rows */
	CsSampleRequest request;
	CsDictionary **dictionaries;	/* of each text: the levels that the version knows, and one that it does not */
	int			width;			/* of a record */
} Drawing;

/* The levels of a category, the last of them one that the version does not know; palloc'd. */
static CsDictionary *
KnownLevels(const CsPipeline *p, const CsFeature *f)
{
	CsDictionary *d = CsDictionaryCreate();
	StringInfoData unknown;

	initStringInfo(&unknown);
	appendStringInfoChar(&unknown, '?');
	for (int i = 0; i < f->nlevels; i++)
	{
		const CsLevel *level = &CsFeatureLevels(p, f)[i];

		if (level->text == 0 || level->is_other)
			continue;
		(void) CsDictionaryCode(d, CsPipelineAt(p, char, level->text), (int) strlen(CsPipelineAt(p, char, level->text)));
	}
	while (CsDictionaryFind(d, unknown.data, unknown.len) >= 0)
		appendStringInfoChar(&unknown, '?');
	(void) CsDictionaryCode(d, unknown.data, unknown.len);
	return d;
}

/* The study's columns, and a number that is the hash of what identifies a row. */
static void
ReadKey(Drawing *d, const CsStudy *study, int64 seed)
{
	const List *key = CsFindKey(study->pieces->relation, CsScorerId(d->scorer));
	CsTallyColumns *read = &d->study.read;

	d->study = *study;
	initStringInfo(&read->numbers);
	appendBinaryStringInfo(&read->numbers, study->read.numbers.data, study->read.numbers.len);
	d->request.key = key == NIL ? -1 : CsTallyColumnsAddKey(read, key, seed);
}

/* Prepare to draw so many rows at most. */
static Drawing
Prepare(const CsScorer *scorer, const CsStudy *study, const int *column, const CsObservedSampleRequest *request)
{
	Drawing		d = {.scorer = scorer,.pipeline = CsScorerPipeline(scorer)};
	Size		bytes;

	ReadKey(&d, study, (int64) request->seed);
	d.dictionaries = palloc0(sizeof(CsDictionary *) * Max(study->read.nlevels, 1));
	for (int i = 0; i < d.pipeline->nfeatures; i++)
		if (d.pipeline->feature[i].kind == CS_CATEGORICAL)
			d.dictionaries[study->column[column[i]].at] = KnownLevels(d.pipeline, &d.pipeline->feature[i]);
	d.width = study->read.nnumbers + study->read.nlevels + 2;
	bytes = sizeof(uint64) * d.width * study->pieces->nstates;
	d.request.room = Max(Min(request->rows, (int64) (MOST_BYTES / bytes)), 1);
	d.request.nnumbers = study->read.nnumbers;
	d.request.nlevels = study->read.nlevels;
	d.request.dictionaries = d.dictionaries;
	d.request.seed = (int64) request->seed;
	return d;
}

/* The raw value of a feature of a row that was drawn. */
static double
RawValue(const Drawing *d, const CsRecords *records, int64 row, const CsFeature *f, int at)
{
	const CsDictionary *levels;
	double		code;
	const char *text;

	if (f->kind != CS_CATEGORICAL)
		return CsSampleValue(records, d->width, row, at);
	levels = d->dictionaries[at];
	code = CsSampleValue(records, d->width, row, d->request.nnumbers + at);
	if (isnan(code))
		return CsFeatureLevel(d->pipeline, f, NULL, 0);
	text = CsDictionaryLevel(levels, (int) code);
	return CsFeatureLevel(d->pipeline, f, text, (int) strlen(text));
}

/* Place the rows that were drawn, and keep those that have a segment. */
static CsObservedSample
PlaceRows(const Drawing *d, const int *column, const CsRecords *records, bool raw)
{
	int			ncolumns = raw ? d->pipeline->nfeatures : d->scorer->ncolumns;
	CsObservedSample sample = {
		.rows = palloc_extended(sizeof(double) * ncolumns * Max(records->used, 1), MCXT_ALLOC_HUGE),
		.labels = palloc(sizeof(int32) * Max(records->used, 1))
	};
	CsScoring	scoring;
	CsAssignment placed;

	CsScoringInit(&scoring, d->scorer, CurrentMemoryContext);
	for (int64 row = 0; row < records->used; row++)
	{
		CsCheckInterrupts(row);
		for (int i = 0; i < d->pipeline->nfeatures; i++)
			scoring.raw[i] = RawValue(d, records, row, &d->pipeline->feature[i], d->study.column[column[i]].at);
		if (!CsScoringTry(&scoring, &placed, NULL) || placed.index < 0)
			continue;
		memcpy(sample.rows + (Size) sample.n * ncolumns, raw ? scoring.raw : scoring.z, sizeof(double) * ncolumns);
		sample.labels[sample.n++] = placed.index;
	}
	return sample;
}

/* Run the pass that draws the sample; its rows in the order of their keys, palloc'd. */
static const CsRecords *
RunDrawing(Drawing *d)
{
	JsonbParseState *json = NULL;
	CsTallyRun	run;

	CsStudyBegin(&d->study, false, NULL, &json);
	CsSamplePlan(&json, &d->request);
	run = CsStudyRun(&d->study, &json);
	return CsSampleRead(run.pass, &run.pass->parts[0], run.state);
}

/* Draw the sample: from rows with low keys first, of which there should be enough. */
static const CsRecords *
DrawRows(Drawing *d)
{
	const CsRecords *records;

	d->request.nrows = d->study.nrows;
	records = RunDrawing(d);
	if (!CsSampleFellShort(&d->request, records))
		return records;
	d->request.nrows = 0;
	return RunDrawing(d);
}

/*
 * Draw a sample of the rows of a source, of whose features all are bound, and place them.  "column" is which of the study
 * each feature is.  The values are those of model space or, with "raw", those of the features.  Its arrays are palloc'd.
 */
CsObservedSample
CsObserveSampleByPass(const CsScorer *scorer, const CsStudy *study, const int *column,
					  const CsObservedSampleRequest *request, bool raw)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "custseg sample", ALLOCSET_DEFAULT_SIZES);
	Drawing		d;
	const CsRecords *records;
	CsObservedSample sample;

	MemoryContextSwitchTo(context);
	d = Prepare(scorer, study, column, request);
	records = DrawRows(&d);
	MemoryContextSwitchTo(caller);
	sample = PlaceRows(&d, column, records, raw);
	MemoryContextDelete(context);
	return sample;
}
