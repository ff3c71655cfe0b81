/*
 * silhouettes.c
 *	  The mean silhouette widths of several labelings of the same rows.
 *
 * A search for the number of segments has a labeling for each number.  The distances between rows are
 * the same in all of them, and it is their roots that take longest.  So a distance is computed once
 * for all labelings, and added to each one's sums while it is at hand.
 *
 * The rows are taken in groups.  A group has a sum for each segment of each labeling and each of its
 * rows; those of one segment lie side by side, so that a row that it is compared with adds its
 * distances to all of them at a time.
 */
#include "custseg.h"

#include <math.h>

#include "math/kernel.h"
#include "math/math.h"
#include "miscadmin.h"
#include "stat/stat.h"

/* Rows of a group, and rows that it is compared with at a time. */
#define GROUP 16
#define BLOCK 128

/* The task's arguments; the offsets are into one area. */
typedef struct SilhouettesArgs
{
	int			matrix;			/* area of the CsMatrix */
	int			area;
	Size		points;			/* double[n][d] */
	Size		slots;			/* int32[n][nlabelings]: number of the row's segment among all */
	Size		counts;			/* int32[nslots]: rows of each segment */
	Size		widths;			/* double[nlabelings][n] */
	int			n;
	int			d;
	int			nlabelings;
	int			nslots;
	int			first[CS_MAX_LABELINGS + 1];	/* slot of each labeling's first segment */
} SilhouettesArgs;

#define Part(arena, args, part) ((void *) ((char *) CsArenaAddress(arena, (args)->area) + (args)->part))

#ifdef CS_WIDE_KERNELS
#define KERNEL_WIDTH 8
#include "stat/silhouettes_kernels.h"
#define KERNEL_WIDTH 4
#include "stat/silhouettes_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "stat/silhouettes_kernels.h"

/* Roots of n numbers, in place. */
CS_CLONES static void
TakeRoots(int n, double *x)
{
	for (int i = 0; i < n; i++)
		x[i] = sqrt(x[i]);
}

/* The width of one row in one labeling, by its sums, which are GROUP apart. */
static double
WidthOfRow(const SilhouettesArgs *args, const int32 *counts, const double *sums, int labeling, int own)
{
	double		least = HUGE_VAL;

	for (int s = args->first[labeling]; s < args->first[labeling + 1]; s++)
		if (s != own && counts[s] > 0 && sums[(Size) s * GROUP] / counts[s] < least)
			least = sums[(Size) s * GROUP] / counts[s];
	return CsSilhouetteWidth(sums[(Size) own * GROUP], counts[own], least);
}

/* CS_TASK(CsSilhouettesTask): the widths of a lane's groups. */
void
CsSilhouettesTask(CsTeam *team, const void *opaque, int lane)
{
	const SilhouettesArgs *args = opaque;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = CsArenaAddress(arena, args->matrix);
	const double *points = Part(arena, args, points);
	const int32 *slots = Part(arena, args, slots),
			   *counts = Part(arena, args, counts);
	double	   *widths = Part(arena, args, widths);
	int64		groups = (args->n + GROUP - 1) / GROUP;
	double	   *distance = palloc(sizeof(double) * GROUP * BLOCK),
			   *sums = palloc(sizeof(double) * GROUP * args->nslots);

	for (int64 g = groups * lane / CS_LANES; g < groups * (lane + 1) / CS_LANES; g++)
	{
		int			first = (int) g * GROUP;
		const double *x = CsMatrixRow(m, arena, first);

		memset(sums, 0, sizeof(double) * GROUP * args->nslots);
		for (int block = 0; block < args->n; block += BLOCK)
		{
			int			n = Min(BLOCK, args->n - block);

			CHECK_FOR_INTERRUPTS();
			CsSquaredDistances(args->d, GROUP, x, CS_BLOCK_ROWS, n, points + (Size) block * args->d,
							   distance);
			TakeRoots(n * GROUP, distance);
			ChooseKernel(AddDistances) (n, distance, args->nlabelings,
										slots + (Size) block * args->nlabelings, sums);
		}
		for (int row = first; row < Min(first + GROUP, args->n); row++)
			for (int l = 0; l < args->nlabelings; l++)
				widths[(Size) l * args->n + row] =
					WidthOfRow(args, counts, sums + (row - first), l,
							   slots[(Size) row * args->nlabelings + l]);
	}
}

/* The sizes and offsets of the area; returns its bytes. */
static Size
PlanArea(SilhouettesArgs *args)
{
	Size		n = (Size) args->n,
				total;

	args->points = 0;
	args->slots = total = CACHELINEALIGN(mul_size(sizeof(double) * n, args->d));
	args->counts = total = CACHELINEALIGN(add_size(total, sizeof(int32) * n * args->nlabelings));
	args->widths = total = CACHELINEALIGN(add_size(total, sizeof(int32) * args->nslots));
	return add_size(total, sizeof(double) * n * args->nlabelings);
}

/* Bytes that CsSilhouettesOfLabelings() takes for so many rows and labelings of k segments at most. */
Size
CsSilhouettesMemory(int64 nrows, int ncolumns, int nlabelings, int k)
{
	SilhouettesArgs args = {.n = (int) nrows,.d = ncolumns,.nlabelings = nlabelings,
	.nslots = nlabelings * k};

	return add_size(PlanArea(&args), sizeof(CsMatrix));
}

/* Fill in the rows, and their segments, which are counted. */
static void
LayOut(CsArena *arena, const CsMatrix *rows, const CsLabeling *labelings, const SilhouettesArgs *args)
{
	double	   *points = Part(arena, args, points);
	int32	   *slots = Part(arena, args, slots),
			   *counts = Part(arena, args, counts);

	memset(counts, 0, sizeof(int32) * args->nslots);
	for (int i = 0; i < args->n; i++)
		CsMatrixGetRow(rows, arena, i, points + (Size) i * args->d);
	for (int l = 0; l < args->nlabelings; l++)
	{
		const int32 *labels = CsArenaAddress(arena, labelings[l].labels);

		for (int i = 0; i < args->n; i++)
		{
			int32		slot = args->first[l] + labels[i];

			slots[(Size) i * args->nlabelings + l] = slot;
			counts[slot]++;
		}
	}
}

/* The mean of a labeling's widths; NaN with fewer than two segments, or as many as rows. */
static double
MeanWidth(const SilhouettesArgs *args, const int32 *counts, const double *widths, int labeling)
{
	double		sum = 0;
	int			segments = 0;

	for (int s = args->first[labeling]; s < args->first[labeling + 1]; s++)
		segments += counts[s] > 0;
	if (segments < 2 || segments >= args->n)
		return NAN;
	for (int i = 0; i < args->n; i++)
		sum += widths[(Size) labeling * args->n + i];
	return sum / args->n;
}

/*
 * Mean silhouette widths of labelings, CS_MAX_LABELINGS at most, in which every row has a segment;
 * NaN where one is not defined.  OUT mean[nlabelings].
 */
void
CsSilhouettesOfLabelings(CsTeam *team, const CsMatrix *rows, const CsLabeling *labelings, int nlabelings,
						 double *mean)
{
	CsArena    *arena = CsTeamArena(team);
	SilhouettesArgs args = {.n = (int) rows->nrows,.d = rows->ncolumns,.nlabelings = nlabelings};

	if (nlabelings == 0)
		return;
	for (int l = 0; l < nlabelings; l++)
		args.first[l + 1] = args.first[l] + labelings[l].k;
	args.nslots = args.first[nlabelings];
	args.area = CsArenaAlloc(arena, PlanArea(&args));
	args.matrix = CsMatrixShare(rows, arena);
	LayOut(arena, rows, labelings, &args);
	CsTeamRun(team, CS_TASK(CsSilhouettesTask), &args, sizeof(args), CS_LANES);
	for (int l = 0; l < nlabelings; l++)
		mean[l] = MeanWidth(&args, Part(arena, &args, counts), Part(arena, &args, widths), l);
	CsArenaFree(arena, args.matrix);
	CsArenaFree(arena, args.area);
}
