/*
 * two_sample.h
 *	  Two samples that are being collected, the value of an aggregate's state.
 */
#ifndef CUSTSEG_TWO_SAMPLE_H
#define CUSTSEG_TWO_SAMPLE_H

#include "stat/tests.h"

typedef struct CsTwoSamples
{
	MemoryContext context;		/* where everything is allocated */
	double	   *value[2];		/* NULL while there is no value */
	int64		n[2];
	int64		capacity[2];
	int			bins;
	bool		sorted;			/* both are */
} CsTwoSamples;

/*
 * Create: empty, in the context.  Add: one value; NaN is left out.  Merge: what another has, too;
 * it stays as it is.  Sort: both, in place; the order of values is never of interest, so a state
 * may be sorted at any time.  All hold what they take to maintenance_work_mem.
 */
extern CsTwoSamples *CsTwoSamplesCreate(MemoryContext context, int bins);
extern void CsTwoSamplesAdd(CsTwoSamples *samples, int which, double value);
extern void CsTwoSamplesMerge(CsTwoSamples *samples, CsTwoSamples *other);
extern void CsTwoSamplesSort(CsTwoSamples *samples);

/* As one value, sorted, and back into a context; an error when the bytes are not such a value. */
extern bytea *CsTwoSamplesSerialize(CsTwoSamples *samples);
extern CsTwoSamples *CsTwoSamplesDeserialize(const bytea *bytes, MemoryContext context);

#endif							/* CUSTSEG_TWO_SAMPLE_H */
