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
 *
 * Where rules decide there are no shares.  There the features that the rule speaks of come first, with its
 * conditions and how far inside them the customer is; so do scores, which are no features.
 */
#include "custseg.h"

#include <math.h>

#include "score/score.h"

/* A feature's line of the answer. */
typedef struct Explanation
{
	int			feature;
	bool		has_means;		/* false: the value is of no level */
	double		segment_mean,
				overall_mean;
	double		contribution;	/* NaN without a runner-up or a margin */
	const CsBorder *border;		/* or NULL */
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

/*
 * Give the lines of features their borders; further borders of a feature, and those of no feature,
 * are lines of their own.  Returns the lines, of which there may be more.
 */
static Explanation *
AddBorders(const CsScoring *scoring, Explanation *lines, int *nlines)
{
	const CsPipeline *p = CsScorerPipeline(scoring->scorer);
	List	   *borders;
	ListCell   *cell;

	if (scoring->algorithm->borders == NULL)
		return lines;
	borders = scoring->algorithm->borders(&scoring->fitted, p, CsScorerOptions(scoring->scorer), scoring->z);
	lines = repalloc(lines, sizeof(Explanation) * (*nlines + list_length(borders) + 1));
	foreach(cell, borders)
	{
		const CsBorder *border = lfirst(cell);
		Explanation *line = &lines[*nlines];

		if (border->feature >= 0 && lines[border->feature].border == NULL)
		{
			lines[border->feature].border = border;
			continue;
		}
		if (border->feature >= 0)
			*line = lines[border->feature];
		else
			*line = (Explanation) {.feature = -1,.contribution = NAN};
		line->border = border;
		(*nlines)++;
	}
	return lines;
}

/*
 * Largest contribution first, then what has a border; without either, and among equals, in the
 * model's order, what is no feature last.
 */
static int
CompareExplanations(const void *a, const void *b)
{
	const Explanation *left = a;
	const Explanation *right = b;

	if ((left->border == NULL) != (right->border == NULL))
		return left->border == NULL ? 1 : -1;
	if (left->contribution > right->contribution)
		return -1;
	if (left->contribution < right->contribution)
		return 1;
	if (left->feature != right->feature)
		return (uint32) left->feature < (uint32) right->feature ? -1 : 1;
	return strcmp(left->border == NULL ? "" : left->border->condition,
				  right->border == NULL ? "" : right->border->condition);
}

/* Put one line into the result. */
static void
PutExplanation(CsResult *result, CsCallSite *site, Datum customer, const Explanation *line)
{
	const CsPipeline *p = CsScorerPipeline(site->scoring.scorer);
	const CsBorder *border = line->border;
	char	   *value;

	if (line->feature < 0)
		value = psprintf("%.15g", border->value);
	else
		value = site->is_jsonb ? CsJsonbText(p, DatumGetJsonbP(customer), line->feature) :
			CsBindingText(site->binding, line->feature);
	CsResultPut(result, CsValues(CsValueText(line->feature < 0 ? border->name :
											 NameStr(p->feature[line->feature].name)),
								 CsValueText(value),
								 CsValueFloat8(line->has_means ? line->segment_mean : NAN),
								 CsValueFloat8(line->has_means ? line->overall_mean : NAN),
								 CsValueFloat8(line->contribution),
								 CsValueText(border == NULL ? NULL : border->condition),
								 CsValueFloat8(border == NULL ? NAN : border->margin)));
}

/* explain(model, customer, version): one row a feature, and a border that decides */
Datum
custseg_explain(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsCallSite *site;
	CsAssignment placed;
	Explanation *lines;
	double	   *memberships;
	int			nlines;

	site = CsCallSiteForModel(fcinfo);
	if (site == NULL || CsIsDecidedByHand(site, PG_GETARG_DATUM(CS_PREDICT_CUSTOMER)))
		return (Datum) 0;
	memberships = palloc(sizeof(double) * site->scoring.scorer->nsegments);
	if (!CsCallSitePlace(site, PG_GETARG_DATUM(CS_PREDICT_CUSTOMER), &placed, memberships))
		return (Datum) 0;

	nlines = CsScorerPipeline(site->scoring.scorer)->nfeatures;
	lines = palloc0(sizeof(Explanation) * nlines);
	FillMeans(&site->scoring, placed.index, lines);
	ShareMargin(&site->scoring, &placed, lines);
	lines = AddBorders(&site->scoring, lines, &nlines);
	qsort(lines, nlines, sizeof(Explanation), CompareExplanations);
	for (int i = 0; i < nlines; i++)
		PutExplanation(result, site, PG_GETARG_DATUM(CS_PREDICT_CUSTOMER), &lines[i]);
	return (Datum) 0;
}
