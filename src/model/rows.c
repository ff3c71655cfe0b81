/*
 * rows.c
 *	  Reads a training's rows into its raw matrix.
 *
 * One pass: each row is converted, judged (is it skipped?), stored, and labelled by the deployed
 * version, for only here are the columns at hand that the older version needs.  Categories are
 * stored as codes of their column's dictionary.
 *
 * How many rows will come is not known, so the memory that the whole training will need is
 * computed anew with every block of rows.  Once it is past maintenance_work_mem nothing more is
 * stored, but the rows are counted to the end: the error can then say what would be enough.
 */
#include "custseg.h"

#include <math.h>

#include "model/train.h"
#include "progress.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

/* First room of arrays that grow with the rows. */
#define FIRST_CAPACITY 4096

typedef struct Reader
{
	CsTraining *t;
	int			ncolumns;
	CsColumn   *columns;		/* that are read: the features first, then what else is needed */
	int			weight;			/* which of them is the weight, or -1 */
	int64		nrows;			/* rows to train on so far, stored or not */
	int64		expected;		/* an estimate; -1: unknown */
	bool		over_limit;		/* rows are counted only */
	double	   *row;			/* the current row's features */
	double	   *block;			/* the matrix's last block */
	double	   *weights;		/* per row, when there is a weight column */
	int64		capacity;		/* of weights */
	int64		n_without_weight;
	int64	   *n_null;			/* per feature: rows skipped because it is null */
} Reader;

/* The index of a column among those that are read, which it joins if need be. */
static int
AddColumn(Reader *reader, const CsColumn *column)
{
	for (int i = 0; i < reader->ncolumns; i++)
		if (strcmp(NameStr(reader->columns[i].name), NameStr(column->name)) == 0)
			return i;
	reader->columns[reader->ncolumns] = *column;
	return reader->ncolumns++;
}

/* Collect the columns to read: features, weight, and what the deployed version needs. */
static void
CollectColumns(Reader *reader)
{
	CsTraining *t = reader->t;
	const char *weight = t->common->weight;

	reader->columns = palloc(sizeof(CsColumn) * t->relation->ncolumns);
	for (int i = 0; i < t->nfeatures; i++)
		AddColumn(reader, &t->features[i]);
	reader->weight = -1;
	if (weight != NULL)
	{
		const CsColumn *column = CsRelationColumn(t->relation, weight);

		if (column->converter.kind != CS_NUMERIC)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("weight column \"%s\" is of type %s", weight,
							format_type_be(column->type)),
					 errhint("A weight is a number: cast the column in a query.")));
		reader->weight = AddColumn(reader, column);
	}
	if (t->predecessor != NULL)
	{
		const CsPipeline *p = CsScorerPipeline(t->predecessor->scorer);

		for (int i = 0; i < p->nfeatures; i++)
			AddColumn(reader, CsRelationColumn(t->relation, NameStr(p->feature[i].name)));
		CsPredecessorBind(t->predecessor, t, reader->columns, reader->ncolumns);
	}
}

/* A category as a code; NaN when its dictionary is full, which only an unnamed feature may be. */
static double
CategoryCode(Reader *reader, int feature, Datum value)
{
	CsTraining *t = reader->t;
	int			length;
	void	   *copy;
	const char *text = CsCategoryText(&t->features[feature].converter, value, &length, &copy);
	int			code = CsDictionaryCode(t->dictionaries[feature], text, length);

	if (copy != NULL)
		pfree(copy);
	if (code >= 0)
		return code;
	if (!t->choose_features)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has too many levels to be a category",
						NameStr(t->features[feature].name)),
				 errdetail("It has more than %d, or their texts take more than %d MB.",
						   CS_MAX_DICTIONARY, CS_MAX_DICTIONARY_BYTES / (1024 * 1024)),
				 errhint("Leave it out, or group its values in a query.")));
	t->overfull[feature] = true;
	return NAN;
}

/* Fill reader->row. */
static void
ConvertRow(Reader *reader, const Datum *values, const bool *nulls)
{
	const CsTraining *t = reader->t;

	for (int i = 0; i < t->nfeatures; i++)
	{
		const CsConverter *converter = &t->features[i].converter;

		if (nulls[i] || t->overfull[i])
			reader->row[i] = NAN;
		else if (t->dictionaries[i] != NULL)
			reader->row[i] = CategoryCode(reader, i, values[i]);
		else
			reader->row[i] = converter->to_double(converter, values[i]);
	}
}

/*
 * The row's weight: 1 without a weight column; 0 when it has none or none that counts.
 */
static double
RowWeight(const Reader *reader, const Datum *values, const bool *nulls)
{
	const CsConverter *converter;
	double		weight;

	if (reader->weight < 0)
		return 1;
	if (nulls[reader->weight])
		return 0;
	converter = &reader->columns[reader->weight].converter;
	weight = converter->to_double(converter, values[reader->weight]);
	if (!(weight >= 0) || isinf(weight))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight column \"%s\" holds %s",
						NameStr(reader->columns[reader->weight].name),
						isnan(weight) ? "NaN" : psprintf("%g", weight)),
				 errhint("Weights are finite and not negative; a row of weight 0 or NULL is skipped.")));
	return weight;
}

/* Is the row to be skipped?  Counts it by its reason if so. */
static bool
SkipRow(Reader *reader, double weight)
{
	const CsPrep *prep = reader->t->prep;

	for (int i = 0; i < prep->ncolumns && !reader->t->keep_nulls; i++)
	{
		if (prep->columns[i].impute == CS_IMPUTE_SKIP && isnan(reader->row[i]))
		{
			reader->n_null[i]++;
			return true;
		}
	}
	if (weight == 0)
	{
		reader->n_without_weight++;
		return true;
	}
	return false;
}

/* Stop storing: the training won't fit, and what is held helps nobody. */
static void
GiveUpStoring(Reader *reader)
{
	CsTraining *t = reader->t;

	reader->over_limit = true;
	CsMatrixFree(t->raw, t->arena);
	if (reader->weights != NULL)
		pfree(reader->weights);
	reader->weights = NULL;
	if (t->predecessor != NULL && t->predecessor->labels != NULL)
	{
		pfree(t->predecessor->labels);
		t->predecessor->labels = NULL;
	}
}

/* The next row begins a block: make room for it, if the training may still grow. */
static void
StartBlock(Reader *reader)
{
	CsTraining *t = reader->t;
	MemoryContext old;

	CsProgressRows(reader->nrows, reader->expected);
	if (reader->over_limit)
		return;
	if (CsTrainingMemory(t, reader->nrows + 1) > CsTrainingMemoryLimit())
	{
		GiveUpStoring(reader);
		return;
	}
	old = MemoryContextSwitchTo(t->context);
	CsMatrixGrow(t->raw, t->arena);
	MemoryContextSwitchTo(old);
	reader->block = CsMatrixBlock(t->raw, t->arena, reader->nrows / CS_BLOCK_ROWS);
}

/* Keep the weight of the row that is being stored. */
static void
StoreWeight(Reader *reader, double weight)
{
	if (reader->nrows == reader->capacity)
	{
		int64		capacity = Max(FIRST_CAPACITY, reader->capacity + reader->capacity / 2);

		if (reader->weights == NULL)
			reader->weights = MemoryContextAllocHuge(reader->t->context,
													 sizeof(double) * capacity);
		else
			reader->weights = repalloc_huge(reader->weights, sizeof(double) * capacity);
		reader->capacity = capacity;
	}
	reader->weights[reader->nrows] = weight;
}

/* CsRowSink: one row of the source. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Reader	   *reader = (Reader *) state;
	CsTraining *t = reader->t;
	double		weight = RowWeight(reader, values, nulls);

	ConvertRow(reader, values, nulls);
	if (SkipRow(reader, weight))
	{
		t->n_skipped++;
		return;
	}
	if (reader->nrows % CS_BLOCK_ROWS == 0)
		StartBlock(reader);
	if (!reader->over_limit)
	{
		double	   *x = reader->block + reader->nrows % CS_BLOCK_ROWS;

		for (int i = 0; i < t->nfeatures; i++)
			x[(Size) i * CS_BLOCK_ROWS] = reader->row[i];
		if (reader->weight >= 0)
			StoreWeight(reader, weight);
		if (t->predecessor != NULL)
			CsPredecessorLabel(t->predecessor, reader->nrows, values, nulls);
		t->raw->nrows++;
	}
	reader->nrows++;
}

/* The skipped rows by reason. */
static Jsonb *
SkippedByReason(const Reader *reader)
{
	const CsTraining *t = reader->t;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < t->nfeatures; i++)
	{
		if (reader->n_null[i] == 0)
			continue;
		if (json.len > 1)
			appendStringInfoString(&json, ", ");
		escape_json(&json, psprintf("null in column \"%s\"", NameStr(t->features[i].name)));
		appendStringInfo(&json, ": " INT64_FORMAT, reader->n_null[i]);
	}
	if (reader->n_without_weight > 0)
		appendStringInfo(&json, "%s\"no weight\": " INT64_FORMAT, json.len > 1 ? ", " : "",
						 reader->n_without_weight);
	appendStringInfoChar(&json, '}');
	return CsJsonbFromText(json.data);
}

/* Move the weights to where all members of a team can read them. */
static void
ShareWeights(Reader *reader)
{
	CsTraining *t = reader->t;
	Size		size = sizeof(double) * reader->nrows;

	t->weights = -1;
	if (reader->weights == NULL)
		return;
	t->weights = CsArenaAlloc(t->arena, size);
	memcpy(CsArenaAddress(t->arena, t->weights), reader->weights, size);
	pfree(reader->weights);
}

/* Is there a column whose NULLs have their rows skipped? */
static bool
SkipsNulls(const CsPrep *prep)
{
	for (int i = 0; i < prep->ncolumns; i++)
		if (prep->columns[i].impute == CS_IMPUTE_SKIP)
			return true;
	return false;
}

/* Give back what was read, to read it again for the features that are left. */
static void
ForgetRows(CsTraining *t)
{
	CsMatrixFree(t->raw, t->arena);
	if (t->weights >= 0)
		CsArenaFree(t->arena, t->weights);
	if (t->predecessor != NULL && t->predecessor->labels != NULL)
	{
		pfree(t->predecessor->labels);
		t->predecessor->labels = NULL;
		t->predecessor->capacity = 0;
	}
	for (int i = 0; i < t->nfeatures; i++)
		if (t->dictionaries[i] != NULL)
			t->dictionaries[i] = CsDictionaryCreate();
	t->n_skipped = 0;
}

/*
 * Read all rows of the source.  Fills raw, weights, the skipped rows and the predecessor's
 * labels; error when there are no rows, or more than maintenance_work_mem allows.
 */
static void
ReadSource(CsTraining *t)
{
	Reader		reader = {.t = t};
	double		estimate = CsRelationEstimate(t->relation);

	reader.expected = estimate > 0 ? (int64) estimate : -1;
	reader.row = palloc(sizeof(double) * t->nfeatures);
	reader.n_null = palloc0(sizeof(int64) * t->nfeatures);
	CollectColumns(&reader);
	t->raw = CsMatrixCreate(t->nfeatures);

	CsRelationRead(t->relation, reader.columns, reader.ncolumns, TakeRow, &reader);

	CsProgressRows(reader.nrows, reader.nrows);
	if (reader.over_limit)
		CsReportMemory(t, reader.nrows);
	if (reader.nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has no rows to train on", t->relation->description),
				 t->n_skipped > 0 ?
				 errdetail("%lld rows were skipped.", (long long) t->n_skipped) : 0,
				 t->n_skipped > 0 ?
				 errhint("Impute missing values rather than skip their rows, and give some rows a weight above 0.") :
				 errhint("Check the source's WHERE, and whether row-level security hides its rows.")));
	t->skipped = SkippedByReason(&reader);
	ShareWeights(&reader);
}

/*
 * Read the rows and drop features that turn out to be of no use.  A NULL in a column that is
 * dropped must not cost its row; so where NULLs have rows skipped, the columns are judged on all
 * rows first, and then the rows are read again.
 */
void
CsRowsRead(CsTraining *t)
{
	t->keep_nulls = t->choose_features && SkipsNulls(t->prep);
	ReadSource(t);
	CsFeaturesDropUseless(t);
	if (t->keep_nulls)
	{
		ForgetRows(t);
		t->keep_nulls = false;
		ReadSource(t);
	}
}
