/*
 * clusterability.c
 *	  custseg.clusterability(): do the rows fall into groups at all?
 *
 * Any algorithm finds k segments in anything.  So the best mean silhouette over k = 2..10 (k-means)
 * is compared with what the same search finds in sets of rows that look like the given ones but
 * have no groups (stat/reference.c).  The silhouettes of these sets are a sample of what no groups
 * give; how far the rows' own lies beyond it is judged as a further observation of the same normal
 * law, by Student's t with mean and standard deviation from the sets.
 *
 * Beside being beyond chance, the difference must matter.  The excess is the part of the way from
 * the reference's silhouette to 1 that the rows' own has gone: (s - s0) / (1 - s0).  The levels of
 * the silhouette are those of Kaufman and Rousseeuw (1990): a reasonable structure from 0.5, one
 * that may be artificial up to 0.25.
 *
 * Hopkins' statistic is returned for those who know it, and does not decide: a single normal cloud
 * is no group, but far from evenly spread.
 */
#include "custseg.h"

#include <math.h>

#include "judge/judge.h"
#include "miscadmin.h"
#include "stat/null.h"
#include "stat/summaries.h"
#include "utils/memutils.h"

/* Levels of silhouette, excess and p-value of what is called strong, moderate, or weak. */
#define STRONG_SILHOUETTE 0.5
#define STRONG_EXCESS 0.25
#define MODERATE_SILHOUETTE CS_WEAK_SILHOUETTE
#define MODERATE_EXCESS 0.05
#define GROUPS_P 0.01
#define WEAK_P 0.05

/* Fewer rows say nothing about structure. */
#define LEAST_ROWS 10

typedef struct Asked
{
	CsCommonOptions common;
	int			sample;
	int			references;
} Asked;

static const CsOption clusterability_options[] = {
	CS_SEED_OPTION(Asked, common.seed),
	{"sample", CS_OPTION_INT, offsetof(Asked, sample), 2000, 100, 20000},
	{"references", CS_OPTION_INT, offsetof(Asked, references), 20, 5, 1000},
};

typedef enum Structure
{
	UNKNOWN, NONE, WEAK, MODERATE, STRONG
} Structure;

static const char *const structure_names[] = {NULL, "none", "weak", "moderate", "strong"};

typedef struct Finding
{
	int64		n_rows;
	int64		n_sampled;
	double		hopkins;
	double		hopkins_p;
	int			best_k;			/* 0: no silhouette is defined */
	double		silhouette;
	double		null_mean;		/* of the references' silhouettes */
	double		null_sd;
	double		p;
} Finding;

PG_FUNCTION_INFO_V1(custseg_clusterability);

/* Options of the k-means that is run, as "asked", json or NULL, differs from the defaults. */
static void *
SearchOptions(const char *asked, int64 seed)
{
	const CsAlgorithm *algorithm = CsUsualAlgorithm();
	void	   *options = palloc0(algorithm->options_size);

	CsOptionsParse(algorithm->options, algorithm->noptions,
				   asked == NULL ? NULL : CsJsonbFromText(asked), options);
	((CsCommonOptions *) options)->seed = seed;
	return options;
}

/* Bytes beside the prepared rows. */
static Size
ClusterabilityMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	const Asked *asked = t->judging;
	int64		n = Min(nrows, asked->sample);
	Size		rows = mul_size(sizeof(double) * (n + CS_BLOCK_ROWS), ncolumns);
	void	   *options = SearchOptions(NULL, asked->common.seed);
	Size		size;

	/* the sample, a set while it is drawn, and the points of Hopkins' statistic */
	size = add_size(mul_size(rows, 3), CsReferenceMemory(n, ncolumns));
	size = add_size(size, CsUsualAlgorithm()->memory(n, ncolumns, CS_LAST_K, options));
	pfree(options);
	return add_size(size, CsSilhouetteMemory(n, ncolumns, CS_LAST_K));
}

/*
 * The highest mean silhouette over the numbers of segments, the lower number on ties; *best_k is
 * that number.  NaN and 0 when none is defined, as for rows that are all the same.
 */
static double
BestSilhouette(CsTeam *team, const CsMatrix *rows, const void *options, int *best_k)
{
	CsArena    *arena = CsTeamArena(team);
	int			last = (int) Min(CS_LAST_K, rows->nrows - 1);
	double		best = NAN;

	*best_k = 0;
	for (int k = CS_FIRST_K; k <= last; k++)
	{
		CsFitInput	in = {.team = team,.matrix = rows,.weights = -1,.k = k,.options = options};
		CsFitOutput out;
		double		silhouette;
		int64		used;

		CHECK_FOR_INTERRUPTS();
		CsUsualAlgorithm()->fit(&in, &out);
		silhouette = CsSilhouetteSample(team, rows, out.labels, out.k, rows->nrows,
										(uint64) ((const CsCommonOptions *) options)->seed, &used);
		CsArenaFree(arena, out.labels);
		if (silhouette > best || (isnan(best) && !isnan(silhouette)))
		{
			best = silhouette;
			*best_k = k;
		}
		if (out.k < k)
			break;				/* no more distinct rows */
	}
	return best;
}

/* For each column of model space the first one of the category it belongs to, or -1; palloc'd. */
static int *
CategoryColumns(const CsPipeline *p)
{
	int		   *group = palloc(sizeof(int) * p->noutputs);

	for (int j = 0; j < p->noutputs; j++)
		group[j] = -1;
	for (int i = 0; i < p->nfeatures && p->ncomponents == 0; i++)
	{
		const CsFeature *f = &p->feature[i];

		if (f->kind != CS_CATEGORICAL || f->encode != CS_ENCODE_ONEHOT)
			continue;
		for (int j = 0; j < f->noutputs; j++)
			group[f->first_output + j] = f->first_output;
	}
	return group;
}

/*
 * What the search finds in rows without groups, and how unlikely these make what it found in the rows'
 * own.  Fills in mean, standard deviation and p.
 */
static void
CompareWithReferences(CsTraining *t, CsTeam *team, const void *options, int references,
					  Finding *f)
{
	uint64		seed = (uint64) t->common->seed;
	CsReference *reference = CsReferenceFit(team, t->matrix, CategoryColumns(t->pipeline));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg reference",
												  ALLOCSET_DEFAULT_SIZES);
	double	   *found = palloc(sizeof(double) * references);

	for (int i = 0; i < references; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		int			k;
		double		silhouette = BestSilhouette(team, CsReferenceDraw(team, reference, seed, i),
												options, &k);

		/* rows that are all the same are in no groups */
		found[i] = isnan(silhouette) ? 0 : silhouette;
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	CsReferenceFree(team, reference);
	CsMeanOfFew(found, references, &f->null_mean, &f->null_sd);
	f->p = CsFurtherUpper(f->silhouette, f->null_mean, f->null_sd, references);
	pfree(found);
}

/* All that is found out, in the training's memory. */
static Finding
Examine(CsTraining *t, CsTeam *team, const Asked *asked)
{
	/* a few starts do, for every set of rows gets the same */
	void	   *options = SearchOptions("{\"n_init\": 3}", t->common->seed);
	Finding		f = {.n_rows = t->matrix->nrows,.null_mean = NAN,.null_sd = NAN,.p = NAN};

	CsJudgeSample(t, asked->sample);
	f.n_sampled = t->matrix->nrows;
	f.hopkins = CsHopkins(team, t->matrix, (uint64) t->common->seed, &f.hopkins_p);
	f.silhouette = BestSilhouette(team, t->matrix, options, &f.best_k);
	if (f.best_k > 0 && f.n_sampled >= LEAST_ROWS)
		CompareWithReferences(t, team, options, asked->references, &f);
	return f;
}

static Structure
Judge(const Finding *f)
{
	double		excess;

	if (isnan(f->p))
		return UNKNOWN;
	excess = (f->silhouette - f->null_mean) / (1 - f->null_mean);
	if (f->p <= GROUPS_P && f->silhouette >= STRONG_SILHOUETTE && excess >= STRONG_EXCESS)
		return STRONG;
	if (f->p <= GROUPS_P && f->silhouette >= MODERATE_SILHOUETTE && excess >= MODERATE_EXCESS)
		return MODERATE;
	return f->p <= WEAK_P ? WEAK : NONE;
}

/* The finding in words, palloc'd. */
static char *
Sentence(const Finding *f, Structure structure)
{
	switch (structure)
	{
		case STRONG:
			return psprintf("Strong structure: the rows form %d well-separated groups. Their silhouette is %.2f; rows without groups would have %.2f.",
							f->best_k, f->silhouette, f->null_mean);
		case MODERATE:
			return psprintf("Moderate structure: the rows form %d groups that overlap. Their silhouette is %.2f; rows without groups would have %.2f. custseg.stability() shows which groups are reproducible.",
							f->best_k, f->silhouette, f->null_mean);
		case WEAK:
			return psprintf("Weak structure: the silhouette is %.2f; rows without groups would have %.2f. The groups run into each other, so rules, such as RFM scores or quantiles, serve better here than clusters.",
							f->silhouette, f->null_mean);
		case NONE:
			return psprintf("No structure found: the silhouette is %.2f. Rows without groups have %.2f on average, and reach %.2f with a probability of %.2f. Rules, such as RFM scores or quantiles, serve better here than clusters.",
							f->silhouette, f->null_mean, f->silhouette, f->p);
		default:
			return pstrdup("There are too few rows, or too few distinct rows, to tell.");
	}
}

/* The row of the result. */
static void
PutFinding(CsResult *result, const Finding *f)
{
	Structure	structure = Judge(f);

	CsResultPut(result, CsValues(CsValueInt8(f->n_rows), CsValueInt8(f->n_sampled),
								 CsValueFloat8(f->hopkins), CsValueFloat8(f->hopkins_p),
								 f->best_k == 0 ? CsValueNull(INT4OID) : CsValueInt4(f->best_k),
								 CsValueFloat8(f->silhouette), CsValueFloat8(f->null_mean),
								 CsValueFloat8(f->null_sd), CsValueFloat8(f->p),
								 CsValueText(structure == UNKNOWN ? NULL : structure_names[structure]),
								 CsValueText(Sentence(f, structure))));
}

/*
 * clusterability(source, features, prep, options)
 */
Datum
custseg_clusterability(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Asked		asked = {0};
	CsRequest	request;
	CsTraining *t;
	CsTeam	   *team;
	Finding		finding;

	request = CsJudgingRequest(fcinfo, "custseg.clusterability()", clusterability_options,
							   lengthof(clusterability_options), &asked);
	request.measures = ClusterabilityMemory;
	t = CsTrainingOpen(&request);
	team = CsTrainingPrepare(t);
	finding = Examine(t, team, &asked);
	CsTeamEnd(team);
	PutFinding(result, &finding);
	CsTrainingClose(t);
	return (Datum) 0;
}
