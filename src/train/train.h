/*
 * train.h
 *	  What the files of a training share: one struct that is filled from top to bottom.
 *
 * Order: train.c reads the arguments, features.c chooses the columns, rows.c reads the rows,
 * features.c drops columns that turn out to be of no use, prepare.c prepares and fits, train.c
 * has the segments summed up, numbering.c numbers and names them, store.c writes the result.  While rows are
 * read, labellers (labeller.h) tell what is to be learned and where rows were before.  When the rows
 * that were read are only a sample of all, stream.c reads all of them again, after the fit.
 * Everything lives in one memory context that prepare.c deletes.
 *
 * Functions that judge rather than train (src/judge/) go the first half of the way: to rows in
 * model space.
 */
#ifndef CUSTSEG_TRAIN_H
#define CUSTSEG_TRAIN_H

#include "algo/algo.h"
#include "call/call.h"
#include "data/matrix.h"
#include "data/identity.h"
#include "data/relation.h"
#include "life/life.h"
#include "lib/stringinfo.h"
#include "portability/instr_time.h"
#include "score/score.h"
#include "stat/dip.h"
#include "stat/profile.h"
#include "train/labeller.h"

/* The columns of the source that a pass over its rows reads. */
typedef struct CsRowColumns
{
	CsColumnSet set;			/* the features first, then what else is needed */
	int			weight;			/* which of them is the weight, or -1 */
	int			outcome;		/* which is what is to be predicted, or -1 */
} CsRowColumns;

/* A segment as it is stored. */
typedef struct CsSegmentRow
{
	int			index;			/* the algorithm's: 0..k-1, k is noise */
	int			segment;		/* number; 0: noise */
	char	   *name;
	char	   *description;	/* or NULL */
	int			rank;			/* of value, 1 the highest; 0: none */
	int64		n;
	double		share;
	double		mean_distance;
	double		spread;			/* root mean square distance to the centre */
	double	   *center;			/* model space */
	double	   *profile;		/* nprofile doubles, as in CsScorer */
} CsSegmentRow;

/* How many rows new segments share with those of the predecessor. */
typedef struct CsOverlap
{
	int			n;				/* the larger number of segments; 0: not compared yet */
	double	   *rows;			/* n x n, new ones by row; NULL when they are too many to compare */
} CsOverlap;

/* The variance of principal components, the largest first. */
typedef struct CsScree
{
	int			n;				/* 0: not known */
	double	   *variance;
	double		total;			/* of all columns together */
} CsScree;

struct CsTraining;
struct CsChoice;

/* What the caller asks for; it must outlive the training. */
typedef struct CsRequest
{
	const char *command;		/* the function as the user knows it: "custseg.choose_k()" */
	char	   *model;			/* NULL: no model comes of it, the rows are judged only */
	CsRelation *relation;		/* the source, where it is open; or NULL */
	char	   *source;			/* NULL: what "trained" was trained on, see CsSourceOpen */
	const CsScorer *trained;	/* pinned, or NULL */
	CsWithin   *within;			/* whose segment the rows are of, or NULL: of all customers */
	char	   *id;				/* NULL: the primary key, if there is one */
	ArrayType  *features;		/* NULL: every column of use */
	Jsonb	   *prep;			/* or NULL */
	char	   *outcome;		/* a number or a boolean that is to be predicted, or NULL */
	const CsAlgorithm *algorithm;	/* NULL when none is run, or none in particular */
	bool		by_passes;		/* no model comes of it, but passes may read the rows, see distributed.h; then */
	int64		sample;			/* it looks at so many rows at most, prepared as all are; 0: passes tell it of all */
	bool		may_sample;		/* it looks at all rows, but where there is no memory for them a sample will do */
	Jsonb	   *asked;			/* its options as they are given, or NULL */
	void	   *options;		/* parsed; the first field is a CsCommonOptions */
	int			k;				/* 0: not known yet */
	int			k_max;			/* most segments that will be tried, for the memory */
	/* bytes beside the matrix of model space; NULL: the algorithm's, else none */
	Size		(*memory) (int64 nrows, int ncolumns, int k, const void *options);
	/* bytes that measures take beside that, or NULL; "judging" is theirs to read */
	Size		(*measures) (const struct CsTraining *t, int64 nrows, int ncolumns);
	const void *judging;
} CsRequest;

typedef struct CsTraining
{
	MemoryContext context;
	MemoryContext caller;

	/* requested, see CsRequest */
	const char *command;
	char	   *model;
	bool		choose_features;	/* none were named */
	int			k;
	int			k_max;
	CsDeploy	deploy;
	const CsAlgorithm *algorithm;
	bool		by_passes;		/* passes may read the rows */
	int64		sample;
	bool		may_sample;
	const void *options;
	const CsCommonOptions *common;	/* the options' first field */
	Size		(*memory) (int64 nrows, int ncolumns, int k, const void *options);
	Size		(*measures) (const struct CsTraining *t, int64 nrows, int ncolumns);
	const void *judging;

	/* columns */
	CsRelation *relation;
	const CsWithin *within;		/* whose segment's customers alone it reads, or NULL */
	char	   *id;				/* or NULL */
	const CsColumn *outcome;	/* what is to be predicted, or NULL */
	int			nfeatures;
	CsColumn   *features;
	CsPrep	   *prep;
	CsDictionary **dictionaries;	/* per feature; NULL unless categorical */
	bool	   *overfull;		/* per feature: more levels than a dictionary holds */
	bool	   *has_null;		/* per feature: in a row that was read */
	StringInfoData left_out;	/* "column (why), ..." of what was not named and is of no use */
	StringInfoData doubts;		/* "column (why), ..." of features to look at */
	const CsVectorColumn *left_out_vector;	/* of which so many elements were the last of them */
	int			left_out_elements;

	/* rows */
	struct CsDistribution *distribution;	/* when they may be read by passes, see distributed.h; or NULL */
	char	   *fit_note;		/* that they are a sample of all, a phrase; or NULL */
	const CsStreaming *streaming;	/* the algorithm's, when raw and matrix may be a sample of the rows */
	int64		nrows;			/* to train on, all told */
	bool		keep_nulls;		/* reading only to judge the columns: skip no row for a NULL */
	CsArena    *arena;
	CsTeam	   *team;			/* once it has been started, until CsTrainingPrepare() hands it over */
	CsMatrix   *raw;
	int			weights;		/* area of double[nrows], or -1 */
	int			outcomes;		/* likewise: of the outcome; booleans are 0 and 1 */
	int64		n_skipped;
	Jsonb	   *skipped;		/* reason -> rows */
	CsLabeller *target;			/* of an algorithm that imitates, else NULL */
	CsLabeller *predecessor;	/* NULL: number by size */
	CsLabeller *hashes;			/* of the rows' ids, where there is an outcome; else NULL */
	int			nlabellers;
	CsLabeller *labellers[3];	/* these, as far as there are any */

	/* fitted */
	CsPipeline *pipeline;
	CsBaseline *baselines;
	CsMatrix   *matrix;			/* model space; may be raw itself */
	CsFitOutput fit;
	CsStructure structure;		/* of the rows; rating unknown where it was not asked */
	double		silhouette;		/* NaN: undefined */
	double		silhouette_deviation;	/* of its rows' widths; NaN likewise */
	int64		silhouette_rows;	/* it was computed on */
	double		mean_distance;	/* noise left out; NaN when there is nothing else */
	const struct CsChoice *choice;	/* how the number of segments was chosen, or NULL; see choice.h */
	CsScree		scree;
	int			nprofile;
	int			nsegments;		/* fit.k, and one more when the algorithm knows noise */
	CsOverlap	overlap;		/* with the predecessor's segments */
	CsSegmentRow *segments;		/* in the algorithm's order until they are numbered, noise last */

	/* results */
	CsNewVersion stored;
	double		read_milliseconds,
				prepare_milliseconds,
				fit_milliseconds,
				milliseconds;
	instr_time	start;
} CsTraining;

/* How an algorithm that streams is to hold rows. */
static inline const CsStreamOptions *
CsStreamOptionsOf(const CsTraining *t)
{
	return (const CsStreamOptions *) ((const char *) t->options + t->streaming->options);
}

/* Most segments that are matched to a predecessor's: the assignment takes their cube in time. */
#define CS_MAX_MATCHED 2000

/* Number of segments for which memory is computed when the rows decide how many there are. */
#define CS_USUAL_SEGMENTS 100

/* prepare.c */
extern CsTraining *CsTrainingOpen(const CsRequest *request);
extern CsTeam *CsTrainingPrepare(CsTraining *t);
extern CsFitOutput CsTrainingFit(CsTraining *t, CsTeam *team, const CsAlgorithm *algorithm,
								 const void *options, int k);
extern void CsCheckInertia(const CsFitOutput *fit);
extern void CsTrainingClose(CsTraining *t);
extern Size CsTrainingMemory(const CsTraining *t, int64 nrows);
extern Size CsTrainingMemoryLeft(const CsTraining *t);

extern Size CsMemoryBeyondFit(const CsTraining *t, int64 nrows, int ncolumns, Size bytes);
extern void CsReportMemory(const CsTraining *t, int64 nrows);
extern void CsReportNoRows(const CsTraining *t);
extern double CsMillisecondsSince(instr_time start);

extern int	CsSegmentsAsked(NullableDatum asked, const CsAlgorithm *algorithm, const void *options);

/* trial.c */
extern char **CsAlgorithmsArgument(FunctionCallInfo fcinfo, int argument, int *n);
extern char *CsTrainingTry(CsTraining *t, void (*measure) (void *trial), void *trial);

/* difference.c */
extern void CsTellDifference(const CsTraining *t, const CsRequest *request);

/* features.c */
extern void CsFeaturesResolve(CsTraining *t, ArrayType *names, Jsonb *prep);
extern void CsFeaturesDropUseless(CsTraining *t);
extern void CsFeaturesReport(CsTraining *t);

/* facts.c */
extern CsColumnFacts *CsGatherFacts(const CsTraining *t);

/* rows.c */
extern void CsRowsRead(CsTraining *t);
extern void CsRowsKeepNulls(CsTraining *t);
extern void CsRowColumnsCollect(CsTraining *t, CsRowColumns *c);
extern double CsRowWeight(const CsRowColumns *c, const Datum *values, const bool *nulls);

/* repeat.c: positions of retrain()'s arguments, and what its version was trained with. */
enum
{
	CS_RETRAIN_MODEL, CS_RETRAIN_SOURCE, CS_RETRAIN_OPTIONS, CS_RETRAIN_DEPLOY
};

typedef struct CsRepetition
{
	char	   *algorithm;
	int			n_segments;
	char	   *id;				/* or NULL */
	Jsonb	   *prep;
	Jsonb	   *options;
	ArrayType  *features;		/* NULL: the kind has none */
} CsRepetition;

extern CsRepetition CsRepetitionRead(FunctionCallInfo fcinfo, const char *model, int version);

/* How a model of each kind is trained again: retrain(), whose arguments are at hand.  The list is in src/custseg.c. */
typedef Datum (*CsRetrain) (FunctionCallInfo fcinfo, char *model);

extern const CsRetrain CsRetrainers[CS_MODEL_KINDS];

/* train.c */
extern Datum CsRetrainSegments(FunctionCallInfo fcinfo, char *model);
extern Datum CsRetrainRow(FunctionCallInfo fcinfo, const CsNewVersion *v);
extern CsProfile *CsStartProfile(CsTraining *t, const CsMatrix *matrix, const CsMatrix *raw,
								 int labels);
extern void CsFillSegments(CsTraining *t, CsProfile *profile);
extern void CsTakeSegments(CsTraining *t, const CsSegmentProfile *segments);

/* stream.c */
extern Size CsStreamMemory(const CsTraining *t, int64 nrows, int noutputs, bool in_place, int k);
extern void CsStreamRows(CsTraining *t, CsTeam *team);
extern void CsDropEmptySegments(CsTraining *t);

/* numbering.c */
extern CsLabeller *CsFindPredecessor(const CsTraining *t);
extern void CsPredecessorCompare(CsTraining *t, const int32 *labels, int64 nrows);
extern void CsCompareForNumbers(CsTraining *t);
extern void CsNumberSegments(CsTraining *t);

/* structure.c */
typedef struct CsTrainingGlance
{
	CsTraining *training;
	CsTeam	   *team;
	CsMatrix   *rows;			/* that are looked at */
	CsGlance   *glance;
	MemoryContext scratch;
} CsTrainingGlance;

extern CsStructure CsTrainingStructure(CsTraining *t, CsTeam *team, int64 sample, int references);
extern CsTrainingGlance *CsTrainingGlanceOpen(CsTraining *t, CsTeam *team);
extern void CsTrainingGlanceBegin(void *glance);
extern void CsTrainingGlanceEnd(CsTrainingGlance *g);
extern void CsWarnAboutStructure(const CsStructure *s);

/* Are the rows found to have no groups? */
static inline bool
CsNoGroups(const CsStructure *s)
{
	return s->rating == CS_STRUCTURE_NONE || s->rating == CS_STRUCTURE_WEAK ||
		s->rating == CS_STRUCTURE_NONE_OR_WEAK;
}

/* diagnostics.c */
extern void CsTrainingScree(CsTraining *t, CsTeam *team);
extern Jsonb *CsTrainingDiagnostics(const CsTraining *t);

/* store.c */
extern void CsStoreFeatures(const CsNewVersion *v, const CsPipeline *pipeline, const CsBaseline *baselines);
extern void CsDescribeVersion(const CsTraining *t, CsNewVersion *v);
extern void CsStoreTraining(CsTraining *t);

#endif							/* CUSTSEG_TRAIN_H */
