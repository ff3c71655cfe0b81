/*
 * search.h
 *	  Searching what is sorted.
 */
#ifndef CUSTSEG_SEARCH_H
#define CUSTSEG_SEARCH_H

#include "custseg.h"

/*
 * How many of n sorted elements come before a key, as "is_before" says of an element and the key: it is true of the first
 * elements and false of all others.  The compiler makes it a part of the loop.
 */
static pg_attribute_always_inline int64
CsCountBefore(const void *key, const void *sorted, int64 n, Size size, bool (*is_before) (const void *element, const void *key))
{
	int64		low = 0,
				high = n;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (is_before((const char *) sorted + middle * size, key))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#endif							/* CUSTSEG_SEARCH_H */
