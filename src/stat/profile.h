/*
 * profile.h
 *	  What the rows of each segment are like, summed up by a team.
 */
#ifndef CUSTSEG_STAT_PROFILE_H
#define CUSTSEG_STAT_PROFILE_H

#include "data/matrix.h"
#include "parallel/team.h"
#include "prep/prep.h"

/*
 * Start: sums of no rows yet, of segments with these centres (row by row, in model space), the last of
 * which takes rows whose label is negative.  "labels" is an area of int32, "raw" the matrix of raw
 * values, or "matrix" itself when model space took their place.  Add: sums up the rows that matrix,
 * raw and labels hold now; call it for each time that they are filled.  End gives everything back.
 */
typedef struct CsProfile CsProfile;

extern Size CsProfileMemory(int k, int nfeatures, int nprofile, int noutputs);
extern CsProfile *CsProfileStart(CsArena *arena, const CsPipeline *pipeline, const CsMatrix *matrix,
								 const CsMatrix *raw, int labels, int nsegments,
								 const double *centers);
extern void CsProfileAdd(CsProfile *p, CsTeam *team, const CsMatrix *matrix, const CsMatrix *raw);
extern void CsProfileEnd(CsProfile *p);
extern PGDLLEXPORT void CsProfileTask(CsTeam *team, const void *args, int item);

/* A segment of what was added; 0 where it has no rows. */
typedef struct CsSegmentProfile
{
	int64		n;
	double		distances;		/* to the centre, their sum */
	double		mean_distance;
	double		spread;			/* root mean square distance to the centre */
	double	   *means;			/* palloc'd, CsProfileSize of the pipeline */
} CsSegmentProfile;

extern CsSegmentProfile CsProfileSegment(const CsProfile *p, int segment);

#endif							/* CUSTSEG_STAT_PROFILE_H */
