/*
 * kernel.h
 *	  Kernels that spell out their vectors, compiled once for each instruction set.
 *
 * CS_CLONES leaves the width of vectors to the compiler.  That is right for loops it vectorises
 * itself.  Where sums must stay in registers a kernel spells its vectors out, and then their width
 * must be the machine's: GCC keeps wider ones in memory, and such code is 8 to 35 times slower.
 *
 * So such a kernel is a template, NAME_kernels.h, which its file includes once for each width:
 *
 *	#ifdef CS_WIDE_KERNELS
 *	#define KERNEL_WIDTH 8
 *	#include "NAME_kernels.h"
 *	#define KERNEL_WIDTH 4
 *	#include "NAME_kernels.h"
 *	#endif
 *	#define KERNEL_WIDTH 2
 *	#include "NAME_kernels.h"
 *
 * The template starts with #include "math/kernel_begin.h" and ends with "math/kernel_end.h".  In
 * between, Row is a vector of KERNEL_WIDTH numbers and RowMask one of as many masks, KERNEL is the
 * attribute of its functions and KernelName() makes a function's name from its own.  At run time
 * CsKernelWidth() says which width to call.
 *
 * Rows are taken eight at a time whatever the width, as KERNEL_PARTS vectors, so that a sum over
 * rows is the same eight running sums on every machine, and its bits are the same.
 */
#ifndef CUSTSEG_KERNEL_H
#define CUSTSEG_KERNEL_H

#include "custseg.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)
#define CS_WIDE_KERNELS
#endif

typedef double CsRow2 __attribute__((vector_size(16), aligned(8)));
typedef int64 CsRowMask2 __attribute__((vector_size(16), aligned(8)));
typedef double CsRow4 __attribute__((vector_size(32), aligned(8)));
typedef int64 CsRowMask4 __attribute__((vector_size(32), aligned(8)));
typedef double CsRow8 __attribute__((vector_size(64), aligned(8)));
typedef int64 CsRowMask8 __attribute__((vector_size(64), aligned(8)));

/* Joins names after their macros are expanded, which CppConcat does not. */
#define KernelJoinNames(a, b) CppConcat(a, b)

#define LoadRow(p) (*(const Row *) (p))
#define StoreRow(p, value) (*(Row *) (p) = (value))

/* yes where the mask is set (-1), else no */
#define ChooseRow(mask, yes, no) \
	((Row) (((mask) & (RowMask) (yes)) | (~(mask) & (RowMask) (no))))

/* Sum of eight numbers that lie side by side, always in the same order. */
#define SumOfEight(s) \
	((((s)[0] + (s)[1]) + ((s)[2] + (s)[3])) + (((s)[4] + (s)[5]) + ((s)[6] + (s)[7])))

/* The width to use: of the widest vectors that this machine has, 8, 4 or 2. */
static inline int
CsKernelWidth(void)
{
#ifdef CS_WIDE_KERNELS
	if (__builtin_cpu_supports("avx512f"))
		return 8;
	if (__builtin_cpu_supports("avx2"))
		return 4;
#endif
	return 2;
}

#endif							/* CUSTSEG_KERNEL_H */
