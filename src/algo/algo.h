/*
 * algo.h
 *	  Clustering algorithms behind one table of function pointers.
 *
 * An algorithm sees a matrix in model space and a team, and returns labels, centres and
 * measures.  It knows neither tables nor columns.  A new one is a file with its CsAlgorithm, a
 * line in registry.c, a regress file and a section in the docs.
 */
#ifndef CUSTSEG_ALGO_H
#define CUSTSEG_ALGO_H

#include "custseg.h"

#include <math.h>

#include "call/options.h"
#include "data/matrix.h"
#include "nodes/pg_list.h"
#include "parallel/team.h"
#include "utils/jsonb.h"

/* Options every algorithm has: the first field of each options struct. */
typedef struct CsCommonOptions
{
	int64		seed;			/* 42 */
	char	   *weight;			/* name of the weight column, or NULL */
	int			silhouette_sample;	/* rows the silhouette is computed on, 5,000 (20,000 where it is
									 * to judge by); 0: none */
	int			engine;			/* CsEngine */
} CsCommonOptions;

/* Where a training's passes over the rows run. */
typedef enum CsEngine
{
	CS_ENGINE_AUTO,				/* as the source, its size and the algorithm make it best */
	CS_ENGINE_LOCAL,			/* in the memory of this process and its team */
	CS_ENGINE_DISTRIBUTED		/* as aggregates, where the rows are: see dist/ */
} CsEngine;

extern const char *const CsEngines[];

#define CS_ENGINE_OPTION(type, member) \
	{"engine", CS_OPTION_CHOICE, offsetof(type, member), CS_ENGINE_AUTO, 0, 0, CsEngines}

#define CS_COMMON_OPTIONS(type, field) \
	CS_SEED_OPTION(type, field.seed), \
	{"weight", CS_OPTION_TEXT, offsetof(type, field.weight)}, \
	{"silhouette_sample", CS_OPTION_INT, offsetof(type, field.silhouette_sample), 5000, 0, 50000}, \
	CS_ENGINE_OPTION(type, field.engine)

typedef struct CsFitInput
{
	CsTeam	   *team;
	const CsMatrix *matrix;		/* model space */
	int			weights;		/* area of double[nrows], or -1 */
	int			k;				/* 0 for an algorithm that finds k itself; classes of the target */
	int			target;			/* area of int32[nrows]: what it imitates, 0..k-1 */
	const void *options;		/* the algorithm's struct */
	Size		memory_left;	/* bytes that may still be taken */
} CsFitInput;

/*
 * Numbers of a fitted model beside its centres: all that scoring needs, stored as readable json.
 * What they are called and what they are is the algorithm's table of CsParameterInfo.
 */
typedef enum CsParameterKind
{
	CS_PARAMETER_SCALAR,		/* one number; json: a number */
	CS_PARAMETER_SEGMENTS,		/* a row of numbers for each segment that is not noise, in their
								 * order; json: an array of arrays */
	CS_PARAMETER_ROWS,			/* any number of rows of numbers; json: an array of arrays */
	CS_PARAMETER_VECTOR,		/* any number of numbers; json: an array */
	CS_PARAMETER_LABELS			/* any number of segments: indexes here, numbers in json */
} CsParameterKind;

typedef struct CsParameterInfo
{
	const char *name;
	CsParameterKind kind;
	bool		optional;		/* SEGMENTS may have no rows */
	bool		is_points;		/* ROWS are points, LABELS their segments: there may be very many, see CsStoredParameters */
} CsParameterInfo;

typedef struct CsParameter
{
	int32		rows,			/* 0: there is none, as when an option leaves it out */
				columns;		/* 1 but for SEGMENTS and ROWS */
	double	   *values;			/* row by row; palloc'd by fit */
} CsParameter;

#define CS_MAX_PARAMETERS 8

/* A measure of the fit beside those that all algorithms have, as "log_likelihood". */
typedef struct CsMetric
{
	const char *name;
	double		value;
} CsMetric;

#define CS_MAX_METRICS 8

/*
 * One merge of two clusters.  In a finished table they are sorted by height and numbered as in
 * SciPy: the points are 0..n-1, merge i makes n + i, and the lower number comes first.  While the
 * table is being made, a cluster is told by any of its points.
 */
typedef struct CsMerge
{
	int32		first,
				second;
	double		height;			/* distance of the two, by the linkage */
	int64		rows;			/* in the merged cluster */
} CsMerge;

/* Most merges that a fit gives: the highest ones. */
#define CS_UPPER_MERGES 200

/* A point of the curve of distances to the k-th nearest row, in ascending order. */
typedef struct CsDistancePoint
{
	int64		n;				/* rows up to here */
	double		share;			/* of all rows of the curve */
	double		distance;
	bool		is_knee;
} CsDistancePoint;

typedef struct CsFitOutput
{
	int			k;				/* segments found, without noise; may be below what was asked */
	int			labels;			/* area of int32[nrows]: 0..k-1, -1 noise */
	double	   *centers;		/* k x ncolumns, row by row, palloc'd; in model space; when the
								 * algorithm knows noise, that of the noise follows */
	int64	   *counts;			/* rows of each, palloc'd; likewise */
	double		inertia;		/* sum of weight times squared distance to the centre, noise left out */
	double		total;			/* the same of all rows, were there one segment */
	int			iterations;
	bool		converged;
	CsParameter parameters[CS_MAX_PARAMETERS];	/* in the order of the algorithm's table */
	int32	   *point_places;	/* of a k-d tree: at each the number of a point that is a parameter, or -1; palloc'd, or NULL */
	int32		npoint_places;
	int			nmetrics;
	CsMetric	metrics[CS_MAX_METRICS];
	char	   *note;			/* what was decided for the user, a sentence; or NULL */
	CsMerge    *merges;			/* the highest of a hierarchy's, ascending, palloc'd; or NULL */
	int			nmerges;
	int			first_merge;	/* how many there are below them */
	CsDistancePoint *distances; /* points of the curve that eps was read from, palloc'd; or NULL */
	int			ndistances;
	char	  **names;			/* k names and descriptions (NULL: none) of segments that are given
								 * rather than found; NULL: they are found, and numbered by size */
	char	  **descriptions;
} CsFitOutput;

/*
 * A fitted model as scoring sees it.  Segments are told by their index in the order of their
 * numbers; when the algorithm knows noise, index 0 is noise, which has a centre like the others.
 */
#define CS_CENTER_GROUP 8		/* centres are padded to a multiple of this */

typedef struct CsFitted
{
	int			nsegments;		/* noise included */
	bool		has_noise;
	int			ncolumns;		/* of model space */
	int			padded;			/* nsegments rounded up to a multiple of CS_CENTER_GROUP */
	const double *centers;		/* transposed: centers[column * padded + segment] */
	CsParameter parameters[CS_MAX_PARAMETERS];
	const int32 *point_places;	/* as of CsFitOutput, or NULL: of points that are as a fit has left them */
	int32		npoint_places;
	const void *compiled;		/* what the algorithm's compile made of it, MAXALIGNed */
} CsFitted;

typedef struct CsAssignment
{
	int			index;			/* of the segment */
	int			runner_up;		/* the segment that comes next; -1: there is none */
	double		distance;		/* how far it is from its segment, as the algorithm has it */
	double		confidence;		/* how clear a case it is, 0..1 */
} CsAssignment;

/*
 * How far a customer is from the border between its own segment and another, by its memberships: 0
 * on the border, or beyond it, 1 where nothing speaks for the other.  For the nearest centre it is
 * 1 - d_own / d_other.
 */
static inline double
CsMembershipMargin(double own, double other)
{
	double		margin = 1 - sqrt(other / own);

	return Max(margin, 0);
}

/*
 * An algorithm that streams needs all rows only one batch at a time.  Its fit is given a sample of
 * them.  When there are more rows, they follow in batches, all of them in every pass:
 *
 *	state = start()
 *	do { for each batch: learn() } while (end_pass());	the centres move
 *	settle()											now they are final
 *	for each batch: assign()							and every row gets its segment
 *	finish()
 *
 * "batch" is the one matrix that the batches come in, with their weights beside it: only its number
 * of rows changes.  It is at its largest when start is called.
 */
typedef struct CsStreamOptions
{
	int			sample;			/* most rows that are held at once */
	int			batch_size;		/* most rows of a batch */
} CsStreamOptions;

#define CS_STREAM_OPTIONS(type, field) \
	{"sample", CS_OPTION_INT, offsetof(type, field.sample), 100000, 1, 100000000}, \
	{"batch_size", CS_OPTION_INT, offsetof(type, field.batch_size), 32768, 1, 10000000}

typedef struct CsStreaming
{
	size_t		options;		/* where the CsStreamOptions are in the algorithm's struct */
	/* bytes of work area beside a sample and a batch of so many rows */
	Size		(*memory) (int64 sample_rows, int64 batch_rows, int ncolumns, int k);
	/* sample and fit: what fit was given and gave; nrows: all rows that will come in a pass */
	void	   *(*start) (const CsFitInput *sample, const CsFitOutput *fit, const CsMatrix *batch,
						  int weights, int64 nrows);
	void		(*learn) (void *state);
	bool		(*end_pass) (void *state);	/* is another one wanted? */
	/* fills k, centers, labels (those of the sample), iterations and converged of the output */
	void		(*settle) (void *state, CsFitOutput *out);
	/* returns the area of the batch's labels, the same for each batch */
	int			(*assign) (void *state);
	/*
	 * Fills counts, inertia and total, of all rows; a segment without rows is still there.  Gives back
	 * the state.
	 */
	void		(*finish) (void *state, CsFitOutput *out);
} CsStreaming;

/*
 * A border that decides where a customer is, for people: what must hold, and how far inside it the
 * customer is, in the units of what is compared; outside is negative.  Texts are palloc'd.
 */
typedef struct CsBorder
{
	int			feature;		/* that is compared; -1: it is none */
	char	   *name;			/* of what is compared */
	double		value;			/* of it, when it is no feature */
	const char *rule;			/* whose condition it is, or NULL */
	char	   *condition;
	char	   *words;			/* it in a sentence: without SQL, its numbers rounded */
	bool		holds;
	double		margin;			/* NaN: there is no distance, as between levels */
} CsBorder;

/* What an algorithm imitates: the values of a column, or the segments that a version has. */
typedef struct CsImitated
{
	char	   *column;			/* or NULL */
	char	   *model;			/* or NULL */
	int			version;		/* of the model; 0: the deployed one */
} CsImitated;

struct CsPasses;
struct CsPipeline;
struct CsPrep;
struct CsColumn;

typedef struct CsAlgorithm
{
	const char *name;

	/* for people, see custseg.algorithms(): lines without an end */
	const char *segments;		/* what they are */
	const char *memory_text;	/* that it takes beside the matrix */
	const char *keeps;			/* values of customers in the model */
	const char *time;			/* order of it */

	const CsOption *options;
	int			noptions;
	size_t		options_size;
	int			max_segments;
	bool		finds_k;		/* k is not asked for: the rows decide */
	bool		has_noise;		/* rows may be in no segment */

	/*
	 * Segments are given with the rows or by rules about them, rather than found in the rows.
	 *
	 * prep: the preparation that was asked for (NULL: none), read for these features; an error when it is
	 * not for this algorithm.  NULL: as CsPrepParse reads it.
	 * features: names (char *) of the columns that the options speak of; an error when the options make no
	 * sense.  Features when the user names none; NIL: as for any algorithm.
	 * bind: these columns are now there, in the pipeline that the rows went through.
	 * suits: do the options belong to what was fitted by them?  NULL: any do.
	 * borders: a List of CsBorder that say why z is where it is; see explain.c.
	 * imitated: what the segments are learned from, which is then in CsFitInput.target; NULL: nothing.
	 */
	bool		is_given;
	struct CsPrep *(*prep) (Jsonb *asked, const struct CsColumn *features, int nfeatures);
	List	   *(*features) (const void *options);
	void		(*bind) (void *options, const struct CsPipeline *p);
	bool		(*suits) (const CsFitted *model, const struct CsPipeline *p, const void *options);
	List	   *(*borders) (const CsFitted *model, const struct CsPipeline *p,
							const void *options, const double *z);
	const CsImitated *(*imitated) (const void *options);

	const CsParameterInfo *parameters;
	int			nparameters;
	/* bytes of work area beside the matrix, for the memory check before anything is taken */
	Size		(*memory) (int64 nrows, int ncolumns, int k, const void *options);
	/* options that can be checked only with k and the number of columns known (init); or NULL */
	void		(*check) (const void *options, int k, int ncolumns);
	void		(*fit) (const CsFitInput *in, CsFitOutput *out);
	const CsStreaming *streaming;	/* NULL: it needs all rows at once */
	const struct CsPasses *passes;	/* NULL: it does not run as passes over rows that nobody holds */

	/*
	 * Scoring; all NULL: the nearest centre is the segment.  The parameters may come from a user's
	 * literal: numbers are finite, labels are segments, SEGMENTS has its rows (or none, when it is
	 * optional), and nothing else is known.
	 *
	 * compile: checks the parameters, an error by CsInvalidParameters() when they make no sense,
	 * and derives what scoring reads: returns its bytes, and writes them unless "result" is NULL.
	 * They hold no pointers, and depend on nothing but the model.
	 *
	 * assign: places one prepared customer, z[ncolumns]; false when it cannot be placed.  With
	 * "memberships", nsegments doubles that sum to 1, the runner-up is wanted, too.  Takes no
	 * memory and is called for each row.
	 *
	 * place: the segment that assign gives, -1 for none, where it is found sooner; NULL: it is not.
	 *
	 * place_rows: the same of many customers, value j of whom are at z[j * stride]; NULL: there is nothing but
	 * one by one.  places_rows: is that sooner for so many?
	 *
	 * explain: what speaks against z in a segment is the sum over the columns of
	 * (z[j] - point[j]) * pull[j].  For the nearest centre: point is the centre, pull z - point.
	 *
	 * log_density: log of the model's density at z; NULL where the algorithm has none.
	 */
	Size		(*compile) (const CsFitted *model, void *result);
	bool		(*assign) (const CsFitted *model, const double *z, CsAssignment *result,
						   double *memberships);
	int			(*place) (const CsFitted *model, const double *z);
	bool		(*places_rows) (const CsFitted *model, int nrows);
	void		(*place_rows) (const CsFitted *model, const double *z, int stride, int nrows, int32 *segments);
	void		(*explain) (const CsFitted *model, const double *z, int segment,
							double *point, double *pull);
	double		(*log_density) (const CsFitted *model, const double *z);
} CsAlgorithm;

#define CS_INVALID_DEFINITION "invalid definition of a compiled model"
#define CsInvalidParameters(...) \
	ereport(ERROR, \
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), \
			 errmsg(CS_INVALID_DEFINITION), \
			 errdetail(__VA_ARGS__)))

/* registry.c */
extern const CsAlgorithm *CsAlgorithmFind(const char *name);

extern void *CsAlgorithmOptions(const CsOption *options, int noptions, size_t size, Jsonb *json,
								const void *common, size_t common_size);

extern const CsAlgorithm *CsClusteringFind(const char *name);

extern const CsAlgorithm *CsAlgorithmLookup(const char *name);

extern const CsAlgorithm *CsAlgorithmAt(int i);

/* The one that is taken where there is no other choice, as when rows are only to be judged. */
#define CsUsualAlgorithm() CsAlgorithmAt(0)

/* linkage.c */
extern void CsFitKeepMerges(CsFitOutput *out, const CsMerge *merges, int n);

/* nearest.c */
extern bool CsAssignNearest(const CsFitted *model, const double *z, CsAssignment *result,
							double *memberships);
extern void CsPlaceNearest(const CsFitted *model, const double *z, int stride, int nrows, int32 *segments);
extern bool CsAssignManhattan(const CsFitted *model, const double *z, CsAssignment *result,
							  double *memberships);
extern double CsSquaredToCenter(const CsFitted *model, const double *z, int segment);

/* Distances of customers to the centres of their segments, added up. */
typedef struct CsDistances
{
	double		n;				/* without those who are too far away for the square to be a number */
	double		sum,
				squares;
} CsDistances;

extern void CsDistancesAdd(CsDistances *distances, const CsFitted *model, const double *z, int segment);
extern void CsDistancesMerge(CsDistances *into, const CsDistances *from);

extern void CsExplainNearest(const CsFitted *model, const double *z, int segment,
							 double *point, double *pull);

/* moments.c: sums over the rows of each segment of a labelling; noise is segment k. */
typedef struct CsSegmentMoments
{
	int			k;
	int64	   *counts;			/* k + 1: rows */
	double	   *weights;		/* k + 1: sum of the rows' weights */
	double	   *centers;		/* (k + 1) x ncolumns: weighted means; without rows that of all */
	double	   *distance;		/* k + 1: sum of weight times distance to the centre */
	double	   *squared;		/* k + 1: sum of weight times squared distance to the centre */
	double	   *mean;			/* ncolumns: of all rows, noise included */
	double		total;			/* sum of weight times squared distance of all rows to it */
} CsSegmentMoments;

extern CsSegmentMoments *CsMomentsOfSegments(CsTeam *team, const CsMatrix *m, int weights,
											 int labels, int k);
extern void CsMeasureSegments(const CsFitInput *in, CsFitOutput *out);
extern double CsSegmentsApart(const CsSegmentMoments *s, int d, int a, int b);
extern void CsSegmentMomentsFree(CsSegmentMoments *s);
extern Size CsMomentsMemory(int k, int d);
extern PGDLLEXPORT void CsMomentsTask(CsTeam *team, const void *args, int item);

#endif							/* CUSTSEG_ALGO_H */
