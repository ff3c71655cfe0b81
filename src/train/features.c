/*
 * features.c
 *	  Which columns of a source a model is trained on.
 *
 * Columns that the user names are taken as they are: each must exist and be of a type that can be
 * a number or a category.  When none are named, all are taken but those that identify a row or
 * weigh it; and once the rows have been read, columns that cannot help are dropped again, because
 * only their values tell: constants, columns that are mostly empty, texts that name a customer
 * rather than a kind of customer.  One NOTICE says which and why.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "train/train.h"
#include "utils/builtins.h"

/* A larger share of missing values makes a column useless. */
#define MAX_NULL_SHARE 0.4

/* What the values of a column tell. */
typedef struct ColumnFacts
{
	int64		n_missing;
	int64		n_infinite;
	bool		varies;			/* two values differ; a missing category counts as a value */
} ColumnFacts;

/* Error when a column's type is neither a number nor a category. */
static void
CheckUsable(const CsColumn *column)
{
	if (column->converter.kind != CS_UNUSABLE)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of type %s cannot be a feature", NameStr(column->name),
					format_type_be(column->type)),
			 errdetail("A feature is a number, a boolean, a date or time, or a text or enum."),
			 errhint("Cast it in a query: SELECT %s::text, ... FROM ...",
					 quote_identifier(NameStr(column->name)))));
}

/* Is it the column whose values are to be told from the features? */
static bool
IsImitated(const CsTraining *t, const char *column)
{
	return t->target != NULL && t->target->column != NULL &&
		strcmp(t->target->column, column) == 0;
}

/* An error unless a column that the user named can be a feature. */
static void
CheckNamed(CsTraining *t, const CsColumn *column)
{
	CheckUsable(column);
	if (IsImitated(t, NameStr(column->name)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" is imitated, so it cannot be a feature",
						NameStr(column->name)),
				 errhint("Leave it out of \"features\".")));
}

/* Features by the names that the user gave. */
static void
ResolveNamed(CsTraining *t, ArrayType *names)
{
	t->features = CsRelationNamed(t->relation, names, "features", &t->nfeatures);
	if (t->nfeatures > CS_MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many features"),
				 errdetail("A model can have at most %d features.", CS_MAX_FEATURES),
				 errhint("custseg.select_features() shows which features are redundant.")));
	for (int i = 0; i < t->nfeatures; i++)
		CheckNamed(t, &t->features[i]);
}

/* Note that a column is not used, and why; of the elements of a vector the first tells. */
static void
LeaveOut(CsTraining *t, const CsColumn *column, const char *reason)
{
	if (column->element > 0 && t->left_out_vector == column->vector)
	{
		if (t->left_out_elements++ == 1)
			appendStringInfoString(&t->left_out, ", others of its elements");
		return;
	}
	t->left_out_vector = column->element > 0 ? column->vector : NULL;
	t->left_out_elements = 1;
	if (t->left_out.len > 0)
		appendStringInfoString(&t->left_out, ", ");
	appendStringInfo(&t->left_out, "\"%s\" (%s)", NameStr(column->name), reason);
}

/*
 * Does a column identify a row, weigh it or label it, rather than describe it?
 */
static bool
IsLabelOfRow(const CsTraining *t, const List *primary_key, const CsColumn *column)
{
	const char *name = NameStr(column->name);
	ListCell   *cell;

	if (CsIdHasColumn(t->id, name))
		return true;
	if (t->common->weight != NULL && strcmp(t->common->weight, name) == 0)
		return true;
	if (IsImitated(t, name))
		return true;
	foreach(cell, primary_key)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

/* Raise the error for a training without any feature. */
static void
ReportNoFeatures(const CsTraining *t)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("no column of %s can serve as a feature", t->relation->description),
			 t->left_out.len > 0 ? errdetail("Left out: %s.", t->left_out.data) : 0,
			 errhint("Name the columns to use in \"features\", or give a query that computes them.")));
}

/* Features when none are named: every usable column that does not just label its row. */
static void
ResolveAll(CsTraining *t)
{
	const CsRelation *relation = t->relation;
	List	   *primary_key = CsPrimaryKey(relation->relid);
	int			ncolumns;
	const CsColumn *columns = CsRelationAllColumns(relation, &ncolumns);

	t->features = palloc(sizeof(CsColumn) * Max(ncolumns, 1));
	for (int i = 0; i < ncolumns; i++)
	{
		const CsColumn *column = &columns[i];

		if (IsLabelOfRow(t, primary_key, column))
			continue;
		if (column->converter.kind == CS_UNUSABLE)
			LeaveOut(t, column, column->vector != NULL ? column->vector->why_not :
					 psprintf("type %s", CsColumnTypeName(column)));
		else
			t->features[t->nfeatures++] = *column;
	}
	if (t->nfeatures == 0)
		ReportNoFeatures(t);
	if (t->nfeatures > CS_MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s has %d columns that can be features", relation->description,
						t->nfeatures),
				 errhint("Name at most %d of them in \"features\".", CS_MAX_FEATURES)));
}

/* Fill the training's features, with a dictionary for each categorical one; names may be NULL. */
void
CsFeaturesResolve(CsTraining *t, ArrayType *names)
{
	initStringInfo(&t->left_out);
	t->choose_features = names == NULL;
	if (names == NULL)
		ResolveAll(t);
	else
		ResolveNamed(t, names);

	t->dictionaries = palloc0(sizeof(CsDictionary *) * t->nfeatures);
	t->overfull = palloc0(sizeof(bool) * t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
		if (t->features[i].converter.kind == CS_CATEGORICAL)
			t->dictionaries[i] = CsDictionaryCreate();
}

/* Look at all values of one column of the raw matrix. */
static ColumnFacts
ExamineColumn(const CsTraining *t, int column)
{
	ColumnFacts facts = {0, 0, false};
	double		first = NAN;

	for (int64 b = 0; b < CsMatrixBlocks(t->raw); b++)
	{
		const double *x = CsMatrixBlock(t->raw, t->arena, b) + (Size) column * CS_BLOCK_ROWS;
		int			nrows = CsMatrixBlockRows(t->raw, b);

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < nrows; r++)
		{
			if (isnan(x[r]))
				facts.n_missing++;
			else if (isnan(first))
				first = x[r];
			else if (x[r] != first)
				facts.varies = true;
			facts.n_infinite += isinf(x[r]) != 0;
		}
	}
	if (t->dictionaries[column] != NULL && facts.n_missing > 0 && !isnan(first))
		facts.varies = true;
	return facts;
}

/* Why a column cannot help, or NULL. */
static char *
WhyUseless(const CsTraining *t, int column)
{
	const CsDictionary *dictionary = t->dictionaries[column];
	ColumnFacts facts;
	double		null_share;

	if (t->overfull[column])
		return pstrdup("too many levels");
	facts = ExamineColumn(t, column);
	null_share = (double) facts.n_missing / t->raw->nrows;
	if (null_share > MAX_NULL_SHARE)
		return psprintf("%.0f %% null", 100 * null_share);
	if (!facts.varies)
		return pstrdup("constant");
	if (facts.n_infinite > 0 && t->features[column].element > 0)
		return pstrdup("infinite, or vectors that differ in width");
	if (dictionary != NULL)
	{
		int			nlevels = CsDictionarySize(dictionary);

		if (nlevels >= t->raw->nrows - facts.n_missing)
			return pstrdup("every value is different");
		if (nlevels > CS_MAX_LEVELS)
			return psprintf("%d levels are too many", nlevels);
	}
	return NULL;
}

/* Close the gaps that dropped columns leave in each block; the stride stays. */
static void
CompactMatrix(CsTraining *t, const bool *keep)
{
	CsMatrix   *m = t->raw;

	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		double	   *x = CsMatrixBlock(m, t->arena, b);
		int			to = 0;

		CHECK_FOR_INTERRUPTS();
		for (int from = 0; from < m->ncolumns; from++)
		{
			if (!keep[from])
				continue;
			if (to != from)
				memcpy(x + (Size) to * CS_BLOCK_ROWS, x + (Size) from * CS_BLOCK_ROWS,
					   sizeof(double) * CS_BLOCK_ROWS);
			to++;
		}
	}
}

/* The same for what is kept per feature. */
static void
CompactFeatures(CsTraining *t, const bool *keep)
{
	int			to = 0;

	for (int from = 0; from < t->nfeatures; from++)
	{
		if (!keep[from])
			continue;
		t->features[to] = t->features[from];
		t->dictionaries[to] = t->dictionaries[from];
		t->overfull[to] = t->overfull[from];
		t->prep->columns[to] = t->prep->columns[from];
		to++;
	}
	t->nfeatures = t->prep->ncolumns = t->raw->ncolumns = to;
}

/*
 * Drop the columns that cannot help, unless the user named them, and say so.  An error if none is
 * left.  There are rows.
 */
void
CsFeaturesDropUseless(CsTraining *t)
{
	bool	   *keep;
	int			nkept = 0;

	if (!t->choose_features)
		return;
	keep = palloc(sizeof(bool) * t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
	{
		char	   *reason = WhyUseless(t, i);

		keep[i] = reason == NULL;
		if (keep[i])
			nkept++;
		else
			LeaveOut(t, &t->features[i], reason);
	}
	if (nkept == 0)
		ReportNoFeatures(t);
	if (nkept < t->nfeatures)
	{
		CompactMatrix(t, keep);
		CompactFeatures(t, keep);
	}
	if (t->left_out.len > 0)
		ereport(NOTICE,
				(errmsg("left out unsuitable columns: %s", t->left_out.data),
				 errhint("Name columns in \"features\" to use them all the same.")));
	pfree(keep);
}

/* Is the column one of those that a labeller reads? */
static bool
IsRead(const CsLabeller *l, const char *name)
{
	ListCell   *cell;

	foreach(cell, l->columns)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

/*
 * Name the columns that a retraining chose by itself and that the deployed version does not use:
 * one of them may well be the segment that was written back.
 */
void
CsFeaturesCompare(const CsTraining *t)
{
	StringInfoData added;

	if (!t->choose_features || t->predecessor == NULL)
		return;
	initStringInfo(&added);
	for (int i = 0; i < t->nfeatures; i++)
		if (!IsRead(t->predecessor, NameStr(t->features[i].name)))
			appendStringInfo(&added, "%s\"%s\"", added.len > 0 ? ", " : "",
							 NameStr(t->features[i].name));
	if (added.len > 0)
		ereport(NOTICE,
				(errmsg("the features differ from those of %s", t->predecessor->name),
				 errdetail("New features are %s.", added.data),
				 errhint("Name the features, so that columns that were added since then are not used.")));
}
