/*
 * roster.h
 *	  Who is in which segment: customers whom a version has placed, looked up by id in ascending order.
 */
#ifndef CUSTSEG_VALUE_ROSTER_H
#define CUSTSEG_VALUE_ROSTER_H

#include "score/score.h"

typedef struct CsRoster CsRoster;

/* What CsRosterFind() says of who is in no segment, and of who is no customer. */
#define CS_ROSTER_UNPLACED (-1)
#define CS_ROSTER_UNKNOWN (-2)

extern CsRoster *CsRosterOpen(const CsScorer *scorer, const char *source, bool once);
extern int64 CsRosterCount(const CsRoster *roster, int segment);
extern int	CsRosterFind(CsRoster *roster, const char *customer);
/* Called for each customer who is passed over without being looked up; segment is an index, or CS_ROSTER_UNPLACED. */
typedef void (*CsRosterVisitor) (void *state, const char *customer, int segment);

extern void CsRosterTell(CsRoster *roster, CsRosterVisitor visit, void *state);
extern int64 CsRosterClose(CsRoster *roster);

#endif							/* CUSTSEG_VALUE_ROSTER_H */
