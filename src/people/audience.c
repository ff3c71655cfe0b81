/*
 * audience.c
 *	  Customers like those of a list, the seeds, in the model space of a model.
 *
 * The source is read twice.  The first reading finds the seeds in it, and draws a sample of the others.  Then either
 * the seeds are put in a tree of neighbors, or a logistic regression with a ridge (algo/logistic.c) tells seeds from
 * others.  The second reading ranks everybody who is no seed: by the mean distance to the nearest seeds, or by the
 * probability.  Each is done twice: with all seeds, and with those of four fifths, by whom the seeds that are held out
 * are ranked among all others (stat/lookalike.c).
 *
 * Customers are drawn by hashes of their ids, so who is held out, in the tree or in the sample, does not depend on how rows lie.
 * A sample of those who are no seeds changes nothing in a regression but its intercept, which is set right (Prentice
 * and Pyke, Biometrika 66, 1979).
 */
#include "custseg.h"

#include <math.h>

#include "algo/value.h"
#include "common/hashfn.h"
#include "data/matrix.h"
#include "math/kdtree.h"
#include "people/people.h"
#include "utils/memutils.h"

/* Seeds that a source must have, and the part of them that is held out. */
#define FEWEST_SEEDS 20
#define HELD_OUT 5

const char *const CsLookalikeMethods[] = {"nearest", "propensity", NULL};

/* Hold more bytes to the limit; an error past it. */
static void
Hold(CsAudience *a, Size bytes)
{
	a->held += bytes;
	if (a->held + a->list->held > CsMemoryLimit())
		CsMemoryExceeded(a->held + a->list->held, "give fewer seeds, a smaller \"sample\" or fewer customers",
						 "an audience like " INT64_FORMAT " seeds", a->list->n);
}

/* Copies of numbers, in the audience's memory. */
static double *
CopyNumbers(CsAudience *a, const double *numbers, int n)
{
	double	   *copy = MemoryContextAlloc(a->context, sizeof(double) * Max(n, 1));

	Hold(a, sizeof(double) * n);
	return memcpy(copy, numbers, sizeof(double) * n);
}

/* Room for one more example. */
static CsExample *
AddExample(CsAudience *a, CsExamples *e)
{
	MemoryContext save = MemoryContextSwitchTo(a->context);

	if (e->n == e->capacity)
	{
		int64		capacity = Max(256, 2 * e->capacity);

		Hold(a, sizeof(CsExample) * (capacity - e->capacity));
		e->items = e->items == NULL ? palloc(sizeof(CsExample) * capacity) :
			repalloc_huge(e->items, sizeof(CsExample) * capacity);
		e->capacity = capacity;
	}
	MemoryContextSwitchTo(save);
	e->items[e->n] = (CsExample) {0};
	return &e->items[e->n++];
}

/* The hash by which a customer is drawn. */
static uint64
HashOf(CsAudience *a, const Datum *values, const bool *nulls)
{
	char	   *text = CsPassPlainId(a->pass, values, nulls);

	return hash_bytes_extended((const unsigned char *) text, (int) strlen(text), 0);
}

/* Keep a seed that the source has: the row at hand, which the model has placed. */
static void
KeepSeed(CsAudience *a, const Datum *values, const bool *nulls, int segment)
{
	const CsPipeline *p = CsScorerPipeline(a->scorer);
	CsExample  *seed = AddExample(a, &a->seeds);

	seed->hash = HashOf(a, values, nulls);
	seed->id_text = MemoryContextStrdup(a->context, CsPassId(a->pass, values, nulls));
	seed->segment = segment;
	seed->raw = CopyNumbers(a, a->placer->scoring.raw, p->nfeatures);
	seed->z = CopyNumbers(a, a->placer->scoring.z, p->noutputs);
}

/*
 * Draw the customer of the row at hand, who is no seed.  When the sample is full the threshold falls to half, and who
 * is not below it goes: what stays in the end does not depend on the order of the rows.
 */
static void
DrawOther(CsAudience *a, const Datum *values, const bool *nulls)
{
	uint64		hash = HashOf(a, values, nulls);
	CsExample  *other;

	if (hash > a->threshold)
		return;
	other = AddExample(a, &a->others);
	other->hash = hash;
	other->z = CopyNumbers(a, a->placer->scoring.z, CsScorerPipeline(a->scorer)->noutputs);
	while (a->others.n > a->options.sample)
	{
		int64		n = 0;

		a->threshold /= 2;
		for (int64 i = 0; i < a->others.n; i++)
			if (a->others.items[i].hash <= a->threshold)
				a->others.items[n++] = a->others.items[i];
			else
			{
				pfree(a->others.items[i].z);
				a->held -= sizeof(double) * CsScorerPipeline(a->scorer)->noutputs;
			}
		a->others.n = n;
	}
}

/* Who a row is, for both readings. */
typedef enum RowIs
{
	NOBODY,						/* without an id, or excluded */
	UNPLACED,					/* a value is missing without which the model does not do, or infinite */
	A_SEED,
	ANOTHER
} RowIs;

/* Who the row at hand is; the model prepares it.  OUT id, and the decision by hand or NULL. */
static RowIs
Identify(CsAudience *a, const Datum *values, const bool *nulls, Datum *id, bool *is_seed, const CsOverride **override)
{
	CsScoring  *s = &a->placer->scoring;
	const CsPipeline *p = CsScorerPipeline(a->scorer);

	*is_seed = false;
	*override = NULL;
	if (!CsPeopleTakeId(a->pass, values, nulls, id))
		return NOBODY;
	*is_seed = CsSeedsHave(a->list, id);
	*override = a->placer->overrides == NULL ? NULL : CsOverridesFindPrepared(a->placer->overrides, id);
	if (*override != NULL && (*override)->index < 0)
		return NOBODY;
	if (!CsPipelineApply(p, s->raw, 1, 1, s->z, 1, s->work))
		return UNPLACED;
	for (int j = 0; j < p->noutputs; j++)
		if (!isfinite(s->z[j]))
			return UNPLACED;
	return *is_seed ? A_SEED : ANOTHER;
}

/* CsRowSink: the first reading. */
static void
TakeExample(void *state, const Datum *values, const bool *nulls)
{
	CsAudience *a = state;
	Datum		id[INDEX_MAX_KEYS];
	const CsOverride *override;
	bool		is_seed;
	RowIs		is = Identify(a, values, nulls, id, &is_seed, &override);
	CsAssignment placed = {.index = -1};

	a->n_excluded += is == NOBODY && is_seed;
	a->n_unplaced += is == UNPLACED && is_seed;
	if (is == A_SEED)
	{
		if (override == NULL && !CsScoringTry(&a->placer->scoring, &placed, NULL))
			placed.index = -1;
		KeepSeed(a, values, nulls, override != NULL ? override->index : placed.index);
	}
	if (is != ANOTHER)
		return;
	a->n_candidates++;
	if (a->method == CS_LOOKALIKE_PROPENSITY)
		DrawOther(a, values, nulls);
}

/* By hash; equal ones by id. */
static int
CompareExamples(const void *a, const void *b)
{
	const CsExample *left = a;
	const CsExample *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return left->id_text == NULL ? 0 : strcmp(left->id_text, right->id_text);
}

/* Error unless there is enough to go by. */
static void
CheckExamples(const CsAudience *a)
{
	const char *source = a->relation->description;

	if (a->seeds.n + a->n_excluded + a->n_unplaced == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("none of the " INT64_FORMAT " seeds is in %s", a->list->n_listed, source),
				 errhint("Seeds are customers of the source, named by their ids.")));
	if (a->seeds.n < FEWEST_SEEDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are " INT64_FORMAT " seeds, and at least %d are needed", a->seeds.n, FEWEST_SEEDS),
				 errdetail("Of " INT64_FORMAT " listed, " INT64_FORMAT " are excluded, " INT64_FORMAT " cannot be placed, and " INT64_FORMAT " are not in %s, or listed twice.",
						   a->list->n_listed, a->n_excluded, a->n_unplaced,
						   Max(a->list->n_listed - a->seeds.n - a->n_excluded - a->n_unplaced, 0), source),
				 errhint("A fifth of the seeds is held out, to see whether others like them are found.")));
	if (a->n_candidates == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("every customer of %s is a seed", source),
				 errhint("Give a source that has others, too.")));
}

/* A tree of the seeds from the first on, or as many of them as are drawn. */
static CsKdTree *
PlantTree(CsAudience *a, int64 first)
{
	int			d = CsScorerPipeline(a->scorer)->noutputs;
	int64		n = Min(a->seeds.n - first, a->options.most_seeds);
	CsKdTree   *tree;

	Hold(a, CsKdTreeSize(n, d));
	tree = palloc_extended(CsKdTreeSize(n, d), MCXT_ALLOC_HUGE);
	CsKdTreeInit(tree, n, d);
	for (int64 i = 0; i < n; i++)
	{
		double	   *row = CsKdRow(tree, (int32) i);

		CsCheckInterrupts(i);
		memcpy(row, a->seeds.items[first + i].z, sizeof(double) * d);
	}
	CsKdTreeBuild(tree);
	return tree;
}

/* Add an example to the rows of a regression. */
static void
PutExample(CsMatrix *m, CsArena *arena, const CsExample *e)
{
	if (m->nrows % CS_BLOCK_ROWS == 0)
		CsMatrixGrow(m, arena);
	m->nrows++;
	CsMatrixPutRow(m, arena, m->nrows - 1, e->z);
}

/* Names of the columns of model space, for messages. */
static char **
ColumnNames(const CsPipeline *p)
{
	char	  **names;

	if (p->ncomponents == 0)
		return CsPipelineScaledNames(p);
	names = palloc(sizeof(char *) * p->noutputs);
	for (int i = 0; i < p->noutputs; i++)
		names[i] = psprintf("component %d", i + 1);
	return names;
}

/* Fit a regression to the first so many rows, of which the first n_seeds are of seeds; what it tells are log odds. */
static CsValueModel *
FitRows(CsAudience *a, CsTeam *team, CsMatrix *m, int64 nrows, int target)
{
	const CsValueAlgorithm *logistic = CsValueAlgorithmFind("logistic");
	int64		all = m->nrows;
	void	   *options = palloc0(logistic->options_size);
	CsValueInput in = {.team = team,.matrix = m,.target = target,.is_probability = true,.is_part = true};
	CsValueFit	out;

	CsOptionsParse(logistic->options, logistic->noptions, NULL, options);
	CsOptionsSet(logistic->options, logistic->noptions, "ridge", a->options.ridge, options);
	m->nrows = nrows;
	in.columns = ColumnNames(CsScorerPipeline(a->scorer));
	in.options = options;
	logistic->fit(&in, &out);
	m->nrows = all;
	out.model->is_probability = out.model->is_logit = false;
	return out.model;
}

/* Fit both regressions: seeds who are not held out, then the others, then the seeds who are. */
static void
FitRegressions(CsAudience *a)
{
	const CsPipeline *p = CsScorerPipeline(a->scorer);
	int64		n = a->seeds.n + a->others.n;
	int64		held_out = a->n_held_out;
	const CsValueAlgorithm *logistic = CsValueAlgorithmFind("logistic");
	CsArena    *arena;
	CsTeam	   *team;
	CsMatrix   *m;
	double	   *target;
	int			area;

	Hold(a, add_size(mul_size((n / CS_BLOCK_ROWS + 1) * CS_BLOCK_ROWS, sizeof(double) * (p->noutputs + 1)),
					 logistic->memory(n, p->noutputs, NULL)));
	arena = CsArenaCreate(false);
	m = CsMatrixCreate(p->noutputs);
	for (int64 i = held_out; i < a->seeds.n; i++)
		PutExample(m, arena, &a->seeds.items[i]);
	for (int64 i = 0; i < a->others.n; i++)
		PutExample(m, arena, &a->others.items[i]);
	for (int64 i = 0; i < held_out; i++)
		PutExample(m, arena, &a->seeds.items[i]);
	area = CsArenaAlloc(arena, sizeof(double) * CsMatrixBlocks(m) * CS_BLOCK_ROWS);
	target = CsArenaAddress(arena, area);
	for (int64 i = 0; i < n; i++)
		target[i] = i < a->seeds.n - held_out || i >= n - held_out;
	team = CsTeamStart(arena, 0);
	a->model[0] = FitRows(a, team, m, n, area);
	a->model[1] = FitRows(a, team, m, n - held_out, area);
	CsTeamEnd(team);
	CsArenaDestroy(arena);
	a->offset[0] = a->offset[1] = log((double) a->others.n / a->n_candidates);
}

/* Fit what ranks customers: to all seeds, and to those who are not held out. */
static void
Fit(CsAudience *a)
{
	MemoryContext save = MemoryContextSwitchTo(a->context);

	CheckExamples(a);
	qsort(a->seeds.items, a->seeds.n, sizeof(CsExample), CompareExamples);
	qsort(a->others.items, a->others.n, sizeof(CsExample), CompareExamples);
	a->n_held_out = (int) (a->seeds.n / HELD_OUT);
	if (a->method == CS_LOOKALIKE_PROPENSITY)
		FitRegressions(a);
	else
	{
		a->tree[0] = PlantTree(a, 0);
		a->tree[1] = PlantTree(a, a->n_held_out);
	}
	MemoryContextSwitchTo(save);
}

/*
 * The score of a place in model space, by the fit to all seeds, 0, or by that without those held out, 1: the more, the
 * more like the seeds.  OUT nearest: the seed that is, or -1; may be NULL.
 */
double
CsAudienceScore(const CsAudience *a, int fit, const double *z, int32 *nearest)
{
	int32		index[CS_MOST_SEED_NEIGHBORS];
	double		distance[CS_MOST_SEED_NEIGHBORS];
	double		sum = 0;
	int			n;

	if (nearest != NULL)
		*nearest = -1;
	if (a->method == CS_LOOKALIKE_PROPENSITY)
		return CsValueModelPredict(a->model[fit], z) + a->offset[fit];
	n = CsKdNearest(a->tree[fit], z, a->options.neighbors, -1, index, distance);
	for (int i = 0; i < n; i++)
		sum += sqrt(distance[i]);
	if (nearest != NULL)
		*nearest = index[0] + (fit == 0 ? 0 : a->n_held_out);
	return -sum / n;
}

/*
 * Is a place so far from all seeds that it is not in the audience?  A mean of distances is not below the least of them,
 * but for rounding.  Few candidates are nearer than the last of an audience that is full, so for most of them this takes
 * the place of the search for several neighbors.
 */
static bool
IsTooFar(const CsAudience *a, const double *z)
{
	double		reach;

	if (a->method != CS_LOOKALIKE_NEAREST || a->best.n < a->best.most)
		return false;
	reach = a->best.entries[0].key * (1 + 1e-9);
	return !CsKdHasWithin(a->tree[0], z, reach * reach);
}

/* The probability that a score of a regression stands for. */
double
CsAudienceProbability(const CsAudience *a, double score)
{
	return 1 / (1 + exp(-score));
}

/* Rank those who wait for it. */
static void
ScoreWaiting(CsAudience *a)
{
	int			n = a->waiting.n;
	double	   *score = a->score + a->n_scores - n;

	CsPartiesEnd(&a->waiting, score);
	for (int i = 0; i < n; i++)
		score[i] = -score[i];
}

/* Keep the score of somebody by whom the ranking is judged. */
static void
KeepScore(CsAudience *a, double score, bool is_held_out)
{
	if (a->n_scores == a->capacity)
	{
		int64		capacity = Max(4096, 2 * a->capacity);
		MemoryContext save = MemoryContextSwitchTo(a->context);

		Hold(a, 2 * sizeof(double) * (capacity - a->capacity));
		a->score = a->score == NULL ? palloc(sizeof(double) * capacity) :
			repalloc_huge(a->score, sizeof(double) * capacity);
		a->is_held_out = a->is_held_out == NULL ? palloc(sizeof(double) * capacity) :
			repalloc_huge(a->is_held_out, sizeof(double) * capacity);
		a->capacity = capacity;
		MemoryContextSwitchTo(save);
	}
	a->score[a->n_scores] = score;
	a->is_held_out[a->n_scores++] = is_held_out;
}

/* Keep the score of somebody who is no seed, by the fit without those who are held out. */
static void
JudgeBy(CsAudience *a, const double *z)
{
	if (a->method != CS_LOOKALIKE_NEAREST)
		KeepScore(a, CsAudienceScore(a, 1, z, NULL), false);
	else
	{
		KeepScore(a, NAN, false);	/* it is filled in when the others have come */
		if (CsPartiesAdd(&a->waiting, z))
			ScoreWaiting(a);
	}
}

/* CsRowSink: the second reading. */
static void
TakeCandidate(void *state, const Datum *values, const bool *nulls)
{
	CsAudience *a = state;
	CsScoring  *s = &a->placer->scoring;
	Datum		id[INDEX_MAX_KEYS];
	const CsOverride *override;
	bool		is_seed;
	double		score;

	if (Identify(a, values, nulls, id, &is_seed, &override) != ANOTHER)
		return;
	JudgeBy(a, s->z);
	if (IsTooFar(a, s->z))
		return;
	score = CsAudienceScore(a, 0, s->z, NULL);
	if (a->n > 0 && !isnan(score) && CsBestIsWanted(&a->best, -score, id))
		CsBestAdd(&a->best, -score, id, CsPassId(a->pass, values, nulls), s->raw,
				  override == NULL ? -1 : override->index);
}

/* A pass over the source that reads ids and raw values. */
static void
OpenPass(CsAudience *a, CsRowSink take_row)
{
	a->pass = CsPassOpen(a->relation);
	a->placer = CsPassPlace(a->pass, a->scorer, CS_PLACE_NOT);
	CsPassIdentify(a->pass, CsFindKey(a->relation, CsScorerId(a->scorer)));
	CsPeopleRequireId(a->pass, NameStr(a->scorer->model));
	CsPassHonour(a->pass, a->placer);
	CsPassVisit(a->pass, &(CsVisitor) {.state = a, .take_row = take_row});
}

/*
 * Find the audience: its scorer, which is pinned, relation, method, options and n are the caller's to set.  Everything
 * is allocated in CurrentMemoryContext.  Returns it.
 */
CsAudience *
CsAudienceFind(CsAudience *a, const char *seeds)
{
	a->context = CurrentMemoryContext;
	a->threshold = PG_UINT64_MAX;
	OpenPass(a, TakeExample);
	a->list = CsSeedsRead(seeds, CsFindKey(a->relation, CsScorerId(a->scorer)), a->pass->identity);
	(void) CsPassRead(a->pass);
	Fit(a);
	OpenPass(a, TakeCandidate);
	if (a->method == CS_LOOKALIKE_NEAREST)
	{
		Hold(a, CsPartiesMemory(CsScorerPipeline(a->scorer)->noutputs, a->options.neighbors));
		CsPartiesInit(&a->waiting, a->tree[1], a->options.neighbors);
	}
	Hold(a, mul_size(a->n, sizeof(CsBestEntry) + sizeof(double) * CsScorerPipeline(a->scorer)->nfeatures));
	CsBestInit(&a->best, a->pass->identity, CsScorerPipeline(a->scorer)->nfeatures, Max(a->n, 1));
	(void) CsPassRead(a->pass);
	if (a->method == CS_LOOKALIKE_NEAREST)
		ScoreWaiting(a);
	CsBestSort(&a->best);
	for (int i = 0; i < a->n_held_out; i++)
		KeepScore(a, CsAudienceScore(a, 1, a->seeds.items[i].z, NULL), true);
	return a;
}
