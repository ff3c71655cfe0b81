/*
 * versions.h
 *	  The rows of a source placed by two versions of a model, side by side.
 */
#ifndef CUSTSEG_VERSIONS_H
#define CUSTSEG_VERSIONS_H

#include "score/pass.h"
#include "stat/agreement.h"

/* Stands for the segment of a row that a version cannot place, and sorts last; noise is 0. */
#define CS_NO_SEGMENT PG_INT32_MAX

typedef struct CsVersionPair
{
	MemoryContext context;		/* that all of it is in */
	CsPass	   *pass;
	CsPlacer   *side[2];
	CsPairTable *pairs;			/* rows by their segments' numbers, or CS_NO_SEGMENT */
} CsVersionPair;

/* versions.c */
extern CsVersionPair *CsVersionPairOpen(const char *model, int a, int b, const char *source);
extern double CsVersionPairAgreement(const CsVersionPair *pair);

#endif							/* CUSTSEG_VERSIONS_H */
