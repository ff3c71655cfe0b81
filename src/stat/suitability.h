/*
 * suitability.h
 *	  What the values of a column tell of its use as a feature: training and describe() ask the same.
 */
#ifndef CUSTSEG_STAT_SUITABILITY_H
#define CUSTSEG_STAT_SUITABILITY_H

#include "data/relation.h"

/* What a text can be read as. */
typedef enum CsReadsAs
{
	CS_READS_TEXT,
	CS_READS_NOTHING,			/* blank, or a word for a missing value */
	CS_READS_NUMBER,
	CS_READS_AMOUNT,			/* a number with a currency, separators of thousands, or % */
	CS_READS_DATE,
	CS_NREADS
} CsReadsAs;

/* Different values that are counted one by one. */
#define CS_FEW_VALUES 12

/* The values of a column, so far as they are few. */
typedef struct CsFewValues
{
	int			n;				/* CS_FEW_VALUES + 1: there are more */
	double		value[CS_FEW_VALUES + 1];
	int64		rows[CS_FEW_VALUES + 1];
} CsFewValues;

/* The ends of a column of numbers, to see what stands apart there: the outermost value and the next. */
typedef struct CsEnd
{
	double		value,
				next;			/* NaN: there is none */
	int64		rows;
} CsEnd;

typedef struct CsColumnFacts
{
	CsKind		kind;
	bool		is_integer;		/* smallint, int or bigint */
	bool		is_enum;
	bool		is_coded;		/* numbers that are categories because somebody has said so */
	bool		named_id,		/* so the column is called */
				named_segment,
				named_count;
	int64		n;				/* values: numbers that are finite, or levels */
	int64		n_null;
	int64		n_infinite;
	int64		n_distinct;		/* -1: more levels than can be counted */

	/* numbers */
	bool		whole;			/* none has a fraction */
	bool		packed_dates;	/* all are YYYYMMDD */
	double		range;
	CsFewValues few;
	CsEnd		low,
				high;

	/* texts */
	int64		reads[CS_NREADS];	/* of no enum */
	bool		reads_whole;	/* no number that is read has a fraction */
	char	   *missing;		/* levels that mean a missing value, with their rows, a phrase; or NULL */
	int			nmissing;
} CsColumnFacts;

/* reads_as.c */
extern CsReadsAs CsReadText(const char *text, bool *whole);
extern bool CsMeansMissing(const char *text);
extern bool CsIsPackedDate(double value);

/* suitability.c */
extern void CsColumnFactsInit(CsColumnFacts *f, const CsColumn *column);
extern void CsColumnFactsLevel(CsColumnFacts *f, const char *text, int64 rows);
extern void CsFewAdd(CsFewValues *few, double value, int64 rows);
extern bool CsIsNumbering(const CsColumnFacts *f);
extern char *CsWhyUnsuitable(const CsColumnFacts *f);
extern bool CsNamesCount(const char *column);
extern bool CsMayBeCodes(CsFewValues *few, int64 n);
extern char *CsReconsider(CsColumnFacts *f);
extern char *CsStandsForMissing(const CsColumnFacts *f);

/* Does a column of numbers follow from another one: is it that one times a factor, plus a constant? */
typedef struct CsFollows
{
	bool		is_begun;
	double		factor,
				constant,
				tolerance;
	double		x,				/* a pair to which the others are compared */
				y;
	int64		n;				/* pairs */
	int64		others;			/* pairs that differ from that one */
	int64		alike;			/* of these, those where x and y differ alike */
} CsFollows;

extern void CsFollowsBegin(CsFollows *f, double x, double y);
extern bool CsFollowsTake(CsFollows *f, const double *x, const double *y, int n);
extern bool CsFollowsDecide(const CsFollows *f);

#endif							/* CUSTSEG_STAT_SUITABILITY_H */
