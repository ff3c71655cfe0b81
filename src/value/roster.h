/*
 * roster.h
 *	  Who is in which segment: customers whom a version has placed, looked up by id in ascending order.
 */
#ifndef CUSTSEG_VALUE_ROSTER_H
#define CUSTSEG_VALUE_ROSTER_H

#include "score/score.h"

typedef struct CsRoster CsRoster;

extern CsRoster *CsRosterOpen(const CsScorer *scorer, const char *source);
extern int	CsRosterFind(CsRoster *roster, const char *customer);
extern int64 CsRosterClose(CsRoster *roster);

#endif							/* CUSTSEG_VALUE_ROSTER_H */
