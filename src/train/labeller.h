/*
 * labeller.h
 *	  Labels that training rows get while they are read, and the classes that the labels stand for.
 *
 * A training has two labellers at most.  The target's labels are what the algorithm learns, so a row
 * that has none is skipped.  The predecessor is the deployed version: its labels tell which rows a
 * new segment shares with an old one, whose number it then takes over.
 *
 * A label is the value of a column, or the segment in which a version of a model places the row.  Where
 * all that the version reads is in the rows that are kept, the team places them once they have been read.
 */
#ifndef CUSTSEG_LABELLER_H
#define CUSTSEG_LABELLER_H

#include "custseg.h"
#include "data/matrix.h"
#include "data/relation.h"
#include "nodes/pg_list.h"

/* What a label stands for. */
typedef struct CsClass
{
	int			label;			/* of its rows, until they are learned */
	int64		n;				/* training rows that are to be learned */
	int			number;			/* 0: noise, or there is none yet */
	char	   *name;
	char	   *description;	/* or NULL */
	int			rank;			/* 0: none */
} CsClass;

typedef struct CsLabeller CsLabeller;

/* What the two kinds of labellers have in common; each embeds it as its first field. */
struct CsLabeller
{
	/* set by who makes it */
	char	   *name;			/* for messages */
	char	   *unlabelled;		/* likewise: why a row has no label */
	List	   *columns;		/* names of the columns that it reads */
	const char *column;			/* whose values are the labels, or NULL */
	int			nclasses;		/* of a model, from the beginning */
	void		(*bind) (CsLabeller *l, const CsColumn *columns, int ncolumns);
	int			(*label) (CsLabeller *l, const Datum *values, const bool *nulls);	/* -1: none */
	/* the classes in the order of their labels, palloc'd, as they are called now; sets nclasses */
	CsClass    *(*classes_of) (CsLabeller *l);

	/* rows */
	MemoryContext context;
	bool		waits;			/* the rows are labelled once all of them have been read */
	bool		is_target;
	int			current;		/* the target's label of the row that is being read */
	int64		n_unlabelled;	/* rows that were skipped */
	int64		capacity;
	int32	   *labels;			/* per row that is kept; -1: none */

	/* of the target, once all rows have been read */
	CsClass    *classes;		/* that have rows, most rows first */
	int			area;			/* int32[nrows]: index into them */
	bool		has_numbers;	/* that were not just given to them by size */
};

/* labeller_column.c, labeller_model.c, labeller_hash.c */
extern CsLabeller *CsLabelByColumn(const CsRelation *relation, const char *column, int most);
extern CsLabeller *CsLabelByModel(const char *model, int version, bool noise_is_class);
extern CsLabeller *CsLabelByHash(const CsRelation *relation, const char *id);
extern const struct CsScorer *CsLabellerScorer(const CsLabeller *l);
extern char *CsLabellerLacks(const CsLabeller *l, const CsRelation *relation);
extern bool CsLabellerMayWait(const CsLabeller *l, const CsColumn *features, int nfeatures);
extern void CsLabellerPlace(CsLabeller *l, CsTeam *team, const CsMatrix *raw, const CsColumn *features,
							CsDictionary *const *dictionaries);

/* labeller.c */
extern Size CsLabellerMemory(const CsLabeller *l, int64 nrows);
extern bool CsLabellerSkips(CsLabeller *l, const Datum *values, const bool *nulls);
extern void CsLabellerKeep(CsLabeller *l, int64 place, const Datum *values, const bool *nulls);
extern void CsLabellerMove(CsLabeller *l, int64 from, int64 to);
extern void CsLabellerForget(CsLabeller *l);
extern void CsLabellerLearn(CsLabeller *l, CsArena *arena, int64 nrows);
extern void *CsGrowRows(void *rows, int64 *capacity, Size size, MemoryContext context);

#endif							/* CUSTSEG_LABELLER_H */
