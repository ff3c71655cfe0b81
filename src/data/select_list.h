/*
 * select_list.h
 *	  What is read of a source for columns of it; for the files that read.
 */
#ifndef CUSTSEG_SELECT_LIST_H
#define CUSTSEG_SELECT_LIST_H

#include "data/relation.h"

typedef struct CsSelectList
{
	const CsColumn *columns;
	int			ncolumns;
	int			nread;			/* expressions that are read: a vector once for all its elements */
	int		   *read;			/* which of them each column is, or is an element of */
	bool		has_vectors;	/* elements are read */

	/* with vectors: elements of the one at hand, and a value for each column */
	double	   *elements;
	Datum	   *values;
	bool	   *nulls;
} CsSelectList;

extern CsSelectList *CsSelectListMake(const CsColumn *columns, int ncolumns);
extern char *CsSelectListStatement(const CsSelectList *list, const CsRelation *rel);
extern Oid	CsSelectListType(const CsColumn *column);
extern void CsSelectListExpand(CsSelectList *list, const Datum **values, const bool **nulls);

#endif							/* CUSTSEG_SELECT_LIST_H */
