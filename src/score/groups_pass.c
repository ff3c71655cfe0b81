/*
 * groups_pass.c
 *	  Who is in each segment, by a pass: what the portrait of a source on other servers is made of.
 *
 * A row is placed by the version, whose definition travels with the plan, and is counted and summed up with its segment.
 * The parts that follow find the segment as the label of the row.  In halves, a hash of who the customer is decides on the
 * half, so that it is the same one however the rows are laid out.
 */
#include "custseg.h"

#include <math.h>

#include "common/hashfn.h"
#include "score/groups_pass.h"

/* Levels that are counted one by one. */
#define MOST_LISTED 20000

/* A number of a group. */
typedef struct GroupNumber
{
	double		middle;
	double		size;			/* a power of two that deviations are taken times */
	int			exponent[2];
	double		scale[2];
} GroupNumber;

typedef struct Groups
{
	CsPassScorer version;
	int			ngroups;
	int			halves;			/* which number they are told by; -1: there are none */
	uint64		seed;
	bool		is_asked;		/* for more than the segment: levels at least */
	int			rows,			/* sections: of each group; */
				values,			/* of each number in each, as the next three */
				lowest,
				highest,
				sums;
	GroupNumber *numbers;		/* NULL: these are not asked for */
	CsDictionary **levels;		/* of each number, then of each text */
	int		   *counts;			/* sections of these: of each group those that are listed, and all others */
} Groups;

/* Write the levels that are listed. */
static void
PlanLevels(JsonbParseState **json, const char *key, CsDictionary *const *levels, int n)
{
	CsJsonArray(json, key);
	for (int i = 0; i < n; i++)
	{
		int			nlisted = levels == NULL || levels[i] == NULL ? 0 : CsDictionarySize(levels[i]);

		CsJsonArray(json, NULL);
		for (int code = 0; code < nlisted; code++)
			CsJsonText(json, NULL, CsDictionaryLevel(levels[i], code));
		(void) CsJsonEnd(json);
	}
	(void) CsJsonEnd(json);
}

/* Write the plan. */
void
CsGroupsPlan(JsonbParseState **json, const CsGroupsRequest *r)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsGroupsPass.name);
	CsJsonInteger(json, "rows", r->nrows);
	CsPassScorerPlan(json, r->scorer, r->columns);
	if (r->in_halves)
	{
		CsJsonInteger(json, "halves", r->half);
		CsJsonInteger(json, "seed", r->seed);
	}
	if (r->middle != NULL)
	{
		CsJsonNumbers(json, "middle", r->middle, CsGroupsOf(r) * r->nnumbers, 1);
		CsJsonNumbers(json, "reach", r->reach, CsGroupsOf(r) * r->nnumbers, 1);
		PlanLevels(json, "values", r->values, r->nnumbers);
	}
	if (r->middle != NULL || r->texts != NULL)
		PlanLevels(json, "texts", r->texts, r->nlevels);
	(void) CsJsonEnd(json);
}

/* Read the levels of n columns that are listed, and declare their counts. */
static void
OpenLevels(CsTally *pass, const CsJsonReader *plan, const char *key, int n, Groups *g, int first)
{
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(plan, key, n, n));

	while (CsJsonNext(&each))
	{
		JsonbContainer *array = CsJsonGetArray(&each.value);
		CsDictionary *d = CsDictionaryCreate();
		CsJsonEach	level;

		if (array == NULL || JsonContainerSize(array) > MOST_LISTED)
			CsJsonReject(plan, key, "must be an array of arrays of at most %d texts", MOST_LISTED);
		level = CsJsonEachOf(array);
		while (CsJsonNext(&level))
		{
			char	   *text;

			if (level.value.type != jbvString)
				CsJsonReject(plan, key, "must be an array of arrays of at most %d texts", MOST_LISTED);
			text = CsJsonString(&level.value);
			if (CsDictionaryCode(d, text, (int) strlen(text)) != level.at)
				CsJsonReject(plan, key, "has a text twice, or texts that are too long");
		}
		g->levels[first + each.at] = d;
		g->counts[first + each.at] = CsTallySection(pass, CS_SECTION_COUNTS,
													g->ngroups * ((int64) CsDictionarySize(d) + 1), 1);
	}
}

/* Read about which values numbers are summed up, and declare the sums. */
static void
OpenNumbers(CsTally *pass, const CsJsonReader *plan, Groups *g)
{
	int			n = g->ngroups * pass->nnumbers;
	double		nrows = (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX);
	double	   *middle = palloc(sizeof(double) * Max(n, 1));
	double	   *reach = palloc(sizeof(double) * Max(n, 1));

	CsJsonReadNumbers(plan, "middle", n, middle, 1);
	CsJsonReadNumbers(plan, "reach", n, reach, 1);
	g->numbers = palloc(sizeof(GroupNumber) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		GroupNumber *c = &g->numbers[i];
		double		power = 1;

		c->middle = middle[i];
		c->size = CsScaleOf(reach[i]);
		for (int k = 0; k < 2; k++)
		{
			power *= reach[i] * c->size;
			c->exponent[k] = CsExactExponent(power, nrows);
			c->scale[k] = CsExactScale(c->exponent[k]);
		}
	}
	g->values = CsTallySection(pass, CS_SECTION_COUNTS, n, 1);
	g->lowest = CsTallySection(pass, CS_SECTION_LOWEST, n, 1);
	g->highest = CsTallySection(pass, CS_SECTION_HIGHEST, n, 1);
	g->sums = CsTallySection(pass, CS_SECTION_SUMS, 2 * (int64) n, 1);
}

/* Read how rows fall into halves, if they do. */
static void
OpenHalves(const CsTally *pass, const CsJsonReader *plan, Groups *g)
{
	JsonbValue	value;

	g->halves = CsJsonReadMember(plan, "halves", &value) ? CsTallyIndex(plan, "halves", pass->nnumbers) : -1;
	g->ngroups = g->version.scorer->nsegments * (g->halves >= 0 ? 2 : 1);
	if (g->halves >= 0)
		g->seed = (uint64) CsJsonReadInteger(plan, "seed", PG_INT64_MIN, PG_INT64_MAX);
}

/* CsTallyKind.open */
static void *
OpenGroups(CsTally *pass, const CsJsonReader *plan)
{
	Groups	   *g = palloc0(sizeof(Groups));
	JsonbValue	value;
	bool		has_numbers = CsJsonReadMember(plan, "middle", &value);

	CsPassScorerOpen(pass, plan, &g->version);
	if (g->version.scorer->nsegments < 1)
		CsJsonReject(plan, "definition", "has no segments");
	OpenHalves(pass, plan, g);
	g->rows = CsTallySection(pass, CS_SECTION_COUNTS, g->ngroups, 1);
	g->is_asked = has_numbers || CsJsonReadMember(plan, "texts", &value);
	if (!g->is_asked)
		return g;
	g->levels = palloc0(sizeof(CsDictionary *) * Max(pass->nnumbers + pass->nlevels, 1));
	g->counts = palloc0(sizeof(int) * Max(pass->nnumbers + pass->nlevels, 1));
	if (has_numbers)
	{
		OpenNumbers(pass, plan, g);
		OpenLevels(pass, plan, "values", pass->nnumbers, g, 0);
	}
	OpenLevels(pass, plan, "texts", pass->nlevels, g, pass->nnumbers);
	return g;
}

/* The hash of a number, the same one for all NaNs. */
static uint64
HashNumber(double x, uint64 seed)
{
	double		number = isnan(x) ? NAN : x + 0.0;

	return hash_bytes_extended((unsigned char *) &number, sizeof(number), seed);
}

/* The half of a row: by who the customer is, or by the row's numbers and texts where nothing says so. */
static int
HalfOf(const CsTally *pass, const Groups *g)
{
	uint64		hash = g->seed;

	if (!isnan(pass->number[g->halves]))
		return (int) (HashNumber(pass->number[g->halves], g->seed) >> 63);
	for (int i = 0; i < pass->nnumbers; i++)
		hash = HashNumber(pass->number[i], hash);
	for (int i = 0; i < pass->nlevels; i++)
		if (pass->text[i] != NULL)
			hash = hash_bytes_extended((const unsigned char *) pass->text[i], pass->length[i], hash);
	return (int) (hash >> 63);
}

/* The group of a row of a segment. */
static int
GroupOf(const CsTally *pass, const Groups *g, int segment)
{
	return g->halves < 0 ? segment : segment + HalfOf(pass, g) * g->version.scorer->nsegments;
}

/* Count a level of a column in a group. */
static void
AddLevel(const CsTally *pass, const Groups *g, const CsTallyState *state, int column, int group, const char *text, int length)
{
	const CsDictionary *d = g->levels[column];
	int			n = CsDictionarySize(d);
	int			code = n == 0 ? -1 : CsDictionaryFind(d, text, length);

	CsTallyCounts(pass, state, g->counts[column])[(Size) group * (n + 1) + (code < 0 ? n : code)]++;
}

/* Add a number of a row to its group. */
static void
AddNumber(const CsTally *pass, const Groups *g, const CsTallyState *state, int number, int group)
{
	int			at = group * pass->nnumbers + number;
	const GroupNumber *c = &g->numbers[at];
	double		x = pass->number[number];
	double		off;
	double	   *end;
	CsExact    *sums = CsTallySums(pass, state, g->sums) + 2 * (Size) at;

	if (!isfinite(x))
		return;
	CsTallyCounts(pass, state, g->values)[at]++;
	end = CsTallyNumbers(pass, state, g->lowest) + at;
	*end = Min(*end, x);
	end = CsTallyNumbers(pass, state, g->highest) + at;
	*end = Max(*end, x);
	off = (x - c->middle) * c->size;
	CsTallySum(&sums[0], off, c->scale[0]);
	CsTallySum(&sums[1], off * off, c->scale[1]);
	if (CsDictionarySize(g->levels[number]) > 0)
	{
		char		text[32];
		int			length = snprintf(text, sizeof(text), "%.17g", x + 0.0);

		AddLevel(pass, g, state, number, group, text, length);
	}
}

/* CsTallyKind.add */
static void
AddGroups(CsTally *pass, void *own, CsTallyState *state)
{
	Groups	   *g = own;
	CsAssignment placed;
	int			group;

	CsTallyLabel(pass, -1, NULL);
	if (!CsPassScorerPlace(pass, &g->version, &placed) || placed.index < 0)
		return;
	CsTallyLabel(pass, placed.index, NULL);
	group = GroupOf(pass, g, placed.index);
	CsTallyCounts(pass, state, g->rows)[group]++;
	if (!g->is_asked)
		return;
	for (int i = 0; i < pass->nnumbers && g->numbers != NULL; i++)
		AddNumber(pass, g, state, i, group);
	for (int i = 0; i < pass->nlevels; i++)
		if (pass->text[i] != NULL)
			AddLevel(pass, g, state, pass->nnumbers + i, group, pass->text[i], pass->length[i]);
}

const CsTallyKind CsGroupsPass = {"groups", .open = OpenGroups, .add = AddGroups};

/* The rows of a group. */
int64
CsGroupsRows(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int group)
{
	const Groups *g = part->own;

	return CsTallyCounts(pass, state, g->rows)[group];
}

/* What a group has of a number; all but n is NaN without a value. */
CsGroupNumber
CsGroupsNumber(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int group, int number)
{
	const Groups *g = part->own;
	int			at = group * pass->nnumbers + number;
	const GroupNumber *c = &g->numbers[at];
	const CsExact *sums = CsTallySums(pass, state, g->sums) + 2 * (Size) at;
	CsGroupNumber r = {.n = CsTallyCounts(pass, state, g->values)[at],.lowest = NAN,.highest = NAN,.mean = NAN,.mean_rest = NAN,.m2 = NAN};
	double		n = (double) r.n,
				off,
				square;

	if (r.n == 0)
		return r;
	r.lowest = CsTallyNumbers(pass, state, g->lowest)[at];
	r.highest = CsTallyNumbers(pass, state, g->highest)[at];
	off = CsExactMean(&sums[0], c->exponent[0], n);
	square = CsExactMean(&sums[1], c->exponent[1], n);
	r.mean = c->middle + off / c->size;
	r.mean_rest = (c->middle - r.mean) + off / c->size;
	r.m2 = n * Max(square - off * off, 0) / c->size / c->size;
	return r;
}

/* The moments of a number of a group, up to the second: in a scale that has room for its farthest value. */
CsMoments
CsGroupsMoments(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int group, int number)
{
	const Groups *g = part->own;
	int			at = group * pass->nnumbers + number;
	const GroupNumber *c = &g->numbers[at];
	const CsExact *sums = CsTallySums(pass, state, g->sums) + 2 * (Size) at;
	CsMoments	m = {.n = CsTallyCounts(pass, state, g->values)[at]};
	double		n = (double) m.n,
				factor,
				off,
				square;

	if (m.n == 0)
		return m;
	m.scale = CsScaleOf(Max(fabs(CsTallyNumbers(pass, state, g->lowest)[at]), fabs(CsTallyNumbers(pass, state, g->highest)[at])));
	factor = m.scale / c->size;
	off = CsExactMean(&sums[0], c->exponent[0], n);
	square = CsExactMean(&sums[1], c->exponent[1], n);
	m.mean = c->middle * m.scale;
	m.rest = off * factor;
	m.m2 = n * Max(square - off * off, 0) * factor * factor;
	return m;
}

/* The rows of a group by the level of a text, or the value of a number: of each that is listed, then of all others. */
const int64 *
CsGroupsLevels(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int group, int column, bool is_text)
{
	const Groups *g = part->own;
	int			at = is_text ? pass->nnumbers + column : column;

	return CsTallyCounts(pass, state, g->counts[at]) + (Size) group * (CsDictionarySize(g->levels[at]) + 1);
}
