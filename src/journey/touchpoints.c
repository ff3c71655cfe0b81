/*
 * touchpoints.c
 *	  What customers did before they first came to a step, or before they were lost: touchpoints().
 *
 * A customer is lost after an event that nothing follows within the horizon, which has passed.  What is held of a
 * customer are the events of the window before the latest one.
 */
#include "custseg.h"

#include <math.h>

#include "journey/trail.h"
#include "utils/timestamp.h"

#define FIRST_TOUCHES 64

/* Bytes of what a step was to a group: itself, and the number and the median of its lengths. */
#define POINT_SIZE (sizeof(Point) + sizeof(int64) + sizeof(double))

typedef struct TouchOptions
{
	CsTrailOptions trail;
	char	   *window;
	char	   *horizon;
} TouchOptions;

static const CsOption touchOptions[] = {
	CS_TRAIL_OPTIONS(TouchOptions, trail),
	{"window", CS_OPTION_TEXT, offsetof(TouchOptions, window)},
	{"horizon", CS_OPTION_TEXT, offsetof(TouchOptions, horizon)}
};

/* The arguments after those that all have. */
enum
{
	ARG_MODEL = CS_TRAIL_ARGUMENTS, ARG_BEFORE, ARG_OPTIONS, ARG_VERSION
};

PG_FUNCTION_INFO_V1(custseg_touchpoints);

typedef struct Touch
{
	Timestamp	at;
	int			step;
} Touch;

/* What a step was to the customers of a group. */
typedef struct Point
{
	int64		n;				/* customers who had it in the window */
	int64		n_first,		/* for whom it was the first there, and the last */
				n_last;
	int64		customer;		/* the last one who is counted, by number */
} Point;

typedef struct Touchpoints
{
	CsTrails	trails;
	const char *before;			/* step; NULL: customers are lost */
	int64		window,
				horizon;
	MemoryContext context;
	CsLengths  *lengths;		/* from the last time of a step, by step and group */
	int			npoints;		/* steps that there is room for */
	Point	   *points;			/* of each step, of each group */
	int64	   *customers;		/* of each group, who came to the step or are lost */
	int64	   *without;		/* of them, who had nothing in the window */
	bool		before_seen;

	/* the customer at hand, by its number from 1 */
	int64		customer;
	int			group;
	Timestamp	at;				/* of the latest event */
	bool		has_come;		/* to the step */
	bool		is_over;		/* it is counted */
	int64		n,
				capacity;
	Touch	   *touches;		/* of the window, in order */
} Touchpoints;

/* What a step was to a group. */
static Point *
PointOf(const Touchpoints *t, int group, int step)
{
	return &t->points[(Size) step * t->trails.ngroups + group];
}

/* An error unless so many bytes more fit. */
static void
CheckMemory(const Touchpoints *t, Size more)
{
	Size		needed = sizeof(Touch) * t->capacity + POINT_SIZE * t->trails.ngroups * t->npoints + more;

	if (needed > CsMemoryLimit())
		CsMemoryError(needed, "shorten option \"window\"", "keeping more than %lld events of a customer", (long long) t->n);
}

/* Make room for an event, after those that have left the window are gone. */
static void
MakeRoom(Touchpoints *t)
{
	int64		gone = 0;

	if (t->n < t->capacity)
		return;
	while (gone < t->n && CsTrailElapsed(t->touches[gone].at, t->at) > t->window)
		gone++;
	t->n -= gone;
	memmove(t->touches, t->touches + gone, sizeof(Touch) * t->n);
	if (t->n <= t->capacity / 2)
		return;
	CheckMemory(t, sizeof(Touch) * t->capacity);
	t->capacity *= 2;
	t->touches = repalloc_huge(t->touches, sizeof(Touch) * t->capacity);
}

/* Make room for a step. */
static void
GrowPoints(Touchpoints *t, int step)
{
	int			more = Max(64, step);
	Size		ngroups = t->trails.ngroups;

	if (ngroups * (t->npoints + more) > CS_MOST_LENGTHS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are too many steps for %zu groups of customers", ngroups),
				 errdetail("There may be %d steps and groups, multiplied.", CS_MOST_LENGTHS),
				 errhint("Group the steps in a query as the source.")));
	CheckMemory(t, POINT_SIZE * ngroups * more);
	t->points = repalloc_huge(t->points, sizeof(Point) * ngroups * (t->npoints + more));
	memset(t->points + ngroups * t->npoints, 0, sizeof(Point) * ngroups * more);
	t->npoints += more;
}

/* CsTrailVisitor: another customer. */
static void
BeginCustomer(void *state, int group)
{
	Touchpoints *t = state;

	t->customer++;
	t->group = group;
	t->n = 0;
	t->has_come = t->is_over = false;
}

/* The customer at hand has come to the step, or is lost, at the time of the latest event: count what was before. */
static void
CountTouches(Touchpoints *t)
{
	int64		first = 0;

	t->is_over = true;
	t->customers[t->group]++;
	while (first < t->n && CsTrailElapsed(t->touches[first].at, t->at) > t->window)
		first++;
	if (first == t->n)
	{
		t->without[t->group]++;
		return;
	}
	PointOf(t, t->group, t->touches[first].step)->n_first++;
	PointOf(t, t->group, t->touches[t->n - 1].step)->n_last++;
	for (int64 i = t->n - 1; i >= first; i--)
	{
		int			step = t->touches[i].step;
		Point	   *point = PointOf(t, t->group, step);

		if (point->customer == t->customer)
			continue;
		point->customer = t->customer;
		point->n++;
		CsLengthsAdd(t->lengths, step * t->trails.ngroups + t->group, CsTrailElapsed(t->touches[i].at, t->at));
	}
}

/* CsTrailVisitor: an event of the customer at hand.  Those at the time of the step itself are before it. */
static void
TakeEvent(void *state, Timestamp at, int step)
{
	Touchpoints *t = state;
	bool		is_before = t->before != NULL && strcmp(CsTrailStep(&t->trails, step), t->before) == 0;

	t->before_seen |= is_before;
	if (t->is_over)
		return;
	if (t->has_come && at != t->at)
	{
		CountTouches(t);
		return;
	}
	t->at = at;
	if (is_before)
	{
		t->has_come = true;
		return;
	}
	if (step >= t->npoints)
		GrowPoints(t, step);
	MakeRoom(t);
	t->touches[t->n++] = (Touch) {at, step};
}

/* CsTrailVisitor: the customer at hand has no more events. */
static void
EndCustomer(void *state)
{
	Touchpoints *t = state;
	bool		is_lost = t->before == NULL && CsTrailElapsed(t->at, t->trails.as_of) >= t->horizon;

	if (!t->is_over && (t->has_come || is_lost))
		CountTouches(t);
}

/* What rows are put with. */
typedef struct Rows
{
	const Touchpoints *touchpoints;
	CsResult   *result;
	int			group;
	const double *medians;
	int		   *steps;
} Rows;

/* Order of steps: the most frequent first, ties by name. */
static int
CompareSteps(const void *a, const void *b, void *arg)
{
	const Rows *r = arg;
	int			x = *(const int *) a,
				y = *(const int *) b;
	int64		n = PointOf(r->touchpoints, r->group, x)->n,
				other = PointOf(r->touchpoints, r->group, y)->n;

	if (n != other)
		return n > other ? -1 : 1;
	return strcmp(CsTrailStep(&r->touchpoints->trails, x), CsTrailStep(&r->touchpoints->trails, y));
}

/* Put the row of a step, NULL for none. */
static void
PutRow(const Rows *r, const char *step, int64 n, int64 n_first, int64 n_last, double median)
{
	const Touchpoints *t = r->touchpoints;
	CsValue		share[3];

	CsTrailShare(&t->trails, n, t->customers[r->group], share);
	CsResultPut(r->result,
				CsValues(CsTrailSegment(&t->trails, r->group), CsTrailSegmentName(&t->trails, r->group), CsValueText(step),
						 CsValueInt8(n), CsValueInt8(t->customers[r->group]), share[0], share[1], share[2],
						 CsValueInt8(n_first), CsValueInt8(n_last), CsValueFloat8(median)));
}

/* Put the rows of a group. */
static void
PutGroup(Rows *r)
{
	const Touchpoints *t = r->touchpoints;
	int			nsteps = Min(CsDictionarySize(t->trails.steps), t->npoints);

	if (t->customers[r->group] == 0)
		return;
	for (int i = 0; i < nsteps; i++)
		r->steps[i] = i;
	qsort_arg(r->steps, nsteps, sizeof(int), CompareSteps, r);
	for (int i = 0; i < nsteps; i++)
	{
		int			step = r->steps[i];
		const Point *point = PointOf(t, r->group, step);

		if (point->n > 0)
			PutRow(r, CsTrailStep(&t->trails, step), point->n, point->n_first, point->n_last,
				   r->medians[step * t->trails.ngroups + r->group]);
	}
	if (t->without[r->group] > 0)
		PutRow(r, NULL, t->without[r->group], 0, 0, NAN);
}

/* Resolve the arguments, and begin with nothing. */
static void
Open(FunctionCallInfo fcinfo, Touchpoints *t)
{
	TouchOptions options;

	CsOptionsArgument(fcinfo, ARG_OPTIONS, touchOptions, lengthof(touchOptions), &options);
	t->before = CsTextArgument(fcinfo, ARG_BEFORE);
	if (t->before != NULL && options.horizon != NULL)
		CsRejectValue("option \"horizon\" tells when a customer is lost", "Leave it out, or \"before\".");
	t->window = CsTrailLength("window", options.window == NULL ? "30 days" : options.window, "30 days");
	t->horizon = CsTrailLength("horizon", options.horizon == NULL ? "90 days" : options.horizon, "90 days");
	CsTrailsOpen(&t->trails, fcinfo, ARG_MODEL, ARG_VERSION, &options.trail);
	t->context = CurrentMemoryContext;
	t->npoints = t->capacity = FIRST_TOUCHES;
	t->points = palloc0(sizeof(Point) * t->trails.ngroups * t->npoints);
	t->touches = palloc(sizeof(Touch) * t->capacity);
	t->customers = palloc0(sizeof(int64) * t->trails.ngroups);
	t->without = palloc0(sizeof(int64) * t->trails.ngroups);
	t->lengths = CsLengthsOpen();
}

/* touchpoints(source, customer, time, step, model, before, options, version): a row for each step of each segment */
Datum
custseg_touchpoints(PG_FUNCTION_ARGS)
{
	Touchpoints t = {{0}};
	Rows		r = {&t, CsResultOpen(fcinfo)};

	Open(fcinfo, &t);
	CsTrailsRead(&t.trails, &(CsTrailVisitor) {&t, BeginCustomer, TakeEvent, EndCustomer});
	if (t.before != NULL && !t.before_seen)
		CsTrailUnknownStep(&t.trails, t.before);
	r.medians = CsLengthsMedians(t.lengths, t.npoints * t.trails.ngroups);
	r.steps = palloc(sizeof(int) * Max(CsDictionarySize(t.trails.steps), 1));
	for (r.group = 0; r.group < t.trails.ngroups; r.group++)
		PutGroup(&r);
	return (Datum) 0;
}
