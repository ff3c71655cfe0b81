/*
 * relation.h
 *	  The only readers of user tables: a source resolved, its columns classified, its rows
 *	  streamed.  Everything is read with the caller's rights and row-level security, but for a source
 *	  that a model of somebody else keeps, which is read with the rights of its owner.
 */
#ifndef CUSTSEG_RELATION_H
#define CUSTSEG_RELATION_H

#include "custseg.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "math/math.h"
#include "nodes/pg_list.h"
#include "tcop/dest.h"
#include "utils/array.h"

typedef enum CsKind
{
	CS_NUMERIC,					/* every integer, float, numeric, money */
	CS_BOOLEAN,					/* 0 or 1 */
	CS_TIME,					/* date, timestamps: days since 1970-01-01; interval: days */
	CS_CATEGORICAL,				/* text, varchar, char, name, enum, and what is stored as text */
	CS_UNUSABLE					/* anything else */
} CsKind;

extern const char *CsKindName(CsKind kind);
extern CsKind CsKindFromName(const char *name);

/*
 * value.c: converts one Datum to one number.  The same code reads a training's rows and a scored
 * row.
 */
typedef struct CsConverter
{
	Oid			type;			/* base type under any domain */
	CsKind		kind;
	double		money_scale;	/* CASHOID: what to divide by */
	/* numeric, boolean and time kinds; may return +-infinity or NaN */
	double		(*to_double) (const struct CsConverter *c, Datum value);
	/* categorical kind: see CsCategoryText; of numbers, see CsConverterAsCategory, NULL */
	const char *(*to_text) (Datum value, int *length, void **copy);
} CsConverter;

extern void CsConverterInit(CsConverter *c, Oid type);
extern bool CsConverterAsCategory(CsConverter *c);

/* Was it made a category by CsConverterAsCategory()? */
static inline bool
CsConverterIsCoded(const CsConverter *c)
{
	return c->kind == CS_CATEGORICAL && c->to_text == NULL;
}

extern bool CsConverterIsDecimal(const CsConverter *c);
extern bool CsConverterDecimal(const CsConverter *c, Datum value, CsDecimal *decimal);
extern const char *CsCategoryText(const CsConverter *c, Datum value, int *length, void **copy);

/* value_text.c */
extern char *CsNumberText(const CsConverter *c, FmgrInfo *output, Datum value);
extern const char *CsColumnText(const CsConverter *c, FmgrInfo *output, Datum value, int *length,
							   void **copy);
extern char *CsDateWords(double days);
extern char *CsTimeWords(double days);

/*
 * vector.c: columns that hold vectors: arrays of float4 or float8, and types with a cast to real[],
 * as pgvector's "vector" is.  A vector is no feature itself; its elements are, each a number called
 * column[1], column[2], ...
 */
#define CS_MAX_VECTOR_WIDTH 2048

typedef struct CsVectorType
{
	Oid			type;			/* as declared */
	Oid			array_type;		/* that it is read as */
	Oid			cast;			/* function that casts it to that; InvalidOid: it is that array */
	CsConverter element;
} CsVectorType;

extern bool CsVectorTypeInit(CsVectorType *v, Oid type);
extern void CsVectorRead(const CsVectorType *v, Datum array, int width, double *elements);
extern bool CsVectorCast(FmgrInfo *cast, Datum value, Datum *array);
extern bool CsElementName(const char *name, int *length, int *element);
extern bool CsIsElementOf(const char *name, const char *column);

/* relation.c */
typedef struct CsColumn
{
	NameData	name;
	Oid			type;			/* as declared, a domain perhaps; of an element float8 */
	int32		typmod;
	Oid			collation;		/* InvalidOid where the type has none */
	int			attnum;			/* position in the row, from 1; dropped ones not counted */
	CsConverter converter;
	int			element;		/* of the vector in that position, from 1; 0: it is a whole column */
	struct CsVectorColumn *vector;	/* of an element and of a column of vectors; else NULL */
} CsColumn;

/* A column of vectors; what follows its type is known once its elements have been asked for. */
typedef struct CsVectorColumn
{
	CsVectorType type;
	int			width;			/* of the first vector that is there; 0: no elements; -1: not known yet */
	const char *why_not;		/* there are no elements, a phrase; NULL when there are */
	CsColumn   *elements;		/* width of them */
} CsVectorColumn;

#define CsIsSameColumn(a, b) ((a)->attnum == (b)->attnum && (a)->element == (b)->element)

/* Elements of the vector that a column is one of; 0: it is none. */
#define CsVectorWidth(column) ((column)->element > 0 ? (column)->vector->width : 0)

typedef struct CsRelation
{
	char	   *source;			/* as the user wrote it */
	char	   *from_item;		/* what follows FROM: "schema"."table" or ( query ) AS source */
	char	   *kept;			/* as a model keeps it: a relation by its full name, or the query as it was written */
	Oid			relid;			/* InvalidOid for a query */
	char	   *description;	/* for messages: relation "x" | the query */
	bool		parallel_safe;	/* may be read while a team has workers */
	bool		may_fetch;		/* from other servers, however many rows: who reads it has weighed that */
	bool		is_restricted;	/* to so few rows that what the planner expects does not count, but what is fetched */
	const char *instead_of_sample;	/* what to do where it is too much to fetch, sentences; NULL: a sample will do */
	const CsColumn *together;	/* a sample has all rows of a value of this column, or none; NULL: rows are drawn one by one */
	const struct CsRelation *about; /* the source that a query of custseg's own is about; NULL: it is the source */
	Oid			reader;			/* role that it is read as; InvalidOid: the caller */
	char	   *search_path;	/* that its names are looked for in; NULL: the session's */
	int			ncolumns;
	CsColumn   *columns;		/* the row's columns, dropped ones left out */
} CsRelation;

extern CsRelation *CsRelationOpen(const char *source);
extern void CsRelationRequireNew(List *names);
pg_noreturn extern void CsReportMissingRelation(const char *written, List *names, const char *hint);

extern CsRelation *CsRelationOpenStored(const char *source, const char *search_path, Oid reader);
extern CsRelation *CsRelationQuery(const CsRelation *source, const char *sql);
extern void CsRelationExecute(const CsRelation *rel, const char *sql, uint64 most,
							  DestReceiver *receiver);

/*
 * reading.c: every statement that reads a source stands between Begin and End; an error in between gives
 * the caller's identity and settings back when the (sub)transaction ends.
 */
typedef struct CsReading
{
	bool		is_restricted;
	Oid			user;			/* the caller */
	int			context;
	int			level;			/* of settings */
} CsReading;

extern CsReading CsReadingBeginAs(Oid role);
extern CsReading CsReadingBegin(const CsRelation *rel);
extern void CsReadingEnd(const CsReading *reading);
extern char *CsSearchPath(void);

/* vector_columns.c: columns by their names, and the elements of vectors among them. */
extern CsVectorColumn *CsVectorColumnMake(const CsColumn *column);
extern char *CsColumnExpression(const CsColumn *column);
extern const CsColumn *CsRelationFind(const CsRelation *rel, const char *name);
extern const CsColumn *CsRelationFeature(const CsRelation *rel, const char *name, int vector_width);
extern const CsColumn *CsRelationColumn(const CsRelation *rel, const char *name);
extern const CsColumn *CsRelationWhole(const CsRelation *rel, const char *name);
extern const CsColumn *CsRelationColumns(const CsRelation *rel, const char *name, int *n);
extern CsColumn *CsRelationAllColumns(const CsRelation *rel, int *n);
extern char *CsColumnTypeName(const CsColumn *column);
extern char *CsListColumns(const List *columns, const char *separator,
						   char *(*say) (const CsColumn *column));

/* role.c: the column that something is read from. A set of CsKind is a sum of bits. */
#define CS_KIND_BIT(kind) (1 << (kind))

extern const CsColumn *CsColumnOfRole(const CsRelation *rel, const char *name, const char *role, int kinds);
extern const CsColumn *CsKeyOfRole(CsRelation *rel, const char *name, const char *role);
extern const CsColumn *CsTimeOfRole(const CsRelation *rel, const char *name, const char *role);

/* column_hash.c */
extern char *CsColumnHash(const CsColumn *column, int64 seed);
extern CsRelation *CsRelationSample(const CsRelation *rel, const List *key, double rows, double of);
extern char *CsKeyNumber(const CsRelation *rel, const List *key);
extern CsRelation *CsRelationOfKeys(const CsRelation *rel, const List *key, const double *numbers, int64 n, int nplaces);

/* Called for each row, see CsRelationRead(). */
typedef void (*CsRowSink) (void *state, const Datum *values, const bool *nulls);

extern int64 CsRelationRead(const CsRelation *rel, const CsColumn *columns, int ncolumns,
							CsRowSink sink, void *state);
extern char *CsRelationAsSource(const CsRelation *rel);
extern double CsRelationAnalyzedRows(const CsRelation *rel);

/*
 * columns.c: columns to read, each of them once, whoever asks for it.  An empty set is all zeroes.
 */
typedef struct CsColumnSet
{
	int			ncolumns;
	int			capacity;
	CsColumn   *columns;
} CsColumnSet;

extern int	CsColumnSetAdd(CsColumnSet *set, const CsColumn *column);
extern CsColumn *CsRelationNamed(const CsRelation *rel, ArrayType *names, const char *argument,
								 int *n);

/* key.c: what identifies a row: one column, or several. */
extern List *CsPrimaryKey(Oid relid);
extern char *CsOperatorName(Oid operator);
extern char *CsRelationDefaultId(const CsRelation *rel);
extern List *CsIdNames(const char *id);
extern bool CsIdHasColumn(const char *id, const char *name);
extern List *CsRelationIdColumns(const CsRelation *rel, const char *id, bool missing_ok);

/* What valid indexes prove of ids. */
typedef enum CsIdProof
{
	CS_ID_UNPROVEN,
	CS_ID_UNIQUE,				/* those that are there differ */
	CS_ID_PROVEN				/* and every row has one */
} CsIdProof;

extern CsIdProof CsRelationIdProof(const CsRelation *rel, const List *columns);
extern void CsRelationCheckId(const CsRelation *rel, const char *id);

/* id_counter.c: ids counted while rows are read; all zeroes before the first. */
typedef struct CsIdCounts
{
	int64		n_rows;
	int64		n_null;			/* rows without a value in one of the columns */
	int64		n_duplicates;	/* rows that repeat the id of another row */
} CsIdCounts;

typedef struct CsIdCounter CsIdCounter;

extern bool CsIsComparable(const CsColumn *column);
extern CsIdCounter *CsIdCounterBegin(const CsRelation *rel, const List *columns, bool unique);
extern void CsIdCounterAdd(CsIdCounter *c, const Datum *values, const bool *nulls);
extern CsIdCounts CsIdCounterEnd(CsIdCounter *c);

/*
 * dictionary.c: the levels of a categorical column, in order of first appearance.
 */
typedef struct CsDictionary CsDictionary;

/* distinct levels, and bytes of their texts, above which a column is no category */
#define CS_MAX_DICTIONARY 100000
#define CS_MAX_DICTIONARY_BYTES (32 * 1024 * 1024)

extern CsDictionary *CsDictionaryCreate(void);
extern int	CsDictionaryCode(CsDictionary *d, const char *level, int length);
extern int	CsDictionaryFind(const CsDictionary *d, const char *level, int length);
extern bool CsDictionaryTakes(const CsDictionary *d, int length);
extern int	CsDictionarySize(const CsDictionary *d);
extern const char *CsDictionaryLevel(const CsDictionary *d, int code);

/*
 * kept.c: values of columns of numbers, kept in memory under a limit until they are used.
 *
 * A source is read once, or several times.  Each reading keeps all columns that are still wanted.
 * Where their values do not fit into maintenance_work_mem, the last column is put off until another
 * reading, and its memory is given back.  Where that does not help, "full" is called with the
 * number of bytes that are needed; it raises an error, or releases all columns.
 */
typedef struct CsKeptColumn
{
	bool		wanted;			/* the caller's to set */
	bool		kept;			/* in this reading, so far */
	int64		n;
	int64		capacity;
	double	   *values;
	int			area;			/* of an arena, that has them */
} CsKeptColumn;

typedef struct CsKept
{
	MemoryContext context;
	int			ncolumns;
	CsKeptColumn *columns;
	int			spare;
	int64		first;
	int64		longest;		/* capacity of a column */
	Size		held;			/* bytes of values, and of what else is taken */
	int			fewest;			/* columns that are kept in a reading: 1, unless the caller sets it */
	void		(*full) (void *state, int column, Size needed); /* column -1: see Hold */
	void	   *state;
	struct CsArena *arena;		/* whose areas have the values; NULL: they are in the context */
} CsKept;

extern void CsKeptInit(CsKept *k, int ncolumns, int spare, Size held);
extern void CsKeptBegin(CsKept *k, int64 first);
extern void CsKeptShare(CsKept *k, struct CsArena *arena, int64 first);
extern bool CsKeptIsLeft(const CsKept *k);
extern void CsKeptRelease(CsKept *k, int column);
extern void CsKeptHold(CsKept *k, Size more);
extern bool CsKeptGrow(CsKept *k, int column, int64 nvalues);
extern int	CsKeptPutRun(CsKept *k, int column, const double *values, int n);

static inline bool
CsKeptPut(CsKept *k, int column, double value)
{
	CsKeptColumn *c = &k->columns[column];

	if (c->n == c->capacity && !CsKeptGrow(k, column, c->n + 1))
		return false;
	c->values[c->n++] = value;
	return true;
}

/* levels.c: the number of rows by level and group. */
typedef struct CsLevelCounts
{
	CsDictionary *dictionary;
	int			ngroups;
	int			most;
	int			nlevels;		/* that are counted, codes from 0 */
	int			capacity;		/* of rows, in levels */
	int64	   *rows;			/* see CsLevelRows */
	int64	   *uncounted;		/* a group */
	CsKept	   *kept;
} CsLevelCounts;

#define CsLevelRows(c, level) ((c)->rows + (Size) (level) * (c)->ngroups)

extern int *CsLevelsByRows(const CsLevelCounts *c);
extern CsLevelCounts *CsLevelCountsCreate(int ngroups, int most, CsKept *kept);
extern void CsLevelCountsAddText(CsLevelCounts *c, const char *text, int length, int group, int64 rows);
extern void CsLevelCountsAdd(CsLevelCounts *c, const CsConverter *converter, Datum value, int group);

#endif							/* CUSTSEG_RELATION_H */
