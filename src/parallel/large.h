/*
 * large.h
 *	  Large memory of one process.
 */
#ifndef CUSTSEG_LARGE_H
#define CUSTSEG_LARGE_H

#include "custseg.h"

extern void *CsLargeAlloc(MemoryContext context, Size size);
extern void *CsLargeGrow(void *memory, Size size);
extern void CsLargeGiveBack(void);

#endif							/* CUSTSEG_LARGE_H */
