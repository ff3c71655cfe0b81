/*
 * fetch.h
 *	  Rows that statements fetch from other servers.
 */
#ifndef CUSTSEG_FETCH_H
#define CUSTSEG_FETCH_H

#include "data/relation.h"
#include "executor/spi.h"
#include "nodes/plannodes.h"

/* What a statement fetches, as the planner expects. */
typedef struct CsFetched
{
	Oid			relid;			/* a foreign table that it is fetched from; InvalidOid: there is none */
	double		nrows;
	double		bytes;
	int			ncolumns;		/* of the statement */
} CsFetched;

/* What needs the memory for groups that other servers send, as a subject; and what to do instead of raising the limit. */
typedef struct CsHeldGroups
{
	const char *what;
	const char *instead;
} CsHeldGroups;

/* Rows that are fetched while a source is read. */
typedef struct CsFetchGuard
{
	uint64		number;			/* of the reading, which no other one of the process has */
	const char *description;	/* of the source; NULL: whatever comes is wanted */
	const char *instead_of_sample;	/* of the source, see CsRelation */
	const CsHeldGroups *held;			/* groups that other servers have added up count, too; NULL: there may be any number */
	double		limit;			/* bytes */
	double		nrows;			/* so far */
	double		bytes;
	struct CsFetchGuard *outer; /* of the reading in which this one is; NULL: of none */
} CsFetchGuard;

extern bool CsIsOnAnotherServer(Oid relid);
extern bool CsIsAddedUp(const ForeignScan *scan);
extern Oid	CsScannedTable(const ForeignScan *scan, const List *rtable);
extern Oid	CsFetchedTable(const ForeignScan *scan, const List *rtable);
extern double CsFetchedBytes(double nrows, int width, int ncolumns);
extern CsFetched CsFetchedBy(SPIPlanPtr plan);
extern double CsRelationPlannedRows(const CsRelation *rel);
extern const char *CsSampleOf(const CsRelation *rel, double parts);
extern char *CsSampleHint(const CsRelation *rel, double parts);
extern CsFetched CsRelationFetched(const CsRelation *rel, const CsColumn *columns, int ncolumns);
extern void CsFetchCheck(const CsRelation *rel, SPIPlanPtr plan);

/* fetch_guard.c */
extern void CsFetchBegin(CsFetchGuard *guard, const CsRelation *rel);
extern void CsFetchEnd(const CsFetchGuard *guard);
pg_noreturn extern void CsHeldExceeded(const CsHeldGroups *held, Size bytes);

/* hand_on.c */
extern void CsHandOnBegin(void);
extern void CsHandOnEnd(void);

#endif							/* CUSTSEG_FETCH_H */
