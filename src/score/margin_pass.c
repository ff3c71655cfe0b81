/*
 * margin_pass.c
 *	  How near customers are to a segment of a lower value than their own.
 *
 * The version travels with the plan, and so do the ranks of its segments.  Whoever has the rows places them and keeps who is
 * nearest to the border of a lower segment.
 */
#include "custseg.h"

#include "score/margin_pass.h"

typedef struct Margin
{
	CsPassScorer version;
	int		   *ranks;
	double	   *memberships;
	double		most;
	CsClosest	nearest;
} Margin;

/*
 * Of the segments of a lower value than a customer's the one that the customer belongs to most, and how far the customer is
 * from the border between the two; -1: there is none.
 */
int
CsLowerSegment(const int *ranks, const double *memberships, int nsegments, int segment, double *margin)
{
	int			lower = -1;

	if (ranks[segment] == 0)
		return -1;
	for (int i = 0; i < nsegments; i++)
	{
		if (ranks[i] > ranks[segment] && memberships[i] > 0 && (lower < 0 || memberships[i] > memberships[lower]))
			lower = i;
	}
	if (lower >= 0)
		*margin = CsMembershipMargin(memberships[segment], memberships[lower]);
	return lower;
}

/* Write the plan. */
void
CsMarginPlan(JsonbParseState **json, const CsMarginRequest *r)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsMarginPass.name);
	CsPassScorerPlan(json, r->scorer, r->columns);
	CsJsonArray(json, "ranks");
	for (int i = 0; i < r->scorer->nsegments; i++)
		CsJsonInteger(json, NULL, r->ranks[i]);
	(void) CsJsonEnd(json);
	CsJsonNumber(json, "most", r->most);
	CsClosestPlan(json, r->room, r->key);
	(void) CsJsonEnd(json);
}

/* CsTallyKind.open */
static void *
OpenMargin(CsTally *pass, const CsJsonReader *plan)
{
	Margin	   *m = palloc0(sizeof(Margin));
	CsJsonEach	each;
	int			n;

	CsPassScorerOpen(pass, plan, &m->version);
	n = m->version.scorer->nsegments;
	m->ranks = palloc(sizeof(int) * Max(n, 1));
	m->memberships = palloc0(sizeof(double) * Max(n, 1));
	each = CsJsonEachOf(CsJsonReadArray(plan, "ranks", n, n));
	while (CsJsonNext(&each))
	{
		int64		rank;

		if (!CsJsonGetInteger(&each.value, 0, PG_INT32_MAX, &rank))
			CsJsonReject(plan, "ranks", "has an element that is out of range");
		m->ranks[each.at] = (int) rank;
	}
	m->most = CsJsonReadNumber(plan, "most");
	m->nearest = CsClosestOpen(pass, plan);
	return m;
}

/* CsTallyKind.add */
static void
AddMargin(CsTally *pass, void *own, CsTallyState *state)
{
	Margin	   *m = own;
	CsAssignment placed;
	double		margin;

	if (!CsPassScorerPlaceWith(pass, &m->version, &placed, m->memberships) || placed.index < 0)
		return;
	if (CsLowerSegment(m->ranks, m->memberships, m->version.scorer->nsegments, placed.index, &margin) >= 0 && margin <= m->most)
		CsClosestAdd(pass, &m->nearest, state, margin);
}

/* Are as many rows as there is room for surely among those that were kept, if those of so many customers do not count? */
bool
CsMarginSuffice(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 room, int64 decided)
{
	const Margin *m = part->own;

	return CsClosestSuffice(pass, &m->nearest, state, room, decided);
}

/* The hashes of who is nearest, *n of them; palloc'd. */
double *
CsMarginKeys(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 *n)
{
	const Margin *m = part->own;

	return CsClosestKeys(pass, &m->nearest, state, n);
}

const CsTallyKind CsMarginPass = {"margin", .open = OpenMargin, .add = AddMargin};
