/*
 * closest.h
 *	  Rows that a part of a pass finds nearest to something: of each, what identifies it.
 *
 * A part that has a distance for each row keeps those of the least one.  A record has the distance and the hash of what
 * identifies the row, by which whoever has asked reads the rows themselves.
 */
#ifndef CUSTSEG_CLOSEST_H
#define CUSTSEG_CLOSEST_H

#include "prep/tally.h"

/* Most rows that are kept. */
#define CS_CLOSEST_MOST 2000000

typedef struct CsClosest
{
	int			section;
	int			key;			/* which number of a row is the hash of what identifies it */
} CsClosest;

extern void CsClosestPlan(JsonbParseState **json, int64 room, int key);
extern CsClosest CsClosestOpen(CsTally *pass, const CsJsonReader *plan);
extern void CsClosestAdd(const CsTally *pass, const CsClosest *nearest, const CsTallyState *state, double distance);
extern bool CsClosestSuffice(const CsTally *pass, const CsClosest *nearest, const CsTallyState *state, int64 room, int64 customers);
extern double *CsClosestKeys(const CsTally *pass, const CsClosest *nearest, const CsTallyState *state, int64 *n);

#endif							/* CUSTSEG_CLOSEST_H */
