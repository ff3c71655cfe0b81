/*
 * structure.c
 *	  Do rows fall into groups at all?  The one answer of all functions that tell it.
 *
 * Any algorithm finds k segments in anything.  So the best mean silhouette over k = 2..10 (k-means)
 * is compared with what the same search finds in sets of rows that look like the given ones but
 * have no groups (reference.c).  The silhouettes of these sets are a sample of what no groups
 * give; how far the rows' own lies beyond it is judged as a further observation of the same normal
 * law, by Student's t with mean and standard deviation from the sets.  Sets are drawn, 5, 20 or 50,
 * until the answer is clear.
 *
 * Beside being beyond chance, the difference must matter.  The excess is the part of the way from
 * the reference's silhouette to 1 that the rows' own has gone: (s - s0) / (1 - s0).  The levels of
 * the silhouette are those of Kaufman and Rousseeuw (1990): a reasonable structure from 0.5, one
 * that may be artificial up to 0.25.  And groups have a valley between them (valley.c): heavy tails
 * and curves have silhouettes beyond the reference's, but no valley.
 */
#include "custseg.h"

#include <math.h>

#include "algo/algo.h"
#include "call/call.h"
#include "miscadmin.h"
#include "stat/dip.h"
#include "stat/null.h"
#include "stat/stat.h"
#include "stat/summaries.h"
#include "utils/memutils.h"

/* Levels of silhouette, excess and p-value of what is called strong, moderate, or weak. */
#define STRONG_SILHOUETTE 0.5
#define STRONG_EXCESS 0.25
#define MODERATE_SILHOUETTE 0.25
#define MODERATE_EXCESS 0.05
#define GROUPS_P 0.01
#define WEAK_P 0.05

/*
 * Groups that differ in one of several columns have little silhouette and excess.  Where the p-values of
 * silhouette and valley are so low that both are beyond doubt, so much will do.
 */
#define CERTAIN_P 1e-5
#define CERTAIN_SILHOUETTE 0.15
#define CERTAIN_EXCESS 0.02

/* Fewer rows say nothing about structure. */
#define LEAST_ROWS 10

/* Numbers of groups that are looked for. */
#define FIRST_K 2
#define LAST_K 10

/* Numbers of sets after which it is asked whether the answer is clear. */
static const int stages[] = {5, 20};

static const char *const rating_names[] = {
	NULL, "none", "none or weak", "weak", "moderate", "strong", "not asked"
};

/* The rating's name; NULL for unknown. */
const char *
CsStructureName(CsStructureRating rating)
{
	return rating_names[rating];
}

/* Options of the k-means that is run: a few starts do, for every set of rows gets the same. */
static void *
SearchOptions(uint64 seed)
{
	const CsAlgorithm *algorithm = CsUsualAlgorithm();
	void	   *options = palloc0(algorithm->options_size);

	CsOptionsParse(algorithm->options, algorithm->noptions, CsJsonbFromText("{\"n_init\": 3}"),
				   options);
	((CsCommonOptions *) options)->seed = (int64) seed;
	return options;
}

/* Bytes that CsStructureExamine() takes beside the rows, for so many of them. */
Size
CsStructureMemory(int64 nrows, int ncolumns)
{
	Size		rows = mul_size(sizeof(double) * (nrows + CS_BLOCK_ROWS), ncolumns);
	void	   *options = SearchOptions(0);
	Size		size;

	/* the sample, a set while it is drawn, and the points of Hopkins' statistic */
	size = add_size(mul_size(rows, 3), CsReferenceMemory(nrows, ncolumns));
	size = add_size(size, CsUsualAlgorithm()->memory(nrows, ncolumns, LAST_K, options));
	pfree(options);
	return add_size(size, CsSilhouetteMemory(nrows, ncolumns, LAST_K));
}

/*
 * The highest mean silhouette over the numbers of segments, the lower number on ties; *best_k is
 * that number.  NaN and 0 when none is defined, as for rows that are all the same.  Where valley_p
 * is not NULL, it becomes the least p-value of a valley between neighbours of that fit.
 */
static double
BestSilhouette(CsTeam *team, const CsMatrix *rows, const void *options, int *best_k,
			   double *valley_p)
{
	CsArena    *arena = CsTeamArena(team);
	int			last = (int) Min(LAST_K, rows->nrows - 1);
	double		best = NAN;

	*best_k = 0;
	for (int k = FIRST_K; k <= last; k++)
	{
		CsFitInput	in = {.team = team,.matrix = rows,.weights = -1,.k = k,.options = options,
		.memory_left = CsArenaLeft(CsTeamArena(team))};
		CsFitOutput out;
		double		silhouette;
		int64		used;

		CHECK_FOR_INTERRUPTS();
		CsUsualAlgorithm()->fit(&in, &out);
		silhouette = CsSilhouetteSample(team, rows, out.labels, out.k, rows->nrows,
										(uint64) ((const CsCommonOptions *) options)->seed, &used);
		if (silhouette > best || (isnan(best) && !isnan(silhouette)))
		{
			best = silhouette;
			*best_k = k;
			if (valley_p != NULL)
				*valley_p = CsAnyValley(team, rows, out.labels, out.k);
		}
		CsArenaFree(arena, out.labels);
		if (out.k < k)
			break;				/* no more distinct rows */
	}
	return best;
}

/* How much of the way from the references' silhouette to 1 the rows' own has gone. */
static double
Excess(const CsStructure *s)
{
	return (s->silhouette - s->null_mean) / (1 - s->null_mean);
}

/* Are silhouette and valley moderate, or strong, were the silhouette's p-value and the excess so? */
static bool
IsModerate(const CsStructure *s, double p, double excess)
{
	bool		certain = Max(p, s->valley_p) <= CERTAIN_P;

	return p <= GROUPS_P && s->valley_p <= CS_VALLEY_P &&
		s->silhouette >= (certain ? CERTAIN_SILHOUETTE : MODERATE_SILHOUETTE) &&
		excess >= (certain ? CERTAIN_EXCESS : MODERATE_EXCESS);
}

static CsStructureRating
Rate(const CsStructure *s)
{
	if (s->best_k == 0 || s->n_sampled < LEAST_ROWS || (s->references > 0 && isnan(s->p)))
		return CS_STRUCTURE_UNKNOWN;
	if (s->references == 0)
		return CS_STRUCTURE_NONE_OR_WEAK;
	if (IsModerate(s, s->p, Excess(s)))
		return s->silhouette >= STRONG_SILHOUETTE && Excess(s) >= STRONG_EXCESS ?
			CS_STRUCTURE_STRONG : CS_STRUCTURE_MODERATE;
	return s->p <= WEAK_P ? CS_STRUCTURE_WEAK : CS_STRUCTURE_NONE;
}

/*
 * Would more sets hardly change the rating?  After the first few only where chance would give as
 * much once in four times, or in ten with hardly any excess, or once in thousands, and the excess is
 * no near thing; later where p is not within a factor of three of a limit that counts.
 */
static bool
IsClear(const CsStructure *s)
{
	double		excess = Excess(s);
	bool		near_excess = (excess < MODERATE_EXCESS + 0.02 &&
							   IsModerate(s, 0, excess + 0.02)) ||
	(s->silhouette >= STRONG_SILHOUETTE && fabs(excess - STRONG_EXCESS) < 0.03);
	bool		is_near = s->valley_p <= CS_VALLEY_P && near_excess;

	if (s->references <= stages[0])
		return s->p > 0.25 || (s->p > 0.1 && excess < CERTAIN_EXCESS) || (s->p < 0.0005 && !is_near);
	return s->p > 0.15 || (s->p < 0.003 && !is_near);
}

/*
 * What the search finds in sets of rows without groups, at most so many, and how unlikely these make
 * what it found in the rows' own.
 */
static void
CompareWithReferences(CsTeam *team, const CsMatrix *rows, const int *group, const void *options,
					  uint64 seed, int references, CsStructure *s)
{
	CsReference *reference = CsReferenceFit(team, rows, group);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg reference",
												  ALLOCSET_DEFAULT_SIZES);
	double	   *found = palloc(sizeof(double) * references);
	int			stage = 0;

	while (s->references < references)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		int			k;
		double		silhouette = BestSilhouette(team,
												CsReferenceDraw(team, reference, seed, s->references),
												options, &k, NULL);

		/* rows that are all the same are in no groups */
		found[s->references++] = isnan(silhouette) ? 0 : silhouette;
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
		if (s->references < references &&
			(stage == lengthof(stages) || s->references < stages[stage]))
			continue;
		stage++;
		CsMeanOfFew(found, s->references, &s->null_mean, &s->null_sd);
		s->p = CsFurtherUpper(s->silhouette, s->null_mean, s->null_sd, s->references);
		if (IsClear(s))
			break;
	}
	MemoryContextDelete(context);
	CsReferenceFree(team, reference);
	pfree(found);
}

/*
 * Judge the rows, of which there should be CS_STRUCTURE_ROWS at most by default.  group is as for
 * CsReferenceFit(); references is the largest number of sets, 5 or more.
 *
 * Or it is CS_STRUCTURE_GLANCE: then no set is drawn where the rows can be in no groups whatever rows without
 * any have, and the rating is "none or weak"; else a few are, and where more would be drawn to be sure, the
 * rating is "not asked".  Where it is another one it is that of 5 and more sets.
 */
CsStructure
CsStructureExamine(CsTeam *team, const CsMatrix *rows, const int *group, uint64 seed, int references)
{
	void	   *options = SearchOptions(seed);
	CsStructure s = {.n_sampled = rows->nrows,.null_mean = NAN,.null_sd = NAN,.p = NAN,.valley_p = 1,
	.silhouette = NAN};
	bool		glance = references == CS_STRUCTURE_GLANCE;

	if (!glance || s.n_sampled >= LEAST_ROWS)
		s.silhouette = BestSilhouette(team, rows, options, &s.best_k, &s.valley_p);
	if (s.best_k > 0 && s.n_sampled >= LEAST_ROWS && (!glance || IsModerate(&s, 0, 1)))
		CompareWithReferences(team, rows, group, options, seed, glance ? stages[0] : references, &s);
	s.rating = Rate(&s);
	if (glance && s.references > 0 && s.rating != CS_STRUCTURE_UNKNOWN && !IsClear(&s))
	{
		s.rating = CS_STRUCTURE_NOT_ASKED;
		s.p = NAN;
	}
	pfree(options);
	return s;
}

/* The sentence of rows that have more than rows without groups, but no groups. */
static char *
WeakSentence(const CsStructure *s)
{
	const char *advice = "Rules, such as RFM scores or quantiles, serve better here than clusters.";

	if (s->p > GROUPS_P)
		return psprintf("Weak structure: the silhouette is %.3f. Rows without groups have %.3f on average, and reach %.3f with a probability of %.2g, so this is little more than chance gives. %s",
						s->silhouette, s->null_mean, s->silhouette, s->p, advice);
	if (s->valley_p > CS_VALLEY_P)
		return psprintf("Weak structure: the silhouette is %.3f, and rows without groups, which have %.3f on average, reach that only with a probability of %.2g. But no valley is seen between neighboring segments, as there is between groups. Heavy tails and curves look like this. %s",
						s->silhouette, s->null_mean, s->p, advice);
	return psprintf("Weak structure: the silhouette is %.3f. Rows without groups have %.3f on average, so this is beyond chance (p %.2g), but too little to tell groups apart. %s",
					s->silhouette, s->null_mean, s->p, advice);
}

/* The sentence of rows that cannot be in groups, whatever rows without any have. */
static char *
NoneOrWeakSentence(const CsStructure *s)
{
	if (s->valley_p > CS_VALLEY_P)
		return psprintf("None or weak structure: for %d segments, where the silhouette is highest, %.2f, no valley is seen between neighboring ones, as there is between groups. custseg.clusterability() compares with rows without groups.",
						s->best_k, s->silhouette);
	return psprintf("None or weak structure: the silhouette is %.2f at best. custseg.clusterability() compares with rows without groups.",
					s->silhouette);
}

/* The sentence of rows of which it remains open. */
static char *
NotAskedSentence(const CsStructure *s)
{
	if (s->references == 0)
		return pstrdup("It was not asked whether there are groups: the training holds a sample of the rows, or the memory for it is short. custseg.clusterability() asks.");
	return psprintf("It is not clear yet whether there are groups: the silhouette is %.2f, and %d sets of rows without groups have %.2f on average. custseg.clusterability() asks more of them.",
					s->silhouette, s->references, s->null_mean);
}

/* The finding in words, palloc'd. */
char *
CsStructureSentence(const CsStructure *s)
{
	switch (s->rating)
	{
		case CS_STRUCTURE_STRONG:
			return psprintf("Strong structure: the rows form at least %d well-separated groups. Their silhouette is %.2f; rows without groups would have %.2f. Parts of a ring look like this, too.",
							s->best_k, s->silhouette, s->null_mean);
		case CS_STRUCTURE_MODERATE:
			return psprintf("Moderate structure: the rows form at least %d groups that overlap. Their silhouette is %.2f; rows without groups would have %.2f. Parts of a ring look like this, too. custseg.stability() shows which groups are reproducible.",
							s->best_k, s->silhouette, s->null_mean);
		case CS_STRUCTURE_WEAK:
			return WeakSentence(s);
		case CS_STRUCTURE_NONE_OR_WEAK:
			return NoneOrWeakSentence(s);
		case CS_STRUCTURE_NOT_ASKED:
			return NotAskedSentence(s);
		case CS_STRUCTURE_NONE:
			return psprintf("No structure found: the silhouette is %.2f. Rows without groups have %.2f on average, and reach %.2f with a probability of %.2f. Rules, such as RFM scores or quantiles, serve better here than clusters.",
							s->silhouette, s->null_mean, s->silhouette, s->p);
		default:
			return pstrdup("There are too few rows, or too few distinct rows, to tell.");
	}
}
