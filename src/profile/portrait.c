/*
 * portrait.c
 *	  Reads a source once: each customer gets its segment, and each column is summed up by segment.
 *
 * Customers are where score() has them.  Of numbers all values are kept, and the segment of each row beside them; after the pass they are summed up column by
 * column (stat/summaries.c), with exact quantiles.  Levels of categories are counted as they come.
 *
 * Values take 8 bytes a row and number, as much again for the one that is summed up, and 4 bytes a
 * row for the segments.  When that is more than maintenance_work_mem, the last column that is
 * collected is put off and its memory given back; those put off are read in further passes, in which
 * nobody is placed again.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "math/math.h"
#include "miscadmin.h"
#include "profile/profile.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 4096
#define MEGABYTE ((Size) 1024 * 1024)

/* Counts of the levels of one category: levels times groups. */
#define MAX_CELLS (4 * 1024 * 1024)

/* What is collected of one column. */
typedef struct Collector
{
	bool		done;			/* in an earlier pass */
	bool		collects;		/* in this one */
	int			position;		/* among the columns that are read */
	bool		from_raw;		/* the features' numbers have the value */
	double	   *values;			/* a row of the source */
	CsDictionary *dictionary;
	int			capacity;		/* of counts, in levels */
	int64	   *counts;			/* counts[level * ngroups + group] */
	int64	   *uncounted;		/* a group: rows whose levels are not counted */
} Collector;

typedef struct Collecting
{
	const CsPortraitRequest *request;
	CsPortrait *portrait;
	CsScoredSource *source;
	CsOverrides *overrides;		/* NULL: there are none */
	Collector  *collectors;
	MemoryContext context;		/* of what lasts for the pass */
	bool		is_first_pass;
	int64		row;			/* of the source, at hand */
	int64		nrows;			/* of the source, once the first pass is over */
	int64		capacity;		/* of the arrays a row */
	int32	   *groups;			/* a row; -1: not placed */
	Size		counted;		/* bytes of counts and of results */
	Size		limit;
	CsReservoir reservoir;		/* of the sample */
	CsRng		coin;			/* of the halves */
} Collecting;

/* See profile.h. */
CsSqlArgument
CsPortraitSegment(const CsPortrait *portrait, int group)
{
	CsSqlArgument result = CsSqlInt4(0);

	if (group == portrait->ngroups)
		result.isnull = true;
	else
		result = CsSqlInt4(CsScorerSegments(portrait->scorer)[group % portrait->nsegments].segment);
	return result;
}

/* See profile.h. */
CsSqlArgument
CsPortraitName(const CsPortrait *portrait, int group)
{
	const CsScorer *scorer = portrait->scorer;

	if (group == portrait->ngroups)
		return CsSqlText("(all)");
	return CsSqlText(CsScorerAt(scorer, char,
								CsScorerSegments(scorer)[group % portrait->nsegments].name));
}

/* See profile.h. */
const char *
CsPortraitLevelText(const CsPortraitLevel *level)
{
	return level->is_other ? "(other)" : level->text == NULL ? "(null)" : level->text;
}

/* See profile.h. */
CsChiSquareResult
CsPortraitChiSquare(const CsPortrait *portrait, const CsPortraitColumn *c)
{
	CsCell	   *cells = palloc_extended(sizeof(CsCell) * Max(c->nlevels, 1) * portrait->ngroups,
										MCXT_ALLOC_HUGE);
	int64		n = 0;
	CsChiSquareResult result;

	for (int level = 0; level < c->nlevels; level++)
	{
		for (int g = 0; g < portrait->ngroups; g++)
		{
			if (c->levels[level].rows[g] > 0)
				cells[n++] = (CsCell) {level, g, c->levels[level].rows[g]};
		}
	}
	result = CsChiSquareTest(cells, n, c->nlevels, portrait->ngroups);
	pfree(cells);
	return result;
}

/* Columns that keep values in this pass. */
static int
CountActive(const Collecting *c, int *last)
{
	int			n = 0;

	for (int i = 0; i < c->portrait->ncolumns; i++)
	{
		if (c->collectors[i].collects && c->collectors[i].dictionary == NULL)
		{
			*last = i;
			n++;
		}
	}
	return n;
}

/* Bytes that "capacity" rows take with so many columns, one of which is summed up. */
static Size
MemoryFor(const Collecting *c, int64 capacity, int nactive)
{
	int			beside = c->request->visit != NULL ? 3 : 1;

	return c->counted + (Size) capacity * (sizeof(int32) + sizeof(double) * (nactive + beside)) +
		sizeof(double) * CsScorerPipeline(c->portrait->scorer)->nfeatures * c->request->sample;
}

/* Put columns off, the last first, until "capacity" rows of the others have room. */
static void
HoldToLimit(Collecting *c, int64 capacity)
{
	int			last = -1;
	int			nactive = CountActive(c, &last);

	while (nactive > 1 && MemoryFor(c, capacity, nactive) > c->limit)
	{
		Collector  *put_off = &c->collectors[last];

		put_off->collects = false;
		if (put_off->values != NULL)
			pfree(put_off->values);
		put_off->values = NULL;
		nactive = CountActive(c, &last);
	}
	if (MemoryFor(c, capacity, nactive) > c->limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("describing the segments needs more than %zu MB, maintenance_work_mem is %d MB",
						MemoryFor(c, capacity, nactive) / MEGABYTE, maintenance_work_mem / 1024),
				 errhint("Raise maintenance_work_mem, or give a sample as the source: a query with TABLESAMPLE.")));
}

/* An array of the pass, made longer. */
static void *
Lengthen(Collecting *c, void *array, Size size)
{
	return array == NULL ? MemoryContextAllocHuge(c->context, size) : repalloc_huge(array, size);
}

/* Make room for "capacity" rows. */
static void
GrowRows(Collecting *c, int64 capacity)
{
	HoldToLimit(c, capacity);
	if (c->is_first_pass)
		c->groups = Lengthen(c, c->groups, sizeof(int32) * capacity);
	for (int i = 0; i < c->portrait->ncolumns; i++)
	{
		Collector  *collector = &c->collectors[i];

		if (collector->collects && collector->dictionary == NULL)
			collector->values = Lengthen(c, collector->values, sizeof(double) * capacity);
	}
	c->capacity = capacity;
}

/* Let a placed customer into the sample. */
static void
SampleRow(Collecting *c, int segment)
{
	CsPortrait *portrait = c->portrait;
	int			width = CsScorerPipeline(portrait->scorer)->nfeatures;
	int64		at = CsReservoirPlace(&c->reservoir);

	if (at < 0)
		return;
	memcpy(portrait->sample + at * width, c->source->scoring.raw, sizeof(double) * width);
	portrait->sample_segments[at] = segment;
	portrait->nsample = Max(portrait->nsample, (int) at + 1);
}

/*
 * The segment of a row, -1 for one that has none: what was decided by hand, else what the model says.
 * The only place where a customer gets its segment.
 */
static int
FindSegment(Collecting *c, const Datum *values, const bool *nulls, bool *by_hand)
{
	CsPortrait *portrait = c->portrait;
	const CsOverride *override = c->overrides == NULL ? NULL :
		CsOverridesFind(c->overrides, CsScoredSourceId(c->source, values, nulls));
	CsAssignment placed;
	bool		is_placed = CsScoredSourceTry(c->source, values, nulls, &placed);

	*by_hand = override != NULL;
	if (override != NULL && override->index < 0)
	{
		portrait->n_excluded++;
		return -1;
	}
	if (is_placed)
		SampleRow(c, placed.index);
	if (override != NULL)
		return override->index;
	if (is_placed)
		return placed.index;
	portrait->n_unplaced++;
	return -1;
}

/* The group of a row, counted; -1 for one without a segment. */
static int
PlaceRow(Collecting *c, const Datum *values, const bool *nulls)
{
	CsPortrait *portrait = c->portrait;
	bool		by_hand;
	int			group = FindSegment(c, values, nulls, &by_hand);

	if (group < 0)
		return -1;
	if (c->request->halves && (CsRngNext(&c->coin) >> 63) != 0)
		group += portrait->nsegments;
	portrait->rows[group]++;
	portrait->rows[portrait->ngroups]++;
	portrait->overridden[group] += by_hand;
	return group;
}

/* Count one more row of a level in a group; false when the level is one too many. */
static bool
CountLevel(Collecting *c, Collector *collector, int level, int group)
{
	int			ngroups = c->portrait->ngroups;

	if (level < 0 || level >= MAX_CELLS / ngroups)
		return false;
	if (level >= collector->capacity)
	{
		int			capacity = Max(Max(64, 2 * collector->capacity), level + 1);
		Size		old_size = sizeof(int64) * collector->capacity * ngroups;
		Size		size = sizeof(int64) * capacity * ngroups;

		c->counted += size - old_size;
		HoldToLimit(c, c->capacity);
		collector->counts = Lengthen(c, collector->counts, size);
		memset((char *) collector->counts + old_size, 0, size - old_size);
		collector->capacity = capacity;
	}
	collector->counts[(Size) level * ngroups + group]++;
	return true;
}

/* A category of a row. */
static void
CollectLevel(Collecting *c, int column, Datum value, bool isnull, int group)
{
	CsPortraitColumn *of = &c->portrait->columns[column];
	Collector  *collector = &c->collectors[column];
	int			length;
	void	   *copy;
	const char *text;

	if (group < 0)
		return;
	if (isnull)
	{
		of->missing[group]++;
		return;
	}
	text = CsCategoryText(&of->column.converter, value, &length, &copy);
	if (!CountLevel(c, collector, CsDictionaryCode(collector->dictionary, text, length), group))
		collector->uncounted[group]++;
	if (copy != NULL)
		pfree(copy);
}

/* A number of a row: NaN when there is none, or an infinite one. */
static double
NumberOf(const Collecting *c, int column, const Datum *values, const bool *nulls)
{
	const CsPortraitColumn *of = &c->portrait->columns[column];
	const Collector *collector = &c->collectors[column];
	double		value;

	if (collector->from_raw && c->is_first_pass)
		value = c->source->scoring.raw[of->feature];
	else if (nulls[collector->position])
		return NAN;
	else
		value = of->column.converter.to_double(&of->column.converter, values[collector->position]);
	return isfinite(value) ? value : NAN;
}

/* The error for a query that gives other rows each time. */
static void
ReportChanged(const Collecting *c)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s does not give the rows that it gave when it was read first",
					c->source->relation->description),
			 errdetail("Its values do not fit into maintenance_work_mem, so it is read several times."),
			 errhint("Raise maintenance_work_mem, or give a source that does not change by chance: a table that the query is stored in.")));
}

/* CsRowSink: one row of the source. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Collecting *c = state;
	int64		row = c->row++;
	int			group;

	if (row == c->capacity)
	{
		if (!c->is_first_pass)
			ReportChanged(c);
		GrowRows(c, c->capacity + c->capacity / 2);
	}
	if (c->is_first_pass)
		c->groups[row] = PlaceRow(c, values, nulls);
	group = c->groups[row];
	for (int i = 0; i < c->portrait->ncolumns; i++)
	{
		Collector  *collector = &c->collectors[i];

		if (!collector->collects)
			continue;
		if (collector->dictionary != NULL)
			CollectLevel(c, i, values[collector->position], nulls[collector->position], group);
		else
		{
			double		value = NumberOf(c, i, values, nulls);

			collector->values[row] = value;
			if (group >= 0 && isnan(value))
				c->portrait->columns[i].missing[group]++;
		}
	}
}

/* Most rows first, ties by text. */
static int
CompareLevels(const void *a, const void *b, void *all)
{
	const CsPortraitLevel *x = a;
	const CsPortraitLevel *y = b;
	int64		x_rows = x->rows[*(int *) all];
	int64		y_rows = y->rows[*(int *) all];

	if (x_rows != y_rows)
		return x_rows > y_rows ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* Add the rows of a level, or of no level, to another; "all" is the number of groups. */
static void
AddRows(int64 *to, const int64 *rows, int all)
{
	for (int g = 0; g < all; g++)
	{
		to[g] += rows[g];
		to[all] += rows[g];
	}
}

/* The levels that were counted: the most frequent, the others as one, and no value. */
static void
FillLevels(const Collecting *c, int column)
{
	CsPortraitColumn *of = &c->portrait->columns[column];
	const Collector *collector = &c->collectors[column];
	int			all = c->portrait->ngroups;
	int			n = Min(CsDictionarySize(collector->dictionary), MAX_CELLS / all);
	CsPortraitLevel *levels = palloc0(sizeof(CsPortraitLevel) * (n + 2));
	CsPortraitLevel other = {.is_other = true, .rows = palloc0(sizeof(int64) * (all + 1))};
	int			kept = Min(n, c->request->levels);

	AddRows(other.rows, collector->uncounted, all);
	of->names_rows = other.rows[all] > 0;
	for (int i = 0; i < n; i++)
	{
		levels[i].text = CsDictionaryLevel(collector->dictionary, i);
		levels[i].rows = palloc0(sizeof(int64) * (all + 1));
		AddRows(levels[i].rows, collector->counts + (Size) i * all, all);
	}
	qsort_interruptible(levels, n, sizeof(CsPortraitLevel), CompareLevels, &all);
	/* two rows at least: a single one is no evidence */
	of->names_rows |= n > 1 && levels[0].rows[all] == 1;
	for (int i = kept; i < n; i++)
	{
		AddRows(other.rows, levels[i].rows, all);
		pfree(levels[i].rows);
	}
	if (other.rows[all] > 0)
		levels[kept++] = other;
	if (of->missing[all] > 0)
		levels[kept++] = (CsPortraitLevel) {.rows = of->missing};
	of->levels = levels;
	of->nlevels = kept;
}

/* Sum up what a pass has collected. */
static void
FinishPass(Collecting *c)
{
	CsPortrait *portrait = c->portrait;
	int			all = portrait->ngroups;
	double	   *scratch = MemoryContextAllocHuge(c->context, sizeof(double) * Max(c->nrows, 1));

	for (int i = 0; i < portrait->ncolumns; i++)
	{
		CsPortraitColumn *of = &portrait->columns[i];
		Collector  *collector = &c->collectors[i];

		if (!collector->collects)
			continue;
		for (int g = 0; g < all; g++)
			of->missing[all] += of->missing[g];
		if (collector->dictionary != NULL)
			FillLevels(c, i);
		else
		{
			if (c->request->visit != NULL)
				of->visited = c->request->visit(c->request->visit_state, portrait,
												collector->values, c->groups, c->nrows);
			of->summaries = palloc(sizeof(CsNumberSummary) * (all + 1));
			CsSummarizeGroups(collector->values, c->groups, c->nrows, all, scratch, of->summaries);
			pfree(collector->values);
		}
		collector->collects = false;
		collector->done = true;
	}
	pfree(scratch);
}

/* Start collecting the columns that are left; false when there are none. */
static bool
BeginPass(Collecting *c)
{
	bool		any = c->is_first_pass;

	for (int i = 0; i < c->portrait->ncolumns; i++)
	{
		CsPortraitColumn *of = &c->portrait->columns[i];
		Collector  *collector = &c->collectors[i];

		if (collector->done)
			continue;
		any = true;
		collector->collects = true;
		collector->values = NULL;
		if (c->is_first_pass && CsIsCategory(of))
			collector->dictionary = CsDictionaryCreate();
		memset(of->missing, 0, sizeof(int64) * (c->portrait->ngroups + 1));
	}
	c->row = 0;
	if (any)
		GrowRows(c, c->is_first_pass ? FIRST_CAPACITY : c->nrows);
	return any;
}

/* Read the source; after the first pass only the columns that are collected. */
static int64
ReadPass(Collecting *c)
{
	CsPortrait *portrait = c->portrait;
	CsColumn   *columns;
	int			n = 0;

	if (c->is_first_pass)
		return CsRelationRead(c->source->relation, c->source->columns, c->source->ncolumns,
							  TakeRow, c);
	columns = palloc(sizeof(CsColumn) * portrait->ncolumns);
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		if (!c->collectors[i].collects)
			continue;
		c->collectors[i].position = n;
		columns[n++] = portrait->columns[i].column;
	}
	return CsRelationRead(c->source->relation, columns, n, TakeRow, c);
}

/* Make room for what is collected, but for the values. */
static void
Prepare(Collecting *c)
{
	CsPortrait *portrait = c->portrait;
	int			nfeatures = CsScorerPipeline(portrait->scorer)->nfeatures;
	int			ngroups = portrait->ngroups;
	int			sample = c->request->sample;

	c->collectors = palloc0(sizeof(Collector) * Max(portrait->ncolumns, 1));
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		CsPortraitColumn *of = &portrait->columns[i];

		of->missing = palloc0(sizeof(int64) * (ngroups + 1));
		c->collectors[i].position = CsScoredSourceAddColumn(c->source, &of->column);
		c->collectors[i].from_raw = of->feature >= 0 && !CsIsCategory(of) &&
			CsScorerPipeline(portrait->scorer)->feature[of->feature].kind != CS_CATEGORICAL;
		if (CsIsCategory(of))
			c->collectors[i].uncounted = palloc0(sizeof(int64) * ngroups);
	}
	portrait->rows = palloc0(sizeof(int64) * (ngroups + 1));
	portrait->overridden = palloc0(sizeof(int64) * ngroups);
	CsReservoirInit(&c->reservoir, sample, (uint64) c->request->seed, UINT64CONST(0x0B5E47E));
	CsRngSeed(&c->coin, (uint64) c->request->seed, UINT64CONST(0x5917));
	/* what stays of each column */
	c->counted = (Size) portrait->ncolumns * (ngroups + 1) *
		(sizeof(int64) + sizeof(CsNumberSummary));
	HoldToLimit(c, 0);
	if (sample > 0)
	{
		portrait->sample = palloc_extended(sizeof(double) * sample * nfeatures, MCXT_ALLOC_HUGE);
		portrait->sample_segments = palloc(sizeof(int32) * sample);
	}
}

/* Say how many customers are in no segment, and why. */
static void
TellLeftOut(const CsPortrait *portrait, int64 nrows)
{
	if (portrait->n_excluded > 0)
		ereport(NOTICE,
				(errmsg("customers left out because they are excluded by hand: %lld of %lld",
						(long long) portrait->n_excluded, (long long) nrows)));
	if (portrait->n_unplaced > 0)
		ereport(NOTICE,
				(errmsg("customers left out because they cannot be placed: %lld of %lld",
						(long long) portrait->n_unplaced, (long long) nrows),
				 errhint("custseg.data_quality() says what is wrong with them.")));
}

/* See profile.h. */
CsPortrait *
CsPortraitTake(const CsReport *report, const CsPortraitRequest *request)
{
	CsPortrait *portrait = palloc0(sizeof(CsPortrait));
	Collecting	c = {.request = request, .portrait = portrait, .is_first_pass = true};

	c.context = CurrentMemoryContext;
	c.limit = CsMemoryLimit();
	c.source = CsScoredSourceOpen(NameStr(report->scorer->model), report->scorer->version,
								  report->source);
	c.overrides = CsScoredSourceOverrides(c.source);
	portrait->scorer = c.source->scoring.scorer;
	portrait->nsegments = portrait->scorer->nsegments;
	portrait->ngroups = portrait->nsegments * (request->halves ? 2 : 1);
	CsPortraitColumns(portrait, report, c.source->relation, request);
	Prepare(&c);
	while (BeginPass(&c))
	{
		int64		nrows = ReadPass(&c);

		if (!c.is_first_pass && nrows != c.nrows)
			ReportChanged(&c);
		c.nrows = nrows;
		FinishPass(&c);
		c.is_first_pass = false;
	}
	if (c.groups != NULL)
		pfree(c.groups);
	TellLeftOut(portrait, c.nrows);
	if (request->columns == NULL)
		CsPortraitDropLabels(portrait);
	return portrait;
}
