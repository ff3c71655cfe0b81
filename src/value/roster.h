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
extern int64 CsRosterClose(CsRoster *roster);

#endif							/* CUSTSEG_VALUE_ROSTER_H */
