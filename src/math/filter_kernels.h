/*
 * filter_kernels.h
 *	  Kernels of the filter: the template that filter.c includes for each width.
 */
#include "math/kernel_begin.h"

/* The best two of a vector of rows so far. */
typedef struct KernelName(Ranking)
{
	RowF		best,
				second;
	RowMaskF	at;				/* number of the best */
} KernelName(Ranking);

/* Scores of SCORE_ROWS rows and "nc" (at most SCORE_CENTERS) centres; inlined with a constant nc. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(TileScores) (int d, const float *z, int nc, const float *form,
						RowF score[SCORE_CENTERS][2])
{
	for (int c = 0; c < nc; c++)
		for (int half = 0; half < 2; half++)
			score[c][half] = (RowF) {0} + form[c * (d + 1)];
	for (int j = 0; j < d; j++)
	{
		RowF		a = LoadRowF(z + j * TILE);
		RowF		b = LoadRowF(z + j * TILE + KERNEL_FLOATS);

		for (int c = 0; c < nc; c++)
		{
			score[c][0] += a * form[(Size) c * (d + 1) + 1 + j];
			score[c][1] += b * form[(Size) c * (d + 1) + 1 + j];
		}
	}
}

/* Let a centre's scores in; ties stay with the lower centre. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(Rank) (KernelName(Ranking) *ranking, const RowF *scores, int c)
{
	RowF		score = *scores;
	RowMaskF	closer = score < ranking->best;

	ranking->second = LesserF(GreaterF(score, ranking->best), ranking->second);
	ranking->best = LesserF(score, ranking->best);
	ranking->at = (closer & c) | (~closer & ranking->at);
}

/* Score "nc" centres, the first of which is number c, and rank them. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(RankCenters) (int d, const float *z, int c, int nc, const float *form,
						 KernelName(Ranking) ranking[2])
{
	RowF		score[SCORE_CENTERS][2];

	KernelName(TileScores) (d, z, nc, form + (Size) c * (d + 1), score);
	for (int i = 0; i < nc; i++)
		for (int half = 0; half < 2; half++)
			KernelName(Rank) (&ranking[half], &score[i][half], c + i);
}

/* Labels of SCORE_ROWS rows; see CsFilterNearest().  "certain" is what a difference must exceed. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(LabelRows) (int d, const float *z, int k, const float *form, float certain,
					   int32 *label)
{
	KernelName(Ranking) ranking[2];
	int			c;

	for (int half = 0; half < 2; half++)
	{
		ranking[half].best = ranking[half].second = (RowF) {0} + HUGE_VALF;
		ranking[half].at = (RowMaskF) {0};
	}
	for (c = 0; c + SCORE_CENTERS <= k; c += SCORE_CENTERS)
		KernelName(RankCenters) (d, z, c, SCORE_CENTERS, form, ranking);
	switch (k - c)
	{
		case 3:
			KernelName(RankCenters) (d, z, c, 3, form, ranking);
			break;
		case 2:
			KernelName(RankCenters) (d, z, c, 2, form, ranking);
			break;
		case 1:
			KernelName(RankCenters) (d, z, c, 1, form, ranking);
			break;
	}
	for (int half = 0; half < 2; half++)
	{
		RowMaskF	sure = ranking[half].second - ranking[half].best > (RowF) {0} + certain;

		StoreMaskF(label + half * KERNEL_FLOATS, (sure & ranking[half].at) | ~sure);
	}
}

/* See CsFilterNearest(). */
KERNEL static bool
KernelName(FilterNearest) (int d, int nrows, const float *z, const float *reach, int k,
						   const float *form, int32 *label)
{
	int32		signs = 0;

	for (int tile = 0; tile * TILE < nrows; tile++, z += (Size) TILE * d, label += TILE)
	{
		float		certain = CertainDifference(d, reach[tile], form[0]);

		for (int r = 0; r < TILE; r += SCORE_ROWS)
			KernelName(LabelRows) (d, z + r, k, form + 1, certain, label + r);
	}
	for (int r = -CS_FILTER_ROWS(nrows); r < 0; r++)
		signs |= label[r];
	return signs < 0;
}

#include "math/kernel_end.h"
