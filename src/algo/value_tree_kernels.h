/*
 * value_tree_kernels.h
 *	  Kernels of trees that are asked in registers: the template that value_tree.c includes for each width.
 */
#include "math/kernel_begin.h"

/* Of each number "left" where it is below the threshold, else "right". */
KERNEL static inline __attribute__((always_inline)) RowF
KernelName(ChooseSide) (RowF x, float threshold, RowF left, RowF right)
{
#if defined(CS_WIDE_KERNELS) && KERNEL_WIDTH == 8
	return (RowF) _mm512_mask_blend_ps(_mm512_cmp_ps_mask((__m512) x, _mm512_set1_ps(threshold), _CMP_LT_OQ),
									   (__m512) right, (__m512) left);
#elif defined(CS_WIDE_KERNELS) && KERNEL_WIDTH == 4
	return (RowF) _mm256_blendv_ps((__m256) right, (__m256) left,
								   _mm256_cmp_ps((__m256) x, _mm256_set1_ps(threshold), _CMP_LT_OQ));
#else
	return ChooseRowF(x < threshold, left, right);
#endif
}

/* What the split i of a tree says of the rows from r on, of which both children are leaves. */
KERNEL static inline __attribute__((always_inline)) RowF
KernelName(Say1) (const CsFlatTree *tree, int i, int r)
{
	const float *leaf = tree->leaf + 2 * i + 1 - FLAT_SPLITS;

	return KernelName(ChooseSide) (LoadRowF(tree->x[i] + r), tree->threshold[i], leaf[0] - (RowF) {0},
								   leaf[1] - (RowF) {0});
}

/* The same of a split above others, by what its children say. */
#define SayAbove(above, below) \
KERNEL static inline __attribute__((always_inline)) RowF \
KernelName(above) (const CsFlatTree *tree, int i, int r) \
{ \
	return KernelName(ChooseSide) (LoadRowF(tree->x[i] + r), tree->threshold[i], \
								   KernelName(below) (tree, 2 * i + 1, r), KernelName(below) (tree, 2 * i + 2, r)); \
}

SayAbove(Say2, Say1)
SayAbove(Say3, Say2)
SayAbove(Say4, Say3)

/* What a tree says of n rows, a multiple of any width. */
KERNEL static void
KernelName(AskTree) (const CsFlatTree *tree, int n, float *said)
{
	for (int r = 0; r < n; r += KERNEL_FLOATS)
		StoreRowF(said + r, KernelName(Say4) (tree, 0, r));
}

#undef SayAbove

#include "math/kernel_end.h"
