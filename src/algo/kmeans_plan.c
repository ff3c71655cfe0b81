/*
 * kmeans_plan.c
 *	  What is settled before a fit: its options, the bounds it keeps, the starts that share a pass,
 *	  and the memory all of it takes.
 */
#include "custseg.h"

#include "algo/kmeans.h"

static const char *const methods[] = {"auto", "lloyd", "hamerly", "elkan", NULL};

const CsOption CsKmeansOptions[KMEANS_NOPTIONS] = {
	CS_COMMON_OPTIONS(KmeansOptions, common),
	{"n_init", CS_OPTION_INT, offsetof(KmeansOptions, n_init), 10, 1, 1000},
	{"max_iter", CS_OPTION_INT, offsetof(KmeansOptions, max_iter), 300, 1, 1000000},
	{"tol", CS_OPTION_REAL, offsetof(KmeansOptions, tol), 1e-4, 0, 1e6},
	{"algorithm", CS_OPTION_CHOICE, offsetof(KmeansOptions, method), KMEANS_AUTO, 0, 0, methods},
	{"init", CS_OPTION_ARRAY, offsetof(KmeansOptions, init), 0, 0, 0},
};

/*
 * Which bounds pay, measured (docs/algorithms.md): full vectors of single precision and margins of a byte are faster
 * than any other bookkeeping.  A bound for every centre saves the most distances, and yet its upkeep costs more than
 * they do.
 */
KmeansMethod
CsKmeansMethod(const KmeansOptions *options)
{
	return options->method == KMEANS_AUTO ? KMEANS_LLOYD : options->method;
}

/*
 * Margins are worth their upkeep where at least this part of the rows is few, and from so many centres on: with fewer
 * of them rows of many columns take longer to come from memory than to be looked at.
 */
#define LEAST_FEW_ROWS 0.4
#define MARGIN_CENTERS 6

/*
 * Rows pay in integers where several starts look at each of them, and up to so many columns: blocks of far more do not
 * stay in the cache while they are rounded, which then takes longer than the looks.
 */
#define SHORT_COLUMNS_AT_MOST 64

/* Rows in integers are looked at in half the time: for so many numbers in the centres margins were still slower. */
#define SHORT_WITHOUT_MARGINS 100

/*
 * Up to which part of a block's rows it pays that only these look, or 0 where margins do not pay.  From what was
 * measured, in cycles for a row: what a look takes, a look with a margin, and gathering one row or many of 16.
 */
double
CsKmeansFewRows(KmeansMethod method, int k, int d)
{
	double		look = 0.9 + 0.06 * k * d,
				look_with_margin = look + 3,
				gather = 0.3 + 0.1 * (d + 3),
				few = (look - gather) / look_with_margin;

	return method == KMEANS_LLOYD && k >= MARGIN_CENTERS && few >= LEAST_FEW_ROWS ? few : 0;
}

/* Bytes of one start's KmeansLane. */
Size
CsKmeansLaneSize(int k, int d)
{
	return MAXALIGN(offsetof(KmeansLane, value) +
					sizeof(double) * Max(k + (Size) k * d, 2 * (Size) d));
}

/* Work areas beside the matrix may take this part of it, or so many bytes if that is more. */
#define WORK_SHARE 0.4
#define WORK_FREE ((Size) 48 * 1024 * 1024)

/* Bytes of one start's labels. */
static Size
LabelsOfStart(int64 nblocks)
{
	return mul_size(sizeof(KmeansLabel) * CS_BLOCK_ROWS, nblocks);
}

/* Bytes of one start's distances. */
static Size
DistancesOfStart(int64 nblocks)
{
	return mul_size(sizeof(float) * CS_BLOCK_ROWS, nblocks);
}

/* Bytes that a start keeps for its rows: labels and bounds, or while seeding distances. */
static Size
RowsOfStart(const KmeansFit *fit, int64 nblocks)
{
	return Max(add_size(LabelsOfStart(nblocks), CsKmeansBoundsSize(fit, nblocks)),
			   DistancesOfStart(nblocks));
}

/* Bytes of the blocks that are kept in any case. */
static Size
KeptAlways(const KmeansFit *fit, int64 nblocks)
{
	return CsKmeansFewBlocks(nblocks) ? CsKmeansKeptSize(fit, nblocks) : 0;
}

/* Bytes of a start's tables: centres and sums, and those of the lanes. */
static Size
TablesOfStart(const KmeansFit *fit)
{
	return add_size(mul_size(mul_size(sizeof(double) * 4, fit->k), fit->d),
					mul_size(CsKmeansLaneSize(fit->k, fit->d), CS_LANES));
}

/* Bytes of everything that a start takes, of "capacity" alike. */
static Size
BytesOfStart(const KmeansFit *fit, int64 nblocks)
{
	KmeansFit	one = *fit;

	one.capacity = 1;
	return add_size(add_size(RowsOfStart(fit, nblocks), TablesOfStart(fit)),
					CsKmeansSeedingSize(&one, nblocks));
}

/* Bytes of the best labels and centres so far, and of the moments of blocks. */
static Size
BytesOfBest(const KmeansFit *fit, int64 nblocks)
{
	return add_size(add_size(mul_size(sizeof(int32) * CS_BLOCK_ROWS, nblocks), CsKmeansMomentsSize(fit->d, nblocks)),
					mul_size(mul_size(sizeof(double) * 4, fit->k), fit->d));
}

/*
 * How many blocks are kept once the starts are seeded: those that fit in what distances took and labels and bounds
 * do not.  More memory for all of them would cost as much as it saves: to take it and give it back takes longer
 * than a pass.  But integers are half as much, and where margins are kept the passes are many: there blocks take what
 * is spare, too.
 */
static int64
KeptBlocks(const KmeansFit *fit, int64 nblocks, Size spare)
{
	Size		taken = add_size(LabelsOfStart(nblocks), CsKmeansBoundsSize(fit, nblocks));
	Size		room = mul_size(RowsOfStart(fit, nblocks) - taken, fit->capacity);

	if (CsKmeansFewBlocks(nblocks))
		return nblocks;
	if (fit->shorts && fit->few_rows > 0)
		room = add_size(room, spare);
	return Min(nblocks, (int64) (room / CsKmeansKeptSize(fit, 1)));
}

/*
 * How many starts share a pass over this many rows, of which "left" bytes have room for one at least, whether it
 * looks in integers, and how many blocks are kept rounded; fills capacity, shorts and kept_blocks, and takes margins
 * away that do not pay.  The segments found are the same for any numbers.
 */
void
CsKmeansPlan(KmeansFit *fit, const KmeansOptions *o, int64 nblocks, Size left)
{
	Size		best,
				fitting;
	Size		rows = mul_size(nblocks, CS_BLOCK_ROWS);
	Size		matrix = mul_size(mul_size(sizeof(double), rows), fit->d);
	Size		budget = Max((Size) (WORK_SHARE * matrix), WORK_FREE);
	int			wanted = o->init.rows > 0 ? 1 : Min(o->n_init, KMEANS_MAX_STARTS);
	Size		rows_of_starts,
				starts;

	fit->shorts = fit->method == KMEANS_LLOYD && !CsKmeansFewBlocks(nblocks) && wanted > 1 &&
		fit->d <= SHORT_COLUMNS_AT_MOST && CsShortSupported(fit->d, fit->k);
	if (fit->shorts && (Size) fit->k * fit->d <= SHORT_WITHOUT_MARGINS)
		fit->few_rows = 0;
	best = add_size(BytesOfBest(fit, nblocks), KeptAlways(fit, nblocks));
	fitting = left > best ? (left - best) / BytesOfStart(fit, nblocks) : 0;
	fit->capacity = (int) Max((Size) 1, Min(Min((Size) wanted, fitting), budget / RowsOfStart(fit, nblocks)));
	rows_of_starts = mul_size(RowsOfStart(fit, nblocks), fit->capacity);
	starts = add_size(best, mul_size(BytesOfStart(fit, nblocks), fit->capacity));
	fit->kept_blocks = KeptBlocks(fit, nblocks, Min(budget > rows_of_starts ? budget - rows_of_starts : 0,
													left > starts ? left - starts : 0));
}

/* Bytes of the labels of the starts at work, and of their distances while seeding. */
Size
CsKmeansLabelsSize(const KmeansFit *fit, int64 nblocks)
{
	return mul_size(LabelsOfStart(nblocks), fit->capacity);
}

/* Bytes of the distances that the starts at work keep while they are seeded. */
Size
CsKmeansDistancesSize(const KmeansFit *fit, int64 nblocks)
{
	return mul_size(DistancesOfStart(nblocks), fit->capacity);
}

/* Bytes beside the matrix, at least: with those of more starts at a time a fit is faster. */
Size
CsKmeansMemory(int64 nrows, int d, int k, const void *opaque)
{
	int64		nblocks = nrows / CS_BLOCK_ROWS + 1;
	KmeansMethod method = CsKmeansMethod(opaque);
	KmeansFit	fit = {.k = k,.d = d,.method = method,.few_rows = CsKmeansFewRows(method, k, d)};
	Size		kept = KeptAlways(&fit, (nrows + CS_BLOCK_ROWS - 1) / CS_BLOCK_ROWS);

	return add_size(add_size(BytesOfStart(&fit, nblocks), BytesOfBest(&fit, nblocks)), kept);
}

/* init must be one row for each segment, one number for each column of model space. */
void
CsKmeansCheck(const void *opaque, int k, int d)
{
	const KmeansOptions *o = opaque;

	if (o->init.rows == 0 || (o->init.rows == k && o->init.columns == d))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"init\" has %d centers of %d numbers, but k is %d and model space has %d columns",
					o->init.rows, o->init.columns, k, d),
			 errhint("Give one array for each segment, each with one number for each column of model space; custseg.feature.outputs lists them.")));
}
