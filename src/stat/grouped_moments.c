/*
 * grouped_moments.c
 *	  Number of values, mean and squared deviations of each group, value by value, in one flat value.
 *
 * A value moves its group's mean by Welford's method (Technometrics 4, 1962), and two states are one by
 * Chan, Golub and LeVeque's formula (1979); nothing is lost where the mean is large beside the
 * deviations.  Groups are few, so they are kept in order and searched by halves.
 *
 * A state may come from whoever calls the aggregate's functions by hand, hence the checks.
 */
#include "custseg.h"

#include <math.h>

#include "stat/grouped.h"

#define FIRST_CAPACITY 8

static Size
StateSize(int32 capacity)
{
	return offsetof(CsGroupedMoments, group) + sizeof(CsGroupMoments) * capacity;
}

static CsGroupedMoments *
CreateState(int32 capacity)
{
	CsGroupedMoments *m = palloc0(StateSize(capacity));

	SET_VARSIZE(m, StateSize(capacity));
	m->capacity = capacity;
	return m;
}

/* An empty state, palloc'd. */
CsGroupedMoments *
CsGroupedMomentsCreate(void)
{
	return CreateState(FIRST_CAPACITY);
}

static void
ReportInvalidState(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid moments of groups"),
			 errhint("Only custseg.anova() and similar aggregates make such values.")));
}

/*
 * Raise an error when a value's header cannot be that of a state.  Cheap enough to be called for
 * every row.
 */
void
CsGroupedMomentsCheck(const CsGroupedMoments *m)
{
	if (VARSIZE(m) < StateSize(FIRST_CAPACITY) || m->capacity < FIRST_CAPACITY ||
		m->capacity > 2 * CS_MAX_GROUPS || VARSIZE(m) != StateSize(m->capacity) ||
		m->ngroups < 0 || m->ngroups > m->capacity)
		ReportInvalidState();
}

/* Raise an error when a value is not a state: check the header and every group. */
void
CsGroupedMomentsCheckAll(const CsGroupedMoments *m)
{
	int64		n = 0;

	CsGroupedMomentsCheck(m);
	for (int i = 0; i < m->ngroups; i++)
	{
		const CsGroupMoments *g = &m->group[i];

		if (g->n < 1 || g->n > PG_INT64_MAX - n || !isfinite(g->mean) || !(g->m2 >= 0) ||
			(i > 0 && m->group[i - 1].group >= g->group))
			ReportInvalidState();
		n += g->n;
	}
}

/* Where a group is, or belongs. */
static int
FindGroup(const CsGroupedMoments *m, int32 group)
{
	int			low = 0,
				high = m->ngroups;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (m->group[middle].group < group)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Make a place for a new group; in a larger copy, which is returned, when there is no room. */
static CsGroupedMoments *
InsertGroup(CsGroupedMoments *m, int at, int32 group)
{
	if (m->ngroups >= CS_MAX_GROUPS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d groups", CS_MAX_GROUPS),
				 errhint("The second argument must be a segment, or another number that has few values, not an id.")));
	if (m->ngroups == m->capacity)
	{
		CsGroupedMoments *larger = CreateState(Min(2 * m->capacity, 2 * CS_MAX_GROUPS));

		larger->ngroups = m->ngroups;
		memcpy(larger->group, m->group, sizeof(CsGroupMoments) * m->ngroups);
		m = larger;
	}
	memmove(&m->group[at + 1], &m->group[at], sizeof(CsGroupMoments) * (m->ngroups - at));
	m->group[at] = (CsGroupMoments) {.group = group};
	m->ngroups++;
	return m;
}

/* A value moves its group's moments. */
static void
AddValue(CsGroupMoments *g, double value)
{
	double		off = value - g->mean;

	g->mean += off / ++g->n;
	g->m2 += off * (value - g->mean);
}

/*
 * The moments of n values by their groups, which are numbers below ngroups; values whose group is
 * below 0, and NaN, are left out.  Groups without values are dropped.  OUT moments, with room for
 * ngroups.  Returns how many groups are left.
 */
int
CsGroupMomentsOf(const double *values, const int32 *groups, int64 n, int ngroups,
				 CsGroupMoments *moments)
{
	int			kept = 0;

	memset(moments, 0, sizeof(CsGroupMoments) * ngroups);
	for (int64 i = 0; i < n; i++)
	{
		if (groups[i] >= 0 && !isnan(values[i]))
			AddValue(&moments[groups[i]], values[i]);
	}
	for (int g = 0; g < ngroups; g++)
	{
		moments[kept] = moments[g];
		kept += moments[g].n > 0;
	}
	return kept;
}

/*
 * Add a value of a group.  Returns the state, or, when there is no room for the group, a larger
 * copy of it, palloc'd.
 */
CsGroupedMoments *
CsGroupedMomentsAdd(CsGroupedMoments *m, int32 group, double value)
{
	int			at = FindGroup(m, group);

	if (at == m->ngroups || m->group[at].group != group)
		m = InsertGroup(m, at, group);
	AddValue(&m->group[at], value);
	return m;
}

/*
 * Add all moments of another state.  Returns the state or a larger copy, as CsGroupedMomentsAdd()
 * does.
 */
CsGroupedMoments *
CsGroupedMomentsMerge(CsGroupedMoments *m, const CsGroupedMoments *other)
{
	for (int i = 0; i < other->ngroups; i++)
	{
		const CsGroupMoments *b = &other->group[i];
		int			at = FindGroup(m, b->group);
		CsGroupMoments *a;
		double		off,
					n;

		if (at == m->ngroups || m->group[at].group != b->group)
			m = InsertGroup(m, at, b->group);
		a = &m->group[at];
		if (a->n > PG_INT64_MAX - b->n)
			ReportInvalidState();
		n = (double) a->n + b->n;
		off = b->mean - a->mean;
		a->mean += off * (b->n / n);
		a->m2 += b->m2 + off * off * (a->n * (b->n / n));
		a->n += b->n;
	}
	return m;
}
