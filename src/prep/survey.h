/*
 * survey.h
 *	  What passes tell of the columns before they are prepared, for who plans them and reads the result.
 */
#ifndef CUSTSEG_SURVEY_H
#define CUSTSEG_SURVEY_H

#include "prep/tally.h"

extern const CsTallyKind CsSurveyPass,
			CsSamplePass,
			CsMomentsPass,
			CsRanksPass;

/*
 * The sections of part "survey", from its first one on.  It takes all numbers and texts, features or not.
 */
enum
{
	CS_SURVEY_ROWS,				/* counts: rows that are used; without a weight; negative weights */
	CS_SURVEY_SKIPPED,			/* counts: rows left out for each number, then for each text */
	CS_SURVEY_VALUES,			/* counts: finite values of each number */
	CS_SURVEY_INFINITE,			/* counts: infinite ones */
	CS_SURVEY_MISSING,			/* counts: NULLs of each text */
	CS_SURVEY_LOWEST,			/* lowest: finite value of each number */
	CS_SURVEY_HIGHEST
};

/*
 * Part "sample": the "room" rows of the lowest key, which is a hash of number "key" or, where that is -1, of the row's
 * values: those that are kept, or more of its first numbers.  Of each row the first numbers are kept, and the codes of the
 * first texts in their dictionaries; codes from CS_SAMPLE_CODES - 1 on are that one.
 *
 * Where the number of rows is known, those whose keys are far too high are left out at once, so that no state has more
 * than its share of the sample.  Where keys are not spread evenly, as those of rows that are alike, that may leave too
 * few: CsSampleFellShort(), and the sample is drawn again without that.
 */
#define CS_SAMPLE_CODES (CS_MAX_LEVELS + 2)

typedef struct CsSampleRequest
{
	int64		room;
	int64		nrows;			/* that there are; 0: not known */
	int			nnumbers;
	int			nlevels;
	CsDictionary **dictionaries;	/* of these texts */
	int			key;
	int			nhashed;		/* numbers that are hashed without a key; 0: those that are kept */
	int64		seed;
} CsSampleRequest;

extern void CsSamplePlan(JsonbParseState **json, const CsSampleRequest *request);
extern CsRecords *CsSampleRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state);
extern bool CsSampleFellShort(const CsSampleRequest *request, const CsRecords *sample);
extern double CsSampleValue(const CsRecords *sample, int width, int64 row, int column);

/*
 * Part "moments": of each feature that is a number, as filled, clipped and transformed by the pipeline so
 * far, the number of values, their sum about a middle and that of their squares.  Of numbers as they are, see
 * powers_pass.h.
 */
typedef struct CsColumnMoments
{
	int64		n;
	double		mean,
				sd;				/* ddof 0 */
} CsColumnMoments;

extern void CsMomentsPlan(JsonbParseState **json, const CsPipeline *p, const double *middle, const double *reach,
						  int64 nrows);
extern void CsMomentsRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state,
						  CsColumnMoments *moments);

extern double *CsPipelineReach(const CsPipeline *p, const double *lowest, const double *highest);
extern double *CsPipelineScaledReach(const CsPipeline *p, const double *lowest, const double *highest,
									 const double *middle);
extern double CsFeatureReach(const CsFeature *f, double lowest, double highest);

/*
 * Part "ranks": for each number that is a feature, how many values lie below, at and between ascending cuts,
 * and the values themselves in some of the gaps.
 */
typedef struct CsRankQuery
{
	int			ncuts;
	double	   *cuts;			/* ascending, each once */
	int			ngaps;
	int		   *gaps;			/* gap i is below cut i, gap ncuts above the last one; ascending */
	int64		most;			/* values in these gaps together */
	bool		is_expected;	/* as far as can be told: there may be more, and then none are taken */
	bool		has_ends;		/* each gap tells its lowest and its highest value */
} CsRankQuery;

typedef struct CsRankAnswer
{
	const int64 *counts;		/* 2 * ncuts + 1: gap 0, cut 0, gap 1, cut 1, ... */
	const double *lowest,		/* of each gap; infinite where it is empty; or NULL */
			   *highest;
	double	   *values;			/* of the gaps, ascending */
	int64		nvalues;
	bool		is_overfull;	/* there were more, and none are here */
} CsRankAnswer;

/* Whose rows count, in place of the index of a segment. */
#define CS_RANKS_PLACED (-1)
#define CS_RANKS_ALL (-2)

extern void CsRanksPlan(JsonbParseState **json, const CsRankQuery *queries, int n);
extern void CsRanksPlanOf(JsonbParseState **json, const CsRankQuery *queries, int n, int segment);
extern void CsRanksRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, CsRankAnswer *answers);

#endif							/* CUSTSEG_SURVEY_H */
