/*
 * valley.c
 *	  Do neighbouring segments lie apart, or is there only a cut between them?
 *
 * The rows of two segments are projected on one line.  Where the segments are parts of one heap, the
 * projections are one heap, too; where they lie apart, there is a valley between two.  The line is
 * that of Fisher's discriminant, which sees the valley between stretched segments that the line of
 * the centres blurs; where there are few rows for the columns, a discriminant would find valleys in
 * chance, and it is the line of the centres.
 *
 * Two tests look for the valley.  Hartigan's dip asks whether the projections have one mode, its
 * p-value by the uniform law, which is too large rather than too small for a heap of another shape.
 * The other one looks at the place where a valley has to be: if there is one mode, the middle third of
 * the way between the centres is no emptier than the way around at least one of the centres, and by
 * the binomial law of the rows in both that is judged.  The smaller p-value counts, twice.
 *
 * Neighbours are joined by the shortest tree over the centres.  So the two ends of a curve are none,
 * though a straight line between them is empty.
 */
#include "custseg.h"

#include <math.h>

#include "algo/algo.h"
#include "math/math.h"
#include "miscadmin.h"
#include "stat/dip.h"

/* Most rows of a pair that are projected; a seeded sample is not needed, every n-th row does. */
#define MOST_PROJECTED 10000

/* A discriminant needs so many rows for each column, and at most so many columns. */
#define ROWS_OF_COLUMN 20
#define MOST_COLUMNS 100

/* What is added to each column's variance within segments, as a share of their mean. */
#define RIDGE 0.01

/*
 * On a line where the centres are at -1 and 1: how far from the middle, and from the centre, rows are
 * counted.
 */
#define MIDDLE (1 / 3.0)
#define AROUND 0.5

/* Two segments' rows. */
typedef struct Pair
{
	const CsMatrix *rows;
	CsArena    *arena;
	const int32 *labels;
	int			a,
				b;
	const double *center_a;
	const double *center_b;
	int64		step;			/* every so many rows are looked at */
	int64		n;				/* which makes so many */
} Pair;

/* The next row of the pair from *i on; NULL when there is none.  Columns are CS_BLOCK_ROWS apart. */
static const double *
NextRow(const Pair *pair, int64 *i, int64 *seen)
{
	for (; *i < pair->rows->nrows; ++*i)
	{
		CsCheckInterrupts(*i);
		if (pair->labels[*i] != pair->a && pair->labels[*i] != pair->b)
			continue;
		if ((*seen)++ % pair->step == 0)
			return CsMatrixRow(pair->rows, pair->arena, *i);
	}
	return NULL;
}

/* Add up the products of what rows differ from their own centre by; a packed lower triangle. */
static void
AddScatter(const Pair *pair, double *scatter)
{
	int			d = pair->rows->ncolumns;
	double	   *apart = palloc(sizeof(double) * d);
	const double *x;

	for (int64 i = 0, seen = 0; (x = NextRow(pair, &i, &seen)) != NULL; i++)
	{
		const double *center = pair->labels[i] == pair->a ? pair->center_a : pair->center_b;

		for (int j = 0; j < d; j++)
			apart[j] = x[(Size) j * CS_BLOCK_ROWS] - center[j];
		for (int j = 0; j < d; j++)
			for (int l = 0; l <= j; l++)
				scatter[CsTriangle(j) + l] += apart[j] * apart[l];
	}
	pfree(apart);
}

/* Solve S x = line by the inverse of S' Cholesky factor, in place. */
static void
SolveByInverse(int d, const double *inverse, double *line)
{
	for (int i = d - 1; i >= 0; i--)
	{
		double		sum = 0;

		for (int j = 0; j <= i; j++)
			sum += inverse[CsTriangle(i) + j] * line[j];
		line[i] = sum;
	}
	for (int i = 0; i < d; i++)
	{
		double		sum = 0;

		for (int j = i; j < d; j++)
			sum += inverse[CsTriangle(j) + i] * line[j];
		line[i] = sum;
	}
}

/* Turn the way between the centres into Fisher's discriminant, if there are rows enough for it. */
static void
Discriminate(const Pair *pair, double *line)
{
	int			d = pair->rows->ncolumns;
	double	   *scatter;
	double		trace = 0;

	if (d == 1 || d > MOST_COLUMNS || pair->n < (int64) ROWS_OF_COLUMN * d)
		return;
	scatter = palloc0(sizeof(double) * CsTriangle(d));
	AddScatter(pair, scatter);
	for (int j = 0; j < d; j++)
		trace += scatter[CsTriangle(j) + j];
	for (int j = 0; j < d; j++)
		scatter[CsTriangle(j) + j] += RIDGE * trace / d;
	if (isfinite(trace) && trace > 0 && CsCholesky(d, scatter))
	{
		CsInvertTriangle(d, scatter);
		SolveByInverse(d, scatter, line);
	}
	pfree(scatter);
}

/* Where the pair's rows lie on the line, the centres at -1 and 1; ascending, palloc'd. */
static double *
Project(const Pair *pair, const double *line)
{
	int			d = pair->rows->ncolumns;
	double	   *projected = palloc(sizeof(double) * pair->n),
			   *scratch = palloc(sizeof(double) * pair->n);
	double		half = 0;
	const double *x;
	int			n = 0;

	for (int j = 0; j < d; j++)
		half += (pair->center_b[j] - pair->center_a[j]) / 2 * line[j];
	for (int64 i = 0, seen = 0; (x = NextRow(pair, &i, &seen)) != NULL; i++)
	{
		double		sum = 0;

		/* from the middle, so that digits are not lost far from zero */
		for (int j = 0; j < d; j++)
			sum += (x[(Size) j * CS_BLOCK_ROWS] -
					(pair->center_a[j] + pair->center_b[j]) / 2) * line[j];
		projected[n++] = sum / half;
	}
	CsSortDoubles(projected, n, scratch);
	pfree(scratch);
	return projected;
}

/*
 * Spread values that occur several times, such as counts, over the way to their neighbours: between
 * the values of a grid there is no valley.  Two values alone do lie apart.
 */
static void
SpreadTies(double *x, int n)
{
	double		before = NAN;	/* the value before, as it was */
	int			first = 0;

	while (first < n)
	{
		double		value = x[first],
					gap;
		int			next = first;

		while (next < n && x[next] == value)
			next++;
		gap = next < n ? x[next] - value : NAN;
		if (!isnan(before))
			gap = isnan(gap) ? value - before : Min(gap, value - before);
		if ((first == 0 && next < n && x[n - 1] == x[next]) || isnan(gap))
			return;
		for (int i = first; i < next && next - first > 1; i++)
			x[i] = value + gap * ((i - first + 0.5) / (next - first) - 0.5);
		before = value;
		first = next;
	}
}

/* Sorted values within a distance of a place. */
static int64
CountNear(const double *x, int n, double place, double distance)
{
	return CsCountBelow(x, n, place + distance) - CsCountBelow(x, n, place - distance);
}

/* The probability of so few rows in the middle, were it no emptier than around that centre. */
static double
EmptierP(const double *x, int n, double center)
{
	double		middle = CountNear(x, n, 0, MIDDLE),
				around = CountNear(x, n, center, AROUND);

	/* P(X <= middle) of the binomial law */
	return around == 0 ? 1 :
		CsBetaLower(around, middle + 1, AROUND / (MIDDLE + AROUND), MIDDLE / (MIDDLE + AROUND));
}

/* The p-value of a valley between two segments. */
static double
PairP(CsArena *arena, const CsMatrix *rows, const int32 *labels, const CsSegmentMoments *s, int a,
	  int b)
{
	int			d = rows->ncolumns;
	int64		total = s->counts[a] + s->counts[b];
	Pair		pair = {.rows = rows,.arena = arena,.labels = labels,.a = a,.b = b,
		.center_a = s->centers + (Size) a * d,.center_b = s->centers + (Size) b * d,
	.step = 1 + (total - 1) / MOST_PROJECTED};
	double	   *line = palloc(sizeof(double) * d),
			   *projected;
	double		p = 1;
	int			n;

	pair.n = (total - 1) / pair.step + 1;
	for (int j = 0; j < d; j++)
		line[j] = pair.center_b[j] - pair.center_a[j];
	Discriminate(&pair, line);
	projected = Project(&pair, line);
	n = (int) pair.n;
	if (isfinite(projected[0]) && isfinite(projected[n - 1]))
	{
		SpreadTies(projected, n);
		p = Min(CsDipP(CsDip(projected, n), n),
				Max(EmptierP(projected, n, -1), EmptierP(projected, n, 1)));
	}
	pfree(projected);
	pfree(line);
	return Min(1, 2 * p);
}

/* The segment whose centre is nearest to that of c, of those with rows; -1 when there is none. */
static int
NearestSegment(const CsSegmentMoments *s, int d, int c)
{
	int			nearest = -1;

	for (int other = 0; other < s->k; other++)
		if (other != c && s->counts[other] > 0 &&
			(nearest < 0 || CsSegmentsApart(s, d, c, other) < CsSegmentsApart(s, d, c, nearest)))
			nearest = other;
	return nearest;
}

/*
 * For each of k segments the segment with the nearest centre and the p-value of a valley between both;
 * palloc'd.
 */
CsValley *
CsValleysOfSegments(CsTeam *team, const CsMatrix *rows, int labels, int k)
{
	CsArena    *arena = CsTeamArena(team);
	CsSegmentMoments *s = CsMomentsOfSegments(team, rows, -1, labels, k);
	CsValley   *valleys = palloc(sizeof(CsValley) * Max(k, 1));

	for (int c = 0; c < k; c++)
	{
		CsValley   *v = &valleys[c];

		v->neighbor = s->counts[c] == 0 ? -1 : NearestSegment(s, rows->ncolumns, c);
		if (v->neighbor >= 0 && v->neighbor < c && valleys[v->neighbor].neighbor == c)
			v->p = valleys[v->neighbor].p;
		else
			v->p = v->neighbor < 0 ? 1 :
				PairP(arena, rows, CsArenaAddress(arena, labels), s, c, v->neighbor);
	}
	CsSegmentMomentsFree(s);
	return valleys;
}

/*
 * The p-value of a valley between any two neighbours of the shortest tree over the centres of k
 * segments, adjusted for their number (Bonferroni); 1 where there is but one segment with rows.
 */
double
CsAnyValley(CsTeam *team, const CsMatrix *rows, int labels, int k)
{
	CsArena    *arena = CsTeamArena(team);
	CsSegmentMoments *s = CsMomentsOfSegments(team, rows, -1, labels, k);
	int		   *outside = palloc(sizeof(int) * Max(k, 1)),	/* segments that are not in the tree, */
			   *joint = palloc(sizeof(int) * Max(k, 1));	/* and the nearest one that is */
	int			left = 0,
				pairs;
	double		least = 1;

	for (int c = 0; c < k; c++)
		if (s->counts[c] > 0)
			outside[left++] = c;
	for (int i = 1; i < left; i++)
		joint[i] = outside[0];
	pairs = Max(left - 1, 1);
	if (left > 0)
	{
		outside[0] = outside[--left];
		joint[0] = joint[left];
	}
	while (left > 0)
	{
		int			next = 0,
					added;

		for (int i = 1; i < left; i++)
			if (CsSegmentsApart(s, rows->ncolumns, outside[i], joint[i]) <
				CsSegmentsApart(s, rows->ncolumns, outside[next], joint[next]))
				next = i;
		added = outside[next];
		least = Min(least, PairP(arena, rows, CsArenaAddress(arena, labels), s, added, joint[next]));
		outside[next] = outside[--left];
		joint[next] = joint[left];
		for (int i = 0; i < left; i++)
			if (CsSegmentsApart(s, rows->ncolumns, outside[i], added) <
				CsSegmentsApart(s, rows->ncolumns, outside[i], joint[i]))
				joint[i] = added;
	}
	CsSegmentMomentsFree(s);
	pfree(outside);
	pfree(joint);
	return Min(1, least * pairs);
}
