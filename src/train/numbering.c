/*
 * numbering.c
 *	  Numbers and names of new segments, so that they mean what they meant before.
 *
 * When a version is deployed, every training row is labelled by it while it is read.  New and old
 * segments are then paired by the optimal assignment (Kuhn 1955) of their overlap: the pairing
 * that keeps the most rows under their number.  A paired segment takes number, name, description
 * and rank of the old one; the others get numbers above any that a version has, deployed or not:
 * of two candidates that were trained side by side, both may be deployed in the end, and a number
 * that customers still carry must not change its meaning.  From here to the end of the transaction
 * the model's lock is held, so that no other training takes the same numbers meanwhile.
 *
 * What imitates takes over numbers and names; but the values of a column that are no numbers have
 * names only, and keep the number that the name had, or else the rows.
 *
 * Without a predecessor, or with one that the source cannot be compared with, segments are
 * numbered from 1 by size.  Noise is always number 0 and takes no part in this.
 *
 * Segments that are given with names keep them: first those of the same name are paired, then the
 * others by their overlap, provided that it is most of both; and what is new is numbered in the order
 * in which it is given.
 */
#include "custseg.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "math/math.h"
#include "miscadmin.h"
#include "train/train.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* First room of the predecessor's labels. */
#define FIRST_CAPACITY 4096

/* A segment of the deployed version. */
typedef struct OldSegment
{
	int			number;
	char	   *name;
	char	   *description;
	int			rank;			/* 0: none */
} OldSegment;

static const char *const old_segments_sql =
"SELECT s.segment, s.name, s.description, s.rank FROM custseg.segment AS s "
"WHERE s.model OPERATOR(pg_catalog.=) $1 AND s.version OPERATOR(pg_catalog.=) $2";

static const char *const highest_number_sql =
"SELECT pg_catalog.max(s.segment) FROM custseg.segment AS s "
"WHERE s.model OPERATOR(pg_catalog.=) $1";

/*
 * Can a column be what a feature of an older version was?  Intervals and points in time are of one
 * kind, but are not the same.
 */
static bool
IsSameKind(const CsColumn *column, const CsFeature *f)
{
	bool		interval = strncmp(NameStr(f->type), "interval", strlen("interval")) == 0;

	return (int32) column->converter.kind == f->kind &&
		(f->kind != CS_TIME || (column->converter.type == INTERVALOID) == interval);
}

/*
 * Why the source cannot be labelled by an older pipeline: a feature whose column it lacks or has
 * with another kind.  NULL when it can.
 */
static const CsFeature *
MissingFeature(const CsTraining *t, const CsPipeline *p)
{
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		const CsColumn *column = CsRelationFind(t->relation, NameStr(f->name));

		if (column == NULL || !IsSameKind(column, f))
			return f;
	}
	return NULL;
}

/*
 * The deployed version, if there is one and the source has what it needs; else NULL.  The caller
 * may use the model.
 */
CsPredecessor *
CsPredecessorFind(const CsTraining *t)
{
	int			version = CsModelDeployedVersion(t->model);
	const CsScorer *cached;
	CsPredecessor *p;
	const CsFeature *missing;

	if (version == 0)
		return NULL;
	cached = CsCacheGet(t->model, version);
	p = palloc0(sizeof(CsPredecessor));
	p->scorer = palloc_extended(VARSIZE(cached), MCXT_ALLOC_HUGE);
	memcpy(p->scorer, cached, VARSIZE(cached));
	missing = MissingFeature(t, CsScorerPipeline(p->scorer));
	if (missing != NULL)
	{
		ereport(NOTICE,
				(errmsg("segments are numbered anew, not as in version %d of model \"%s\"",
						version, t->model),
				 errdetail("That version needs a %s column \"%s\", which %s does not have.",
						   CsKindName(missing->kind), NameStr(missing->name),
						   t->relation->description)));
		return NULL;
	}
	CsScoringInit(&p->scoring, p->scorer, CurrentMemoryContext);
	return p;
}

/* Bind the predecessor to the columns that will be read, which hold all that it needs. */
void
CsPredecessorBind(CsPredecessor *p, const CsTraining *t, const CsColumn *columns, int ncolumns)
{
	TupleDesc	desc = CreateTemplateTupleDesc(ncolumns);

	for (int i = 0; i < ncolumns; i++)
		TupleDescInitEntry(desc, i + 1, NameStr(columns[i].name), columns[i].type,
						   columns[i].typmod, 0);
	p->binding = CsBindingForRow(CsScorerPipeline(p->scorer), desc, t->model, t->context);
	p->context = t->context;
}

/* Label one row; rows come in order.  A row that cannot be placed, or is noise, gets -1. */
void
CsPredecessorLabel(CsPredecessor *p, int64 row, const Datum *values, const bool *nulls)
{
	CsAssignment assignment;

	if (row == p->capacity)
	{
		p->capacity = Max(FIRST_CAPACITY, p->capacity + p->capacity / 2);
		p->labels = p->labels == NULL ?
			MemoryContextAllocHuge(p->context, sizeof(int32) * p->capacity) :
			repalloc_huge(p->labels, sizeof(int32) * p->capacity);
	}
	p->labels[row] = -1;
	CsBindValues(p->binding, CsScorerPipeline(p->scorer), values, nulls, p->scoring.raw);
	if (CsScoringTry(&p->scoring, &assignment, NULL) &&
		!(p->scorer->has_noise && assignment.index == 0))
		p->labels[row] = assignment.index;
}

/* See train.h. */
void
CsPredecessorCompare(CsTraining *t, const int32 *labels, int64 nrows)
{
	CsPredecessor *p = t->predecessor;

	if (p->noverlap == 0)
	{
		p->noverlap = Max(t->fit.k, p->scorer->nsegments);
		if (p->noverlap <= CS_MAX_MATCHED)
			p->overlap = MemoryContextAllocZero(p->context,
												sizeof(double) * p->noverlap * p->noverlap);
	}
	if (p->overlap == NULL)
		return;
	for (int64 i = 0; i < nrows; i++)
	{
		if (i % CS_BLOCK_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (p->labels[i] >= 0 && labels[i] >= 0)
			p->overlap[(Size) labels[i] * p->noverlap + p->labels[i]]++;
	}
}

/* The deployed version's segments, in its scorer's order, with names as they are now. */
static OldSegment *
ReadOldSegments(const CsTraining *t)
{
	const CsScorer *scorer = t->predecessor->scorer;
	const CsScorerSegment *segments = CsScorerSegments(scorer);
	OldSegment *old = palloc0(sizeof(OldSegment) * scorer->nsegments);
	MemoryContext context = CurrentMemoryContext;
	CsSqlArgument arguments[2];
	uint64		nrows;

	for (int i = 0; i < scorer->nsegments; i++)
	{
		old[i].number = segments[i].segment;
		old[i].name = pstrdup(CsScorerAt(scorer, char, segments[i].name));
	}
	SPI_connect();
	arguments[0] = CsSqlText(t->model);
	arguments[1] = CsSqlInt4(scorer->version);
	nrows = CsCatalogExecute(old_segments_sql, arguments, lengthof(arguments), false);
	for (uint64 row = 0; row < nrows; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int			number = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull));
		char	   *name = SPI_getvalue(tuple, desc, 2);
		char	   *description = SPI_getvalue(tuple, desc, 3);
		Datum		rank = SPI_getbinval(tuple, desc, 4, &isnull);

		for (int i = 0; i < scorer->nsegments; i++)
		{
			if (old[i].number != number)
				continue;
			old[i].name = MemoryContextStrdup(context, name);
			old[i].rank = isnull ? 0 : DatumGetInt32(rank);
			if (description != NULL)
				old[i].description = MemoryContextStrdup(context, description);
		}
	}
	SPI_finish();
	return old;
}

/* The highest segment number of any version, 0 if there is none. */
static int
HighestNumber(const char *model)
{
	CsSqlArgument argument;
	int			highest = 0;

	SPI_connect();
	argument = CsSqlText(model);
	if (CsCatalogExecute(highest_number_sql, &argument, 1, false) > 0)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
										  &isnull);

		highest = isnull ? 0 : DatumGetInt32(value);
	}
	SPI_finish();
	return highest;
}

/* Take over what the old segment of that index has been given; its name unless there is one. */
static void
Inherit(CsSegmentRow *segment, const OldSegment *old)
{
	segment->segment = old->number;
	if (segment->name == NULL)
		segment->name = old->name;
	if (segment->description == NULL)
		segment->description = old->description;
	segment->rank = old->rank;
}

/* Forget overlaps that are not most of both segments' rows: another name is meant to say something. */
static void
KeepMajorities(CsTraining *t)
{
	const CsPredecessor *p = t->predecessor;
	int			n = p->noverlap;

	for (int old = 0; old < n; old++)
	{
		double		rows = 0;

		for (int c = 0; c < n; c++)
			rows += p->overlap[(Size) c * n + old];
		for (int c = 0; c < t->fit.k; c++)
		{
			double	   *shared = &p->overlap[(Size) c * n + old];

			if (*shared * 2 <= Max(rows, (double) t->segments[c].n))
				*shared = 0;
		}
	}
}

/*
 * Pair segments that are given with the old ones of the same name, and take these out of the overlap
 * that the others are paired by.
 */
static void
MatchNames(CsTraining *t, const OldSegment *old)
{
	const CsPredecessor *p = t->predecessor;
	int			n = p->noverlap;

	for (int c = 0; c < t->fit.k; c++)
		for (int i = p->scorer->has_noise; i < p->scorer->nsegments; i++)
		{
			if (strcmp(t->fit.names[c], old[i].name) != 0)
				continue;
			Inherit(&t->segments[c], &old[i]);
			for (int j = 0; j < n; j++)
				p->overlap[(Size) c * n + j] = p->overlap[(Size) j * n + i] = 0;
			break;
		}
}

/* Have segments of the same name matched before all others: the target's are told by their names. */
static void
PreferNames(const CsTraining *t, const OldSegment *old)
{
	const CsPredecessor *p = t->predecessor;
	const CsTargetClass *classes;
	int			n = t->target == NULL ? 0 : CsTargetClasses(t->target, &classes);

	for (int c = 0; c < n; c++)
		for (int i = 0; i < p->scorer->nsegments; i++)
			if (strcmp(classes[c].name, old[i].name) == 0)
				p->overlap[(Size) c * p->noverlap + i] += (double) t->nrows + 1;
}

/* Give segments that most of the same customers are in their number and name; 0: no such one. */
static void
MatchPredecessor(CsTraining *t)
{
	const CsPredecessor *p = t->predecessor;
	int			nold = p->scorer->nsegments;
	int			n = p->noverlap;
	int		   *match = palloc(sizeof(int) * n);
	OldSegment *old = ReadOldSegments(t);

	if (t->fit.names != NULL)
	{
		KeepMajorities(t);
		MatchNames(t, old);
	}
	PreferNames(t, old);
	CsAssignMaximum(n, p->overlap, match);
	for (int c = 0; c < t->fit.k; c++)
	{
		CsSegmentRow *segment = &t->segments[c];

		if (match[c] < nold && p->overlap[(Size) c * n + match[c]] > 0)
			Inherit(segment, &old[match[c]]);
	}
	if (t->algorithm->has_noise && t->predecessor->scorer->has_noise)
	{
		t->segments[t->fit.k].name = old[0].name;
		t->segments[t->fit.k].description = old[0].description;
		t->segments[t->fit.k].rank = old[0].rank;
	}
	pfree(match);
}

/* Larger segments first, then in the algorithm's order, which addresses in the array tell. */
static int
CompareBySize(const void *a, const void *b)
{
	const CsSegmentRow *x = *(CsSegmentRow *const *) a;
	const CsSegmentRow *y = *(CsSegmentRow *const *) b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Lower numbers first; they are unique. */
static int
CompareByNumber(const void *a, const void *b)
{
	return ((const CsSegmentRow *) a)->segment - ((const CsSegmentRow *) b)->segment;
}

/* Number what has no number yet, by size or as they are given, from "next" on. */
static void
NumberRest(CsTraining *t, int next)
{
	CsSegmentRow **order = palloc(sizeof(CsSegmentRow *) * t->fit.k);

	for (int c = 0; c < t->fit.k; c++)
		order[c] = &t->segments[c];
	if (t->fit.names == NULL)
		qsort(order, t->fit.k, sizeof(CsSegmentRow *), CompareBySize);
	for (int c = 0; c < t->fit.k; c++)
	{
		if (order[c]->segment != 0)
			continue;
		order[c]->segment = next++;
		if (order[c]->name == NULL)
			order[c]->name = psprintf("segment %d", order[c]->segment);
	}
	pfree(order);
}

/* Give segments the numbers and names of what they imitate. */
static void
TakeOver(CsTraining *t)
{
	const CsTargetClass *classes;
	int			n = CsTargetClasses(t->target, &classes);

	for (int c = 0; c < n; c++)
	{
		t->segments[c].segment = classes[c].number;
		t->segments[c].name = classes[c].name;
		t->segments[c].description = classes[c].description;
		t->segments[c].rank = classes[c].rank;
	}
	qsort(t->segments, t->nsegments, sizeof(CsSegmentRow), CompareByNumber);
}

/* Name what got a new number by what it imitates; a number from the predecessor comes with a name. */
static void
NameNewSegments(CsTraining *t, int next)
{
	const CsTargetClass *classes;
	int			n = CsTargetClasses(t->target, &classes);

	for (int c = 0; c < n; c++)
		if (t->segments[c].segment >= next)
			t->segments[c].name = classes[c].name;
}

/*
 * Number and name t->segments, and put them in the order of their numbers.  Must be called outside
 * parallel mode, since it reads what other sessions have committed.
 */
void
CsNumberSegments(CsTraining *t)
{
	int			next = 1;

	if (t->target != NULL && (t->predecessor == NULL || CsTargetHasNumbers(t->target)))
	{
		TakeOver(t);
		return;
	}
	for (int c = 0; c < t->fit.k && t->fit.names != NULL; c++)
	{
		t->segments[c].name = t->fit.names[c];
		t->segments[c].description = t->fit.descriptions[c];
	}
	if (t->predecessor != NULL && t->predecessor->noverlap == 0)
		CsPredecessorCompare(t, CsArenaAddress(t->arena, t->fit.labels), t->matrix->nrows);
	if (t->predecessor != NULL && t->predecessor->noverlap > CS_MAX_MATCHED)
	{
		ereport(NOTICE,
				(errmsg("segments are numbered anew, not as in version %d of model \"%s\"",
						t->predecessor->scorer->version, t->model),
				 errdetail("More than %d segments are not compared.", CS_MAX_MATCHED)));
		t->predecessor = NULL;
	}
	if (t->predecessor != NULL)
	{
		const CsScorer *scorer = t->predecessor->scorer;
		int			last = CsScorerSegments(scorer)[scorer->nsegments - 1].segment;
		int			highest;

		CsModelLock(t->model);
		highest = HighestNumber(t->model);
		MatchPredecessor(t);
		next = Max(highest, last) + 1;
	}
	NumberRest(t, next);
	if (t->target != NULL)
		NameNewSegments(t, next);
	if (t->algorithm->has_noise && t->segments[t->fit.k].name == NULL)
		t->segments[t->fit.k].name = pstrdup("noise");
	qsort(t->segments, t->nsegments, sizeof(CsSegmentRow), CompareByNumber);
}
