/*
 * itemsets.h
 *	  Sets of items that stand together in many baskets.
 */
#ifndef CUSTSEG_ITEMSETS_H
#define CUSTSEG_ITEMSETS_H

#include "custseg.h"

/* Items of the largest set that is looked for. */
#define CS_MOST_ITEMS 4

/* Baskets, each with its items ascending, without repeats; items are numbers from 0. */
typedef struct CsBaskets
{
	int64		n;
	const int64 *start;			/* of n + 1: where the items of a basket are, and end */
	const int32 *items;
	int32		nitems;			/* numbers of items are below it */
} CsBaskets;

/* A set that is frequent: its items ascending, and the baskets that have all of them. */
typedef struct CsItemset
{
	int32		items[CS_MOST_ITEMS];
	int32		size;
	int32		n;
} CsItemset;

typedef struct CsItemsets
{
	int64		n;
	CsItemset  *sets;			/* by their items: a set comes before those that begin with it */
	CsItemset	best_pair;		/* of frequent items, frequent itself or not; size 0: no two stand together */
} CsItemsets;

extern CsItemsets CsFrequentItemsets(const CsBaskets *baskets, int64 least, int size, Size room);
extern const CsItemset *CsItemsetFind(const CsItemsets *found, const CsItemset *set);

#endif							/* CUSTSEG_ITEMSETS_H */
