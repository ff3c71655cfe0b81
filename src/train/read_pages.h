/*
 * read_pages.h
 *	  The rows of a training read by the whole team.
 */
#ifndef CUSTSEG_READ_PAGES_H
#define CUSTSEG_READ_PAGES_H

#include "data/pages.h"
#include "train/train.h"

/* What a reading gives beside what it fills. */
typedef struct CsPagesRead
{
	int64		nrows;			/* to train on */
	bool		over_limit;		/* the training will not fit: they were counted only */
	int64		n_without_weight;
	int64	   *n_null;			/* the caller's, one a feature: rows skipped because it is null */
} CsPagesRead;

extern bool CsReadPages(CsTraining *t, const CsPages *pages, const CsRowColumns *columns, CsPagesRead *result);

#endif							/* CUSTSEG_READ_PAGES_H */
