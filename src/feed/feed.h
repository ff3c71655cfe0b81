/*
 * feed.h
 *	  Changes of customers' segments: kept as they are written, and told in the order in which they were
 *	  committed to those who act on them.
 */
#ifndef CUSTSEG_FEED_H
#define CUSTSEG_FEED_H

#include "custseg.h"
#include "nodes/pg_list.h"
#include "score/moves.h"

/* The trigger function, as messages and statements name it. */
#define CS_RECORD_FUNCTION "record_change"

/* A customer who has another segment than before, or another id. */
typedef struct CsChange
{
	const char *model;
	const char *customer;		/* the id, as CsIdentityPlain() gives it */
	CsMaybeSegment from;
	CsMaybeSegment to;
	int			version;		/* deployed, or that of the run; 0: none */
	const char *cause;			/* resegment, insert, update or delete; a constant */
} CsChange;

/* pending.c */
extern void CsChangeAdd(const CsChange *change);
extern void CsChangesFlush(void);

#endif							/* CUSTSEG_FEED_H */
