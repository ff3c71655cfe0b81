/*
 * custseg.c
 *	  Module start: settings, callbacks, and libraries made safe for a server process.
 */
#include "custseg.h"

#include <gsl/gsl_errno.h>

#include "fmgr.h"
#include "model/model.h"
#include "utils/guc.h"

#if PG_VERSION_NUM >= 180000
PG_MODULE_MAGIC_EXT(.name = "custseg", .version = CUSTSEG_VERSION);
#else
PG_MODULE_MAGIC;
#endif

PGDLLEXPORT void _PG_init(void);

/* OpenBLAS and its relatives have one of these; the reference BLAS has neither. */
extern void openblas_set_num_threads(int n) __attribute__((weak));
extern void bli_thread_set_num_threads(int n) __attribute__((weak));

int			CsCacheSize = 16 * 1024;

/*
 * A backend is one thread: BLAS may not use more.  And GSL's default on an error is abort(), which
 * would take the server down; every call checks its status instead.
 */
static void
MakeLibrariesSafe(void)
{
	if (openblas_set_num_threads)
		openblas_set_num_threads(1);
	if (bli_thread_set_num_threads)
		bli_thread_set_num_threads(1);
	gsl_set_error_handler_off();
}

void
_PG_init(void)
{
	MakeLibrariesSafe();
	DefineCustomIntVariable("custseg.cache_size",
							"Memory a session may keep fitted models in.",
							"Models used least recently are dropped and read again when they are needed.",
							&CsCacheSize,
							16 * 1024, 64, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("custseg");
	CsCacheInit();
}
