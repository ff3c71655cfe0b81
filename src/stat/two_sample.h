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

extern CsTwoSamples *CsTwoSamplesCreate(MemoryContext context, int bins);
extern void CsTwoSamplesAdd(CsTwoSamples *samples, int which, double value);
extern void CsTwoSamplesMerge(CsTwoSamples *samples, CsTwoSamples *other);
extern void CsTwoSamplesSort(CsTwoSamples *samples);

extern bytea *CsTwoSamplesSerialize(CsTwoSamples *samples);
extern CsTwoSamples *CsTwoSamplesDeserialize(const bytea *bytes, MemoryContext context);

#endif							/* CUSTSEG_TWO_SAMPLE_H */
