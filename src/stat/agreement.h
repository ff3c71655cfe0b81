/*
 * agreement.h
 *	  How far two labelings of the same rows agree.
 *
 * Rows are counted by their pair of labels, in a table that is one flat value: a varlena that an
 * aggregate can have as its state, update in place, and send to another process or server.
 */
#ifndef CUSTSEG_AGREEMENT_H
#define CUSTSEG_AGREEMENT_H

#include "custseg.h"

/* Most different pairs of labels that are counted, and most rows. */
#define CS_MAX_LABEL_PAIRS 1000000
#define CS_MAX_LABELLED_ROWS INT64CONST(4000000000)

typedef struct CsLabelPair
{
	int32		a,
				b;
	int64		count;			/* rows that have them; 0: the slot is free */
} CsLabelPair;

/* An open-addressing hash table with linear probing. */
typedef struct CsPairTable
{
	int32		vl_len_;		/* varlena header */
	int32		capacity;		/* slots, a power of 2 */
	int64		npairs;			/* slots in use */
	int64		nrows;			/* sum of the counts */
	CsLabelPair slot[FLEXIBLE_ARRAY_MEMBER];
} CsPairTable;

/* A pair of labels that occurs, with the rows that have its first, and its second label. */
typedef struct CsCountedPair
{
	CsLabelPair pair;
	int64		na,
				nb;
} CsCountedPair;

extern CsPairTable *CsPairTableCreate(void);
extern CsPairTable *CsPairTableAdd(CsPairTable *table, int32 a, int32 b, int64 n);
extern CsPairTable *CsPairTableMerge(CsPairTable *table, const CsPairTable *other);

extern void CsPairTableCheck(const CsPairTable *table);
extern void CsPairTableCheckAll(const CsPairTable *table);
extern CsCountedPair *CsPairTableCounts(const CsPairTable *table);

extern double CsAdjustedRand(const CsPairTable *table);
extern double CsMutualInformation(const CsPairTable *table);
extern double CsNormalizedMutualInformation(const CsPairTable *table);

/* Cohen's kappa; NaN where both labelings are one and the same label. */
typedef struct CsKappa
{
	double		agreement;		/* share of the rows with the same label by both */
	double		kappa;
	double		error;			/* standard error */
} CsKappa;

extern CsKappa CsCohensKappa(const CsPairTable *table);
extern void CsBestJaccard(const CsPairTable *table, int k, double *best);

#endif							/* CUSTSEG_AGREEMENT_H */
