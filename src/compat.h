/*
 * compat.h
 *	  Differences between PostgreSQL 15 and 18, in one place.
 */
#ifndef CUSTSEG_COMPAT_H
#define CUSTSEG_COMPAT_H

#if PG_VERSION_NUM < 150001
#error "custseg needs PostgreSQL 15.1 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "fmgr.h"
#include "storage/shmem.h"		/* add_size(), mul_size(): in 17 no other header brings them */
#include "utils/wait_event.h"

/* Before 16 this exports what describes a function, but not the function. */
#if PG_VERSION_NUM < 160000
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_, funcname)(void); \
const Pg_finfo_record * \
CppConcat(pg_finfo_, funcname) (void) \
{ \
	static const Pg_finfo_record my_finfo = {1}; \
	return &my_finfo; \
} \
extern int	no_such_variable
#endif

/* What stands before a function that does not return; before 18 it is spelled another way. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Intervals have infinities since 17. */
#if PG_VERSION_NUM < 170000
#define INTERVAL_IS_NOBEGIN(interval) false
#define INTERVAL_IS_NOEND(interval) false
#endif

/* What a member of a team waits for; it has a name of its own from 17 on. */
static inline uint32
CsWaitEventTeam(void)
{
#if PG_VERSION_NUM >= 170000
	static uint32 event = 0;

	if (event == 0)
		event = WaitEventExtensionNew("CustsegTeam");
	return event;
#else
	return PG_WAIT_EXTENSION;
#endif
}

/* Since 16 who reads a sort says whether a value by reference is to be copied; before, it always was. */
#if PG_VERSION_NUM >= 160000
#define CsTuplesortGetDatum(sort, datum, isnull) tuplesort_getdatum(sort, true, true, datum, isnull, NULL)
#else
#define CsTuplesortGetDatum(sort, datum, isnull) tuplesort_getdatum(sort, true, datum, isnull, NULL)
#endif

/* Since 16 one function looks at the rights on any object. */
#if PG_VERSION_NUM >= 160000
#define CsFunctionAclCheck(function, role) \
	object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE)
#else
#define CsFunctionAclCheck(function, role) pg_proc_aclcheck(function, role, ACL_EXECUTE)
#endif

/* May the caller read what a planned statement reads?  Since 16 rights stand beside the range table. */
#if PG_VERSION_NUM >= 160000
#define CsMayReadPlanned(statement) \
	ExecCheckPermissions((statement)->rtable, (statement)->permInfos, false)
#else
#define CsMayReadPlanned(statement) ExecCheckRTPerms((statement)->rtable, false)
#endif

#endif							/* CUSTSEG_COMPAT_H */
