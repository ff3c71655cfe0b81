/*
 * rules.h
 *	  Rule models: what was asked for, what it became when columns and rows were known, and the flat
 *	  form that decides.
 *
 * rules_parse.c reads options into a CsRuleSet of names; rules_bind.c finds the columns;
 * rules.c fits percentiles and quantiles on the rows, and labels them; rules_score.c compiles and
 * decides; rules_words.c says it in words.
 */
#ifndef CUSTSEG_RULES_H
#define CUSTSEG_RULES_H

#include "algo/algo.h"
#include "prep/prep.h"

#define RULES_MAX 1000			/* rules, and segments */
#define RULES_MAX_SCORES 16
#define RULES_MAX_CUTS 100		/* of one term */

/* One side of a range. */
typedef struct CsRuleBound
{
	bool		given;
	bool		strict;			/* the bound itself is outside */
	bool		is_percentile;	/* "percentile" of the rows, else "value" or, for a time, "text" */
	double		percentile;
	double		value;			/* model space, once bound and fitted */
	double		shown;			/* of a percentile: for people, in own units, rounded between the same rows */
	char	   *text;			/* a time as it was written, or NULL */
} CsRuleBound;

/* A range of a feature or of a score, or levels of a feature. */
typedef struct CsRuleCondition
{
	char	   *name;			/* of the feature or score */
	int			score;			/* index, or -1 */
	const CsFeature *feature;	/* once bound, NULL for a score */
	bool		has_levels;
	bool		negated;		/* none of the levels */
	bool		is_truth;		/* true or false was given, which only a boolean can be compared with */
	int			nlevels;
	char	  **levels;			/* NULL: that of NULL */
	int		   *columns;		/* of model space, once bound */
	CsRuleBound low,
				high;
} CsRuleCondition;

/* Conditions that must all hold; none: everyone. */
typedef struct CsRule
{
	int			segment;		/* index */
	int			nconditions;
	CsRuleCondition *conditions;
} CsRule;

/* A feature's part in a score. */
typedef struct CsRuleTerm
{
	char	   *name;			/* of the feature */
	const CsFeature *feature;	/* once bound */
	double		weight;
	bool		reversed;		/* low values score high */
	int			quantiles;		/* cut at so many quantiles less one; 0: not by quantiles */
	int			ncuts;			/* 0: the value itself */
	double	   *cuts;			/* as given, or fitted; model space once bound */
	double	   *shown;			/* of quantiles: for people, in own units, rounded between the same rows */
} CsRuleTerm;

typedef struct CsRuleScore
{
	char	   *name;
	int			nterms;
	CsRuleTerm *terms;
} CsRuleScore;

typedef struct CsRuleSet
{
	const CsPipeline *pipeline; /* once bound */
	int			nscores;
	CsRuleScore *scores;
	int			nsegments;
	char	  **names;
	char	  **descriptions;	/* as given, or NULL */
	int			nrules;
	CsRule	   *rules;
} CsRuleSet;

typedef struct RulesOptions
{
	CsCommonOptions common;
	Jsonb	   *scores;
	Jsonb	   *segments;
	char	   *otherwise;		/* option "else": the segment of those whom no rule holds for */
	CsRuleSet  *set;			/* bound; not an option */
} RulesOptions;

#define RULES_NOPTIONS 7
extern const CsAlgorithm CsRules;
extern const CsOption CsRulesOptions[RULES_NOPTIONS];

/* The model's parameters, in the order of its table. */
enum
{
	RULES_RULES,				/* segment of each rule */
	RULES_CONDITIONS,
	RULES_LEVELS,				/* columns of conditions on levels */
	RULES_TERMS,
	RULES_CUTS,
	RULES_SHOWN_CUTS,			/* RULES_CUTS for people */
	RULES_NPARAMETERS
};

/* Columns of "conditions". */
enum
{
	CONDITION_RULE, CONDITION_OPERAND, CONDITION_FLAGS, CONDITION_LOW, CONDITION_HIGH,
	CONDITION_FIRST_LEVEL, CONDITION_NLEVELS, CONDITION_LOW_SHOWN, CONDITION_HIGH_SHOWN, CONDITION_WIDTH
};

/* Its flags: bits.  The operand is a column, or -1 - score. */
#define CONDITION_HAS_LOW 1
#define CONDITION_LOW_STRICT 2
#define CONDITION_HAS_HIGH 4
#define CONDITION_HIGH_STRICT 8
#define CONDITION_HAS_LEVELS 16
#define CONDITION_NEGATED 32
#define CONDITION_ALL 63

/* Columns of "terms". */
enum
{
	TERM_SCORE, TERM_COLUMN, TERM_WEIGHT, TERM_REVERSED, TERM_FIRST_CUT, TERM_NCUTS, TERM_WIDTH
};

/* rules_parse.c */
extern CsRuleSet *CsRulesParse(const RulesOptions *options);
extern List *CsRulesFeatures(const void *options);
extern char *CsRuleLabel(const CsRuleSet *set, int rule);

/* rules_bind.c */
extern CsRuleSet *CsRulesBound(const RulesOptions *options, const CsPipeline *p);

/* rules_score.c */
extern Size CsRulesCompile(const CsFitted *model, void *result);
extern bool CsRulesAssign(const CsFitted *model, const double *z, CsAssignment *result,
						  double *memberships);
extern void CsRulesPull(const CsFitted *model, const double *z, int segment,
						   double *point, double *pull);
extern void CsRulesScore(const void *compiled, const double *z, double *scores);
extern bool CsRuleHolds(const void *compiled, int rule, const double *z, const double *scores);
extern double CsRuleSlack(const void *compiled, int rule, int condition, const double *z,
						  const double *scores);

/* rules_words.c */
extern char *CsRuleWords(const CsRuleSet *set, int rule);
extern char *CsRuleScoreWords(const CsRuleSet *set, int rule);
extern char *CsRuleNumberWords(const CsFeature *f, double z);
extern char *CsRuleValueWords(const CsPipeline *p, const CsFeature *f, const double *z);
extern void CsRulesRestore(CsRuleSet *set, const CsFitted *model, const CsPipeline *from);
extern bool CsRulesSuit(const CsFitted *model, const CsPipeline *p, const void *options);
extern List *CsRulesBorders(const CsFitted *model, const CsPipeline *p, const void *options,
							const double *z);

/* rules.c */
extern void *CsRulesMake(const CsRuleSet *set, int ncolumns, CsParameter *parameters);

/* rules_search.c: prepared customers, for whom better borders are searched. */
typedef struct CsRuleRows
{
	int64		n;
	int			ncolumns;
	const double *z;			/* row by row */
	int			outcome;		/* the column that is to be separated; -1: all */
} CsRuleRows;

typedef struct CsRuleSearch
{
	int			candidates;		/* values that are tried for a border */
	int			rounds;			/* over all borders, at most */
	double		min_share;		/* of the rows, in each segment that has as many now */
} CsRuleSearch;

extern int *CsRulesLabels(const CsRuleSet *set, const CsRuleRows *rows);
extern double CsRulesSeparation(const CsRuleSet *set, const CsRuleRows *rows);
extern void CsRulesSearch(CsRuleSet *set, const CsRuleRows *rows, const CsRuleSearch *search);

/* rules_gain.c */
extern void CsRulesGain(const CsRuleRows *rows, int *const *labels, int nsegments, uint64 seed,
						double *low, double *high);

/* rules_json.c */
extern Jsonb *CsRulesToJsonb(const CsRuleSet *set);

#endif							/* CUSTSEG_RULES_H */
