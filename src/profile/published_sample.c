/*
 * published_sample.c
 *	  What a publication tells of a sample of the customers: silhouettes by segment, and where customers lie on the first
 *	  components.  Nobody is named.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "profile/publish.h"
#include "stat/stat.h"

#define SILHOUETTE_SEED 42
#define QUANTILES 101
#define COMPONENTS 3

/* A sample as a matrix on a team. */
typedef struct Rows
{
	CsArena    *arena;
	CsMatrix   *matrix;
	CsTeam	   *team;
} Rows;

/* Open a matrix of rows of d columns, which "fill" makes of those of the sample. */
static Rows
OpenRows(const CsScorer *scorer, const CsPortraitSample *sample, int d,
		 void (*fill) (const CsScorer *scorer, const double *raw, double *row, double *work))
{
	int			width = CsScorerPipeline(scorer)->nfeatures;
	double	   *row = palloc(sizeof(double) * Max(d, 1));
	double	   *work = palloc(sizeof(double) * CsPipelineWork(CsScorerPipeline(scorer), 1));
	Rows		r = {.matrix = CsMatrixCreate(d)};

	r.arena = CsArenaCreate(CsTeamWorkersFor((int64) sample->n * d) > 0);
	for (int i = 0; i < sample->n; i++)
	{
		CsCheckInterrupts(i);
		if (i % CS_BLOCK_ROWS == 0)
			CsMatrixGrow(r.matrix, r.arena);
		r.matrix->nrows++;
		fill(scorer, sample->rows + (Size) i * width, row, work);
		CsMatrixPutRow(r.matrix, r.arena, i, row);
	}
	pfree(row);
	pfree(work);
	return r;
}

/* Let the team work on the rows. */
static void
StartTeam(Rows *r)
{
	r->team = CsTeamStart(r->arena, CsTeamWorkersFor(r->matrix->nrows * r->matrix->ncolumns));
}

/* A customer in model space: it has been placed, so it can be prepared. */
static void
Prepare(const CsScorer *scorer, const double *raw, double *row, double *work)
{
	if (!CsPipelineApply(CsScorerPipeline(scorer), raw, 1, 1, row, 1, work))
		elog(ERROR, "a customer of the sample cannot be prepared");
}

/* Likewise before components are taken. */
static void
Scale(const CsScorer *scorer, const double *raw, double *row, double *work)
{
	if (!CsPipelineScale(CsScorerPipeline(scorer), raw, 1, 1, row, 1, work))
		elog(ERROR, "a customer of the sample cannot be scaled");
}

/* The silhouettes of the sample; the scorer's first segment is noise, where it has some, and has none. */
static CsSilhouette *
Measure(Rows *r, const CsScorer *scorer, const CsPortraitSample *sample)
{
	int			noise = scorer->has_noise ? 1 : 0;
	int			labels = CsArenaAlloc(r->arena, sizeof(int32) * Max(sample->n, 1));
	int32	   *label = CsArenaAddress(r->arena, labels);
	CsSilhouette *s;

	for (int i = 0; i < sample->n; i++)
		label[i] = sample->segments[i] - noise;
	StartTeam(r);
	s = CsSilhouetteOfRows(r->team, r->matrix, labels, scorer->nsegments - noise, sample->n, SILHOUETTE_SEED);
	CsTeamEnd(r->team);
	return s;
}

/* The widths of a segment, ascending; palloc'd.  *n: how many. */
static double *
WidthsOf(const CsSilhouette *s, const CsPortraitSample *sample, int segment, int64 *n)
{
	double	   *widths = palloc(sizeof(double) * Max(s->used, 1));
	double	   *scratch = palloc(sizeof(double) * Max(s->used, 1));

	*n = 0;
	for (int64 i = 0; i < s->used; i++)
	{
		if (sample->segments[s->row[i]] == segment && !isnan(s->width[i]))
			widths[(*n)++] = s->width[i];
	}
	CsSortDoubles(widths, *n, scratch);
	pfree(scratch);
	return widths;
}

/* The row of a segment. */
static void
PushSilhouette(JsonbParseState **json, const CsScorerSegment *segment, const char *name, const double *widths, int64 n,
			   bool is_hidden)
{
	double		quantiles[QUANTILES];
	CsMoments	moments = {0};
	int64		negative = 0;

	CsMomentsAdd(&moments, widths, n);
	while (negative < n && widths[negative] < 0)
		negative++;
	for (int q = 0; q < QUANTILES; q++)
		quantiles[q] = CsQuantileSorted(widths, n, (double) q / (QUANTILES - 1));
	CsJsonObject(json, NULL);
	CsJsonInteger(json, "segment", segment->segment);
	CsJsonText(json, "name", name);
	CsJsonInteger(json, "n", n);
	if (is_hidden)
	{
		CsJsonNull(json, "mean");
		CsJsonNull(json, "n_negative");
		CsJsonNull(json, "quantiles");
		CsJsonBool(json, "is_small", true);
	}
	else
	{
		CsJsonNumber(json, "mean", CsMomentsMean(&moments));
		CsJsonInteger(json, "n_negative", negative);
		CsJsonNumbers(json, "quantiles", quantiles, QUANTILES, 1);
	}
	(void) CsJsonEnd(json);
}

/*
 * The silhouettes of a sample, a row for each segment that has some; NULL where they are not defined, as with one segment.
 * palloc'd.
 */
Jsonb *
CsPublishSilhouettes(const CsScorer *scorer, const CsPortraitSample *sample, const bool *hidden)
{
	const CsScorerSegment *segments = CsScorerSegments(scorer);
	Rows		rows = OpenRows(scorer, sample, scorer->ncolumns, Prepare);
	CsSilhouette *s = Measure(&rows, scorer, sample);
	JsonbParseState *json = NULL;
	bool		is_defined = s->row != NULL && !isnan(s->mean);

	CsArenaDestroy(rows.arena);
	if (!is_defined)
		return NULL;
	CsJsonArray(&json, NULL);
	for (int g = 0; g < scorer->nsegments; g++)
	{
		int64		n;
		double	   *widths = WidthsOf(s, sample, g, &n);

		if (n > 0)
			PushSilhouette(&json, &segments[g], CsScorerAt(scorer, char, segments[g].name), widths, n, hidden[g]);
		pfree(widths);
	}
	return CsJsonFinish(&json);
}

/* The components, each with its share of the variance and the loadings of the columns. */
static void
PushComponents(JsonbParseState **json, const CsComponents *c, char **names)
{
	double		sum = 0;

	CsJsonArray(json, "components");
	for (int i = 0; i < Min(c->d, COMPONENTS); i++)
	{
		sum += c->variance[i];
		CsJsonObject(json, NULL);
		CsJsonText(json, "component", psprintf("PC%d", i + 1));
		CsJsonNumber(json, "variance_ratio", c->variance[i] / c->total);
		CsJsonNumber(json, "cumulative_ratio", Min(sum / c->total, 1));
		CsJsonObject(json, "loadings");
		for (int j = 0; j < c->d; j++)
			CsJsonNumber(json, names[j], c->vectors[(Size) i * c->d + j]);
		(void) CsJsonEnd(json);
		(void) CsJsonEnd(json);
	}
	(void) CsJsonEnd(json);
}

/* A coordinate, to a thousandth. */
static double
Coordinate(const CsComponents *c, int component, const double *mean, const double *row)
{
	const double *vector = c->vectors + (Size) component * c->d;
	double		sum = 0;

	for (int j = 0; j < c->d; j++)
		sum += vector[j] * (row[j] - mean[j]);
	return rint(sum * 1000) / 1000 + 0.0;
}

/* Customers as points, with their segments; those of hidden segments are left out. */
static void
PushPoints(JsonbParseState **json, const CsScorer *scorer, const CsPortraitSample *sample, const CsComponents *c,
		   const double *mean, const bool *hidden)
{
	const CsPipeline *p = CsScorerPipeline(scorer);
	double	   *row = palloc(sizeof(double) * Max(c->d, 1));
	double	   *work = palloc(sizeof(double) * CsPipelineWork(p, 1));

	CsJsonArray(json, "points");
	for (int i = 0; i < sample->n; i++)
	{
		if (hidden[sample->segments[i]])
			continue;
		Scale(scorer, sample->rows + (Size) i * p->nfeatures, row, work);
		CsJsonArray(json, NULL);
		for (int k = 0; k < COMPONENTS; k++)
			CsJsonNumber(json, NULL, k < c->d ? Coordinate(c, k, mean, row) : 0);
		CsJsonInteger(json, NULL, CsScorerSegments(scorer)[sample->segments[i]].segment);
		(void) CsJsonEnd(json);
	}
	(void) CsJsonEnd(json);
}

/*
 * Customers of a sample on the first components of the prepared features, which those of another one, mostly larger,
 * have; and the components.  NULL where nothing varies.  palloc'd.
 */
Jsonb *
CsPublishProjection(const CsScorer *scorer, const CsPortraitSample *sample, const CsPortraitSample *points,
					const bool *hidden)
{
	const CsPipeline *p = CsScorerPipeline(scorer);
	Rows		rows = OpenRows(scorer, sample, p->nscaled, Scale);
	CsCovariance covariance;
	CsComponents components;
	JsonbParseState *json = NULL;

	StartTeam(&rows);
	covariance = CsCovarianceOfRows(rows.team, NULL, rows.matrix);
	CsTeamEnd(rows.team);
	CsArenaDestroy(rows.arena);
	if (sample->n < 2)
		return NULL;
	components = CsComponentsOfCovariance(&covariance);
	if (!(components.total > 0))
		return NULL;
	CsJsonObject(&json, NULL);
	PushComponents(&json, &components, CsPipelineScaledNames(p));
	PushPoints(&json, scorer, points, &components, covariance.mean, hidden);
	return CsJsonFinish(&json);
}
