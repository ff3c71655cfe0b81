/*
 * kernel_begin.h
 *	  Start of a template of kernels: names for the width that KERNEL_WIDTH says; see kernel.h.
 */
#include "math/kernel.h"

#define Row KernelJoinNames(CsRow, KERNEL_WIDTH)
#define RowMask KernelJoinNames(CsRowMask, KERNEL_WIDTH)
#define KernelName(name) KernelJoinNames(name, KERNEL_WIDTH)

/* Vectors that eight rows are. */
#define KERNEL_PARTS (8 / KERNEL_WIDTH)

#if KERNEL_WIDTH == 8
#define KERNEL __attribute__((target("avx512f")))
#elif KERNEL_WIDTH == 4
#define KERNEL __attribute__((target("avx2")))
#else
#define KERNEL
#endif
