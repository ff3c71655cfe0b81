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
#include "stat/correlation.h"

/* Differences that are equal except for rounding, such as those of the only two levels. */
#define SAME_DIFFERENCE 1e-9

/* Numbers that are correlated from here on say the same. */
#define SAME_CORRELATION 0.99

/* Levels say the same when the counts of their rows differ by this share of all rows at most. */
#define SAME_ROWS 0.005

/* Standard errors from which a difference is none of chance. */
#define CERTAIN_ERRORS 3

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

/* Correlation of two features in the sample, by the rows that have both; NaN without any. */
static double
SampleCorrelation(const CsPortrait *portrait, int a, int b)
{
	int			width = CsScorerPipeline(portrait->scorer)->nfeatures;
	double	   *x = palloc(sizeof(double) * 2 * Max(portrait->sample.n, 1));
	double	   *y = x + portrait->sample.n;
	int64		n = 0;
	double		r;

	for (int i = 0; i < portrait->sample.n; i++)
	{
		const double *row = portrait->sample.rows + (Size) i * width;

		if (!isfinite(row[a]) || !isfinite(row[b]))
			continue;
		x[n] = row[a];
		y[n++] = row[b];
	}
	r = n > 2 ? CsCorrelation(x, y, n) : NAN;
	pfree(x);
	return r;
}

/* Do two levels have the same customers, or one those that the other lacks, as far as counts tell? */
static bool
HaveSameRows(const CsPortrait *portrait, const CsPortraitLevel *a, const CsPortraitLevel *b)
{
	int64		same = 0,
				opposite = 0;

	for (int g = 0; g < portrait->ngroups; g++)
	{
		same += llabs((long long) (a->rows[g] - b->rows[g]));
		opposite += llabs((long long) (a->rows[g] + b->rows[g] - portrait->rows[g]));
	}
	return Min(same, opposite) <= SAME_ROWS * portrait->rows[portrait->ngroups];
}

/*
 * Does what sets a group apart in one column follow from what does so in another?  Numbers are
 * compared by the sample, which has features only.
 */
bool
CsPortraitSaysSame(const CsPortrait *portrait, const CsDefining *a, const CsDefining *b)
{
	const CsPortraitColumn *x = &portrait->columns[a->column];
	const CsPortraitColumn *y = &portrait->columns[b->column];

	if (a->level >= 0 && b->level >= 0)
		return HaveSameRows(portrait, &x->levels[a->level], &y->levels[b->level]);
	if (a->level >= 0 || b->level >= 0 || x->feature < 0 || y->feature < 0)
		return false;
	return fabs(SampleCorrelation(portrait, x->feature, y->feature)) > SAME_CORRELATION;
}

/*
 * Is a group's mean, of numbers that are never negative, further from that of everyone than by a
 * share of it, and not by chance?  Where tails are long, that is so long before the difference is
 * a notable part of the standard deviation.
 */
bool
CsPortraitIsAway(const CsPortrait *portrait, int column, int group, double share)
{
	const CsPortraitColumn *c = &portrait->columns[column];
	const CsNumberSummary *s = c->summaries == NULL ? NULL : &c->summaries[group];
	const CsNumberSummary *all = c->summaries == NULL ? NULL : &c->summaries[portrait->ngroups];
	double		difference;

	if (s == NULL || c->column.converter.kind == CS_TIME || !(all->minimum >= 0) || s->n < 2)
		return false;
	difference = fabs(s->mean - all->mean);
	return difference > share * all->mean && difference > CERTAIN_ERRORS * s->sd / sqrt((double) s->n);
}
