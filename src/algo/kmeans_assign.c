/*
 * kmeans_assign.c
 *	  One pass of k-means over the rows: every row to its nearest centre, and the sums of the clusters that change.
 *
 * Which rows change their cluster, most of which need not look at all centres, the methods find out: kmeans_lloyd.c
 * and kmeans_bounds.c.  Sums of clusters are kept from pass to pass: a lane reports only what rows that changed
 * their label take from one cluster and bring to another (kmeans_sums.c).
 *
 * A start's bounds of block b lie together: float upper[1024], then lower[1024] (hamerly) or
 * lower[k][1024] (elkan), or else margins (lloyd): uint8[1024].
 */
#include "custseg.h"

#include "algo/kmeans_pass.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

/* Up to so many centres a whole block is added to their sums at once. */
#define BLOCKWISE_CENTERS 64

/* The flags of KMEANS_FLAGS_AT_ONCE rows, each 0 or 1, as the bits of an integer, the first row's the lowest. */
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
	for (int i = 0; i < KMEANS_FLAGS_AT_ONCE / 8; i++)
	{
		uint64		eight;

		memcpy(&eight, flags + 8 * i, sizeof(eight));
		bits |= ((eight * gather) >> 56) << (8 * i);
	}
	return bits;
}

/*
 * List the rows whose flag is set, in order: OUT row[], which has room for all of them.  Flags are readable
 * up to a multiple of KMEANS_FLAGS_AT_ONCE rows, and 0 beyond the last.  Most are 0, and which are not cannot be
 * foretold: so no branch depends on a single row.  Returns how many rows are listed.
 */
int
CsKmeansListFlagged(int nrows, const uint8 *flags, int *row)
{
	int			n = 0;

	for (int r = 0; r < nrows; r += KMEANS_FLAGS_AT_ONCE)
		for (uint64 bits = FlagBits(flags + r); bits != 0; bits &= bits - 1)
			row[n++] = r + pg_rightmost_one_pos64(bits);
	return n;
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
	KmeansEndFlags(nrows, flags);
}

/* Take rows from their clusters' sums and bring them to others': row[i] goes to to[i]. */
static void
MoveRows(KmeansPass *pass, int n, const int *row, const int32 *to)
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
void
CsKmeansPlaceRows(KmeansPass *pass)
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
void
CsKmeansChangeLabels(KmeansPass *pass, int n)
{
	MoveRows(pass, n, pass->change, pass->target);
	for (int i = 0; i < n; i++)
		pass->label[pass->change[i]] = pass->target[i];
}

/*
 * Take over the labels found for the rows in "look", which is NULL for all rows: those that differ
 * change their cluster.
 */
void
CsKmeansTakeLabels(KmeansPass *pass, int n, const int *look)
{
	int			nchanges = 0;

	if (pass->fit->first)
	{
		CsKmeansPlaceRows(pass);
		return;
	}
	if (look == NULL)
	{
		NarrowLabels(n, pass->found, pass->narrow);
		FlagChanges(n, pass->label, pass->narrow, pass->flags);
		nchanges = CsKmeansListFlagged(n, pass->flags, pass->change);
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
	CsKmeansChangeLabels(pass, nchanges);
}

/* Copy the values of n rows into a block of their own. */
void
CsKmeansGatherRows(KmeansPass *pass, int n, const int *row)
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

/* A lane's buffers, in the item's context. */
static void
InitPass(KmeansPass *pass, const KmeansFit *fit)
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
}

/* One block for one start. */
static void
AssignBlock(KmeansPass *pass, bool measure)
{
	switch (pass->fit->method)
	{
		case KMEANS_LLOYD:
			CsKmeansAssignLloyd(pass, measure);
			break;
		case KMEANS_ELKAN:
			CsKmeansAssignElkan(pass);
			break;
		default:
			CsKmeansAssignHamerly(pass);
	}
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
	KmeansPass	pass;

	for (int s = 0; s < fit->starts; s++)
		memset(KmeansLaneOf(fit, lanes, lane, s), 0, fit->lane_size);
	if (CsLaneStart(m, lane) == CsLaneStart(m, lane + 1))
		return;					/* most lanes of few rows */
	InitPass(&pass, fit);
	if (fit->method == KMEANS_LLOYD)
		CsKmeansInitLloyd(&pass, centers, origin);
	for (int64 b = CsLaneStart(m, lane); b < CsLaneStart(m, lane + 1); b++)
	{
		const double *next = fit->fetch_blocks && b + 1 < CsLaneStart(m, lane + 1) ?
			CsMatrixBlock(m, arena, b + 1) : NULL;

		pass.x = CsMatrixBlock(m, arena, b);
		pass.weights = weights ? weights + b * CS_BLOCK_ROWS : NULL;
		pass.nrows = CsMatrixBlockRows(m, b);
		if (fit->method == KMEANS_LLOYD)
			CsKmeansRoundRows(&pass, arena, b);
		for (int s = 0, part = 0; s < fit->starts; s++)
		{
			if (!(fit->active & (1U << s)))
				continue;
			CHECK_FOR_INTERRUPTS();
			pass.centers = KmeansCentersOf(fit, centers, s);
			pass.drift = KmeansDrift(pass.centers, fit->k, fit->d);
			pass.lane = KmeansLaneOf(fit, lanes, lane, s);
			pass.label = KmeansLabelsOf(fit, m, labels, s) + b * CS_BLOCK_ROWS;
			pass.upper = bounds + ((Size) s * CsMatrixBlocks(m) + b) * per_block;
			pass.lower = pass.upper + CS_BLOCK_ROWS;
			pass.margins = fit->few_rows > 0 ? &pass.centers->margins : NULL;
			pass.margin = (uint8 *) pass.upper;
			if (fit->method == KMEANS_LLOYD)
				CsKmeansTakeForm(&pass, s, next, part++);
			AssignBlock(&pass, (fit->measure & (1U << s)) != 0);
		}
	}
}
