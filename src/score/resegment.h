/*
 * resegment.h
 *	  A table's segment column brought up to date: the parts of resegment().
 */
#ifndef CUSTSEG_RESEGMENT_H
#define CUSTSEG_RESEGMENT_H

#include "custseg.h"
#include "data/relation.h"
#include "score/moves.h"
#include "score/score.h"
#include "storage/itemptr.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/tuplestore.h"

/* What the caller asked for, and how far it is; lasts from batch to batch. */
typedef struct CsResegment
{
	char	   *model;
	int			version;
	bool		names_version;	/* the caller has named it */
	Oid			table;
	char	   *column;
	int			batch;			/* rows; 0: all at once */
	int			keep_days;		/* 0: for ever */
	char	   *condition;		/* or NULL */
	char	   *value;			/* column whose sums are recorded, or NULL */
	char	   *after;			/* condition on the key: not in an earlier batch; NULL at first */
	CsMoves    *moves;
	int64		n_by_hand;		/* rows that an override decided */
	int64		rows_total;
	int64		rows_changed;
} CsResegment;

/* resegment.c */
extern Relation CsTableOpen(text *name, LOCKMODE mode, const char *elsewhere);

/* rounds.c */
extern char *CsResegmentBatch(CsResegment *request, Relation rel);
extern List *CsResegmentKey(const CsScorer *scorer, Relation rel, const char *table);
extern void CsResegmentCheckFeatures(const CsScorer *scorer, Relation rel);

/* resegment_citus.c */
extern void CsResegmentCitus(CsResegment *request, Relation rel);

/* batch_key.c: the primary key, by whose order batches follow each other. */
typedef struct CsBatchPart
{
	const CsColumn *column;
	int			position;		/* among what is read */
	bool		by_value;
	int16		length;
	Datum		last;			/* of the row that was read last */
} CsBatchPart;

typedef struct CsBatchKey
{
	List	   *columns;		/* (const CsColumn *) of the table */
	CsBatchPart *parts;			/* the same, as they are read */
} CsBatchKey;

extern CsBatchKey *CsBatchKeyFind(Relation rel, const char *table);
extern char *CsBatchKeyOrder(const CsBatchKey *key);
extern void CsBatchKeyBind(CsBatchKey *key, const CsRelation *reader);
extern void CsBatchKeyKeep(CsBatchKey *key, const Datum *row);
extern char *CsBatchKeyAfter(const CsBatchKey *key);
extern char *CsBatchKeyUntil(const CsBatchKey *key);

/* notes.c: rows that are to be written. */
typedef struct CsNotes
{
	const char *table;			/* qualified and quoted */
	const char *column;			/* quoted */
	Oid			column_type;
	CsMoves    *moves;
	int			value;			/* position of the value column among what is read, -1: none */
	TupleDesc	desc;
	Tuplestorestate *store;
	uint8	   *written;		/* a bit a note */
	struct CsPlace *left;		/* rows that were left to the next round, ordered */
	int64		nleft;
} CsNotes;

extern CsNotes *CsNotesCreate(const char *table, const char *column, Oid column_type, CsMoves *moves,
							  const CsRelation *reader);
extern void CsNotesStay(CsNotes *notes, const Datum *row, const bool *nulls);
extern void CsNotesBegin(CsNotes *notes);
extern void CsNotesAdd(CsNotes *notes, const Datum *row, const bool *nulls, Datum segment, bool is_none);
extern int64 CsNotesWrite(CsNotes *notes);
extern void CsNotesEnd(CsNotes *notes, int64 n, bool is_last);
extern void CsNotesFollow(CsNotes *notes);
extern bool CsNotesIsLeft(const CsNotes *notes, const Datum *row);
extern bool CsResegmentIsWriting(const char *model, int *version);

/* Columns of a row as it is read, before the features; or, where paths are written, before the rest. */
enum
{
	CS_READ_CTID, CS_READ_TABLEOID, CS_READ_XMIN, CS_READ_SEGMENT, CS_READ_PATH
};

#endif							/* CUSTSEG_RESEGMENT_H */
