/*
 * accumulate.c
 *	  The aggregate that runs a pass: custseg_private.pass(plan, numbers, levels), and pass_merge(state).
 *
 * The plan is json in UTF-8.  It is read once in a transaction, and what comes of it is kept by the digest of
 * its bytes, for other states of the same pass.  To SQL a state is a bytea; while rows are added it is an expanded
 * object, which SQL cannot make up and which has the plan that it belongs to.  So rows after the first need none, and
 * neither fn_extra nor the call's expression is needed, which sharded engines do not hand on.  Who sends a state, or
 * keeps it, gets it packed; and nothing packed is used before it has been checked.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "dist/dist.h"
#include "algo/algo.h"
#include "algo/kmeans_exact.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "prep/covariance_pass.h"
#include "prep/powers_pass.h"
#include "prep/survey.h"
#include "score/groups_pass.h"
#include "score/margin_pass.h"
#include "score/overlap_pass.h"
#include "score/placed_pass.h"
#include "stat/correlation_pass.h"
#include "stat/density_pass.h"
#include "stat/outlier_pass.h"
#include "stat/pattern_sums_pass.h"
#include "stat/piece_sums_pass.h"
#include "stat/profile_exact.h"
#include "stat/validity_exact.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custseg_pass_accum);
PG_FUNCTION_INFO_V1(custseg_pass_combine);
PG_FUNCTION_INFO_V1(custseg_once);

/* All kinds of parts, NULL at the end. */
const CsTallyKind *const CsTallyKinds[] = {
	&CsSurveyPass, &CsSamplePass, &CsMomentsPass, &CsRanksPass, &CsKmeansTally, &CsGmmTally, &CsProfilePass, &CsOverlapPass,
	&CsPlacedPass, &CsGroupsPass, &CsPowersPass, &CsCovariancePass, &CsCorrelationPass, &CsPairPass,
	&CsValidityPass, &CsDensityPass, &CsPieceSumsPass, &CsPlacedRangePass,
	&CsPlacedValidityPass, &CsPatternSumsPass, &CsMarginPass, &CsCompletePass,
	&CsOutlierPass, NULL
};

/* Positions of the arguments of pass_accum() and pass_combine(). */
enum
{
	ARG_STATE, ARG_PLAN, ARG_NUMBERS, ARG_LEVELS
};

enum
{
	ARG_OTHER = 1
};

/* Plans that are kept for the next statement, which may be about another shard, though no state needs them. */
#define MOST_IDLE 1

/* A plan that has been read.  It stays for as long as an aggregate has a state of it. */
typedef struct OpenPass
{
	dlist_node	node;
	MemoryContext context;		/* which this is in, too */
	CsTally	   *pass;
	int64		nstates;		/* that need it */
} OpenPass;

/* The last one used is the first.  They belong to the transaction's memory. */
static dlist_head openPasses = DLIST_STATIC_INIT(openPasses);
static MemoryContext passesContext = NULL;

/* That a state needs a plan.  It is in the memory of the state, and the plan found by its digest: that memory may go last. */
typedef struct Need
{
	MemoryContextCallback callback;
	uint64		digest[2];
} Need;

/* The memory of the open passes is going. */
static void
ForgetPasses(void *argument)
{
	dlist_init(&openPasses);
	passesContext = NULL;
}

/* Make the memory of open passes for this transaction. */
static void
StartPasses(void)
{
	MemoryContextCallback *callback;

	if (passesContext != NULL)
		return;
	passesContext = AllocSetContextCreate(TopTransactionContext, "custseg passes", ALLOCSET_SMALL_SIZES);
	callback = MemoryContextAllocZero(passesContext, sizeof(MemoryContextCallback));
	callback->func = ForgetPasses;
	MemoryContextRegisterResetCallback(passesContext, callback);
}

/* The open pass of that digest, or NULL. */
static OpenPass *
FindPass(const uint64 digest[2])
{
	dlist_iter	iter;

	dlist_foreach(iter, &openPasses)
	{
		OpenPass   *found = dlist_container(OpenPass, node, iter.cur);

		if (found->pass->digest[0] != digest[0] || found->pass->digest[1] != digest[1])
			continue;
		dlist_move_head(&openPasses, &found->node);
		return found;
	}
	return NULL;
}

/* The memory of a state is going. */
static void
ReleasePass(void *argument)
{
	const Need *need = argument;
	OpenPass   *open = FindPass(need->digest);

	if (open != NULL && open->nstates > 0)
		open->nstates--;
}

/* Keep a plan until the memory of a state is reset. */
static void
HoldPass(OpenPass *open, MemoryContext context)
{
	Need	   *need = MemoryContextAllocZero(context, sizeof(Need));

	memcpy(need->digest, open->pass->digest, sizeof(need->digest));
	need->callback.func = ReleasePass;
	need->callback.arg = need;
	open->nstates++;
	MemoryContextRegisterResetCallback(context, &need->callback);
}

/* Forget the plans that no state needs, but for those that were used last. */
static void
ForgetIdle(void)
{
	dlist_mutable_iter iter;
	int			nidle = 0;

	dlist_foreach_modify(iter, &openPasses)
	{
		OpenPass   *open = dlist_container(OpenPass, node, iter.cur);

		if (open->nstates > 0 || ++nidle <= MOST_IDLE)
			continue;
		dlist_delete(&open->node);
		MemoryContextDelete(open->context);
	}
}

/* The digest of a plan's bytes. */
static void
DigestPlan(const bytea *plan, uint64 digest[2])
{
	const unsigned char *bytes = (const unsigned char *) VARDATA_ANY(plan);
	int			length = (int) VARSIZE_ANY_EXHDR(plan);

	digest[0] = hash_bytes_extended(bytes, length, 1);
	digest[1] = hash_bytes_extended(bytes, length, 2);
}

/* Read a plan and keep what comes of it. */
static OpenPass *
OpenPlan(const bytea *plan, const uint64 digest[2])
{
	MemoryContext context;
	MemoryContext reading;
	MemoryContext old;
	OpenPass   *open;
	Jsonb	   *json;
	int			length = (int) VARSIZE_ANY_EXHDR(plan);
	char	   *text;

	StartPasses();
	/* the memory of a plan that is in error goes with the call's, not as late as the transaction's */
	context = AllocSetContextCreate(CurrentMemoryContext, "custseg pass", ALLOCSET_DEFAULT_SIZES);
	reading = AllocSetContextCreate(CurrentMemoryContext, "custseg plan", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(reading);
	(void) pg_verify_mbstr(PG_UTF8, VARDATA_ANY(plan), length, false);
	text = pg_any_to_server(pnstrdup(VARDATA_ANY(plan), length), length, PG_UTF8);
	json = CsJsonbFromText(text);
	MemoryContextSwitchTo(context);
	open = palloc0(sizeof(OpenPass));
	open->context = context;
	open->pass = CsTallyOpen(json, digest, CsTallyKinds);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(reading);

	MemoryContextSetParent(context, passesContext);
	dlist_push_head(&openPasses, &open->node);
	ForgetIdle();
	return open;
}

/* The plan of a call, opened. */
static OpenPass *
PassOfCall(FunctionCallInfo fcinfo)
{
	uint64		digest[2];
	bytea	   *plan;
	OpenPass   *open;

	if (PG_ARGISNULL(ARG_PLAN))
		CsRejectValue("a pass needs a plan", "Only custseg's own statements call this aggregate.");
	plan = PG_GETARG_BYTEA_PP(ARG_PLAN);
	DigestPlan(plan, digest);
	open = FindPass(digest);
	return open != NULL ? open : OpenPlan(plan, digest);
}

/* A state that an aggregate works on. */
typedef struct OpenState
{
	ExpandedObjectHeader header;
	CsTally	   *pass;			/* NULL: states are only merged */
	CsTallyState *state;		/* NULL once it has been packed */
	CsPackedState *packed;		/* until something is added; or NULL */
} OpenState;

/* Pack a state, unless it is; returns it.  It is not held twice. */
static const CsPackedState *
Packed(OpenState *s)
{
	MemoryContext old;

	if (s->packed != NULL)
		return s->packed;
	old = MemoryContextSwitchTo(s->header.eoh_context);
	s->packed = CsTallyStatePack(s->state);
	MemoryContextSwitchTo(old);
	pfree(s->state);
	s->state = NULL;
	return s->packed;
}

/* ExpandedObjectMethods: bytes of the packed state. */
static Size
FlatSize(ExpandedObjectHeader *header)
{
	return VARSIZE(Packed((OpenState *) header));
}

/* ExpandedObjectMethods: the packed state, to where it need not be aligned. */
static void
FlattenInto(ExpandedObjectHeader *header, void *result, Size size)
{
	memcpy(result, Packed((OpenState *) header), size);
}

static const ExpandedObjectMethods expanded_methods = {FlatSize, FlattenInto};

/*
 * An expanded state in memory below that of an aggregate: of the pass, or where that is NULL, of any; of the content of
 * a packed one, or where that is NULL, of no rows.
 */
static OpenState *
ExpandState(OpenPass *open, const CsPackedState *packed, MemoryContext aggregate)
{
	MemoryContext context = AllocSetContextCreate(aggregate, "custseg pass state", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OpenState  *s = palloc0(sizeof(OpenState));

	EOH_init_header(&s->header, &expanded_methods, context);
	if (open != NULL)
	{
		HoldPass(open, context);
		s->pass = open->pass;
	}
	s->state = packed == NULL ? CsTallyStart(s->pass) : CsTallyStateUnpack(packed);
	if (s->pass != NULL && !CsTallyIsOf(s->pass, s->state))
		CsRejectValue("invalid state of a pass", "Only custseg's own statements call this aggregate.");
	MemoryContextSwitchTo(old);
	return s;
}

/* The state that a function has as its first argument, where it is expanded; else NULL. */
static OpenState *
ExpandedState(FunctionCallInfo fcinfo)
{
	ExpandedObjectHeader *header;

	if (PG_ARGISNULL(ARG_STATE) || !VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(PG_GETARG_DATUM(ARG_STATE))))
		return NULL;
	header = DatumGetEOHP(PG_GETARG_DATUM(ARG_STATE));
	return header->eoh_methods == &expanded_methods ? (OpenState *) header : NULL;
}

/* The packed state of an argument: a copy, for in a tuple it need not be aligned; NULL for NULL. */
static CsPackedState *
PackedArgument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : (CsPackedState *) PG_GETARG_BYTEA_P_COPY(argument);
}

/* Have a state be one to which something can be added. */
static inline void
Unpack(OpenState *s)
{
	MemoryContext old;

	if (likely(s->packed == NULL))
		return;
	old = MemoryContextSwitchTo(s->header.eoh_context);
	s->state = CsTallyStateUnpack(s->packed);
	MemoryContextSwitchTo(old);
	pfree(s->packed);
	s->packed = NULL;
}

/* The error of a row that does not have the columns of the plan. */
static void
RejectRow(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 errmsg("a row does not have the columns of the plan of its pass"),
			 errhint("Only custseg's own statements call this aggregate.")));
}

/* Is an array of one dimension and n elements, or empty for 0? */
static inline bool
HasLength(const ArrayType *array, int n)
{
	return n == 0 ? ARR_NDIM(array) == 0 : ARR_NDIM(array) == 1 && ARR_DIMS(array)[0] == n;
}

/* Take the numbers of a row. */
static void
TakeNumbers(CsTally *pass, ArrayType *array)
{
	const bits8 *nulls = ARR_NULLBITMAP(array);
	const double *values = (const double *) ARR_DATA_PTR(array);

	if (!HasLength(array, pass->nnumbers))
		RejectRow();
	if (nulls == NULL)
	{
		memcpy(pass->number, values, sizeof(double) * pass->nnumbers);
		return;
	}
	for (int i = 0; i < pass->nnumbers; i++)
		pass->number[i] = nulls[i / 8] & (1 << (i % 8)) ? *values++ : NAN;
}

/* Take the texts of a row, which stay where they are. */
static void
TakeTexts(CsTally *pass, ArrayType *array)
{
	const bits8 *nulls = ARR_NULLBITMAP(array);
	char	   *at = ARR_DATA_PTR(array);

	if (!HasLength(array, pass->nlevels))
		RejectRow();
	for (int i = 0; i < pass->nlevels; i++)
	{
		if (nulls != NULL && !(nulls[i / 8] & (1 << (i % 8))))
		{
			pass->text[i] = NULL;
			continue;
		}
		pass->text[i] = VARDATA_ANY(at);
		pass->length[i] = (int) VARSIZE_ANY_EXHDR(at);
		at = att_addlength_pointer(at, -1, at);
		at = (char *) att_align_nominal(at, TYPALIGN_INT);
	}
}

/* pass_accum(state, plan, numbers, levels): add a row; without categories there are no levels. */
Datum
custseg_pass_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = CsAggregateContext(fcinfo, "pass");
	OpenState  *s = ExpandedState(fcinfo);
	bool		has_levels = PG_NARGS() > ARG_LEVELS;
	CsTally	   *pass;

	if (s == NULL || s->pass == NULL)
		s = ExpandState(PassOfCall(fcinfo), PackedArgument(fcinfo, ARG_STATE), context);
	pass = s->pass;
	if (PG_ARGISNULL(ARG_NUMBERS) || (has_levels && PG_ARGISNULL(ARG_LEVELS)) || (!has_levels && pass->nlevels > 0))
		RejectRow();
	TakeNumbers(pass, PG_GETARG_ARRAYTYPE_P(ARG_NUMBERS));
	if (has_levels)
		TakeTexts(pass, PG_GETARG_ARRAYTYPE_P(ARG_LEVELS));
	Unpack(s);
	CsTallyAdd(pass, s->state);
	PG_RETURN_DATUM(EOHPGetRWDatum(&s->header));
}

/* pass_combine(state, state): also the transition function of pass_merge(). */
Datum
custseg_pass_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = CsAggregateContext(fcinfo, "pass");
	OpenState  *s = ExpandedState(fcinfo);
	CsPackedState *other;

	if (PG_ARGISNULL(ARG_OTHER))
		return CsAggregateState(fcinfo);
	other = PackedArgument(fcinfo, ARG_OTHER);
	if (s == NULL && PG_ARGISNULL(ARG_STATE))
		s = ExpandState(NULL, other, context);
	else
	{
		if (s == NULL)
			s = ExpandState(NULL, PackedArgument(fcinfo, ARG_STATE), context);
		Unpack(s);
		CsTallyStateMerge(s->state, other);
	}
	pfree(other);
	PG_RETURN_DATUM(EOHPGetRWDatum(&s->header));
}

/*
 * once(plan): the plan in the first row that a process reads, and NULL in all that follow.  Citus makes a
 * row of an aggregate's arguments for each row that is read, and a plan is longer than any row.
 */
Datum
custseg_once(PG_FUNCTION_ARGS)
{
	if (fcinfo->flinfo->fn_extra != NULL || PG_ARGISNULL(0))
		PG_RETURN_NULL();
	fcinfo->flinfo->fn_extra = fcinfo->flinfo;	/* this call has been made */
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
