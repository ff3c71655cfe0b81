/*
 * engine.h
 *	  Which engine keeps a table's rows: this server, or Citus.
 */
#ifndef CUSTSEG_ENGINE_H
#define CUSTSEG_ENGINE_H

#include "custseg.h"

extern bool CsHasCitus(void);
extern bool CsIsCitusTable(Oid table);
extern int	CsCitusShards(Oid table);
extern char *CsCitusKey(Oid table);
extern bool CsIsCitusWorker(void);

#endif							/* CUSTSEG_ENGINE_H */
