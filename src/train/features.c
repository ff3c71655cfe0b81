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
#include "executor/spi.h"
#include "math/math.h"
#include "miscadmin.h"
#include "train/train.h"
#include "utils/builtins.h"

/* Rows with a value in fewer of which two columns may say the same by chance. */
#define LEAST_PAIRS 20

/* Whole numbers up to here are exact as doubles. */
#define MOST_EXACT 9007199254740992.0

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
	if (t->outcome != NULL && strcmp(NameStr(t->outcome->name), column) == 0)
		return true;
	return t->target != NULL && t->target->column != NULL &&
		strcmp(t->target->column, column) == 0;
}

/* An error unless a column that the user named can be a feature. */
static void
CheckNamed(CsTraining *t, const CsColumn *column)
{
	CheckUsable(column);
	if (t->outcome != NULL && CsIsSameColumn(t->outcome, column))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target column \"%s\" cannot be a feature", NameStr(column->name)),
				 errhint("A model that is given what it is to predict has nothing to learn. Leave it out of \"features\".")));
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

/* The columns that prep excludes, elements of vectors among them, a List of const CsColumn *. */
static List *
ResolveExcluded(const CsRelation *relation, const List *names)
{
	List	   *columns = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		int			n;
		const CsColumn *found = CsRelationColumns(relation, lfirst(cell), &n);

		for (int i = 0; i < n; i++)
			columns = lappend(columns, unconstify(CsColumn *, &found[i]));
	}
	return columns;
}

static bool
IsAmong(const List *columns, const CsColumn *column)
{
	ListCell   *cell;

	foreach(cell, columns)
		if (CsIsSameColumn((const CsColumn *) lfirst(cell), column))
			return true;
	return false;
}

/* Features when none are named: every usable column that does not just label its row. */
static void
ResolveAll(CsTraining *t, const List *excluded)
{
	const CsRelation *relation = t->relation;
	List	   *others = ResolveExcluded(relation, excluded);
	List	   *primary_key = CsPrimaryKey(relation->relid);
	int			ncolumns;
	const CsColumn *columns = CsRelationAllColumns(relation, &ncolumns);

	t->features = palloc(sizeof(CsColumn) * Max(ncolumns, 1));
	for (int i = 0; i < ncolumns; i++)
	{
		const CsColumn *column = &columns[i];

		if (IsLabelOfRow(t, primary_key, column) || IsAmong(others, column))
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

/*
 * Fill the training's features, with a dictionary for each categorical one.  Names, those of all features, and
 * prep may be NULL.
 */
void
CsFeaturesResolve(CsTraining *t, ArrayType *names, Jsonb *prep)
{
	List	   *excluded = CsPrepExcluded(prep);

	if (names != NULL && excluded != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("preparation key \"exclude\" needs \"features\" left out"),
				 errhint("Name the features, or those columns that are none.")));
	initStringInfo(&t->left_out);
	initStringInfo(&t->doubts);
	t->choose_features = names == NULL;
	if (names == NULL)
		ResolveAll(t, excluded);
	else
		ResolveNamed(t, names);

	CsPrepKinds(prep, t->features, t->nfeatures);
	t->dictionaries = palloc0(sizeof(CsDictionary *) * t->nfeatures);
	t->overfull = palloc0(sizeof(bool) * t->nfeatures);
	t->has_null = palloc0(sizeof(bool) * t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
		if (t->features[i].converter.kind == CS_CATEGORICAL)
			t->dictionaries[i] = CsDictionaryCreate();
}

/* Values of a column of the raw matrix. */
typedef void (*TakeValues) (void *state, const double *x, int nrows);

static void
EachBlock(const CsTraining *t, int column, TakeValues take, void *state)
{
	for (int64 b = 0; b < CsMatrixBlocks(t->raw); b++)
	{
		CHECK_FOR_INTERRUPTS();
		take(state, CsMatrixBlock(t->raw, t->arena, b) + (Size) column * CS_BLOCK_ROWS,
			 CsMatrixBlockRows(t->raw, b));
	}
}

/* Values of a column that are gathered. */
typedef struct Gathering
{
	double	   *values;			/* room for all of them */
	int64		nvalues;
} Gathering;

/* TakeValues: keep those that are there. */
static void
GatherValues(void *state, const double *x, int nrows)
{
	Gathering  *g = state;

	for (int r = 0; r < nrows; r++)
		if (isfinite(x[r]))
			g->values[g->nvalues++] = x[r];
}

/* Do the n values, which are sorted, all differ? */
static bool
AreDifferent(double *values, int64 n)
{
	double	   *scratch = palloc_extended(sizeof(double) * Max(n, 1), MCXT_ALLOC_HUGE);
	bool		different = true;

	CsSortDoubles(values, n, scratch);
	for (int64 i = 1; i < n && different; i++)
		different = values[i] != values[i - 1];
	pfree(scratch);
	return different;
}

/*
 * Does a column of whole numbers have a different one in every row?  A block tells of nearly every column
 * that it does not.
 */
static bool
IsDifferent(const CsTraining *t, int column, const CsColumnFacts *facts)
{
	Gathering	g = {0};
	int			first = CsMatrixBlockRows(t->raw, 0);
	bool		different;

	g.values = palloc_extended(sizeof(double) * Max(facts->n, first), MCXT_ALLOC_HUGE);
	GatherValues(&g, CsMatrixBlock(t->raw, t->arena, 0) + (Size) column * CS_BLOCK_ROWS, first);
	different = AreDifferent(g.values, g.nvalues);
	if (different)
	{
		g.nvalues = 0;
		EachBlock(t, column, GatherValues, &g);
		different = AreDifferent(g.values, g.nvalues);
	}
	pfree(g.values);
	return different;
}

/*
 * Does each of some columns, whose values have more digits than doubles, have a different one in every row?
 * The source is asked, once for all of them; n_distinct then says so.
 */
static void
AskSource(const CsTraining *t, CsColumnFacts *facts, const bool *asked)
{
	StringInfoData sql;
	int			n = 0;

	initStringInfo(&sql);
	for (int i = 0; i < t->nfeatures; i++)
	{
		const char *name = quote_identifier(NameStr(t->features[i].name));

		if (asked[i])
			appendStringInfo(&sql, "%s pg_catalog.count(DISTINCT %s) OPERATOR(pg_catalog.=) pg_catalog.count(%s)",
							 n++ == 0 ? "SELECT" : ",", name, name);
	}
	if (n == 0)
		return;
	appendStringInfo(&sql, " FROM %s", t->relation->from_item);
	SPI_connect();
	CsRelationExecute(t->relation, sql.data, 1, NULL);
	for (int i = 0, at = 0; i < t->nfeatures; i++)
	{
		bool		isnull;

		if (asked[i] && DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, ++at, &isnull)))
			facts[i].n_distinct = facts[i].n;
	}
	SPI_finish();
}

/*
 * Count how many values of a column differ, as far as it matters, where numbers do; returns whether AskSource() has to
 * be asked, too.
 */
static bool
CountDifferent(const CsTraining *t, int column, CsColumnFacts *f)
{
	bool		is_exact = t->features[column].converter.type != INT8OID ||
		Max(fabs(f->low.value), fabs(f->high.value)) <= MOST_EXACT;
	bool		may_number;

	if (t->dictionaries[column] != NULL)
		return false;
	/* how many values differ matters where all of them do, or none */
	f->n_distinct = f->n == 0 ? 0 : f->range == 0 ? 1 : 2;
	may_number = t->choose_features && f->n_null == 0 && f->whole && f->kind == CS_NUMERIC &&
		(!f->is_integer || !is_exact || f->few.n > CS_FEW_VALUES || f->few.n == f->n);
	if (may_number && is_exact && IsDifferent(t, column, f))
		f->n_distinct = f->n;
	return may_number && !is_exact;
}

/* Why columns that nobody named cannot help, for each a phrase or NULL. */
static void
FindReasons(const CsTraining *t, const CsColumnFacts *facts, char **reasons)
{
	const CsColumn **columns = palloc(sizeof(CsColumn *) * t->nfeatures);
	const CsColumnFacts **asked = palloc0(sizeof(CsColumnFacts *) * t->nfeatures);
	char	  **segments;

	for (int i = 0; i < t->nfeatures; i++)
	{
		columns[i] = &t->features[i];
		reasons[i] = CsWhyUnsuitable(&facts[i]);
		if (reasons[i] == NULL && facts[i].n_infinite > 0 && columns[i]->element > 0)
			reasons[i] = pstrdup("infinite, or vectors that differ in width");
		if (reasons[i] == NULL)
			asked[i] = &facts[i];
	}
	segments = CsSegmentColumnReasons(t->relation, columns, asked, t->nfeatures);
	for (int i = 0; i < t->nfeatures; i++)
		if (reasons[i] == NULL)
			reasons[i] = segments[i];
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
		t->has_null[to] = t->has_null[from];
		t->prep->columns[to] = t->prep->columns[from];
		to++;
	}
	t->nfeatures = t->prep->ncolumns = t->raw->ncolumns = to;
}

/* Note what a feature may rather be; NULL: there is no doubt. */
static void
Doubt(CsTraining *t, int column, const char *phrase)
{
	if (phrase == NULL)
		return;
	if (t->doubts.len > 0)
		appendStringInfoString(&t->doubts, ", ");
	appendStringInfo(&t->doubts, "\"%s\" (%s)", NameStr(t->features[column].name), phrase);
}

/*
 * Keep the columns that there is no reason to leave out, and with "all_numbers" the numbers, too: where
 * there is nothing but columns that may number the rows, they may as well be measured.  Returns how many.
 */
static int
DecideKept(CsTraining *t, char **reasons, const bool *numbers, bool all_numbers, bool *keep)
{
	int			nkept = 0;

	for (int i = 0; i < t->nfeatures; i++)
	{
		keep[i] = reasons[i] == NULL || (all_numbers && numbers[i]);
		nkept += keep[i];
		if (!keep[i])
			LeaveOut(t, &t->features[i], reasons[i]);
		else
			Doubt(t, i, reasons[i]);
	}
	return nkept;
}

/* Does a feature follow from another, over all rows? */
static bool
Follows(const CsTraining *t, int from, int feature)
{
	int64		middle = CsMatrixBlocks(t->raw) / 2;
	const double *ordinary = CsMatrixBlock(t->raw, t->arena, middle) + CsMatrixBlockRows(t->raw, middle) / 2;
	CsFollows	follows;

	CsFollowsBegin(&follows, ordinary[(Size) from * CS_BLOCK_ROWS], ordinary[(Size) feature * CS_BLOCK_ROWS]);
	for (int64 b = 0; b < CsMatrixBlocks(t->raw); b++)
	{
		const double *block = CsMatrixBlock(t->raw, t->arena, b);

		if (!CsFollowsTake(&follows, block + (Size) from * CS_BLOCK_ROWS,
						   block + (Size) feature * CS_BLOCK_ROWS, CsMatrixBlockRows(t->raw, b)))
			return false;
	}
	return follows.n >= LEAST_PAIRS && CsFollowsDecide(&follows);
}

/*
 * Note the features that say what another one says, as a date does beside the days since then: distances count
 * it twice.  Of a number and a time the time is doubted, else the later one.
 */
static void
DoubtDoubles(CsTraining *t)
{
	for (int i = 0; i < t->nfeatures; i++)
	{
		CsKind		kind = t->features[i].converter.kind;

		if ((kind != CS_NUMERIC && kind != CS_TIME) || t->features[i].element > 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < t->nfeatures; j++)
		{
			CsKind		other = t->features[j].converter.kind;

			if (t->features[j].element == 0 && j != i &&
				(other == CS_NUMERIC ? kind == CS_TIME || j < i : other == CS_TIME && kind == CS_TIME && j < i) &&
				Follows(t, j, i))
			{
				Doubt(t, i, psprintf("says the same as \"%s\"", NameStr(t->features[j].name)));
				break;
			}
		}
	}
}

/*
 * Drop the columns that cannot help, unless the user named them, and note those that may be other than they
 * are taken for; CsFeaturesReport() says so.  An error if none is left.  There are rows.
 */
void
CsFeaturesDropUseless(CsTraining *t)
{
	bool	   *keep = palloc(sizeof(bool) * t->nfeatures);
	char	  **reasons = palloc0(sizeof(char *) * t->nfeatures);
	bool	   *numbers = palloc0(sizeof(bool) * t->nfeatures);
	bool	   *asked = palloc(sizeof(bool) * t->nfeatures);
	CsColumnFacts *facts = CsGatherFacts(t);
	bool		values_stay = t->algorithm != NULL && t->algorithm->features != NULL;
	int			nkept = 0;

	for (int i = 0; i < t->nfeatures; i++)
		asked[i] = CountDifferent(t, i, &facts[i]);
	AskSource(t, facts, asked);
	if (t->choose_features)
		FindReasons(t, facts, reasons);
	for (int i = 0; i < t->nfeatures; i++)
	{
		if (reasons[i] == NULL && !values_stay)
		{
			if (!t->prep->columns[i].kind_given)
				Doubt(t, i, CsReconsider(&facts[i]));
			Doubt(t, i, CsStandsForMissing(&facts[i]));
		}
		numbers[i] = t->choose_features && CsIsNumbering(&facts[i]);
		nkept += reasons[i] == NULL;
	}
	nkept = DecideKept(t, reasons, numbers, nkept == 0, keep);
	if (nkept == 0)
		ReportNoFeatures(t);
	if (nkept < t->nfeatures)
	{
		CompactMatrix(t, keep);
		CompactFeatures(t, keep);
	}
	if (!values_stay)
		DoubtDoubles(t);
	pfree(facts);
	pfree(keep);
}

/* What the preparation made of a feature that has to be said, or NULL. */
static const char *
WhatBecameOf(const CsTraining *t, int feature)
{
	const CsPrepColumn *prep = &t->prep->columns[feature];
	const CsBaseline *baseline = &t->baselines[feature];

	if (baseline->is_constant)
		return prep->clip != CS_CLIP_NONE && baseline->sd > 0 ? "constant once it is clipped" : "constant";
	return baseline->lacks_range ?
		"its quartiles are equal, so the standard deviation takes the place of their distance" : NULL;
}

/*
 * Say in one NOTICE which columns were left out, and which features are constant, prepared otherwise than was
 * asked for, or perhaps other than they are taken for.  The preparation is fitted.
 */
void
CsFeaturesReport(CsTraining *t)
{
	/* what runs no algorithm tells of each feature by itself */
	for (int i = 0; i < t->nfeatures && t->algorithm != NULL; i++)
		Doubt(t, i, WhatBecameOf(t, i));
	if (t->left_out.len > 0)
		ereport(NOTICE,
				(errmsg("left out unsuitable columns: %s", t->left_out.data),
				 t->doubts.len > 0 ? errdetail("Features to look at: %s.", t->doubts.data) : 0,
				 errhint("Name columns in \"features\" to use them all the same.")));
	else if (t->doubts.len > 0)
		ereport(NOTICE,
				(errmsg("features to look at: %s", t->doubts.data)));
}
