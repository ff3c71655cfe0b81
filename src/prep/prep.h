/*
 * prep.h
 *	  Preparation: what the user asked for (CsPrep), what was fitted (CsPipeline), and the one
 *	  function that applies it to a block of training rows or to a single customer.
 *
 * A pipeline is one flat value: fixed structs and offsets, no pointers.  It can be copied into
 * shared memory, into a scorer, or compared byte by byte.
 *
 * Raw values, one column per feature:
 *   numeric, boolean, time		the number; NaN when missing
 *   categorical				a level number of the pipeline (0..nlevels-1) or CS_UNSEEN_LEVEL, as
 *								CsFeatureLevel gives it; NULL and "other" are levels of their own
 *								where training saw them; NaN for a NULL that is none
 *
 * Each step is fitted on what the step before it gives: impute, clip, transform, encode, scale,
 * reduce.  So a fitted pipeline is the one that scikit-learn's transformers chained in that order
 * would fit.
 */
#ifndef CUSTSEG_PREP_H
#define CUSTSEG_PREP_H

#include "custseg.h"
#include "call/json.h"
#include "data/matrix.h"
#include "data/relation.h"
#include "utils/jsonb.h"

typedef enum CsImpute
{
	CS_IMPUTE_MEDIAN, CS_IMPUTE_MEAN, CS_IMPUTE_MODE, CS_IMPUTE_CONSTANT,
	CS_IMPUTE_KNN, CS_IMPUTE_SKIP, CS_IMPUTE_ERROR,
	CS_IMPUTE_LEVEL				/* of a category: NULL is a level of its own */
} CsImpute;

/* The first of the ways to clip, and of the transforms. */
#define CS_CLIP_NONE 0
#define CS_TRANSFORM_NONE 0

typedef enum CsEncode
{
	CS_ENCODE_ONEHOT, CS_ENCODE_ORDINAL, CS_ENCODE_FREQUENCY
} CsEncode;

typedef enum CsScale
{
	CS_SCALE_STANDARD, CS_SCALE_MINMAX, CS_SCALE_ROBUST, CS_SCALE_NONE,
	CS_SCALE_POWER2				/* by a power of two: nothing is rounded */
} CsScale;

/*
 * What was asked for one column, after defaults and the column's overrides.  prep keys:
 *   impute, constant, neighbors (knn, default 5), clip, clip_limit (iqr factor 1.5, z-score 3,
 *   quantile tail 0.01), transform, encode, levels (ordinal), drop_first, scale, pca (top level
 *   only), columns and exclude (top level only), kind (of a column only)
 * For a categorical column impute median, mean and knn given as a default leave NULL a level of
 * its own (CS_IMPUTE_LEVEL); given for the column itself they are an error; mode, constant, skip,
 * error hold.  An ordinal column is imputed like a number.  clip and transform given as a default
 * leave booleans alone: clipping a rare true to the common false would wipe it out.
 */
typedef struct CsPrepColumn
{
	bool		kind_given;		/* the kind of the column was said, see CsPrepKinds() */
	CsImpute	impute;
	bool		impute_given;	/* for this very column */
	double		constant;		/* impute 'constant', numeric kinds */
	char	   *constant_level; /* impute 'constant', categorical */
	int			neighbors;
	int			clip;			/* index into CsClips */
	double		clip_limit;		/* NaN: the method's default */
	int			transform;		/* index into CsTransforms */
	CsEncode	encode;
	List	   *levels;			/* of char *: ordinal, lowest first */
	bool		drop_first;
	CsScale		scale;
} CsPrepColumn;

typedef struct CsPrep
{
	double		pca;			/* 0: none; < 1: share of variance; >= 1: number of components
								 * (1 itself is one component) */
	int			ncolumns;
	CsPrepColumn *columns;		/* in the features' order */
} CsPrep;

#define CS_UNSEEN_LEVEL (-1.0)
#define CS_KNN_DONORS 10000

/* Most values of all donors together: very wide rows get fewer donors. */
#define CS_KNN_VALUES (4 * 1024 * 1024)
#define CS_MAX_NEIGHBORS 1000

/* A fitted level; its text lies at "text" bytes from the pipeline's start, zero-terminated. */
typedef struct CsLevel
{
	int32		text;			/* offset; 0 for the level of NULL */
	bool		is_other;		/* stands for the levels beyond CS_MAX_LEVELS */
	double		value;			/* ordinal rank or frequency; for one-hot its output, counted from
								 * the feature's first, or -1 */
	int64		count;			/* rows in training */
} CsLevel;

/* A fitted feature. */
typedef struct CsFeature
{
	NameData	name;
	NameData	type;			/* format_type of the training column, cut to 63 bytes */
	int32		kind;			/* CsKind */
	bool		is_coded;		/* a category whose levels are texts of numbers, as prep asked */
	int32		vector_width;	/* elements of the vector that it is one of; 0: it is none */
	int32		impute;			/* CsImpute */
	int32		neighbors;
	int32		clip;
	int32		transform;
	int32		encode;
	int32		scale;
	bool		drop_first;
	double		fill;			/* what a missing number becomes; NaN: no filling (knn, skip,
								 * error); one-hot and frequency: the level number that NULL
								 * becomes, NaN: NULL is looked up as a level; ordinal: a rank */
	double		low,
				high;			/* clip; -inf, +inf without */
	double		center,
				spread;			/* scaled = (x - center) / spread; 0 and 1 for one-hot */
	double		mean;			/* of the raw values, missing ones imputed (not by knn); own
								 * units; ordinal: of the ranks; other categories: NaN */
	int32		first_output;	/* its columns in model space, before PCA */
	int32		noutputs;
	int32		nlevels;
	int32		level_offset;	/* bytes from the pipeline's start to CsLevel[nlevels] */
	int32		nfitted;		/* numbers that the transform was fitted to */
	int32		fitted_offset;	/* double[nfitted] */
} CsFeature;

typedef struct CsPipeline
{
	int32		size;			/* bytes, all told */
	int32		nfeatures;
	int32		nscaled;		/* columns after scaling, before PCA */
	int32		noutputs;		/* columns of model space: nscaled, or PCA components */
	int32		ncomponents;	/* 0: no PCA */
	int32		ndonors;		/* knn donors, 0 without */
	int32		pca_mean_offset;	/* double[nscaled] */
	int32		pca_variance_offset;	/* double[ncomponents]: eigenvalues */
	int32		pca_offset;		/* double[ncomponents][nscaled]: rows are components */
	int32		donor_offset;	/* double[nscaled][ndonors], scaled values column by column */
	double		pca_total_variance;
	CsFeature	feature[FLEXIBLE_ARRAY_MEMBER];
	/* then levels, transforms, PCA, donors, texts; every offset but a text's is MAXALIGNed */
} CsPipeline;

#define CsPipelineAt(p, type, offset) ((type *) ((char *) (p) + (offset)))
#define CsFeatureLevels(p, f) CsPipelineAt(p, CsLevel, (f)->level_offset)
#define CsFeatureFitted(p, f) CsPipelineAt(p, double, (f)->fitted_offset)

/*
 * The frozen baseline of one feature: what it looked like in training, before preparation.
 * Arrays are palloc'd.
 */
#define CS_QUANTILE_POINTS 1001

typedef struct CsBaseline
{
	int64		n;				/* rows */
	int64		n_null;
	bool		is_constant;	/* once it is prepared */
	bool		lacks_range;	/* its quartiles are equal, so the standard deviation clips or scales it */
	double		mean,
				sd,				/* ddof 0 */
				minimum,
				maximum;		/* of the values that are there; NaN when none */
	int			nquantiles;		/* 1,001 points, or the whole sorted column when it is shorter */
	double	   *quantiles;
	int			nlevels;		/* categorical: every kept level with its count, by count */
	char	  **levels;			/* NULL for the level of NULL */
	int64	   *level_counts;
} CsBaseline;

/* options.c */
extern List *CsPrepExcluded(Jsonb *prep);
extern void CsPrepKinds(Jsonb *prep, CsColumn *columns, int ncolumns);
extern CsPrep *CsPrepParse(Jsonb *prep, const CsColumn *columns, int ncolumns, bool keep_values);
extern Jsonb *CsPrepToJsonb(const CsPrep *prep, const CsColumn *columns);

/* fit.c */
extern CsPipeline *CsPipelineFit(CsTeam *team, CsMatrix *raw, const CsColumn *columns,
								 CsDictionary **dictionaries, const CsPrep *prep, uint64 seed,
								 CsBaseline *baselines);
extern Size CsPipelineFitMemory(const CsPrep *prep, int64 nrows);
extern bool CsPipelineInPlace(const CsPipeline *p);
extern CsMatrix *CsPipelineTransform(CsTeam *team, const CsPipeline *p, CsMatrix *raw);

/* A pipeline that is applied again and again, to a raw matrix that is filled anew each time. */
typedef struct CsApplication
{
	int			pipeline;		/* areas: the CsPipeline */
	int			from;			/* the raw CsMatrix */
	int			to;				/* the CsMatrix to fill */
} CsApplication;

extern void CsApplicationStart(CsApplication *a, CsTeam *team, const CsPipeline *p,
							   const CsMatrix *raw, const CsMatrix *result);
extern void CsApplicationRun(const CsApplication *a, CsTeam *team, const CsMatrix *raw,
							 CsMatrix *result);
extern void CsApplicationEnd(const CsApplication *a, CsTeam *team);

/* fit.c */
extern void CsPipelineCheckRow(const CsPipeline *p, const double *raw);

/* apply.c: the one implementation that training and scoring share. */
extern Size CsPipelineWork(const CsPipeline *p, int nrows);
extern bool CsPipelineApply(const CsPipeline *p, const double *raw, int raw_stride, int nrows,
							double *out, int out_stride, double *work);
extern bool CsPipelineScale(const CsPipeline *p, const double *raw, int raw_stride, int nrows,
							double *out, int out_stride, double *work);

/* time.c */
extern bool CsIsInterval(const CsFeature *f);
extern double CsFeatureTime(const CsFeature *f, const char *text, int length);

/* pipeline.c */
extern double CsFeatureLevel(const CsPipeline *p, const CsFeature *f, const char *text, int length);
extern char **CsPipelineScaledNames(const CsPipeline *p);

/*
 * json.c: the pipeline as readable jsonb:
 *   {"features": [{"name", "type", "kind", "impute", "neighbors", "fill", "clip", "limits": [low,
 * 	high], "transform", what it was fitted to, "encode", "drop_first", "scale", "center", "spread", "mean",
 * 	"levels": [{"level", "value", "count", "other"}]}...], "pca": {"mean", "variance",
 * 	"total_variance", "components"}, "donors": [[...]...]}
 * Only the keys that the feature's kind and steps need are there.  null stands for NaN, in "limits"
 * for no limit.  "pca" and "donors" are null when the pipeline has none.
 */
extern Jsonb *CsPipelineToJsonb(const CsPipeline *p);
extern Jsonb *CsFeatureToJsonb(const CsPipeline *p, int feature);
extern CsPipeline *CsPipelineFromJson(const CsJsonReader *r);
extern Jsonb *CsProfileToJsonb(const CsPipeline *p, const double *profile);

/* covariance.c */
typedef struct CsCovariance
{
	int			d;
	double	   *mean;			/* d */
	double	   *values;			/* d x d; NaN with fewer than two rows */
} CsCovariance;

extern CsCovariance CsCovarianceOfRows(CsTeam *team, const CsPipeline *p, const CsMatrix *m);

/* pca.c */
typedef struct CsComponents
{
	int			d;
	double		total;			/* variance of all columns together */
	double	   *variance;		/* d: of each component, descending */
	double	   *vectors;		/* d x d: rows are components */
} CsComponents;

extern CsComponents CsComponentsOfCovariance(const CsCovariance *covariance);
extern int	CsComponentsAsked(const CsComponents *c, double pca);

/* Tasks of a team. */
extern PGDLLEXPORT void CsPrepFitColumnTask(CsTeam *team, const void *args, int item);	/* column.c */
extern PGDLLEXPORT void CsPrepApplyTask(CsTeam *team, const void *args, int item);	/* apply.c */
extern PGDLLEXPORT void CsPrepCovarianceTask(CsTeam *team, const void *args, int item); /* covariance.c */

/* How the values of a column are read that is a feature. */
static inline CsConverter
CsFeatureConverter(const CsFeature *feature, const CsColumn *column)
{
	CsConverter converter = column->converter;

	if (feature->is_coded)
		(void) CsConverterAsCategory(&converter);
	return converter;
}

/* Numbers that a feature takes in a segment's profile: its mean, or the share of each level. */
static inline int
CsProfileWidth(const CsFeature *feature)
{
	return feature->kind == CS_CATEGORICAL ? feature->nlevels : 1;
}

/* Those of all features. */
static inline int
CsProfileSize(const CsPipeline *p)
{
	int			size = 0;

	for (int i = 0; i < p->nfeatures; i++)
		size += CsProfileWidth(&p->feature[i]);
	return size;
}

/* The sum of what a feature's columns of model space have; with components there are no such columns. */
static inline double
CsFeatureSum(const CsFeature *f, const double *outputs)
{
	double		sum = 0;

	for (int j = 0; j < f->noutputs; j++)
		sum += outputs[f->first_output + j];
	return sum;
}

#endif							/* CUSTSEG_PREP_H */
