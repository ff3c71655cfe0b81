/*
 * library.c
 *	  Libraries that are loaded when they are first needed, so that they can do a server process no harm.
 *
 * A backend must be one thread: a signal that another one happens to take would run the server's handlers
 * there.  A library that is linked is loaded before anything of ours runs, and may start threads at once;
 * so it is loaded here, once its caller has told it by the environment to have one thread, and with all
 * signals blocked, which a thread that is started all the same inherits.
 */
#include "custseg.h"

#include <dlfcn.h>
#include <signal.h>

#include "math/math.h"

/* Load a library, known as "name"; an error with the hint when it is not there. */
void *
CsLibraryLoad(const char *file, const char *name, const char *hint)
{
	sigset_t	all,
				before;
	void	   *library;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (library == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("could not load %s: %s", name, dlerror()),
				 errhint("%s", hint)));
	return library;
}
