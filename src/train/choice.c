/*
 * choice.c
 *	  How many segments: fits for a range of k, indices of each, their votes, and the reason.
 *
 * Three indices vote, each for the k where it is best, the lower one on ties: mean silhouette
 * (Rousseeuw 1987), Calinski-Harabasz (1974), Davies-Bouldin (1979).  Most votes win; when all three
 * disagree, the silhouette's choice holds, and without a silhouette that of Calinski-Harabasz.
 * Where the algorithm has a likelihood, its BIC decides alone.  The gap statistic does not vote.
 * Whether there are groups at all is asked as by clusterability().  When no index is defined for any k, there is one segment.
 *
 * Labels are kept only of fits that an index prefers so far, since one of these is the result.
 */
#include "custseg.h"

#include <math.h>

#include "progress.h"
#include "train/choice.h"
#include "train/distributed.h"

/*
 * With more than CS_EXAMINED_ROWS rows, a training looks for k by so many starts of so many iterations,
 * which leave the indices within some percent of where they end, and by silhouettes of so many rows; on a
 * sample of so many rows, or this part of all.  Smaller samples lead astray: a customer far out who is in
 * one weighs the more in it.
 *
 * Few segments take little time, and a start that ends far from the best shows most in them: they get
 * more starts, as long as these have no more than SEARCH_CENTERS centers in all.  The search has a seed of
 * its own, so that another seed makes other segments, but not another number of them.
 */
#define SEARCH_STARTS 3
#define SEARCH_CENTERS 24
#define SEARCH_SEED 42
#define SEARCH_ITERATIONS 10
#define SEARCH_SILHOUETTES 2000
#define SEARCH_ROWS 20000

#define SEARCH_PART 10

/* A share of the rows in the smallest segment below which it is told: outliers seldom make a segment. */
#define SMALL_SHARE 0.01

/* What votes, in the order of what holds when they disagree; BIC before all. */
typedef enum Voter
{
	BY_BIC, BY_SILHOUETTE, BY_CALINSKI_HARABASZ, BY_DAVIES_BOULDIN, NVOTERS
} Voter;

static const char *const names[NVOTERS] = {
	"BIC", "the silhouette", "Calinski-Harabasz", "Davies-Bouldin"
};

/*
 * Parse an algorithm's options where silhouettes are to judge it.  Further options, described as
 * for CsOptionsParse(), are read from the same json into "extra", which may be NULL.  The result is
 * palloc'd.
 */
void *
CsParseJudging(const CsAlgorithm *algorithm, Jsonb *json, const CsOption *options, int noptions,
			   size_t size, void *extra)
{
	Size		start = MAXALIGN(algorithm->options_size);
	char	   *result = palloc0(start + size);
	CsOption   *all = palloc(sizeof(CsOption) * (algorithm->noptions + noptions));

	memcpy(all, algorithm->options, sizeof(CsOption) * algorithm->noptions);
	for (int i = 0; i < algorithm->noptions; i++)
		if (strcmp(all[i].name, "silhouette_sample") == 0)
			all[i].boot = CS_JUDGED_ROWS;
	for (int i = 0; i < noptions; i++)
	{
		all[algorithm->noptions + i] = options[i];
		all[algorithm->noptions + i].offset += start;
	}
	CsOptionsParse(all, algorithm->noptions + noptions, json, result);
	if (extra != NULL)
		memcpy(extra, result + start, size);
	pfree(all);
	return result;
}

/*
 * Bytes that the choice takes, for CsRequest.measures; CsRequest.judging are the CsChoiceOptions.
 */
Size
CsChoiceMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	const CsChoiceOptions *asked = t->judging;
	Size		kept = mul_size(sizeof(int32) * (NVOTERS - 1),
								mul_size(nrows / CS_BLOCK_ROWS + 1, CS_BLOCK_ROWS));
	Size		measures = Max(CsMomentsMemory(t->k_max, ncolumns),
							   CsSilhouetteMemory(Min(nrows, t->common->silhouette_sample),
												  ncolumns, t->k_max));

	kept = add_size(kept, CsMemoryBeyondFit(t, nrows, ncolumns, measures));
	kept = Max(kept, CsMemoryBeyondFit(t, nrows, ncolumns,
									   CsStructureMemory(Min(nrows, CS_STRUCTURE_ROWS), ncolumns)));
	if (asked->gap_references > 0)
		kept = add_size(kept, CsGapMemory(nrows, ncolumns, asked->gap_sample));
	return kept;
}

/* Is the number of segments of so many rows looked for first?  A likelihood needs the fits of all rows. */
static bool
SearchesFirst(const CsAlgorithm *algorithm, int64 nrows)
{
	return nrows > CS_EXAMINED_ROWS && algorithm->log_density == NULL;
}

/* Rows on which it is looked for. */
static int64
SearchedRows(int64 nrows)
{
	return Min(nrows, Max(SEARCH_ROWS, nrows / SEARCH_PART));
}

/* Bytes that the search for the number of segments takes, likewise. */
Size
CsSearchMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	Size		sample = 0;
	int64		searched = SearchesFirst(t->algorithm, nrows) ? SearchedRows(nrows) : nrows;

	if (searched < nrows)
		sample = mul_size(mul_size(sizeof(double), searched + CS_BLOCK_ROWS), ncolumns + 1);
	return add_size(sample, CsChoiceMemory(t, searched, ncolumns));
}

/* An index of a candidate, so that more is better; NaN where it is not defined. */
static double
Merit(const CsCandidate *c, Voter voter)
{
	switch (voter)
	{
		case BY_BIC:
			return -c->bic;
		case BY_SILHOUETTE:
			return c->silhouette;
		case BY_CALINSKI_HARABASZ:
			return c->calinski_harabasz;
		default:
			return -c->davies_bouldin;
	}
}

/* The candidate that an index prefers, -1 when it is defined for none. */
static int
PreferredBy(const CsChoice *choice, Voter voter)
{
	int			best = -1;

	for (int i = 0; i < choice->n; i++)
	{
		double		merit = Merit(&choice->candidates[i], voter);

		if (!isnan(merit) && (best < 0 || merit > Merit(&choice->candidates[best], voter)))
			best = i;
	}
	return best;
}

/* Give back the labels of a candidate, if they are still there. */
static void
DropFit(CsTraining *t, CsCandidate *c)
{
	if (c->has_fit)
		CsArenaFree(t->arena, c->fit.labels);
	c->has_fit = false;
}

/* Give back the labels of all candidates but those that an index prefers so far. */
static void
DropLosers(CsTraining *t, CsChoice *choice)
{
	bool		decided = PreferredBy(choice, BY_BIC) >= 0;

	for (int i = 0; i < choice->n; i++)
	{
		bool		preferred = false;

		for (Voter voter = 0; voter < NVOTERS; voter++)
			if (PreferredBy(choice, voter) == i && (voter == BY_BIC || !decided))
				preferred = true;
		if (!preferred)
			DropFit(t, &choice->candidates[i]);
	}
}

/* A measure of a fit by its name, NaN when it has none of that name. */
double
CsMetricOf(const CsFitOutput *fit, const char *name)
{
	for (int i = 0; i < fit->nmetrics; i++)
		if (strcmp(fit->metrics[i].name, name) == 0)
			return fit->metrics[i].value;
	return NAN;
}

/* Fit k segments and measure them. */
static CsCandidate
TryK(CsTraining *t, CsTeam *team, const CsAlgorithm *algorithm, const void *options, int k,
	 int64 *silhouette_rows)
{
	const CsCommonOptions *common = options;
	CsCandidate c = {.k = k,.silhouette = NAN,.silhouette_deviation = NAN,.gap = NAN,.gap_se = NAN,.has_fit = true};
	CsValidity	v;

	if (algorithm->check != NULL)
		algorithm->check(options, k, t->matrix->ncolumns);
	c.fit = CsTrainingFit(t, team, algorithm, options, k);
	CsProgressPhase(CS_PHASE_SCORING);
	v = CsValidityOfLabels(team, t->matrix, c.fit.labels, c.fit.k);
	if (common->silhouette_sample > 0)
	{
		CsSilhouetteMean s = CsSilhouetteMeasure(team, t->matrix, c.fit.labels, c.fit.k,
												 common->silhouette_sample, (uint64) common->seed);

		c.silhouette = s.mean;
		c.silhouette_deviation = s.deviation;
		*silhouette_rows = s.used;
	}
	c.inertia = c.fit.inertia;
	c.calinski_harabasz = v.calinski_harabasz;
	c.davies_bouldin = v.davies_bouldin;
	c.bic = CsMetricOf(&c.fit, "bic");
	c.smallest_share = v.smallest_share;
	c.largest_share = v.largest_share;
	return c;
}

/* Options with which it is looked whether k is the number of segments, palloc'd. */
static void *
SearchOptions(const CsAlgorithm *algorithm, const void *options, int k)
{
	const struct
	{
		const char *name;
		int			most;
	}			limits[] = {{"n_init", Max(SEARCH_STARTS, SEARCH_CENTERS / k)}, {"max_iter", SEARCH_ITERATIONS}};
	CsCommonOptions *result = palloc(algorithm->options_size);

	memcpy(result, options, algorithm->options_size);
	result->seed = SEARCH_SEED;
	result->silhouette_sample = Min(result->silhouette_sample, SEARCH_SILHOUETTES);
	for (int i = 0; i < algorithm->noptions; i++)
	{
		const CsOption *option = &algorithm->options[i];
		int		   *field = (int *) ((char *) result + option->offset);

		for (int j = 0; j < lengthof(limits) && option->type == CS_OPTION_INT; j++)
			if (strcmp(option->name, limits[j].name) == 0)
				*field = Min(*field, limits[j].most);
	}
	return result;
}

/*
 * Fit and measure each k that was requested and is possible: fewer than there are rows, and no
 * further than there are different ones, from where on a higher k gives the same segments.
 */
static void
TryAll(CsTraining *t, CsTeam *team, const CsAlgorithm *algorithm, const void *options,
	   const CsChoiceOptions *asked, bool searches, CsChoice *choice)
{
	int			last = (int) Min(asked->k_max, t->matrix->nrows - 1);

	choice->candidates = palloc0(sizeof(CsCandidate) * (Max(last - asked->k_min + 1, 0) + 1));
	for (int k = asked->k_min; k <= last; k++)
	{
		CsCandidate *c = &choice->candidates[choice->n];

		*c = TryK(t, team, algorithm, searches ? SearchOptions(algorithm, options, k) : options, k,
				  &choice->silhouette_rows);
		if (c->fit.k < k && choice->n > 0)
		{
			DropFit(t, c);
			break;
		}
		choice->n++;
		DropLosers(t, choice);
		if (c->fit.k < k)
			break;
	}
}

/* Have the first candidate, which is the best, be the one of one segment, whose fit is missing. */
static void
PutOneSegment(CsTraining *t, CsChoice *choice)
{
	choice->best = 0;
	if (choice->n > 0 && choice->candidates[0].k == 1)
		DropFit(t, &choice->candidates[0]);
	else
		memmove(choice->candidates + 1, choice->candidates, sizeof(CsCandidate) * choice->n++);
}

/* Say why there is one segment. */
static void
GiveNoReason(CsChoice *choice)
{
	choice->silhouette_rows = 0;
	choice->candidates[0].reason =
		pstrdup("no index is defined for any number of segments: there are too few distinct rows");
}

/* Make one segment, because no index is defined. */
static void
FallBack(CsTraining *t, CsTeam *team, const CsAlgorithm *algorithm, const void *options,
		 CsChoice *choice)
{
	int64		rows = 0;

	PutOneSegment(t, choice);
	choice->candidates[0] = TryK(t, team, algorithm, options, 1, &rows);
	GiveNoReason(choice);
}

/* The gap statistic, from one segment fewer than requested, so that it can say "fewer". */
static void
MeasureGap(CsTraining *t, CsTeam *team, const CsAlgorithm *algorithm, const void *options,
		   const CsChoiceOptions *asked, CsChoice *choice)
{
	CsGapInput	in = {
		.team = team,
		.matrix = t->matrix,
		.algorithm = algorithm,
		.options = options,
		.memory_left = CsArenaLeft(t->arena),
		.k_first = Max(asked->k_min - 1, 1),
		.k_last = choice->candidates[choice->n - 1].k,
		.sample = asked->gap_sample,
		.references = asked->gap_references,
		.seed = (uint64) ((const CsCommonOptions *) options)->seed
	};

	choice->gap = CsGapStatistic(&in);
	for (int i = 0; i < choice->n; i++)
	{
		int			at = choice->candidates[i].k - choice->gap->k_first;

		if (at < 0 || at >= choice->gap->n)
			continue;
		choice->candidates[i].gap = choice->gap->gap[at];
		choice->candidates[i].gap_se = choice->gap->se[at];
	}
}

/* Count the votes and set the best candidate; *voters is how many voted.  False when none did. */
static bool
CountVotes(CsChoice *choice, int *voters)
{
	int			most = 0;

	*voters = 0;
	choice->best = PreferredBy(choice, BY_BIC);
	if (choice->best >= 0)
	{
		choice->candidates[choice->best].votes = *voters = 1;
		return true;
	}
	for (Voter voter = BY_SILHOUETTE; voter < NVOTERS; voter++)
	{
		int			preferred = PreferredBy(choice, voter);

		if (preferred < 0)
			continue;
		(*voters)++;
		choice->candidates[preferred].votes++;
		most = Max(most, choice->candidates[preferred].votes);
	}
	/* the first index whose choice has the most votes decides */
	for (Voter voter = BY_SILHOUETTE; voter < NVOTERS && choice->best < 0; voter++)
	{
		int			preferred = PreferredBy(choice, voter);

		if (preferred >= 0 && choice->candidates[preferred].votes == most)
			choice->best = preferred;
	}
	return choice->best >= 0;
}

/* The measures that prefer candidate i: "the silhouette and Davies-Bouldin". */
static void
NameMeasures(StringInfo text, const CsChoice *choice, int i, bool with_gap)
{
	int			n = choice->candidates[i].votes + with_gap,
				at = 0;

	for (Voter voter = 0; voter < NVOTERS; voter++)
	{
		if (PreferredBy(choice, voter) != i)
			continue;
		appendStringInfo(text, "%s%s", CsWordsLink(at++, n), names[voter]);
	}
	if (with_gap)
		appendStringInfo(text, "%sthe gap statistic", CsWordsLink(at, n));
}

/* What the gap statistic says of the best candidate. */
static void
AddGap(StringInfo text, const CsGap *gap, int k)
{
	if (gap == NULL || gap->chosen == 0)
		return;
	if (gap->chosen == k)
		appendStringInfoString(text, ". The gap statistic agrees");
	else if (gap->highest != gap->chosen)
		appendStringInfo(text, ". The gap statistic stops at %s, and is highest at %d",
						 CsWordsCount(gap->chosen, "segment", "segments"), gap->highest);
	else
		appendStringInfo(text, ". The gap statistic prefers %s%s",
						 CsWordsCount(gap->chosen, "segment", "segments"),
						 gap->chosen == 1 ? ", which is no division" : "");
}

/* Silhouettes that differ by less are about the same; by more, one is far below the other. */
#define CLOSE_SILHOUETTES 0.02
#define FAR_SILHOUETTES 0.1

/* Is a candidate's silhouette about the same as that of the best candidate? */
static bool
IsRival(const CsChoice *choice, int i)
{
	return i != choice->best &&
		fabs(choice->candidates[i].silhouette - choice->candidates[choice->best].silhouette) <= CLOSE_SILHOUETTES;
}

/* How the best candidate's silhouette stands to the others'. */
static void
AddRivals(StringInfo text, const CsChoice *choice)
{
	const CsCandidate *best = &choice->candidates[choice->best];
	int			highest = PreferredBy(choice, BY_SILHOUETTE);
	int			nrivals = 0;

	if (highest < 0 || isnan(best->silhouette))
		return;
	if (best->silhouette < choice->candidates[highest].silhouette - FAR_SILHOUETTES)
	{
		appendStringInfo(text, ". But its segments lie less far apart: the silhouette is %.2f, and %.2f with %s",
						 best->silhouette, choice->candidates[highest].silhouette,
						 CsWordsCount(choice->candidates[highest].k, "segment", "segments"));
		return;
	}
	for (int i = 0; i < choice->n; i++)
		nrivals += IsRival(choice, i);
	if (nrivals == 0)
		return;
	appendStringInfoString(text, ". ");
	for (int i = 0, at = 0; i < choice->n; i++)
	{
		if (IsRival(choice, i))
			appendStringInfo(text, "%s%d", CsWordsLink(at++, nrivals), choice->candidates[i].k);
	}
	appendStringInfoString(text, " segments lie about as far apart");
}

/* What the best candidate's reason says beyond the votes: gap, rivals, range, size, structure, sample. */
static void
AddDoubts(StringInfo text, const CsTraining *t, const CsChoice *choice, const CsChoiceOptions *asked)
{
	const CsCandidate *best = &choice->candidates[choice->best];

	AddGap(text, choice->gap, best->k);
	AddRivals(text, choice);
	if (best->k == asked->k_max && asked->k_min < asked->k_max)
		appendStringInfo(text, ". More than %s were not tried, and may be better",
						 CsWordsCount(best->k, "segment", "segments"));
	if (best->smallest_share < SMALL_SHARE)
		appendStringInfo(text, ". The smallest segment has only %.2g %% of the customers",
						 100 * best->smallest_share);
	if (!isnan(best->silhouette) && choice->silhouette_rows < (CsJudgesByPasses(t) ? t->nrows : t->matrix->nrows))
		appendStringInfo(text, ". Silhouettes are of a sample of " INT64_FORMAT " rows",
						 choice->silhouette_rows);
	if (CsNoGroups(&t->structure))
	{
		appendStringInfo(text, ". The data show no clear clusters. %s",
						 CsStructureSentence(&t->structure));
		text->data[--text->len] = '\0';	/* the caller ends the sentence */
	}
}

/* Say of each candidate which indices chose it, and of the best one why it is. */
static void
GiveReasons(const CsTraining *t, CsChoice *choice, const CsChoiceOptions *asked, int voters)
{
	for (int i = 0; i < choice->n; i++)
	{
		CsCandidate *c = &choice->candidates[i];
		StringInfoData text;
		bool		by_gap = i != choice->best && choice->gap != NULL && choice->gap->chosen == c->k;

		initStringInfo(&text);
		if (i == choice->best && voters > 1 && c->votes == 1 && PreferredBy(choice, BY_BIC) != i)
			appendStringInfoString(&text, "the measures disagree, and the decision is that of ");
		else if (i == choice->best && voters > 1)
			appendStringInfo(&text, "preferred by %d of %d measures: ", c->votes, voters);
		else if (c->votes > 0 || by_gap)
			appendStringInfoString(&text, "preferred by ");
		NameMeasures(&text, choice, i, by_gap);
		if (i == choice->best && PreferredBy(choice, BY_BIC) == i)
			appendStringInfoString(&text, c->votes > 1 ? ", of which BIC decides" : ", which decides");
		if (i == choice->best)
			AddDoubts(&text, t, choice, asked);
		c->reason = text.len > 0 ? text.data : NULL;
	}
}

/* Candidate i as a row of choose_k(): CS_CANDIDATE_VALUES values. */
void
CsCandidateValues(const CsChoice *choice, int i, CsValue *row)
{
	const CsCandidate *c = &choice->candidates[i];
	const CsValue values[CS_CANDIDATE_VALUES] = {
		CsValueInt4(c->k),
		CsValueFloat8(c->inertia),
		CsValueFloat8(c->silhouette),
		CsValueFloat8(c->calinski_harabasz),
		CsValueFloat8(c->davies_bouldin),
		CsValueFloat8(c->gap),
		CsValueFloat8(c->gap_se),
		CsValueFloat8(c->bic),
		CsValueFloat8(c->smallest_share),
		CsValueFloat8(c->largest_share),
		CsValueInt4(c->votes),
		CsValueBool(i == choice->best),
		CsValueText(c->reason)
	};

	memcpy(row, values, sizeof(values));
}

/* Choose among the candidates that have been tried, and say why; false where no index is defined for any. */
static bool
Decide(CsTraining *t, CsTeam *team, const CsAlgorithm *algorithm, const void *options, const CsChoiceOptions *asked,
	   CsChoice *choice)
{
	int			voters;

	if (!CountVotes(choice, &voters))
		return false;
	for (int i = 0; i < choice->n; i++)
		if (i != choice->best)
			DropFit(t, &choice->candidates[i]);
	if (t->structure.rating == CS_STRUCTURE_UNKNOWN)
		t->structure = CsTrainingStructure(t, team, CS_STRUCTURE_ROWS, CS_STRUCTURE_REFERENCES);
	if (asked->gap_references > 0)
		MeasureGap(t, team, algorithm, options, asked, choice);
	GiveReasons(t, choice, asked, voters);
	return true;
}

/* CsChooseK(), which only searches when the fits are not needed. */
static CsChoice *
Choose(CsTraining *t, CsTeam *team, const CsAlgorithm *algorithm, const void *options,
	   const CsChoiceOptions *asked, bool searches)
{
	CsChoice   *choice = palloc0(sizeof(CsChoice));

	TryAll(t, team, algorithm, options, asked, searches, choice);
	if (!Decide(t, team, algorithm, options, asked, choice))
		FallBack(t, team, algorithm, options, choice);
	return choice;
}

/*
 * CsChooseK() of a source that is read by passes, which fit and measure all of its rows; silhouettes, the gap statistic
 * and whether there are groups are those of the sample.  No candidate has a fit.  The team becomes another one.
 */
CsChoice *
CsChooseKByPasses(CsTraining *t, CsTeam **team, const CsChoiceOptions *asked)
{
	CsChoice   *choice = palloc0(sizeof(CsChoice));
	int			last = (int) Min(asked->k_max, t->matrix->nrows - 1);

	choice->candidates = palloc0(sizeof(CsCandidate) * (Max(last - asked->k_min + 1, 0) + 1));
	choice->n = CsDistributedTry(t, team, asked->k_min, last, choice->candidates, &choice->silhouette_rows);
	if (t->matrix->nrows < t->nrows)
		ereport(NOTICE,
				(errmsg("silhouettes, the gap statistic and the look for groups are those of a sample of %lld of %lld rows",
						(long long) t->matrix->nrows, (long long) t->nrows),
				 errdetail("All other measures, and the fits, are those of all rows.")));
	if (Decide(t, *team, t->algorithm, t->options, asked, choice))
		return choice;
	PutOneSegment(t, choice);
	(void) CsDistributedTry(t, team, 1, 1, choice->candidates, &choice->silhouette_rows);
	GiveNoReason(choice);
	return choice;
}

/*
 * Try the numbers of segments that were asked for, and choose among them.  Everything is palloc'd
 * except for the labels of the best candidate, which are an area of the team's arena.
 */
CsChoice *
CsChooseK(CsTraining *t, CsTeam *team, const CsAlgorithm *algorithm, const void *options,
		  const CsChoiceOptions *asked)
{
	return Choose(t, team, algorithm, options, asked, false);
}

/*
 * Choose the number of segments of a training: as CsChooseK() does, but of many rows by fewer starts, and
 * on a sample when there are yet more.  Then the best candidate has no fit, and *searched is the number of
 * rows; else 0.
 */
CsChoice *
CsSearchK(CsTraining *t, CsTeam *team, int64 *searched)
{
	CsMatrix   *all = t->matrix;
	int			weights = t->weights;
	CsChoice   *choice;

	*searched = 0;
	if (!SearchesFirst(t->algorithm, all->nrows))
		return CsChooseK(t, team, t->algorithm, t->options, t->judging);
	*searched = SearchedRows(all->nrows);
	/* of all rows, as other functions ask it, not of a sample of these */
	t->structure = CsTrainingStructure(t, team, CS_STRUCTURE_ROWS, CS_STRUCTURE_REFERENCES);
	if (*searched < all->nrows)
	{
		int64	   *rows = CsSampleRows(all->nrows, *searched, SEARCH_SEED, searched);

		t->matrix = CsMatrixOfRows(t->arena, all, rows, *searched);
		t->weights = CsWeightsOfRows(t->arena, weights, rows, *searched);
		pfree(rows);
	}
	choice = Choose(t, team, t->algorithm, t->options, t->judging, true);
	DropFit(t, &choice->candidates[choice->best]);
	if (t->matrix == all)
		return choice;
	CsMatrixFree(t->matrix, t->arena);
	if (t->weights >= 0)
		CsArenaFree(t->arena, t->weights);
	t->matrix = all;
	t->weights = weights;
	return choice;
}
