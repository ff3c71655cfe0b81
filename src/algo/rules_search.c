/*
 * rules_search.c
 *	  Borders that separate the segments better.
 *
 * What is to be large is eta squared, the share of the variance that lies between the segments: of an
 * outcome, or of all columns of model space together.  Borders are moved one at a time to the best of some
 * quantiles of the rows, in rounds over all of them until none moves (coordinate ascent): a local
 * optimum, near to the rules that somebody thought of.  Equalities and levels stay.
 */
#include "custseg.h"

#include <math.h>

#include "algo/rules.h"
#include "math/math.h"
#include "miscadmin.h"

/* Sums of a labelling. */
typedef struct Groups
{
	int64	   *n;				/* a segment */
	double	   *sums;			/* nsegments x ncolumns */
	bool		covered;		/* every row is in a segment */
} Groups;

/* The segment of each row by its index in the set, -1 for none; palloc'd. */
int *
CsRulesLabels(const CsRuleSet *set, const CsRuleRows *rows)
{
	CsParameter parameters[RULES_NPARAMETERS];
	void	   *compiled = CsRulesMake(set, rows->ncolumns, parameters);
	double		scores[RULES_MAX_SCORES];
	int		   *labels = palloc_extended(sizeof(int) * rows->n, MCXT_ALLOC_HUGE);

	for (int64 i = 0; i < rows->n; i++)
	{
		const double *z = rows->z + i * rows->ncolumns;
		int			rule = 0;

		CsCheckInterrupts(i);
		CsRulesScore(compiled, z, scores);
		while (rule < set->nrules && !CsRuleHolds(compiled, rule, z, scores))
			rule++;
		labels[i] = rule < set->nrules ? set->rules[rule].segment : -1;
	}
	pfree(compiled);
	for (int i = 0; i < RULES_NPARAMETERS; i++)
		pfree(parameters[i].values);
	return labels;
}

/* Label the rows and sum them up; palloc'd. */
static Groups
GroupRows(const CsRuleSet *set, const CsRuleRows *rows)
{
	int		   *labels = CsRulesLabels(set, rows);
	Groups		g = {.covered = true};

	g.n = palloc0(sizeof(int64) * set->nsegments);
	g.sums = palloc0(sizeof(double) * set->nsegments * rows->ncolumns);
	for (int64 i = 0; i < rows->n; i++)
	{
		const double *z = rows->z + i * rows->ncolumns;
		int			segment = labels[i];

		if (segment < 0)
		{
			g.covered = false;
			continue;
		}
		g.n[segment]++;
		for (int j = 0; j < rows->ncolumns; j++)
			g.sums[(Size) segment * rows->ncolumns + j] += z[j];
	}
	pfree(labels);
	return g;
}

static void
FreeGroups(Groups *g)
{
	pfree(g->n);
	pfree(g->sums);
}

/* Sum of squares about the mean of one column, and the part of it between the groups. */
static void
SumSquares(const CsRuleSet *set, const CsRuleRows *rows, const Groups *g, int column,
		   double *total, double *between)
{
	double		mean = 0;

	for (int64 i = 0; i < rows->n; i++)
		mean += rows->z[i * rows->ncolumns + column];
	mean /= (double) rows->n;
	for (int64 i = 0; i < rows->n; i++)
	{
		double		off = rows->z[i * rows->ncolumns + column] - mean;

		*total += off * off;
	}
	for (int s = 0; s < set->nsegments; s++)
	{
		double		off;

		if (g->n[s] == 0)
			continue;
		off = g->sums[(Size) s * rows->ncolumns + column] / (double) g->n[s] - mean;
		*between += (double) g->n[s] * off * off;
	}
}

/* Eta squared of groups. */
static double
Separation(const CsRuleSet *set, const CsRuleRows *rows, const Groups *g)
{
	double		total = 0,
				between = 0;

	if (!g->covered)
		return NAN;
	if (rows->outcome >= 0)
		SumSquares(set, rows, g, rows->outcome, &total, &between);
	for (int j = 0; j < rows->ncolumns && rows->outcome < 0; j++)
		SumSquares(set, rows, g, j, &total, &between);
	return total > 0 ? between / total : NAN;
}

/*
 * The separation of the segments that the rules give to the rows, in the column "outcome", or in
 * all columns for -1.  NaN when a row is in no segment or nothing varies.
 */
double
CsRulesSeparation(const CsRuleSet *set, const CsRuleRows *rows)
{
	Groups		g = GroupRows(set, rows);
	double		result = Separation(set, rows, &g);

	FreeGroups(&g);
	return result;
}

/* The values of what a condition compares, sorted; palloc'd. */
static double *
SortedValues(const CsRuleSet *set, const CsRuleRows *rows, const CsRuleCondition *c)
{
	CsParameter parameters[RULES_NPARAMETERS];
	void	   *compiled = CsRulesMake(set, rows->ncolumns, parameters);
	double	   *values = palloc_extended(sizeof(double) * rows->n, MCXT_ALLOC_HUGE);
	double	   *scratch = palloc_extended(sizeof(double) * rows->n, MCXT_ALLOC_HUGE);
	double		scores[RULES_MAX_SCORES];

	for (int64 i = 0; i < rows->n; i++)
	{
		const double *z = rows->z + i * rows->ncolumns;

		if (c->score >= 0)
			CsRulesScore(compiled, z, scores);
		values[i] = c->score >= 0 ? scores[c->score] : z[c->feature->first_output];
	}
	CsSortDoubles(values, rows->n, scratch);
	pfree(scratch);
	pfree(compiled);
	return values;
}

/* Would the border leave room for values between it and the other one? */
static bool
LeavesRoom(const CsRuleCondition *c)
{
	if (!c->low.given || !c->high.given)
		return true;
	return c->low.strict || c->high.strict ? c->low.value < c->high.value :
		c->low.value <= c->high.value;
}

/* Is every segment as large as it has to be? */
static bool
AreLargeEnough(const CsRuleSet *set, const CsRuleRows *rows, const CsRuleSearch *search,
			   const bool *must, const Groups *g)
{
	for (int s = 0; s < set->nsegments; s++)
		if (must[s] && (double) g->n[s] < search->min_share * (double) rows->n)
			return false;
	return true;
}

/*
 * The border as a person would write it, in model space: it parts the rows, whose values are sorted, as the
 * border does, which is one of the values.
 */
static double
RoundedBorder(const CsRuleCondition *c, const CsRuleBound *bound, const double *values, int64 n)
{
	double		center = c->feature == NULL ? 0 : c->feature->center,
				spread = c->feature == NULL ? 1 : c->feature->spread;
	double		border = bound->value * spread + center,
				rounded;
	int64		at = CsCountBelow(values, n, bound->value);

	if ((bound == &c->low) != bound->strict)	/* the rows at the border are above it */
		rounded = at == 0 ? border : CsRoundBetween(border, values[at - 1] * spread + center, border);
	else
	{
		while (at < n && values[at] == bound->value)
			at++;
		rounded = at == n ? border : CsRoundBetween(border, border, values[at] * spread + center);
	}
	return rounded == border ? bound->value : (rounded - center) / spread;
}

/* Move one border to where the separation is best; returns that, and true in *moved if it moved. */
static double
MoveBorder(CsRuleSet *set, const CsRuleRows *rows, const CsRuleSearch *search, const bool *must,
		   CsRuleCondition *c, CsRuleBound *bound, double separation, bool *moved)
{
	double	   *values = SortedValues(set, rows, c);
	double		best = bound->value;

	for (int i = 1; i <= search->candidates; i++)
	{
		double		candidate = values[(int64) ((double) (rows->n - 1) * i / (search->candidates + 1))];
		double		now;
		Groups		g;

		if (candidate == bound->value)
			continue;
		bound->value = candidate;
		if (!LeavesRoom(c))
			continue;
		g = GroupRows(set, rows);
		now = Separation(set, rows, &g);
		if (now > separation && AreLargeEnough(set, rows, search, must, &g))
		{
			separation = now;
			best = candidate;
			*moved = true;
		}
		FreeGroups(&g);
	}
	bound->value = best;
	if (*moved)
	{
		bound->is_percentile = false;
		bound->text = NULL;
		bound->value = RoundedBorder(c, bound, values, rows->n);
		if (!LeavesRoom(c))
			bound->value = best;
	}
	pfree(values);
	return separation;
}

/* Move the borders of the rules to where the separation of the rows is better. */
void
CsRulesSearch(CsRuleSet *set, const CsRuleRows *rows, const CsRuleSearch *search)
{
	Groups		g = GroupRows(set, rows);
	double		separation = Separation(set, rows, &g);
	bool	   *must = palloc(sizeof(bool) * set->nsegments);
	bool		moved = true;

	for (int s = 0; s < set->nsegments; s++)
		must[s] = (double) g.n[s] >= search->min_share * (double) rows->n;
	FreeGroups(&g);
	for (int round = 0; round < search->rounds && moved && !isnan(separation); round++)
	{
		moved = false;
		for (int i = 0; i < set->nrules; i++)
			for (int j = 0; j < set->rules[i].nconditions; j++)
			{
				CsRuleCondition *c = &set->rules[i].conditions[j];
				CsRuleBound *sides[] = {&c->low, &c->high};

				if (c->has_levels || c->is_truth ||
					(c->low.given && c->high.given && c->low.value == c->high.value))
					continue;
				for (int side = 0; side < 2; side++)
				{
					bool		this_moved = false;

					if (!sides[side]->given)
						continue;
					separation = MoveBorder(set, rows, search, must, c, sides[side], separation,
											&this_moved);
					moved |= this_moved;
				}
			}
	}
	pfree(must);
}
