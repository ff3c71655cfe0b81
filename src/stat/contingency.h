/*
 * contingency.h
 *	  Rows counted by category and group: a contingency table as one flat value.
 *
 * Categories and groups are texts, the same when they are equal byte for byte.
 */
#ifndef CUSTSEG_CONTINGENCY_H
#define CUSTSEG_CONTINGENCY_H

#include "stat/tests.h"

/* Most different pairs of category and group that are counted, and most bytes of their texts. */
#define CS_MAX_CONTINGENCY_CELLS 250000
#define CS_MAX_CONTINGENCY_TEXT (16 * 1024 * 1024)

/*
 * A varlena that an aggregate can have as its state, update in place, and send to another process
 * or server.  An open-addressing hash table with linear probing; the texts come after it.
 */
typedef struct CsContingencyCell
{
	int64		count;			/* rows; 0: the slot is free */
	uint32		hash;
	int32		offset;			/* of the category's text, followed by the group's */
	int32		category_length;
	int32		group_length;
} CsContingencyCell;

typedef struct CsContingency
{
	int32		vl_len_;		/* varlena header */
	int32		capacity;		/* slots, a power of 2 */
	int32		ncells;			/* slots in use */
	int32		text_size;		/* bytes for texts, and bytes in use */
	int32		text_used;
	int32		unused;			/* 0 */
	CsContingencyCell cell[FLEXIBLE_ARRAY_MEMBER];
} CsContingency;

extern CsContingency *CsContingencyCreate(void);
extern CsContingency *CsContingencyAdd(CsContingency *table, const char *category,
									   int category_length, const char *group, int group_length,
									   int64 n);
extern CsContingency *CsContingencyMerge(CsContingency *table, const CsContingency *other);

extern void CsContingencyCheck(const CsContingency *table);
extern void CsContingencyCheckAll(const CsContingency *table);

extern int64 CsContingencyGroupRows(const CsContingency *table, const char *group);
extern CsCell *CsContingencyCells(const CsContingency *table, int *nrows, int *ncolumns);

#endif							/* CUSTSEG_CONTINGENCY_H */
