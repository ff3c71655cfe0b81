/*
 * attempt.c
 *	  Something that may fail without failing the command: it runs in a subtransaction, or where none
 *	  begins under a resource owner of its own.
 */
#include "custseg.h"

#include "access/xact.h"
#include "call/call.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/*
 * Must an error end the command, though it could go on without what failed?  A rule for CsAttempt(): cancels,
 * transactions that have to be repeated, and what the server is in want of, memory or disk.
 */
bool
CsEndsCommand(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_OPERATOR_INTERVENTION || category == ERRCODE_TRANSACTION_ROLLBACK ||
		category == ERRCODE_INSUFFICIENT_RESOURCES || category == ERRCODE_SYSTEM_ERROR;
}

/* Does an error say that a text is no value of its type?  A rule for CsTry(). */
bool
CsIsDataException(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_DATA_EXCEPTION;
}

/*
 * Call body(state) in a subtransaction, which begins outside parallel mode.  Returns NULL when all went well,
 * or the error, palloc'd, when everything is as it was before, but for what body() changed in memory.  An
 * error that ends_command() is raised again after that.
 */
ErrorData *
CsAttempt(void (*body) (void *), void *state, bool (*ends_command) (int sqlerrcode))
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		body(state);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && ends_command(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

/*
 * Do what an abort does before it lets go of anything.  An error leaves locks of the server's shared
 * memory held, and the callback of a segment that is let go of may want that very lock: the callback of
 * a session's own segment does.
 */
static void
LeaveError(void)
{
	LWLockReleaseAll();
	ConditionVariableCancelSleep();
	pgstat_report_wait_end();
}

/*
 * Call action(argument), which writes to no table, under an owner of its own, returned in *owner, which the
 * caller ends by CsTryEnd().  Returns false after an error of an SQLSTATE that is expected; any other error is
 * thrown.  For parallel mode, where no subtransaction begins.
 */
bool
CsTry(void (*action) (void *), void *argument, bool (*is_expected) (int sqlerrcode),
	  ResourceOwner *owner)
{
	ResourceOwner save_owner = CurrentResourceOwner;
	MemoryContext save_context = CurrentMemoryContext;
	volatile bool done = false;

	*owner = ResourceOwnerCreate(save_owner, "custseg try");
	PG_TRY();
	{
		CurrentResourceOwner = *owner;
		action(argument);
		CurrentResourceOwner = save_owner;
		done = true;
	}
	PG_CATCH();
	{
		CurrentResourceOwner = save_owner;
		MemoryContextSwitchTo(save_context);
		if (!is_expected(geterrcode()))
			PG_RE_THROW();
		LeaveError();
		FlushErrorState();
	}
	PG_END_TRY();
	return done;
}

/* Release what is left of an attempt, whatever came of it. */
void
CsTryEnd(ResourceOwner owner)
{
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(owner);
}
