/*
 * versions.h
 *	  The rows of a source placed by two versions of a model, side by side.
 */
#ifndef CUSTSEG_VERSIONS_H
#define CUSTSEG_VERSIONS_H

#include "score/score.h"
#include "stat/agreement.h"

/* Stands for the segment of a row that a version can't place, and sorts last; noise is 0. */
#define CS_NO_SEGMENT PG_INT32_MAX

/* One of the two versions. */
typedef struct CsVersionSide
{
	CsScoredSource *source;
	int		   *position;		/* of its columns among those that are read; NULL: the same */
	Datum	   *values;			/* of the row at hand, in the order of its columns */
	bool	   *nulls;
} CsVersionSide;

typedef struct CsVersionPair
{
	MemoryContext context;		/* that all of it is in */
	const char *description;	/* of the source, for messages */
	CsVersionSide side[2];
	int			ncolumns;
	CsColumn   *columns;		/* that are read: what either needs, each once */
	int64		nrows;			/* read */
	CsPairTable *pairs;			/* rows by their segments' numbers, or CS_NO_SEGMENT */
} CsVersionPair;

/*
 * Of each row, for who wants more than the pairs: where it is under both, index -1 when it could
 * not be placed; each side's scoring.z is the row in its model space if it could.
 */
typedef void (*CsVersionPairSink) (void *state, const CsAssignment placed[2]);

/*
 * versions.c
 *
 * Open: in CurrentMemoryContext; source NULL is the one that version "b" was trained on.  A version
 * that is not there, or a source without what one of them needs, is an error.  Read: the source, as
 * the caller, once; "sink" may be NULL.  Agreement: the adjusted Rand index of the rows that both
 * have placed; NaN without any.
 */
extern CsVersionPair *CsVersionPairOpen(const char *model, int a, int b, const char *source);
extern void CsVersionPairRead(CsVersionPair *pair, CsVersionPairSink sink, void *state);
extern double CsVersionPairAgreement(const CsVersionPair *pair);

#endif							/* CUSTSEG_VERSIONS_H */
