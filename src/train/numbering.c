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
 * Without a deployed version, segments are numbered from 1 by size; where it cannot be compared with,
 * from the first number on that no version has, so that a number that customers carry keeps its
 * meaning.  Noise is always number 0 and takes no part in this.
 *
 * Segments that are given with names keep them: first those of the same name are paired, then the
 * others by their overlap, provided that it is most of both; and what is new is numbered in the order
 * in which it is given.
 */
#include "custseg.h"

#include "math/math.h"
#include "miscadmin.h"
#include "train/train.h"

static const char *const highest_number_sql =
"SELECT pg_catalog.max(s.segment) FROM custseg.segment AS s "
"WHERE s.model OPERATOR(pg_catalog.=) $1";

/* Say that segments do not keep their numbers, and why. */
static void
NumberAnew(const CsLabeller *predecessor, const char *why)
{
	ereport(NOTICE,
			(errmsg("all segments get new numbers, because they cannot be compared with those of %s",
					predecessor->name),
			 errdetail_internal("%s", why)));
}

/*
 * The labeller by the deployed version of the model, which the caller may use; NULL when there is
 * none, or when the source lacks a column that it needs.
 */
CsLabeller *
CsFindPredecessor(const CsTraining *t)
{
	int			version = CsModelDeployedVersion(t->model);
	CsLabeller *predecessor;
	char	   *lacks;

	if (version == 0)
		return NULL;
	predecessor = CsLabelByModel(t->model, version, false);
	lacks = CsLabellerLacks(predecessor, t->relation);
	if (lacks == NULL)
		return predecessor;
	NumberAnew(predecessor, psprintf("That version needs a %s, which %s does not have.", lacks,
									 t->relation->description));
	return NULL;
}

/*
 * Count the rows that new segments, given by "labels", share with those of the predecessor.  May be
 * called again for further rows.
 */
void
CsPredecessorCompare(CsTraining *t, const int32 *labels, int64 nrows)
{
	const int32 *old = t->predecessor->labels;
	CsOverlap  *overlap = &t->overlap;

	if (overlap->n == 0)
	{
		overlap->n = Max(t->fit.k, t->predecessor->nclasses);
		if (overlap->n <= CS_MAX_MATCHED)
			overlap->rows = MemoryContextAllocZero(t->context,
												   sizeof(double) * overlap->n * overlap->n);
	}
	if (overlap->rows == NULL)
		return;
	for (int64 i = 0; i < nrows; i++)
	{
		CsCheckInterrupts(i);
		if (old[i] >= 0 && labels[i] >= 0)
			overlap->rows[(Size) labels[i] * overlap->n + old[i]]++;
	}
}

/*
 * The first segment number above those of all versions.  The model's lock is held from here on, so that no
 * other training takes it.
 */
static int
FirstFree(const char *model)
{
	int			highest;

	CsModelLock(model);
	SPI_connect();
	CsCatalogExecute(highest_number_sql, CsValues(CsValueText(model)), false);
	highest = CsFoundInt4(0);
	SPI_finish();
	return highest + 1;
}

/* Call a segment what a class is called. */
static void
TakeName(CsSegmentRow *segment, const CsClass *class)
{
	segment->name = class->name;
	segment->description = class->description;
	segment->rank = class->rank;
}

/* Take over what the old segment of that index has been given; its name unless there is one. */
static void
Inherit(CsSegmentRow *segment, const CsClass *old)
{
	segment->segment = old->number;
	if (segment->name == NULL)
		segment->name = old->name;
	if (segment->description == NULL)
		segment->description = old->description;
	segment->rank = old->rank;
}

/*
 * Forget overlaps that are not most of both segments' rows: another name is meant to say something.
 */
static void
KeepMajorities(CsTraining *t)
{
	int			n = t->overlap.n;

	for (int old = 0; old < n; old++)
	{
		double		rows = 0;

		for (int c = 0; c < n; c++)
			rows += t->overlap.rows[(Size) c * n + old];
		for (int c = 0; c < t->fit.k; c++)
		{
			double	   *shared = &t->overlap.rows[(Size) c * n + old];

			if (*shared * 2 <= Max(rows, (double) t->segments[c].n))
				*shared = 0;
		}
	}
}

/*
 * Pair segments that are given with the old ones of the same name, and take these out of the
 * overlap that the others are paired by.
 */
static void
MatchNames(CsTraining *t, const CsClass *old)
{
	double	   *overlap = t->overlap.rows;
	int			n = t->overlap.n;

	for (int c = 0; c < t->fit.k; c++)
		for (int i = 0; i < t->predecessor->nclasses; i++)
		{
			if (old[i].number == 0 || strcmp(t->fit.names[c], old[i].name) != 0)
				continue;
			Inherit(&t->segments[c], &old[i]);
			for (int j = 0; j < n; j++)
				overlap[(Size) c * n + j] = overlap[(Size) j * n + i] = 0;
			break;
		}
}

/*
 * Have segments of the same name matched before all others: the target's are told by their names.
 */
static void
PreferNames(const CsTraining *t, const CsClass *old)
{
	for (int c = 0; t->target != NULL && c < t->target->nclasses; c++)
		for (int i = 0; i < t->predecessor->nclasses; i++)
			if (strcmp(t->target->classes[c].name, old[i].name) == 0)
				t->overlap.rows[(Size) c * t->overlap.n + i] += (double) t->nrows + 1;
}

/* Give segments that most of the same customers are in their number and name; 0: no such one. */
static void
MatchPredecessor(CsTraining *t, const CsClass *old)
{
	int			n = t->overlap.n;
	int		   *match = palloc(sizeof(int) * n);

	if (t->fit.names != NULL)
	{
		KeepMajorities(t);
		MatchNames(t, old);
	}
	PreferNames(t, old);
	CsAssignMaximum(n, t->overlap.rows, match);
	for (int c = 0; c < t->fit.k; c++)
		if (match[c] < t->predecessor->nclasses &&
			t->overlap.rows[(Size) c * n + match[c]] > 0)
			Inherit(&t->segments[c], &old[match[c]]);
	if (t->algorithm->has_noise && old[0].number == 0)
		TakeName(&t->segments[t->fit.k], &old[0]);
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
NumberRest(CsTraining *t, int64 next)
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
		if (next > PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("model \"%s\" has no number left for a new segment", t->model),
					 errdetail("New segments are numbered above those of all versions, which go up to %d.",
							   PG_INT32_MAX),
					 errhint("Train under another name.")));
		order[c]->segment = (int32) next++;
		if (order[c]->name == NULL)
			order[c]->name = psprintf("segment %d", order[c]->segment);
	}
	pfree(order);
}

/* Give segments the numbers and names of what they imitate. */
static void
TakeOver(CsTraining *t)
{
	for (int c = 0; c < t->target->nclasses; c++)
	{
		t->segments[c].segment = t->target->classes[c].number;
		TakeName(&t->segments[c], &t->target->classes[c]);
	}
}

/* Give segments the numbers of the predecessor's; returns the first number that is not taken. */
static int64
KeepNumbers(CsTraining *t)
{
	const CsClass *old;
	int			highest;

	if (t->overlap.rows == NULL)
	{
		NumberAnew(t->predecessor, psprintf("More than %d segments are not compared.",
											CS_MAX_MATCHED));
		return FirstFree(t->model);
	}
	highest = FirstFree(t->model) - 1;
	old = t->predecessor->classes_of(t->predecessor);
	for (int i = 0; i < t->predecessor->nclasses; i++)
		highest = Max(highest, old[i].number);
	MatchPredecessor(t, old);
	return (int64) highest + 1;
}

/* Number segments by the predecessor's, as they are given, or by size, and name them. */
static void
NumberAndName(CsTraining *t)
{
	int64		next = 1;

	for (int c = 0; c < t->fit.k && t->fit.names != NULL; c++)
	{
		t->segments[c].name = t->fit.names[c];
		t->segments[c].description = t->fit.descriptions[c];
	}
	if (t->predecessor != NULL)
		next = KeepNumbers(t);
	else if (CsModelDeployedVersion(t->model) != 0)
		next = FirstFree(t->model);
	NumberRest(t, next);
	/* what got a new number is called what it imitates; a number of the predecessor's has a name */
	for (int c = 0; t->target != NULL && c < t->target->nclasses; c++)
		if (t->segments[c].segment >= next)
			t->segments[c].name = t->target->classes[c].name;
	if (t->algorithm->has_noise && t->segments[t->fit.k].name == NULL)
		t->segments[t->fit.k].name = pstrdup("noise");
}

/* Are numbers and names those of the target's classes, whatever the predecessor's are? */
static bool
TakesOver(const CsTraining *t)
{
	return t->target != NULL && (t->predecessor == NULL || t->target->has_numbers);
}

/* Compare with the predecessor what CsNumberSegments() needs of it, unless that has been done; the last to look at labels. */
void
CsCompareForNumbers(CsTraining *t)
{
	if (t->predecessor != NULL && t->overlap.n == 0 && !TakesOver(t))
		CsPredecessorCompare(t, CsArenaAddress(t->arena, t->fit.labels), t->matrix->nrows);
}

/*
 * Number and name t->segments, and put them in the order of their numbers.  Must be called outside
 * parallel mode, since it reads what other sessions have committed.
 */
void
CsNumberSegments(CsTraining *t)
{
	if (TakesOver(t))
		TakeOver(t);
	else
		NumberAndName(t);
	qsort(t->segments, t->nsegments, sizeof(CsSegmentRow), CompareByNumber);
}
