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

#include <gsl/gsl_cdf.h>
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

/*
 * A glance draws sets that are cut into one number of segments alone: OWN_SETS at most into that of the
 * rows' own, then GLANCE_SETS into another one.  FAR_SETS will do where the rows' segments are FAR_EXCESS
 * beyond them, which is tried from FAR_SILHOUETTE on.  From SURE_SETS on it ends where they tell
 * enough, and where chance gives as much with at least BEYOND_P, or after the last set with UNLIKELY_P.
 * Of up to FEW_ROWS a search takes little time, and the first few sets are searched.  Of twice FIRST_ROWS
 * and more so many are looked at first.
 */
#define GLANCE_SETS 20
#define FAR_SILHOUETTE 0.35
#define FAR_EXCESS 0.15
#define FAR_SETS 3
#define SURE_SETS 4
#define OWN_SETS 8
#define BEYOND_P 0.25
#define UNLIKELY_P 0.06
#define FEW_ROWS 500
#define FIRST_ROWS 1000

/* One chance in so many that the mean of further sets is as far off as the glance allows for. */
#define MARGIN_P 0.001

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
	/* a fit's own labels are in its memory */
	size = add_size(size, mul_size(sizeof(int32) * (LAST_K - FIRST_K), nrows + CS_BLOCK_ROWS));
	return add_size(size, CsSilhouettesMemory(nrows, ncolumns, LAST_K - FIRST_K + 1, LAST_K));
}

/* Rows cut into each of the numbers of segments; k is 0 where they are not. */
typedef struct Cuts
{
	CsLabeling	into[LAST_K + 1];
} Cuts;

/* Cut the rows into first to last segments each, as far as there are so many distinct rows; returns the last. */
static int
CutRows(CsTeam *team, const CsMatrix *rows, const void *options, int first, int last, Cuts *cuts)
{
	last = (int) Min(last, rows->nrows - 1);
	for (int k = first; k <= last; k++)
	{
		CsFitInput	in = {.team = team,.matrix = rows,.weights = -1,.k = k,.options = options,
		.memory_left = CsArenaLeft(CsTeamArena(team))};
		CsFitOutput out;

		CHECK_FOR_INTERRUPTS();
		if (cuts->into[k].k == 0)
		{
			CsUsualAlgorithm()->fit(&in, &out);
			cuts->into[k] = (CsLabeling) {.labels = out.labels,.k = out.k};
		}
		if (cuts->into[k].k < k)
			return k;
	}
	return last;
}

/* Free the labels of all cuts. */
static void
FreeCuts(CsTeam *team, Cuts *cuts)
{
	for (int k = FIRST_K; k <= LAST_K; k++)
		if (cuts->into[k].k > 0)
			CsArenaFree(CsTeamArena(team), cuts->into[k].labels);
	*cuts = (Cuts) {0};
}

/* Mean silhouettes of n cuts.  That of a single one is found in half the time, by each distance once. */
static void
MeasureCuts(CsTeam *team, const CsMatrix *rows, const CsLabeling *cuts, int n, double *silhouette)
{
	int64		used;

	if (n == 1)
		*silhouette = CsSilhouetteSample(team, rows, cuts->labels, cuts->k, rows->nrows, 0, &used);
	else
		CsSilhouettesOfLabelings(team, rows, cuts, n, silhouette);
}

/*
 * The highest mean silhouette over first to last segments, the lower number on ties; *best_k is that
 * number.  NaN and 0 when none is defined, as for rows that are all the same.
 */
static double
BestSilhouette(CsTeam *team, const CsMatrix *rows, const void *options, int first, int last, Cuts *cuts,
			   int *best_k)
{
	double		silhouette[LAST_K + 1];
	double		best = NAN;

	last = CutRows(team, rows, options, first, last, cuts);
	MeasureCuts(team, rows, cuts->into + first, last - first + 1, silhouette + first);
	*best_k = 0;
	for (int k = first; k <= last; k++)
		if (silhouette[k] > best || (isnan(best) && !isnan(silhouette[k])))
		{
			best = silhouette[k];
			*best_k = k;
		}
	return best;
}

/* Look for the rows' segments among first to last; finds out silhouette, best_k and valley_p. */
static void
Search(CsTeam *team, const CsMatrix *rows, const void *options, int first, int last, Cuts *cuts,
	   CsStructure *s)
{
	s->silhouette = BestSilhouette(team, rows, options, first, last, cuts, &s->best_k);
	if (s->best_k > 0)
		s->valley_p = CsAnyValley(team, rows, cuts->into[s->best_k].labels, cuts->into[s->best_k].k);
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

/* How sure it is that there are groups, by p, the silhouette and its excess over chance. */
static CsStructureRating
Rate(const CsStructure *s)
{
	if (isnan(s->p))
		return CS_STRUCTURE_UNKNOWN;
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

/* Sets of rows without groups, as they are drawn and searched; no law is fitted before the first. */
typedef struct Sets
{
	CsTeam	   *team;
	const CsMatrix *rows;
	const int  *group;
	const void *options;
	CsReference *reference;
	MemoryContext scratch;		/* of one set */
	int			k;				/* so many segments is what the first sets were cut into: */
	int			n;				/* so many sets, */
	double		found[GLANCE_SETS]; /* with these silhouettes */
} Sets;

/* Free what sets without groups were drawn from, if any was. */
static void
CloseSets(Sets *sets)
{
	if (sets->reference == NULL)
		return;
	MemoryContextDelete(sets->scratch);
	CsReferenceFree(sets->team, sets->reference);
}

/* The highest silhouette over first to last segments of a set of this number; OUT their number. */
static double
SilhouetteOfSet(Sets *sets, int first, int last, int number, int *best_k)
{
	uint64		seed = (uint64) ((const CsCommonOptions *) sets->options)->seed;
	Cuts		cuts = {0};
	const CsMatrix *drawn;
	MemoryContext old;
	double		silhouette;

	if (sets->reference == NULL)
	{
		sets->reference = CsReferenceFit(sets->team, sets->rows, sets->group);
		sets->scratch = AllocSetContextCreate(CurrentMemoryContext, "custseg reference",
											  ALLOCSET_DEFAULT_SIZES);
	}
	old = MemoryContextSwitchTo(sets->scratch);
	drawn = CsReferenceDraw(sets->team, sets->reference, seed, number);
	silhouette = BestSilhouette(sets->team, drawn, sets->options, first, last, &cuts, best_k);
	FreeCuts(sets->team, &cuts);
	MemoryContextSwitchTo(old);
	MemoryContextReset(sets->scratch);
	/* rows that are all the same are in no groups */
	return isnan(silhouette) ? 0 : silhouette;
}

/* What so many sets tell of a further one, and of the rows' own. */
static void
TakeSets(const double *found, int n, CsStructure *s)
{
	s->references = n;
	CsMeanOfFew(found, n, &s->null_mean, &s->null_sd);
	s->p = CsFurtherUpper(s->silhouette, s->null_mean, s->null_sd, n);
}

/*
 * What the search finds in sets of rows without groups, at most so many, and how unlikely these make
 * what it found in the rows' own.
 */
static void
CompareWithReferences(Sets *sets, int references, CsStructure *s)
{
	double	   *found = palloc(sizeof(double) * references);
	int			stage = 0,
				best_k;

	for (int n = 0; n < references;)
	{
		found[n] = SilhouetteOfSet(sets, FIRST_K, LAST_K, n, &best_k);
		n++;
		if (n < references && (stage == lengthof(stages) || n < stages[stage]))
			continue;
		stage++;
		TakeSets(found, n, s);
		if (IsClear(s))
			break;
	}
	pfree(found);
}

/*
 * Do sets that are cut into one number of segments tell enough?  A search over all numbers finds at least
 * as much in a set.  So where the rows have too little beyond these sets, or no more than chance gives,
 * they have too little beyond searched ones: the rating is "none or weak".  Where they have enough for
 * sure, or what chance hardly gives, it remains open, and so it does after the last set.  Else it is
 * unknown yet.
 */
static CsStructureRating
RateByOneNumber(const CsStructure *s)
{
	double		excess = Excess(s),
				margin;

	if (s->references < SURE_SETS)
		return CS_STRUCTURE_UNKNOWN;
	margin = gsl_cdf_tdist_Qinv(MARGIN_P, s->references - 1) * s->null_sd / sqrt(s->references) /
		(1 - s->null_mean);
	if (!IsModerate(s, 0, excess + margin) || s->p > BEYOND_P)
		return CS_STRUCTURE_NONE_OR_WEAK;
	if (IsModerate(s, s->p, excess - margin) || (s->references >= OWN_SETS && s->p <= GROUPS_P))
		return CS_STRUCTURE_NOT_ASKED;
	if (s->references < GLANCE_SETS)
		return CS_STRUCTURE_UNKNOWN;
	return s->p > UNLIKELY_P ? CS_STRUCTURE_NONE_OR_WEAK : CS_STRUCTURE_NOT_ASKED;
}

/* Compare with the first n sets, cut into k segments; those that have been are known. */
static void
CompareAtOneNumber(Sets *sets, int k, int n, CsStructure *s)
{
	int			best_k;

	if (sets->k != k)
		sets->n = 0;
	sets->k = k;
	for (; sets->n < n; sets->n++)
		sets->found[sets->n] = SilhouetteOfSet(sets, k, k, sets->n, &best_k);
	TakeSets(sets->found, n, s);
}

/* The rating by up to so many sets, cut into k segments, until these tell enough. */
static CsStructureRating
RateAtOneNumber(Sets *sets, int k, int most, CsStructure *s)
{
	CsStructureRating rating = CS_STRUCTURE_UNKNOWN;

	for (int n = 1; n <= most && rating == CS_STRUCTURE_UNKNOWN; n++)
	{
		CompareAtOneNumber(sets, k, n, s);
		rating = RateByOneNumber(s);
	}
	return rating;
}

/*
 * Judge the rows, of which there should be CS_STRUCTURE_ROWS at most by default.  group is as for
 * CsReferenceFit(); references is the largest number of sets, 5 or more.
 */
CsStructure
CsStructureExamine(CsTeam *team, const CsMatrix *rows, const int *group, uint64 seed, int references)
{
	void	   *options = SearchOptions(seed);
	CsStructure s = {.n_sampled = rows->nrows,.null_mean = NAN,.null_sd = NAN,.p = NAN,.valley_p = 1};
	Sets		sets = {.team = team,.rows = rows,.group = group,.options = options};
	Cuts		cuts = {0};

	Search(team, rows, options, FIRST_K, LAST_K, &cuts, &s);
	FreeCuts(team, &cuts);
	if (s.best_k > 0 && s.n_sampled >= LEAST_ROWS)
		CompareWithReferences(&sets, references, &s);
	s.rating = Rate(&s);
	CloseSets(&sets);
	pfree(options);
	return s;
}

/* Are the rows' segments so far beyond sets that a few will do?  One will not: of counts, it may be off by as much. */
static bool
IsFarBeyond(const CsStructure *s)
{
	return s->references >= FAR_SETS && s->silhouette >= FAR_SILHOUETTE && Excess(s) >= FAR_EXCESS;
}

/*
 * Are the best of first to last segments for sure beyond as many of rows without groups?  Ends where sets
 * have almost as much.
 */
static bool
AreBeyond(Sets *sets, int first, int last, Cuts *cuts, CsStructure *s)
{
	Search(sets->team, sets->rows, sets->options, first, last, cuts, s);
	for (int n = 1; IsModerate(s, 0, 1) && n <= OWN_SETS; n++)
	{
		CompareAtOneNumber(sets, s->best_k, n, s);
		if (Excess(s) < CERTAIN_EXCESS)
			return false;
		if (IsFarBeyond(s) || RateByOneNumber(s) == CS_STRUCTURE_NOT_ASKED)
			return true;
	}
	return false;
}

/*
 * Have some of the rows groups, k or another number?  Then all may well have some.  Finds out what it
 * tells of these.  They are so few that to hand them out takes longer than to look at them: the leader does it
 * alone, in memory of its own.
 */
static bool
HaveSomeGroups(const Sets *sets, int k, CsStructure *s)
{
	CsArena    *arena = CsArenaCreate(false);
	CsTeam	   *alone = CsTeamStart(arena, 0);
	uint64		seed = (uint64) ((const CsCommonOptions *) sets->options)->seed;
	int64		used;
	int64	   *chosen = CsSampleRows(sets->rows->nrows, FIRST_ROWS, seed, &used);
	CsMatrix   *rows = CsMatrixCopyRows(CsTeamArena(sets->team), sets->rows, chosen, used, arena);
	Sets		some = {.team = alone,.rows = rows,.group = sets->group,.options = sets->options};
	Cuts		cuts = {0};
	bool		groups;

	groups = (k <= LAST_K && AreBeyond(&some, k, k, &cuts, s)) ||
		AreBeyond(&some, FIRST_K, LAST_K, &cuts, s);
	FreeCuts(some.team, &cuts);
	CloseSets(&some);
	pfree(chosen);
	pfree(rows);
	CsTeamEnd(alone);
	CsArenaDestroy(arena);
	return groups;
}

/* Rows that are glanced at, and what is known of them. */
struct CsGlance
{
	Sets		sets;
	void	   *options;
	int			k;				/* their segments */
	bool		few;			/* so few that they are searched in any case */
	bool		begun;			/* some of very many were looked at */
	bool		sure;			/* they have groups for sure */
	CsStructure structure;
};

/* Are more than few rows not to be searched, since they, or some of very many, have groups for sure? */
static bool
HaveGroupsForSure(CsGlance *g, Cuts *cuts)
{
	if (g->begun)
		return g->sure;
	return g->k <= LAST_K && AreBeyond(&g->sets, g->k, g->k, cuts, &g->structure);
}

/*
 * The rating of a glance.  More than few rows are not searched where they have groups for sure.  Where
 * rows are searched, sets are cut into the rows' own number of segments first, and then into that which
 * is the best of a set, where it may have far more.
 */
static CsStructureRating
RateGlance(CsGlance *g)
{
	Sets	   *sets = &g->sets;
	CsStructure *s = &g->structure;
	Cuts		cuts = {0};
	int			set_k;

	if (!g->few && HaveGroupsForSure(g, &cuts))
	{
		FreeCuts(sets->team, &cuts);
		return CS_STRUCTURE_NOT_ASKED;
	}
	s->references = 0;
	Search(sets->team, sets->rows, sets->options, FIRST_K, LAST_K, &cuts, s);
	FreeCuts(sets->team, &cuts);
	if (s->best_k == 0)
		return CS_STRUCTURE_UNKNOWN;
	if (!IsModerate(s, 0, 1) ||
		RateAtOneNumber(sets, s->best_k, OWN_SETS, s) == CS_STRUCTURE_NONE_OR_WEAK)
		return CS_STRUCTURE_NONE_OR_WEAK;
	if (g->few)
	{
		CompareWithReferences(sets, stages[0], s);
		if (IsClear(s))
			return Rate(s);
	}
	SilhouetteOfSet(sets, FIRST_K, LAST_K, 0, &set_k);
	return set_k == 0 ? CS_STRUCTURE_NOT_ASKED : RateAtOneNumber(sets, set_k, GLANCE_SETS, s);
}

/*
 * Begin to judge rows that are cut into k segments, with so little effort that a training hardly takes
 * longer: where there are very many, some of them are looked at, by this process alone: the team may be at
 * work.  The rows and "group" must stay until CsGlanceEnd().  Palloc'd.
 */
CsGlance *
CsGlanceBegin(CsTeam *team, const CsMatrix *rows, const int *group, uint64 seed, int k)
{
	CsGlance   *g = palloc0(sizeof(CsGlance));

	g->options = SearchOptions(seed);
	g->sets = (Sets) {.team = team,.rows = rows,.group = group,.options = g->options};
	g->structure = (CsStructure) {.n_sampled = rows->nrows,.silhouette = NAN,.null_mean = NAN,.null_sd = NAN,.p = NAN,
	.valley_p = 1};
	g->k = k;
	g->few = rows->nrows <= FEW_ROWS;
	g->begun = !g->few && rows->nrows >= 2 * FIRST_ROWS;
	if (g->begun)
		g->sure = HaveSomeGroups(&g->sets, k, &g->structure);
	return g;
}

/*
 * Judge the rows, by the team where more of them have to be searched; the glance is gone then.  The rating
 * is "none or weak" where CsStructureExamine() finds one of the two, and "not asked" where it may find
 * anything else; of few rows it may also be what CsStructureExamine() finds.
 */
CsStructure
CsGlanceEnd(CsGlance *g)
{
	CsStructure s;

	if (g->structure.n_sampled >= LEAST_ROWS)
		g->structure.rating = RateGlance(g);
	s = g->structure;
	if (s.rating == CS_STRUCTURE_NONE_OR_WEAK || s.rating == CS_STRUCTURE_NOT_ASKED)
		s.p = NAN;				/* that of one number of segments, or of too few sets */
	CloseSets(&g->sets);
	pfree(g->options);
	pfree(g);
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
	if (s->references == 0)
		return psprintf("None or weak structure: the silhouette is %.2f at best. custseg.clusterability() compares with rows without groups.",
						s->silhouette);
	return psprintf("None or weak structure: the silhouette is %.2f, and in %s of rows without groups it is at least %.2f on average. custseg.clusterability() compares with more of them.",
					s->silhouette, CsWordsCount(s->references, "set", "sets"), s->null_mean);
}

/* The sentence of rows of which it remains open. */
static char *
NotAskedSentence(const CsStructure *s)
{
	if (s->references == 0)
		return pstrdup("It was not asked whether there are groups: the training holds a sample of the rows, or the memory for it is short. custseg.clusterability() asks.");
	return psprintf("It was not asked in full whether there are groups: the silhouette of %d segments is %.2f, and in %s of rows without groups it is at least %.2f on average. custseg.clusterability() asks more.",
					s->best_k, s->silhouette, CsWordsCount(s->references, "set", "sets"), s->null_mean);
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
