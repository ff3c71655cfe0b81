/*
 * silhouette.c
 *	  Silhouette widths (Rousseeuw 1987), exact on all rows or on a sample stratified by segment.
 *
 * s(i) = (b - a) / max(a, b), where a is the mean distance to the other rows of the own segment
 * and b the least mean distance to the rows of another one, the neighbor; 0 for a segment of one
 * row.  Of a sample, a and b are means over the sampled rows, which is what they estimate because
 * the sample holds its share of every segment; and each segment counts with all of its rows.
 *
 * Every distance is computed once, and adds to the sums of both of its rows.  The rows are laid out
 * by segment.  A piece is a run of rows of one segment; it is compared with all rows that come at
 * or after it, and adds up the distances of its own rows by segment, and those of all later rows to
 * itself, its column.  A run of the team takes the pieces of one or several whole segments; then
 * the columns of a segment's pieces are added up in order, and that segment is done for every
 * row.  So memory is O(rows), whatever the number of segments, and what is added to what does not
 * depend on who computes it.
 */
#include "custseg.h"

#include <math.h>

#include "math/kernel.h"
#include "math/math.h"
#include "miscadmin.h"
#include "stat/stat.h"

/* Most pieces of a run; a segment has at most so many, and they have at least so many rows. */
#define MAX_PIECES 32
#define PIECE_ROWS 64

/* Rows of a piece that are compared at a time, so many of them at once, and rows that they are compared with. */
#define GROUP 8
#define QUAD 4
#define BLOCK 512

typedef struct Piece
{
	int			segment;
	int			first,
				last;			/* rows of the layout; the last is one past it */
} Piece;

/* One area holds it all, at these offsets; it is the task's arguments. */
typedef struct SilhouetteArgs
{
	int			area;
	Size		x;				/* double[d][stride], rows by segment */
	Size		start;			/* int[k + 1]: where each segment begins */
	Size		own;			/* double[n]: sum of distances to the own segment */
	Size		least;			/* double[n]: least mean distance to another one */
	Size		neighbor;		/* int32[n]: which that is, -1 before any */
	Size		columns;		/* double[MAX_PIECES][n] */
	Size		pieces;			/* Piece[MAX_PIECES] of the run */
	int			n;
	int			stride;
	int			d;
	int			k;
} SilhouetteArgs;

#define Part(arena, args, part) ((void *) ((char *) CsArenaAddress(arena, (args)->area) + (args)->part))

/* A member's view of the arguments, and its buffers. */
typedef struct Comparer
{
	const SilhouetteArgs *args;
	const double *x;
	const int  *start;
	double	   *column;			/* of the piece */
	double	   *group;			/* GROUP rows, row by row */
	double	   *sums;			/* double[GROUP][k]: distances of a row to a segment */
} Comparer;

/* Between these the fast roots are right; others are left to the instruction. */
#define LEAST_ROOT 1e-250
#define MOST_ROOT 1e250

#ifdef CS_WIDE_KERNELS
#define KERNEL_WIDTH 8
#include "stat/silhouette_kernels.h"
#define KERNEL_WIDTH 4
#include "stat/silhouette_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "stat/silhouette_kernels.h"

/*
 * Compare rows first..first + group - 1, of one segment, with themselves and all that come later, in
 * runs of one segment and one block.  Among themselves each pair is met twice, and so does not go to
 * the column.
 */
static void
CompareGroup(Comparer *c, int segment, int first, int group)
{
	const SilhouetteArgs *args = c->args;
	double		kept[GROUP];
	int			end;

	memcpy(kept, c->column + first, sizeof(double) * group);
	for (int j = 0; j < args->d; j++)
		for (int t = 0; t < group; t++)
			c->group[t * args->d + j] = c->x[(Size) j * args->stride + first + t];
	for (int t = 0; t < group; t++)
		memset(c->sums + (Size) t * args->k + segment, 0, sizeof(double) * (args->k - segment));
	for (int at = first, block = first; at < args->n; at = end)
	{
		if (at == block + BLOCK)
		{
			CHECK_FOR_INTERRUPTS();
			block = at;
		}
		while (c->start[segment + 1] <= at)
			segment++;
		end = Min(c->start[segment + 1], Min(block + BLOCK, args->n));
		ChooseKernel(CompareWithRun) (group, args->d, end - at, c->x + at, args->stride, c->group,
									  c->column + at, c->sums + segment, args->k);
	}
	memcpy(c->column + first, kept, sizeof(double) * group);
}

/* Does this mean distance make the segment the neighbor?  Ties go to the lower segment. */
static inline bool
IsNearer(double mean, int segment, double least, int neighbor)
{
	return mean < least || (mean == least && segment < neighbor);
}

/* CS_TASK(CsSilhouetteTask): compare a piece of the rows with itself and with all later rows. */
void
CsSilhouetteTask(CsTeam *team, const void *opaque, int item)
{
	const SilhouetteArgs *args = opaque;
	CsArena    *arena = CsTeamArena(team);
	const Piece *piece = (Piece *) Part(arena, args, pieces) + item;
	double	   *own = Part(arena, args, own),
			   *least = Part(arena, args, least);
	int32	   *neighbor = Part(arena, args, neighbor);
	Comparer	c = {.args = args};

	c.x = Part(arena, args, x);
	c.start = Part(arena, args, start);
	c.column = (double *) Part(arena, args, columns) + (Size) item * args->n;
	c.group = palloc(sizeof(double) * GROUP * args->d);
	c.sums = palloc(sizeof(double) * GROUP * args->k);
	memset(c.column + piece->first, 0, sizeof(double) * (args->n - piece->first));
	for (int first = piece->first; first < piece->last; first += GROUP)
	{
		int			group = Min(GROUP, piece->last - first);

		CompareGroup(&c, piece->segment, first, group);
		for (int t = 0; t < group; t++)
		{
			const double *sums = c.sums + (Size) t * args->k;
			int			row = first + t;

			own[row] = sums[piece->segment];
			for (int s = piece->segment + 1; s < args->k; s++)
			{
				int			n = c.start[s + 1] - c.start[s];

				if (n == 0 || !IsNearer(sums[s] / n, s, least[row], neighbor[row]))
					continue;
				least[row] = sums[s] / n;
				neighbor[row] = s;
			}
		}
	}
}

/* Take in the columns of pieces first..last - 1, which are one segment. */
static void
FoldSegment(CsArena *arena, const SilhouetteArgs *args, const Piece *pieces, int first, int last)
{
	const int  *start = Part(arena, args, start);
	double	   *own = Part(arena, args, own),
			   *least = Part(arena, args, least);
	int32	   *neighbor = Part(arena, args, neighbor);
	double	   *sum = (double *) Part(arena, args, columns) + (Size) first * args->n;
	int			segment = pieces[first].segment,
				begin = start[segment],
				end = start[segment + 1];

	for (int p = first + 1; p < last; p++)
	{
		const double *column = (double *) Part(arena, args, columns) + (Size) p * args->n;

		CHECK_FOR_INTERRUPTS();
		for (int i = pieces[p].first; i < args->n; i++)
			sum[i] += column[i];
	}
	for (int i = begin; i < end; i++)
		own[i] += sum[i];
	for (int i = end; i < args->n; i++)
	{
		double		mean = sum[i] / (end - begin);

		if (!IsNearer(mean, segment, least[i], neighbor[i]))
			continue;
		least[i] = mean;
		neighbor[i] = segment;
	}
}

/*
 * Split the next segments, from *segment on, into pieces, as many segments as the room is for, and
 * move *segment past them.  Returns the number of pieces, 0 when no segment is left.
 */
static int
NextPieces(const SilhouetteArgs *args, const int *start, int *segment, Piece *pieces)
{
	int			npieces = 0;

	for (; *segment < args->k; (*segment)++)
	{
		int64		first = start[*segment],
					rows = start[*segment + 1] - first;
		int			split = (int) Min(MAX_PIECES, (rows + PIECE_ROWS - 1) / PIECE_ROWS);

		if (npieces + split > MAX_PIECES)
			break;
		for (int p = 0; p < split; p++)
		{
			pieces[npieces].segment = *segment;
			pieces[npieces].first = (int) (first + rows * p / split);
			pieces[npieces].last = (int) (first + rows * (p + 1) / split);
			npieces++;
		}
	}
	return npieces;
}

/* All runs: fills own, least and neighbor. */
static void
CompareAll(CsTeam *team, const SilhouetteArgs *args)
{
	CsArena    *arena = CsTeamArena(team);
	Piece	   *pieces = Part(arena, args, pieces);
	int			segment = 0,
				npieces;

	while ((npieces = NextPieces(args, Part(arena, args, start), &segment, pieces)) > 0)
	{
		int			last;

		CsTeamRun(team, CS_TASK(CsSilhouetteTask), args, sizeof(*args), npieces);
		for (int first = 0; first < npieces; first = last)
		{
			for (last = first; last < npieces; last++)
				if (pieces[last].segment != pieces[first].segment)
					break;
			FoldSegment(arena, args, pieces, first, last);
		}
	}
}

/* The sizes and offsets of the area; returns its bytes. */
static Size
PlanArea(SilhouetteArgs *args, int64 n, int d, int k)
{
	Size		total = 0;
	Size		doubles = mul_size(sizeof(double), n);

	args->n = (int) n;
	args->d = d;
	args->k = k;
	args->stride = CS_PAD_ROWS(args->n) + 16;	/* kernels read past the last row */
#define TakePart(part, size) \
	(args->part = total, total = add_size(total, CACHELINEALIGN(size)))
	TakePart(x, mul_size(mul_size(sizeof(double), args->stride), d));
	TakePart(start, sizeof(int) * (k + 1));
	TakePart(own, doubles);
	TakePart(least, doubles);
	TakePart(neighbor, mul_size(sizeof(int32), n));
	TakePart(columns, mul_size(doubles, MAX_PIECES));
	TakePart(pieces, sizeof(Piece) * MAX_PIECES);
#undef TakePart
	return total;
}

/* Bytes that the silhouette of so many rows takes, with what it returns. */
Size
CsSilhouetteMemory(int64 nrows, int d, int k)
{
	SilhouetteArgs args;
	int64		n = Min(nrows, CS_MAX_SILHOUETTE_ROWS);

	return add_size(PlanArea(&args, n, d, k),
					mul_size(2 * sizeof(int64) + sizeof(double) + 2 * sizeof(int32), n));
}

/*
 * Lay the sampled rows out by segment.  Returns where each of them went, palloc'd.
 */
static int *
LayOut(CsArena *arena, const CsMatrix *m, const int32 *labels, const CsStratifiedSample *sample,
	   const SilhouetteArgs *args)
{
	double	   *x = Part(arena, args, x);
	int		   *start = Part(arena, args, start);
	double	   *least = Part(arena, args, least);
	int32	   *neighbor = Part(arena, args, neighbor);
	int		   *next = palloc(sizeof(int) * args->k);
	int		   *place = palloc_extended(sizeof(int) * args->n, MCXT_ALLOC_HUGE);

	start[0] = 0;
	for (int c = 0; c < args->k; c++)
	{
		next[c] = start[c];
		start[c + 1] = start[c] + (int) sample->counts[c];
	}
	for (int j = 0; j < args->d; j++)
		memset(x + (Size) j * args->stride + args->n, 0, sizeof(double) * (args->stride - args->n));
	for (int i = 0; i < args->n; i++)
	{
		int64		row = sample->row[i];
		const double *block = CsMatrixRow(m, arena, row);

		CsCheckInterrupts(i);
		place[i] = next[labels[row]]++;
		for (int j = 0; j < args->d; j++)
			x[(Size) j * args->stride + place[i]] = block[(Size) j * CS_BLOCK_ROWS];
		least[i] = HUGE_VAL;
		neighbor[i] = -1;
	}
	pfree(next);
	return place;
}

/*
 * Width of a row of a segment of n rows, by the sum of distances to these and the least mean distance
 * to another segment; NaN when distances are too large to be added up.
 */
double
CsSilhouetteWidth(double own, int n, double b)
{
	double		a;

	if (n == 1)
		return 0;
	a = own / (n - 1);
	return Max(a, b) > 0 ? (b - a) / Max(a, b) : 0;
}

/* Fill the result's rows and means from what the team has computed. */
static void
Summarize(CsArena *arena, const SilhouetteArgs *args, const int32 *labels,
		  const CsStratifiedSample *sample, const int *place, CsSilhouette *result)
{
	const double *own = Part(arena, args, own),
			   *least = Part(arena, args, least);
	const int32 *neighbor = Part(arena, args, neighbor);
	double		total = 0,
				weight = 0;

	for (int c = 0; c < args->k; c++)
		result->of_segment[c] = 0;
	for (int i = 0; i < args->n; i++)
	{
		int			c = labels[sample->row[i]];

		result->row[i] = sample->row[i];
		result->width[i] = CsSilhouetteWidth(own[place[i]], (int) sample->counts[c], least[place[i]]);
		result->neighbor[i] = neighbor[place[i]];
		result->of_segment[c] += result->width[i];
	}
	for (int c = 0; c < args->k; c++)
	{
		if (sample->counts[c] > 0)
		{
			total += result->of_segment[c] *
				((double) sample->population[c] / sample->counts[c]);
			weight += sample->population[c];
		}
		result->of_segment[c] = sample->counts[c] > 0 ?
			result->of_segment[c] / sample->counts[c] : NAN;
	}
	result->mean = total / weight;
}

/* Is the silhouette defined: two segments at least, and fewer of them than rows? */
static bool
IsDefined(const CsStratifiedSample *sample, int k)
{
	int			segments = 0;

	for (int c = 0; c < k; c++)
		segments += sample->counts[c] > 0;
	return segments >= 2 && segments < sample->nrows;
}

/*
 * The silhouette widths of the rows that have a segment, or of a stratified sample of "most" of
 * them.  Means are given by segment and, weighted by the segments' rows, for all.  The mean is NaN
 * and the arrays are NULL when the silhouette is not defined: with fewer than two segments, or as
 * many as rows.  Palloc'd; free it by CsSilhouetteFree().
 */
CsSilhouette *
CsSilhouetteOfRows(CsTeam *team, const CsMatrix *m, int labels_area, int k, int64 most,
				   uint64 seed)
{
	CsArena    *arena = CsTeamArena(team);
	const int32 *labels = CsArenaAddress(arena, labels_area);
	CsStratifiedSample *sample;
	CsSilhouette *result = palloc0(sizeof(CsSilhouette));
	SilhouetteArgs args = {0};

	sample = CsSampleStratified(labels, m->nrows, k, Min(most, CS_MAX_SILHOUETTE_ROWS), seed);
	result->mean = NAN;
	result->used = sample->nrows;
	if (IsDefined(sample, k))
	{
		Size		size = PlanArea(&args, sample->nrows, m->ncolumns, k);
		int		   *place;

		args.area = CsArenaAlloc(arena, size);
		result->of_segment = palloc(sizeof(double) * k);
		result->row = palloc_extended(sizeof(int64) * args.n, MCXT_ALLOC_HUGE);
		result->width = palloc_extended(sizeof(double) * args.n, MCXT_ALLOC_HUGE);
		result->neighbor = palloc_extended(sizeof(int32) * args.n, MCXT_ALLOC_HUGE);
		place = LayOut(arena, m, labels, sample, &args);
		CompareAll(team, &args);
		Summarize(arena, &args, labels, sample, place, result);
		pfree(place);
		CsArenaFree(arena, args.area);
	}
	CsSampleFree(sample);
	return result;
}

/* Free a silhouette. */
void
CsSilhouetteFree(CsSilhouette *s)
{
	if (s->row != NULL)
	{
		pfree(s->of_segment);
		pfree(s->row);
		pfree(s->width);
		pfree(s->neighbor);
	}
	pfree(s);
}

/* Standard deviation of the widths that there are; NaN where the silhouette is not defined. */
static double
Deviation(const CsSilhouette *s)
{
	CsMoments	moments = {0};

	if (s->width == NULL)
		return NAN;
	for (int i = 0; i < s->used; i++)
	{
		if (!isnan(s->width[i]))
			CsMomentsAdd(&moments, &s->width[i], 1);
	}
	return CsMomentsDeviation(&moments, 0);
}

/* What of the silhouette is one number for all rows. */
CsSilhouetteMean
CsSilhouetteMeasure(CsTeam *team, const CsMatrix *m, int labels, int k, int64 sample, uint64 seed)
{
	CsSilhouette *s = CsSilhouetteOfRows(team, m, labels, k, sample, seed);
	CsSilhouetteMean result = {s->mean, Deviation(s), s->used};

	CsSilhouetteFree(s);
	return result;
}

/* The mean silhouette width only.  OUT *used: the number of rows from which it was computed. */
double
CsSilhouetteSample(CsTeam *team, const CsMatrix *m, int labels, int k, int64 sample,
				   uint64 seed, int64 *used)
{
	CsSilhouette *s = CsSilhouetteOfRows(team, m, labels, k, sample, seed);
	double		mean = s->mean;

	*used = s->used;
	CsSilhouetteFree(s);
	return mean;
}

/*
 * By how much the silhouettes of "b" are wider than those of "a", in the mean over the rows that
 * have one in both; two labelings of the same rows of one matrix.  NaN where one is not defined.
 */
CsSilhouetteGain
CsSilhouettesCompare(const CsSilhouette *a, const CsSilhouette *b)
{
	CsSilhouetteGain gain = {NAN, NAN};
	double		n = 0,
				sum = 0,
				squares = 0;

	if (isnan(a->mean) || isnan(b->mean))
		return gain;
	for (int64 i = 0, j = 0; i < a->used && j < b->used;)
	{
		double		difference;

		if (a->row[i] != b->row[j])
		{
			if (a->row[i] < b->row[j])
				i++;
			else
				j++;
			continue;
		}
		difference = b->width[j++] - a->width[i++];
		if (isnan(difference))
			continue;
		n++;
		sum += difference;
		squares += difference * difference;
	}
	if (n < 2)
		return gain;
	gain.mean = sum / n;
	gain.error = sqrt(Max(squares / n - gain.mean * gain.mean, 0) / (n - 1));
	return gain;
}
