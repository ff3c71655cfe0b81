/*
 * internal.h
 *	  What the files of prep/ share among themselves.
 */
#ifndef CUSTSEG_PREP_INTERNAL_H
#define CUSTSEG_PREP_INTERNAL_H

#include <float.h>
#include <math.h>

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
	CS_KEY_PCA,					/* from here on top level only */
	CS_KEY_COLUMNS,
	CS_NPREPKEYS
} CsPrepKey;

extern const char *const CsPrepKeyNames[];

/* resolve.c: make the settings of a column suit its kind; given is per key, for this very column */
extern void CsPrepResolve(CsPrepColumn *prep, const bool *given, const CsColumn *column);

/* options.c: names of the enums' values in their order, NULL at the end; index of one, or -1 */
extern const char *const CsImputeNames[];
extern const char *const CsClipNames[];
extern const char *const CsTransformNames[];
extern const char *const CsEncodeNames[];
extern const char *const CsScaleNames[];

extern int	CsNameIndex(const char *const *names, const char *text, int length);

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

/*
 * apply.c: all steps but PCA, into nscaled columns.  Scratch: CsKnnWork(p) doubles.
 */
extern bool CsPipelineScale(const CsPipeline *p, const double *raw, int raw_stride, int nrows,
							double *out, int out_stride, double *work);

/* knn.c: fill what is missing in scaled rows; false when that can't be done. */
extern Size CsKnnWork(const CsPipeline *p);
extern bool CsKnnFill(const CsPipeline *p, int nrows, double *scaled, int stride, double *work);

/* knn.c: add donors from the raw matrix to the parts of pipeline p, which has none yet */
extern void CsKnnFitDonors(CsPipelineParts *parts, const CsPipeline *p, CsTeam *team,
						   const CsMatrix *raw, uint64 seed);

/* pca.c: add components to the parts of pipeline p, which has none yet */
extern void CsPcaFit(CsPipelineParts *parts, const CsPipeline *p, CsTeam *team,
					 const CsMatrix *raw, double pca);

/* yeo_johnson.c: lambda of greatest likelihood for sorted values; scratch of n doubles */
extern double CsYeoJohnsonFit(const double *sorted, int64 n, double *scratch);

/*
 * Yeo and Johnson's transform (Biometrika 87, 2000), of x and of sign(x) log(1 + |x|).  expm1
 * keeps the digits that pow(x + 1, lambda) - 1 would cancel for small values.
 */
static inline double
CsYeoJohnsonOfLog(double signed_log, double lambda)
{
	double		power = signed_log < 0 ? 2 - lambda : lambda;
	double		magnitude = fabs(signed_log);

	if (fabs(power) >= DBL_EPSILON)
		magnitude = expm1(power * magnitude) / power;
	return copysign(magnitude, signed_log);
}

static inline double
CsYeoJohnson(double x, double lambda)
{
	return CsYeoJohnsonOfLog(copysign(log1p(fabs(x)), x), lambda);
}

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
				lambda,
				center,
				spread;
	bool		is_constant;	/* after scaling */
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
	int			scratch;		/* double[wave][2][nrows] */
	int			first;			/* column of item 0 */
} CsFitColumnArgs;

/* fit.c: what the leader knows while it fits. */
typedef struct CsFitState
{
	CsTeam	   *team;
	CsArena    *arena;
	CsMatrix   *raw;
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

/* levels.c: choose the levels of all categories; errors that a column's missing values make */
extern void CsFitCategories(CsFitState *s);
extern void CsRejectAllNull(const char *name);
extern void CsCheckMissing(CsImpute impute, const char *name, int64 nmissing);

/* json.c: a double as a jsonb number that reads back to the bit; NaN and infinity are null */
extern void CsJsonbPushKey(JsonbParseState **state, const char *key);
extern void CsJsonbPushString(JsonbParseState **state, JsonbIteratorToken token, const char *text);
extern void CsJsonbPushNumber(JsonbParseState **state, JsonbIteratorToken token, double number);
extern void CsJsonbPushBool(JsonbParseState **state, JsonbIteratorToken token, bool value);
extern bool CsJsonbNumber(const JsonbValue *value, double *number);

#endif							/* CUSTSEG_PREP_INTERNAL_H */
