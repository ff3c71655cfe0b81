/*
 * funnel.c
 *	  How many customers go through given steps in order, within a length of time: funnel().
 *
 * Each event of the first step begins an attempt, and an attempt has the whole length of time to come as far as it can.
 * For each step the latest attempt that has come there is kept: whatever an earlier one can still reach in time, so can
 * that.  A customer counts for the furthest step of all attempts, once.  Attempts whose time has not passed are left
 * out, whatever they have reached: those that are quick would be counted, and those that are not, not yet.
 */
#include "custseg.h"

#include <math.h>

#include "journey/trail.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#define MOST_STEPS 50

typedef struct FunnelOptions
{
	CsTrailOptions trail;
} FunnelOptions;

static const CsOption funnelOptions[] = {
	CS_TRAIL_OPTIONS(FunnelOptions, trail)
};

/* The arguments after those that all have. */
enum
{
	ARG_STEPS = CS_TRAIL_ARGUMENTS, ARG_MODEL, ARG_WITHIN, ARG_OPTIONS, ARG_VERSION
};

PG_FUNCTION_INFO_V1(custseg_funnel);

typedef struct Funnel
{
	CsTrails	trails;
	int			nsteps;
	int64		within;			/* microseconds; PG_INT64_MAX: as long as it takes */
	int64	   *reached;		/* customers by group and step */
	int64	   *undecided;		/* customers of each group who have begun, but whose time has not passed */
	bool		seen[MOST_STEPS];	/* there are events of the step */
	CsLengths  *lengths;		/* from the first step, by group and step */

	/* the customer at hand */
	int			group;
	int			furthest;		/* step; -1: none yet */
	bool		is_undecided;
	bool		has_begun[MOST_STEPS];	/* an attempt has come to the step */
	Timestamp	begun[MOST_STEPS];	/* when the latest of them began */
	int64		length[MOST_STEPS]; /* that the first of them took */
	bool		at_once[MOST_STEPS];	/* steps of the events at one time */
	Timestamp	at;				/* of those */
	bool		has_events;
} Funnel;

/* CsTrailVisitor: another customer. */
static void
BeginCustomer(void *state, int group)
{
	Funnel	   *f = state;

	f->group = group;
	f->furthest = -1;
	f->is_undecided = f->has_events = false;
	memset(f->has_begun, false, sizeof(f->has_begun));
	memset(f->at_once, false, sizeof(f->at_once));
}

/* An attempt begins. */
static void
Begin(Funnel *f)
{
	if (f->within != PG_INT64_MAX && CsTrailElapsed(f->at, f->trails.as_of) < f->within)
	{
		f->is_undecided = true;
		return;
	}
	f->has_begun[0] = true;
	f->begun[0] = f->at;
	f->length[0] = 0;
	f->furthest = Max(f->furthest, 0);
}

/* The latest attempt at the step before comes to a step, if it is in time. */
static void
Advance(Funnel *f, int step)
{
	int64		length;

	if (!f->has_begun[step - 1])
		return;
	length = CsTrailElapsed(f->begun[step - 1], f->at);
	if (length > f->within)
		return;
	if (!f->has_begun[step])
		f->length[step] = length;
	f->has_begun[step] = true;
	f->begun[step] = f->begun[step - 1];
	f->furthest = Max(f->furthest, step);
}

/* The events at one time are there: they count in the order of the funnel's steps. */
static void
TakeAtOnce(Funnel *f)
{
	for (int step = 0; step < f->nsteps; step++)
	{
		if (!f->at_once[step])
			continue;
		f->at_once[step] = false;
		if (step == 0)
			Begin(f);
		else
			Advance(f, step);
	}
}

/* CsTrailVisitor: an event of the customer at hand. */
static void
TakeEvent(void *state, Timestamp at, int step)
{
	Funnel	   *f = state;

	if (f->has_events && at != f->at)
		TakeAtOnce(f);
	f->has_events = f->at_once[step] = f->seen[step] = true;
	f->at = at;
}

/* CsTrailVisitor: the customer at hand has no more events. */
static void
EndCustomer(void *state)
{
	Funnel	   *f = state;

	TakeAtOnce(f);
	f->undecided[f->group] += f->furthest < 0 && f->is_undecided;
	for (int step = 0; step <= f->furthest; step++)
	{
		int			number = f->group * f->nsteps + step;

		f->reached[number]++;
		CsLengthsAdd(f->lengths, number, f->length[step]);
	}
}

/* The steps of the funnel, which become the codes 0, 1, ... */
static void
ReadSteps(FunctionCallInfo fcinfo, Funnel *f)
{
	ArrayType  *array = CsArrayArgument(fcinfo, ARG_STEPS);
	Datum	   *steps;
	bool	   *nulls;
	int			n = 0;

	if (array != NULL)
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &steps, &nulls, &n);
	if (n < 2 || n > MOST_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"steps\" must be 2 to %d steps, not %d", MOST_STEPS, n),
				 errhint("Write them in their order: ARRAY['visit', 'basket', 'purchase'].")));
	for (int i = 0; i < n; i++)
	{
		char	   *step = nulls[i] ? NULL : TextDatumGetCString(steps[i]);

		if (step == NULL)
			CsRejectValue("\"steps\" must not contain NULL", "Write them in their order: ARRAY['visit', 'basket', 'purchase'].");
		if (CsDictionaryCode(f->trails.steps, step, (int) strlen(step)) != i)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("step \"%s\" is in \"steps\" twice", step),
					 errhint("Name each step once.")));
	}
	f->nsteps = n;
	f->trails.only_known = true;
}

/* An error for a step of which the source has no event. */
static void
CheckSteps(const Funnel *f)
{
	for (int step = 0; step < f->nsteps; step++)
	{
		if (!f->seen[step])
			CsTrailUnknownStep(&f->trails, CsTrailStep(&f->trails, step));
	}
}

/* How long an attempt may take. */
static int64
ReadWithin(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARG_WITHIN))
		return PG_INT64_MAX;
	return CsTrailLength("within", DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(ARG_WITHIN))), "30 days");
}

/* Put the rows of a group. */
static void
PutGroup(const Funnel *f, CsResult *result, int group, const double *medians)
{
	const int64 *reached = &f->reached[group * f->nsteps];

	if (reached[0] + f->undecided[group] == 0)
		return;
	for (int step = 0; step < f->nsteps; step++)
	{
		CsValue		share[3],
					of_step[3];

		CsTrailShare(&f->trails, reached[step], reached[0], share);
		CsTrailShare(&f->trails, reached[step], step == 0 ? 0 : reached[step - 1], of_step);
		CsResultPut(result,
					CsValues(CsTrailSegment(&f->trails, group), CsTrailSegmentName(&f->trails, group), CsValueInt4(step + 1),
							 CsValueText(CsTrailStep(&f->trails, step)), CsValueInt8(reached[step]),
							 CsValueInt8(f->undecided[group]), share[0], share[1], share[2], of_step[0], of_step[1], of_step[2],
							 CsValueFloat8(step == 0 ? NAN : medians[group * f->nsteps + step])));
	}
}

/* funnel(source, customer, time, step, steps, model, within, options, version): a row for each step of each segment */
Datum
custseg_funnel(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Funnel	   *f = palloc0(sizeof(Funnel));
	FunnelOptions options;
	const double *medians;
	int			ngroups;

	CsOptionsArgument(fcinfo, ARG_OPTIONS, funnelOptions, lengthof(funnelOptions), &options);
	f->within = ReadWithin(fcinfo);
	CsTrailsOpen(&f->trails, fcinfo, ARG_MODEL, ARG_VERSION, &options.trail);
	ReadSteps(fcinfo, f);
	ngroups = f->trails.ngroups;
	f->reached = palloc0(sizeof(int64) * ngroups * f->nsteps);
	f->undecided = palloc0(sizeof(int64) * ngroups);
	f->lengths = CsLengthsOpen();
	CsTrailsRead(&f->trails, &(CsTrailVisitor) {f, BeginCustomer, TakeEvent, EndCustomer});
	CheckSteps(f);
	medians = CsLengthsMedians(f->lengths, ngroups * f->nsteps);
	for (int group = 0; group < ngroups; group++)
		PutGroup(f, result, group, medians);
	return (Datum) 0;
}
