/*
 * custseg.h
 *	  What every room of custseg shares: limits, compiler marks, settings.
 *
 * Data flow: source -> data/ (relation, matrix) -> prep/ (pipeline) -> algo/ (fit) -> train/, catalog/
 * (a version) -> score/ (scorer, predict).  See docs/architecture.md.
 */
#ifndef CUSTSEG_H
#define CUSTSEG_H

/* Before 16, PostgreSQL does not mark exported symbols; the library hides the rest itself. */
#include "pg_config.h"
#if PG_VERSION_NUM < 160000 && defined(__GNUC__)
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

#include "postgres.h"
#include "compat.h"

#define CUSTSEG_VERSION "1.0"

/* Rows of a block: x[column * CS_BLOCK_ROWS + row], so that inner loops run over rows. */
#define CS_BLOCK_ROWS 1024

/*
 * In a loop: look for an interrupt once in 1,024 elements, by the number of the element.  The file includes
 * miscadmin.h.
 */
#define CsCheckInterrupts(i) \
	do { \
		if ((i) % 1024 == 0) \
			CHECK_FOR_INTERRUPTS(); \
	} while (0)

/* Most levels a categorical column keeps; the rest go under CS_OTHER_LEVEL. */
#define CS_MAX_LEVELS 64
#define CS_OTHER_LEVEL "other"

/* Most features of a model, and most columns of model space they may become. */
#define CS_MAX_FEATURES 4096
#define CS_MAX_OUTPUTS 4096

/* Most segments that can be asked for. */
#define CS_MAX_SEGMENTS 10000

/*
 * Compile a kernel for several instruction sets and let the loader choose.  Only for plain loops,
 * which the compiler puts into vectors of each set: where vectors are spelled out, see math/kernel.h.
 * Floating-point contraction is off, so every clone gives the same bits.
 */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
	!defined(__SANITIZE_ADDRESS__)
#define CS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CS_CLONES
#endif

/* custseg.cache_size, in kB: fitted models a backend keeps compiled (src/custseg.c) */
extern int	CsCacheSize;

/* custseg.processors: those that a team may count on, 0 for all that are online */
extern int	CsProcessors;

#endif							/* CUSTSEG_H */
