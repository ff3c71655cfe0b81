/*
 * fetch.h
 *	  Rows that statements fetch from other servers.
 */
#ifndef CUSTSEG_FETCH_H
#define CUSTSEG_FETCH_H

#include "data/relation.h"
#include "executor/spi.h"

/* What a statement fetches, as the planner expects. */
typedef struct CsFetched
{
	Oid			relid;			/* a foreign table that it is fetched from; InvalidOid: there is none */
	double		nrows;
	double		bytes;
	int			ncolumns;		/* of the statement */
} CsFetched;

extern bool CsIsOnAnotherServer(Oid relid);
extern CsFetched CsFetchedBy(SPIPlanPtr plan);
extern double CsRelationExpectedRows(const CsRelation *rel);
extern char *CsSampleHint(const CsRelation *rel, double parts);
extern void CsFetchCheck(const CsRelation *rel, SPIPlanPtr plan);

#endif							/* CUSTSEG_FETCH_H */
