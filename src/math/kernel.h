/*
 * kernel.h
 *	  Kernels that spell out their vectors, compiled once for each instruction set.
 *
 * CS_CLONES leaves the width of vectors to the compiler.  That is right for loops it vectorises
 * itself.  Where sums must stay in registers a kernel spells its vectors out, and then their width
 * must be the machine's: GCC keeps wider ones in memory, and such code is 8 to 40 times slower.
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
 * between, Row is a vector of KERNEL_WIDTH numbers and RowMask one of as many masks; RowF and
 * RowMaskF are their like in single precision, of KERNEL_FLOATS.  KERNEL is the attribute of its
 * functions and KernelName() makes a function's name from its own.  ChooseKernel(NAME), outside,
 * is the one of the machine's width.
 *
 * The bits are the same at any width.  What belongs to one row is computed in a fixed order, however
 * many rows are at it side by side.  A sum over rows takes them eight at a time, as KERNEL_PARTS
 * vectors, so that it is the same eight running sums on every machine.
 */
#ifndef CUSTSEG_KERNEL_H
#define CUSTSEG_KERNEL_H

#include "custseg.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)
#define CS_WIDE_KERNELS
#include <immintrin.h>
#endif

typedef double CsRow2 __attribute__((vector_size(16), aligned(8)));
typedef int64 CsRowMask2 __attribute__((vector_size(16), aligned(8)));
typedef float CsRowF2 __attribute__((vector_size(16), aligned(4)));
typedef int32 CsRowMaskF2 __attribute__((vector_size(16), aligned(4)));

typedef double CsRow4 __attribute__((vector_size(32), aligned(8)));
typedef int64 CsRowMask4 __attribute__((vector_size(32), aligned(8)));
typedef float CsRowF4 __attribute__((vector_size(32), aligned(4)));
typedef int32 CsRowMaskF4 __attribute__((vector_size(32), aligned(4)));

typedef double CsRow8 __attribute__((vector_size(64), aligned(8)));
typedef int64 CsRowMask8 __attribute__((vector_size(64), aligned(8)));
typedef float CsRowF8 __attribute__((vector_size(64), aligned(4)));
typedef int32 CsRowMaskF8 __attribute__((vector_size(64), aligned(4)));

/* Joins names after their macros are expanded, which CppConcat does not. */
#define KernelJoinNames(a, b) CppConcat(a, b)

#define LoadRow(p) (*(const Row *) (p))
#define StoreRow(p, value) (*(Row *) (p) = (value))
#define LoadRowF(p) (*(const RowF *) (p))
#define StoreRowF(p, value) (*(RowF *) (p) = (value))
#define StoreMaskF(p, value) (*(RowMaskF *) (p) = (value))

/* yes where the mask is set (-1), else no */
#define ChooseRow(mask, yes, no) \
	((Row) (((mask) & (RowMask) (yes)) | (~(mask) & (RowMask) (no))))
#define ChooseRowF(mask, yes, no) \
	((RowF) (((mask) & (RowMaskF) (yes)) | (~(mask) & (RowMaskF) (no))))

/* Sum of eight numbers that lie side by side, always in the same order. */
#define SumOfEight(s) \
	((((s)[0] + (s)[1]) + ((s)[2] + (s)[3])) + (((s)[4] + (s)[5]) + ((s)[6] + (s)[7])))

/*
 * The width to use: of the widest vectors that this machine has, 8, 4 or 2.  Those of 4 come with
 * fused multiplication and addition, which filter.c profits from; other files are compiled without.
 */
static inline int
CsKernelWidth(void)
{
#ifdef CS_WIDE_KERNELS
	if (__builtin_cpu_supports("avx512f"))
		return 8;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return 4;
#endif
	return 2;
}

/* Of NAME8, NAME4 and NAME2, which are functions or pointers, the one for this machine. */
#ifdef CS_WIDE_KERNELS
#define ChooseKernel(name) \
	(CsKernelWidth() == 8 ? name##8 : CsKernelWidth() == 4 ? name##4 : name##2)
#else
#define ChooseKernel(name) name##2
#endif

#endif							/* CUSTSEG_KERNEL_H */
