/*
 * gmm_score.c
 *	  Scoring by a Gaussian mixture: the most probable component is the segment.
 *
 * A compiled mixture is what gmm_mixture.c derives, with the components as columns: one customer is
 * compared with eight components by vector instructions, while each distance is the sum that
 * training takes, in its order.  So a row gets the component that it had in training.
 *
 * Numbers may come from a user's literal.  What is compiled is checked: weights are shares,
 * covariances are symmetric and positive definite, and their shape tells what they are.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/gmm.h"

/* How far weights may be from 1 in sum, and entries of a covariance from their mirror images. */
#define TOLERANCE 1e-6

/* Customers for whom it pays to lay the mixture out as a pass of the training has it. */
#define MANY 128

/* Positions in the table. */
enum
{
	WEIGHTS, COVARIANCES, COVARIANCE
};

const CsParameterInfo CsGmmParameters[GMM_NPARAMETERS] = {
	[WEIGHTS] = {"weights", CS_PARAMETER_SEGMENTS},
	[COVARIANCES] = {"covariances", CS_PARAMETER_SEGMENTS,.optional = true},
	[COVARIANCE] = {"covariance", CS_PARAMETER_ROWS},
};

/* A compiled mixture; arrays of components are padded as the centres are. */
typedef struct Compiled
{
	int32		type;			/* GmmType */
	double		value[FLEXIBLE_ARRAY_MEMBER];
	/* constants[padded] */
	/* full, diag, spherical: factors[layout.factor_size][padded] */
	/* tied: factor[layout.factor_size], reference[d], projected means[d][padded] */
} Compiled;

/* Numbers of the arrays. */
static Size
CompiledNumbers(GmmType type, int d, int padded)
{
	Size		factor_size = CsGmmLayout(type, 1, d).factor_size;

	if (type == GMM_TIED)
		return add_size(factor_size, add_size(d, mul_size(padded, (Size) d + 1)));
	return mul_size(padded, factor_size + 1);
}

/* What the covariances are, by their shape. */
static GmmType
CovarianceType(const CsFitted *model)
{
	const CsParameter *own = &model->parameters[COVARIANCES];
	const CsParameter *shared = &model->parameters[COVARIANCE];
	int			d = model->ncolumns;

	if (own->rows == 0 && shared->rows == d && shared->columns == d)
		return GMM_TIED;
	if (shared->rows > 0 || own->rows == 0)
		CsInvalidParameters("There must be \"covariances\" or a \"covariance\" of %d x %d numbers.",
							d, d);
	if (own->columns == 1)
		return GMM_SPHERICAL;
	if (own->columns == d)
		return GMM_DIAG;
	if (own->columns != (int64) d * d)
		CsInvalidParameters("\"%s\" has %d numbers for each segment; there can be 1, %d or %lld.",
							"covariances", own->columns, d, (long long) d * d);
	return GMM_FULL;
}

/* An error unless the weights are positive and their sum is 1. */
static void
CheckWeights(const CsFitted *model)
{
	const CsParameter *weights = &model->parameters[WEIGHTS];
	double		sum = 0;

	if (weights->columns != 1)
		CsInvalidParameters("\"%s\" has %d numbers for each segment; there must be one.", "weights",
							weights->columns);
	for (int c = 0; c < weights->rows; c++)
	{
		if (!(weights->values[c] >= DBL_MIN))
			CsInvalidParameters("\"%s\" has a number that is not positive.", "weights");
		sum += weights->values[c];
	}
	if (!(fabs(sum - 1) <= TOLERANCE))
		CsInvalidParameters("The sum of \"%s\" is not 1.", "weights");
}

/* An error unless a d x d matrix is symmetric. */
static void
CheckSymmetry(int d, const double *a)
{
	for (int i = 0; i < d; i++)
		for (int j = 0; j < i; j++)
		{
			double		one = a[(Size) i * d + j],
						other = a[(Size) j * d + i];

			if (!(fabs(one - other) <= TOLERANCE * Max(fabs(one), fabs(other))))
				CsInvalidParameters("A covariance is not symmetric.");
		}
}

/* The mixture that the parameters are, checked; its arrays are the model's own or palloc'd. */
static GmmMixture
ReadMixture(const CsFitted *model)
{
	GmmMixture	m = {.type = CovarianceType(model),.k = model->nsegments,.d = model->ncolumns};
	const CsParameter *covariances = &model->parameters[m.type == GMM_TIED ? COVARIANCE : COVARIANCES];

	if (m.k > GMM_MAX_COMPONENTS)
		CsInvalidParameters("There are %d segments, the limit is %d.", m.k, GMM_MAX_COMPONENTS);
	CheckWeights(model);
	if (m.type == GMM_FULL)
		for (int c = 0; c < m.k; c++)
			CheckSymmetry(m.d, covariances->values + (Size) c * m.d * m.d);
	else if (m.type == GMM_TIED)
		CheckSymmetry(m.d, covariances->values);
	m.weights = model->parameters[WEIGHTS].values;
	m.covariances = covariances->values;
	m.means = palloc_extended(mul_size(sizeof(double) * m.k, m.d), MCXT_ALLOC_HUGE);
	for (int c = 0; c < m.k; c++)
		for (int j = 0; j < m.d; j++)
			m.means[(Size) c * m.d + j] = model->centers[(Size) j * model->padded + c];
	return m;
}

/* Rows of n numbers, one for each component, to columns; what pads them is 0. */
static void
Transpose(int k, int padded, Size n, const double *rows, double *columns)
{
	memset(columns, 0, sizeof(double) * n * padded);
	for (int c = 0; c < k; c++)
		for (Size i = 0; i < n; i++)
			columns[i * padded + c] = rows[c * n + i];
}

/* Check the parameters and compute what densities need, as CsAlgorithm.compile. */
Size
CsGmmCompile(const CsFitted *model, void *result)
{
	GmmMixture	m = ReadMixture(model);
	GmmLayout	layout = CsGmmLayout(m.type, m.k, m.d);
	double	   *density = palloc_extended(mul_size(sizeof(double), layout.size), MCXT_ALLOC_HUGE);
	const double *projection = density + layout.projection;
	Compiled   *compiled = result;
	double	   *next;

	if (!CsGmmDensity(&m, density))
		CsInvalidParameters("A covariance is not positive definite.");
	if (compiled != NULL)
	{
		compiled->type = m.type;
		next = compiled->value;
		Transpose(m.k, model->padded, 1, density + layout.constants, next);
		next += model->padded;
		if (m.type != GMM_TIED)
			Transpose(m.k, model->padded, layout.factor_size, density + layout.factors, next);
		else
		{
			memcpy(next, density + layout.factors, sizeof(double) * layout.factor_size);
			next += layout.factor_size;
			memcpy(next, projection, sizeof(double) * m.d);
			next += m.d;
			Transpose(m.k, model->padded, m.d, projection + m.d, next);
		}
	}
	pfree(density);
	pfree(m.means);
	return MAXALIGN(add_size(offsetof(Compiled, value),
							 mul_size(sizeof(double),
									  CompiledNumbers(m.type, m.d, model->padded))));
}

/* Squared Mahalanobis distances of z to the eight components of a group. */
static inline void
MeasureFull(const CsFitted *model, const double *factors, int group, const double *z,
			double *squared)
{
	const double *f = factors + group;

	for (int i = 0; i < model->ncolumns; i++)
	{
		const double *mean = model->centers + group;
		double		y[CS_CENTER_GROUP] = {0};

		for (int j = 0; j <= i; j++, mean += model->padded, f += model->padded)
			for (int s = 0; s < CS_CENTER_GROUP; s++)
				y[s] += (z[j] - mean[s]) * f[s];
		for (int s = 0; s < CS_CENTER_GROUP; s++)
			squared[s] += y[s] * y[s];
	}
}

/* The same when factors are diagonal. */
static inline void
MeasureDiagonal(const CsFitted *model, const double *factors, int group, const double *z,
				double *squared)
{
	const double *mean = model->centers + group;
	const double *f = factors + group;

	for (int j = 0; j < model->ncolumns; j++, mean += model->padded, f += model->padded)
		for (int s = 0; s < CS_CENTER_GROUP; s++)
		{
			double		y = (z[j] - mean[s]) * f[s];

			squared[s] += y * y;
		}
}

/* The same for all tied components. */
static inline void
MeasureTied(const CsFitted *model, const double *factor, const double *z, double *squared)
{
	int			d = model->ncolumns;
	const double *reference = factor + CsTriangle(d);
	const double *projected = reference + d;

	for (int i = 0; i < d; i++, projected += model->padded)
	{
		double		y = 0;

		for (int j = 0; j <= i; j++)
			y += (z[j] - reference[j]) * *factor++;
		for (int s = 0; s < model->padded; s++)
		{
			double		difference = y - projected[s];

			squared[s] += difference * difference;
		}
	}
}

/* Squared Mahalanobis distances of z to all components; squared[padded]. */
CS_CLONES static void
MeasureCustomer(const CsFitted *model, const double *z, double *squared)
{
	const Compiled *compiled = model->compiled;
	const double *factors = compiled->value + model->padded;

	memset(squared, 0, sizeof(double) * model->padded);
	if (compiled->type == GMM_TIED)
		MeasureTied(model, factors, z, squared);
	else
		for (int group = 0; group < model->padded; group += CS_CENTER_GROUP)
		{
			if (compiled->type == GMM_FULL)
				MeasureFull(model, factors, group, z, squared + group);
			else
				MeasureDiagonal(model, factors, group, z, squared + group);
		}
}

/* The segment that CsGmmAssign() gives, as CsAlgorithm.place: no probability is needed. */
int
CsGmmPlace(const CsFitted *model, const double *z)
{
	const Compiled *compiled = model->compiled;
	double		squared[TYPEALIGN(CS_CENTER_GROUP, GMM_MAX_COMPONENTS)];
	double		first = -INFINITY;
	int			index = -1;

	MeasureCustomer(model, z, squared);
	for (int c = 0; c < model->nsegments; c++)
	{
		double		log_posterior = compiled->value[c] - 0.5 * squared[c];

		if (log_posterior > first)
		{
			first = log_posterior;
			index = c;
		}
	}
	return index;
}

/* The inverse of Transpose(). */
static void
TransposeBack(int k, int padded, Size n, const double *columns, double *rows)
{
	for (int c = 0; c < k; c++)
		for (Size i = 0; i < n; i++)
			rows[c * n + i] = columns[i * padded + c];
}

/* The array that CsGmmDensity() fills, palloc'd, of a compiled mixture. */
static double *
DensityOf(const CsFitted *model)
{
	const Compiled *compiled = model->compiled;
	int			k = model->nsegments,
				d = model->ncolumns;
	GmmLayout	layout = CsGmmLayout(compiled->type, k, d);
	double	   *density = palloc_extended(mul_size(sizeof(double), layout.size), MCXT_ALLOC_HUGE),
			   *projection = density + layout.projection;
	const double *next = compiled->value + model->padded;

	memcpy(density + layout.constants, compiled->value, sizeof(double) * k);
	TransposeBack(k, model->padded, d, model->centers, density + layout.means);
	if (compiled->type != GMM_TIED)
	{
		TransposeBack(k, model->padded, layout.factor_size, next, density + layout.factors);
		return density;
	}
	memcpy(density + layout.factors, next, sizeof(double) * layout.factor_size);
	next += layout.factor_size;
	memcpy(projection, next, sizeof(double) * d);
	TransposeBack(k, model->padded, d, next + d, projection + d);
	return density;
}

/* Are there enough customers to be placed side by side?  See CsAlgorithm.places_rows. */
bool
CsGmmPlacesRows(const CsFitted *model, int nrows)
{
	return nrows >= MANY;
}

/* The segments that CsGmmPlace() gives, by the kernels of the training, as CsAlgorithm.place_rows. */
void
CsGmmPlaceRows(const CsFitted *model, const double *z, int stride, int nrows, int32 *segments)
{
	const Compiled *compiled = model->compiled;
	double	   *density = DensityOf(model),
			   *row = palloc(sizeof(double) * model->ncolumns);

	CsGmmPlaceByDensity(compiled->type, model->nsegments, model->ncolumns, density, z, stride, nrows, segments);
	for (int r = 0; r < nrows; r++)
	{
		if (segments[r] >= 0)
			continue;
		for (int j = 0; j < model->ncolumns; j++)
			row[j] = z[(Size) j * stride + r];
		segments[r] = CsGmmPlace(model, row);
	}
	pfree(row);
	pfree(density);
}

/*
 * The most probable component, ties to the lower segment number, and the next.  The distance is
 * Mahalanobis' to the component's mean, the confidence its posterior probability, and memberships
 * are the posterior probabilities of all.  False when z is too far from all to tell.
 */
bool
CsGmmAssign(const CsFitted *model, const double *z, CsAssignment *result, double *memberships)
{
	return CsGmmPosterior(model, z, result, memberships, NULL);
}

/* Likewise with the log of the mixture's density at z, unless that is NULL. */
bool
CsGmmPosterior(const CsFitted *model, const double *z, CsAssignment *result, double *memberships,
			   double *log_density)
{
	const Compiled *compiled = model->compiled;
	double		squared[TYPEALIGN(CS_CENTER_GROUP, GMM_MAX_COMPONENTS)],
				posterior[lengthof(squared)];
	double		first = -INFINITY,
				second = -INFINITY,
				sum = 0;

	result->index = result->runner_up = -1;
	MeasureCustomer(model, z, squared);
	for (int c = 0; c < model->nsegments; c++)
	{
		posterior[c] = compiled->value[c] - 0.5 * squared[c];
		if (posterior[c] > first)
		{
			second = first;
			result->runner_up = result->index;
			first = posterior[c];
			result->index = c;
		}
		else if (posterior[c] > second)
		{
			second = posterior[c];
			result->runner_up = c;
		}
	}
	if (result->index < 0)
		return false;
	for (int c = 0; c < model->padded; c++)
		posterior[c] = c < model->nsegments ? posterior[c] - first : -INFINITY;
	CsExp(model->padded, posterior);
	for (int c = 0; c < model->nsegments; c++)
		sum += posterior[c];
	if (log_density != NULL)
		*log_density = first + log(sum);
	result->distance = sqrt(squared[result->index]);
	result->confidence = posterior[result->index] / sum;
	for (int c = 0; memberships != NULL && c < model->nsegments; c++)
		memberships[c] = posterior[c] / sum;
	return true;
}

/* Log of the mixture's density at z. */
double
CsGmmLogDensity(const CsFitted *model, const double *z)
{
	const Compiled *compiled = model->compiled;
	double		squared[TYPEALIGN(CS_CENTER_GROUP, GMM_MAX_COMPONENTS)];
	double		highest = -INFINITY,
				sum = 0;

	MeasureCustomer(model, z, squared);
	for (int c = 0; c < model->nsegments; c++)
	{
		squared[c] = compiled->value[c] - 0.5 * squared[c];
		highest = Max(highest, squared[c]);
	}
	if (isinf(highest))
		return highest;
	for (int c = 0; c < model->nsegments; c++)
		sum += exp(squared[c] - highest);
	return highest + log(sum);
}

/*
 * What speaks against z in a component is its squared Mahalanobis distance: the difference to the
 * mean, times the precision matrix, times the difference.
 */
void
CsGmmExplain(const CsFitted *model, const double *z, int segment, double *point, double *pull)
{
	const Compiled *compiled = model->compiled;
	bool		tied = compiled->type == GMM_TIED;
	int			d = model->ncolumns,
				stride = tied ? 1 : model->padded;
	const double *factor = compiled->value + model->padded + (tied ? 0 : segment);

	for (int j = 0; j < d; j++)
	{
		point[j] = model->centers[(Size) j * model->padded + segment];
		pull[j] = 0;
	}
	for (int i = 0; i < d; i++)
	{
		bool		diagonal = compiled->type == GMM_DIAG || compiled->type == GMM_SPHERICAL;
		const double *row = factor + (diagonal ? (Size) i : CsTriangle(i)) * stride;
		double		y = 0;

		if (diagonal)
		{
			pull[i] = (z[i] - point[i]) * row[0] * row[0];
			continue;
		}
		for (int j = 0; j <= i; j++)
			y += (z[j] - point[j]) * row[(Size) j * stride];
		for (int j = 0; j <= i; j++)
			pull[j] += y * row[(Size) j * stride];
	}
}
