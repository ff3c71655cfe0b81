/*
 * paths.c
 *	  The most frequent ways that customers begin: paths().
 *
 * Each customer's path is a few bytes, the group and the codes of the steps.  PostgreSQL sorts them, in work_mem and on
 * disk beyond it, so that equal ones stand together; what is held are the most frequent ones so far.
 */
#include "custseg.h"

#include "catalog/pg_type_d.h"
#include "journey/trail.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#define MOST_LENGTH 100
#define MOST_PATHS 1000
#define MOST_GROUPS 65535

typedef struct PathsOptions
{
	CsTrailOptions trail;
	int			length;
	char	   *until;
} PathsOptions;

static const CsOption pathsOptions[] = {
	CS_TRAIL_OPTIONS(PathsOptions, trail),
	{"length", CS_OPTION_INT, offsetof(PathsOptions, length), 5, 1, MOST_LENGTH},
	{"until", CS_OPTION_TEXT, offsetof(PathsOptions, until)}
};

/* The arguments after those that all have. */
enum
{
	ARG_MODEL = CS_TRAIL_ARGUMENTS, ARG_TOP, ARG_OPTIONS, ARG_VERSION
};

PG_FUNCTION_INFO_V1(custseg_paths);

/* A path of a group. */
typedef struct Path
{
	int64		n;				/* customers */
	int			length;
	uint16		steps[MOST_LENGTH];
} Path;

/* The most frequent paths of a group, in order. */
typedef struct Best
{
	int64		customers;
	int			n;
	Path	   *paths;
} Best;

typedef struct Paths
{
	CsTrails	trails;
	int			length;
	int			most;			/* paths of a group that are told */
	const char *until;			/* step that ends a path; NULL: none */
	bool		until_seen;
	Tuplesortstate *sort;
	Best	   *best;			/* of each group */
	bytea	   *key;			/* of the customer at hand: the group, then steps, two bytes each */
	int			nsteps;
	bool		is_over;
} Paths;

/* The numbers in a key: the group, then the steps. */
#define KEY_NUMBERS(key) ((uint8 *) VARDATA_ANY(key))

/* Put a number in its place in a key, its upper byte first. */
static void
PutNumber(bytea *key, int place, int number)
{
	KEY_NUMBERS(key)[2 * place] = (uint8) (number >> 8);
	KEY_NUMBERS(key)[2 * place + 1] = (uint8) number;
}

/* The number in a place of a key. */
static int
GetNumber(const bytea *key, int place)
{
	return KEY_NUMBERS(key)[2 * place] << 8 | KEY_NUMBERS(key)[2 * place + 1];
}

/* CsTrailVisitor: another customer. */
static void
BeginCustomer(void *state, int group)
{
	Paths	   *p = state;

	PutNumber(p->key, 0, group);
	p->nsteps = 0;
	p->is_over = false;
}

/* CsTrailVisitor: an event of the customer at hand. */
static void
TakeEvent(void *state, Timestamp at, int step)
{
	Paths	   *p = state;
	bool		ends = p->until != NULL && strcmp(CsTrailStep(&p->trails, step), p->until) == 0;

	p->until_seen |= ends;
	if (p->is_over)
		return;
	PutNumber(p->key, ++p->nsteps, step);
	p->is_over = ends || p->nsteps == p->length;
}

/* CsTrailVisitor: the customer at hand has no more events. */
static void
EndCustomer(void *state)
{
	Paths	   *p = state;

	SET_VARSIZE(p->key, VARHDRSZ + 2 * (1 + p->nsteps));
	tuplesort_putdatum(p->sort, PointerGetDatum(p->key), false);
}

/* Does a path come before another one: by customers, then by the names of the steps? */
static bool
ComesBefore(const Paths *p, const Path *a, const Path *b)
{
	if (a->n != b->n)
		return a->n > b->n;
	for (int i = 0; i < a->length && i < b->length; i++)
	{
		int			order = strcmp(CsTrailStep(&p->trails, a->steps[i]), CsTrailStep(&p->trails, b->steps[i]));

		if (order != 0)
			return order < 0;
	}
	return a->length < b->length;
}

/* So many customers have a path: keep it if it is among the most frequent ones of its group. */
static void
TakePath(Paths *p, const bytea *key, int64 n)
{
	Best	   *best = &p->best[GetNumber(key, 0)];
	Path		path = {.n = n, .length = (int) VARSIZE_ANY_EXHDR(key) / 2 - 1};
	int			at;

	best->customers += n;
	for (int i = 0; i < path.length; i++)
		path.steps[i] = (uint16) GetNumber(key, i + 1);
	at = best->n;
	while (at > 0 && ComesBefore(p, &path, &best->paths[at - 1]))
		at--;
	if (at == p->most)
		return;
	best->n = Min(best->n + 1, p->most);
	memmove(&best->paths[at + 1], &best->paths[at], sizeof(Path) * (best->n - at - 1));
	best->paths[at] = path;
}

/* Count the paths, which are sorted. */
static void
CountPaths(Paths *p)
{
	bytea	   *key = NULL;
	int64		n = 0;
	Datum		datum;
	bool		isnull;

	tuplesort_performsort(p->sort);
	while (CsTuplesortGetDatum(p->sort, &datum, &isnull))
	{
		bytea	   *next = DatumGetByteaPP(datum);

		CHECK_FOR_INTERRUPTS();
		if (key != NULL && VARSIZE_ANY_EXHDR(key) == VARSIZE_ANY_EXHDR(next) &&
			memcmp(VARDATA_ANY(key), VARDATA_ANY(next), VARSIZE_ANY_EXHDR(key)) == 0)
		{
			n++;
			pfree(DatumGetPointer(datum));
			continue;
		}
		if (key != NULL)
		{
			TakePath(p, key, n);
			pfree(key);
		}
		key = next;
		n = 1;
	}
	if (key != NULL)
		TakePath(p, key, n);
	tuplesort_end(p->sort);
}

/* The names of a path's steps. */
static CsValue
PathValue(const Paths *p, const Path *path)
{
	const char *names[MOST_LENGTH];

	for (int i = 0; i < path->length; i++)
		names[i] = CsTrailStep(&p->trails, path->steps[i]);
	return CsValueTexts(names, path->length);
}

/* Put the rows of a group. */
static void
PutGroup(const Paths *p, CsResult *result, int group)
{
	const Best *best = &p->best[group];

	for (int i = 0; i < best->n; i++)
	{
		CsValue		share[3];

		CsTrailShare(&p->trails, best->paths[i].n, best->customers, share);
		CsResultPut(result,
					CsValues(CsTrailSegment(&p->trails, group), CsTrailSegmentName(&p->trails, group), CsValueInt4(i + 1),
							 PathValue(p, &best->paths[i]), CsValueInt8(best->paths[i].n), share[0], share[1], share[2]));
	}
}

/* Resolve the arguments, and begin with nothing. */
static void
Open(FunctionCallInfo fcinfo, Paths *p)
{
	PathsOptions options;
	Size		needed;

	CsOptionsArgument(fcinfo, ARG_OPTIONS, pathsOptions, lengthof(pathsOptions), &options);
	p->most = CsIntArgument(fcinfo, ARG_TOP, 10);
	if (p->most < 1 || p->most > MOST_PATHS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("top must be between 1 and %d, not %d", MOST_PATHS, p->most)));
	CsTrailsOpen(&p->trails, fcinfo, ARG_MODEL, ARG_VERSION, &options.trail);
	p->length = options.length;
	p->until = options.until;
	needed = sizeof(Path) * (p->most + 1) * p->trails.ngroups;
	if (needed > CsMemoryLimit() || p->trails.ngroups > MOST_GROUPS)
		CsMemoryError(needed, "ask for fewer paths", "keeping %d paths of each of %d segments", p->most, p->trails.ngroups);
	p->best = palloc0(sizeof(Best) * p->trails.ngroups);
	for (int group = 0; group < p->trails.ngroups; group++)
		p->best[group].paths = palloc(sizeof(Path) * (p->most + 1));
	p->key = palloc(VARHDRSZ + 2 * (MOST_LENGTH + 1));
	SET_VARSIZE(p->key, VARHDRSZ + 2 * (MOST_LENGTH + 1));
	p->sort = tuplesort_begin_datum(BYTEAOID, lookup_type_cache(BYTEAOID, TYPECACHE_LT_OPR)->lt_opr, InvalidOid, false,
									work_mem, NULL, TUPLESORT_NONE);
}

/* paths(source, customer, time, step, model, top, options, version): a row for each of the most frequent paths of each segment */
Datum
custseg_paths(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Paths		p = {{0}};

	Open(fcinfo, &p);
	CsTrailsRead(&p.trails, &(CsTrailVisitor) {&p, BeginCustomer, TakeEvent, EndCustomer});
	if (p.until != NULL && !p.until_seen)
		CsTrailUnknownStep(&p.trails, p.until);
	CountPaths(&p);
	for (int group = 0; group < p.trails.ngroups; group++)
		PutGroup(&p, result, group);
	return (Datum) 0;
}
