/*
 * segments.h
 *	  Names for scores of recency, frequency and monetary value: an ordered table, the first entry that
 *	  fits wins.
 */
#ifndef CUSTSEG_ORDERS_SEGMENTS_H
#define CUSTSEG_ORDERS_SEGMENTS_H

#include "stat/rfm.h"
#include "utils/jsonb.h"

#define CS_RFM_MAX_SEGMENTS 100

extern const char *const CsRfmMeasureNames[CS_RFM_MEASURES];

/* An entry: scores from low to high of each measure, in the order recency, frequency, monetary. */
typedef struct CsRfmSegment
{
	char	   *name;
	int			low[CS_RFM_MEASURES],
				high[CS_RFM_MEASURES];
	int			wins,			/* of all combinations of scores, those that it names */
				loses;			/* and those that it fits, but an earlier entry has */
} CsRfmSegment;

typedef struct CsRfmTable
{
	int			bins;
	int			n;
	CsRfmSegment segment[CS_RFM_MAX_SEGMENTS];
	int			unnamed;		/* combinations that no entry fits */
} CsRfmTable;

extern CsRfmTable *CsRfmTableRead(Jsonb *json, int bins);
extern const char *CsRfmTableFind(const CsRfmTable *table, const int *scores);
extern void CsRfmTableReport(const CsRfmTable *table);

#endif							/* CUSTSEG_ORDERS_SEGMENTS_H */
