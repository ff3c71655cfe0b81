/*
 * large.h
 *	  Large memory of one process, or shared with others.
 */
#ifndef CUSTSEG_LARGE_H
#define CUSTSEG_LARGE_H

#include "custseg.h"

#include "storage/dsm.h"

extern void *CsLargeAlloc(MemoryContext context, Size size);
extern void *CsLargeGrow(void *memory, Size size);
extern void *CsLargeMap(dsm_segment *segment, bool gather);
extern void CsLargeGiveBack(void);

#endif							/* CUSTSEG_LARGE_H */
