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

/*
 * Scores of SCORE_ROWS rows, whose columns lie "stride" floats apart, and "nc" (at most SCORE_CENTERS) centres;
 * inlined with a constant nc.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(TileScores) (int d, const float *z, int stride, int nc, const float *form,
						RowF score[SCORE_CENTERS][2])
{
	for (int c = 0; c < nc; c++)
		for (int half = 0; half < 2; half++)
			score[c][half] = (RowF) {0} + form[c * (d + 1)];
	for (int j = 0; j < d; j++)
	{
		RowF		a = LoadRowF(z + j * stride);
		RowF		b = LoadRowF(z + j * stride + KERNEL_FLOATS);

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
KernelName(RankCenters) (int d, const float *z, int stride, int c, int nc, const float *form,
						 KernelName(Ranking) ranking[2])
{
	RowF		score[SCORE_CENTERS][2];

	KernelName(TileScores) (d, z, stride, nc, form + (Size) c * (d + 1), score);
	for (int i = 0; i < nc; i++)
		for (int half = 0; half < 2; half++)
			KernelName(Rank) (&ranking[half], &score[i][half], c + i);
}

/* Rank all centres for SCORE_ROWS rows, in groups of at most SCORE_CENTERS, which are as even as can be. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(RankRows) (int d, const float *z, int stride, int k, const float *form,
					  KernelName(Ranking) ranking[2])
{
	int			groups = (k + SCORE_CENTERS - 1) / SCORE_CENTERS,
				nc;

	for (int half = 0; half < 2; half++)
	{
		ranking[half].best = ranking[half].second = (RowF) {0} + HUGE_VALF;
		ranking[half].at = (RowMaskF) {0};
	}
	for (int c = 0; c < k; c += nc)
	{
		nc = (k - c + groups - 1) / groups;
		groups--;
		switch (nc)
		{
			case 6:
				KernelName(RankCenters) (d, z, stride, c, 6, form, ranking);
				break;
			case 5:
				KernelName(RankCenters) (d, z, stride, c, 5, form, ranking);
				break;
			case 4:
				KernelName(RankCenters) (d, z, stride, c, 4, form, ranking);
				break;
			case 3:
				KernelName(RankCenters) (d, z, stride, c, 3, form, ranking);
				break;
			case 2:
				KernelName(RankCenters) (d, z, stride, c, 2, form, ranking);
				break;
			default:
				KernelName(RankCenters) (d, z, stride, c, 1, form, ranking);
		}
	}
}

/* Bytes for a vector of rows. */
typedef uint8 KernelName(Bytes) __attribute__((vector_size(KERNEL_FLOATS), aligned(1)));

/*
 * Margins of a vector of rows in units: by how much less the best centre is certainly nearer than any other, from
 * the difference of squared distances that is certain at least, and from what the squared distance to the best is
 * at most.  That of a row which is not sure is 0.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(StoreMargins) (RowF difference, RowF nearest, RowMaskF sure, const CsFilterUnits *units, uint8 *margin)
{
	RowF		gap = difference * ReciprocalRootF(4 * nearest + 2 * difference) * (float) ROOT_PART;
	RowF		in_units = LesserF((RowF) {0} + 255, gap * units->per_unit + units->offset);
	RowMaskF	whole = __builtin_convertvector(ChooseRowF(sure, in_units, (RowF) {0}), RowMaskF);

	*(KernelName(Bytes) *) margin = __builtin_convertvector(whole, KernelName(Bytes));
}

/* Bits of the rows of a vector whose labels differ. */
KERNEL static inline __attribute__((always_inline)) uint32
KernelName(Differing) (RowMaskF a, RowMaskF b)
{
#if !defined(CS_WIDE_KERNELS)
	uint32		bits = 0;

	for (int i = 0; i < KERNEL_FLOATS; i++)
		bits |= (uint32) (a[i] != b[i]) << i;
	return bits;
#elif KERNEL_WIDTH == 8
	return _mm512_cmpneq_epi32_mask((__m512i) a, (__m512i) b);
#elif KERNEL_WIDTH == 4
	return _mm256_movemask_ps((__m256) (a != b));
#else
	return _mm_movemask_ps((__m128) (a != b));
#endif
}

/* List the rows of a vector that change their label; returns how many. */
KERNEL static inline __attribute__((always_inline)) int
KernelName(ListChanges) (RowMaskF before, RowMaskF found, RowMaskF number, int *row, int32 *label)
{
	uint32		bits = KernelName(Differing) (before, found);
	int			n = 0;

#if KERNEL_WIDTH == 8
	_mm512_storeu_si512(row, _mm512_maskz_compress_epi32(bits, (__m512i) number));
	_mm512_storeu_si512(label, _mm512_maskz_compress_epi32(bits, (__m512i) found));
	n = __builtin_popcount(bits);
#else
	for (; bits != 0; bits &= bits - 1)
	{
		int			i = __builtin_ctz(bits);

		row[n] = number[i];
		label[n++] = found[i];
	}
#endif
	return n;
}

/*
 * Labels of SCORE_ROWS rows, -1 where the difference of the best two is not more than "certain"; with "units"
 * margins, too, of rows whose squared lengths are given.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(LabelRows) (int d, const float *z, int stride, const float *length, int k, const float *form,
					   float certain, const CsFilterUnits *units, RowMaskF label[2], uint8 *margin)
{
	KernelName(Ranking) ranking[2];

	KernelName(RankRows) (d, z, stride, k, form, ranking);
	for (int half = 0; half < 2; half++)
	{
		int			r = half * KERNEL_FLOATS;
		RowF		difference = ranking[half].second - ranking[half].best;
		RowMaskF	sure = difference > (RowF) {0} + certain;

		label[half] = (sure & ranking[half].at) | ~sure;
		if (units)
		{
			RowF		nearest = ranking[half].best + LoadRowF(length + r) * LongestLength(d) + certain;

			KernelName(StoreMargins) (difference - certain, GreaterF(nearest, (RowF) {0} + certain), sure, units,
									  margin + r);
		}
	}
}

/* Labels of vectors of rows, as they are kept and as they are compared. */
typedef uint16 KernelName(Labels) __attribute__((vector_size(2 * KERNEL_FLOATS), aligned(2)));

/* See CsFilterChanges(). */
KERNEL static inline __attribute__((always_inline)) int
KernelName(ChangesOfAll) (int d, int nrows, const float *z, const float *reach, const float *length, int k,
						  const float *form, const CsFilterUnits *units, const uint16 *label, uint8 *margin, int *row,
						  int32 *found)
{
	int			n = 0;
	RowMaskF	number;

	for (int i = 0; i < KERNEL_FLOATS; i++)
		number[i] = i;
	for (int tile = 0; tile * TILE < nrows; tile++)
	{
		float		certain = CertainDifference(d, reach[tile], form[0]);
		CsFilterUnits its = {0};

		if (units)
			its = UnitsOfTile(units, reach[tile], form[0]);
		for (int r = tile * TILE; r < (tile + 1) * TILE; r += SCORE_ROWS)
		{
			RowMaskF	labels[2];

			KernelName(LabelRows) (d, z + (Size) tile * TILE * d + r % TILE, TILE, length + r, k, form + 1, certain,
								   units ? &its : NULL, labels, margin + r);
			for (int half = 0; half < 2; half++, number += KERNEL_FLOATS)
			{
				const KernelName(Labels) *before = (const void *) (label + r + half * KERNEL_FLOATS);

				n += KernelName(ListChanges) (__builtin_convertvector(*before, RowMaskF), labels[half], number,
											  row + n, found + n);
			}
		}
	}
	while (n > 0 && row[n - 1] >= nrows)
		n--;
	return n;
}

/* See CsFilterChanges(). */
KERNEL static int
KernelName(FilterChanges) (int d, int nrows, const float *z, const float *reach, const float *length, int k,
						   const float *form, const CsFilterUnits *units, const uint16 *label, uint8 *margin, int *row,
						   int32 *found)
{
	if (units == NULL)
		return KernelName(ChangesOfAll) (d, nrows, z, reach, length, k, form, NULL, label, margin, row, found);
	return KernelName(ChangesOfAll) (d, nrows, z, reach, length, k, form, units, label, margin, row, found);
}

/* Label the first n gathered rows, at most SCORE_ROWS, and list those that change. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(LabelGathered) (int d, int n, CsFilterGathered *g)
{
	RowMaskF	labels[2];
	uint8		margins[SCORE_ROWS];

#if KERNEL_WIDTH == 8
	if (g->shorts)
		LabelGatheredShorts(d, g, labels, margins);
	else
#endif
		KernelName(LabelRows) (d, g->z, GATHERED_STRIDE, g->length, g->k, g->form, g->certain, &g->units, labels,
							   margins);
	for (int i = 0; i < n; i++)
		g->margin[g->row[i]] = margins[i];
	for (int half = 0; half < 2; half++)
		g->listed += KernelName(ListChanges) (*(const RowMaskF *) (g->label + half * KERNEL_FLOATS), labels[half],
											  *(const RowMaskF *) (g->row + half * KERNEL_FLOATS),
											  g->change + g->listed, g->found + g->listed);
}

#if KERNEL_WIDTH == 8
/*
 * Add the rows that the index says first, at most "most" and that 4, 8 or 16, of 16 rows from r on to those that are
 * gathered; inlined with a constant.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(AppendRows) (int most, __m512i index, int d, const float *z, const float *length, const uint16 *label,
						int r, CsFilterGathered *g)
{
	const float *from = z + (Size) (r / TILE) * TILE * d + r % TILE;
	float	   *to = g->z + g->n;
	__m512i		number = _mm512_add_epi32(index, _mm512_set1_epi32(r)),
				labels = _mm512_permutexvar_epi32(index, _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) (label + r))));

	for (int j = 0; j < d; j++)
	{
		__m512		wanted = _mm512_permutexvar_ps(index, _mm512_loadu_ps(from + (Size) j * TILE));

		if (most == 4)
			_mm_storeu_ps(to + (Size) j * GATHERED_STRIDE, _mm512_castps512_ps128(wanted));
		else if (most == 8)
			_mm256_storeu_ps(to + (Size) j * GATHERED_STRIDE, _mm512_castps512_ps256(wanted));
		else
			_mm512_storeu_ps(to + (Size) j * GATHERED_STRIDE, wanted);
	}
	if (g->shorts)
		_mm512_storeu_si512(g->length + g->n, _mm512_set1_epi32(g->level[r / TILE]));
	else
		_mm512_storeu_ps(g->length + g->n, _mm512_permutexvar_ps(index, _mm512_loadu_ps(length + r)));
	_mm512_storeu_si512(g->row + g->n, number);
	_mm512_storeu_si512(g->label + g->n, labels);
}

/* Take the first SCORE_ROWS gathered rows away; fewer than a vector follow. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(DropRows) (int d, CsFilterGathered *g)
{
	for (int j = 0; j < d; j++)
		StoreRowF(g->z + (Size) j * GATHERED_STRIDE, LoadRowF(g->z + (Size) j * GATHERED_STRIDE + SCORE_ROWS));
	StoreRowF(g->length, LoadRowF(g->length + SCORE_ROWS));
	StoreMaskF(g->row, *(const RowMaskF *) (g->row + SCORE_ROWS));
	StoreMaskF(g->label, *(const RowMaskF *) (g->label + SCORE_ROWS));
	g->n -= SCORE_ROWS;
}

/* Add the flagged ones of 16 rows, from r on, to those that are gathered. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(GatherFlagged) (int d, const float *z, const float *length, const uint8 *flags, const uint16 *label, int r,
						   CsFilterGathered *g)
{
	__m512i		wide = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *) (flags + r)));
	__mmask16	wanted = _mm512_test_epi32_mask(wide, wide);
	__m512i		index = _mm512_maskz_compress_epi32(wanted, _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
																			  14, 15));
	int			count = __builtin_popcount(wanted);

	if (count == 0)
		return;
	if (count <= 4)
		KernelName(AppendRows) (4, index, d, z, length, label, r, g);
	else if (count <= 8)
		KernelName(AppendRows) (8, index, d, z, length, label, r, g);
	else
		KernelName(AppendRows) (16, index, d, z, length, label, r, g);
	g->n += count;
	if (g->n < SCORE_ROWS)
		return;
	KernelName(LabelGathered) (d, SCORE_ROWS, g);
	KernelName(DropRows) (d, g);
}
#else
/* Add the flagged ones of KERNEL_FLOATS rows, from r on, to those that are gathered. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(GatherFlagged) (int d, const float *z, const float *length, const uint8 *flags, const uint16 *label, int r,
						   CsFilterGathered *g)
{
	const float *from = z + (Size) (r / TILE) * TILE * d + r % TILE;

	for (int i = 0; i < KERNEL_FLOATS; i++)
	{
		if (!flags[r + i])
			continue;
		for (int j = 0; j < d; j++)
			g->z[(Size) j * GATHERED_STRIDE + g->n] = from[(Size) j * TILE + i];
		g->length[g->n] = length[r + i];
		g->label[g->n] = label[r + i];
		g->row[g->n++] = r + i;
		if (g->n < SCORE_ROWS)
			continue;
		KernelName(LabelGathered) (d, SCORE_ROWS, g);
		g->n = 0;
	}
}
#endif

/* Label the flagged rows of a block in groups; returns how many changes are listed. */
KERNEL static inline int
KernelName(LookAtFlagged) (int d, int nrows, const float *z, const float *length, const uint8 *flags,
						   const uint16 *label, CsFilterGathered *g)
{
	for (int r = 0; r < nrows; r += KERNEL_FLOATS)
		KernelName(GatherFlagged) (d, z, length, flags, label, r, g);
	if (g->n == 0)
		return g->listed;
	for (int i = g->n; i < SCORE_ROWS; i++)
	{
		for (int j = 0; j < d; j++)
			g->z[(Size) j * GATHERED_STRIDE + i] = 0;
		g->length[i] = 0;
		g->row[i] = nrows;
		g->label[i] = -1;
	}
	KernelName(LabelGathered) (d, g->n, g);
	while (g->listed > 0 && g->change[g->listed - 1] >= nrows)
		g->listed--;
	return g->listed;
}

/* See CsFilterSome(). */
KERNEL static int
KernelName(FilterSome) (int d, int nrows, const float *z, const float *reach, const float *length,
						const uint8 *flags, int k, const float *form, const CsFilterUnits *units, const uint16 *label,
						uint8 *margin, float *scratch, int *row, int32 *found)
{
	float		longest = LongestOf(CS_FILTER_ROWS(nrows) / TILE, reach);
	CsFilterGathered gathered = {
		.k = k,.form = form + 1,.certain = CertainDifference(d, longest, form[0]),
		.units = UnitsOfTile(units, longest, form[0]),.z = scratch,.margin = margin,.change = row,.found = found
	};

	return KernelName(LookAtFlagged) (d, nrows, z, length, flags, label, &gathered);
}

#include "math/kernel_end.h"
