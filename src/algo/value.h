/*
 * value.h
 *	  Algorithms that predict a number or a probability, behind one table of function pointers.
 *
 * Such an algorithm sees a matrix in model space, a number for each row and a team, and returns a
 * CsValueModel: one flat value that predicts.  It knows neither tables nor columns.
 */
#ifndef CUSTSEG_ALGO_VALUE_H
#define CUSTSEG_ALGO_VALUE_H

#include "custseg.h"
#include "algo/algo.h"
#include "call/options.h"
#include "data/matrix.h"
#include "parallel/team.h"

/*
 * A node of a tree.  A value below the threshold goes left, any other one a step further; a leaf
 * has itself for both, and is the node whose step is 0.  The nodes of a tree stand level by level, each
 * two children in the order of their parents: the children of the k-th split are nodes 2k + 1 and 2k + 2.
 */
typedef struct CsTreeNode
{
	float		threshold;		/* a leaf: its value */
	int32		left;			/* node of the model */
	uint16		column;			/* of model space */
	uint8		step;			/* 0: a leaf; 1: the right child is left + 1 */
	uint8		missing_left;	/* NaN goes left */
} CsTreeNode;

/* What explains a model rather than predicts; beside each node. */
typedef struct CsTreeNote
{
	float		cover;			/* rows, or the sum of their second derivatives */
	float		gain;			/* of the split, 0 for a leaf */
} CsTreeNote;

typedef enum CsValueForm
{
	CS_VALUE_LINEAR,			/* intercept + sum of coefficient times column, reckoned from the means */
	CS_VALUE_SUM,				/* base + leaves in the order of the trees, in float4 */
	CS_VALUE_MEAN				/* base + mean of the leaves */
} CsValueForm;

/*
 * A fitted model, flat: offsets are bytes from its start.  Nothing in it is a pointer, and -0 is
 * nowhere in it.
 */
typedef struct CsValueModel
{
	int32		size;			/* bytes, all told */
	int32		form;			/* CsValueForm */
	bool		is_probability; /* the result is one, or would be calibrated to one */
	bool		is_logit;		/* what form says is the log of the odds */
	int32		ncolumns;		/* of model space */
	int32		ntrees;
	int32		nnodes;
	int32		ncalibrated;	/* steps of an isotonic calibration; 0: none */
	float		base;			/* of trees */
	double		intercept;		/* CS_VALUE_LINEAR: where all columns are 0 */
	double		at_means;		/* and where they have their means: from there rows are told; of trees, what they say
								 * together of a row of which nothing is known */
	int32		coefficient_offset; /* double[ncolumns], CS_VALUE_LINEAR */
	int32		mean_offset;	/* double[ncolumns]: of the columns in training, CS_VALUE_LINEAR */
	int32		root_offset;	/* int32[ntrees] */
	int32		depth_offset;	/* int32[ntrees]: of the deepest leaf */
	int32		node_offset;	/* CsTreeNode[nnodes] */
	int32		note_offset;	/* CsTreeNote[nnodes] */
	int32		calibrated_offset;	/* double[ncalibrated]: predictions, ascending; double[ncalibrated]:
									 * the probability of each */
} CsValueModel;

#define CsValueAt(m, type, offset) ((type *) ((char *) (m) + (offset)))
#define CsValueCoefficients(m) CsValueAt(m, double, (m)->coefficient_offset)
#define CsValueMeans(m) CsValueAt(m, double, (m)->mean_offset)
#define CsValueRoots(m) CsValueAt(m, int32, (m)->root_offset)
#define CsValueDepths(m) CsValueAt(m, int32, (m)->depth_offset)
#define CsValueNodes(m) CsValueAt(m, CsTreeNode, (m)->node_offset)
#define CsValueNotes(m) CsValueAt(m, CsTreeNote, (m)->note_offset)
#define CsValueCalibrated(m) CsValueAt(m, double, (m)->calibrated_offset)

/* Most nodes of all trees of a model. */
#define CS_VALUE_MAX_NODES 2000000

#define CS_VALUE_MAX_TREES 10000

/* Most questions from the root of a tree to a leaf. */
#define CS_VALUE_MAX_DEPTH 64

/* Options every algorithm has: the first field of each options struct. */
typedef struct CsValueOptions
{
	CsCommonOptions common;
	int			folds;			/* models that are fitted to tell how good the model is */
} CsValueOptions;

#define CS_VALUE_OPTIONS(type, field) \
	CS_SEED_OPTION(type, field.common.seed), \
	{"folds", CS_OPTION_INT, offsetof(type, field.folds), 5, 2, 100}

/* Numbers are apart for trees when a standard deviation of them is so many steps of float4. */
#define CS_VALUE_LEAST_STEPS 64

/* An option that tuning varies, and the values that it tries, the usual one first. */
#define CS_GRID_AXES 3
#define CS_GRID_VALUES 5

typedef struct CsGridAxis
{
	const char *option;
	int			n;
	double		values[CS_GRID_VALUES];
} CsGridAxis;

typedef struct CsValueInput
{
	CsTeam	   *team;
	const CsMatrix *matrix;		/* model space */
	int			target;			/* area of double[nrows]; of a probability 0 and 1 */
	bool		is_probability;
	char	  **columns;		/* names of the matrix's columns, for messages */
	const void *options;		/* the algorithm's struct; its first field is a CsValueOptions */
	Size		memory_left;	/* bytes that may still be taken */
	bool		is_part;		/* the rows are those of some folds: that they alone have no fit is no error */
} CsValueInput;

typedef struct CsValueFit
{
	CsValueModel *model;		/* palloc'd */
	double	   *errors;			/* standard errors: of each column, then of the intercept; NaN: none; NULL:
								 * the model has none */
	int			left_out;		/* area of double[nrows], the arena's: what the model says of a row without
								 * having seen it; -1: it has no such thing.  NaN: nothing */
	double		log_likelihood; /* NaN: none */
	bool		is_makeshift;	/* the rows of some folds have no fit as it was asked for; this is another */
	int			iterations;
	bool		converged;
	char	   *note;			/* a sentence, or NULL */
} CsValueFit;

typedef struct CsValueAlgorithm
{
	const char *name;
	const char *prep;			/* how features are prepared unless the user says otherwise, as json */
	bool		of_numbers,		/* what it can predict */
				of_probabilities;
	bool		is_calibrated;	/* its probabilities need no calibration */
	bool		is_simple;		/* its coefficients can be read */
	bool		is_of_trees;	/* which see numbers as float4 */
	bool		leaves_out;		/* its fits have left_out */
	const CsOption *options;
	int			noptions;
	size_t		options_size;
	/* bytes of work area beside the matrix, with the model */
	Size		(*memory) (int64 nrows, int ncolumns, const void *options);
	/* most nodes of a model; NULL: it has none */
	int64		(*nodes) (int64 nrows, const void *options);
	void		(*fit) (const CsValueInput *in, CsValueFit *out);
	/* what tuning varies for so many rows: at most CS_GRID_AXES, returns how many */
	int			(*grid) (int64 nrows, const void *options, CsGridAxis *axes);
} CsValueAlgorithm;

/* value_registry.c */
extern const CsValueAlgorithm *CsValueAlgorithmFind(const char *name);
extern const CsValueAlgorithm *CsValueAlgorithmAt(int i);

/* value_tree.c */
#define CS_VALUE_FLAT_LEVELS 4
#define CS_VALUE_FLAT_LEAVES (1 << CS_VALUE_FLAT_LEVELS)

/* A whole tree: the children of split i are 2i + 1 and 2i + 2, and leaves follow the splits. */
typedef struct CsFlatTree
{
	const float *x[CS_VALUE_FLAT_LEAVES - 1];	/* the values that a split asks about */
	float		threshold[CS_VALUE_FLAT_LEAVES - 1];
	float		leaf[CS_VALUE_FLAT_LEAVES];
} CsFlatTree;

extern void CsFlatTreeMake(const CsTreeNode *nodes, int32 root, const float *x, int nrows, CsFlatTree *flat);
extern void CsFlatTreeAsk(const CsFlatTree *flat, int nrows, float *said);

/* value_model.c */

/* Room for a model to predict blocks in: a group of rows, and the first trees as they are asked of it. */
typedef struct CsValueRoom
{
	float	   *group;			/* where a cache line begins */
	int			nflat;			/* trees that are made whole ones beforehand, where they have few levels */
	CsFlatTree	flat[FLEXIBLE_ARRAY_MEMBER];
} CsValueRoom;

typedef struct CsValueShape
{
	CsValueForm form;
	int			ncolumns;
	int			ntrees;
	int			nnodes;
	int			ncalibrated;
} CsValueShape;

extern CsValueModel *CsValueModelCreate(const CsValueShape *shape);
extern CsValueModel *CsValueModelCalibrate(const CsValueModel *m, int n, const double *predicted,
										   const double *probability);
extern void CsTreeLevelOrder(const CsTreeNode *from, const CsTreeNote *from_notes, int n, int32 first,
							 CsTreeNode *to, CsTreeNote *to_notes);
extern void CsValueModelFinish(CsValueModel *m);
extern void CsValueModelCheck(const CsValueModel *m);
extern void CsValueCheckFloats(const CsValueInput *in);
extern void CsValueWarnFloats(const CsMatrix *m, CsArena *arena, char **columns);
extern double CsValueModelPredict(const CsValueModel *m, const double *x);
extern CsValueRoom *CsValueRoomMake(const CsValueModel *m);
extern void CsValueModelPredictBlock(const CsValueModel *m, const double *x, int nrows, const CsValueRoom *room,
									 double *result);
extern int	CsValueModelPredictRows(CsTeam *team, const CsValueModel *m, const CsMatrix *matrix);
extern void CsValueModelGains(const CsValueModel *m, double *gains);

/* tree_shap.c */
extern double CsValueModelMean(const CsValueModel *m);
extern void CsValueModelExplain(const CsValueModel *m, const double *x, double *contributions,
								double *base);

/* Tasks of a team. */
extern PGDLLEXPORT void CsValuePredictTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsGlmTask(CsTeam *team, const void *args, int item);
extern PGDLLEXPORT void CsForestTask(CsTeam *team, const void *args, int item);

#endif							/* CUSTSEG_ALGO_VALUE_H */
