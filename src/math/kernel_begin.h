/*
 * kernel_begin.h
 *	  Start of a template of kernels: names for the width that KERNEL_WIDTH says; see kernel.h.
 */
#include "math/kernel.h"

#define Row KernelJoinNames(CsRow, KERNEL_WIDTH)
#define RowMask KernelJoinNames(CsRowMask, KERNEL_WIDTH)
#define RowF KernelJoinNames(CsRowF, KERNEL_WIDTH)
#define RowMaskF KernelJoinNames(CsRowMaskF, KERNEL_WIDTH)
#define KernelName(name) KernelJoinNames(name, KERNEL_WIDTH)

/* Vectors that eight rows are. */
#define KERNEL_PARTS (8 / KERNEL_WIDTH)

/* Numbers in single precision that a vector holds. */
#define KERNEL_FLOATS (2 * KERNEL_WIDTH)

#if KERNEL_WIDTH == 8
#define KERNEL __attribute__((target("avx512f")))
#elif KERNEL_WIDTH == 4
#define KERNEL __attribute__((target("avx2,fma")))
#else
#define KERNEL
#endif

/*
 * The lesser and the greater of two, row by row; of numbers only.  And 1 / sqrt(a) of normal numbers, estimated to
 * 11 bits at least.
 */
#if !defined(CS_WIDE_KERNELS)
#define LesserF(a, b) ChooseRowF((a) < (b), a, b)
#define GreaterF(a, b) ChooseRowF((a) > (b), a, b)
#define ReciprocalRootF(a) \
	((RowF) {1 / sqrtf((a)[0]), 1 / sqrtf((a)[1]), 1 / sqrtf((a)[2]), 1 / sqrtf((a)[3])})
#elif KERNEL_WIDTH == 8
#define LesserF(a, b) ((RowF) _mm512_min_ps((__m512) (a), (__m512) (b)))
#define GreaterF(a, b) ((RowF) _mm512_max_ps((__m512) (a), (__m512) (b)))
#define ReciprocalRootF(a) ((RowF) _mm512_rsqrt14_ps((__m512) (a)))
#elif KERNEL_WIDTH == 4
#define LesserF(a, b) ((RowF) _mm256_min_ps((__m256) (a), (__m256) (b)))
#define GreaterF(a, b) ((RowF) _mm256_max_ps((__m256) (a), (__m256) (b)))
#define ReciprocalRootF(a) ((RowF) _mm256_rsqrt_ps((__m256) (a)))
#else
#define LesserF(a, b) ((RowF) _mm_min_ps((__m128) (a), (__m128) (b)))
#define GreaterF(a, b) ((RowF) _mm_max_ps((__m128) (a), (__m128) (b)))
#define ReciprocalRootF(a) ((RowF) _mm_rsqrt_ps((__m128) (a)))
#endif
