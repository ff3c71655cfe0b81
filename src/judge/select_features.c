/*
 * select_features.c
 *	  custseg.select_features(): which features to leave out, and why.
 *
 * Two kinds are of no use.  One hardly varies: nearly all rows have the same value.  The other says
 * what a second feature says already: of the two the one goes that is, in the mean, associated more
 * with all the others, the rule of R's caret::findCorrelation.  Features are taken in descending
 * order of that mean, as there, and means are over the features that are still in.
 *
 * Association is between 0 and 1 for any kinds and follows from the covariances of the prepared columns
 * (stat/association.c), so one pass over the rows is enough.  Of rows on other servers that is by passes, and how many
 * rows share a number is that of a sample.
 */
#include "custseg.h"

#include <math.h>

#include "judge/judge.h"
#include "miscadmin.h"
#include "prep/prep.h"
#include "stat/association.h"
#include "train/distributed.h"

typedef struct Asked
{
	CsCommonOptions common;
	double		max_correlation;
	double		max_frequency;
} Asked;

static const CsOption selection_options[] = {
	{"max_correlation", CS_OPTION_REAL, offsetof(Asked, max_correlation), 0.9, 0, 1},
	{"max_frequency", CS_OPTION_REAL, offsetof(Asked, max_frequency), 0.99, 0.5, 1},
	CS_SEED_OPTION(Asked, common.seed),
	CS_ENGINE_OPTION(Asked, common.engine),
};

typedef struct Candidate
{
	const CsFeature *feature;
	double		variance;		/* in the feature's own units; NaN for a category */
	double		frequency;		/* share of the rows that have the most frequent value, if it is
								 * more than half */
	bool		keep;
	int			cause;			/* feature that it was dropped for, or -1 */
	double		own_mean,		/* mean associations of the two then */
				cause_mean;
} Candidate;

/* All that is known while features are chosen. */
typedef struct Selection
{
	int			n;
	Candidate  *candidates;
	double	   *association;	/* n x n, signed for numbers */
	const CsCovariance *covariance;
	double		unbiased;		/* (n - 1) / n of the rows: to population covariances */
} Selection;

PG_FUNCTION_INFO_V1(custseg_select_features);

static inline bool
IsCategory(const CsFeature *f)
{
	return f->kind == CS_CATEGORICAL && f->encode == CS_ENCODE_ONEHOT;
}

/* The share of a category's most frequent level, from its means. */
static double
LargestLevel(const CsFeature *f, const double *mean)
{
	double		largest = 0;

	for (int l = 0; l < f->noutputs; l++)
		largest = Max(largest, mean[f->first_output + l]);
	return largest;
}

/* A feature's columns among the covariances. */
static CsColumnSpan
SpanOf(const CsFeature *f)
{
	return (CsColumnSpan) {f->first_output, f->noutputs, IsCategory(f)};
}

/* Sample variance of the values that are there. */
static double
SampleVariance(const CsBaseline *baseline)
{
	double		n = (double) (baseline->n - baseline->n_null);

	return n > 1 ? baseline->sd * baseline->sd * (n / (n - 1)) : NAN;
}

/* What there is to know about each feature before they are compared. */
static void
DescribeFeatures(Selection *s, const CsTraining *t)
{
	for (int i = 0; i < s->n; i++)
	{
		Candidate  *c = &s->candidates[i];
		const CsFeature *f = &t->pipeline->feature[i];

		c->feature = f;
		c->keep = true;
		c->cause = -1;
		c->variance = f->kind == CS_CATEGORICAL ? NAN : SampleVariance(&t->baselines[i]);
		c->frequency = IsCategory(f) ? LargestLevel(f, s->covariance->mean) :
			CsMajorityShare(t->arena, t->matrix, f->first_output);
	}
	for (int i = 0; i < s->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j <= i; j++)
			s->association[(Size) i * s->n + j] = s->association[(Size) j * s->n + i] =
				i == j ? 1 : CsAssociation(s->covariance->values, s->covariance->mean,
										   s->covariance->d, s->unbiased,
										   SpanOf(s->candidates[i].feature),
										   SpanOf(s->candidates[j].feature));
	}
}

/* Mean association of a feature with the others that are in. */
static double
MeanAssociation(const Selection *s, int feature)
{
	double		sum = 0;
	int			n = 0;

	for (int i = 0; i < s->n; i++)
	{
		if (i == feature || !s->candidates[i].keep)
			continue;
		sum += fabs(s->association[(Size) feature * s->n + i]);
		n++;
	}
	return n > 0 ? sum / n : 0;
}

/* A feature with its mean, for sorting: descending, in the given order on ties. */
typedef struct RankedFeature
{
	int			feature;
	double		mean;
} RankedFeature;

static int
CompareRanked(const void *a, const void *b)
{
	const RankedFeature *x = a;
	const RankedFeature *y = b;

	if (x->mean != y->mean)
		return x->mean > y->mean ? -1 : 1;
	return x->feature - y->feature;
}

/* The features that are in, in the order they are compared; palloc'd, *n is how many. */
static RankedFeature *
RankFeatures(const Selection *s, int *n)
{
	RankedFeature *ranked = palloc(sizeof(RankedFeature) * s->n);

	*n = 0;
	for (int i = 0; i < s->n; i++)
	{
		if (!s->candidates[i].keep)
			continue;
		ranked[*n].feature = i;
		ranked[(*n)++].mean = MeanAssociation(s, i);
	}
	qsort(ranked, *n, sizeof(RankedFeature), CompareRanked);
	return ranked;
}

/* Of every pair that is associated too closely, drop one. */
static void
DropCorrelated(Selection *s, double limit)
{
	int			n;
	RankedFeature *ranked = RankFeatures(s, &n);

	for (int i = 0; i < n; i++)
	{
		Candidate  *x = &s->candidates[ranked[i].feature];

		CHECK_FOR_INTERRUPTS();
		for (int j = i + 1; j < n && x->keep; j++)
		{
			int			a = ranked[i].feature,
						b = ranked[j].feature;
			Candidate  *y = &s->candidates[b];
			Candidate  *dropped;
			double		mean_x,
						mean_y;

			if (!y->keep || !(fabs(s->association[(Size) a * s->n + b]) > limit))
				continue;
			mean_x = MeanAssociation(s, a);
			mean_y = MeanAssociation(s, b);
			dropped = mean_x > mean_y ? x : y;
			dropped->keep = false;
			dropped->cause = dropped == x ? b : a;
			dropped->own_mean = dropped == x ? mean_x : mean_y;
			dropped->cause_mean = dropped == x ? mean_y : mean_x;
		}
	}
	pfree(ranked);
}

/* The remaining feature with the highest association to this one; -1 for none. */
static int
NearestKept(const Selection *s, int feature)
{
	int			nearest = -1;

	for (int i = 0; i < s->n; i++)
		if (i != feature && s->candidates[i].keep &&
			(nearest < 0 || fabs(s->association[(Size) feature * s->n + i]) >
			 fabs(s->association[(Size) feature * s->n + nearest])))
			nearest = i;
	return nearest;
}

/* The association of two features, by its usual name. */
static const char *
MeasureName(const CsFeature *f, const CsFeature *g)
{
	if (IsCategory(f) && IsCategory(g))
		return "Cramer's V";
	return IsCategory(f) || IsCategory(g) ? "correlation ratio" : "correlation";
}

/* Why a feature stays: for which others, if it is for any; palloc'd. */
static char *
ReasonToKeep(const Selection *s, int feature)
{
	StringInfoData others;

	initStringInfo(&others);
	for (int i = 0; i < s->n; i++)
		if (s->candidates[i].cause == feature)
			appendStringInfo(&others, "%s\"%s\"", others.len > 0 ? ", " : "",
							 NameStr(s->candidates[i].feature->name));
	if (others.len > 0)
		return psprintf("kept instead of %s, because it is no more correlated with the other features",
						others.data);
	return pstrdup("varies, and no other feature carries the same information");
}

/* Why a feature is dropped, or stays; palloc'd. */
static char *
Reason(const Selection *s, int feature, const Asked *asked)
{
	const Candidate *c = &s->candidates[feature],
			   *cause;
	const char *fate;
	char	   *pair;

	if (c->frequency == 1)
		return pstrdup("constant: every row has the same value");
	if (c->frequency > asked->max_frequency)
		return psprintf("hardly varies: %.4g %% of the rows have the same value",
						100 * c->frequency);
	if (c->keep)
		return ReasonToKeep(s, feature);

	cause = &s->candidates[c->cause];
	fate = cause->keep ? "which is kept and is" : "which is dropped as well but is";
	pair = psprintf("says much the same as \"%s\" (%s %.3f)", NameStr(cause->feature->name),
					MeasureName(c->feature, cause->feature),
					s->association[(Size) feature * s->n + c->cause]);
	/* a difference that four digits show */
	if (c->own_mean > c->cause_mean + 1e-4)
		return psprintf("%s, %s less correlated with the other features (%.4f on average, against %.4f for this feature)",
						pair, fate, c->cause_mean, c->own_mean);
	if (c->own_mean > c->cause_mean)
		return psprintf("%s, %s slightly less correlated with the other features", pair, fate);
	return psprintf("%s, %s equally correlated with the other features and comes first", pair, fate);
}

/* Every feature as a row of the result. */
static void
PutRows(CsResult *result, const Selection *s, const Asked *asked)
{
	for (int i = 0; i < s->n; i++)
	{
		const Candidate *c = &s->candidates[i];
		int			other = c->cause >= 0 ? c->cause : NearestKept(s, i);
		bool		compared = other >= 0 && c->frequency != 1;

		CsResultPut(result, CsValues(CsValueText(NameStr(c->feature->name)),
									 CsValueBool(c->keep),
									 CsValueFloat8(c->variance),
									 CsValueText(!compared ? NULL :
												 NameStr(s->candidates[other].feature->name)),
									 CsValueFloat8(!compared ? NAN :
												   s->association[(Size) i * s->n + other]),
									 CsValueText(Reason(s, i, asked))));
	}
}

/*
 * select_features(source, features, prep, options)
 */
Datum
custseg_select_features(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Asked		asked = {0};
	CsRequest	request;
	CsTraining *t;
	CsTeam	   *team;
	CsCovariance covariance;
	Selection	s = {0};

	request = CsJudgingRequest(fcinfo, "custseg.select_features()", selection_options,
							   lengthof(selection_options), &asked);
	t = CsTrainingOpen(&request);

	/* the features themselves are compared, a category by all of its levels */
	t->prep->pca = 0;
	for (int i = 0; i < t->prep->ncolumns; i++)
		t->prep->columns[i].drop_first = false;
	team = CsTrainingPrepare(t);
	if (t->matrix->nrows < t->nrows)
		ereport(NOTICE,
				(errmsg("the most frequent values of numbers are those of a sample of %lld of %lld rows",
						(long long) t->matrix->nrows, (long long) t->nrows)));
	covariance = CsTrainingCovariance(t, team);

	s.n = t->nfeatures;
	s.candidates = palloc0(sizeof(Candidate) * s.n);
	s.association = palloc_extended(sizeof(double) * s.n * s.n, MCXT_ALLOC_HUGE);
	s.covariance = &covariance;
	s.unbiased = (double) (t->nrows - 1) / t->nrows;
	DescribeFeatures(&s, t);
	for (int i = 0; i < s.n; i++)
		s.candidates[i].keep = s.candidates[i].frequency < 1 &&
			s.candidates[i].frequency <= asked.max_frequency;
	DropCorrelated(&s, asked.max_correlation);
	PutRows(result, &s, &asked);
	CsTrainingClose(t);
	return (Datum) 0;
}
