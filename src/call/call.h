/*
 * call.h
 *	  Between SQL and C: arguments that are read and checked.
 */
#ifndef CUSTSEG_CALL_H
#define CUSTSEG_CALL_H

#include "custseg.h"
#include "call/options.h"
#include "fmgr.h"

/*
 * arguments.c: an argument that is text, palloc'd in CurrentMemoryContext.  Text gives NULL for NULL;
 * Required is an error for it that calls the argument "name".
 */
extern char *CsTextArgument(FunctionCallInfo fcinfo, int argument);
extern char *CsRequiredText(FunctionCallInfo fcinfo, int argument, const char *name);

/* memory.c: bytes that one call may take, maintenance_work_mem. */
extern Size CsMemoryLimit(void);

/* json.c: jsonb of text that this library wrote, palloc'd in CurrentMemoryContext. */
extern Jsonb *CsJsonbFromText(const char *json);

#endif							/* CUSTSEG_CALL_H */
