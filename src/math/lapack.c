/*
 * lapack.c
 *	  LAPACK, loaded when it is first needed (library.c).
 *
 * The usual LAPACK is OpenBLAS, which starts a thread for every further core as soon as it is loaded,
 * unless the environment says otherwise.  Sessions that do no linear algebra never load it.
 */
#include "custseg.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "math/lapack.h"
#include "math/math.h"

#ifdef __APPLE__
#define LAPACK_LIBRARY "liblapack.dylib"
#else
#define LAPACK_LIBRARY "liblapack.so.3"
#endif

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
	setenv("OPENBLAS_NUM_THREADS", "1", 0);
	library = CsLibraryLoad(LAPACK_LIBRARY, "LAPACK",
							"Install it on the server (Debian: liblapack3, better with libopenblas0). Principal components and the gap statistic need it.");
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
