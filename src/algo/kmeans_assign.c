/*
 * kmeans_assign.c
 *	  One pass of k-means over the rows: every row to its nearest centre, skipping those whose
 *	  bounds prove that they stay.
 *
 * Lloyd's pass itself looks in single precision (filter.c) or in integers (filter_short.c), which takes so
 * little that a row keeps no more than a byte, and that only once few rows change and where k times d is large:
 * its margin, by how much nearer the nearest centre was than any other when the row last looked, in units that
 * the leader chooses for the start.  What the margins of a start lose as centres move is one number for all of
 * its rows, which is compared with 64 of them at a time.  Rows look again where their margin may be used up; a
 * margin of 255 units may be more.
 *
 * In the other two methods a row keeps an upper bound on the distance to its own centre and lower bounds on the others.
 * When centres move, bounds are loosened by how far; a row is looked at again only where its upper
 * bound reaches a lower one.  Two sets of lower bounds:
 *
 *	hamerly	one per row, on the nearest of all other centres (Hamerly 2010): little memory, best for
 *			few features, where looking costs little.
 *	elkan	one per row and centre (Elkan 2003, without the distances between centres): a row looks
 *			only at the centres that could win.  Best for many features.
 *
 * Bounds are float: upper ones rounded up and lower ones down by more than any error of a distance,
 * so a skipped row is one that plain Lloyd would have left where it is, ties included (the test is
 * strict, and a tie goes to the lower centre as always).
 *
 * The rows of a block that have to look are gathered into a small block of their own, so that the
 * kernel runs on full vectors.  Sums of clusters are kept from pass to pass: a lane reports only
 * what rows that changed their label take from one cluster and bring to another (kmeans_sums.c).
 *
 * A start's bounds of block b lie together: float upper[1024], then lower[1024] (hamerly) or
 * lower[k][1024] (elkan).
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/kmeans.h"
#include "math/math.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

/* More than the error of any distance, relative; a float's own rounding is a quarter of it. */
#define SLACK 2.4e-7

/* Up to so many centres a whole block is added to their sums at once. */
#define BLOCKWISE_CENTERS 64

/* Part of a block's rows above which the whole block is looked at where it lies. */
#define DENSE(nrows) ((nrows) / 2)

/* From so many centres on the distance to the own one is computed when that is known, rather than all of them. */
#define OWN_DISTANCE_CENTERS 20

/* From so many centres on it pays to make the distance to the own centre exact first. */
#define TIGHTEN_CENTERS 8

/* Rows whose flags are looked at together: as many as an integer has bits. */
#define FLAGS_AT_ONCE 64

/* Everything that the steps of a pass need of one block, and a lane's buffers. */
typedef struct Pass
{
	const KmeansFit *fit;
	const KmeansCenters *centers;
	const double *drift;
	KmeansLane *lane;

	/* the block */
	const double *x;
	const double *weights;
	int			nrows;
	KmeansLabel *label;
	float	   *upper;
	float	   *lower;

	/* buffers of a lane; sizes in rows */
	uint8	   *flags;			/* 0 or 1 for each row of the block */
	int		   *change;			/* rows that change their label, */
	int32	   *target;			/* and to what */
	KmeansLabel *narrow;		/* labels found, as they are kept */
	int		   *look;			/* rows of the block that have to look */
	int			nlook;
	double	   *gathered;		/* their values, d x padded */
	double	   *nearest;
	double	   *second;
	double	   *scratch;		/* k x CS_GROUP_ROWS */
	double	   *all;			/* elkan: every distance, k x padded */
	int32	   *found;			/* new labels, in the order of "look" */
	int		   *candidate;		/* elkan: centres that a row looks at */

	/* lloyd: the block and the centres of each start in single precision, see filter.c, */
	KmeansRounded rounded;
	const KmeansMargins *margins;	/* of the start at work, NULL where none are kept */
	uint8	   *margin;
	float	   *some;			/* scratch of rows that look, d x CS_FILTER_SCRATCH */
	float	   *forms;
	Size		form_size;		/* floats of one start */
	const float *form;			/* of the start at work */

	/* or in integers, see filter_short.c */
	KmeansShorts shorts;
	char	   *short_forms;	/* of CsShortFormSize() bytes each */
	const CsShortForm *short_form;	/* of the start at work */
	CsFetch		fetch;			/* of the next block */
} Pass;

static inline float
RoundUp(double x)
{
	return (float) (x * (1 + SLACK));
}

static inline float
RoundDown(double x)
{
	double		down = x * (1 - SLACK);

	return down > FLT_MAX ? FLT_MAX : (float) down;
}

/* The flags of FLAGS_AT_ONCE rows, each 0 or 1, as the bits of an integer, the first row's the lowest. */
static inline uint64
FlagBits(const uint8 *flags)
{
#ifdef WORDS_BIGENDIAN
	const uint64 gather = UINT64CONST(0x8040201008040201);
#else
	const uint64 gather = UINT64CONST(0x0102040810204080);
#endif
	uint64		bits = 0;

	/* the product moves each of eight bytes to a bit of its own in the highest one */
	for (int i = 0; i < FLAGS_AT_ONCE / 8; i++)
	{
		uint64		eight;

		memcpy(&eight, flags + 8 * i, sizeof(eight));
		bits |= ((eight * gather) >> 56) << (8 * i);
	}
	return bits;
}

/*
 * List the rows whose flag is set, in order: OUT row[], which has room for all of them.  Flags are readable
 * up to a multiple of FLAGS_AT_ONCE rows, and 0 beyond the last.  Most are 0, and which are not cannot be
 * foretold: so no branch depends on a single row.  Returns how many rows are listed.
 */
static int
ListFlagged(int nrows, const uint8 *flags, int *row)
{
	int			n = 0;

	for (int r = 0; r < nrows; r += FLAGS_AT_ONCE)
		for (uint64 bits = FlagBits(flags + r); bits != 0; bits &= bits - 1)
			row[n++] = r + pg_rightmost_one_pos64(bits);
	return n;
}

/* Set the flags of the rows from nrows up to a multiple of FLAGS_AT_ONCE to 0. */
static inline void
EndFlags(int nrows, uint8 *flags)
{
	for (int r = nrows; r % FLAGS_AT_ONCE != 0; r++)
		flags[r] = 0;
}

/* Floats of a block's bounds; margins are bytes. */
static inline Size
BoundsPerBlock(const KmeansFit *fit)
{
	switch (fit->method)
	{
		case KMEANS_LLOYD:
			return fit->few_rows > 0 ? CS_BLOCK_ROWS / sizeof(float) : 0;
		case KMEANS_ELKAN:
			return (Size) (1 + fit->k) * CS_BLOCK_ROWS;
		default:
			return 2 * CS_BLOCK_ROWS;
	}
}

/* Bytes of bounds or margins for a matrix. */
Size
CsKmeansBoundsSize(const KmeansFit *fit, int64 nblocks)
{
	return sizeof(float) * BoundsPerBlock(fit) * (Size) nblocks;
}

/* Labels as they are kept; n may be rounded up to a multiple of 8. */
CS_CLONES static void
NarrowLabels(int n, const int32 *wide, KmeansLabel *narrow)
{
	for (int i = 0; i < n; i++)
		narrow[i] = (KmeansLabel) wide[i];
}

/* Flag the rows whose label found is new. */
CS_CLONES static void
FlagChanges(int nrows, const KmeansLabel *label, const KmeansLabel *found, uint8 *flags)
{
	for (int r = 0; r < nrows; r++)
		flags[r] = label[r] != found[r];
	EndFlags(nrows, flags);
}

/* Take rows from their clusters' sums and bring them to others': row[i] goes to to[i]. */
static void
MoveRows(Pass *pass, int n, const int *row, const int32 *to)
{
	int			k = pass->fit->k,
				d = pass->fit->d;
	double	   *weight = pass->lane->value,
			   *sum = weight + k;
	double		w[KMEANS_MOVED_ROWS];
	int32		from[KMEANS_MOVED_ROWS];

	pass->lane->changed += n;
	for (; n > 0; n -= KMEANS_MOVED_ROWS, row += KMEANS_MOVED_ROWS, to += KMEANS_MOVED_ROWS)
	{
		int			now = Min(n, KMEANS_MOVED_ROWS);

		for (int i = 0; i < now; i++)
		{
			w[i] = pass->weights ? pass->weights[row[i]] : 1;
			from[i] = pass->label[row[i]];
		}
		CsKmeansAddMoved(d, pass->x, now, row, w, from, to, k, weight, sum, pass->scratch);
	}
}

/* The first pass: every row gets its label. */
static void
PlaceRows(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	double	   *weight = pass->lane->value;

	if (fit->k > BLOCKWISE_CENTERS)
	{
		for (int r = 0; r < pass->nrows; r++)
		{
			pass->label[r] = KMEANS_NO_LABEL;
			pass->change[r] = r;
		}
		MoveRows(pass, pass->nrows, pass->change, pass->found);
	}
	else
	{
		CsKmeansAddBlock(fit->d, pass->nrows, pass->x, pass->weights, pass->found, fit->k, weight,
						 weight + fit->k);
		pass->lane->changed += pass->nrows;
	}
	NarrowLabels(pass->nrows, pass->found, pass->label);
}

/* The n rows listed in "change" change their cluster. */
static void
ChangeLabels(Pass *pass, int n)
{
	MoveRows(pass, n, pass->change, pass->target);
	for (int i = 0; i < n; i++)
		pass->label[pass->change[i]] = pass->target[i];
}

/*
 * Take over the labels found for the rows in "look", which is NULL for all rows: those that differ
 * change their cluster.
 */
static void
TakeLabels(Pass *pass, int n, const int *look)
{
	int			nchanges = 0;

	if (pass->fit->first)
	{
		PlaceRows(pass);
		return;
	}
	if (look == NULL)
	{
		NarrowLabels(n, pass->found, pass->narrow);
		FlagChanges(n, pass->label, pass->narrow, pass->flags);
		nchanges = ListFlagged(n, pass->flags, pass->change);
		for (int i = 0; i < nchanges; i++)
			pass->target[i] = pass->found[pass->change[i]];
	}
	else
		for (int i = 0; i < n; i++)
		{
			pass->change[nchanges] = look[i];
			pass->target[nchanges] = pass->found[i];
			nchanges += pass->label[look[i]] != pass->found[i];
		}
	ChangeLabels(pass, nchanges);
}

/* Copy the values of n rows into a block of their own. */
static void
GatherRows(Pass *pass, int n, const int *row)
{
	int			padded = CS_PAD_ROWS(n);

	for (int j = 0; j < pass->fit->d; j++)
	{
		const double *column = pass->x + (Size) j * CS_BLOCK_ROWS;
		double	   *to = pass->gathered + (Size) j * padded;

		for (int i = 0; i < n; i++)
			to[i] = column[row[i]];
		for (int i = n; i < padded; i++)
			to[i] = 0;
	}
}

/* All rows of the block have to look. */
static void
LookAtAll(Pass *pass)
{
	pass->nlook = pass->nrows;
	for (int r = 0; r < pass->nrows; r++)
		pass->look[r] = r;
}

/* Nearest and second nearest centre of the rows in "look", in their order. */
static void
FindNearest(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	bool		whole = pass->nlook == pass->nrows;

	if (!whole)
		GatherRows(pass, pass->nlook, pass->look);
	CsNearest(fit->d, pass->nlook, whole ? pass->x : pass->gathered,
			  whole ? CS_BLOCK_ROWS : CS_PAD_ROWS(pass->nlook), fit->k, pass->centers->value,
			  pass->scratch, pass->found, pass->nearest, pass->second);
}

/*
 * Loosen a block's bounds by what the centres moved.  OUT must_look[r]: 1 where the upper bound
 * reaches the lower one, else 0; as ListFlagged() reads them.
 */
CS_CLONES static void
LoosenBounds(int nrows, const KmeansLabel *label, const double *drift, int farthest, double largest,
			 double second, float *upper, float *lower, uint8 *must_look)
{
	for (int r = 0; r < nrows; r++)
	{
		double		other = label[r] == farthest ? second : largest;

		upper[r] = RoundUp(upper[r] + drift[label[r]]);
		lower[r] = RoundDown(lower[r] - other);
		must_look[r] = !(upper[r] < lower[r]);
	}
	EndFlags(nrows, must_look);
}

/* Make the upper bound of the rows in "look" exact, and drop those for which that is enough. */
static void
Tighten(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	int			n = 0;

	for (int i = 0; i < pass->nlook; i++)
	{
		int			row = pass->look[i];
		const double *center = pass->centers->value + (Size) pass->label[row] * fit->d;
		double		sum = 0;

		for (int j = 0; j < fit->d; j++)
		{
			double		difference = pass->x[(Size) j * CS_BLOCK_ROWS + row] - center[j];

			sum += difference * difference;
		}
		pass->upper[row] = RoundUp(sqrt(sum) * fit->scale);
		pass->look[n] = row;
		n += !(pass->upper[row] < pass->lower[row]);
	}
	pass->nlook = n;
}

/* Hamerly's pass over a block. */
static void
AssignHamerly(Pass *pass)
{
	const KmeansFit *fit = pass->fit;

	if (fit->first)
		LookAtAll(pass);
	else
	{
		LoosenBounds(pass->nrows, pass->label, pass->drift, pass->centers->farthest,
					 pass->centers->largest, pass->centers->second, pass->upper, pass->lower,
					 pass->flags);
		pass->nlook = ListFlagged(pass->nrows, pass->flags, pass->look);
		if (fit->k >= TIGHTEN_CENTERS)
			Tighten(pass);
		if (pass->nlook > DENSE(pass->nrows))
			LookAtAll(pass);
	}
	if (pass->nlook == 0)
		return;
	FindNearest(pass);
	for (int i = 0; i < pass->nlook; i++)
	{
		pass->upper[pass->look[i]] = RoundUp(sqrt(pass->nearest[i]) * fit->scale);
		pass->lower[pass->look[i]] = RoundDown(sqrt(pass->second[i]) * fit->scale);
	}
	TakeLabels(pass, pass->nlook, pass->look);
}

/*
 * Loosen a block's bounds on every centre.  OUT must_look[r]: 1 where some other centre's bound is
 * reached, else 0; as ListFlagged() reads them.
 */
CS_CLONES static void
LoosenAllBounds(int nrows, int k, const KmeansLabel *label, const double *drift, float *upper,
				float *lower, uint8 *must_look)
{
	memset(must_look, 0, CS_BLOCK_ROWS);
	for (int r = 0; r < nrows; r++)
		upper[r] = RoundUp(upper[r] + drift[label[r]]);
	for (int c = 0; c < k; c++)
	{
		float	   *bound = lower + (Size) c * CS_BLOCK_ROWS;

		for (int r = 0; r < nrows; r++)
		{
			bound[r] = RoundDown(bound[r] - drift[c]);
			must_look[r] |= !(upper[r] < bound[r]) & (label[r] != c);
		}
	}
}

/*
 * Squared distances of one row to some centres, four at a time for the processor's sake.  The sum
 * of each runs in order of the columns, as everywhere.
 */
static void
RowDistances(int d, const double *row, int n, const int *candidate, const double *centers,
			 double *distance)
{
	for (int i = 0; i < n; i += 4)
	{
		const double *center[4];
		double		sum[4] = {0};

		for (int t = 0; t < 4; t++)
			center[t] = centers + (Size) candidate[Min(i + t, n - 1)] * d;
		for (int j = 0; j < d; j++)
			for (int t = 0; t < 4; t++)
			{
				double		difference = row[j] - center[t][j];

				sum[t] += difference * difference;
			}
		for (int t = 0; t < 4 && i + t < n; t++)
			distance[i + t] = sum[t];
	}
}

/*
 * Let one row look at the centres that its bounds do not rule out; returns its nearest centre, ties
 * to the lower one, and makes the bounds of those it looked at exact.
 */
static int32
LookAround(Pass *pass, int row)
{
	const KmeansFit *fit = pass->fit;
	int32		own = pass->label[row];
	int32		nearest = own;
	double		least;
	int			n = 0;

	for (int j = 0; j < fit->d; j++)
		pass->gathered[j] = pass->x[(Size) j * CS_BLOCK_ROWS + row];
	RowDistances(fit->d, pass->gathered, 1, &own, pass->centers->value, &least);
	pass->upper[row] = RoundUp(sqrt(least) * fit->scale);
	for (int c = 0; c < fit->k; c++)
	{
		pass->candidate[n] = c;
		n += c != own && !(pass->upper[row] < pass->lower[(Size) c * CS_BLOCK_ROWS + row]);
	}
	RowDistances(fit->d, pass->gathered, n, pass->candidate, pass->centers->value, pass->scratch);
	for (int i = 0; i < n; i++)
	{
		int			c = pass->candidate[i];
		double		distance = pass->scratch[i];

		pass->lower[(Size) c * CS_BLOCK_ROWS + row] = RoundDown(sqrt(distance) * fit->scale);
		if (distance < least || (distance == least && c < nearest))
		{
			least = distance;
			nearest = c;
		}
	}
	if (nearest != own)
	{
		pass->lower[(Size) own * CS_BLOCK_ROWS + row] = RoundDown(pass->upper[row] / (1 + 2 * SLACK));
		pass->upper[row] = RoundUp(sqrt(least) * fit->scale);
	}
	return nearest;
}

/* Distances of all rows of a block to all centres: labels and every bound afresh. */
static void
LookEverywhere(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	int			padded = CS_PAD_ROWS(pass->nrows);

	LookAtAll(pass);
	CsSquaredDistances(fit->d, pass->nrows, pass->x, CS_BLOCK_ROWS, fit->k, pass->centers->value,
					   pass->all);
	for (int r = 0; r < pass->nrows; r++)
	{
		pass->found[r] = 0;
		pass->nearest[r] = pass->all[r];
	}
	for (int c = 0; c < fit->k; c++)
	{
		const double *distance = pass->all + (Size) c * padded;
		float	   *bound = pass->lower + (Size) c * CS_BLOCK_ROWS;

		for (int r = 0; r < pass->nrows; r++)
		{
			bool		closer = distance[r] < pass->nearest[r];

			pass->found[r] = closer ? c : pass->found[r];
			pass->nearest[r] = closer ? distance[r] : pass->nearest[r];
			bound[r] = RoundDown(sqrt(distance[r]) * fit->scale);
		}
	}
	for (int r = 0; r < pass->nrows; r++)
		pass->upper[r] = RoundUp(sqrt(pass->nearest[r]) * fit->scale);
}

/* Elkan's pass over a block. */
static void
AssignElkan(Pass *pass)
{
	const KmeansFit *fit = pass->fit;

	if (!fit->first)
	{
		LoosenAllBounds(pass->nrows, fit->k, pass->label, pass->drift, pass->upper, pass->lower,
						pass->flags);
		pass->nlook = ListFlagged(pass->nrows, pass->flags, pass->look);
	}
	if (fit->first || pass->nlook > DENSE(pass->nrows))
		LookEverywhere(pass);
	else
		for (int i = 0; i < pass->nlook; i++)
			pass->found[i] = LookAround(pass, pass->look[i]);
	TakeLabels(pass, pass->nlook, pass->look);
}

/*
 * Settle the rows whose nearest centre the filter leaves open, among n that are listed in "change", and list
 * those no longer that keep their label; returns how many remain.
 */
static int
SettleOpenRows(Pass *pass, int n)
{
	const KmeansFit *fit = pass->fit;
	int			nopen = 0,
				kept = 0;

	for (int i = 0; i < n; i++)
	{
		pass->look[nopen] = pass->change[i];
		nopen += pass->target[i] < 0;
	}
	if (nopen == 0)
		return n;
	GatherRows(pass, nopen, pass->look);
	CsNearest(fit->d, nopen, pass->gathered, CS_PAD_ROWS(nopen), fit->k, pass->centers->value,
			  pass->scratch, pass->found, pass->nearest, NULL);
	nopen = 0;
	for (int i = 0; i < n; i++)
	{
		int32		label = pass->target[i] < 0 ? pass->found[nopen++] : pass->target[i];

		pass->change[kept] = pass->change[i];
		pass->target[kept] = label;
		kept += pass->label[pass->change[i]] != label;
	}
	return kept;
}

/*
 * Have a block's labels come to the cache while its rows look at the centres: those of each start are too few
 * in one place for the processor to foresee that they are wanted.
 */
static inline void
PrefetchLabels(const Pass *pass)
{
	for (int r = 0; r < pass->nrows; r += PG_CACHE_LINE_SIZE / 2 / sizeof(KmeansLabel))
		__builtin_prefetch(pass->label + r, 1);
}

/* Have the rows that are listed as changes come to the cache, all at once: each is as many places as columns. */
static inline void
PrefetchChanges(const Pass *pass, int n)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < pass->fit->d; j++)
			__builtin_prefetch(pass->x + (Size) j * CS_BLOCK_ROWS + pass->change[i]);
}

/* Share a block among the starts at work, each of which has a part of it come to the cache as it looks at its rows. */
static void
ShareFetching(Pass *pass, const double *x, int part)
{
	Size		lines = sizeof(double) * CS_BLOCK_ROWS * pass->fit->d / CS_FETCH_LINE,
				parts = (Size) pg_popcount32(pass->fit->active) * (CS_BLOCK_ROWS / CS_FILTER_TILE);

	pass->fetch.lines = x ? (int) ((lines + parts - 1) / parts) : 0;
	pass->fetch.next = (const char *) x;
	if (x)
		pass->fetch.next += (Size) part * pass->fetch.lines * (CS_BLOCK_ROWS / CS_FILTER_TILE) * CS_FETCH_LINE;
}

/*
 * Flag the rows whose margin the centres may have used up, as ListFlagged() reads flags; returns how many.
 */
CS_CLONES static int
FlagUsedUp(int nrows, const uint8 *margin, uint8 limit, uint8 *flags)
{
	int			n = 0;

	for (int r = 0; r < nrows; r++)
		flags[r] = margin[r] <= limit;
	for (int r = 0; r < nrows; r++)
		n += flags[r];
	EndFlags(nrows, flags);
	return n;
}

/* Bring the margins of a block, which have lost "limit" units, to units that are a power of two smaller. */
CS_CLONES static void
RenewMargins(int nrows, uint8 limit, int shift, uint8 *margin)
{
	for (int r = 0; r < nrows; r++)
	{
		int			left = (margin[r] > limit ? margin[r] - limit : 0) << shift;

		margin[r] = Min(left, PG_UINT8_MAX);
	}
}

/* All rows of a block look at all centres through the filter; returns how many changes are listed. */
static int
LookFromAll(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	const KmeansRounded *rounded = &pass->rounded;
	const CsFilterUnits *units = pass->margins && pass->margins->kept ? &pass->margins->units : NULL;

	if (fit->shorts)
		return CsShortChanges(fit->d, pass->nrows, pass->shorts.pairs, pass->shorts.level, fit->k, pass->short_form,
							  units, pass->label, pass->margin, &pass->fetch, pass->change, pass->target);
	return CsFilterChanges(fit->d, pass->nrows, rounded->values, rounded->reach, rounded->length, fit->k, pass->form,
						   units, pass->label, pass->margin, pass->change, pass->target);
}

/* The same for the flagged rows of a block. */
static int
LookFromSome(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	const KmeansRounded *rounded = &pass->rounded;

	if (fit->shorts)
		return CsShortSome(fit->d, pass->nrows, pass->shorts.pairs, pass->shorts.level, pass->flags, fit->k,
						   pass->short_form, &pass->margins->units, pass->label, pass->margin, pass->some,
						   pass->change, pass->target);
	return CsFilterSome(fit->d, pass->nrows, rounded->values, rounded->reach, rounded->length, pass->flags, fit->k,
						pass->form, &pass->margins->units, pass->label, pass->margin, pass->some,
						pass->change, pass->target);
}

/* The first pass of Lloyd's: no row has a label yet. */
static void
PlaceByFilter(Pass *pass)
{
	for (int r = 0; r < pass->nrows; r++)
		pass->label[r] = KMEANS_NO_LABEL;
	SettleOpenRows(pass, LookFromAll(pass));
	memcpy(pass->found, pass->target, sizeof(int32) * pass->nrows);
	PlaceRows(pass);
}

/*
 * Lloyd's pass over a block by labels alone: rows look at every centre, all of them or those whose margins are used
 * up.
 */
static void
AssignByFilter(Pass *pass)
{
	const KmeansFit *fit = pass->fit;
	const KmeansMargins *margins = pass->margins;
	bool		known = margins && margins->known;
	int			n = pass->nrows;

	if (fit->first)
	{
		PlaceByFilter(pass);
		return;
	}
	if (known)
		n = FlagUsedUp(pass->nrows, pass->margin, margins->limit, pass->flags);
	if (!known || n > fit->few_rows * pass->nrows)
		n = LookFromAll(pass);
	else
	{
		if (margins->renew)
			RenewMargins(pass->nrows, margins->limit, margins->shift, pass->margin);
		if (n > 0)
			n = LookFromSome(pass);
	}
	if (fit->shorts)
		PrefetchChanges(pass, n);
	ChangeLabels(pass, SettleOpenRows(pass, n));
}

/* Lloyd's pass over a block.  Distances are not needed but in a start's last pass, whose inertia they are. */
static void
AssignLloyd(Pass *pass, bool measure)
{
	const KmeansFit *fit = pass->fit;

	PrefetchLabels(pass);
	if (!measure || fit->k >= OWN_DISTANCE_CENTERS)
		AssignByFilter(pass);
	if (!measure)
		return;
	if (fit->k >= OWN_DISTANCE_CENTERS)
		CsKmeansOwnDistances(fit->d, pass->nrows, pass->x, pass->centers->value, pass->label, pass->nearest);
	else
	{
		CsNearest(fit->d, pass->nrows, pass->x, CS_BLOCK_ROWS, fit->k, pass->centers->value,
				  pass->scratch, pass->found, pass->nearest, NULL);
		TakeLabels(pass, pass->nrows, NULL);
	}
	pass->lane->inertia += CsKmeansBlockInertia(pass->nrows, pass->nearest, pass->weights);
}

/* A lane's buffers, in the item's context. */
static void
InitPass(Pass *pass, const KmeansFit *fit)
{
	Size		d = fit->d;

	memset(pass, 0, sizeof(*pass));
	pass->fit = fit;
	pass->flags = palloc(CS_BLOCK_ROWS);
	pass->look = palloc(sizeof(int) * (CS_BLOCK_ROWS + 1));
	pass->gathered = palloc_extended(sizeof(double) * d * CS_BLOCK_ROWS, MCXT_ALLOC_HUGE);
	pass->nearest = palloc(sizeof(double) * CS_BLOCK_ROWS);
	pass->second = palloc(sizeof(double) * CS_BLOCK_ROWS);
	pass->scratch = palloc(sizeof(double) * fit->k * CS_GROUP_ROWS);
	if (fit->method == KMEANS_ELKAN)
		pass->all = palloc_extended(sizeof(double) * fit->k * CS_BLOCK_ROWS, MCXT_ALLOC_HUGE);
	pass->found = palloc(sizeof(int32) * CS_BLOCK_ROWS);
	pass->candidate = palloc(sizeof(int) * fit->k);
	pass->change = palloc(sizeof(int) * CS_FILTER_CHANGES);
	pass->target = palloc(sizeof(int32) * CS_FILTER_CHANGES);
	pass->narrow = palloc(sizeof(KmeansLabel) * CS_BLOCK_ROWS);
	if (fit->method != KMEANS_LLOYD)
		return;
	pass->some = palloc_extended(sizeof(float) * d * CS_FILTER_SCRATCH, MCXT_ALLOC_HUGE);
	if (fit->shorts)
	{
		pass->short_forms = palloc_extended(CsShortFormSize(d, fit->k) * fit->starts, MCXT_ALLOC_HUGE);
		return;
	}
	pass->form_size = 1 + fit->k * (d + 1);
	pass->forms = palloc_extended(sizeof(float) * pass->form_size * fit->starts, MCXT_ALLOC_HUGE);
}

/* One block for one start. */
static void
AssignBlock(Pass *pass, bool measure)
{
	switch (pass->fit->method)
	{
		case KMEANS_LLOYD:
			AssignLloyd(pass, measure);
			break;
		case KMEANS_ELKAN:
			AssignElkan(pass);
			break;
		default:
			AssignHamerly(pass);
	}
}

/* The form of a start's centres in integers. */
static inline CsShortForm *
ShortFormOf(const Pass *pass, int start)
{
	return (CsShortForm *) (pass->short_forms + CsShortFormSize(pass->fit->d, pass->fit->k) * start);
}

/* The centres of all active starts as the filter needs them. */
static void
RoundCenters(Pass *pass, void *centers, const double *origin)
{
	const KmeansFit *fit = pass->fit;

	for (int s = 0; s < fit->starts; s++)
	{
		const double *center = KmeansCentersOf(fit, centers, s)->value;

		if (!(fit->active & (1U << s)))
			continue;
		if (fit->shorts)
			CsShortCenters(fit->d, fit->k, center, origin, fit->scale, ShortFormOf(pass, s));
		else
			CsFilterCenters(fit->d, fit->k, center, origin, fit->scale, pass->forms + s * pass->form_size);
	}
}

/* The rows of a block as the filter needs them. */
static void
RoundRows(Pass *pass, CsArena *arena, int64 block)
{
	if (pass->fit->shorts)
		CsKmeansShortBlock(arena, pass->fit, block, &pass->shorts);
	else
		CsKmeansRoundBlock(arena, pass->fit, block, &pass->rounded);
}

/* One pass over a lane, for all active starts. */
void
CsKmeansAssignTask(CsTeam *team, const void *args, int lane)
{
	const KmeansFit *fit = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = KmeansPart(arena, fit, fit->matrix);
	const double *weights = fit->weights < 0 ? NULL : CsArenaAddress(arena, fit->weights);
	void	   *labels = KmeansPart(arena, fit, fit->labels),
			   *centers = KmeansPart(arena, fit, fit->centers),
			   *lanes = KmeansPart(arena, fit, fit->lanes);
	const double *origin = KmeansPart(arena, fit, fit->origin);
	float	   *bounds = KmeansPart(arena, fit, fit->bounds);
	Size		per_block = BoundsPerBlock(fit);
	uint32		filtered = fit->k >= OWN_DISTANCE_CENTERS ? fit->active : fit->active & ~fit->measure;
	Pass		pass;

	for (int s = 0; s < fit->starts; s++)
		memset(KmeansLaneOf(fit, lanes, lane, s), 0, fit->lane_size);
	if (CsLaneStart(m, lane) == CsLaneStart(m, lane + 1))
		return;					/* most lanes of few rows */
	InitPass(&pass, fit);
	if (fit->method == KMEANS_LLOYD)
		RoundCenters(&pass, centers, origin);
	for (int64 b = CsLaneStart(m, lane); b < CsLaneStart(m, lane + 1); b++)
	{
		pass.x = CsMatrixBlock(m, arena, b);
		pass.weights = weights ? weights + b * CS_BLOCK_ROWS : NULL;
		pass.nrows = CsMatrixBlockRows(m, b);
		if (filtered != 0 && fit->method == KMEANS_LLOYD)
			RoundRows(&pass, arena, b);
		for (int s = 0, part = 0; s < fit->starts; s++)
		{
			if (!(fit->active & (1U << s)))
				continue;
			CHECK_FOR_INTERRUPTS();
			ShareFetching(&pass, fit->fetch_blocks && b + 1 < CsLaneStart(m, lane + 1) ?
						  CsMatrixBlock(m, arena, b + 1) : NULL, part++);
			pass.centers = KmeansCentersOf(fit, centers, s);
			pass.drift = KmeansDrift(pass.centers, fit->k, fit->d);
			pass.lane = KmeansLaneOf(fit, lanes, lane, s);
			pass.label = KmeansLabelsOf(fit, m, labels, s) + b * CS_BLOCK_ROWS;
			pass.upper = bounds + ((Size) s * CsMatrixBlocks(m) + b) * per_block;
			pass.lower = pass.upper + CS_BLOCK_ROWS;
			pass.margins = fit->few_rows > 0 ? &pass.centers->margins : NULL;
			pass.margin = (uint8 *) pass.upper;
			if (fit->shorts)
				pass.short_form = ShortFormOf(&pass, s);
			else
				pass.form = pass.forms + s * pass.form_size;
			AssignBlock(&pass, (fit->measure & (1U << s)) != 0);
		}
	}
}
