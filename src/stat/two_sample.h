/*
 * two_sample.h
 *	  Two samples that are being collected, the value of an aggregate's state.
 */
#ifndef CUSTSEG_TWO_SAMPLE_H
#define CUSTSEG_TWO_SAMPLE_H

#include "stat/tests.h"
#include "utils/expandeddatum.h"

typedef struct CsTwoSamples
{
	ExpandedObjectHeader header;	/* set where it is the state of an aggregate */
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

/* The same as one flat value: how a few values are collected, and how any number of them is sent. */
typedef struct CsFlatSamples
{
	int32		vl_len_;		/* varlena header */
	int32		bins;
	int64		n[2];
	double		value[FLEXIBLE_ARRAY_MEMBER];	/* the baseline from the first on, the current from the last */
} CsFlatSamples;

extern CsFlatSamples *CsFlatSamplesCreate(int bins);
extern void CsFlatSamplesCheck(const CsFlatSamples *flat);
extern bool CsFlatSamplesAdd(CsFlatSamples *flat, int which, double value);
extern CsFlatSamples *CsFlatSamplesMerge(CsFlatSamples *flat, CsFlatSamples *other);

extern CsTwoSamples *CsTwoSamplesOfFlat(CsFlatSamples *flat);
extern CsTwoSamples *CsTwoSamplesExpand(CsFlatSamples *flat, MemoryContext parent);
extern CsTwoSamples *CsTwoSamplesOfDatum(Datum state);

#endif							/* CUSTSEG_TWO_SAMPLE_H */
