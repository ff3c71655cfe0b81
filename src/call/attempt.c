/*
 * attempt.c
 *	  Something that may fail without failing the command: it runs in a subtransaction.
 */
#include "custseg.h"

#include "access/xact.h"
#include "call/call.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* Must this error end the command, whoever could go on without what failed? */
static bool
EndsCommand(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return category == ERRCODE_OPERATOR_INTERVENTION || category == ERRCODE_TRANSACTION_ROLLBACK;
}

/*
 * Call body(state) in a subtransaction.  Returns NULL when all went well, or the error, palloc'd, when
 * everything is as it was before.  Cancels and transactions that have to be repeated are raised again.
 */
ErrorData *
CsAttempt(void (*body) (void *), void *state)
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
	if (error != NULL && EndsCommand(error))
		ReThrowError(error);
	return error;
}
