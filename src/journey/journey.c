/*
 * journey.c
 *	  How customers go from step to step: journey().
 *
 * A visit is an event.  What comes of it is known when the horizon has passed since: another step within the horizon,
 * or none, and then the customer has dropped off.  Visits whose horizon has not passed are in no share, also where
 * another step has followed already: those that go on quickly would be counted, and those that do not, not yet.
 *
 * Visits of one customer hang together, so what each customer's visits come to is summed up with its squares
 * (stat/clustered.c).
 */
#include "custseg.h"

#include <math.h>

#include "common/hashfn.h"
#include "journey/trail.h"
#include "math/search.h"
#include "stat/clustered.h"

/* The most moves from a step to another in a segment that are told apart. */
#define MOST_MOVES 4000000

/* Bytes of a move: itself, its place in those of a customer, the number and the median of its lengths, and its place in the result. */
#define MOVE_SIZE (sizeof(Move) + sizeof(uint32) + sizeof(int64) + sizeof(double) + sizeof(uint32))

/* Bytes of a step of a group, and of a step: with its place in those of a customer. */
#define STEP_SIZE(ngroups) (sizeof(Place) * (ngroups) + sizeof(Trace) + sizeof(int))

typedef struct JourneyOptions
{
	CsTrailOptions trail;
	char	   *horizon;
	int			min_customers;
} JourneyOptions;

static const CsOption journeyOptions[] = {
	CS_TRAIL_OPTIONS(JourneyOptions, trail),
	{"horizon", CS_OPTION_TEXT, offsetof(JourneyOptions, horizon)},
	{"min_customers", CS_OPTION_INT, offsetof(JourneyOptions, min_customers), 1, 1, PG_INT32_MAX}
};

/* The arguments after those that all have. */
enum
{
	ARG_MODEL = CS_TRAIL_ARGUMENTS, ARG_OPTIONS, ARG_VERSION
};

PG_FUNCTION_INFO_V1(custseg_journey);

/* A move from one step to the next, in a group. */
typedef struct Move
{
	int			group,
				from,
				to;
	int32		customers;		/* who made it; no more are counted than an int32 holds */
	int64		n;
	int64		now;			/* of the customer at hand */
	double		squares,		/* over the customers, as in CsClusteredCount */
				products;
} Move;

typedef struct MoveEntry
{
	uint32		move;			/* its number */
	uint32		hash;
	char		status;
} MoveEntry;

/* The moves, numbered in the order in which they are met. */
typedef struct Moves
{
	struct move_hash *table;
	Move	   *moves;
	uint32		n,
				capacity;
	Move		sought;
} Moves;

/* Is a move the one that is looked for? */
static inline bool
IsSought(const Moves *m, uint32 number)
{
	const Move *move = &m->moves[number];

	return move->group == m->sought.group && move->from == m->sought.from && move->to == m->sought.to;
}

#define SH_PREFIX move
#define SH_ELEMENT_TYPE MoveEntry
#define SH_KEY_TYPE uint32
#define SH_KEY move
#define SH_HASH_KEY(tb, key) ((void) (key), (uint32) 0) /* not called: the hash is given */
#define SH_EQUAL(tb, a, b) IsSought((const Moves *) (tb)->private_data, a)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What a group did at a step. */
typedef struct Place
{
	int64		first;			/* customers whose first step it was */
	int64		complete;		/* visits whose horizon has passed */
	CsClusters	visits;			/* the same, by customer */
	CsClusteredCount dropped;	/* of them those after which nothing came within the horizon */
	int64		drop_outs;		/* customers whose visits those are */
	int64		undecided;		/* and others */
	int64		customers;		/* who have been there */
	int64		came_back;		/* and again after another step */
} Place;

/* What is known of the customer at hand and a step. */
typedef struct Trace
{
	int64		customer;		/* the last one who was there, by number */
	int64		came_back;		/* the last one who came back */
	int64		complete,		/* visits of the customer at hand whose horizon has passed, */
				ends;			/* and after which nothing came within it */
} Trace;

typedef struct Journey
{
	CsTrails	trails;
	int64		horizon;
	int			min_customers;	/* rows of fewer are left out */
	MemoryContext context;
	Moves		moves;
	CsLengths  *lengths;
	int			nsteps;			/* that there is room for */
	Place	   *places;			/* of each step, of each group */
	Trace	   *traces;			/* of each step */
	int		   *visited;		/* steps of which the customer at hand has a complete visit */
	int			nvisited;
	uint32	   *made;			/* moves that the customer at hand has made */
	uint32		nmade;
	int64	   *customers;		/* of each group */

	/* the customer at hand, by its number from 1 */
	int64		customer;
	int			group;
	int			step;			/* the last one; -1: none yet */
	Timestamp	at;
} Journey;

/* What a group did at a step. */
static Place *
PlaceOf(const Journey *j, int group, int step)
{
	return &j->places[(Size) step * j->trails.ngroups + group];
}

/* An error unless so many bytes more fit. */
static void
CheckMemory(const Journey *j, Size more)
{
	Size		used = MOVE_SIZE * j->moves.capacity + j->moves.table->size * sizeof(MoveEntry) +
		STEP_SIZE(j->trails.ngroups) * j->nsteps;

	if (used + more > CsMemoryLimit())
		CsMemoryError(used + more, "group the steps in a query as the source", "following more than %u different moves over %d steps",
					  j->moves.n, CsDictionarySize(j->trails.steps));
}

/* Make room for a step. */
static void
GrowSteps(Journey *j, int step)
{
	int			more = Max(64, step);
	Size		ngroups = j->trails.ngroups;

	CheckMemory(j, STEP_SIZE(ngroups) * more);
	j->places = repalloc_huge(j->places, sizeof(Place) * ngroups * (j->nsteps + more));
	j->traces = repalloc_huge(j->traces, sizeof(Trace) * (j->nsteps + more));
	j->visited = repalloc_huge(j->visited, sizeof(int) * (j->nsteps + more));
	memset(j->places + ngroups * j->nsteps, 0, sizeof(Place) * ngroups * more);
	memset(j->traces + j->nsteps, 0, sizeof(Trace) * more);
	j->nsteps += more;
}

/* Make room for a move: the table doubles when it is full. */
static void
GrowMoves(Journey *j)
{
	Moves	   *m = &j->moves;

	if (m->n == MOST_MOVES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d different moves from a step to another", MOST_MOVES),
				 errhint("Group the steps in a query as the source.")));
	if (m->table->members >= m->table->grow_threshold)
		CheckMemory(j, 2 * m->table->size * sizeof(MoveEntry));
	if (m->n < m->capacity)
		return;
	CheckMemory(j, MOVE_SIZE * m->capacity);
	m->capacity *= 2;
	m->moves = repalloc_huge(m->moves, sizeof(Move) * m->capacity);
	j->made = repalloc_huge(j->made, sizeof(uint32) * m->capacity);
}

/* The number of a move of the customer at hand, which is new perhaps. */
static uint32
MoveNumber(Journey *j, int from, int to)
{
	Moves	   *m = &j->moves;
	uint32		hash = hash_combine(murmurhash32((uint32) from), murmurhash32((uint32) to * 2 + 1) + (uint32) j->group);
	MoveEntry  *entry;
	bool		found;

	m->sought = (Move) {.group = j->group, .from = from, .to = to};
	entry = move_lookup_hash(m->table, 0, hash);
	if (entry != NULL)
		return entry->move;
	GrowMoves(j);
	m->moves[m->n] = m->sought;
	entry = move_insert_hash(m->table, 0, hash, &found);
	entry->move = m->n;
	return m->n++;
}

/* What came of the visit at hand: the next step, -1 for none, at a time. */
static void
Follow(Journey *j, int next, Timestamp at)
{
	Place	   *place = PlaceOf(j, j->group, j->step);
	Trace	   *trace = &j->traces[j->step];
	int64		length = CsTrailElapsed(j->at, at);
	uint32		number;
	Move	   *move;

	if (CsTrailElapsed(j->at, j->trails.as_of) < j->horizon)
	{
		place->undecided++;
		return;
	}
	place->complete++;
	if (trace->complete++ == 0)
		j->visited[j->nvisited++] = j->step;
	if (next < 0 || length > j->horizon)
	{
		trace->ends++;
		return;
	}
	number = MoveNumber(j, j->step, next);
	move = &j->moves.moves[number];
	move->n++;
	if (move->now++ == 0)
		j->made[j->nmade++] = number;
	CsLengthsAdd(j->lengths, (int) number, length);
}

/* Add up what the visits of the customer at hand have come to. */
static void
AddCustomer(Journey *j)
{
	for (uint32 i = 0; i < j->nmade; i++)
	{
		Move	   *move = &j->moves.moves[j->made[i]];
		double		n = (double) move->now;

		move->squares += n * n;
		move->products += n * (double) j->traces[move->from].complete;
		move->customers += move->customers < PG_INT32_MAX;
		move->now = 0;
	}
	for (int i = 0; i < j->nvisited; i++)
	{
		Trace	   *trace = &j->traces[j->visited[i]];
		Place	   *place = PlaceOf(j, j->group, j->visited[i]);

		CsClustersAdd(&place->visits, trace->complete);
		CsClusteredCountAdd(&place->dropped, trace->ends, trace->complete);
		place->drop_outs += trace->ends > 0;
		trace->complete = trace->ends = 0;
	}
	j->nmade = j->nvisited = 0;
}

/* CsTrailVisitor: another customer. */
static void
BeginCustomer(void *state, int group)
{
	Journey    *j = state;

	j->customer++;
	j->customers[group]++;
	j->group = group;
	j->step = -1;
}

/* Count who has been at a step, and who has come back to it. */
static void
CountTrace(Journey *j, int step)
{
	Trace	   *trace = &j->traces[step];
	Place	   *place = PlaceOf(j, j->group, step);

	if (trace->customer != j->customer)
		place->customers++;
	else if (step != j->step && trace->came_back != j->customer)
	{
		place->came_back++;
		trace->came_back = j->customer;
	}
	trace->customer = j->customer;
}

/* CsTrailVisitor: an event of the customer at hand. */
static void
TakeEvent(void *state, Timestamp at, int step)
{
	Journey    *j = state;

	if (step >= j->nsteps)
		GrowSteps(j, step);
	if (j->step < 0)
		PlaceOf(j, j->group, step)->first++;
	else
		Follow(j, step, at);
	CountTrace(j, step);
	j->step = step;
	j->at = at;
}

/* CsTrailVisitor: the customer at hand has no more events. */
static void
EndCustomer(void *state)
{
	Journey    *j = state;

	if (j->step >= 0)
		Follow(j, -1, j->trails.as_of);
	AddCustomer(j);
}

/* Resolve the arguments, and begin with nothing. */
static void
Open(FunctionCallInfo fcinfo, Journey *j)
{
	JourneyOptions options;

	CsOptionsArgument(fcinfo, ARG_OPTIONS, journeyOptions, lengthof(journeyOptions), &options);
	j->horizon = CsTrailLength("horizon", options.horizon == NULL ? "30 days" : options.horizon, "30 days");
	j->min_customers = options.min_customers;
	CsTrailsOpen(&j->trails, fcinfo, ARG_MODEL, ARG_VERSION, &options.trail);
	j->context = CurrentMemoryContext;
	j->moves.capacity = 64;
	j->moves.moves = palloc(sizeof(Move) * j->moves.capacity);
	j->moves.table = move_create(j->context, j->moves.capacity, &j->moves);
	j->nsteps = 64;
	j->places = palloc0(sizeof(Place) * j->trails.ngroups * j->nsteps);
	j->traces = palloc0(sizeof(Trace) * j->nsteps);
	j->visited = palloc(sizeof(int) * j->nsteps);
	j->made = palloc(sizeof(uint32) * j->moves.capacity);
	j->customers = palloc0(sizeof(int64) * j->trails.ngroups);
	j->lengths = CsLengthsOpen();
}

/* What rows are put with. */
typedef struct Rows
{
	Journey    *journey;
	CsResult   *result;
	int			group;
	const double *medians;		/* of moves */
	uint32	   *order;			/* of moves: by group and step, the most frequent first */
	int		   *steps;			/* that there are, the most frequent first */
} Rows;

/* Are so many customers enough for a row?  As long as nothing is to be left out, there are rows of nobody, too. */
static bool
AreEnough(const Rows *r, int64 customers)
{
	return r->journey->min_customers == 1 || customers >= r->journey->min_customers;
}

/* Put a row: steps are -1 for none; "share" is the share with its interval. */
static void
PutRow(const Rows *r, const char *kind, int from, int to, int64 n, int64 of, int64 undecided, const CsValue *share, double median)
{
	const CsTrails *t = &r->journey->trails;

	CsResultPut(r->result,
				CsValues(CsTrailSegment(t, r->group), CsTrailSegmentName(t, r->group), CsValueText(kind),
						 CsValueText(from < 0 ? NULL : CsTrailStep(t, from)), CsValueText(to < 0 ? NULL : CsTrailStep(t, to)),
						 CsValueBool(from == to), CsValueInt8(n), CsValueInt8(of), CsValueInt8(undecided), share[0], share[1],
						 share[2], CsValueFloat8(median)));
}

/* Put a row of customers, who do not hang together. */
static void
PutCustomers(const Rows *r, const char *kind, int from, int to, int64 n, int64 of)
{
	CsValue		share[3];

	if (!AreEnough(r, n))
		return;
	CsTrailShare(&r->journey->trails, n, of, share);
	PutRow(r, kind, from, to, n, of, 0, share, NAN);
}

/* Put a row of visits of a step that came to something, of which "all" is the design effect. */
static void
PutVisits(const Rows *r, const char *kind, int from, int to, const CsClusteredCount *count, const CsDesignEffect *all, double median)
{
	const Place *place = PlaceOf(r->journey, r->group, from);
	double		share = NAN,
				low = NAN,
				high = NAN;

	if (place->complete > 0)
	{
		share = count->count / place->visits.cases;
		CsClusteredInterval(&place->visits, count, all, r->journey->trails.options.confidence, &low, &high);
	}
	PutRow(r, kind, from, to, (int64) count->count, place->complete, place->undecided,
		   (const CsValue[]) {CsValueFloat8(share), CsValueFloat8(low), CsValueFloat8(high)}, median);
}

/* Order of moves. */
static int
CompareMoves(const void *a, const void *b, void *arg)
{
	const Journey *j = arg;
	const Move *x = &j->moves.moves[*(const uint32 *) a],
			   *y = &j->moves.moves[*(const uint32 *) b];

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return strcmp(CsTrailStep(&j->trails, x->to), CsTrailStep(&j->trails, y->to));
}

/* Order of steps in a group: the most frequent first, ties by name. */
static int
CompareSteps(const void *a, const void *b, void *arg)
{
	const Rows *r = arg;
	int			x = *(const int *) a,
				y = *(const int *) b;
	const Place *p = PlaceOf(r->journey, r->group, x),
			   *q = PlaceOf(r->journey, r->group, y);

	if (p->first != q->first)
		return p->first > q->first ? -1 : 1;
	return strcmp(CsTrailStep(&r->journey->trails, x), CsTrailStep(&r->journey->trails, y));
}

/* For CsCountBefore(): the step from which a group's moves are looked for. */
typedef struct FromStep
{
	const Rows *rows;
	int			from;
} FromStep;

/* For CsCountBefore(): does a move come before those of the group at hand from a step? */
static bool
MovesBefore(const void *element, const void *key)
{
	const FromStep *step = key;
	const Move *move = &step->rows->journey->moves.moves[*(const uint32 *) element];

	return move->group != step->rows->group ? move->group < step->rows->group : move->from < step->from;
}

/* The first move of the group at hand from a step: moves are in order. */
static uint32
FirstMove(const Rows *r, int from)
{
	const FromStep step = {r, from};

	return (uint32) CsCountBefore(&step, r->order, r->journey->moves.n, sizeof(uint32), MovesBefore);
}

/* How often a move was made, by customer. */
static CsClusteredCount
CountOf(const Move *move)
{
	return (CsClusteredCount) {(double) move->n, move->squares, move->products};
}

/* Put what came of the visits of a step. */
static void
PutStep(Rows *r, int step)
{
	const Moves *m = &r->journey->moves;
	const Place *place = PlaceOf(r->journey, r->group, step);
	uint32		first = FirstMove(r, step),
				end = first;
	CsDesignEffect effect = {0};

	if (place->customers == 0)
		return;
	for (; end < m->n && m->moves[r->order[end]].group == r->group && m->moves[r->order[end]].from == step; end++)
	{
		CsClusteredCount count = CountOf(&m->moves[r->order[end]]);

		CHECK_FOR_INTERRUPTS();
		CsDesignEffectAdd(&effect, &place->visits, &count);
	}
	if (place->complete > 0)
		CsDesignEffectAdd(&effect, &place->visits, &place->dropped);
	for (uint32 i = first; i < end; i++)
	{
		const Move *move = &m->moves[r->order[i]];
		CsClusteredCount count = CountOf(move);

		CHECK_FOR_INTERRUPTS();
		if (AreEnough(r, move->customers))
			PutVisits(r, "next", step, move->to, &count, &effect, r->medians[r->order[i]]);
	}
	if (AreEnough(r, place->drop_outs))
		PutVisits(r, "end", step, -1, &place->dropped, &effect, NAN);
	PutCustomers(r, "return", step, step, place->came_back, place->customers);
}

/* Put the rows of a group. */
static void
PutGroup(Rows *r)
{
	Journey    *j = r->journey;
	int			nsteps = CsDictionarySize(j->trails.steps);

	if (j->customers[r->group] == 0)
		return;
	for (int i = 0; i < nsteps; i++)
		r->steps[i] = i;
	qsort_arg(r->steps, nsteps, sizeof(int), CompareSteps, r);
	for (int i = 0; i < nsteps; i++)
	{
		int64		first = PlaceOf(j, r->group, r->steps[i])->first;

		if (first > 0)
			PutCustomers(r, "first", -1, r->steps[i], first, j->customers[r->group]);
	}
	for (int i = 0; i < nsteps; i++)
		PutStep(r, r->steps[i]);
}

/* journey(source, customer, time, step, model, options, version): a row for each first step, move, end and return of each segment */
Datum
custseg_journey(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Journey		j = {{0}};
	Rows		r = {&j, result};

	Open(fcinfo, &j);
	CsTrailsRead(&j.trails, &(CsTrailVisitor) {&j, BeginCustomer, TakeEvent, EndCustomer});
	r.medians = CsLengthsMedians(j.lengths, (int) j.moves.n);
	r.order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * Max(j.moves.n, 1));
	for (uint32 i = 0; i < j.moves.n; i++)
		r.order[i] = i;
	qsort_arg(r.order, j.moves.n, sizeof(uint32), CompareMoves, &j);
	r.steps = palloc(sizeof(int) * Max(CsDictionarySize(j.trails.steps), 1));
	for (r.group = 0; r.group < j.trails.ngroups; r.group++)
		PutGroup(&r);
	return (Datum) 0;
}
