/*
 * internal.h
 *	  What the files of prep/ share among themselves.
 */
#ifndef CUSTSEG_PREP_INTERNAL_H
#define CUSTSEG_PREP_INTERNAL_H

#include <float.h>
#include <math.h>

#include "math/math.h"
#include "prep/prep.h"

/* Values between two looks for an interrupt where a value costs some 10 ns. */
#define CS_INTERRUPT_VALUES 65536

/* options.c: keys of prep, and their names */
typedef enum CsPrepKey
{
	CS_KEY_IMPUTE,
	CS_KEY_CONSTANT,
	CS_KEY_NEIGHBORS,
	CS_KEY_CLIP,
	CS_KEY_CLIP_LIMIT,
	CS_KEY_TRANSFORM,
	CS_KEY_ENCODE,
	CS_KEY_LEVELS,
	CS_KEY_DROP_FIRST,
	CS_KEY_SCALE,
	CS_KEY_KIND,				/* of a column only */
	CS_KEY_PCA,					/* from here on top level only */
	CS_KEY_COLUMNS,
	CS_KEY_EXCLUDE,
	CS_NPREPKEYS
} CsPrepKey;

/* A key; one that chooses a step has the steps there are, and the place of its index. */
typedef struct CsPrepKeyInfo
{
	const char *name;
	const struct CsStep *const *steps;	/* NULL at the end; NULL for other keys */
	Size		offset;			/* of an int of CsPrepColumn */
} CsPrepKeyInfo;

extern const CsPrepKeyInfo CsPrepKeys[CS_NPREPKEYS];

/* resolve.c */
extern void CsPrepResolve(CsPrepColumn *prep, const bool *given, const CsColumn *column);

/*
 * Steps: the ways to impute, clip, transform, encode and scale.  All of a kind stand in one list,
 * NULL at the end, where a feature's index leads to them; their names are what prep and a stored
 * pipeline call them.  Every struct of a step begins with a CsStep.
 */
typedef struct CsStep
{
	const char *name;
} CsStep;

/*
 * numbers.c: numbers of a column that a step is fitted to, at least one, as the steps before it leave them.
 */
typedef struct CsNumbers
{
	int64		n;				/* values, and copies of what fills in for missing ones */
	double		mean;			/* after CsNumbersMeasure() */
	double		sd;				/* ddof 0 */

	/* the values as they were read, and what was done since */
	CsSelection *order;			/* NULL: they are not at hand, and "at" tells them */
	double		(*at) (void *state, int64 rank);	/* NaN: it is not known yet, and noted */
	void	   *state;
	double		mode;			/* with "at": the smallest of the most frequent values */
	const double *values;
	int64		nvalues;
	double		fill;
	int64		ncopies,
				below;			/* values below the copies */
	double		low,
				high;
	const struct CsTransform *transform;	/* or NULL */
	const double *fitted;
	int			nfitted;
} CsNumbers;

extern CsNumbers CsNumbersBegin(double *values, int64 n, double *scratch);
extern void CsNumbersFill(CsNumbers *x, double fill, int64 copies);
extern void CsNumbersClip(CsNumbers *x, double low, double high);
extern void CsNumbersTransform(CsNumbers *x, const struct CsTransform *transform, const double *fitted,
							   int nfitted);
extern void CsNumbersMeasure(CsNumbers *x);
extern double CsNumberAt(const CsNumbers *x, int64 rank);
extern double CsNumbersQuantile(const CsNumbers *x, double p);
extern int	CsNumbersPointCount(const CsNumbers *x);
extern double CsNumbersPoint(const CsNumbers *x, int i);
extern int	CsNumbersPoints(const CsNumbers *x, double *points);
extern int64 CsNumbersUpTo(const CsNumbers *x, double limit);
extern void CsNumbersInOrder(const CsNumbers *x, double *numbers);
extern void CsNumbersEnd(CsNumbers *x);

/* scale.c */
extern double CsRangeBetween(double low, double high);
extern double CsInterquartileRange(const CsNumbers *x, bool *lacks_range);

/* impute.c: in the order of CsImpute */
typedef struct CsImputeStep
{
	CsStep		step;
	bool		of_numbers;		/* of ordinal categories, too */
	bool		of_categories;

	/* what a missing number becomes; NULL: no one value is put there */
	double		(*fill) (const CsNumbers *x, double constant);
} CsImputeStep;

extern const CsStep *const CsImputes[];

/* clip.c: "none" first */
typedef struct CsClipStep
{
	CsStep		step;
	double		limit;			/* default of clip_limit */
	bool		is_share;		/* limits are 0 to below 0.5; otherwise above 0 */
	bool		by_quartiles;	/* width is CsInterquartileRange() */

	/* numbers are to lie within these, at limit; NULL: they stay as they are */
	void		(*fit) (const CsNumbers *x, double limit, double *low, double *high);
} CsClipStep;

extern const CsStep *const CsClips[];

/*
 * transform.c: "none" first.  A transform never decreases.  It is fitted to at most "most" numbers,
 * which the pipeline keeps.
 */
typedef struct CsTransform
{
	CsStep		step;
	double		above;			/* it takes numbers above this; -INFINITY: any */
	int			most;			/* numbers that it is fitted to; 0: none */
	const char *key;			/* of theirs in json: a number when most is 1, otherwise an array */
	const char *second;			/* key of the second of two, which are numbers then; NULL: there is none */

	/* fit to numbers; returns how many numbers it takes.  scratch: that of CsNumbersBegin(), as many doubles */
	int			(*fit) (const CsNumbers *x, double *scratch, double *fitted);

	/* would the fit give such numbers, finite as they are?  NULL: any will do */
	bool		(*valid) (const double *fitted, int nfitted);

	/*
	 * Take the values over to what they become, NaN to NaN; the same bits for one row as for many.
	 * No palloc, no ereport, and no value out of bounds for any valid numbers.  NULL: they stay.
	 */
	void		(*apply) (const double *fitted, int nfitted, int nrows, double *y);
} CsTransform;

/*
 * Each transform is a file of its own and an entry here, the newest last: scorers keep the index.
 */
#define CS_TRANSFORMS(ENTRY) \
	ENTRY(CsLog1p) \
	ENTRY(CsYeoJohnson) \
	ENTRY(CsQuantile) \
	ENTRY(CsBoxCox)

#define CS_DECLARE_TRANSFORM(transform) extern const CsTransform transform;
CS_TRANSFORMS(CS_DECLARE_TRANSFORM)

extern const CsStep *const CsTransforms[];

/*
 * power.c: families of powers.  CsPower takes a value, given the logarithm that its family takes of it, to
 * what it becomes by a lambda; it never decreases.
 */
typedef double (*CsPower) (double log, double lambda);

extern double CsPowerLambda(CsPower power, const double *logs, int64 n);

/* options.c: in the order of CsEncode */
extern const CsStep *const CsEncodes[];

/* scale.c: in the order of CsScale */
typedef struct CsScaleStep
{
	CsStep		step;
	bool		keeps_values;	/* rounds nothing */
	bool		by_quartiles;	/* spread is CsInterquartileRange() */

	/* scaled = (x - center) / spread; 0 for no spread to divide by */
	void		(*fit) (const CsNumbers *x, bool is_constant, double *center, double *spread);
} CsScaleStep;

extern const CsStep *const CsScales[];

/* The step at an index of each list. */
#define CsImputeAt(i) ((const CsImputeStep *) CsImputes[i])
#define CsClipAt(i) ((const CsClipStep *) CsClips[i])
#define CsTransformAt(i) ((const CsTransform *) CsTransforms[i])
#define CsScaleAt(i) ((const CsScaleStep *) CsScales[i])

/* transform.c */
extern int	CsStepIndex(const CsStep *const *steps, const char *name, int length);

/* Does a column become one number that is scaled like any other?  All do but the one-hot ones. */
static inline bool
CsEncodesNumber(int kind, int encode)
{
	return kind != CS_CATEGORICAL || encode != CS_ENCODE_ONEHOT;
}

/*
 * The parts of a pipeline before they are put together in one flat value.  Features come complete
 * but for outputs and offsets, levels but for the value of one-hot ones.
 */
typedef struct CsLevelPart
{
	char	   *text;			/* NULL for the level of NULL */
	bool		is_other;
	double		value;
	int64		count;
} CsLevelPart;

typedef struct CsPipelineParts
{
	int			nfeatures;
	CsFeature  *features;
	CsLevelPart **levels;		/* features[i].nlevels of each */
	double	  **fitted;			/* features[i].nfitted of each */
	int			ndonors;
	double	   *donors;			/* double[nscaled][ndonors] */
	int			ncomponents;
	double	   *pca_mean;
	double	   *pca_variance;
	double	   *components;		/* double[ncomponents][nscaled] */
	double		pca_total_variance;
} CsPipelineParts;

/* pipeline.c */
extern int	CsPartsNumberOutputs(CsPipelineParts *parts);
extern CsPipeline *CsPipelineAssemble(const CsPipelineParts *parts);

/* knn.c */
extern Size CsKnnWork(const CsPipeline *p);
extern bool CsKnnFill(const CsPipeline *p, int nrows, double *scaled, int stride, double *work);

/* knn.c */
extern void CsKnnFitDonors(CsPipelineParts *parts, const CsPipeline *p, CsTeam *team,
						   const CsMatrix *raw, uint64 seed);

/* pca.c */
extern void CsPcaTake(CsPipelineParts *parts, const CsCovariance *covariance, double pca);
extern void CsPcaFit(CsPipelineParts *parts, const CsPipeline *p, CsTeam *team,
					 const CsMatrix *raw, double pca);

/*
 * column.c: one column's fit, in memory that the team shares.
 *
 * What to do with it.  The table holds a cell per dictionary code and one for NULL: counts after
 * CS_FIT_COUNT; before CS_FIT_VALUES the leader replaces them by level numbers.
 */
typedef union CsCodeCell
{
	int64		count;
	double		level;
} CsCodeCell;

typedef struct CsColumnSpec
{
	CsKind		kind;
	CsPrepColumn prep;			/* its pointers are good in the leader only */
	int			ncodes;
	Size		table;			/* its first cell in the area of tables */
	int			nlevels;
	Size		fitted;			/* its transform's first number in the area of them */
	double		constant;		/* what impute constant fills in */
	double		value[CS_MAX_LEVELS + 2];	/* number of each level: rank or frequency */
} CsColumnSpec;

/* What came of it. */
typedef struct CsColumnFit
{
	int64		n_values;		/* that are there */
	int64		n_infinite;
	int64		n_outside;		/* not in the domain of the transform */
	double		mean,			/* of the values that are there */
				sd,
				minimum,
				maximum;
	int			nquantiles;
	double		quantiles[CS_QUANTILE_POINTS];
	double		fill,			/* and of the imputed ones */
				imputed_mean,
				low,
				high,
				center,
				spread;
	int			nfitted;		/* numbers that the transform is fitted to */
	bool		is_constant;	/* after scaling */
	bool		lacks_range;	/* the quartiles by which to clip or scale are equal */
} CsColumnFit;

typedef enum CsFitStep
{
	CS_FIT_COUNT,				/* categorical: rows per code */
	CS_FIT_VALUES				/* recode categories; fit whatever is a number */
} CsFitStep;

typedef struct CsFitColumnArgs
{
	CsFitStep	step;
	int			matrix;			/* areas: the CsMatrix */
	int			specs;			/* CsColumnSpec[ncolumns] */
	int			fits;			/* CsColumnFit[ncolumns] */
	int			tables;			/* CsCodeCell[] */
	int			fitted;			/* double[]: numbers of the transforms */
	int			first;			/* column of item 0 */
} CsFitColumnArgs;

/* column.c, the task of which is in prep.h */
extern Size CsScratchOfColumn(int64 nrows);
extern void CsFitClip(CsColumnFit *fit, const CsPrepColumn *prep, CsNumbers *x);
extern void CsFitScale(CsColumnFit *fit, CsScale scale, const CsNumbers *x);

/* fit.c: what the leader knows while it fits. */
typedef struct CsFitState
{
	CsTeam	   *team;
	CsArena    *arena;
	CsMatrix   *raw;			/* NULL: columns are known by summaries, see summary.c */
	int64		nrows;
	const CsColumn *columns;
	CsDictionary **dictionaries;
	const CsPrep *prep;
	CsBaseline *baselines;
	CsFitColumnArgs args;
	CsPipelineParts parts;
} CsFitState;

/* A column's slots in the shared areas. */
static inline CsColumnSpec *
CsFitSpec(const CsFitState *s, int column)
{
	return (CsColumnSpec *) CsArenaAddress(s->arena, s->args.specs) + column;
}

static inline CsColumnFit *
CsFitResult(const CsFitState *s, int column)
{
	return (CsColumnFit *) CsArenaAddress(s->arena, s->args.fits) + column;
}

static inline CsCodeCell *
CsFitTable(const CsFitState *s, int column)
{
	return (CsCodeCell *) CsArenaAddress(s->arena, s->args.tables) + CsFitSpec(s, column)->table;
}

/* fit.c */
extern void CsFitStart(CsFitState *s);
extern void CsFitFinish(CsFitState *s);
extern void CsFitReleaseAreas(CsFitState *s);

/* levels.c */
extern void CsFitCategories(CsFitState *s);
extern void CsFitLevels(CsFitState *s);
extern void CsRejectAllNull(const char *name);
extern void CsRejectInfinite(const char *name, int vector_width, int64 n);
extern void CsCheckMissing(CsImpute impute, const char *name, int64 nmissing);

#endif							/* CUSTSEG_PREP_INTERNAL_H */
