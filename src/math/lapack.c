/*
 * lapack.c
 *	  LAPACK, loaded when it is first needed and so that it can do a server process no harm.
 *
 * The usual LAPACK is OpenBLAS, which starts a thread for every further core as soon as it is
 * loaded.  A backend must be one thread: a signal that another one happens to take would run the
 * server's handlers there.  A library that is linked is loaded before anything of ours runs; so
 * LAPACK is not linked, but loaded here, told to have one thread, and with all signals blocked,
 * which a thread that is started all the same inherits.  Sessions that do no linear algebra never
 * load it.
 */
#include "custseg.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>

#include "math/lapack.h"

#ifdef __APPLE__
#define LAPACK_LIBRARY "liblapack.dylib"
#else
#define LAPACK_LIBRARY "liblapack.so.3"
#endif

/* Load the library; an error when it is not there. */
static void *
LoadLibrary(void)
{
	sigset_t	all,
				before;
	void	   *library;

	sigfillset(&all);
	setenv("OPENBLAS_NUM_THREADS", "1", 0);
	sigprocmask(SIG_SETMASK, &all, &before);
	library = dlopen(LAPACK_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (library == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("could not load LAPACK: %s", dlerror()),
				 errhint("Install it on the server (Debian: liblapack3, better with libopenblas0). Principal components and the gap statistic need it.")));
	return library;
}

/*
 * The routines of LAPACK that custseg uses: one table for the process.  LAPACK is loaded at the
 * first call; an error when the server has none.
 */
const CsLapack *
CsLapackGet(void)
{
	static CsLapack lapack;
	void	   *library;
	void		(*set_threads) (int n);

	if (lapack.dsyevr != NULL)
		return &lapack;
	library = LoadLibrary();
	set_threads = (void (*) (int)) dlsym(library, "openblas_set_num_threads");
	if (set_threads != NULL)
		set_threads(1);
	lapack.dsyevr = (CsDsyevr) dlsym(library, "dsyevr_");
	if (lapack.dsyevr == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("library \"%s\" has no routine \"dsyevr\"", LAPACK_LIBRARY),
				 errhint("Install LAPACK on the server (Debian: liblapack3, better with libopenblas0).")));
	return &lapack;
}
