/*
 * explain.c
 *	  Why a customer is in its segment and not in the next: explain().
 *
 * What speaks against a customer in a segment is a sum over the columns of model space, which the
 * algorithm knows: for nearest centres it is the squared distance to the centre.  The decision
 * hangs on the difference between two such sums, that of the runner-up and that of the own segment,
 * and each feature has its columns' part of it, which speaks for one segment or for the other.  A
 * feature's contribution is the size of its part, divided by the sizes of all: the contributions sum
 * to 1, also for a customer half-way between two segments, where the parts cancel each other.
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

PG_FUNCTION_INFO_V1(custseg_explain);
PG_FUNCTION_INFO_V1(custseg_explain_scorer);

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

/* Each feature's contribution; a mixture may choose the segment that is further away, for its weight. */
static void
ShareMargin(const CsScoring *scoring, const CsAssignment *placed, CsExplanation *result)
{
	const CsPipeline *p = CsScorerPipeline(scoring->scorer);
	const double *own;
	const double *other;
	double		total = 0;

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
		total += fabs(part);
	}
	for (int i = 0; i < p->nfeatures; i++)
		result[i].contribution = total > 0 ? result[i].contribution / total : NAN;
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

/*
 * What is usual in the segment, in the runner-up and overall: a mean, or the share of the customer's
 * level.
 */
static void
FillMeans(const CsScoring *scoring, const CsAssignment *placed, CsExplanation *result)
{
	const CsPipeline *p = CsScorerPipeline(scoring->scorer);
	const double *profile = CsScorerProfile(scoring->scorer, placed->index);
	const double *other = placed->runner_up < 0 ? NULL :
		CsScorerProfile(scoring->scorer, placed->runner_up);
	int			at = 0;			/* in the profiles */

	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];

		result[i].feature = i;
		result[i].raw = scoring->raw[i];
		result[i].contribution = NAN;
		result[i].segment_mean = result[i].runner_up_mean = result[i].overall_mean = NAN;
		if (f->kind != CS_CATEGORICAL)
		{
			result[i].segment_mean = profile[at];
			result[i].runner_up_mean = other == NULL ? NAN : other[at];
			result[i].overall_mean = f->mean;
			at++;
			continue;
		}
		if (!isnan(scoring->raw[i]))
		{
			int			level = (int) scoring->raw[i];

			/* a level that training never saw has a share of 0 in all */
			result[i].segment_mean = level >= 0 ? profile[at + level] : 0;
			result[i].runner_up_mean = other == NULL ? NAN : level >= 0 ? other[at + level] : 0;
			result[i].overall_mean = level >= 0 ? OverallShare(p, f, level) : 0;
		}
		at += f->nlevels;
	}
}

/*
 * Give the lines of features their borders; further borders of a feature, and those of no feature,
 * are lines of their own.  Returns the lines, of which there may be more.
 */
static CsExplanation *
AddBorders(const CsScoring *scoring, CsExplanation *lines, int *nlines)
{
	const CsPipeline *p = CsScorerPipeline(scoring->scorer);
	List	   *borders;
	ListCell   *cell;

	if (scoring->algorithm->borders == NULL)
		return lines;
	borders = scoring->algorithm->borders(&scoring->fitted, p, CsScorerOptions(scoring->scorer), scoring->z);
	lines = repalloc(lines, sizeof(CsExplanation) * (*nlines + list_length(borders) + 1));
	foreach(cell, borders)
	{
		const CsBorder *border = lfirst(cell);
		CsExplanation *line = &lines[*nlines];

		if (border->feature >= 0 && lines[border->feature].border == NULL)
		{
			lines[border->feature].border = border;
			continue;
		}
		if (border->feature >= 0)
			*line = lines[border->feature];
		else
			*line = (CsExplanation) {.feature = -1,.raw = border->value,.contribution = NAN,
			.segment_mean = NAN,.runner_up_mean = NAN,.overall_mean = NAN};
		line->border = border;
		(*nlines)++;
	}
	return lines;
}

/*
 * What has a border first, and of that what speaks most for the segment; without either, and among equals,
 * in the model's order, what is no feature last.
 */
static int
CompareExplanations(const void *a, const void *b)
{
	const CsExplanation *left = a;
	const CsExplanation *right = b;

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

/*
 * The lines of an explanation of where a customer was placed, in order, palloc'd; "n" is set to their
 * number.
 */
CsExplanation *
CsExplain(const CsCallSite *site, const CsAssignment *placed, int *n)
{
	const CsScoring *scoring = &site->scoring;
	CsExplanation *lines;

	*n = CsScorerPipeline(scoring->scorer)->nfeatures;
	lines = palloc0(sizeof(CsExplanation) * *n);
	FillMeans(scoring, placed, lines);
	ShareMargin(scoring, placed, lines);
	lines = AddBorders(scoring, lines, n);
	qsort(lines, *n, sizeof(CsExplanation), CompareExplanations);
	return lines;
}

/* What a line speaks of. */
const char *
CsExplanationName(const CsCallSite *site, const CsExplanation *line)
{
	return line->feature < 0 ? line->border->name :
		NameStr(CsScorerPipeline(site->scoring.scorer)->feature[line->feature].name);
}

/* The customer's value of it as it was given, palloc'd; NULL when it is missing. */
char *
CsExplanationValue(const CsCallSite *site, const CsExplanation *line)
{
	if (line->feature < 0)
		return psprintf("%.15g", line->raw);
	return CsCallSiteText(site, line->feature);
}

/* Put one line into the result. */
static void
PutExplanation(CsResult *result, const CsCallSite *site, const CsAssignment *placed,
			   const CsExplanation *line)
{
	const CsScorer *scorer = site->scoring.scorer;
	const CsScorerSegment *own = &CsScorerSegments(scorer)[placed->index];
	const CsScorerSegment *other = placed->runner_up < 0 ? NULL :
		&CsScorerSegments(scorer)[placed->runner_up];
	const CsBorder *border = line->border;
	CsValue		row[13];
	int			i = 0;

	row[i++] = CsValueInt4(own->segment);
	row[i++] = CsValueText(CsScorerAt(scorer, char, own->name));
	row[i++] = other == NULL ? CsValueNull(INT4OID) : CsValueInt4(other->segment);
	row[i++] = CsValueText(other == NULL ? NULL : CsScorerAt(scorer, char, other->name));
	row[i++] = CsValueText(CsExplanationName(site, line));
	row[i++] = CsValueText(CsExplanationValue(site, line));
	row[i++] = CsValueFloat8(line->segment_mean);
	row[i++] = CsValueFloat8(line->runner_up_mean);
	row[i++] = CsValueFloat8(line->overall_mean);
	row[i++] = CsValueFloat8(fabs(line->contribution));
	row[i++] = line->contribution > 0 ? CsValueInt4(own->segment) :
		line->contribution < 0 ? CsValueInt4(other->segment) : CsValueNull(INT4OID);
	row[i++] = CsValueText(border == NULL ? NULL : border->rule == NULL ? border->condition :
						   psprintf("%s: %s", border->rule, border->condition));
	row[i++] = CsValueFloat8(border == NULL ? NAN : border->margin);
	CsResultPut(result, row, i);
}

/* Put a row for each feature, and a border that decides; none without a call site. */
static void
PutExplanations(CsResult *result, CsCallSite *site)
{
	CsAssignment placed;
	CsExplanation *lines;
	int			nlines;

	if (site == NULL || CsIsDecidedByHand(site) ||
		!CsCallSitePlace(site, &placed,
						 palloc(sizeof(double) * site->scoring.scorer->nsegments)))
		return;
	lines = CsExplain(site, &placed, &nlines);
	for (int i = 0; i < nlines; i++)
		PutExplanation(result, site, &placed, &lines[i]);
}

/* explain(model, customer, version) */
Datum
custseg_explain(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);

	PutExplanations(result, CsCallSiteForModel(fcinfo));
	return (Datum) 0;
}

/* explain(scorer, customer): the same of a model that is given by value */
Datum
custseg_explain_scorer(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);

	PutExplanations(result, CsCallSiteForScorer(fcinfo));
	return (Datum) 0;
}
