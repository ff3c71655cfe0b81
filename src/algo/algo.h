/*
 * algo.h
 *	  Clustering algorithms behind one table of function pointers.
 *
 * An algorithm sees a matrix in model space and a team, and returns labels, centres and
 * measures.  It knows neither tables nor columns.  A new one is a file with its CsAlgorithm, a
 * line in registry.c, its tasks in team.h and registry.c, a regress file and a row in the docs.
 */
#ifndef CUSTSEG_ALGO_H
#define CUSTSEG_ALGO_H

#include "custseg.h"
#include "data/matrix.h"
#include "parallel/team.h"
#include "utils/jsonb.h"

/* options.c: options of an algorithm, described as data and read from jsonb. */
typedef enum CsOptionType
{
	CS_OPTION_BOOL,				/* bool field */
	CS_OPTION_INT,				/* int field */
	CS_OPTION_BIGINT,			/* int64 field; a bound of +-2^63 and beyond is int64's own */
	CS_OPTION_REAL,				/* double field; an infinite bound is none */
	CS_OPTION_CHOICE,			/* int field: index into choices */
	CS_OPTION_TEXT,				/* char * field, NULL when not given */
	CS_OPTION_ARRAY				/* CsOptionArray field: array of equally long arrays of numbers */
} CsOptionType;

typedef struct CsOptionArray
{
	int			rows,
				columns;		/* 0, 0 when not given */
	double	   *values;			/* row by row */
} CsOptionArray;

typedef struct CsOption
{
	const char *name;
	CsOptionType type;
	size_t		offset;			/* of the field in the options struct */
	double		boot,
				low,
				high;			/* default and range; for choices the default's index */
	const char *const *choices; /* NULL-terminated */
} CsOption;

/*
 * Fill the struct from jsonb (NULL: nothing given); unknown keys, wrong types and values out of
 * range are errors that say what is known.  A json null stands for the default.  Texts and arrays
 * are palloc'd in CurrentMemoryContext.  ToJsonb gives all options, defaults included; what
 * was not given and has no default is null, so that Parse reads it back to the bit.
 */
extern void CsOptionsParse(const CsOption *options, int noptions, Jsonb *json, void *result);
extern Jsonb *CsOptionsToJsonb(const CsOption *options, int noptions, const void *values);

/* Options every algorithm has: the first field of each options struct. */
typedef struct CsCommonOptions
{
	int64		seed;			/* 42 */
	char	   *weight;			/* name of the weight column, or NULL */
	int			silhouette_sample;	/* rows the stored silhouette is computed on, 5,000; 0: none */
} CsCommonOptions;

#define CS_COMMON_OPTIONS(type, field) \
	{"seed", CS_OPTION_BIGINT, offsetof(type, field.seed), 42, -9007199254740992.0, 9007199254740992.0}, \
	{"weight", CS_OPTION_TEXT, offsetof(type, field.weight)}, \
	{"silhouette_sample", CS_OPTION_INT, offsetof(type, field.silhouette_sample), 5000, 0, 50000}

typedef struct CsFitInput
{
	CsTeam	   *team;
	const CsMatrix *matrix;		/* model space */
	int			weights;		/* area of double[nrows], or -1 */
	int			k;
	const void *options;		/* the algorithm's struct */
	Size		memory_left;	/* bytes that may still be taken */
} CsFitInput;

typedef struct CsFitOutput
{
	int			k;				/* segments found; may be below what was asked */
	int			labels;			/* area of int32[nrows]: 0..k-1, -1 noise */
	double	   *centers;		/* k x ncolumns, row by row, palloc'd; in model space */
	int64	   *counts;			/* rows of each, palloc'd */
	double		inertia;		/* sum of weight times squared distance to the centre */
	double		total;			/* the same were there one segment */
	int			iterations;
	bool		converged;
} CsFitOutput;

typedef struct CsAlgorithm
{
	const char *name;
	const CsOption *options;
	int			noptions;
	size_t		options_size;
	int			max_segments;
	/* bytes of work area beside the matrix, for the memory check before anything is taken */
	Size		(*memory) (int64 nrows, int ncolumns, int k, const void *options);
	/* options that can be checked only with k and the number of columns known (init) */
	void		(*check) (const void *options, int k, int ncolumns);
	void		(*fit) (const CsFitInput *in, CsFitOutput *out);
} CsAlgorithm;

extern const CsAlgorithm CsKmeans;

/* registry.c: by name, or an error whose hint lists the algorithms */
extern const CsAlgorithm *CsAlgorithmFind(const char *name);

#endif							/* CUSTSEG_ALGO_H */
