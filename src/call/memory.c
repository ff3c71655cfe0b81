/*
 * memory.c
 *	  The memory that a call may take.
 */
#include "custseg.h"

#include "call/call.h"
#include "miscadmin.h"

/* See call.h. */
Size
CsMemoryLimit(void)
{
	return (Size) maintenance_work_mem * 1024;
}
