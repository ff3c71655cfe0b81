/*
 * draw.c
 *	  A sample of the rows of a source on other servers, drawn by a pass and placed here.
 *
 * The rows are those of the lowest hashes, so that they are the same however the source is laid out.
 */
#include "custseg.h"

#include <math.h>

#include "dist/dist.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Bytes that the samples of all pieces may have together. */
#define MOST_BYTES (256 * CS_MEGABYTE)

/* Most versions that place the rows. */
#define MOST_VERSIONS 2

/* What is drawn. */
typedef struct Drawing
{
	const CsDraw *draw;
	CsStudy		study;			/* of the source, with what identifies its rows */
	CsSampleRequest request;
	CsDictionary **dictionaries;	/* of each text: the levels that its version knows, and one that it does not */
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
ReadKey(Drawing *d, int64 seed)
{
	const CsStudy *study = d->draw->study;
	const CsDraw *draw = d->draw;
	const List *key = CsFindKey(study->pieces->relation, CsScorerId(draw->scorer[draw->nversions - 1]));
	CsTallyColumns *read = &d->study.read;

	d->study = *study;
	initStringInfo(&read->numbers);
	appendBinaryStringInfo(&read->numbers, study->read.numbers.data, study->read.numbers.len);
	d->request.key = key == NIL ? -1 : CsTallyColumnsAddKey(read, key, seed);
}

/* Prepare to draw so many rows at most. */
static Drawing
Prepare(const CsDraw *draw)
{
	const CsTallyColumns *read = &draw->study->read;
	Drawing		d = {.draw = draw};
	Size		bytes;

	ReadKey(&d, (int64) draw->seed);
	d.dictionaries = palloc0(sizeof(CsDictionary *) * Max(read->nlevels, 1));
	for (int s = 0; s < draw->nversions; s++)
	{
		const CsPipeline *p = CsScorerPipeline(draw->scorer[s]);

		for (int i = 0; i < p->nfeatures; i++)
			if (p->feature[i].kind == CS_CATEGORICAL)
				d.dictionaries[draw->study->column[draw->column[s][i]].at] = KnownLevels(p, &p->feature[i]);
	}
	d.width = read->nnumbers + read->nlevels + 2;
	bytes = sizeof(uint64) * d.width * draw->study->pieces->nstates;
	d.request.room = Max(Min(draw->rows, (int64) (MOST_BYTES / bytes)), 1);
	d.request.nnumbers = read->nnumbers;
	d.request.nlevels = read->nlevels;
	d.request.dictionaries = d.dictionaries;
	d.request.seed = (int64) draw->seed;
	return d;
}

/* The raw value of a feature of a row that was drawn. */
static double
RawValue(const Drawing *d, const CsRecords *records, int64 row, const CsPipeline *p, const CsFeature *f, int at)
{
	const CsDictionary *levels;
	double		code;
	const char *text;

	if (f->kind != CS_CATEGORICAL)
		return CsSampleValue(records, d->width, row, at);
	levels = d->dictionaries[at];
	code = CsSampleValue(records, d->width, row, d->request.nnumbers + at);
	if (isnan(code))
		return CsFeatureLevel(p, f, NULL, 0);
	text = CsDictionaryLevel(levels, (int) code);
	return CsFeatureLevel(p, f, text, (int) strlen(text));
}

/* Place a row by a version; the index of its segment, or -1. */
static int
PlaceRow(const Drawing *d, const CsRecords *records, int64 row, int version, CsScoring *scoring)
{
	const CsPipeline *p = CsScorerPipeline(d->draw->scorer[version]);
	CsAssignment placed;

	for (int i = 0; i < p->nfeatures; i++)
		scoring->raw[i] = RawValue(d, records, row, p, &p->feature[i], d->study.column[d->draw->column[version][i]].at);
	return CsScoringTry(scoring, &placed, NULL) ? placed.index : -1;
}

/* Place the rows that were drawn, and show those that every version has placed. */
static void
ShowRows(const Drawing *d, const CsRecords *records)
{
	CsScoring	scoring[MOST_VERSIONS];
	int			index[MOST_VERSIONS];

	for (int s = 0; s < d->draw->nversions; s++)
		CsScoringInit(&scoring[s], d->draw->scorer[s], CurrentMemoryContext);
	for (int64 row = 0; row < records->used; row++)
	{
		bool		is_placed = true;

		CsCheckInterrupts(row);
		for (int s = 0; s < d->draw->nversions && is_placed; s++)
		{
			index[s] = PlaceRow(d, records, row, s, &scoring[s]);
			is_placed = index[s] >= 0;
		}
		if (is_placed)
			d->draw->take(d->draw->state, scoring, index);
	}
}

/* Run the pass that draws the sample; its rows in the order of their keys, palloc'd.  There are no more than the source has. */
static const CsRecords *
RunDrawing(Drawing *d)
{
	JsonbParseState *json = NULL;
	const CsRecords *records;
	CsTallyRun	run;

	CsStudyBegin(&d->study, false, NULL, &json);
	CsSamplePlan(&json, &d->request);
	run = CsStudyRun(&d->study, &json);
	records = CsSampleRead(run.pass, &run.pass->parts[0], run.state);
	if (records->used > d->study.nrows)
		CsTallyCountsChanged();
	return records;
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
 * Draw a sample of the rows of a source, of whose features all are bound, and show those that all versions have placed.
 * Returns whether rows were drawn by what identifies them, and not by their values.
 */
bool
CsDrawByPass(const CsDraw *draw)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg sample", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Drawing		d;
	bool		is_identified;

	Assert(draw->nversions <= MOST_VERSIONS);
	d = Prepare(draw);
	ShowRows(&d, DrawRows(&d));
	is_identified = d.request.key >= 0;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return is_identified;
}
