/*
 * summary.c
 *	  The pipeline fitted to columns of which only summaries are known.
 *
 * All steps but encoding are monotone.  So what they give is known by ranks, too: filling inserts copies of
 * one value, and clipping and transforming take the value at a rank to what it becomes.  A step that asks
 * for a rank which is not known yet gets NaN, the question is noted (order.c), and the column is fitted
 * again when a pass has answered.  Moments are needed of the values that are there, and where values are
 * clipped or transformed, once more of what comes of it.
 */
#include "custseg.h"

#include "call/call.h"
#include "math/math.h"
#include "miscadmin.h"
#include "prep/internal.h"
#include "prep/order.h"
#include "prep/summary.h"

/* The part of memory that placed values of all columns may take, as far as no more are needed. */
#define PLACED_SHARE 8

/* A column of numbers, as far as it is known. */
typedef struct Column
{
	CsOrder    *order;			/* of the values that are there; NULL: it has no numbers */
	double		mode;
	bool		has_moments;	/* of these */
	bool		has_steps;		/* of what clipping and transforming makes of them */
	bool		has_points;		/* of the baseline's quantiles some are known, and the others are NaN */
	CsColumnMoments moments,
				steps;
	double	   *sample;			/* sorted values of the sample; NULL once nothing asks for them */
	int64		nsample;
	double		sample_mean;

	/* of the fit at hand */
	bool		asks;			/* something is not known */
	bool		asks_steps;		/* moments of the steps are all that is not known */
	int64		nmissing;		/* that are filled */
	int64		below;			/* values below what they are filled with */
	double		fill,
				low,
				high;
	const CsTransform *transform;
	double	   *fitted;
	int			nfitted;
} Column;

struct CsSummary
{
	CsFitState	s;
	Column	   *columns;
	CsRankQuery *queries;		/* of the plan at hand, one for each feature that is a number */
	int			nqueries;
	double	   *middle,			/* of its moments, one for each feature */
			   *reach;
};

/* Does a column become a number that is fitted? */
static inline bool
IsNumber(const CsSummary *s, int column)
{
	const CsColumnSpec *spec = CsFitSpec(&s->s, column);

	return CsEncodesNumber(spec->kind, spec->prep.encode);
}

/* The order and the moments of a category that is encoded as a number: its levels tell all. */
static void
SummarizeLevels(CsSummary *s, int column)
{
	const CsColumnSpec *spec = CsFitSpec(&s->s, column);
	const CsLevelPart *levels = s->s.parts.levels[column];
	Column	   *c = &s->columns[column];
	int64		n = 0;
	double		sum = 0,
				squares = 0;
	CsOrder    *order = CsOrderCreate(0, 0, 0, 0, 0, PG_INT64_MAX);

	order->placed = palloc(sizeof(CsPlaced) * Max(spec->nlevels, 1));
	order->nrounds = 1;
	/* levels that share a number are one value */
	for (double value = -1; n < s->s.nrows;)
	{
		double		next = INFINITY;
		int64		rows = 0;

		for (int l = 0; l < spec->nlevels; l++)
			if (levels[l].count > 0 && spec->value[l] > value)
				next = Min(next, spec->value[l]);
		if (isinf(next))
			break;
		for (int l = 0; l < spec->nlevels; l++)
			rows += spec->value[l] == next ? levels[l].count : 0;
		order->placed[order->nplaced++] = (CsPlaced) {next, n, n + rows, true};
		sum += next * (double) rows;
		n += rows;
		value = next;
	}
	order->n = n;
	for (int64 i = 0; i < order->nplaced; i++)
	{
		double		off = order->placed[i].value - sum / (double) n;

		squares += off * off * (double) (order->placed[i].up_to - order->placed[i].below);
	}
	c->order = order;
	c->moments = (CsColumnMoments) {n, sum / (double) n, sqrt(squares / (double) n)};
	c->has_moments = true;
}

/* Fill the codes' table of a category, from which its levels are chosen. */
static void
TakeCounts(CsSummary *s, int column, const CsColumnSurvey *survey)
{
	const CsColumnSpec *spec = CsFitSpec(&s->s, column);
	CsCodeCell *table = CsFitTable(&s->s, column);

	for (int code = 0; code < spec->ncodes; code++)
		table[code].count = survey->counts[code];
	table[spec->ncodes].count = survey->n_null;
}

/*
 * Start to fit columns of so many rows, by what a survey has told of each; palloc'd.  Chooses the levels of
 * categories.  "baselines" has room for one a column, and all that is given must outlive the summary.
 */
CsSummary *
CsSummaryCreate(CsArena *arena, int64 nrows, const CsColumn *columns, CsDictionary **dictionaries,
				const CsPrep *prep, const CsColumnSurvey *surveys, CsBaseline *baselines)
{
	CsSummary  *s = palloc0(sizeof(CsSummary));
	int			ncolumns = prep->ncolumns;
	int64		placed = (int64) (CsMemoryLimit() / PLACED_SHARE / sizeof(CsPlaced) / Max(ncolumns, 1));

	s->s = (CsFitState) {.arena = arena,.nrows = nrows,.columns = columns,.dictionaries = dictionaries,
	.prep = prep,.baselines = baselines};
	CsFitStart(&s->s);
	s->columns = palloc0(sizeof(Column) * ncolumns);
	s->queries = palloc0(sizeof(CsRankQuery) * ncolumns);
	s->middle = palloc0(sizeof(double) * ncolumns);
	s->reach = palloc0(sizeof(double) * ncolumns);
	for (int i = 0; i < ncolumns; i++)
		if (columns[i].converter.kind == CS_CATEGORICAL)
			TakeCounts(s, i, &surveys[i]);
	CsFitLevels(&s->s);
	for (int i = 0; i < ncolumns; i++)
	{
		Column	   *c = &s->columns[i];

		c->mode = surveys[i].mode;
		c->fill = c->low = c->high = NAN;
		/* before a pass adds up what has no sum */
		if (surveys[i].n_infinite > 0)
			CsRejectInfinite(NameStr(columns[i].name), CsVectorWidth(&columns[i]), surveys[i].n_infinite);
		if (columns[i].converter.kind != CS_CATEGORICAL)
			c->order = CsOrderOfColumns(surveys[i].n_values, surveys[i].lowest, surveys[i].highest, ncolumns, placed);
		else if (IsNumber(s, i))
			SummarizeLevels(s, i);
	}
	return s;
}

/* The pipeline as far as it is known, before scaling: levels, and what the last fit found.  Palloc'd. */
const CsPipeline *
CsSummaryPipeline(CsSummary *s)
{
	CsPipelineParts parts = s->s.parts;
	int			n = parts.nfeatures;

	parts.features = palloc(sizeof(CsFeature) * n);
	parts.fitted = palloc0(sizeof(double *) * n);
	for (int i = 0; i < n; i++)
	{
		const Column *c = &s->columns[i];
		CsFeature  *f = &parts.features[i];

		*f = s->s.parts.features[i];
		f->nlevels = CsFitSpec(&s->s, i)->nlevels;
		if (f->impute == CS_IMPUTE_KNN || (CsEncodesNumber(f->kind, f->encode) && (isnan(c->fill) || !c->has_moments)))
		{
			f->impute = CS_IMPUTE_ERROR;	/* nothing is filled */
			f->neighbors = 0;
		}
		else if (CsEncodesNumber(f->kind, f->encode))
			f->fill = c->fill;
		f->scale = CS_SCALE_NONE;
		if (f->kind == CS_CATEGORICAL)
			continue;
		if (isnan(c->low) || !c->has_moments)
			f->clip = CS_CLIP_NONE;
		else
		{
			f->low = c->low;
			f->high = c->high;
		}
		if (c->transform == NULL)
			f->transform = CS_TRANSFORM_NONE;
		else
		{
			f->nfitted = c->nfitted;
			parts.fitted[i] = c->fitted;
		}
	}
	(void) CsPartsNumberOutputs(&parts);
	return CsPipelineAssemble(&parts);
}

/* Keep the sorted values of a sample: raw values of the features, one column each. */
void
CsSummarySample(CsSummary *s, CsMatrix *raw)
{
	double	   *scratch = palloc_extended(sizeof(double) * Max(raw->nrows, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < s->s.prep->ncolumns; i++)
	{
		Column	   *c = &s->columns[i];
		double		sum = 0;

		if (s->s.columns[i].converter.kind == CS_CATEGORICAL)
			continue;
		c->sample = palloc_extended(sizeof(double) * Max(raw->nrows, 1), MCXT_ALLOC_HUGE);
		for (int64 r = 0; r < raw->nrows; r++)
		{
			double		x = *(CsMatrixRow(raw, s->s.arena, r) + (Size) i * CS_BLOCK_ROWS);

			CsCheckInterrupts(r);
			if (isfinite(x))
				c->sample[c->nsample++] = x;
		}
		CsSortDoubles(c->sample, c->nsample, scratch);
		for (int64 r = 0; r < c->nsample; r++)
			sum += c->sample[r] / (double) c->nsample;
		c->sample_mean = sum;
	}
	pfree(scratch);
}

/* Replace the codes of categories in a raw matrix by level numbers, as CsPipelineFit() does. */
void
CsSummaryRecode(const CsSummary *s, CsMatrix *raw)
{
	for (int i = 0; i < s->s.prep->ncolumns; i++)
	{
		const CsCodeCell *table = CsFitTable(&s->s, i);
		int			ncodes = CsFitSpec(&s->s, i)->ncodes;

		if (s->s.columns[i].converter.kind != CS_CATEGORICAL)
			continue;
		for (int64 r = 0; r < raw->nrows; r++)
		{
			double	   *x = CsMatrixRow(raw, s->s.arena, r) + (Size) i * CS_BLOCK_ROWS;

			CsCheckInterrupts(r);
			*x = table[isnan(*x) ? ncodes : Min((int) *x, ncodes - 1)].level;
		}
	}
}

/* CsNumbers.at: of the values that are there. */
static double
AtRaw(void *state, int64 rank)
{
	Column	   *c = state;
	double		value = NAN;

	if (!CsOrderAt(c->order, rank, &value))
		c->asks = true;
	return value;
}

/* The numbers of a column, as far as its fit at hand has come. */
static CsNumbers
NumbersOf(Column *c)
{
	return (CsNumbers) {
		.n = c->order->n + c->nmissing,
		.nvalues = c->order->n,
		.mean = c->moments.mean,
		.sd = c->moments.sd,
		.at = AtRaw,
		.state = c,
		.mode = c->mode,
		.fill = c->fill,
		.ncopies = c->nmissing,
		.below = c->below,
		.low = c->low,
		.high = c->high,
		.transform = c->transform,
		.fitted = c->fitted,
		.nfitted = c->nfitted
	};
}

/* Fill in what is missing, as numbers before and after it tell. */
static void
FitFill(Column *c, CsColumnFit *fit, const CsColumnSpec *spec, CsNumbers *x, int64 nmissing)
{
	const CsImputeStep *impute = CsImputeAt(spec->prep.impute);
	double		n = (double) x->n,
				m = (double) nmissing,
				off;

	c->fill = impute->fill != NULL ? impute->fill(x, spec->constant) : NAN;
	fit->fill = c->fill;
	if (nmissing == 0 || isnan(c->fill))
		return;
	if (!CsOrderBelow(c->order, c->fill, &c->below))
		c->asks = true;
	c->nmissing = nmissing;
	x->fill = c->fill;
	x->ncopies = nmissing;
	x->below = c->below;
	/* the moments of two parts, one of which is all the same */
	off = c->fill - x->mean;
	x->mean += off * (m / (n + m));
	x->sd = sqrt((n * x->sd * x->sd + off * off * (n * m / (n + m))) / (n + m));
	x->n += nmissing;
}

/* Fit a transform to the values of the sample, as they are clipped. */
static int
FitToSample(const Column *c, const CsTransform *transform, double *fitted)
{
	Size		size = sizeof(double) * Max(c->nsample, 1);
	double	   *values = palloc_extended(size, MCXT_ALLOC_HUGE);
	double	   *scratch = palloc_extended(size, MCXT_ALLOC_HUGE);
	CsNumbers	x;
	int			n;

	values[0] = c->order->placed[0].value;
	if (c->nsample > 0)
		memcpy(values, c->sample, sizeof(double) * c->nsample);
	x = CsNumbersBegin(values, Max(c->nsample, 1), scratch);
	CsNumbersClip(&x, c->low, c->high);
	n = transform->fit(&x, scratch, fitted);
	CsNumbersEnd(&x);
	pfree(values);
	pfree(scratch);
	return n;
}

/* Fit the transform to the numbers as they are so far; false when some are not in its domain. */
static bool
FitTransform(Column *c, CsColumnFit *fit, const CsTransform *transform, CsNumbers *x)
{
	fit->n_outside = CsNumbersUpTo(x, transform->above);
	if (fit->n_outside > 0)
		return false;
	if (transform->fit != NULL && c->fitted == NULL)
		c->fitted = palloc(sizeof(double) * transform->most);
	if (transform == &CsQuantile)
		c->nfitted = transform->fit(x, NULL, c->fitted);
	else if (transform->fit != NULL && !c->asks)
		c->nfitted = FitToSample(c, transform, c->fitted);
	if (c->asks)
		return true;
	c->transform = transform;
	CsNumbersTransform(x, transform, c->fitted, c->nfitted);
	return true;
}

/*
 * The frozen baseline, as far as it is known.  Quantiles that are known are not asked for again, so that nothing has to
 * be kept for them: there are many.
 */
static void
FitBaseline(Column *c, CsColumnFit *fit, const CsNumbers *x)
{
	fit->nquantiles = CsNumbersPointCount(x);
	for (int i = 0; i < fit->nquantiles; i++)
		if (!c->has_points || isnan(fit->quantiles[i]))
			fit->quantiles[i] = CsNumbersPoint(x, i);
	c->has_points = true;
	fit->minimum = CsNumberAt(x, 0);
	fit->maximum = CsNumberAt(x, x->n - 1);
	fit->mean = x->mean;
	fit->sd = x->sd;
}

/* Fit the steps of a column of numbers, as far as they are known. */
static void
FitSteps(CsSummary *s, int column, CsNumbers *x)
{
	const CsColumnSpec *spec = CsFitSpec(&s->s, column);
	const CsPrepColumn *prep = &spec->prep;
	CsColumnFit *fit = CsFitResult(&s->s, column);
	Column	   *c = &s->columns[column];
	bool		is_changed = prep->clip != CS_CLIP_NONE || prep->transform != CS_TRANSFORM_NONE;

	FitFill(c, fit, spec, x, s->s.nrows - x->n);
	fit->imputed_mean = x->mean;
	if (prep->clip != CS_CLIP_NONE)
	{
		CsFitClip(fit, prep, x);
		c->low = fit->low;
		c->high = fit->high;
	}
	if (prep->transform != CS_TRANSFORM_NONE && !FitTransform(c, fit, CsTransformAt(prep->transform), x))
		return;
	if (is_changed)
	{
		c->asks_steps = !c->asks && !c->has_steps && spec->kind != CS_CATEGORICAL;
		x->mean = c->steps.mean;
		x->sd = c->steps.sd;
	}
	CsFitScale(fit, prep->scale, x);
}

/*
 * Fit everything that is fitted on a column of numbers, as far as it is known.  What its steps ask is asked first: where
 * passes answer only so much, one step waits for another, and nothing for the baseline.
 */
static void
FitColumn(CsSummary *s, int column)
{
	CsColumnFit *fit = CsFitResult(&s->s, column);
	Column	   *c = &s->columns[column];
	CsNumbers	raw,
				x;

	c->asks = !c->has_moments;
	c->asks_steps = false;
	c->nmissing = c->below = 0;
	c->low = -INFINITY;
	c->high = INFINITY;
	c->transform = NULL;
	x = raw = NumbersOf(c);
	fit->n_values = x.n;
	fit->n_outside = 0;
	fit->lacks_range = false;
	if (x.n == 0)
	{
		c->asks = false;
		return;
	}
	FitSteps(s, column, &x);
	FitBaseline(c, fit, &raw);
	c->asks |= c->asks_steps;
}

/* Fit all columns as far as they are known; false when the fit has to know more. */
bool
CsSummaryFit(CsSummary *s)
{
	bool		asks = false;

	for (int i = 0; i < s->s.prep->ncolumns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!IsNumber(s, i))
			continue;
		FitColumn(s, i);
		asks |= s->columns[i].asks;
	}
	return !asks;
}

/* About what, and how far from it, the numbers of a column are whose moments are asked for. */
static void
PlanMoments(CsSummary *s, int column)
{
	Column	   *c = &s->columns[column];
	double		lowest = c->order->placed[0].value,
				highest = c->order->placed[c->order->nplaced - 1].value,
				middle = c->nsample > 0 ? c->sample_mean : lowest;

	if (c->asks_steps)
	{
		CsNumbers	x = NumbersOf(c);

		lowest = CsNumberAt(&x, 0);
		highest = CsNumberAt(&x, x.n - 1);
		middle = CsNumbersQuantile(&x, 0.5);
		if (isnan(middle))		/* the median is not known, and need not be */
			middle = lowest / 2 + highest / 2;
	}
	s->middle[column] = Max(Min(middle, highest), lowest);
	s->reach[column] = Max(highest - s->middle[column], s->middle[column] - lowest);
}

/* Note what the next pass is to answer, so that the fit knows all, or more; palloc'd until it is learned. */
void
CsSummaryAsk(CsSummary *s)
{
	s->nqueries = 0;
	for (int i = 0; i < s->s.prep->ncolumns; i++)
	{
		Column	   *c = &s->columns[i];

		if (s->s.columns[i].converter.kind == CS_CATEGORICAL)
			continue;
		s->middle[i] = 0;
		s->reach[i] = -1;
		if (c->order->n > 0 && (c->asks_steps || !c->has_moments))
			PlanMoments(s, i);
		s->queries[s->nqueries++] = CsOrderPlan(c->order, c->sample, c->sample == NULL ? 0 : c->nsample);
	}
}

/* Append parts of a pass that answer it. */
void
CsSummaryPlan(CsSummary *s, JsonbParseState **json)
{
	CsMomentsPlan(json, CsSummaryPipeline(s), s->middle, s->reach, s->s.nrows);
	CsRanksPlan(json, s->queries, s->nqueries);
}

/* Take in the state of the pass: its first two parts are those that were planned last. */
void
CsSummaryLearn(CsSummary *s, const CsTally *pass, const CsTallyState *state)
{
	int			ncolumns = s->s.prep->ncolumns,
				number = 0;
	CsColumnMoments *moments = palloc0(sizeof(CsColumnMoments) * ncolumns);
	CsRankAnswer *answers = palloc0(sizeof(CsRankAnswer) * Max(s->nqueries, 1));

	CsMomentsRead(pass, &pass->parts[0], state, moments);
	CsRanksRead(pass, &pass->parts[1], state, answers);
	for (int i = 0; i < ncolumns; i++)
	{
		Column	   *c = &s->columns[i];

		if (s->s.columns[i].converter.kind == CS_CATEGORICAL)
			continue;
		if (c->asks_steps)
		{
			c->steps = moments[i];
			c->has_steps = true;
		}
		if (!c->has_moments)
		{
			c->moments = moments[i];
			c->has_moments = true;
			if (moments[i].n != c->order->n)
				CsTallyCountsChanged();
		}
		if (s->queries[number].ncuts > 0)
			CsOrderLearn(c->order, &s->queries[number], &answers[number]);
		if (c->sample != NULL && !CsSummaryFitsSample(s->s.prep))
		{
			pfree(c->sample);
			c->sample = NULL;
		}
		number++;
	}
	pfree(moments);
	pfree(answers);
}

/*
 * The pipeline, palloc'd, when the fit knows all; baselines have been filled.  The sample's raw matrix, in
 * which categories are level numbers, gives donors for knn.  Errors as CsPipelineFit().
 */
CsPipeline *
CsSummaryFinish(CsSummary *s, CsTeam *team, CsMatrix *raw, uint64 seed)
{
	CsPipeline *p;

	for (int i = 0; i < s->s.prep->ncolumns; i++)
	{
		Column	   *c = &s->columns[i];
		CsColumnFit *fit = CsFitResult(&s->s, i);

		fit->nfitted = c->nfitted;
		if (c->nfitted > 0)
			memcpy((double *) CsArenaAddress(s->s.arena, s->s.args.fitted) + CsFitSpec(&s->s, i)->fitted,
				   c->fitted, sizeof(double) * c->nfitted);
		if (c->order != NULL)
			CsOrderFree(c->order);
		c->order = NULL;
	}
	CsFitFinish(&s->s);
	CsFitReleaseAreas(&s->s);
	p = CsPipelineAssemble(&s->s.parts);
	CsKnnFitDonors(&s->s.parts, p, team, raw, seed);
	return s->s.parts.ndonors == 0 ? p : CsPipelineAssemble(&s->s.parts);
}

/* The finished pipeline with the components of columns that have these covariances; palloc'd. */
CsPipeline *
CsSummaryReduce(CsSummary *s, const CsCovariance *covariance)
{
	CsPcaTake(&s->s.parts, covariance, s->s.prep->pca);
	return CsPipelineAssemble(&s->s.parts);
}

/* Does the preparation have a step that is fitted to the values of the sample, which nobody else has? */
bool
CsSummaryFitsSample(const CsPrep *prep)
{
	for (int i = 0; i < prep->ncolumns; i++)
	{
		const CsTransform *transform = CsTransformAt(prep->columns[i].transform);

		if ((transform->fit != NULL && transform != &CsQuantile) || prep->columns[i].impute == CS_IMPUTE_KNN)
			return true;
	}
	return false;
}
