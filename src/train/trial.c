/*
 * trial.c
 *	  Several algorithms tried on the same prepared rows: which are named, and each by itself, so that one
 *	  that fails leaves the others to go on.
 *
 * An algorithm may fail, for want of memory or because the rows do not suit it.  So each runs in a
 * subtransaction, with a team of its own that starts and ends in it: in parallel mode none can be begun.
 * The rows' areas have been shared before, when the rows were prepared, and so outlive its abort.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "progress.h"
#include "train/train.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/*
 * The names of algorithms in an argument of type text[] that is not NULL, palloc'd; *n of them.  None, NULL
 * among them, and one that is named twice are errors.
 */
char	  **
CsAlgorithmsArgument(FunctionCallInfo fcinfo, int argument, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **names;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, n);
	if (*n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"algorithms\" must not be empty"),
				 errhint("Name at least one, or leave \"algorithms\" out to try all.")));
	names = palloc(sizeof(char *) * *n);
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("\"algorithms\" must not contain NULL")));
		names[i] = TextDatumGetCString(elements[i]);
		for (int j = 0; j < i; j++)
			if (strcmp(names[i], names[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("algorithm \"%s\" is named twice", names[i])));
	}
	return names;
}

/*
 * A bug in an algorithm is no finding about the rows, nor is what the server is in want of; that memory is
 * short for one algorithm is a finding, and that its library is not there.
 */
static bool
EndsTrials(int sqlerrcode)
{
	if (sqlerrcode == ERRCODE_OUT_OF_MEMORY || sqlerrcode == ERRCODE_UNDEFINED_FILE)
		return false;
	return CsEndsCommand(sqlerrcode) || ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_INTERNAL_ERROR;
}

/*
 * Call measure(trial) in a subtransaction, and in a memory context of its own.  No team may be running; "t"
 * has been prepared.  Returns NULL, or why it failed, palloc'd in t->context: then everything is as it was
 * before but for what measure() wrote to "trial".
 */
char *
CsTrainingTry(CsTraining *t, void (*measure) (void *trial), void *trial)
{
	MemoryContext context = AllocSetContextCreate(t->context, "custseg trial", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	uint64		mark = CsArenaMark(t->arena);
	ErrorData  *error = CsAttempt(measure, trial, EndsTrials);
	char	   *failure = NULL;

	if (error != NULL)
	{
		CsArenaForget(t->arena, mark);
		CsProgressStart(t->model != NULL ? t->model : t->command);	/* the abort has ended it */
		failure = MemoryContextStrdup(t->context, error->message);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return failure;
}
