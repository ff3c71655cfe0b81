/*
 * gmm_pass.c
 *	  One pass of the EM algorithm over the rows: responsibilities, and the sums that the next
 *	  parameters are made of (Dempster, Laird and Rubin 1977).
 *
 * E and M step are one: a group of rows that lies in the processor's cache gets its
 * responsibilities, and is added with them to the sums at once.  Responsibilities of all rows are
 * never held, and a pass reads the matrix once.
 *
 * Sums are taken about the means that the pass started with.  Near the end these are the new means,
 * too, so that the correction for their difference is small and no digits are lost, wherever the
 * data lie.
 *
 * All inner loops run over rows, eight at a time.  Each row's distance is a sum in a fixed order,
 * the one that gmm_score.c has, too.  Sums over rows are eight running sums over the rows of a
 * group, added up in one order, then group by group over a lane; the leader adds up the lanes.  So
 * the bits are the same for any number of workers and any instruction set.
 */
#include "custseg.h"

#include <math.h>

#include "algo/gmm.h"
#include "math/kernel.h"
#include "miscadmin.h"

/* Rows of a group: what a component's differences take should fit the first cache, if it can. */
#define GROUP_ROWS CS_GROUP_ROWS

/* Columns whose products with others are summed while they are in the first cache. */
#define TILE_COLUMNS 16

/* The kernels of one width; what they do is said in gmm_kernels.h. */
typedef struct Kernels
{
	void		(*subtract) (int d, int padded, const double *x, int stride, const double *mean,
							 double *difference);
	void		(*measure_projected) (int d, int padded, const double *difference,
									  const double *factor, double *squared);
	void		(*project) (int d, int padded, const double *difference, const double *factor,
							double *projected);
	void		(*measure_scaled) (int d, int padded, const double *difference,
								   const double *factor, double *squared);
	void		(*take_log_densities) (int k, int padded, const double *constants,
									   double *posterior, double *largest, double *component);
	void		(*subtract_largest) (int k, int padded, const double *largest, double *posterior);
	void		(*sum_densities) (int k, int padded, const double *posterior, double *sum);
	void		(*normalize) (int k, int padded, const double *sum, const double *weight,
							  double *posterior);
	double		(*sum_likelihoods) (int padded, double *largest, const double *log_sum,
									const double *weight);
	void		(*weigh) (int d, int padded, const double *difference,
						  const double *responsibility, double *weighted, double *sums);
	void		(*add_squares) (int d, int padded, const double *difference,
								const double *weighted, double *sums);
	void		(*add_products) (int d, int first, int last, int padded, const double *difference,
								 const double *weighted, double *sums);
} Kernels;

#ifdef CS_WIDE_KERNELS
#define KERNEL_WIDTH 8
#include "algo/gmm_kernels.h"
#define KERNEL_WIDTH 4
#include "algo/gmm_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "algo/gmm_kernels.h"

/* A pass over a lane: buffers are for one group. */
typedef struct Pass
{
	const GmmFit *fit;
	const Kernels *kernel;
	const double *density;		/* see GmmLayout */
	double	   *lane;			/* the sums, see GmmComponentSums */
	double	   *copy;			/* d x GROUP_ROWS: the last rows, so that zeros follow them */
	double	   *weight;			/* of each row; 0 behind the last */
	double	   *difference;		/* d x padded: rows less a mean */
	double	   *weighted;		/* d x padded: the same times responsibility */
	double	   *posterior;		/* k x padded: log densities, then responsibilities */
	double	   *likelihood;		/* padded: logarithms */
	double	   *scratch;		/* padded */

	/* the group */
	const double *x;			/* x[j * stride + r] */
	int			stride;
	int			padded;			/* rows, rounded up to 16 */
	int32	   *labels;			/* or NULL */
	int			nrows;
} Pass;

/* Bytes of a member's buffers. */
Size
CsGmmPassMemory(int k, int d)
{
	Size		rows = add_size(mul_size(3, d), add_size(k, 3));

	return mul_size(rows, sizeof(double) * GROUP_ROWS);
}

/* Squared Mahalanobis distances of the group's rows to all components, squared[c * padded + r]. */
static void
MeasureGroup(Pass *p, double *squared)
{
	const GmmFit *fit = p->fit;
	const GmmLayout *layout = &fit->layout;
	const double *means = p->density + layout->means;
	const double *factor = p->density + layout->factors;
	const double *reference = p->density + layout->projection;
	int			d = fit->d;

	if (fit->type == GMM_TIED)
	{
		p->kernel->subtract(d, p->padded, p->x, p->stride, reference, p->difference);
		p->kernel->project(d, p->padded, p->difference, factor, p->weighted);
		CsSquaredDistances(d, p->padded, p->weighted, p->padded, fit->k, reference + d, squared);
		return;
	}
	for (int c = 0; c < fit->k; c++)
	{
		CHECK_FOR_INTERRUPTS();
		p->kernel->subtract(d, p->padded, p->x, p->stride, means + (Size) c * d, p->difference);
		if (fit->type == GMM_FULL)
			p->kernel->measure_projected(d, p->padded, p->difference, factor, squared);
		else
			p->kernel->measure_scaled(d, p->padded, p->difference, factor, squared);
		squared += p->padded;
		factor += layout->factor_size;
	}
}

/*
 * E step of a group: responsibilities times weights, or in the last pass the most probable
 * component.  Returns the log-likelihood of its rows.
 */
static double
Expect(Pass *p)
{
	const GmmFit *fit = p->fit;
	int			n = fit->k * p->padded;
	double	   *largest = p->likelihood,
			   *component = p->scratch;

	MeasureGroup(p, p->posterior);
	p->kernel->take_log_densities(fit->k, p->padded, p->density + fit->layout.constants,
								  p->posterior, largest, component);
	if (fit->last)
		for (int r = 0; r < p->nrows; r++)
			p->labels[r] = (int32) component[r];
	p->kernel->subtract_largest(fit->k, p->padded, largest, p->posterior);
	CsExp(n, p->posterior);
	p->kernel->sum_densities(fit->k, p->padded, p->posterior, p->scratch);
	if (!fit->last)
		p->kernel->normalize(fit->k, p->padded, p->scratch, p->weight, p->posterior);
	CsLog(p->padded, p->scratch);
	return p->kernel->sum_likelihoods(p->padded, largest, p->scratch, p->weight);
}

/* Responsibilities that are given by labels; without labels there is one component. */
static void
TakeLabels(Pass *p)
{
	for (int c = 0; c < p->fit->k; c++)
		for (int r = 0; r < p->padded; r++)
			p->posterior[(Size) c * p->padded + r] =
				r < p->nrows && (p->labels == NULL || p->labels[r] == c) ? p->weight[r] : 0;
}

/* M step of a group: what its rows add to the sums of each component. */
static void
Accumulate(Pass *p)
{
	const GmmFit *fit = p->fit;
	int			d = fit->d;
	const double *means = p->density + fit->layout.means;
	Size		size = GmmComponentSums(fit->type, d);

	for (int c = 0; c < fit->k; c++)
	{
		double	   *sums = p->lane + 1 + c * size;

		CHECK_FOR_INTERRUPTS();
		p->kernel->subtract(d, p->padded, p->x, p->stride, means + (Size) c * d, p->difference);
		p->kernel->weigh(d, p->padded, p->difference, p->posterior + (Size) c * p->padded,
						 p->weighted, sums);
		sums += 1 + d;
		if (fit->type == GMM_FULL)
			for (int j = 0; j < d; j += TILE_COLUMNS)
				p->kernel->add_products(d, j, Min(j + TILE_COLUMNS, d), p->padded, p->difference,
										p->weighted, sums);
		else if (fit->type != GMM_TIED)
			p->kernel->add_squares(d, p->padded, p->difference, p->weighted, sums);
	}
}

/*
 * Make the rows from r on the group; columns are "stride" apart.  Behind the last row of a block there may be
 * anything: the rows that would be padded with it are copied, and followed by zeros.
 */
static void
TakeGroup(Pass *p, const double *block, int stride, int r, int nrows, const double *weights)
{
	int			d = p->fit->d;

	p->nrows = Min(GROUP_ROWS, nrows - r);
	p->padded = CS_PAD_ROWS(p->nrows);
	p->x = block + r;
	p->stride = stride;
	memset(p->weight, 0, sizeof(double) * p->padded);
	for (int i = 0; i < p->nrows; i++)
		p->weight[i] = weights ? weights[r + i] : 1;
	if (p->padded == p->nrows)
		return;
	memset(p->copy, 0, sizeof(double) * d * p->padded);
	for (int j = 0; j < d; j++)
		memcpy(p->copy + (Size) j * p->padded, p->x + (Size) j * stride, sizeof(double) * p->nrows);
	p->x = p->copy;
	p->stride = p->padded;
}

/* The buffers of a pass, one after the other; CsGmmPassMemory() says how many. */
static void
TakeBuffers(Pass *p)
{
	int			d = p->fit->d;
	double	   *next = palloc_extended(CsGmmPassMemory(p->fit->k, d), MCXT_ALLOC_HUGE);

	p->weight = next;
	p->likelihood = p->weight + GROUP_ROWS;
	p->scratch = p->likelihood + GROUP_ROWS;
	p->copy = p->scratch + GROUP_ROWS;
	p->difference = p->copy + (Size) d * GROUP_ROWS;
	p->weighted = p->difference + (Size) d * GROUP_ROWS;
	p->posterior = p->weighted + (Size) d * GROUP_ROWS;
}

/* CS_TASK(CsGmmPassTask): one pass over the rows of a lane. */
void
CsGmmPassTask(CsTeam *team, const void *args, int item)
{
	const GmmFit *fit = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = GmmPart(arena, fit, fit->matrix);
	const double *weights = fit->weights < 0 ? NULL : CsArenaAddress(arena, fit->weights);
	int32	   *labels = fit->labels < 0 ? NULL : CsArenaAddress(arena, fit->labels);
	int			lane = fit->first_lane + item;
	Pass		pass = {
		.fit = fit,
		.kernel = ChooseKernel(&kernels),
		.density = GmmPart(arena, fit, fit->density)
	};

	TakeBuffers(&pass);
	pass.lane = (double *) GmmPart(arena, fit, fit->lanes) + item * fit->lane_size;
	memset(pass.lane, 0, sizeof(double) * fit->lane_size);
	for (int64 b = CsLaneStart(m, lane); b < CsLaneStart(m, lane + 1); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);
		int64		first = b * CS_BLOCK_ROWS;
		int			nrows = CsMatrixBlockRows(m, b);

		for (int r = 0; r < nrows; r += GROUP_ROWS)
		{
			CHECK_FOR_INTERRUPTS();
			TakeGroup(&pass, x, CS_BLOCK_ROWS, r, nrows, weights ? weights + first : NULL);
			pass.labels = labels ? labels + first + r : NULL;
			if (fit->hard)
				TakeLabels(&pass);
			else
				pass.lane[0] += Expect(&pass);
			if (!fit->last)
				Accumulate(&pass);
		}
	}
}

/* CS_TASK(CsGmmNearestTask): the labels of a lane's rows are the nearest means. */
void
CsGmmNearestTask(CsTeam *team, const void *args, int lane)
{
	const GmmFit *fit = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = GmmPart(arena, fit, fit->matrix);
	const double *density = GmmPart(arena, fit, fit->density);
	int32	   *labels = CsArenaAddress(arena, fit->labels);
	double	   *scratch = palloc(sizeof(double) * CS_GROUP_ROWS * fit->k);
	double		nearest[CS_BLOCK_ROWS];

	for (int64 b = CsLaneStart(m, lane); b < CsLaneStart(m, lane + 1); b++)
	{
		CHECK_FOR_INTERRUPTS();
		CsNearest(fit->d, CsMatrixBlockRows(m, b), CsMatrixBlock(m, arena, b), CS_BLOCK_ROWS,
				  fit->k, density + fit->layout.means, scratch, labels + b * CS_BLOCK_ROWS,
				  nearest, NULL);
	}
}

/*
 * The most probable components of rows, value j of whom are at x[j * stride], by the array that CsGmmDensity()
 * fills; ties to the lowest.  -1: that of the first component, or of all of them, is no number.
 */
void
CsGmmPlaceByDensity(GmmType type, int k, int d, const double *density, const double *x, int stride, int nrows,
					int32 *components)
{
	GmmFit		fit = {.type = type,.k = k,.d = d,.layout = CsGmmLayout(type, k, d)};
	Pass		pass = {.fit = &fit,.kernel = ChooseKernel(&kernels),.density = density};

	TakeBuffers(&pass);
	for (int first = 0; first < nrows; first += GROUP_ROWS)
	{
		CHECK_FOR_INTERRUPTS();
		TakeGroup(&pass, x, stride, first, nrows, NULL);
		MeasureGroup(&pass, pass.posterior);
		pass.kernel->take_log_densities(k, pass.padded, density + fit.layout.constants, pass.posterior,
										pass.likelihood, pass.scratch);
		for (int r = 0; r < pass.nrows; r++)
			components[first + r] = pass.likelihood[r] > -INFINITY ? (int32) pass.scratch[r] : -1;
	}
	pfree(pass.weight);
}
