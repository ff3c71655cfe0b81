/*
 * profile.h
 *	  What the rows of each segment are like, summed up by a team.
 */
#ifndef CUSTSEG_STAT_PROFILE_H
#define CUSTSEG_STAT_PROFILE_H

#include "data/matrix.h"
#include "parallel/team.h"
#include "prep/prep.h"

typedef struct CsProfile CsProfile;

extern Size CsProfileMemory(int k, int nfeatures, int nprofile, int noutputs);
extern CsProfile *CsProfileStart(CsArena *arena, const CsPipeline *pipeline, const CsMatrix *matrix,
								 const CsMatrix *raw, int labels, int nsegments,
								 const double *centers);
extern void CsProfileAdd(CsProfile *p, CsTeam *team, const CsMatrix *matrix, const CsMatrix *raw,
						 void (*beside) (void *), void *argument);
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
