/*
 * lapack.h
 *	  The routines of LAPACK that custseg uses, as function pointers.
 */
#ifndef CUSTSEG_LAPACK_H
#define CUSTSEG_LAPACK_H

#include "custseg.h"

/* Eigenvalues and eigenvectors of a symmetric matrix. */
typedef void (*CsDsyevr) (const char *jobz, const char *range, const char *uplo, const int *n,
						  double *a, const int *lda, const double *vl, const double *vu,
						  const int *il, const int *iu, const double *abstol, int *m, double *w,
						  double *z, const int *ldz, int *isuppz, double *work, const int *lwork,
						  int *iwork, const int *liwork, int *info);

typedef struct CsLapack
{
	CsDsyevr	dsyevr;
} CsLapack;

extern const CsLapack *CsLapackGet(void);

#endif							/* CUSTSEG_LAPACK_H */
