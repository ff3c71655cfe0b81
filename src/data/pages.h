/*
 * pages.h
 *	  Tables that several processes read side by side, page by page.
 *
 * What they read is described by flat values without pointers, which may lie in shared memory.
 */
#ifndef CUSTSEG_PAGES_H
#define CUSTSEG_PAGES_H

#include "data/relation.h"
#include "storage/block.h"

/* pages.c: the tables of a source, one after the other. */
typedef struct CsPagesTable
{
	Oid			relid;
	int64		first;			/* number of its first page, over all tables */
} CsPagesTable;

typedef struct CsPages
{
	Size		size;			/* bytes */
	int			ntables;
	int			nread;			/* attributes that are read of each */
	int64		npages;			/* of all tables */
	double		nrows;			/* an estimate */
	int			attribute_offset;	/* of int16[ntables][nread] */
	CsPagesTable table[FLEXIBLE_ARRAY_MEMBER];
} CsPages;

#define CsPagesAttributes(p, t) \
	((const int16 *) ((const char *) (p) + (p)->attribute_offset) + (Size) (t) * (p)->nread)

/* Columns as every process can make them: CsColumn without what is the process's own. */
typedef struct CsPagesColumn
{
	CsColumn	column;
	bool		is_coded;		/* its numbers are levels, see CsConverterAsCategory() */
	Oid			vector_type;	/* of an element */
	int			vector_width;
} CsPagesColumn;

typedef struct CsPageReader CsPageReader;

extern CsPages *CsPagesOf(const CsRelation *rel, const CsColumn *columns, int ncolumns);
extern void CsPagesColumns(const CsColumn *columns, int ncolumns, CsPagesColumn *flat);
extern void CsPagesBegin(const CsPages *p);
extern CsPageReader *CsPageReaderMake(const CsPages *p, const CsPagesColumn *columns, int ncolumns);
extern const CsColumn *CsPageReaderColumns(const CsPageReader *r);
extern void CsPageReaderRead(CsPageReader *r, const CsPages *p, int64 first, int64 npages, CsRowSink sink,
							 void *state);
extern void CsPageReaderClose(CsPageReader *r);

/*
 * Called for rows of a page that have values in all columns, at known offsets, see CsPageReaderTakeMany().
 * Returns how many of the first ones it has taken: the next one is given to the CsRowSink, if there is one.
 */
typedef int (*CsManyRowsSink) (void *state, const char *const *rows, int n);

extern void CsPageReaderTakeMany(CsPageReader *r, CsManyRowsSink sink);
extern void CsPageReaderNumbers(const CsPageReader *r, int column, const char *const *rows, int n,
								double *numbers);

/* level_log.c */
typedef struct CsLevelLog
{
	Size		size;			/* bytes, its own head included */
	Size		used;
} CsLevelLog;

extern void CsLevelLogInit(CsLevelLog *log, Size size);
extern void CsLevelLogCopy(CsLevelLog *to, const CsLevelLog *from, Size size);
extern bool CsLevelLogAdd(CsLevelLog *log, const char *text, int length);
extern void CsLevelLogRead(const CsLevelLog *log, CsDictionary *dictionary, Size *read);

#endif							/* CUSTSEG_PAGES_H */
