/*
 * dip.h
 *	  Do values have more than one heap, and do segments lie apart: dip.c, valley.c; is there any
 *	  structure: structure.c.
 */
#ifndef CUSTSEG_DIP_H
#define CUSTSEG_DIP_H

#include "data/matrix.h"
#include "parallel/team.h"

/* dip.c */
extern double CsDip(const double *sorted, int n);
extern double CsDipP(double dip, int n);

/* valley.c: the probability by which chance alone makes valleys counts as none. */
#define CS_VALLEY_P 0.05

/* The segment with the nearest centre, -1 for none, and the p-value of a valley in between. */
typedef struct CsValley
{
	int			neighbor;
	double		p;
} CsValley;

extern CsValley *CsValleysOfSegments(CsTeam *team, const CsMatrix *rows, int labels, int k);
extern double CsAnyValley(CsTeam *team, const CsMatrix *rows, int labels, int k);

/* structure.c */
typedef enum CsStructureRating
{
	CS_STRUCTURE_UNKNOWN, CS_STRUCTURE_NONE, CS_STRUCTURE_NONE_OR_WEAK, CS_STRUCTURE_WEAK,
	CS_STRUCTURE_MODERATE, CS_STRUCTURE_STRONG,
	CS_STRUCTURE_NOT_ASKED		/* there may be groups, but it took more references to tell */
} CsStructureRating;

/* The question, and what is found out. */
typedef struct CsStructure
{
	int64		n_sampled;
	int			best_k;			/* 0: no silhouette is defined */
	double		silhouette;
	int			references;		/* sets that were drawn */
	double		null_mean;		/* of the references' silhouettes; NaN without any */
	double		null_sd;
	double		p;
	double		valley_p;		/* the least of all pairs of neighbours, adjusted */
	CsStructureRating rating;
} CsStructure;

/* Rows that have been glanced at, see CsGlanceBegin(). */
typedef struct CsGlance CsGlance;

/* Rows that are looked at, and most sets of rows without groups, unless something else is asked for. */
#define CS_STRUCTURE_ROWS 2000
#define CS_STRUCTURE_REFERENCES 50

extern CsStructure CsStructureExamine(CsTeam *team, const CsMatrix *rows, const int *group,
									  uint64 seed, int references);
extern CsGlance *CsGlanceBegin(CsTeam *team, const CsMatrix *rows, const int *group, uint64 seed, int k);
extern CsStructure CsGlanceEnd(CsGlance *glance);
extern const char *CsStructureName(CsStructureRating rating);
extern char *CsStructureSentence(const CsStructure *s);
extern Size CsStructureMemory(int64 nrows, int ncolumns);

#endif							/* CUSTSEG_DIP_H */
