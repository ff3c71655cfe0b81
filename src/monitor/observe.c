/*
 * observe.c
 *	  Reads a source by a version's features: values, levels, and the segments of its rows.
 *
 * One pass over the source, as the caller, gives every report what it needs.  Each row is read
 * through the same binding and pipeline as predict's; the features' values are collected beside.
 * What a report must not trip over is noted in place of an error: a column that is gone or is of
 * another kind, an infinite value, a category with more levels than can be counted.  Where one
 * column can't be read as trained, no row can be placed, but the other columns are observed.
 *
 * How far a row is from its segment's centre is measured here, in model space, as it is for
 * custseg.segment.mean_distance: what an algorithm calls the distance of a placed customer may be
 * something else, that to the nearest core point of a dense region for one.
 *
 * Values take 8 bytes a row and number, and as much again while one feature's are sorted.  When
 * they come to more than maintenance_work_mem, the last feature of those that are collected is put
 * off, and its memory is given back; those put off are collected in further passes.  Rows are placed in the first pass only.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "lib/stringinfo.h"
#include "math/math.h"
#include "miscadmin.h"
#include "monitor/monitor.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 4096
#define MEGABYTE ((Size) 1024 * 1024)

/* What is collected of one feature in a pass. */
typedef struct Collector
{
	bool		collects;		/* in this pass */
	int64		capacity;		/* of values */
	double	   *values;
	CsDictionary *dictionary;
	int64	   *counts;			/* by code */
	int			counts_capacity;
} Collector;

typedef struct Observer
{
	const CsObserveRequest *request;
	const CsPipeline *pipeline;
	CsObservation *result;
	const CsRelation *relation;
	int			ncolumns;
	CsColumn   *columns;
	int		   *feature_column; /* among them, -1: not bound */
	int		   *extra_column;	/* of the request */
	bool	   *missing;		/* a feature's value in the row at hand */
	bool		skips;			/* training skips rows that lack some feature */
	CsBinding  *binding;
	CsScoring	scoring;
	Collector  *collectors;
	int			first,			/* features of this pass: first .. end - 1 */
				end;
	Size		held,			/* bytes of values */
				scratch,		/* to sort those of one feature */
				limit;
	CsReservoir reservoir;
	MemoryContext values_context;	/* of the collectors */
} Observer;

/* Have a column read; returns its position among those read, -1 for NULL. */
static int
AddColumn(Observer *o, const CsColumn *column)
{
	if (column == NULL)
		return -1;
	for (int i = 0; i < o->ncolumns; i++)
	{
		if (o->columns[i].attnum == column->attnum)
			return i;
	}
	o->columns[o->ncolumns] = *column;
	return o->ncolumns++;
}

/* Find the columns to read: the features', and what else is asked for. */
static void
FindColumns(Observer *o)
{
	const CsObserveRequest *request = o->request;
	const CsPipeline *p = o->pipeline;

	o->columns = palloc(sizeof(CsColumn) * (p->nfeatures + request->nextra));
	o->feature_column = palloc(sizeof(int) * p->nfeatures);
	o->extra_column = palloc(sizeof(int) * Max(request->nextra, 1));
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsColumn *column = CsRelationFind(o->relation, NameStr(p->feature[i].name));

		o->feature_column[i] = AddColumn(o, column);
		if (column != NULL)
			o->result->features[i].type = format_type_with_typemod(column->type, column->typmod);
	}
	for (int i = 0; i < request->nextra; i++)
		o->extra_column[i] = AddColumn(o, request->extra[i]);
}

/* Bind the features' columns, and make room for what is counted. */
static void
Prepare(Observer *o)
{
	const CsPipeline *p = o->pipeline;
	const CsScorer *scorer = o->request->scorer;
	CsBindState *states = palloc0(sizeof(CsBindState) * p->nfeatures);
	CsObservation *result = o->result;

	o->relation = o->request->relation != NULL ? o->request->relation :
		CsRelationOpen(o->request->source);
	result->source = o->relation->description;
	o->collectors = palloc0(sizeof(Collector) * p->nfeatures);
	o->missing = palloc(sizeof(bool) * p->nfeatures);
	result->features = palloc0(sizeof(CsObservedFeature) * p->nfeatures);
	FindColumns(o);
	o->binding = CsBindingForColumns(p, o->columns, o->ncolumns, NameStr(scorer->model),
									 CurrentMemoryContext, states);
	CsScoringInit(&o->scoring, scorer, CurrentMemoryContext);
	result->scored = true;
	for (int i = 0; i < p->nfeatures; i++)
	{
		result->features[i].state = states[i];
		o->skips |= p->feature[i].impute == CS_IMPUTE_SKIP;
		if (states[i] == CS_BIND_DONE)
			continue;
		result->scored = false;
		o->feature_column[i] = -1;
	}
	result->segment_rows = palloc0(sizeof(int64) * scorer->nsegments);
	result->segment_distance = palloc0(sizeof(double) * scorer->nsegments);
	if (o->request->sample > 0)
	{
		result->sample = palloc_extended(sizeof(double) * o->request->sample * scorer->ncolumns,
										 MCXT_ALLOC_HUGE);
		result->sample_labels = palloc(sizeof(int32) * o->request->sample);
	}
}

/* Put off the last feature of this pass and give its memory back. */
static void
PutOffLast(Observer *o)
{
	int			last = --o->end;
	Collector  *c = &o->collectors[last];

	c->collects = false;
	if (c->values == NULL)
		return;
	o->held -= sizeof(double) * c->capacity;
	pfree(c->values);
	c->values = NULL;
	c->capacity = 0;
}

/* The error when the values of one feature alone are too many. */
static void
ReportMemory(const Observer *o, int feature, Size needed)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the values of feature \"%s\" need more than %zu MB, maintenance_work_mem is %d MB",
					NameStr(o->pipeline->feature[feature].name), needed / MEGABYTE,
					maintenance_work_mem / 1024),
			 errhint("Raise maintenance_work_mem, or give a sample as the source: a query with TABLESAMPLE.")));
}

/* Make room for more values of a feature; false when it is put off for that. */
static bool
GrowValues(Observer *o, int feature)
{
	Collector  *c = &o->collectors[feature];
	int64		capacity = c->capacity == 0 ? FIRST_CAPACITY : c->capacity + c->capacity / 2;
	Size		more = sizeof(double) * (capacity - c->capacity);

	o->scratch = Max(o->scratch, sizeof(double) * capacity);
	while (o->held + more + o->scratch > o->limit && o->end - 1 > o->first)
	{
		PutOffLast(o);
		if (o->end == feature)
			return false;
	}
	if (o->held + more + o->scratch > o->limit)
		ReportMemory(o, feature, o->held + more + o->scratch);
	if (c->values == NULL)
		c->values = MemoryContextAllocHuge(o->values_context, sizeof(double) * capacity);
	else
		c->values = repalloc_huge(c->values, sizeof(double) * capacity);
	o->held += more;
	c->capacity = capacity;
	return true;
}

/* A number of the row. */
static void
CollectNumber(Observer *o, int feature, double value)
{
	CsObservedFeature *f = &o->result->features[feature];
	Collector  *c = &o->collectors[feature];

	if (isnan(value))
	{
		f->n_null++;
		return;
	}
	if (isinf(value))
	{
		f->n_infinite++;
		return;
	}
	if (f->nvalues == c->capacity && !GrowValues(o, feature))
		return;
	c->values[f->nvalues++] = value;
}

/* Count one more row of a level. */
static void
CountLevel(Observer *o, int feature, int code)
{
	Collector  *c = &o->collectors[feature];

	if (code >= c->counts_capacity)
	{
		int			capacity = Max(64, 2 * c->counts_capacity);

		c->counts = c->counts == NULL ?
			MemoryContextAlloc(o->values_context, sizeof(int64) * capacity) :
			repalloc(c->counts, sizeof(int64) * capacity);
		memset(c->counts + c->counts_capacity, 0,
			   sizeof(int64) * (capacity - c->counts_capacity));
		c->counts_capacity = capacity;
	}
	c->counts[code]++;
}

/* A category of the row. */
static void
CollectLevel(Observer *o, int feature, Datum value, bool isnull)
{
	CsObservedFeature *f = &o->result->features[feature];
	Collector  *c = &o->collectors[feature];
	int			length,
				code;
	void	   *copy;
	const char *text;

	if (isnull)
	{
		f->n_null++;
		return;
	}
	text = CsCategoryText(&o->columns[o->feature_column[feature]].converter, value, &length, &copy);
	code = CsDictionaryCode(c->dictionary, text, length);
	if (copy != NULL)
		pfree(copy);
	if (code >= 0)
		CountLevel(o, feature, code);
	else
	{
		f->overfull = true;
		f->n_uncounted++;
	}
}

/* Let a placed row into the sample. */
static void
SampleRow(Observer *o, int label)
{
	CsObservation *result = o->result;
	int			ncolumns = o->request->scorer->ncolumns;
	int64		at = CsReservoirPlace(&o->reservoir);

	if (at < 0)
		return;
	memcpy(result->sample + at * ncolumns, o->scoring.z, sizeof(double) * ncolumns);
	result->sample_labels[at] = label;
	result->nsample = Max(result->nsample, (int) at + 1);
}

/* Place a row and count it; raw values are at hand.  Returns the segment's index or -1. */
static int
PlaceRow(Observer *o)
{
	CsObservation *result = o->result;
	CsAssignment placed;

	if (!result->scored || !CsScoringTry(&o->scoring, &placed, NULL))
	{
		result->n_unplaced++;
		return -1;
	}
	result->segment_rows[placed.index]++;
	result->segment_distance[placed.index] +=
		sqrt(CsSquaredToCenter(&o->scoring.fitted, o->scoring.z, placed.index));
	SampleRow(o, placed.index);
	return placed.index;
}

/* Show a row to who wants to see each. */
static void
VisitRow(Observer *o, const Datum *values, const bool *nulls, int segment)
{
	CsObservedRow row = {
		.raw = o->scoring.raw,
		.missing = o->missing,
		.values = values,
		.nulls = nulls,
		.feature_column = o->feature_column,
		.extra_column = o->extra_column,
		.segment = segment
	};

	for (int i = 0; i < o->pipeline->nfeatures; i++)
		o->missing[i] = o->feature_column[i] < 0 || nulls[o->feature_column[i]];
	o->request->visit_row(o->request->state, &row);
}

/* The feature for want of which training would have skipped the row; -1: it would not. */
static int
FeatureThatSkips(const Observer *o)
{
	for (int i = 0; i < o->pipeline->nfeatures; i++)
	{
		if (o->pipeline->feature[i].impute == CS_IMPUTE_SKIP && o->feature_column[i] >= 0 &&
			isnan(o->scoring.raw[i]))
			return i;
	}
	return -1;
}

/* CsRowSink: one row of the source. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Observer   *o = state;
	bool		is_first_pass = o->first == 0;
	int			skips;

	CsBindValues(o->binding, o->pipeline, values, nulls, o->scoring.raw);
	skips = o->request->as_trained && o->skips ? FeatureThatSkips(o) : -1;
	for (int i = o->first; i < o->end && o->request->visit != NULL; i++)
	{
		const Collector *c = &o->collectors[i];

		if (!c->collects || (skips >= 0 && skips != i))
			continue;
		o->result->features[i].nrows++;
		if (c->dictionary != NULL)
			CollectLevel(o, i, values[o->feature_column[i]], nulls[o->feature_column[i]]);
		else
			CollectNumber(o, i, o->scoring.raw[i]);
	}
	if (is_first_pass && !o->request->values_only)
	{
		int			segment = PlaceRow(o);

		if (o->request->visit_row != NULL)
			VisitRow(o, values, nulls, segment);
	}
}

/* Mean and standard deviation of the values, about a first mean. */
static void
FillMoments(CsObservedFeature *f)
{
	double		sum = 0,
				squares = 0;

	f->mean = f->sd = NAN;
	if (f->nvalues == 0)
		return;
	for (int64 i = 0; i < f->nvalues; i++)
		sum += f->values[i];
	f->mean = sum / f->nvalues;
	for (int64 i = 0; i < f->nvalues; i++)
		squares += (f->values[i] - f->mean) * (f->values[i] - f->mean);
	f->sd = sqrt(squares / f->nvalues);
}

/* Most rows first, ties by text, no value last among them. */
static int
CompareLevels(const void *a, const void *b)
{
	const CsObservedLevel *x = a;
	const CsObservedLevel *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->text == NULL || y->text == NULL)
		return (x->text == NULL) - (y->text == NULL);
	return strcmp(x->text, y->text);
}

/* The levels that were counted, NULL a level. */
static void
FillLevels(const Collector *c, CsObservedFeature *f)
{
	int			nlevels = CsDictionarySize(c->dictionary);

	f->levels = palloc(sizeof(CsObservedLevel) * (nlevels + 1));
	for (int i = 0; i < nlevels; i++)
	{
		f->levels[i].text = unconstify(char *, CsDictionaryLevel(c->dictionary, i));
		f->levels[i].count = c->counts[i];
	}
	f->nlevels = nlevels;
	if (f->n_null > 0)
	{
		f->levels[f->nlevels].text = NULL;
		f->levels[f->nlevels++].count = f->n_null;
	}
	qsort(f->levels, f->nlevels, sizeof(CsObservedLevel), CompareLevels);
}

/* Have a feature visited, in order, and let go of its values. */
static void
Visit(Observer *o, int feature)
{
	CsObservedFeature *f = &o->result->features[feature];
	Collector  *c = &o->collectors[feature];

	if (c->collects && c->dictionary != NULL)
		FillLevels(c, f);
	else if (c->collects)
	{
		double	   *scratch = palloc_extended(sizeof(double) * Max(f->nvalues, 1), MCXT_ALLOC_HUGE);

		f->values = c->values;
		CsSortDoubles(f->values, f->nvalues, scratch);
		pfree(scratch);
		FillMoments(f);
	}
	o->request->visit(o->request->state, o->result, feature);
	f->values = NULL;
	f->levels = NULL;
	c->collects = false;
}

/* Begin a pass with all features that are left. */
static void
BeginPass(Observer *o)
{
	MemoryContext old = MemoryContextSwitchTo(o->values_context);

	o->held = o->request->reserved;
	o->scratch = 0;
	o->end = o->pipeline->nfeatures;
	for (int i = o->first; i < o->end; i++)
	{
		Collector  *c = &o->collectors[i];
		CsObservedFeature *f = &o->result->features[i];

		memset(c, 0, sizeof(*c));
		c->collects = o->feature_column[i] >= 0;
		f->nrows = f->n_null = f->n_infinite = f->nvalues = f->n_uncounted = 0;
		if (c->collects && o->pipeline->feature[i].kind == CS_CATEGORICAL)
			c->dictionary = CsDictionaryCreate();
	}
	MemoryContextSwitchTo(old);
}

/* See monitor.h. */
CsObservation *
CsObserve(const CsObserveRequest *request)
{
	Observer	o = {.request = request, .pipeline = CsScorerPipeline(request->scorer)};

	o.values_context = AllocSetContextCreate(CurrentMemoryContext, "custseg observed values",
											 ALLOCSET_DEFAULT_SIZES);
	o.limit = CsMemoryLimit();
	o.result = palloc0(sizeof(CsObservation));
	o.result->scorer = request->scorer;
	CsReservoirInit(&o.reservoir, request->sample, request->seed, UINT64CONST(0x0B5E47E));
	Prepare(&o);
	do
	{
		int64		nrows;

		MemoryContextReset(o.values_context);
		BeginPass(&o);
		nrows = CsRelationRead(o.relation, o.columns, o.ncolumns, TakeRow, &o);
		if (o.first == 0)
			o.result->nrows = nrows;
		for (int i = o.first; i < o.end && request->visit != NULL; i++)
		{
			CHECK_FOR_INTERRUPTS();
			Visit(&o, i);
		}
		o.first = request->visit != NULL ? o.end : o.pipeline->nfeatures;
	} while (o.first < o.pipeline->nfeatures);
	MemoryContextDelete(o.values_context);
	return o.result;
}
