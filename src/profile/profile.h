/*
 * profile.h
 *	  Who is in a segment: the customers of a source placed by a version, and summed up column by
 *	  column.
 *
 * portrait.c reads a source once and sums up what all of these functions tell, portrait_passes.c has other
 * servers do so that have the rows, and portrait_part.c makes of that what one of them asks for; columns.c says
 * which columns that are, defining.c what sets a segment apart.  Each function is a file of its own that turns
 * the portrait into rows.
 */
#ifndef CUSTSEG_PROFILE_H
#define CUSTSEG_PROFILE_H

#include "monitor/monitor.h"
#include "stat/summaries.h"
#include "stat/tests.h"

/* A level of a category; text NULL: no value, or what the rarer levels are together. */
typedef struct CsPortraitLevel
{
	const char *text;
	bool		is_other;
	int64	   *rows;			/* ngroups + 1, the last of all customers */
} CsPortraitLevel;

/* A column of the source. */
typedef struct CsPortraitColumn
{
	CsColumn	column;
	int			feature;		/* of the pipeline, -1: the model does not know it */
	int64	   *missing;		/* ngroups + 1: rows without a value, infinite ones among them */
	CsNumberSummary *summaries; /* ngroups + 1, unless it is a category */
	int			nlevels;		/* categories: most frequent first, then the others and no value */
	CsPortraitLevel *levels;
	bool		is_elsewhere;	/* somebody else has its values */
	void	   *visited;		/* of a number: what the request's visitor made of it */
	bool		names_rows;		/* a category that is different in each row, or has too many levels */
	bool		as_codes;		/* the column before it, as a category: one of the two stays */
} CsPortraitColumn;

/* A seeded sample of the customers: raw values, see prep.h, row by row, and the segments that the model has for them. */
typedef struct CsPortraitSample
{
	int			n;
	double	   *rows;
	int32	   *segments;
} CsPortraitSample;

/* Samples that one portrait takes. */
#define CS_PORTRAIT_SAMPLES 4

/*
 * Groups are the segments, in the scorer's order; or, in halves, segment + half * nsegments.
 * Arrays of ngroups + 1 end with all customers.
 */
typedef struct CsPortrait
{
	const CsScorer *scorer;
	int			nsegments;
	int			ngroups;
	int64	   *rows;			/* ngroups + 1 */
	int64	   *overridden;		/* ngroups: of them, those that are there by hand */
	int64		n_unplaced,
				n_excluded;		/* by hand; both are left out everywhere */
	int			ncolumns;
	CsPortraitColumn *columns;
	int			value;			/* the column whose sum is asked for, -1: none */
	bool		value_is_extra; /* it is there for nothing else */
	const bool *hidden;			/* nsegments, of whom nothing is to be told; NULL: there are none */
	CsPortraitSample sample;
} CsPortrait;

/* The arguments of functions that describe the columns that are named. */
enum
{
	PORTRAIT_MODEL, PORTRAIT_SOURCE, PORTRAIT_COLUMNS, PORTRAIT_OPTIONS, PORTRAIT_VERSION
};

/*
 * A number as passes tell it to a visitor.  Cells ascend: the values below a quantile and above the one before it, those
 * at it, and so on; those of group g in cell c are at [c * ngroups + g].
 */
typedef struct CsPortraitCounted
{
	int			ngroups;
	const CsMoments *moments;	/* of each group up to the second; n 0: it has no values */
	CsMoments	all;			/* of all groups up to the fourth */
	int			ncells;
	const int64 *cells;			/* NULL: they have not been asked for */
} CsPortraitCounted;

typedef struct CsPortraitRequest
{
	ArrayType  *columns;		/* NULL: the features and, unless only_features, every other column
								 * that does not just say who a row is */
	bool		only_features;
	bool		only_numbers;	/* a category that is named is an error, others are left out */
	const char *value;			/* a number to be summed up, or NULL */
	int			levels;			/* of a category that are kept; the rest are pooled */
	bool		halves;			/* two seeded halves */
	int64		level_rows;		/* of a part: levels of fewer customers are pooled, too */
	bool		is_whole;		/* parts of it will be taken: the value is described like any other column */
	bool		is_quiet;		/* no NOTICE of columns that are left out */
	int			sample;			/* rows of the sample, 0: none */
	int64		seed;
	/*
	 * Called for each number, with its values, NaN for none, and the groups of the rows, below 0 for who
	 * could not be placed; "sorted" are those that are there, or NULL.  What it returns is kept with the column.  It may
	 * take three times the memory of the values.  NULL: there is none.  Where there is no room for that, "visit_if_fits"
	 * has it called no more (CsPortraitIsVisited); else it is an error.
	 */
	void	   *(*visit) (void *state, const CsPortrait *portrait, const CsColumn *column, const double *values,
						  const int32 *groups, int64 nrows, const CsSortedGroups *sorted);
	void	   *visit_state;
	/*
	 * The same of a number whose values other servers have counted, with its cells where these are wanted.  NULL: the
	 * visitor needs the values.
	 */
	bool		(*wants_cells) (void *state, const CsPortraitCounted *counted);
	void	   *(*visit_counted) (void *state, const CsPortraitCounted *counted);
	bool		visit_if_fits;
	/*
	 * Does somebody else keep the values of a column, one a row, who will give them to CsPortraitNumber() once the source
	 * has been read?  Asked before, and after, when they may have been too many; then it is read again.  NULL: nobody does.
	 */
	bool		(*is_elsewhere) (void *state, const CsColumn *column);
	void	   *elsewhere_state;
} CsPortraitRequest;

extern CsPortrait *CsPortraitTake(const CsReport *report, const CsPortraitRequest *request);

/* portrait_passes.c */
extern CsPortrait *CsPortraitByPasses(const CsReport *report, const CsPortraitRequest *request, const CsPass *pass,
									  const CsPlacer *placer);

typedef struct CsPortraying CsPortraying;

extern CsPortraying *CsPortraitBegin(CsPass *pass, CsPlacer *placer, const CsReport *report,
									 const CsPortraitRequest *request);
extern void CsPortraitSampleToo(CsPortraying *portraying, int rows, int64 seed, bool by_model);
extern CsPortraitSample CsPortraitSampleOf(const CsPortraying *portraying, int rows, int64 seed, bool by_model);
extern const CsPortrait *CsPortraitWhole(const CsPortraying *portraying);
extern bool CsPortraitIsVisited(const CsPortraying *portraying);

/* A number whose values somebody else has, summed up by group: CsPortraitMeasure() in any process, for CsPortraitNumber(). */
typedef struct CsPortraitMeasured
{
	int64	   *missing;		/* ngroups + 1 */
	CsNumberSummary *summaries; /* ngroups + 1 */
	void	   *visited;		/* what the request's visitor made of it, or NULL */
} CsPortraitMeasured;

extern const int32 *CsPortraitGroups(const CsPortraying *portraying);
extern bool CsPortraitWants(const CsPortraying *portraying, const CsColumn *column);
extern void CsPortraitMeasure(const CsPortraitMeasured *measured, int ngroups, const int32 *groups, int64 nrows,
							  const double *values, const CsSortedGroups *sorted, double *scratch);
extern void CsPortraitNumber(CsPortraying *portraying, const CsColumn *column, const CsPortraitMeasured *measured);
extern void CsPortraitEnd(CsPortraying *portraying);
extern CsPortrait *CsPortraitPart(const CsPortraying *portraying, const CsPortraitRequest *request);

/*
 * What a function tells of a portrait by its default options, for who takes one portrait for several of them: what it
 * asks for, and its rows.
 */
typedef struct CsPortraitKind
{
	const char *name;			/* of the function */
	CsPortraitRequest request;
	void		(*put) (CsResult *result, const CsPortrait *portrait);
	Size		visited;		/* bytes of what the request's visitor makes, which has no pointers; 0: there is none */
} CsPortraitKind;

extern const CsPortraitKind CsProfileKind;
extern const CsPortraitKind CsBoxplotKind;
extern const CsPortraitKind CsRadarKind;
extern const CsPortraitKind CsHeatmapKind;
extern const CsPortraitKind CsSummaryKind;
extern const CsPortraitKind CsImportanceKind;
extern const CsPortraitKind CsTestsKind;

/* columns.c */
extern void CsPortraitColumns(CsPortrait *portrait, const CsReport *report, const CsRelation *rel,
							  const CsPortraitRequest *request);
extern void CsPortraitFinish(CsPortrait *portrait, const CsPortraitRequest *request);
extern CsChiSquareResult CsPortraitChiSquare(const CsPortrait *portrait,
											 const CsPortraitColumn *c);

#define CsIsCategory(c) ((c)->column.converter.kind == CS_CATEGORICAL)

extern CsValue CsPortraitSegment(const CsPortrait *portrait, int group);
extern CsValue CsPortraitName(const CsPortrait *portrait, int group);

extern const char *CsPortraitLevelText(const CsPortraitLevel *level);
extern double CsPortraitShare(int64 rows, int64 total);

/*
 * defining.c: what sets a group apart, the most telling column first; one level stands for a
 * category.  Columns that do not vary, or have no value in the group, are not among them.
 */
typedef struct CsDefining
{
	int			column;
	int			level;			/* -1: a number */
	double		difference;		/* from everyone, in standard deviations */
} CsDefining;

extern double CsPortraitDifference(const CsPortrait *portrait, int column, int level, int group);
extern int	CsPortraitRanking(const CsPortrait *portrait, int group, CsDefining **ranking);
extern bool CsPortraitSaysSame(const CsPortrait *portrait, const CsDefining *a,
							   const CsDefining *b);
extern bool CsPortraitIsAway(const CsPortrait *portrait, int column, int group, double share);

/*
 * words.c: what sets a group apart, in words for people.
 */
typedef struct CsWords
{
	char	   *phrase;			/* "buys 3.2 times as often as the average (13 against 4.1)" */
	char	   *label;			/* "frequent" */
	char	   *superlative;	/* "most frequent"; NULL: segments are not ranked by this */
	bool		is_high;		/* ranked from the highest mean down */
} CsWords;

extern CsWords CsWordsOf(const CsPortrait *portrait, int group, const CsDefining *defining, const char *currency);

#endif							/* CUSTSEG_PROFILE_H */
