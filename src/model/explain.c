/*
 * explain.c
 *	  Why a customer is in its segment and not in the next: explain().
 *
 * What speaks against a customer in a segment is a sum over the columns of model space, which the
 * algorithm knows: for nearest centres it is the squared distance to the centre.  The decision
 * hangs on the margin, what speaks against the runner-up minus what speaks against the own segment;
 * each feature has its columns' share of it.  Shares sum to 1; a negative one speaks for the
 * runner-up.
 *
 * A model with PCA measures between components, which belong to no one feature.  There customer and
 * segment are taken back to the space before PCA, mean + components' * z, and so is what pulls them
 * apart.  Since components are orthonormal, the sum over those columns is the same number.
 */
#include "custseg.h"

#include <math.h>

#include "funcapi.h"
#include "model/model.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* A feature's line of the answer. */
typedef struct Explanation
{
	int			feature;
	bool		has_means;		/* false: the value is of no level */
	double		segment_mean,
				overall_mean;
	double		contribution;	/* NaN without a runner-up or a margin */
} Explanation;

PG_FUNCTION_INFO_V1(custseg_explain);

/*
 * A vector of model space in the space before PCA, palloc'd: a difference, or a point, which has
 * the mean added.
 */
static double *
BeforePca(const CsPipeline *p, const double *z, bool is_point)
{
	const double *components = CsPipelineAt(p, double, p->pca_offset);
	double	   *result = palloc0(sizeof(double) * p->nscaled);

	if (p->ncomponents == 0)
		return memcpy(result, z, sizeof(double) * p->nscaled);
	if (is_point)
		memcpy(result, CsPipelineAt(p, double, p->pca_mean_offset), sizeof(double) * p->nscaled);
	for (int c = 0; c < p->ncomponents; c++)
	{
		for (int j = 0; j < p->nscaled; j++)
			result[j] += components[(Size) c * p->nscaled + j] * z[c];
	}
	return result;
}

/* What each column before PCA says against the customer in a segment, palloc'd. */
static double *
CostOfSegment(const CsScoring *scoring, int segment)
{
	const CsPipeline *p = CsScorerPipeline(scoring->scorer);
	double	   *point = palloc(sizeof(double) * p->noutputs);
	double	   *pull = palloc(sizeof(double) * p->noutputs);
	double	   *result;

	if (scoring->algorithm->explain == NULL)
		CsExplainNearest(&scoring->fitted, scoring->z, segment, point, pull);
	else
		scoring->algorithm->explain(&scoring->fitted, scoring->z, segment, point, pull);
	result = BeforePca(p, scoring->z, true);
	point = BeforePca(p, point, true);
	pull = BeforePca(p, pull, false);
	for (int j = 0; j < p->nscaled; j++)
		result[j] = (result[j] - point[j]) * pull[j];
	return result;
}

/*
 * Each feature's share of the margin.  A mixture may choose the segment that is further away, for
 * its weight; then the shares sum to -1, and still a positive one speaks for the segment.
 */
static void
ShareMargin(const CsScoring *scoring, const CsAssignment *placed, Explanation *result)
{
	const CsPipeline *p = CsScorerPipeline(scoring->scorer);
	const double *own;
	const double *other;
	double		margin = 0;

	if (placed->runner_up < 0)
		return;
	own = CostOfSegment(scoring, placed->index);
	other = CostOfSegment(scoring, placed->runner_up);
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		double		part = 0;

		for (int j = f->first_output; j < f->first_output + f->noutputs; j++)
			part += other[j] - own[j];
		result[i].contribution = part;
		margin += part;
	}
	for (int i = 0; i < p->nfeatures; i++)
		result[i].contribution = margin != 0 ? result[i].contribution / fabs(margin) : NAN;
}

/* Share of a level in the training's rows. */
static double
OverallShare(const CsPipeline *p, const CsFeature *f, int level)
{
	const CsLevel *levels = CsFeatureLevels(p, f);
	double		rows = 0;

	for (int i = 0; i < f->nlevels; i++)
		rows += (double) levels[i].count;
	return rows > 0 ? (double) levels[level].count / rows : 0;
}

/* What is usual in the segment and overall: a mean, or the share of the customer's level. */
static void
FillMeans(const CsScoring *scoring, int segment, Explanation *result)
{
	const CsPipeline *p = CsScorerPipeline(scoring->scorer);
	const double *profile = CsScorerProfile(scoring->scorer, segment);

	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];

		result[i].feature = i;
		result[i].contribution = NAN;
		if (f->kind != CS_CATEGORICAL)
		{
			result[i].has_means = true;
			result[i].segment_mean = *profile++;
			result[i].overall_mean = f->mean;
			continue;
		}
		if (!isnan(scoring->raw[i]))
		{
			int			level = (int) scoring->raw[i];

			/* a level that training never saw has a share of 0 in both */
			result[i].has_means = true;
			result[i].segment_mean = level >= 0 ? profile[level] : 0;
			result[i].overall_mean = level >= 0 ? OverallShare(p, f, level) : 0;
		}
		profile += f->nlevels;
	}
}

/* Largest contribution first; without contributions, and among equals, in the model's order. */
static int
CompareExplanations(const void *a, const void *b)
{
	const Explanation *left = a;
	const Explanation *right = b;

	if (left->contribution > right->contribution)
		return -1;
	if (left->contribution < right->contribution)
		return 1;
	return left->feature - right->feature;
}

/* Put one line into the result. */
static void
PutExplanation(ReturnSetInfo *rsinfo, CsCallSite *site, Datum customer, const Explanation *line)
{
	const CsPipeline *p = CsScorerPipeline(site->scoring.scorer);
	char	   *value = site->is_jsonb ?
		CsJsonbText(p, DatumGetJsonbP(customer), line->feature) :
		CsBindingText(site->binding, line->feature);
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = CStringGetTextDatum(NameStr(p->feature[line->feature].name));
	if (value != NULL)
		values[1] = CStringGetTextDatum(value);
	nulls[1] = value == NULL;
	values[2] = Float8GetDatum(line->segment_mean);
	values[3] = Float8GetDatum(line->overall_mean);
	nulls[2] = nulls[3] = !line->has_means;
	values[4] = Float8GetDatum(line->contribution);
	nulls[4] = isnan(line->contribution);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* explain(model, customer, version): one row a feature */
Datum
custseg_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CsCallSite *site;
	CsAssignment placed;
	Explanation *lines;
	double	   *memberships;
	int			nlines;

	InitMaterializedSRF(fcinfo, 0);
	site = CsCallSiteForModel(fcinfo);
	if (site == NULL)
		return (Datum) 0;
	memberships = palloc(sizeof(double) * site->scoring.scorer->nsegments);
	if (!CsCallSitePlace(site, PG_GETARG_DATUM(1), &placed, memberships))
		return (Datum) 0;

	nlines = CsScorerPipeline(site->scoring.scorer)->nfeatures;
	lines = palloc0(sizeof(Explanation) * nlines);
	FillMeans(&site->scoring, placed.index, lines);
	ShareMargin(&site->scoring, &placed, lines);
	qsort(lines, nlines, sizeof(Explanation), CompareExplanations);
	for (int i = 0; i < nlines; i++)
		PutExplanation(rsinfo, site, PG_GETARG_DATUM(1), &lines[i]);
	return (Datum) 0;
}
