/*
 * grouped.h
 *	  Values by group that an aggregate collects: their moments, or all of them.
 */
#ifndef CUSTSEG_GROUPED_H
#define CUSTSEG_GROUPED_H

#include "stat/group_tests.h"
#include "utils/expandeddatum.h"

/* Most groups: pairs of them are compared, and each takes a place in the state. */
#define CS_MAX_GROUPS 10000

/*
 * Moments of each group as one flat value, ordered by group: a varlena that an aggregate has as its
 * state, updates in place, and sends to another process or server.
 */
typedef struct CsGroupedMoments
{
	int32		vl_len_;		/* varlena header */
	int32		capacity;
	int32		ngroups;
	int32		unused;			/* 0 */
	CsGroupMoments group[FLEXIBLE_ARRAY_MEMBER];
} CsGroupedMoments;

extern bool CsAreMoments(const CsMoments *m);
extern CsGroupedMoments *CsGroupedMomentsCreate(void);
extern CsGroupedMoments *CsGroupedMomentsAdd(CsGroupedMoments *m, int32 group, double value);
extern CsGroupedMoments *CsGroupedMomentsMerge(CsGroupedMoments *m, const CsGroupedMoments *other);
extern void CsGroupedMomentsCheck(const CsGroupedMoments *m);
extern void CsGroupedMomentsCheckAll(const CsGroupedMoments *m);

/* All values with their groups, in the order they came; held to maintenance_work_mem. */
typedef struct CsGroupSample
{
	ExpandedObjectHeader header;	/* set where it is the state of an aggregate */
	MemoryContext context;
	int64		n;
	int64		capacity;
	double	   *value;
	int32	   *group;
} CsGroupSample;

extern CsGroupSample *CsGroupSampleCreate(MemoryContext context);
extern void CsGroupSampleAdd(CsGroupSample *sample, int32 group, double value);
extern void CsGroupSampleMerge(CsGroupSample *sample, const CsGroupSample *other);

/* The same as one flat value: how a few values are collected, and how any number of them is sent. */
typedef struct CsFlatGroups
{
	int32		vl_len_;		/* varlena header */
	int32		unused;			/* 0 */
	int64		n;
	double		value[FLEXIBLE_ARRAY_MEMBER];	/* with room for more, followed by as many groups */
} CsFlatGroups;

extern CsFlatGroups *CsFlatGroupsCreate(void);
extern void CsFlatGroupsCheck(const CsFlatGroups *flat);
extern bool CsFlatGroupsAdd(CsFlatGroups *flat, int32 group, double value);
extern CsFlatGroups *CsFlatGroupsMerge(CsFlatGroups *flat, CsFlatGroups *other);

extern CsGroupSample *CsGroupSampleOfFlat(CsFlatGroups *flat);
extern CsGroupSample *CsGroupSampleExpand(CsFlatGroups *flat, MemoryContext parent);
extern CsGroupSample *CsGroupSampleOfDatum(Datum state);
extern CsGroupedValues *CsGroupSampleSort(const CsGroupSample *sample);

#endif							/* CUSTSEG_GROUPED_H */
