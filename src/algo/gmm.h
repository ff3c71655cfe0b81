/*
 * gmm.h
 *	  What the files of the Gaussian mixture share: gmm_plan.c (options, sizes), gmm_mixture.c (its
 *	  numbers, and what densities are computed from), gmm_pass.c (the pass over the rows),
 *	  gmm_score.c (scoring) and gmm.c (the loop).
 */
#ifndef CUSTSEG_GMM_H
#define CUSTSEG_GMM_H

#include "algo/algo.h"
#include "algo/kmeans.h"
#include "math/math.h"

typedef enum GmmType
{
	GMM_FULL,					/* each component has a covariance matrix */
	GMM_TIED,					/* all have the same one */
	GMM_DIAG,					/* each has a variance for each column */
	GMM_SPHERICAL				/* each has one variance */
} GmmType;

typedef struct GmmOptions
{
	CsCommonOptions common;
	int			type;			/* GmmType */
	int			n_init;
	int			max_iter;
	double		tol;
	double		reg_covar;
	bool		reg_covar_absolute;
	CsOptionArray init;			/* k x ncolumns, or empty */
} GmmOptions;

/* Most components, and most numbers in all their covariances together. */
#define GMM_MAX_COMPONENTS 1000
#define GMM_MAX_COVARIANCES 1000000

#define GMM_NPARAMETERS 3

/* A mixture as it is stored. */
typedef struct GmmMixture
{
	GmmType		type;
	int			k;
	int			d;
	double	   *weights;		/* k, their sum is 1 */
	double	   *means;			/* k x d */
	double	   *covariances;	/* full: k x d x d; tied: d x d; diag: k x d; spherical: k */
} GmmMixture;

/*
 * What densities are computed from, as offsets into an array of doubles.  The squared Mahalanobis
 * distance of x to a component is the sum of squares of y = F (x - mean), where F is the inverse of
 * the Cholesky factor of its covariance; for diag and spherical F is diagonal.  Tied components
 * share F, so that x is projected once: y = F (x - reference), and the component's distance is the
 * plain one from y to its projected mean.
 */
typedef struct GmmLayout
{
	Size		constants;		/* k: log weight + log det F - d/2 log 2 pi */
	Size		means;			/* k x d */
	Size		factors;		/* full: k triangles; tied: one; else k x d */
	Size		factor_size;	/* numbers of one factor */
	Size		projection;		/* tied: reference[d], then the projected means, k x d */
	Size		size;
} GmmLayout;

/* One fit's data as tasks see it: the arguments of every task of the mixture. */
typedef struct GmmFit
{
	int			weights;		/* area of double[nrows], -1: every row weighs 1 */
	int			labels;			/* area of int32[nrows]; -1: none */
	int			area;			/* holds all that follows, at these offsets */
	Size		matrix;			/* CsMatrix */
	Size		density;		/* double[layout.size] */
	Size		lanes;			/* double[slots][lane_size] */
	Size		lane_size;		/* numbers of a slot */
	int			slots;
	int			first_lane;		/* lane of slot 0 */
	GmmType		type;
	int			k;
	int			d;
	GmmLayout	layout;
	bool		hard;			/* rows belong to the component of their label, and to no other */
	bool		last;			/* the labels are wanted, and no sums */
} GmmFit;

/* A mixture that is learned: what an M step reads and writes. */
typedef struct GmmLearner
{
	GmmMixture	mixture;
	double	   *sums;			/* of a pass: the log-likelihood, then GmmComponentSums() of each component */
	double		weight;			/* of all rows; 0 until they were measured */
	double	   *mean;			/* of all rows, by column */
	double	   *scatter;		/* tied: a triangle, of all rows about their mean */
	double	   *reg;			/* added to the variance of each column */
} GmmLearner;

/* The address of a part of the fit's area in this process. */
static inline void *
GmmPart(CsArena *arena, const GmmFit *fit, Size offset)
{
	return (char *) CsArenaAddress(arena, fit->area) + offset;
}

/*
 * A lane's sums: log-likelihood first, then for each component the sum of responsibilities r, the
 * sums of r (x - m) for each column, m being the mean that densities were computed with, and of
 * r (x - m)(x - m)': a triangle for full, d numbers for diag and spherical, nothing for tied.
 */
static inline Size
GmmComponentSums(GmmType type, int d)
{
	return 1 + (Size) d + (type == GMM_FULL ? CsTriangle(d) : type == GMM_TIED ? 0 : d);
}

/* gmm.c */
extern void CsGmmLearnerInit(GmmLearner *l, GmmType type, int k, int d);
extern void CsGmmSetRegularization(GmmLearner *l, const GmmOptions *o, const double *variance);
extern void CsGmmUpdateMixture(GmmLearner *l);
extern void CsGmmSetParameters(const GmmMixture *m, CsFitOutput *out);
extern void CsGmmSetMetrics(const GmmMixture *m, double log_likelihood, double bound, double weight, CsFitOutput *out);

/* gmm_exact.c */
extern const struct CsPasses CsGmmPasses;

/* gmm_plan.c */
#define GMM_NOPTIONS 11

extern const CsOption CsGmmOptions[GMM_NOPTIONS];
extern KmeansOptions CsGmmStartOptions(const GmmOptions *o);
extern void CsGmmCheck(const void *options, int k, int d);
extern Size CsGmmLaneSize(GmmType type, int k, int d);
extern int	CsGmmLaneSlots(Size lane_size);
extern Size CsGmmMemory(int64 nrows, int d, int k, const void *options);

/* gmm_mixture.c */
extern Size CsGmmCovariancesSize(GmmType type, int k, int d);
extern GmmLayout CsGmmLayout(GmmType type, int k, int d);
extern bool CsGmmDensity(const GmmMixture *mixture, double *density);
extern bool CsGmmIsRegular(const GmmMixture *m);
extern int64 CsGmmFreeParameters(GmmType type, int k, int d);

/* gmm_pass.c */
extern Size CsGmmPassMemory(int k, int d);
extern PGDLLEXPORT void CsGmmPassTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsGmmNearestTask(CsTeam *team, const void *args, int item);
extern void CsGmmPlaceByDensity(GmmType type, int k, int d, const double *density, const double *x, int stride,
								int nrows, int32 *components);

/* gmm_score.c */
extern const CsParameterInfo CsGmmParameters[GMM_NPARAMETERS];
extern Size CsGmmCompile(const CsFitted *model, void *result);
extern int	CsGmmPlace(const CsFitted *model, const double *z);
extern bool CsGmmPlacesRows(const CsFitted *model, int nrows);
extern void CsGmmPlaceRows(const CsFitted *model, const double *z, int stride, int nrows, int32 *segments);
extern bool CsGmmAssign(const CsFitted *model, const double *z, CsAssignment *result,
						double *memberships);
extern bool CsGmmPosterior(const CsFitted *model, const double *z, CsAssignment *result,
						   double *memberships, double *log_density);
extern double CsGmmLogDensity(const CsFitted *model, const double *z);
extern void CsGmmExplain(const CsFitted *model, const double *z, int segment,
						 double *point, double *pull);

#endif							/* CUSTSEG_GMM_H */
