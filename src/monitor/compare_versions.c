/*
 * compare_versions.c
 *	  Two versions of a model on the same customers: compare_versions(), and the cross table of
 *	  their segments, compare_versions_segments().
 *
 * The source is read once, and each row is placed by both versions (score/versions.c), or where its rows are on other
 * servers by these (dist/version_pair.c), with a sample of the lowest hashes.  How far
 * the two agree is the adjusted Rand index, which does not care what segments are called; who would
 * move is who would get another number.
 *
 * Which of the two is better is asked of a seeded sample.  Silhouettes that are measured in
 * different model spaces cannot be compared: a version that leaves features out separates the rest
 * better, and is no better for it.  So both labelings are measured twice, in the space of one
 * version and in that of the other, and the widths of the same rows are compared.  "b" is better
 * when it is so by at least one measure and not worse by the other, each time by "min_gain" and by
 * more than twice the standard error of the mean difference.  A new version has to be better to be
 * recommended, since a change of segments has its price.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "dist/dist.h"
#include "lib/stringinfo.h"
#include "math/math.h"
#include "monitor/monitor.h"
#include "score/versions.h"
#include "stat/stat.h"

/* Stream of random numbers, apart from the algorithms'. */
#define SAMPLE_STREAM UINT64CONST(0xC03BA2E5)

/* So many more of the rows in no segment are worth a word. */
#define NOTABLE_OUTSIDE 0.05

/* So are so many customers under another number where the segments agree so far. */
#define NOTABLE_RENUMBERED 0.3
#define SAME_SEGMENTS 0.8

typedef struct CompareOptions
{
	int			sample;
	int64		seed;
	int			min_rows;
	double		min_gain;		/* of the silhouette */
	double		min_agreement;
	double		share_high;
} CompareOptions;

static const CsOption compareOptions[] = {
	{"sample", CS_OPTION_INT, offsetof(CompareOptions, sample), 5000, 2, 50000},
	CS_SEED_OPTION(CompareOptions, seed),
	{"min_rows", CS_OPTION_INT, offsetof(CompareOptions, min_rows), 30, 2, PG_INT32_MAX},
	{"min_gain", CS_OPTION_REAL, offsetof(CompareOptions, min_gain), 0.02, 0, 2},
	{"min_agreement", CS_OPTION_REAL, offsetof(CompareOptions, min_agreement), 0.8, 0, 1},
	{"share_high", CS_OPTION_REAL, offsetof(CompareOptions, share_high), 0.6, 0, 1}
};

/* What one version says about the rows. */
typedef struct Side
{
	const CsScoring *scoring;
	int			version;
	int64	   *counts;			/* rows of each segment, by index */
	int64		outside;		/* rows in no segment: noise, or could not be placed */
	CsDistances distances;		/* of the rows in segments */
	CsMatrix   *matrix;			/* the sample in its model space */
	int32	   *labels;			/* of the sample: 0..k-1, -1 noise */
	int			k;				/* noise left out */
	double		silhouette;		/* in its own space; NaN: not defined */
	double		smallest,		/* shares of the rows that it could place */
				largest;
} Side;

typedef struct Comparison
{
	MemoryContext context;
	CompareOptions options;
	CsVersionPair *pair;
	CsArena    *arena;
	CsReservoir reservoir;		/* of the rows that both could place */
	Side		side[2];
	CsSilhouetteGain gain[2];	/* of "b" over "a", in the space of each side */
	int			nsample;
	int64		n_moved;
	int64		n_placed;		/* by both */
	double		agreement;		/* NaN without such rows */
} Comparison;

PG_FUNCTION_INFO_V1(custseg_compare_versions);
PG_FUNCTION_INFO_V1(custseg_compare_versions_segments);

/* The arguments. */
enum
{
	PAIR_MODEL, PAIR_A, PAIR_B, PAIR_SOURCE, PAIR_OPTIONS
};

/* Open the pair that the arguments ask for. */
static CsVersionPair *
OpenPair(FunctionCallInfo fcinfo)
{
	return CsVersionPairOpen(CsTextArgument(fcinfo, PAIR_MODEL), CsVersionArgument(fcinfo, PAIR_A),
							 CsVersionArgument(fcinfo, PAIR_B), CsTextArgument(fcinfo, PAIR_SOURCE));
}

/* Error unless the sample and its silhouettes fit into maintenance_work_mem. */
static void
CheckMemory(const Comparison *c)
{
	int			n = c->options.sample;
	Size		needed = mul_size(n, 4 * sizeof(int32));

	for (int i = 0; i < 2; i++)
	{
		int			d = c->side[i].scoring->fitted.ncolumns;

		needed = add_size(needed, mul_size(n + CS_BLOCK_ROWS, sizeof(double) * d));
		needed = add_size(needed, CsSilhouetteMemory(n, d, Max(c->side[0].k, c->side[1].k)));
	}
	if (needed > CsMemoryLimit())
		CsMemoryError(needed, "lower the option \"sample\"",
					  "comparing two versions on a sample of %d rows", n);
}

/* Make room for what is counted and sampled of both versions. */
static void
Prepare(Comparison *c)
{
	c->context = CurrentMemoryContext;
	c->arena = CsArenaCreate(CsTeamWorkersFor(PG_INT64_MAX) > 0);
	CsReservoirInit(&c->reservoir, c->options.sample, (uint64) c->options.seed, SAMPLE_STREAM);
	for (int i = 0; i < 2; i++)
	{
		Side	   *side = &c->side[i];
		const CsFitted *fitted;

		side->scoring = &c->pair->side[i]->scoring;
		fitted = &side->scoring->fitted;
		side->version = side->scoring->scorer->version;
		side->k = fitted->nsegments - (fitted->has_noise ? 1 : 0);
		side->counts = palloc0(sizeof(int64) * fitted->nsegments);
		side->matrix = CsMatrixCreate(fitted->ncolumns);
	}
	CheckMemory(c);
	for (int i = 0; i < 2; i++)
		c->side[i].labels = palloc(sizeof(int32) * c->options.sample);
}

/* Is the segment noise? */
static inline bool
IsNoise(const Side *side, int index)
{
	return side->scoring->fitted.has_noise && index == 0;
}

/* Count a row where one version has put it. */
static void
CountRow(Side *side, int index)
{
	const CsScoring *scoring = side->scoring;

	if (index >= 0)
		side->counts[index]++;
	if (index < 0 || IsNoise(side, index))
	{
		side->outside++;
		return;
	}
	CsDistancesAdd(&side->distances, &scoring->fitted, scoring->z, index);
}

/* Write a row, as a side has prepared it, to a place of the sample. */
static void
StoreRow(Comparison *c, Side *side, int64 at, const double *z, int index)
{
	const CsFitted *fitted = &side->scoring->fitted;

	if (at == side->matrix->nrows)
	{
		if (at % CS_BLOCK_ROWS == 0)
		{
			MemoryContext old = MemoryContextSwitchTo(c->context);

			CsMatrixGrow(side->matrix, c->arena);
			MemoryContextSwitchTo(old);
		}
		side->matrix->nrows++;
	}
	CsMatrixPutRow(side->matrix, c->arena, at, z);
	side->labels[at] = index - (fitted->has_noise ? 1 : 0);
}

/* CsRowSink: count a row, and let it into the sample. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Comparison *c = state;
	int			placed[2] = {c->pair->side[0]->placed.index, c->pair->side[1]->placed.index};
	int64		at;

	for (int i = 0; i < 2; i++)
		CountRow(&c->side[i], placed[i]);
	if (placed[0] < 0 || placed[1] < 0)
		return;
	at = CsReservoirPlace(&c->reservoir);
	if (at < 0)
		return;
	for (int i = 0; i < 2; i++)
		StoreRow(c, &c->side[i], at, c->side[i].scoring->z, placed[i]);
	c->nsample = Max(c->nsample, (int) at + 1);
}

/* CsDraw.take: let a row into the sample. */
static void
TakeDrawn(void *state, const CsScoring *scoring, const int *index)
{
	Comparison *c = state;

	for (int i = 0; i < 2; i++)
		StoreRow(c, &c->side[i], c->nsample, scoring[i].z, index[i]);
	c->nsample++;
}

/* What passes tell of a side. */
static void
TakeSide(Side *side, const CsVersionPasses *passes, int which, const CsDistances *distances)
{
	side->outside = passes->unplaced[which];
	for (int i = 0; i < side->scoring->fitted.nsegments; i++)
	{
		side->counts[i] = passes->rows[which][i];
		if (IsNoise(side, i))
			side->outside += side->counts[i];
		else
			CsDistancesMerge(&side->distances, &distances[i]);
	}
}

/* Have the rows counted and a sample drawn where they are; false where they are to be read. */
static bool
CompareByPasses(Comparison *c)
{
	const CsVersionPasses *passes = CsVersionPairByPasses(c->pair);
	const int  *column[2];
	CsDistances *distances[2];

	if (passes == NULL)
		return false;
	CsVersionPassesDistances(passes, distances);
	for (int i = 0; i < 2; i++)
	{
		TakeSide(&c->side[i], passes, i, distances[i]);
		column[i] = passes->column[i];
	}
	(void) CsDrawByPass(&(CsDraw) {
		.study = passes->study,.nversions = 2,.scorer = passes->scorer,.column = column,.rows = c->options.sample,
		.seed = (uint64) c->options.seed,.take = TakeDrawn,.state = c
	});
	return true;
}

/* Read the rows, count them and let some into the sample. */
static void
ReadRows(Comparison *c)
{
	CsPassVisit(c->pair->pass, &(CsVisitor) {.state = c, .take_row = TakeRow});
	(void) CsPassRead(c->pair->pass);
}

/* Measure both labelings of the sample in the model space of one side. */
static void
MeasureIn(Comparison *c, int space)
{
	const CsMatrix *m = c->side[space].matrix;
	CsTeam	   *team = CsTeamStart(c->arena, CsTeamWorkersFor(m->nrows * m->ncolumns));
	CsSilhouette *s[2];

	for (int i = 0; i < 2; i++)
	{
		int			area = CsArenaAlloc(c->arena, sizeof(int32) * c->nsample);

		memcpy(CsArenaAddress(c->arena, area), c->side[i].labels, sizeof(int32) * c->nsample);
		s[i] = CsSilhouetteOfRows(team, m, area, c->side[i].k, c->nsample,
								  (uint64) c->options.seed);
		CsArenaFree(c->arena, area);
	}
	CsTeamEnd(team);
	c->side[space].silhouette = s[space]->mean;
	c->gain[space] = CsSilhouettesCompare(s[0], s[1]);
	CsSilhouetteFree(s[0]);
	CsSilhouetteFree(s[1]);
}

/* Smallest and largest share of a segment, noise left out; NaN without rows. */
static void
MeasureShares(Side *side, int64 nrows)
{
	int			nsegments = side->scoring->fitted.nsegments;
	double		total = 0;

	for (int i = 0; i < nsegments; i++)
		total += side->counts[i];
	side->smallest = side->largest = NAN;
	for (int i = 0; i < nsegments && total > 0; i++)
	{
		double		share = side->counts[i] / total;

		if (IsNoise(side, i))
			continue;
		side->smallest = fmin(side->smallest, share);
		side->largest = fmax(side->largest, share);
	}
}

/* Read the source and take all measures. */
static void
Compare(Comparison *c)
{
	CsCountedPair *counts;

	if (!CompareByPasses(c))
		ReadRows(c);
	counts = CsPairTableCounts(c->pair->pairs);
	for (int64 i = 0; i < c->pair->pairs->npairs; i++)
	{
		const CsLabelPair *p = &counts[i].pair;

		if (p->a != p->b)
			c->n_moved += p->count;
		if (p->a != CS_NO_SEGMENT && p->b != CS_NO_SEGMENT)
			c->n_placed += p->count;
	}
	pfree(counts);
	c->agreement = CsVersionPairAgreement(c->pair);
	for (int i = 0; i < 2; i++)
	{
		MeasureShares(&c->side[i], c->pair->pass->nrows);
		c->side[i].silhouette = c->gain[i].mean = c->gain[i].error = NAN;
		if (c->nsample > 0)
			MeasureIn(c, i);
	}
}

/* 1: "b" is better by this measure, -1: worse, 0: neither, or not for certain. */
static int
SignOf(const Comparison *c, CsSilhouetteGain gain)
{
	if (fabs(gain.mean) < c->options.min_gain || fabs(gain.mean) <= 2 * gain.error)
		return 0;
	return gain.mean > 0 ? 1 : -1;
}

/* What a person should look at before "b" is deployed, palloc'd; empty when there is nothing. */
static char *
Concerns(const Comparison *c)
{
	const Side *a = &c->side[0],
			   *b = &c->side[1];
	double		outside = (double) b->outside / c->pair->pass->nrows,
				moved = (double) c->n_moved / c->pair->pass->nrows;
	StringInfoData list;

	initStringInfo(&list);
	if (outside > (double) a->outside / c->pair->pass->nrows + NOTABLE_OUTSIDE)
		appendStringInfo(&list, "; it leaves %.1f %% of the rows in no segment", 100 * outside);
	if (b->largest > c->options.share_high && a->largest <= c->options.share_high)
		appendStringInfo(&list, "; one of its segments holds %.1f %% of the customers",
						 100 * b->largest);
	if (b->smallest == 0 && a->smallest > 0)
		appendStringInfoString(&list, "; one of its segments is empty");
	if (c->agreement < c->options.min_agreement)
		appendStringInfo(&list, "; its segments are different ones: the adjusted Rand index is %.2f, where 1 is the same",
						 c->agreement);
	else if (moved > NOTABLE_RENUMBERED && c->agreement >= SAME_SEGMENTS)
		appendStringInfoString(&list, "; its segments are much the same, with other numbers");
	return list.data;
}

/* What is recommended, and the reason in words. */
static const char *
Judge(const Comparison *c, StringInfo reason)
{
	const Side *a = &c->side[0],
			   *b = &c->side[1];
	int			in_a = SignOf(c, c->gain[0]),
				in_b = SignOf(c, c->gain[1]);
	double		moved = 100.0 * c->n_moved / c->pair->pass->nrows;
	const char *concerns;

	if (c->n_placed < c->options.min_rows)
	{
		appendStringInfo(reason, "%s can be placed by both versions, fewer than the %d that a recommendation needs",
						 CsWordsCount(c->n_placed, "customer", "customers"), c->options.min_rows);
		return "insufficient data";
	}
	if (isnan(c->gain[0].mean) || isnan(c->gain[1].mean))
	{
		appendStringInfo(reason, "silhouettes cannot be compared: version %d has fewer than two segments with rows",
						 isnan(a->silhouette) ? a->version : b->version);
		return "review";
	}
	if (in_a * in_b < 0)
	{
		appendStringInfo(reason, "version %d separates the customers better by its own measure of distance, and worse by that of version %d",
						 in_b > 0 ? b->version : a->version, in_b > 0 ? a->version : b->version);
		return "review";
	}
	if (in_a + in_b <= 0)
	{
		appendStringInfo(reason, "version %d separates the customers %s version %d (silhouette %.3f, against %.3f), and %.1f %% of them would move",
						 b->version, in_a + in_b < 0 ? "worse than" : "no better than", a->version,
						 b->silhouette, a->silhouette, moved);
		return "keep";
	}
	concerns = Concerns(c);
	appendStringInfo(reason, "version %d separates the customers better than version %d (silhouette %.3f, against %.3f), and %.1f %% of them would move%s",
					 b->version, a->version, b->silhouette, a->silhouette, moved, concerns);
	return concerns[0] == '\0' ? "deploy" : "review";
}

/* The row of the result. */
static void
PutRow(const Comparison *c, CsResult *result)
{
	const Side *side = c->side;
	int64		nrows = c->pair->pass->nrows;
	StringInfoData reason;
	CsValue		row[20];
	int			i = 0;

	initStringInfo(&reason);
	row[i++] = CsValueInt8(nrows);
	row[i++] = CsValueInt8(c->n_moved);
	row[i++] = CsValueFloat8((double) c->n_moved / nrows);
	row[i++] = CsValueFloat8(c->agreement);
	for (int s = 0; s < 2; s++)
		row[i++] = CsValueFloat8(side[s].silhouette);
	for (int s = 0; s < 2; s++)
		row[i++] = CsValueFloat8(c->gain[s].mean);
	for (int s = 0; s < 2; s++)
		row[i++] = CsValueFloat8(side[s].distances.sum / side[s].distances.n);
	for (int s = 0; s < 2; s++)
		row[i++] = CsValueFloat8(side[s].distances.squares / side[s].distances.n);
	for (int s = 0; s < 2; s++)
		row[i++] = CsValueInt8(side[s].outside);
	for (int s = 0; s < 2; s++)
		row[i++] = CsValueFloat8(side[s].smallest);
	for (int s = 0; s < 2; s++)
		row[i++] = CsValueFloat8(side[s].largest);
	row[i++] = CsValueText(Judge(c, &reason));
	row[i++] = CsValueText(reason.data);
	CsResultPut(result, row, i);
}

/* compare_versions(model, a, b, source, options): one row */
Datum
custseg_compare_versions(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Comparison	c = {0};

	if (PG_ARGISNULL(PAIR_MODEL))
		return (Datum) 0;
	CsOptionsArgument(fcinfo, PAIR_OPTIONS, compareOptions, lengthof(compareOptions), &c.options);
	c.pair = OpenPair(fcinfo);
	Prepare(&c);
	Compare(&c);
	CsArenaDestroy(c.arena);
	PutRow(&c, result);
	return (Datum) 0;
}

/* The name of one side's segment; NULL for rows that could not be placed. */
static CsValue
SegmentName(const CsPlacer *side, int32 number)
{
	const CsScorer *scorer = side->scoring.scorer;

	if (number == CS_NO_SEGMENT)
		return CsValueText(NULL);
	return CsValueText(CsScorerAt(scorer, char, CsScorerSegments(scorer)[CsScorerFindSegment(scorer, number)].name));
}

/* The number of a segment; NULL for rows that could not be placed. */
static CsValue
SegmentNumber(int32 number)
{
	return number == CS_NO_SEGMENT ? CsValueNull(INT4OID) : CsValueInt4(number);
}

/* compare_versions_segments(model, a, b, source): a row for each pair of segments that occurs */
Datum
custseg_compare_versions_segments(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsVersionPair *pair;
	CsCountedPair *counts;

	if (PG_ARGISNULL(PAIR_MODEL))
		return (Datum) 0;
	pair = OpenPair(fcinfo);
	CsVersionPairRead(pair);
	counts = CsPairTableCounts(pair->pairs);
	for (int64 i = 0; i < pair->pairs->npairs; i++)
	{
		const CsCountedPair *p = &counts[i];

		CsResultPut(result, CsValues(SegmentNumber(p->pair.a), SegmentName(pair->side[0], p->pair.a),
									 SegmentNumber(p->pair.b), SegmentName(pair->side[1], p->pair.b),
									 CsValueInt8(p->pair.count),
									 CsValueFloat8((double) p->pair.count / p->na),
									 CsValueFloat8((double) p->pair.count / p->nb),
									 CsValueBool(p->pair.a != p->pair.b)));
	}
	return (Datum) 0;
}
