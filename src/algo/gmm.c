/*
 * gmm.c
 *	  Gaussian mixture by the EM algorithm (Dempster, Laird and Rubin 1977).
 *
 * Conventions are scikit-learn's, so that the same start gives the same result: a start is the
 * hard partition of one k-means, made into a mixture by an M step; an iteration is an E and an M
 * step; it stops when the mean log-likelihood of a row changes by less than tol; the best of n_init
 * starts is the one of the highest.  A component that loses all rows keeps its place, with hardly
 * any weight.
 *
 * reg_covar is added to the variances in each M step, so that a component that collapses onto equal
 * rows stays regular.  It is relative to the variance of the column, so that it is as small in
 * thousands as in shares.  A start in which a component becomes singular all the same is given up,
 * and another one takes its place.
 *
 * Tied: rows' responsibilities sum to 1, so the scatter within components is that of all rows,
 * which never changes, less that of the means.  What the difference loses in digits is far below
 * reg_covar.
 *
 * The leader runs this file; the passes over rows are in gmm_pass.c, and what is settled before any
 * of them is in gmm_plan.c.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/gmm.h"
#include "progress.h"
#include "utils/memutils.h"

/* Starts that may take the place of singular ones. */
#define MAX_RESTARTS 10

/* The stream of random numbers that starts after the first get their seeds from. */
#define SEED_STREAM UINT64CONST(0x676D6D)

/* A column that varies by no more, relative to its mean, is constant except for rounding. */
#define CONSTANT_COLUMN (1000 * DBL_EPSILON)

/* The leader's own state of a fit. */
typedef struct Leader
{
	const CsFitInput *in;
	const GmmOptions *options;
	GmmFit		fit;
	GmmLearner	learner;		/* of the start at work */
} Leader;

/* How a start ended. */
typedef struct Outcome
{
	double		bound;			/* mean log-likelihood of a row, before the last M step */
	int			iterations;
	bool		converged;
} Outcome;

/* Take a part of an area that is being laid out; returns its offset. */
static Size
TakePart(Size *total, Size size)
{
	Size		offset = *total;

	*total = add_size(offset, CACHELINEALIGN(size));
	return offset;
}

static double *
AllocateNumbers(Size n)
{
	return palloc_extended(mul_size(sizeof(double), Max(n, 1)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static GmmMixture
AllocateMixture(GmmType type, int k, int d)
{
	GmmMixture	m = {.type = type, .k = k, .d = d};

	m.weights = AllocateNumbers(k);
	m.means = AllocateNumbers(mul_size(k, d));
	m.covariances = AllocateNumbers(CsGmmCovariancesSize(type, k, d));
	return m;
}

/* Make room for a mixture that is learned; palloc'd. */
void
CsGmmLearnerInit(GmmLearner *l, GmmType type, int k, int d)
{
	l->mixture = AllocateMixture(type, k, d);
	l->sums = AllocateNumbers(CsGmmLaneSize(type, k, d));
	l->mean = AllocateNumbers(d);
	l->reg = AllocateNumbers(d);
	if (type == GMM_TIED)
		l->scatter = AllocateNumbers(CsTriangle(d));
}

/* Copies a mixture over one that has room for it. */
static void
CopyMixture(GmmMixture *to, const GmmMixture *from)
{
	Size		kd = (Size) from->k * from->d;

	to->k = from->k;
	memcpy(to->weights, from->weights, sizeof(double) * from->k);
	memcpy(to->means, from->means, sizeof(double) * kd);
	memcpy(to->covariances, from->covariances,
		   sizeof(double) * CsGmmCovariancesSize(from->type, from->k, from->d));
}

/* Make the area and tables of a fit. */
static void
InitLeader(Leader *leader, const CsFitInput *in)
{
	CsArena    *arena = CsTeamArena(in->team);
	GmmFit	   *fit = &leader->fit;
	int			d = in->matrix->ncolumns;
	Size		total = 0;

	leader->in = in;
	leader->options = in->options;
	fit->weights = in->weights;
	fit->labels = -1;
	fit->d = d;
	fit->lane_size = CsGmmLaneSize(leader->options->type, in->k, d);
	fit->slots = CsGmmLaneSlots(fit->lane_size);
	fit->matrix = TakePart(&total, sizeof(CsMatrix));
	fit->density = TakePart(&total, sizeof(double) *
							CsGmmLayout(leader->options->type, in->k, d).size);
	fit->lanes = TakePart(&total, mul_size(sizeof(double) * fit->slots, fit->lane_size));
	fit->area = CsArenaAlloc(arena, total);
	memcpy(GmmPart(arena, fit, fit->matrix), in->matrix, sizeof(CsMatrix));
	CsGmmLearnerInit(&leader->learner, leader->options->type, in->k, d);
}

/* Say what the next passes are over. */
static void
SetComponents(Leader *leader, GmmType type, int k)
{
	leader->fit.type = type;
	leader->fit.k = k;
	leader->fit.layout = CsGmmLayout(type, k, leader->fit.d);
}

/* Where the members of the team read what densities are computed from. */
static double *
SharedDensity(Leader *leader)
{
	return GmmPart(CsTeamArena(leader->in->team), &leader->fit, leader->fit.density);
}

/* One pass over the rows; leader->learner.sums becomes the sum of the lanes, in their order. */
static void
RunPass(Leader *leader)
{
	GmmFit	   *fit = &leader->fit;
	const double *lanes = GmmPart(CsTeamArena(leader->in->team), fit, fit->lanes);

	memset(leader->learner.sums, 0, sizeof(double) * fit->lane_size);
	for (fit->first_lane = 0; fit->first_lane < CS_LANES; fit->first_lane += fit->slots)
	{
		int			items = Min(fit->slots, CS_LANES - fit->first_lane);

		CsTeamRun(leader->in->team, CS_TASK(CsGmmPassTask), fit, sizeof(*fit), items);
		for (int l = 0; l < items; l++)
			for (Size i = 0; i < fit->lane_size; i++)
				leader->learner.sums[i] += lanes[l * fit->lane_size + i];
	}
}

/* A pass in which each row belongs to one component: that of its label, or the only one. */
static void
RunHardPass(Leader *leader, GmmType type, int k, const double *means, int labels)
{
	GmmFit	   *fit = &leader->fit;

	SetComponents(leader, type, k);
	fit->labels = labels;
	fit->hard = true;
	memcpy(SharedDensity(leader) + fit->layout.means, means, sizeof(double) * k * fit->d);
	RunPass(leader);
	fit->hard = false;
	fit->labels = -1;
}

/*
 * How much is added to the variance of each column.  One that is constant has no variance to be
 * relative to: it is given that of the others; and if all are, 1.
 */
void
CsGmmSetRegularization(GmmLearner *l, const GmmOptions *o, const double *variance)
{
	int			d = l->mixture.d,
				varying = 0;
	double		sum = 0;

	for (int j = 0; j < d; j++)
	{
		bool		constant = sqrt(variance[j]) <= CONSTANT_COLUMN * fabs(l->mean[j]);

		l->reg[j] = constant ? 0 : variance[j];
		sum += l->reg[j];
		varying += !constant;
	}
	for (int j = 0; j < d; j++)
	{
		if (l->reg[j] == 0)
			l->reg[j] = sum > 0 ? sum / varying : 1;
		l->reg[j] = o->reg_covar * (o->reg_covar_absolute ? 1 : l->reg[j]);
	}
}

/* What is the same in all starts: weight, mean, variances and for tied the scatter of all rows. */
static void
MeasureRows(Leader *leader, const CsSegmentMoments *moments)
{
	bool		tied = leader->options->type == GMM_TIED;
	int			d = leader->fit.d;
	const double *squares = leader->learner.sums + 2 + d;
	double	   *variance = AllocateNumbers(d);

	if (!isfinite(moments->total))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("squared distances of the rows are too large to add up"),
				 errhint("Scale the features, or divide the weights by a large number.")));
	memcpy(leader->learner.mean, moments->mean, sizeof(double) * d);
	RunHardPass(leader, tied ? GMM_FULL : GMM_DIAG, 1, moments->mean, -1);
	leader->learner.weight = leader->learner.sums[1];
	for (int j = 0; j < d; j++)
		variance[j] = squares[tied ? CsTriangle(j + 1) - 1 : j] / leader->learner.weight;
	CsGmmSetRegularization(&leader->learner, leader->options, variance);
	if (tied)
		memcpy(leader->learner.scatter, squares, sizeof(double) * CsTriangle(d));
	pfree(variance);
}

/* Covariance of one component, from its sums about the mean that has just moved by "shift". */
static void
UpdateCovariance(GmmLearner *l, int c, double weight, const double *shift, const double *squares)
{
	GmmMixture *m = &l->mixture;
	int			d = m->d;
	double	   *covariance = m->covariances;

	if (m->type == GMM_FULL)
	{
		covariance += (Size) c * d * d;
		for (int i = 0; i < d; i++)
		{
			for (int j = 0; j <= i; j++)
				covariance[(Size) i * d + j] = covariance[(Size) j * d + i] =
					squares[CsTriangle(i) + j] / weight - shift[i] * shift[j];
			covariance[(Size) i * d + i] += l->reg[i];
		}
		return;
	}
	if (m->type == GMM_SPHERICAL)
		covariance[c] = 0;
	for (int j = 0; j < d; j++)
	{
		double		variance = squares[j] / weight - shift[j] * shift[j] + l->reg[j];

		if (m->type == GMM_DIAG)
			covariance[(Size) c * d + j] = variance;
		else
			covariance[c] += variance / d;
	}
}

/* Covariance that tied components share: what the scatter of all rows has beside their means'. */
static void
UpdateTied(GmmLearner *l, double total)
{
	GmmMixture *m = &l->mixture;
	int			d = m->d;

	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
		{
			double		scatter = l->scatter[CsTriangle(i) + j];

			for (int c = 0; c < m->k; c++)
			{
				const double *mean = m->means + (Size) c * d;

				scatter -= m->weights[c] * total *
					(mean[i] - l->mean[i]) * (mean[j] - l->mean[j]);
			}
			m->covariances[(Size) i * d + j] = m->covariances[(Size) j * d + i] =
				scatter / total + (i == j ? l->reg[i] : 0);
		}
}

/*
 * M step: the mixture from the sums of a pass.  As in scikit-learn, a component's weight is raised
 * by next to nothing, so that one without rows has a logarithm; its mean stays.
 */
void
CsGmmUpdateMixture(GmmLearner *l)
{
	GmmMixture *m = &l->mixture;
	int			d = m->d;
	Size		size = GmmComponentSums(m->type, d);
	double		total = 0;

	for (int c = 0; c < m->k; c++)
	{
		double	   *sums = l->sums + 1 + c * size;
		double	   *shift = sums + 1;
		double		weight = sums[0] + 10 * DBL_EPSILON;

		for (int j = 0; j < d; j++)
		{
			shift[j] /= weight;
			m->means[(Size) c * d + j] += shift[j];
		}
		if (m->type != GMM_TIED)
			UpdateCovariance(l, c, weight, shift, sums + 1 + d);
		m->weights[c] = weight;
		total += weight;
	}
	for (int c = 0; c < m->k; c++)
		m->weights[c] /= total;
	if (m->type == GMM_TIED)
		UpdateTied(l, total);
}

/* Make the mixture what the next pass computes densities from; false when it is singular. */
static bool
ShareMixture(Leader *leader, const GmmMixture *mixture)
{
	SetComponents(leader, mixture->type, mixture->k);
	return CsGmmDensity(mixture, SharedDensity(leader));
}

/* Labels of the rows nearest to the given means, in an area of their own. */
static int
LabelByInit(Leader *leader)
{
	CsArena    *arena = CsTeamArena(leader->in->team);
	GmmFit		fit;

	SetComponents(leader, leader->options->type, leader->in->k);
	fit = leader->fit;
	fit.labels = CsArenaAlloc(arena, mul_size(sizeof(int32) * CS_BLOCK_ROWS,
											  CsMatrixBlocks(leader->in->matrix)));
	memcpy(SharedDensity(leader) + fit.layout.means, leader->options->init.values,
		   sizeof(double) * fit.k * fit.d);
	CsTeamRun(leader->in->team, CS_TASK(CsGmmNearestTask), &fit, sizeof(fit), CS_LANES);
	return fit.labels;
}

/* Labels by k-means, in an area of their own; the first start has the seed itself.  OUT k. */
static int
LabelByKmeans(Leader *leader, int start, int *k)
{
	KmeansOptions o = CsGmmStartOptions(leader->options);
	CsFitInput	in = *leader->in;
	CsFitOutput out = {0};
	CsRng		rng;

	CsRngSeed(&rng, (uint64) o.common.seed, SEED_STREAM);
	for (int i = 0; i < start; i++)
		o.common.seed = (int64) CsRngNext(&rng);
	in.options = &o;
	CsKmeans.fit(&in, &out);
	*k = out.k;
	return out.labels;
}

/* The mixture that a start begins with. */
static void
BeginStart(Leader *leader, int start)
{
	const CsOptionArray *init = &leader->options->init;
	GmmMixture *m = &leader->learner.mixture;
	int			d = leader->fit.d,
				labels;
	CsSegmentMoments *moments;

	m->k = leader->in->k;
	labels = init->rows > 0 ? LabelByInit(leader) : LabelByKmeans(leader, start, &m->k);
	moments = CsMomentsOfSegments(leader->in->team, leader->in->matrix, leader->in->weights, labels,
								  m->k);
	if (leader->learner.weight == 0)
		MeasureRows(leader, moments);
	for (int c = 0; c < m->k; c++)
		memcpy(m->means + (Size) c * d, moments->weights[c] > 0 || init->rows == 0 ?
			   moments->centers + (Size) c * d : init->values + (Size) c * d, sizeof(double) * d);
	RunHardPass(leader, m->type, m->k, m->means, labels);
	CsGmmUpdateMixture(&leader->learner);
	CsArenaFree(CsTeamArena(leader->in->team), labels);
}

/* Run a start to its end; false when a component became singular. */
static bool
RunStart(Leader *leader, int start, Outcome *outcome)
{
	const GmmOptions *o = leader->options;
	double		bound = -INFINITY;

	outcome->converged = false;
	BeginStart(leader, start);
	CsProgressPhase(CS_PHASE_ITERATING);
	for (int i = 1; i <= o->max_iter && !outcome->converged; i++)
	{
		CsProgressFit(Min(start + 1, o->n_init), o->n_init, i);
		if (!ShareMixture(leader, &leader->learner.mixture))
			return false;
		RunPass(leader);
		CsGmmUpdateMixture(&leader->learner);
		outcome->bound = leader->learner.sums[0] / leader->learner.weight;
		outcome->iterations = i;
		if (!isfinite(outcome->bound))
			return false;
		outcome->converged = fabs(outcome->bound - bound) < o->tol;
		bound = outcome->bound;
	}
	return ShareMixture(leader, &leader->learner.mixture);
}

/* Run the starts; OUT the best mixture and its outcome.  Returns how many were given up. */
static int
RunStarts(Leader *leader, GmmMixture *best, Outcome *outcome)
{
	const GmmOptions *o = leader->options;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg start",
												  ALLOCSET_DEFAULT_SIZES);
	bool		given = o->init.rows > 0;
	int			wanted = given ? 1 : o->n_init,
				restarts = given ? 0 : MAX_RESTARTS,
				done = 0,
				singular = 0;

	while (done < wanted && singular <= restarts)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		Outcome		this;
		bool		regular = RunStart(leader, done + singular, &this);

		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
		if (!regular)
		{
			singular++;
			continue;
		}
		if (done++ > 0 && !(this.bound > outcome->bound))
			continue;
		*outcome = this;
		CopyMixture(best, &leader->learner.mixture);
	}
	if (done == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a component of the mixture became singular"),
				 errdetail_plural("Its rows do not vary in every direction; %d start ended so.",
								  "Its rows do not vary in every direction; %d starts ended so.",
								  singular, singular),
				 errhint("Lower \"k\", raise \"reg_covar\", or choose a \"covariance_type\" with fewer numbers, as \"diag\".")));
	MemoryContextDelete(context);
	return singular;
}

/* The parameters, in the order of their table; the mixture's arrays are handed over. */
void
CsGmmSetParameters(const GmmMixture *m, CsFitOutput *out)
{
	CsParameter *covariances = &out->parameters[m->type == GMM_TIED ? 2 : 1];

	out->parameters[0] = (CsParameter) {.rows = m->k, .columns = 1, .values = m->weights};
	covariances->rows = m->type == GMM_TIED ? m->d : m->k;
	covariances->columns = CsGmmCovariancesSize(m->type, m->k, m->d) / covariances->rows;
	covariances->values = m->covariances;
}

/* Measures of a mixture by the log-likelihood of all rows; those that make mixtures of different size comparable. */
void
CsGmmSetMetrics(const GmmMixture *m, double log_likelihood, double bound, double weight, CsFitOutput *out)
{
	double		free_parameters = CsGmmFreeParameters(m->type, m->k, m->d);

	out->metrics[out->nmetrics++] = (CsMetric) {"log_likelihood", log_likelihood};
	out->metrics[out->nmetrics++] = (CsMetric) {"lower_bound", bound};
	out->metrics[out->nmetrics++] =
		(CsMetric) {"bic", free_parameters * log(weight) - 2 * log_likelihood};
	out->metrics[out->nmetrics++] = (CsMetric) {"aic", 2 * free_parameters - 2 * log_likelihood};
}

/*
 * Counts and inertia.  The centres are the components' means, and not those of the rows that are
 * labelled with them; so the distance between the two comes in.
 */
static void
SetSegments(Leader *leader, const GmmMixture *m, CsFitOutput *out)
{
	CsSegmentMoments *moments = CsMomentsOfSegments(leader->in->team, leader->in->matrix,
													leader->in->weights, out->labels, m->k);

	out->k = m->k;
	out->centers = m->means;
	out->counts = moments->counts;
	out->total = moments->total;
	for (int c = 0; c < m->k; c++)
	{
		double		apart = 0;

		for (int j = 0; j < m->d; j++)
		{
			double		difference = m->means[(Size) c * m->d + j] -
				moments->centers[(Size) c * m->d + j];

			apart += difference * difference;
		}
		out->inertia += moments->squared[c] + moments->weights[c] * apart;
	}
}

/* Fit the mixture, the best of several starts, as CsAlgorithm.fit. */
static void
GmmFitModel(const CsFitInput *in, CsFitOutput *out)
{
	const GmmOptions *o = in->options;
	Leader		leader = {0};
	GmmMixture	best = AllocateMixture(o->type, in->k, in->matrix->ncolumns);
	Outcome		outcome = {0};
	int			singular;

	CsGmmCheck(o, in->k, in->matrix->ncolumns);
	InitLeader(&leader, in);
	singular = RunStarts(&leader, &best, &outcome);

	memset(out, 0, sizeof(*out));
	out->labels = CsArenaAlloc(CsTeamArena(in->team), mul_size(sizeof(int32) * CS_BLOCK_ROWS,
															   CsMatrixBlocks(in->matrix)));
	leader.fit.labels = out->labels;
	leader.fit.last = true;
	if (!ShareMixture(&leader, &best))
		elog(ERROR, "a mixture that was regular is singular");
	RunPass(&leader);
	out->iterations = outcome.iterations;
	out->converged = outcome.converged;
	CsGmmSetParameters(&best, out);
	CsGmmSetMetrics(&best, leader.learner.sums[0], outcome.bound, leader.learner.weight, out);
	SetSegments(&leader, &best, out);
	if (singular > 0)
		out->note = psprintf("%d of %d starts were given up because a component became singular",
							 singular, singular + (o->init.rows > 0 ? 1 : o->n_init));
	CsArenaFree(CsTeamArena(in->team), leader.fit.area);
}

const CsAlgorithm CsGmm = {
	.name = "gmm",
	.segments = "components of a Gaussian mixture",
	.memory_text = "the memory of kmeans, from which it starts, and the covariances: with full, columns x columns numbers for each segment, a few times for each process",
	.keeps = "no rows",
	.time = "rows x columns x columns x k for each iteration; rows x columns x k with diag or spherical covariances",
	.options = CsGmmOptions,
	.noptions = GMM_NOPTIONS,
	.options_size = sizeof(GmmOptions),
	.max_segments = GMM_MAX_COMPONENTS,
	.parameters = CsGmmParameters,
	.nparameters = GMM_NPARAMETERS,
	.memory = CsGmmMemory,
	.check = CsGmmCheck,
	.fit = GmmFitModel,
	.passes = &CsGmmPasses,
	.compile = CsGmmCompile,
	.assign = CsGmmAssign,
	.place = CsGmmPlace,
	.places_rows = CsGmmPlacesRows,
	.place_rows = CsGmmPlaceRows,
	.explain = CsGmmExplain,
	.log_density = CsGmmLogDensity,
};
