/*
 * defining.c
 *	  What sets a segment apart: columns in the order of how far it is from everyone in them.
 *
 * The distance is in standard deviations of all customers, for a level of a category in those of
 * the number that is 1 for who has it (stat/summaries.h), so that numbers and categories can be
 * compared.  A category has the weight of its most telling level.
 */
#include "custseg.h"

#include <math.h>

#include "profile/profile.h"

/* Differences that are equal except for rounding, such as those of the only two levels. */
#define SAME_DIFFERENCE 1e-9

/* The share of rows; NaN when there are none. */
double
CsPortraitShare(int64 rows, int64 total)
{
	return total == 0 ? NAN : (double) rows / total;
}

/*
 * The difference of a group from everyone, in a number or in a level of a category, in standard
 * deviations.
 */
double
CsPortraitDifference(const CsPortrait *portrait, int column, int level, int group)
{
	const CsPortraitColumn *c = &portrait->columns[column];
	int			all = portrait->ngroups;

	if (level < 0)
		return CsMeanDifference(&c->summaries[group], &c->summaries[all]);
	return CsShareDifference(CsPortraitShare(c->levels[level].rows[group], portrait->rows[group]),
							 CsPortraitShare(c->levels[level].rows[all], portrait->rows[all]));
}

/*
 * The level of a category that tells most; of two that tell the same, the more frequent one.
 */
static CsDefining
FindTellingLevel(const CsPortrait *portrait, int column, int group)
{
	const CsPortraitColumn *c = &portrait->columns[column];
	CsDefining	best = {.column = column, .level = -1, .difference = NAN};

	for (int i = 0; i < c->nlevels; i++)
	{
		double		difference = CsPortraitDifference(portrait, column, i, group);
		double		more = fabs(difference) - fabs(best.difference);

		if (c->levels[i].is_other || isnan(difference))
			continue;
		if (isnan(best.difference) || more > SAME_DIFFERENCE ||
			(more > -SAME_DIFFERENCE && difference > 0 && best.difference < 0))
		{
			best.level = i;
			best.difference = difference;
		}
	}
	return best;
}

/* Farthest from everyone first, then, and where only rounding tells them apart, in the columns' order. */
static int
CompareDefining(const void *a, const void *b)
{
	const CsDefining *x = a;
	const CsDefining *y = b;

	double		fx = rint(fabs(x->difference) / SAME_DIFFERENCE),
				fy = rint(fabs(y->difference) / SAME_DIFFERENCE);

	if (fx != fy)
		return fx > fy ? -1 : 1;
	return x->column - y->column;
}

/*
 * What sets a group apart, the most telling column first.  Returns how many there are.  OUT
 * *ranking, palloc'd.
 */
int
CsPortraitRanking(const CsPortrait *portrait, int group, CsDefining **ranking)
{
	int			n = 0;

	*ranking = palloc(sizeof(CsDefining) * Max(portrait->ncolumns, 1));
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		CsDefining	d = {.column = i, .level = -1};

		if (CsIsCategory(&portrait->columns[i]))
			d = FindTellingLevel(portrait, i, group);
		else
			d.difference = CsPortraitDifference(portrait, i, -1, group);
		if (!isnan(d.difference))
			(*ranking)[n++] = d;
	}
	qsort(*ranking, n, sizeof(CsDefining), CompareDefining);
	return n;
}
