/*
 * grouped_moments.c
 *	  Number of values, mean and squared deviations of each group, value by value, in one flat value.
 *
 * The moments are math/moments.c's.  Groups are few, so they are kept in order and searched by halves.
 *
 * A state may come from whoever calls the aggregate's functions by hand, hence the checks.
 */
#include "custseg.h"

#include <math.h>

#include "math/search.h"
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

/* Can these be anybody's moments? */
bool
CsAreMoments(const CsMoments *m)
{
	int			exponent;

	return isfinite(m->scale) && m->scale > 0 && frexp(m->scale, &exponent) == 0.5 &&
		fabs(m->mean) <= 2 && fabs(m->rest) <= 2 && m->m2 >= 0 && isfinite(m->m2);
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

		if (g->m.n < 1 || g->m.n > PG_INT64_MAX - n || !CsAreMoments(&g->m) ||
			(i > 0 && m->group[i - 1].group >= g->group))
			ReportInvalidState();
		n += g->m.n;
	}
}

/* For CsCountBefore(): is a group's number below another? */
static bool
IsBelow(const void *group, const void *number)
{
	return ((const CsGroupMoments *) group)->group < *(const int32 *) number;
}

/* Where a group is, or belongs. */
static int
FindGroup(const CsGroupedMoments *m, int32 group)
{
	return (int) CsCountBefore(&group, m->group, m->ngroups, sizeof(CsGroupMoments), IsBelow);
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
			CsMomentsAddValue(&moments[groups[i]].m, values[i]);
	}
	for (int g = 0; g < ngroups; g++)
	{
		moments[kept] = moments[g];
		kept += moments[g].m.n > 0;
	}
	return kept;
}

/*
 * Bring groups to one scale, in which their means can be compared.  Returns it; 1 for no groups.  OUT all:
 * the moments of all their values.
 */
double
CsAlignGroups(CsGroupMoments *groups, int ngroups, CsMoments *all)
{
	*all = (CsMoments) {0};
	for (int g = 0; g < ngroups; g++)
		CsMomentsMerge(all, &groups[g].m);
	for (int g = 0; g < ngroups; g++)
		CsMomentsRescale(&groups[g].m, all->scale);
	return ngroups > 0 ? all->scale : 1;
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
	CsMomentsAddValue(&m->group[at].m, value);
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

		if (at == m->ngroups || m->group[at].group != b->group)
			m = InsertGroup(m, at, b->group);
		if (m->group[at].m.n > PG_INT64_MAX - b->m.n)
			ReportInvalidState();
		CsMomentsMerge(&m->group[at].m, &b->m);
	}
	return m;
}
