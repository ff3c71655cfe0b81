/*
 * observe.c
 *	  Reads a source by a version's features: values, levels, and the segments of its rows.
 *
 * One pass over the source, as the caller, gives every report what it needs.  Each row is read
 * through the same binding and pipeline as predict's; the features' values are collected beside.
 * What a report must not trip over is noted in place of an error: a column that is gone or is of
 * another kind, an infinite value, a category with more levels than can be counted.  Where one
 * column cannot be read as trained, no row can be placed, but the other columns are observed.
 *
 * How far a row is from its segment's centre is measured here, in model space, as it is for
 * custseg.segment.mean_distance: what an algorithm calls the distance of a placed customer may be
 * something else, that to the nearest core point of a dense region for one.
 *
 * Values of numbers are kept for as long as data/kept.c has room for them and for sorting those of
 * one feature; further passes read the source for the others.  Rows are placed in the first pass only.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "data/fetch.h"
#include "math/math.h"
#include "miscadmin.h"
#include "monitor/monitor.h"
#include "parallel/large.h"


struct CsObserver
{
	CsObserveRequest request;
	const CsPipeline *pipeline;
	CsObservation *result;
	CsPass	   *pass;
	CsPlacer   *placer;
	int		   *extra_column;	/* of the request */
	bool	   *missing;		/* a feature's value in the row at hand */
	bool		skips;			/* training skips rows that lack some feature */
	CsKept		kept;			/* values of features that are numbers */
	CsLevelCounts **levels;		/* of those that are categories */
	CsConverter *converters;	/* of those columns */
	int			visited;		/* features that have been */
	CsReservoir reservoirs[CS_MAX_SAMPLES];
};

/* Have a sample taken.  Returns its place among the observation's. */
int
CsObserveSample(CsObserveRequest *request, CsObservedSampleRequest sample)
{
	Assert(request->nsamples < CS_MAX_SAMPLES);
	request->place = true;
	request->samples[request->nsamples] = sample;
	return request->nsamples++;
}

/* Bytes of a sample. */
static Size
SampleSize(const CsObserver *o, int i)
{
	return (sizeof(double) * o->request.scorer->ncolumns + sizeof(int32)) * o->request.samples[i].rows;
}

/* Make room for the samples.  Returns their bytes. */
static Size
PrepareSamples(CsObserver *o)
{
	Size		size = 0;

	o->result->samples = palloc0(sizeof(CsObservedSample) * CS_MAX_SAMPLES);
	for (int i = 0; i < o->request.nsamples; i++)
	{
		const CsObservedSampleRequest *request = &o->request.samples[i];
		CsObservedSample *sample = &o->result->samples[i];

		CsReservoirInit(&o->reservoirs[i], request->rows, request->seed, UINT64CONST(0x0B5E47E));
		sample->labels = palloc(sizeof(int32) * request->rows);
		sample->rows = palloc_extended(SampleSize(o, i) - sizeof(int32) * request->rows,
									   MCXT_ALLOC_HUGE);
		size += SampleSize(o, i);
	}
	return size;
}

/* An observation of which no more is known than how features are bound; palloc'd. */
CsObservation *
CsObservationCreate(const CsScorer *scorer, const CsRelation *relation, const CsPlacer *placer)
{
	const CsPipeline *p = CsScorerPipeline(scorer);
	CsObservation *result = palloc0(sizeof(CsObservation));

	result->scorer = scorer;
	result->source = relation->description;
	result->scored = placer->is_bound;
	result->features = palloc0(sizeof(CsObservedFeature) * p->nfeatures);
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsColumn *column = CsRelationFeature(relation, NameStr(p->feature[i].name), p->feature[i].vector_width);

		result->features[i].state = placer->states == NULL ? CS_BIND_DONE : placer->states[i];
		if (column != NULL)
			result->features[i].type = CsColumnTypeName(column);
	}
	result->segment_rows = palloc0(sizeof(int64) * scorer->nsegments);
	result->segment_distances = palloc0(sizeof(CsDistances) * scorer->nsegments);
	return result;
}

/* Have the columns read, and make room for what is counted of the rows. */
static void
Prepare(CsObserver *o)
{
	const CsObserveRequest *request = &o->request;
	const CsPipeline *p = o->pipeline;

	if (o->placer == NULL)
		o->placer = CsPassTryToPlace(o->pass, request->scorer,
									 request->place && request->scorer->nsegments > 0 ? CS_PLACE_TRY : CS_PLACE_NOT);
	o->result = CsObservationCreate(request->scorer, o->pass->relation, o->placer);
	o->missing = palloc(sizeof(bool) * p->nfeatures);
	for (int i = 0; i < p->nfeatures; i++)
		o->skips |= p->feature[i].impute == CS_IMPUTE_SKIP;
	o->extra_column = palloc(sizeof(int) * Max(request->nextra, 1));
	for (int i = 0; i < request->nextra; i++)
		o->extra_column[i] = CsPassColumn(o->pass, request->extra[i]);
}

/* The error when the values of one feature alone are too many. */
static void
ReportMemory(void *state, int feature, Size needed)
{
	const CsObserver *o = state;

	CsMemoryExceeded(needed, psprintf("give a sample as the source: %s", CsSampleOf(o->pass->relation, 0)),
					 "keeping the values of feature \"%s\"",
					 NameStr(o->pipeline->feature[feature].name));
}

/* The feature for want of which training would have skipped the row; -1: it would not. */
static int
FeatureThatSkips(const CsObserver *o)
{
	for (int i = 0; i < o->pipeline->nfeatures; i++)
	{
		if (o->pipeline->feature[i].impute == CS_IMPUTE_SKIP && o->placer->column[i] >= 0 &&
			isnan(o->placer->scoring.raw[i]))
			return i;
	}
	return -1;
}

/* Count the level of a feature in the row. */
static inline void
CountLevel(CsObserver *o, int feature, Datum value, bool isnull)
{
	CsObservedFeature *f = &o->result->features[feature];

	f->nrows++;
	if (isnull)
		f->n_null++;
	else
		CsLevelCountsAdd(o->levels[feature], &o->converters[feature], value, 0);
}

/* Keep the number of a feature in the row. */
static inline void
KeepNumber(CsObserver *o, int feature, double number)
{
	CsObservedFeature *f = &o->result->features[feature];

	f->nrows++;
	if (likely(isfinite(number)))
		(void) CsKeptPut(&o->kept, feature, number);
	else if (isnan(number))
		f->n_null++;
	else
		f->n_infinite++;
}

/* Collect the features that are not visited yet: categories at first, numbers while they are kept. */
static void
CollectRow(CsObserver *o, const Datum *values, const bool *nulls)
{
	const double *raw = o->placer->scoring.raw;
	int			nfeatures = o->pipeline->nfeatures,
				skips = o->skips ? FeatureThatSkips(o) : -1;

	for (int i = o->visited; i < nfeatures; i++)
	{
		if (skips >= 0 && skips != i)
			continue;
		if (o->kept.columns[i].kept)
			KeepNumber(o, i, raw[i]);
		else if (o->levels[i] != NULL && o->pass->is_first)
			CountLevel(o, i, values[o->placer->column[i]], nulls[o->placer->column[i]]);
	}
}

/* Let a placed row into a sample. */
static void
SampleRow(const CsObserver *o, CsReservoir *reservoir, CsObservedSample *sample, int label)
{
	int64		at = CsReservoirTake(reservoir, o->placer->scoring.z, o->request.scorer->ncolumns,
									 sample->rows, &sample->n);

	if (at >= 0)
		sample->labels[at] = label;
}

/* Count a row in its segment. */
static void
CountRow(CsObserver *o)
{
	CsObservation *result = o->result;
	const CsScoring *scoring = &o->placer->scoring;
	int			index = o->placer->placed.index;

	/* where there are no segments, who can be prepared can be predicted */
	if (scoring->scorer->nsegments == 0 && o->placer->is_bound &&
		CsPipelineApply(o->pipeline, scoring->raw, 1, 1, scoring->z, 1, scoring->work))
		return;
	if (index < 0)
	{
		result->n_unplaced++;
		return;
	}
	result->segment_rows[index]++;
	if (o->request.measure)
		CsDistancesAdd(&result->segment_distances[index], &scoring->fitted, scoring->z, index);
	for (int i = 0; i < o->request.nsamples; i++)
		SampleRow(o, &o->reservoirs[i], &result->samples[i], index);
}

/* Show a row to the visitors that see each row. */
static void
VisitRow(CsObserver *o, const Datum *values, const bool *nulls)
{
	CsObservedRow row = {
		.raw = o->placer->scoring.raw,
		.missing = o->missing,
		.values = values,
		.nulls = nulls,
		.feature_column = o->placer->column,
		.extra_column = o->extra_column,
		.segment = o->placer->placed.index
	};

	for (int i = 0; i < o->pipeline->nfeatures; i++)
		o->missing[i] = o->placer->column[i] < 0 || nulls[o->placer->column[i]];
	o->request.visit_row(o->request.row_state, &row);
}

/* CsRowSink: one row of the source. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	CsObserver *o = state;

	if (o->request.visit != NULL)
		CollectRow(o, values, nulls);
	if (o->pass->is_first && o->request.place)
	{
		CountRow(o);
		if (o->request.visit_row != NULL)
			VisitRow(o, values, nulls);
	}
}

/* CsBlockSink: rows of the source, of which no more is wanted than where they are placed and what a visitor makes of them. */
static void
TakeBlock(void *state, const CsPassBlock *block)
{
	CsObserver *o = state;
	CsObservation *result = o->result;

	if (!o->pass->is_first)
		return;
	for (int r = 0; r < block->nrows; r++)
	{
		int			index = o->placer->segments[r];

		if (index < 0)
			result->n_unplaced++;
		else
			result->segment_rows[index]++;
	}
	if (o->request.visit_block != NULL)
		o->request.visit_block(o->request.row_state, &(CsObservedBlock) {
			.block = block, .raw = o->placer->raw, .feature_column = o->placer->column, .extra_column = o->extra_column
		});
}

/* Does the request want nothing that is made of single rows? */
static bool
MayTakeBlocks(const CsObserveRequest *request)
{
	return request->place && !request->measure && request->nsamples == 0 && request->visit == NULL &&
		request->scorer->nsegments > 0 && (request->visit_row == NULL || request->visit_block != NULL);
}

/* The levels that were counted, most rows first, ties by text; NULL is a level, the last among ties. */
static void
FillLevels(const CsLevelCounts *c, CsObservedFeature *f)
{
	int		   *order = CsLevelsByRows(c);
	int			before = 0;		/* NULL */

	f->nlevels = c->nlevels + (f->n_null > 0);
	f->levels = palloc(sizeof(CsObservedLevel) * Max(f->nlevels, 1));
	while (before < c->nlevels && *CsLevelRows(c, order[before]) >= f->n_null)
		before++;
	if (f->n_null > 0)
		f->levels[before] = (CsObservedLevel) {.text = NULL, .count = f->n_null};
	for (int i = 0; i < c->nlevels; i++)
	{
		CsObservedLevel *level = &f->levels[i + (f->n_null > 0 && i >= before)];

		level->text = unconstify(char *, CsDictionaryLevel(c->dictionary, order[i]));
		level->count = *CsLevelRows(c, order[i]);
	}
	f->n_uncounted = c->uncounted[0];
	f->overfull = f->n_uncounted > 0;
	pfree(order);
}

/* Have a feature visited, and release its values. */
static void
Visit(CsObserver *o, int feature)
{
	CsObservedFeature *f = &o->result->features[feature];
	CsKeptColumn *c = &o->kept.columns[feature];

	if (o->levels[feature] != NULL)
		FillLevels(o->levels[feature], f);
	else if (c->kept)
	{
		double	   *scratch = CsLargeAlloc(CurrentMemoryContext, sizeof(double) * Max(c->n, 1));
		CsMoments	moments = {0};

		CsSortDoubles(c->values, c->n, scratch);
		pfree(scratch);
		CsMomentsAdd(&moments, c->values, c->n);
		f->values = CsSortedValues(c->values, c->n);
		f->mean = CsMomentsMean(&moments);
		f->sd = CsMomentsDeviation(&moments, 0);
	}
	o->request.visit(o->request.feature_state, o->result, feature);
	f->values = (CsSortedRuns) {0};
	f->levels = NULL;
	CsKeptRelease(&o->kept, feature);
}

/* Visit the features in their order, as far as all before have been collected. */
static void
VisitCollected(CsObserver *o)
{
	for (; o->visited < o->pipeline->nfeatures; o->visited++)
	{
		const CsKeptColumn *c = &o->kept.columns[o->visited];

		if (c->wanted && !c->kept)
			return;
		CHECK_FOR_INTERRUPTS();
		Visit(o, o->visited);
	}
}

/*
 * What is to be collected of each feature.  Where little memory is left beside a sample that will
 * be let go of, all features may wait for the reading that has the whole.
 */
static void
PrepareValues(CsObserver *o)
{
	int			nfeatures = o->pipeline->nfeatures;

	CsKeptInit(&o->kept, nfeatures, 1, o->request.reserved + PrepareSamples(o));
	for (int i = 0; i < o->request.nsamples; i++)
		o->kept.fewest = o->request.samples[i].visit != NULL ? 0 : o->kept.fewest;
	o->kept.full = ReportMemory;
	o->kept.state = o;
	o->levels = palloc0(sizeof(CsLevelCounts *) * nfeatures);
	o->converters = palloc0(sizeof(CsConverter) * nfeatures);
	for (int i = 0; i < nfeatures && o->request.visit != NULL; i++)
	{
		if (o->placer->column[i] < 0)
			continue;
		if (o->pipeline->feature[i].kind == CS_CATEGORICAL)
		{
			o->levels[i] = CsLevelCountsCreate(1, CS_MAX_DICTIONARY, NULL);
			o->converters[i] = CsFeatureConverter(&o->pipeline->feature[i],
												  &o->pass->columns.columns[o->placer->column[i]]);
		}
		else
			o->kept.columns[i].wanted = true;
	}
}

/* CsVisitor.begin */
static void
BeginReading(void *state, CsPass *pass)
{
	CsObserver *o = state;

	for (int i = o->visited; i < o->pipeline->nfeatures; i++)
	{
		CsObservedFeature *f = &o->result->features[i];

		if (o->levels[i] == NULL)
			f->nrows = f->n_null = f->n_infinite = 0;
	}
	CsKeptBegin(&o->kept, 0);
}

/* Have the samples visited that somebody waits for, and let go of them. */
static void
VisitSamples(CsObserver *o)
{
	for (int i = 0; i < o->request.nsamples; i++)
	{
		const CsObservedSampleRequest *request = &o->request.samples[i];
		CsObservedSample *sample = &o->result->samples[i];

		if (request->visit == NULL)
			continue;
		request->visit(request->state, o->result, sample);
		pfree(sample->rows);
		pfree(sample->labels);
		sample->rows = NULL;
		sample->labels = NULL;
		o->kept.held -= SampleSize(o, i);
	}
	o->kept.fewest = 1;
}

/* CsVisitor.end */
static bool
EndReading(void *state)
{
	CsObserver *o = state;
	bool		is_first = o->pass->is_first;

	if (is_first)
		o->result->nrows = o->pass->nrows;
	if (o->request.visit != NULL)
		VisitCollected(o);
	if (is_first)
		VisitSamples(o);
	return o->request.visit != NULL && o->visited < o->pipeline->nfeatures;
}

/*
 * Begin an observation of the rows of a pass, to be ended when the pass has been read.  It is palloc'd in
 * CurrentMemoryContext.  Where "placer" is not NULL, the version has been bound to the pass, and places its rows; else a
 * column that is missing or of another kind is noted, not an error.  The values of numbers and the samples
 * are held to maintenance_work_mem: when they do not fit, features are taken in groups, for each of
 * which the source is read once.  It is an error when the values of one feature do not fit.
 */
CsObserver *
CsObserveBegin(CsPass *pass, CsPlacer *placer, const CsObserveRequest *request)
{
	CsObserver *o = palloc0(sizeof(CsObserver));

	o->request = *request;
	o->pipeline = CsScorerPipeline(request->scorer);
	o->pass = pass;
	o->placer = placer;
	Prepare(o);
	PrepareValues(o);
	CsPassVisit(pass, &(CsVisitor) {
		.state = o,
		.begin = BeginReading,
		.take_row = TakeRow,
		.take_block = MayTakeBlocks(request) ? TakeBlock : NULL,
		.end = EndReading,
		.needs_raw = true
	});
	return o;
}

/* What was observed. */
CsObservation *
CsObserveEnd(CsObserver *o)
{
	return o->result;
}

/* Read a source, as the caller, for an observation, or where its rows are on other servers have these add them up. */
CsObservation *
CsObserve(const CsObserveRequest *request)
{
	CsObservation *observation = CsObserveByPasses(request);
	CsPass	   *pass;
	CsObserver *o;

	if (observation != NULL)
		return observation;
	pass = CsPassOpen(request->relation);
	o = CsObserveBegin(pass, NULL, request);

	(void) CsPassRead(pass);
	return CsObserveEnd(o);
}
