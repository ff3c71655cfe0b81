/*
 * rows.c
 *	  Reads a training's rows into its raw matrix.
 *
 * One pass: each row is judged (is it skipped?), converted, stored, and labelled, where only here are
 * the columns at hand that labellers need.  Categories are stored as codes of their column's
 * dictionary.  The pages of tables are read by the team (read_pages.c), to the same matrix.
 *
 * How many rows will come is not known, so the memory that the whole training will need is
 * computed anew with every block of rows.  Once it is past maintenance_work_mem nothing more is
 * stored, but the rows are counted to the end: the error can then say what would be enough.
 *
 * An algorithm that streams gets a sample of the rows: the first ones until it is as large as the
 * option "sample" or memory allows, and from then on each row takes the place of a random one
 * with the probability that leaves every row the same chance (Algorithm R of Waterman; Vitter
 * 1985).  All rows are in it, in their order, when they fit.  Where later rows bring levels of a
 * category, and so columns of model space that there is no memory for, half of the sample is
 * drawn from it.  No logarithm is taken, so the sample is the same on every machine.
 */
#include "custseg.h"

#include <math.h>

#include "call/json.h"
#include "math/math.h"
#include "miscadmin.h"
#include "progress.h"
#include "train/read_pages.h"
#include "utils/builtins.h"

/* A stream of random numbers apart from the algorithms'. */
#define SAMPLE_STREAM UINT64CONST(0x73616D706C65)

/* A number for each row that is kept. */
typedef struct Numbers
{
	double	   *values;
	int64		capacity;
} Numbers;

typedef struct Reader
{
	CsTraining *t;
	CsRowColumns columns;		/* that are read */
	int64		expected;		/* an estimate; -1: unknown */
	CsReservoir sample;			/* which rows are stored, of those to train on so far */
	bool		over_limit;		/* rows are counted only */
	bool		new_level;		/* the row has brought a level of a category */
	double	   *row;			/* the current row's features */
	int64		block_number;	/* of the block that was last written to, -1: none */
	double	   *block;
	Numbers		weights;		/* when there is a weight column */
	Numbers		outcomes;		/* when there is something to be predicted */
	int64		n_without_weight;
	int64		n_without_outcome;
	int64	   *n_null;			/* per feature: rows skipped because it is null */
} Reader;

/*
 * Collect the columns to read: features, weight, and what the labellers need, and bind the
 * labellers to them.
 */
void
CsRowColumnsCollect(CsTraining *t, CsRowColumns *c)
{
	const char *weight = t->common->weight;

	memset(c, 0, sizeof(*c));
	for (int i = 0; i < t->nfeatures; i++)
		CsColumnSetAdd(&c->set, &t->features[i]);
	c->weight = -1;
	if (weight != NULL)
	{
		const CsColumn *column = CsRelationColumn(t->relation, weight);

		if (column->converter.kind != CS_NUMERIC)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("weight column \"%s\" is of type %s", weight,
							format_type_be(column->type)),
					 errhint("A weight is a number: cast the column in a query.")));
		c->weight = CsColumnSetAdd(&c->set, column);
	}
	c->outcome = t->outcome == NULL ? -1 : CsColumnSetAdd(&c->set, t->outcome);
	for (int i = 0; i < t->nlabellers; i++)
	{
		ListCell   *cell;

		if (t->labellers[i]->waits)
			continue;
		foreach(cell, t->labellers[i]->columns)
			CsColumnSetAdd(&c->set, CsRelationColumn(t->relation, lfirst(cell)));
		t->labellers[i]->bind(t->labellers[i], c->set.columns, c->set.ncolumns);
	}
}

/* A category as a code; NaN when its dictionary is full, which only an unnamed feature may be. */
static double
CategoryCode(Reader *reader, int feature, Datum value)
{
	CsTraining *t = reader->t;
	CsDictionary *dictionary = t->dictionaries[feature];
	int			nlevels = CsDictionarySize(dictionary);
	int			length;
	void	   *copy;
	const char *text = CsCategoryText(&t->features[feature].converter, value, &length, &copy);
	int			code = CsDictionaryCode(dictionary, text, length);

	reader->new_level |= code == nlevels;
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

		reader->new_level |= nulls[i] && !t->has_null[i];
		t->has_null[i] |= nulls[i];
		if (nulls[i] || t->overfull[i])
			reader->row[i] = NAN;
		else if (t->dictionaries[i] != NULL)
			reader->row[i] = CategoryCode(reader, i, values[i]);
		else
			reader->row[i] = converter->to_double(converter, values[i]);
	}
}

/*
 * The weight of a row: 1 without a weight column, 0 when the row has no weight or none that counts.
 */
double
CsRowWeight(const CsRowColumns *c, const Datum *values, const bool *nulls)
{
	const CsConverter *converter;
	double		weight;

	if (c->weight < 0)
		return 1;
	if (nulls[c->weight])
		return 0;
	converter = &c->set.columns[c->weight].converter;
	weight = converter->to_double(converter, values[c->weight]);
	if (!(weight >= 0) || isinf(weight))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight column \"%s\" holds %s", NameStr(c->set.columns[c->weight].name),
						isnan(weight) ? "NaN" : psprintf("%g", weight)),
				 errhint("Weights are finite and not negative; a row of weight 0 or NULL is skipped.")));
	return weight;
}

/* What is to be predicted of a row; NaN: the row has none. */
static double
Outcome(const CsRowColumns *c, const Datum *values, const bool *nulls)
{
	const CsColumn *column = &c->set.columns[c->outcome];
	double		outcome = nulls[c->outcome] ? NAN :
		column->converter.to_double(&column->converter, values[c->outcome]);

	if (isinf(outcome))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("target column \"%s\" holds an infinite value", NameStr(column->name)),
				 errhint("Leave such rows out in a query, or make the value NULL.")));
	return outcome;
}

/* Is a feature's value missing?  Only NaN is, beside NULL. */
static bool
IsMissing(const Reader *reader, int feature, const Datum *values, const bool *nulls)
{
	const CsConverter *converter = &reader->t->features[feature].converter;

	if (nulls[feature])
		return true;
	return converter->kind != CS_CATEGORICAL &&
		isnan(converter->to_double(converter, values[feature]));
}

/* Is the row to be skipped?  Counts it by its reason if so. */
static bool
SkipRow(Reader *reader, double weight, const Datum *values, const bool *nulls)
{
	const CsPrep *prep = reader->t->prep;

	for (int i = 0; i < prep->ncolumns && !reader->t->keep_nulls; i++)
	{
		if (prep->columns[i].impute == CS_IMPUTE_SKIP && IsMissing(reader, i, values, nulls))
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
	if (reader->columns.outcome >= 0 && isnan(Outcome(&reader->columns, values, nulls)))
	{
		reader->n_without_outcome++;
		return true;
	}
	for (int i = 0; i < reader->t->nlabellers; i++)
		if (CsLabellerSkips(reader->t->labellers[i], values, nulls))
			return true;
	return false;
}

/* Give back the labels. */
static void
ForgetLabels(CsTraining *t)
{
	for (int i = 0; i < t->nlabellers; i++)
		CsLabellerForget(t->labellers[i]);
}

/* Give back numbers that were read, if any were. */
static void
ForgetNumbers(Numbers *numbers)
{
	if (numbers->values != NULL)
		pfree(numbers->values);
	numbers->values = NULL;
}

/* Stop storing: the training will not fit, and what is held helps nobody. */
static void
GiveUpStoring(Reader *reader)
{
	CsTraining *t = reader->t;

	reader->over_limit = true;
	CsMatrixFree(t->raw, t->arena);
	ForgetNumbers(&reader->weights);
	ForgetNumbers(&reader->outcomes);
	ForgetLabels(t);
}

/* Draw half of the sample, in whole blocks, from the sample. */
static void
HalveSample(Reader *reader)
{
	CsTraining *t = reader->t;
	CsMatrix   *from = t->raw;
	CsMatrix   *to = CsMatrixCreate(from->ncolumns);
	int64		nkept = Max(from->nrows / 2 / CS_BLOCK_ROWS, 1) * CS_BLOCK_ROWS;
	int64	   *kept = palloc(sizeof(int64) * nkept);

	CsRngSample(&reader->sample.rng, from->nrows, nkept, kept);
	for (int64 i = 0; i < nkept; i++)
	{
		const double *x = CsMatrixRow(from, t->arena, kept[i]);
		double	   *y;

		if (i % CS_BLOCK_ROWS == 0)
		{
			CHECK_FOR_INTERRUPTS();
			CsMatrixGrow(to, t->arena);
		}
		y = CsMatrixRow(to, t->arena, i);
		for (int j = 0; j < from->ncolumns; j++)
			y[(Size) j * CS_BLOCK_ROWS] = x[(Size) j * CS_BLOCK_ROWS];
		if (reader->weights.values != NULL)
			reader->weights.values[i] = reader->weights.values[kept[i]];
		for (int l = 0; l < t->nlabellers; l++)
			CsLabellerMove(t->labellers[l], kept[i], i);
		to->nrows++;
	}
	pfree(kept);
	CsMatrixFree(from, t->arena);
	pfree(from);
	t->raw = to;
	reader->sample.room = nkept;
	reader->block_number = -1;
}

/* Make the sample as small as memory asks for, now that its columns may be more than before. */
static void
LimitSample(Reader *reader)
{
	CsTraining *t = reader->t;
	MemoryContext old = MemoryContextSwitchTo(t->context);

	while (t->raw->nrows > CS_BLOCK_ROWS &&
		   CsTrainingMemory(t, t->raw->nrows) > CsMemoryLimit())
		HalveSample(reader);
	MemoryContextSwitchTo(old);
}

/* The next row begins a block: make room for it, or else the training grows no more. */
static void
StartBlock(Reader *reader)
{
	CsTraining *t = reader->t;
	MemoryContext old;
	int64		nrows = t->raw->nrows + 1;

	/* a sample is closed in good time: unlike the table, it can end with any row */
	if (t->streaming != NULL && t->raw->nrows > 0)
		nrows = Min(t->raw->nrows + CS_BLOCK_ROWS, reader->sample.room);
	if (CsTrainingMemory(t, nrows) > CsMemoryLimit())
	{
		if (t->streaming != NULL && t->raw->nrows > 0)
			reader->sample.room = t->raw->nrows;
		else
			GiveUpStoring(reader);
		return;
	}
	old = MemoryContextSwitchTo(t->context);
	CsMatrixGrow(t->raw, t->arena);
	MemoryContextSwitchTo(old);
}

/* Where in the matrix the next row goes, -1 when it is not kept. */
static int64
ChoosePlace(Reader *reader)
{
	CsMatrix   *raw = reader->t->raw;
	int64		place;

	if (raw->nrows < reader->sample.room && raw->nrows % CS_BLOCK_ROWS == 0 && !reader->over_limit)
		StartBlock(reader);
	place = CsReservoirPlace(&reader->sample);
	if (reader->over_limit)
		return -1;
	if (place == raw->nrows)
		raw->nrows++;
	return place;
}

/* Where the values of a row of the matrix are. */
static double *
AddressOf(Reader *reader, int64 place)
{
	int64		number = place / CS_BLOCK_ROWS;

	if (number != reader->block_number)
	{
		reader->block = CsMatrixBlock(reader->t->raw, reader->t->arena, number);
		reader->block_number = number;
	}
	return reader->block + place % CS_BLOCK_ROWS;
}

/* Keep a number of the row that is being stored. */
static void
StoreNumber(Reader *reader, Numbers *numbers, int64 place, double number)
{
	if (place == numbers->capacity)
		numbers->values = CsGrowRows(numbers->values, &numbers->capacity, sizeof(double),
									 reader->t->context);
	numbers->values[place] = number;
}

/* CsRowSink: one row of the source. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Reader	   *reader = (Reader *) state;
	CsTraining *t = reader->t;
	double		weight = CsRowWeight(&reader->columns, values, nulls);
	int64		place;
	double	   *x;

	if (SkipRow(reader, weight, values, nulls))
	{
		t->n_skipped++;
		return;
	}
	if (reader->sample.seen % CS_BLOCK_ROWS == 0)
		CsProgressRows(reader->sample.seen, reader->expected);
	place = ChoosePlace(reader);
	if (place < 0)
		return;

	ConvertRow(reader, values, nulls);
	x = AddressOf(reader, place);
	for (int i = 0; i < t->nfeatures; i++)
		x[(Size) i * CS_BLOCK_ROWS] = reader->row[i];
	if (reader->columns.weight >= 0)
		StoreNumber(reader, &reader->weights, place, weight);
	if (reader->columns.outcome >= 0)
		StoreNumber(reader, &reader->outcomes, place, Outcome(&reader->columns, values, nulls));
	for (int i = 0; i < t->nlabellers; i++)
		if (!t->labellers[i]->waits)
			CsLabellerKeep(t->labellers[i], place, values, nulls);
	if (reader->new_level && t->streaming != NULL)
		LimitSample(reader);
	reader->new_level = false;
}

/* Rows that were skipped for a reason, if there are any. */
static void
CountSkipped(JsonbParseState **json, const char *reason, int64 nrows)
{
	if (nrows > 0)
		CsJsonInteger(json, reason, nrows);
}

/* The skipped rows by reason. */
static Jsonb *
SkippedByReason(const Reader *reader)
{
	const CsTraining *t = reader->t;
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	for (int i = 0; i < t->nfeatures; i++)
		CountSkipped(&json, psprintf("null in column \"%s\"", NameStr(t->features[i].name)),
					 reader->n_null[i]);
	CountSkipped(&json, "no weight", reader->n_without_weight);
	CountSkipped(&json, "no target", reader->n_without_outcome);
	for (int i = 0; i < t->nlabellers; i++)
		CountSkipped(&json, t->labellers[i]->unlabelled, t->labellers[i]->n_unlabelled);
	return CsJsonFinish(&json);
}

/* Move numbers of the rows to where all members of a team can read them; the area, or -1. */
static int
ShareNumbers(Reader *reader, Numbers *numbers)
{
	CsTraining *t = reader->t;
	Size		size = sizeof(double) * t->raw->nrows;
	int			area = -1;

	if (numbers->values == NULL)
		return -1;
	area = CsArenaAlloc(t->arena, size);
	memcpy(CsArenaAddress(t->arena, area), numbers->values, size);
	ForgetNumbers(numbers);
	return area;
}

/*
 * Where rows are skipped for NULLs, have them all kept as long as features may still be dropped: a NULL in a column that
 * is dropped must not cost its row.
 */
void
CsRowsKeepNulls(CsTraining *t)
{
	t->keep_nulls = false;
	for (int i = 0; i < t->prep->ncolumns && !t->keep_nulls; i++)
		t->keep_nulls = t->choose_features && t->prep->columns[i].impute == CS_IMPUTE_SKIP;
}

/* Give back what was read, to read it again for the features that are left. */
static void
ForgetRows(CsTraining *t)
{
	CsMatrixFree(t->raw, t->arena);
	if (t->weights >= 0)
		CsArenaFree(t->arena, t->weights);
	if (t->outcomes >= 0)
		CsArenaFree(t->arena, t->outcomes);
	ForgetLabels(t);
	for (int i = 0; i < t->nfeatures; i++)
	{
		t->overfull[i] = false;
		if (t->dictionaries[i] != NULL)
			t->dictionaries[i] = CsDictionaryCreate();
	}
	t->n_skipped = 0;
}

/* Leave out the levels of rows that were in the sample for a while, so that each level has rows. */
static void
ForgetLevels(CsTraining *t, int column)
{
	const CsDictionary *from = t->dictionaries[column];
	CsDictionary *to = CsDictionaryCreate();

	for (int64 b = 0; b < CsMatrixBlocks(t->raw); b++)
	{
		double	   *x = CsMatrixBlock(t->raw, t->arena, b) + (Size) column * CS_BLOCK_ROWS;
		int			nrows = CsMatrixBlockRows(t->raw, b);

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < nrows; r++)
		{
			const char *level;

			if (isnan(x[r]))
				continue;
			level = CsDictionaryLevel(from, (int) x[r]);
			x[r] = CsDictionaryCode(to, level, (int) strlen(level));
		}
	}
	t->dictionaries[column] = to;
}

/* Error: no row is left, where a row may have been skipped because its outcome is not known. */
static void
NoRows(const CsTraining *t, const Reader *reader)
{
	if (reader->n_without_outcome > 0 && reader->n_without_outcome == t->n_skipped)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("target column \"%s\" has only nulls", NameStr(t->outcome->name)),
				 errhint("There is nothing to learn from: give rows whose outcome is known.")));
	CsReportNoRows(t);
}

/*
 * The pages of the source, where the team may read its rows; NULL where a statement has to: only that
 * draws a sample, and gives labels while it reads.  The rows of a query come from a statement, too.
 */
static CsPages *
FindPages(const CsTraining *t, const CsRowColumns *columns)
{
	for (int i = 0; i < t->nlabellers; i++)
		if (!t->labellers[i]->waits)
			return NULL;
	return t->streaming != NULL || t->outcome != NULL || !OidIsValid(t->relation->relid) ? NULL :
		CsPagesOf(t->relation, columns->set.columns, columns->set.ncolumns);
}

/* Read the source by the team; false when a statement has to. */
static bool
ReadByTeam(Reader *reader)
{
	CsPages    *pages = FindPages(reader->t, &reader->columns);
	CsPagesRead read = {.n_null = reader->n_null};

	if (pages == NULL || !CsReadPages(reader->t, pages, &reader->columns, &read))
		return false;
	reader->sample.seen = read.nrows;
	reader->over_limit = read.over_limit;
	reader->n_without_weight = read.n_without_weight;
	pfree(pages);
	return true;
}

/* Read the source by a statement. */
static void
ReadByStatement(Reader *reader)
{
	CsTraining *t = reader->t;

	CsRelationRead(t->relation, reader->columns.set.columns, reader->columns.set.ncolumns,
				   TakeRow, reader);
	if (reader->over_limit || t->raw->nrows == 0)
		return;
	t->weights = ShareNumbers(reader, &reader->weights);
	t->outcomes = ShareNumbers(reader, &reader->outcomes);
}

/*
 * Have the predecessor wait until the rows have been read where they have all that it reads, and nothing is left out
 * of them as a stream leaves out rows.  It waits for ever where rows are read only to judge the columns.
 */
static void
DecideWaiting(CsTraining *t, bool may_wait)
{
	if (t->predecessor != NULL)
		t->predecessor->waits = t->keep_nulls ||
			(may_wait && t->streaming == NULL && t->relation->parallel_safe &&
			 CsLabellerMayWait(t->predecessor, t->features, t->nfeatures));
}

/* Start the team, unless it is there, or what is still to be read of the source must not meet one. */
static void
StartTeam(CsTraining *t)
{
	if (t->team == NULL && t->relation->parallel_safe)
		t->team = CsTeamStart(t->arena, CsTeamWorkersFor(t->nrows * t->nfeatures));
}

/* Does the matrix lack values of a feature that the predecessor reads, because it has too many levels? */
static bool
LacksLevels(const CsTraining *t)
{
	for (int i = 0; i < t->nfeatures; i++)
	{
		ListCell   *cell;

		if (!t->overfull[i])
			continue;
		foreach(cell, t->predecessor->columns)
			if (strcmp(lfirst(cell), NameStr(t->features[i].name)) == 0)
				return true;
	}
	return false;
}

/*
 * Read all rows of the source, and keep them or a sample of them.  Fills raw, weights, the skipped
 * rows and the labels; error when there are no rows, or more than
 * maintenance_work_mem allows.
 */
static void
ReadSource(CsTraining *t, bool may_wait)
{
	Reader		reader = {.t = t, .block_number = -1};
	double		estimate = CsRelationAnalyzedRows(t->relation);

	reader.expected = estimate > 0 ? (int64) estimate : -1;
	reader.row = palloc(sizeof(double) * t->nfeatures);
	reader.n_null = palloc0(sizeof(int64) * t->nfeatures);
	CsReservoirInit(&reader.sample,
					t->streaming != NULL ? CsStreamOptionsOf(t)->sample : PG_INT64_MAX,
					(uint64) t->common->seed, SAMPLE_STREAM);
	DecideWaiting(t, may_wait);
	CsRowColumnsCollect(t, &reader.columns);
	t->raw = CsMatrixCreate(t->nfeatures);

	if (!ReadByTeam(&reader))
		ReadByStatement(&reader);

	CsProgressRows(reader.sample.seen, reader.sample.seen);
	if (reader.over_limit)
		CsReportMemory(t, t->streaming == NULL ? reader.sample.seen : Min(reader.sample.seen, CS_BLOCK_ROWS));
	if (reader.sample.seen == 0)
		NoRows(t, &reader);
	t->nrows = reader.sample.seen;
	t->skipped = SkippedByReason(&reader);
	for (int i = 0; i < t->nfeatures && t->nrows > t->raw->nrows; i++)
		if (t->dictionaries[i] != NULL)
			ForgetLevels(t, i);
}

/* Read the rows, and have those who wait for them label them.  The team has been started, if it may. */
static void
ReadRows(CsTraining *t)
{
	ReadSource(t, true);
	StartTeam(t);
	if (t->predecessor == NULL || !t->predecessor->waits || t->keep_nulls)
		return;
	if (LacksLevels(t))
	{
		ForgetRows(t);
		ReadSource(t, false);
	}
	else
		CsLabellerPlace(t->predecessor, t->team, t->raw, t->features, t->dictionaries);
}

/* Have the target's labels in the form in which the algorithm learns them. */
static void
LearnLabels(CsTraining *t)
{
	CsLabellerLearn(t->target, t->arena, t->raw->nrows);
	if (t->target->nclasses < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("all rows are in segment \"%s\"", t->target->classes[0].name),
				 errhint("A %s distinguishes segments: give rows of at least two segments.",
						 t->algorithm->name)));
}

/*
 * Read the rows and drop features that turn out to be useless.  A NULL in a column that is dropped
 * must not cost its row: where rows are skipped for NULLs, the columns are first judged on all
 * rows, and then the rows are read again.  The team runs when the function returns, unless t->team is NULL.
 */
void
CsRowsRead(CsTraining *t)
{
	CsRowsKeepNulls(t);
	ReadRows(t);
	CsFeaturesDropUseless(t);
	if (t->keep_nulls)
	{
		ForgetRows(t);
		t->keep_nulls = false;
		ReadRows(t);
	}
	if (t->target != NULL)
		LearnLabels(t);
}
