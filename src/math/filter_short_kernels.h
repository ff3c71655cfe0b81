/*
 * filter_short_kernels.h
 *	  Kernels of the filter for rows in integers of 16 bits: filter.c includes it beside those of the widest vectors.
 *
 * Rows are ranked by scores whose lowest bits are the number of their centre, so that a minimum says which one it is of.
 */

#define SHORT_KERNEL __attribute__((target("avx512f,avx512vnni")))
#define SHORT_VECTOR 16

/* The best two scores of a vector of rows so far. */
typedef struct ShortRanking
{
	__m512i		best,
				second;
} ShortRanking;

/* Let the scores of a centre in; "c" is known to the compiler where it is one of the first two. */
SHORT_KERNEL static inline __attribute__((always_inline)) void
RankShort(ShortRanking *ranking, __m512i score, int c, bool first)
{
	/* the score with its lowest bits replaced */
	score = _mm512_ternarylogic_epi32(score, _mm512_set1_epi32(SHORT_NUMBERS - 1), _mm512_set1_epi32(c), 0xba);
	if (first && c == 0)
	{
		ranking->best = score;
		return;
	}
	if (first && c == 1)
		ranking->second = _mm512_max_epi32(ranking->best, score);
	else
		ranking->second = _mm512_min_epi32(ranking->second, _mm512_max_epi32(ranking->best, score));
	ranking->best = _mm512_min_epi32(ranking->best, score);
}

/*
 * Score "nc" centres from number c on for SCORE_ROWS rows, whose pairs of columns lie "stride" integers apart, and rank
 * them.  All rows are of one level, or level[] says each one's.  Inlined with a constant nc.
 */
SHORT_KERNEL static inline __attribute__((always_inline)) void
RankShortCenters(int d, const int32 *pairs, int stride, int c, int nc, bool first, const CsShortForm *form, int level,
				 const int32 *levels, ShortRanking ranking[2])
{
	const int32 *center = form->center + SHORT_CENTER(d) * (Size) c;
	CsRowMaskF8 score[SCORE_CENTERS][2];	/* as integers of 32 bits: as __m512i each is copied for each product */

	for (int i = 0; i < nc; i++)
		for (int half = 0; half < 2; half++)
		{
			const int32 *its = center + SHORT_CENTER(d) * (Size) i;

			score[i][half] = (CsRowMaskF8) (levels == NULL ? _mm512_set1_epi32(its[level]) :
											_mm512_permutexvar_epi32(_mm512_loadu_si512(levels + half * SHORT_VECTOR),
																	 _mm512_loadu_si512(its)));
		}
	for (int j = 0; j < SHORT_PAIRS(d); j++)
	{
		__m512i		a = _mm512_loadu_si512(pairs + (Size) j * stride),
					b = _mm512_loadu_si512(pairs + (Size) j * stride + SHORT_VECTOR);

		for (int i = 0; i < nc; i++)
		{
			__m512i		column = _mm512_set1_epi32(center[SHORT_CENTER(d) * (Size) i + SHORT_LEVELS + j]);

			score[i][0] = (CsRowMaskF8) _mm512_dpwssd_epi32((__m512i) score[i][0], a, column);
			score[i][1] = (CsRowMaskF8) _mm512_dpwssd_epi32((__m512i) score[i][1], b, column);
		}
	}
	for (int i = 0; i < nc; i++)
		for (int half = 0; half < 2; half++)
			RankShort(&ranking[half], (__m512i) score[i][half], c + i, first);
}

/* RankShortCenters() of 1 to SCORE_CENTERS centres. */
SHORT_KERNEL static inline __attribute__((always_inline)) void
RankShortGroup(int d, const int32 *pairs, int stride, int c, int nc, bool first, const CsShortForm *form, int level,
			   const int32 *levels, ShortRanking ranking[2])
{
	switch (nc)
	{
		case 6:
			RankShortCenters(d, pairs, stride, c, 6, first, form, level, levels, ranking);
			break;
		case 5:
			RankShortCenters(d, pairs, stride, c, 5, first, form, level, levels, ranking);
			break;
		case 4:
			RankShortCenters(d, pairs, stride, c, 4, first, form, level, levels, ranking);
			break;
		case 3:
			RankShortCenters(d, pairs, stride, c, 3, first, form, level, levels, ranking);
			break;
		case 2:
			RankShortCenters(d, pairs, stride, c, 2, first, form, level, levels, ranking);
			break;
		default:
			RankShortCenters(d, pairs, stride, c, 1, first, form, level, levels, ranking);
	}
}

/* Rank all centres for SCORE_ROWS rows, in groups as even as can be. */
SHORT_KERNEL static inline __attribute__((always_inline)) void
RankShortRows(int d, const int32 *pairs, int stride, int k, const CsShortForm *form, int level, const int32 *levels,
			  ShortRanking ranking[2])
{
	int			groups = (k + SCORE_CENTERS - 1) / SCORE_CENTERS,
				nc = (k + groups - 1) / groups;

	ranking[0].second = ranking[1].second = _mm512_set1_epi32(PG_INT32_MAX);
	RankShortGroup(d, pairs, stride, 0, nc, true, form, level, levels, ranking);
	for (int c = nc; c < k; c += nc)
	{
		groups--;
		nc = (k - c + groups - 1) / groups;
		RankShortGroup(d, pairs, stride, c, nc, false, form, level, levels, ranking);
	}
}

/* A table by level, at the level of each row of a half. */
SHORT_KERNEL static inline __attribute__((always_inline)) __m512
AtLevels(const float *table, int level, const int32 *levels, int half)
{
	if (levels == NULL)
		return _mm512_set1_ps(table[level]);
	return _mm512_permutexvar_ps(_mm512_loadu_si512(levels + half * SHORT_VECTOR), _mm512_loadu_ps(table));
}

/* Squared lengths of a vector of rows in steps. */
SHORT_KERNEL static inline __attribute__((always_inline)) __m512
SquaredSteps(int d, const int32 *pairs, int stride)
{
	__m512i		sum = _mm512_setzero_si512();

	for (int j = 0; j < SHORT_PAIRS(d); j++)
	{
		__m512i		column = _mm512_loadu_si512(pairs + (Size) j * stride);

		sum = _mm512_dpwssd_epi32(sum, column, column);
	}
	return _mm512_cvtepi32_ps(sum);
}

/* Labels of SCORE_ROWS rows in integers, and with "units" their margins, as LabelRows() gives those of floats. */
SHORT_KERNEL static inline __attribute__((always_inline)) void
LabelShorts(int d, const int32 *pairs, int stride, int k, const CsShortForm *form, int level, const int32 *levels,
			const CsFilterUnits *units, CsRowMaskF8 label[2], uint8 *margin)
{
	ShortRanking ranking[2];

	RankShortRows(d, pairs, stride, k, form, level, levels, ranking);
	for (int half = 0; half < 2; half++)
	{
		__m512i		bound = _mm512_castps_si512(AtLevels((const float *) form->bound, level, levels, half)),
					difference = _mm512_sub_epi32(ranking[half].second, ranking[half].best);
		__mmask16	sure = _mm512_cmpgt_epu32_mask(difference, bound);

		label[half] = (CsRowMaskF8) _mm512_mask_and_epi32(_mm512_set1_epi32(-1), sure, ranking[half].best,
														   _mm512_set1_epi32(SHORT_NUMBERS - 1));
		if (units)
		{
			CsRowF8		unit = (CsRowF8) AtLevels(form->unit, level, levels, half),
						square = (CsRowF8) AtLevels(form->square, level, levels, half),
						certain = (CsRowF8) _mm512_cvtepu32_ps(bound) * unit,
						gap = (CsRowF8) _mm512_cvtepu32_ps(_mm512_sub_epi32(difference, bound)) * unit,
						length = ((CsRowF8) SquaredSteps(d, pairs + half * SHORT_VECTOR, stride) + form->hidden) * square,
						nearest = (CsRowF8) _mm512_cvtepi32_ps(ranking[half].best) * unit + length + certain;

			StoreMargins8(gap, (CsRowF8) _mm512_max_ps((__m512) nearest, (__m512) certain),
						  (CsRowMaskF8) _mm512_maskz_set1_epi32(sure, -1), units, margin + half * SHORT_VECTOR);
		}
	}
}

/* LabelShorts() of SCORE_ROWS rows that are gathered, of which there are so many pairs of columns. */
SHORT_KERNEL static void
LabelGatheredShorts(int npairs, const CsFilterGathered *g, CsRowMaskF8 label[2], uint8 *margin)
{
	LabelShorts(2 * npairs, (const int32 *) g->z, GATHERED_STRIDE, g->k, g->shorts, 0, (const int32 *) g->length, &g->units,
				label, margin);
}

/* See CsShortChanges(). */
SHORT_KERNEL static inline __attribute__((always_inline)) int
ChangesOfAllShorts(int d, int nrows, const int32 *pairs, const uint8 *level, int k, const CsShortForm *form,
				   const CsFilterUnits *units, const uint16 *label, uint8 *margin, const CsFetch *fetch, int *row,
				   int32 *found)
{
	int			n = 0;
	const char *next = fetch->next;
	const CsRowMaskF8 number = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

	for (int tile = 0; tile * TILE < nrows; tile++)
	{
		CsFilterUnits its = {0};
		CsRowMaskF8 before[2],
					labels[2];

		for (int line = 0; line < fetch->lines; line++, next += CS_FETCH_LINE)
			__builtin_prefetch(next);
		if (units)
			its = UnitsOfTile(units, form->reach[level[tile]], form->longest);
		LabelShorts(d, pairs + (Size) tile * TILE * SHORT_PAIRS(d), TILE, k, form, level[tile], NULL,
					units ? &its : NULL, labels, margin + tile * TILE);
		for (int half = 0; half < 2; half++)
			before[half] = (CsRowMaskF8) _mm512_cvtepu16_epi32(
				_mm256_loadu_si256((const void *) (label + tile * TILE + half * SHORT_VECTOR)));
		/* in most tiles no row changes its label, and to write down none takes almost as long as the look */
		if ((Differing8(before[0], labels[0]) | Differing8(before[1], labels[1])) == 0)
			continue;
		for (int half = 0; half < 2; half++)
			n += ListChanges8(before[half], labels[half], number + (tile * TILE + half * SHORT_VECTOR), row + n, found + n);
	}
	while (n > 0 && row[n - 1] >= nrows)
		n--;
	return n;
}

/* See CsShortChanges(). */
SHORT_KERNEL static int
ShortChanges(int d, int nrows, const int32 *pairs, const uint8 *level, int k, const CsShortForm *form,
			 const CsFilterUnits *units, const uint16 *label, uint8 *margin, const CsFetch *fetch, int *row,
			 int32 *found)
{
	if (units == NULL)
		return ChangesOfAllShorts(d, nrows, pairs, level, k, form, NULL, label, margin, fetch, row, found);
	return ChangesOfAllShorts(d, nrows, pairs, level, k, form, units, label, margin, fetch, row, found);
}
