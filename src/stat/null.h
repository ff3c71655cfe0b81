/*
 * null.h
 *	  Rows without groups, to compare rows with: unimodal.c, reference.c, further.c; and rows without
 *	  any structure: hopkins.c.
 */
#ifndef CUSTSEG_NULL_H
#define CUSTSEG_NULL_H

#include "data/matrix.h"
#include "parallel/team.h"

/* unimodal.c: a distribution function that is linear between knots, or jumps at them. */
typedef struct CsKnot
{
	double		value;
	double		share;			/* of the distribution that lies at or below */
} CsKnot;

typedef struct CsUnimodal
{
	int			nknots;
	bool		steps;			/* only the knots' values occur, but for the first knot */
	CsKnot		knot[FLEXIBLE_ARRAY_MEMBER];
} CsUnimodal;

static inline Size
CsUnimodalSize(int nknots)
{
	return offsetof(CsUnimodal, knot) + sizeof(CsKnot) * nknots;
}

extern CsUnimodal *CsUnimodalFit(const double *sorted, int n);
extern double CsUnimodalQuantile(const CsUnimodal *u, double p);

/*
 * reference.c: a distribution of rows like those given, but without groups, and sets of rows drawn
 * from it.
 */
typedef struct CsReference CsReference;

extern CsReference *CsReferenceFit(CsTeam *team, const CsMatrix *rows, const int *group);
extern const CsMatrix *CsReferenceDraw(CsTeam *team, CsReference *reference, uint64 seed,
									   int number);
extern void CsReferenceFree(CsTeam *team, CsReference *reference);
extern Size CsReferenceMemory(int64 nrows, int ncolumns);
extern PGDLLEXPORT void CsReferenceTask(CsTeam *team, const void *args, int item);

/* further.c */
extern double CsFurtherUpper(double value, double mean, double sd, int n);

/* hopkins.c */
extern double CsHopkins(CsTeam *team, const CsMatrix *rows, uint64 seed, double *p);
extern PGDLLEXPORT void CsHopkinsTask(CsTeam *team, const void *args, int item);

#endif							/* CUSTSEG_NULL_H */
