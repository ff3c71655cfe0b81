/*
 * fit.c
 *	  The pipeline fitted on the raw matrix: the leader's part.
 *
 * First the categories are counted and their levels chosen; then every column is fitted and the
 * categories recoded, a wave of columns at a time so that scratch stays small; then what came of
 * it is judged, column by column in their order, and put together.  Donors for knn and PCA need
 * the scaled columns, hence the pipeline so far, and come last.
 */
#include "custseg.h"

#include "mb/pg_wchar.h"
#include "prep/internal.h"
#include "utils/builtins.h"

/* Scratch is held to half of the matrix, or to this where the matrix is small. */
#define SMALL_SCRATCH ((Size) 32 * 1024 * 1024)

/* Everything the leader knows while it fits. */
typedef struct FitState
{
	CsTeam	   *team;
	CsArena    *arena;
	CsMatrix   *raw;
	const CsColumn *columns;
	CsDictionary **dictionaries;
	const CsPrep *prep;
	CsBaseline *baselines;
	CsFitColumnArgs args;
	CsPipelineParts parts;
} FitState;

/* A level that may be kept. */
typedef struct Candidate
{
	int			code;			/* in the dictionary; -1 for a constant that is not */
	int64		count;			/* rows, those that get it by imputing included */
	const char *text;
} Candidate;

/* How many columns are fitted at a time. */
static int
WaveColumns(int64 nrows, int ncolumns, int members)
{
	Size		matrix = mul_size(mul_size(nrows, ncolumns), sizeof(double));
	Size		most = Max(matrix / 2, SMALL_SCRATCH) / mul_size(nrows, 2 * sizeof(double));

	return (int) Max(Min(Min(most, (Size) members), (Size) ncolumns), 1);
}

/* Bytes of scratch the fit of the columns takes; see prep.h. */
Size
CsPipelineFitMemory(int64 nrows, int ncolumns, int members)
{
	Size		scratch;

	if (nrows == 0 || ncolumns == 0)
		return 0;
	scratch = mul_size(mul_size(nrows, 2 * sizeof(double)),
					   WaveColumns(nrows, ncolumns, members));
	return add_size(scratch, mul_size(ncolumns, sizeof(CsColumnSpec) + sizeof(CsColumnFit)));
}

static CsColumnSpec *
SpecOf(FitState *s, int column)
{
	return (CsColumnSpec *) CsArenaAddress(s->arena, s->args.specs) + column;
}

static CsColumnFit *
FitOf(FitState *s, int column)
{
	return (CsColumnFit *) CsArenaAddress(s->arena, s->args.fits) + column;
}

static CsCodeCell *
TableOf(FitState *s, int column)
{
	return (CsCodeCell *) CsArenaAddress(s->arena, s->args.tables) + SpecOf(s, column)->table;
}

/* Allocate and fill what the tasks read, and where they write. */
static void
PrepareAreas(FitState *s)
{
	int			ncolumns = s->prep->ncolumns;
	Size		cells = 0;

	s->args.matrix = CsMatrixShare(s->raw, s->arena);
	s->args.specs = CsArenaAlloc(s->arena, mul_size(ncolumns, sizeof(CsColumnSpec)));
	s->args.fits = CsArenaAlloc(s->arena, mul_size(ncolumns, sizeof(CsColumnFit)));
	memset(SpecOf(s, 0), 0, mul_size(ncolumns, sizeof(CsColumnSpec)));
	memset(FitOf(s, 0), 0, mul_size(ncolumns, sizeof(CsColumnFit)));
	for (int i = 0; i < ncolumns; i++)
	{
		CsColumnSpec *spec = SpecOf(s, i);

		spec->kind = s->columns[i].converter.kind;
		spec->prep = s->prep->columns[i];
		spec->constant = spec->prep.constant;
		if (spec->kind == CS_CATEGORICAL)
		{
			spec->ncodes = CsDictionarySize(s->dictionaries[i]);
			spec->table = cells;
			cells = add_size(cells, (Size) spec->ncodes + 1);
		}
	}
	cells = Max(cells, 1);
	s->args.tables = CsArenaAlloc(s->arena, mul_size(cells, sizeof(CsCodeCell)));
	memset(CsArenaAddress(s->arena, s->args.tables), 0, mul_size(cells, sizeof(CsCodeCell)));
}

/* Fit all columns, a wave at a time. */
static void
FitColumns(FitState *s)
{
	int			ncolumns = s->prep->ncolumns;
	int			wave = WaveColumns(s->raw->nrows, ncolumns, CsTeamWorkers(s->team) + 1);

	s->args.step = CS_FIT_VALUES;
	s->args.scratch = CsArenaAlloc(s->arena, mul_size(mul_size(s->raw->nrows, 2 * sizeof(double)),
													  wave));
	for (s->args.first = 0; s->args.first < ncolumns; s->args.first += wave)
		CsTeamRun(s->team, CS_TASK_PREP_FIT_COLUMN, &s->args, sizeof(s->args),
				  Min(wave, ncolumns - s->args.first));
	CsArenaFree(s->arena, s->args.scratch);
}

/* Complain about a column without any value. */
static void
AllNull(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" has only nulls", name),
			 errhint("Leave the column out of the features.")));
}

/* Check the missing values of a column against what was asked for them. */
static void
CheckMissing(CsImpute impute, const char *name, int64 nmissing)
{
	if (nmissing == 0)
		return;
	if (impute == CS_IMPUTE_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg_plural("column \"%s\" has %lld null", "column \"%s\" has %lld nulls",
							   (unsigned long) nmissing, name, (long long) nmissing),
				 errdetail("Its preparation has \"impute\": \"error\"."),
				 errhint("Impute by \"median\" or \"skip\", or leave the rows out with WHERE.")));
	if (impute == CS_IMPUTE_SKIP)
		elog(ERROR, "column \"%s\" has %lld nulls although its rows are skipped", name,
			 (long long) nmissing);
}

/* Order candidates by count, most first, then by text. */
static int
CompareCandidates(const void *a, const void *b)
{
	const Candidate *x = a;
	const Candidate *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->text, y->text);
}

/*
 * The levels that rows have, most frequent first; a constant that NULLs become is among them and
 * its rows are counted.  Returns a palloc'd array.
 */
static Candidate *
RankLevels(FitState *s, int column, int64 nnull, int *ncandidates)
{
	const CsColumnSpec *spec = SpecOf(s, column);
	const CsCodeCell *table = TableOf(s, column);
	const char *constant = spec->prep.impute == CS_IMPUTE_CONSTANT ? spec->prep.constant_level : NULL;
	Candidate  *candidates = palloc(mul_size((Size) spec->ncodes + 1, sizeof(Candidate)));
	int			n = 0;

	for (int code = 0; code < spec->ncodes; code++)
	{
		Candidate  *c = &candidates[n];

		if (table[code].count == 0)
			continue;
		c->code = code;
		c->count = table[code].count;
		c->text = CsDictionaryLevel(s->dictionaries[column], code);
		if (constant != NULL && strcmp(c->text, constant) == 0)
		{
			c->count += nnull;
			constant = NULL;
		}
		n++;
	}
	if (constant != NULL && nnull > 0)
		candidates[n++] = (Candidate) {-1, nnull, constant};
	qsort(candidates, n, sizeof(Candidate), CompareCandidates);
	*ncandidates = n;
	return candidates;
}

/* Tell that a column had more levels than are kept. */
static void
NoticeMerged(const char *name, int nlevels, int nmerged, int64 rows)
{
	ereport(NOTICE,
			(errmsg("column \"%s\" has %d levels, of which the %d most frequent are kept",
					name, nlevels, nlevels - nmerged),
			 errdetail_plural("%d level with %lld rows is merged under \"%s\".",
							  "%d levels with %lld rows are merged under \"%s\".",
							  nmerged, nmerged, (long long) rows, CS_OTHER_LEVEL)));
}

/*
 * Decide which candidates are kept and give them their numbers: the most frequent CS_MAX_LEVELS
 * in their order, all others under "other", a level of that very name among them.  Codes are
 * renumbered in the table; returns the number of levels.
 */
static int
KeepLevels(FitState *s, int column, const Candidate *candidates, int n, CsLevelPart *levels)
{
	CsCodeCell *table = TableOf(s, column);
	bool		too_many = n > CS_MAX_LEVELS;
	int			nlevels = 0;
	int			nmerged = 0;
	int64		merged_rows = 0;

	for (int i = 0; i < n; i++)
	{
		const Candidate *c = &candidates[i];
		int			level = nlevels;

		if (too_many && (nlevels == CS_MAX_LEVELS || strcmp(c->text, CS_OTHER_LEVEL) == 0))
		{
			level = CS_MAX_LEVELS;
			nmerged++;
			merged_rows += c->count;
			levels[level].text = CS_OTHER_LEVEL;
			levels[level].is_other = true;
		}
		else
			levels[nlevels++].text = pstrdup(c->text);
		levels[level].count += c->count;
		if (c->code >= 0)
			table[c->code].level = level;
	}
	if (too_many)
	{
		NoticeMerged(NameStr(s->columns[column].name), n, nmerged, merged_rows);
		nlevels++;
	}
	return nlevels;
}

/* Number of the level that a text has in training; -1 when it has none. */
static int
FindLevel(const CsLevelPart *levels, int nlevels, const char *text)
{
	int			other = -1;

	for (int l = 0; l < nlevels; l++)
	{
		if (levels[l].text != NULL && strcmp(levels[l].text, text) == 0)
			return l;
		if (levels[l].is_other)
			other = l;
	}
	return other;
}

/* The baseline of a category: its levels as they were before NULLs were given one. */
static void
SetLevelBaseline(CsBaseline *baseline, const CsLevelPart *levels, int nlevels, int imputed_level)
{
	baseline->nlevels = nlevels;
	baseline->levels = palloc0(mul_size(nlevels, sizeof(char *)));
	baseline->level_counts = palloc(mul_size(nlevels, sizeof(int64)));
	for (int l = 0; l < nlevels; l++)
	{
		baseline->levels[l] = levels[l].text;
		baseline->level_counts[l] = levels[l].count - (l == imputed_level ? baseline->n_null : 0);
	}
}

/* Choose the levels of a one-hot or frequency column, and what its NULLs become. */
static void
ChooseLevels(FitState *s, int column)
{
	CsColumnSpec *spec = SpecOf(s, column);
	CsCodeCell *table = TableOf(s, column);
	CsFeature  *f = &s->parts.features[column];
	CsBaseline *baseline = &s->baselines[column];
	CsLevelPart *levels = palloc0(sizeof(CsLevelPart) * (CS_MAX_LEVELS + 2));
	int64		nnull = baseline->n_null;
	double		null_level = NAN;
	int			ncandidates;
	Candidate  *candidates = RankLevels(s, column, nnull, &ncandidates);
	int			nlevels = KeepLevels(s, column, candidates, ncandidates, levels);

	if (spec->prep.impute == CS_IMPUTE_MODE)
	{
		null_level = table[candidates[0].code].level;
		levels[(int) null_level].count += nnull;
	}
	else if (spec->prep.impute == CS_IMPUTE_CONSTANT)
		null_level = FindLevel(levels, nlevels, spec->prep.constant_level);
	f->fill = null_level;
	if (spec->prep.impute == CS_IMPUTE_LEVEL && nnull > 0)
	{
		levels[nlevels].count = nnull;
		table[spec->ncodes].level = nlevels++;
		SetLevelBaseline(baseline, levels, nlevels, -1);
	}
	else
	{
		table[spec->ncodes].level = null_level;
		SetLevelBaseline(baseline, levels, nlevels, isnan(null_level) ? -1 : (int) null_level);
	}
	for (int l = 0; l < nlevels; l++)
		levels[l].value = spec->value[l] = levels[l].count / (double) s->raw->nrows;
	spec->nlevels = nlevels;
	s->parts.levels[column] = levels;
	pfree(candidates);
}

/* Values of an ordinal column that are not among its levels: missing, or not to be had. */
static void
CheckUnlisted(const CsPrepColumn *prep, const char *name, int64 nlisted, int64 nunlisted)
{
	if (nlisted == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" has none of its listed levels", name),
				 errhint("List the levels as they are written in the column.")));
	if (nunlisted == 0)
		return;
	if (prep->impute == CS_IMPUTE_SKIP || prep->impute == CS_IMPUTE_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("column \"%s\" has %lld value that is not among its listed levels",
							   "column \"%s\" has %lld values that are not among its listed levels",
							   (unsigned long) nunlisted, name, (long long) nunlisted),
				 errhint("List all levels, or impute by \"median\".")));
	ereport(NOTICE,
			(errmsg_plural("column \"%s\" has %lld value that is not among its listed levels",
						   "column \"%s\" has %lld values that are not among its listed levels",
						   (unsigned long) nunlisted, name, (long long) nunlisted),
			 errdetail("Such values are imputed like missing ones.")));
}

/* The levels of an ordinal column are given; number the codes by them. */
static void
ListLevels(FitState *s, int column)
{
	CsColumnSpec *spec = SpecOf(s, column);
	CsCodeCell *table = TableOf(s, column);
	int			nlevels = list_length(spec->prep.levels);
	CsLevelPart *levels = palloc0(sizeof(CsLevelPart) * nlevels);
	int64		nlisted = 0;

	for (int l = 0; l < nlevels; l++)
	{
		levels[l].text = list_nth(spec->prep.levels, l);
		levels[l].value = spec->value[l] = l;
	}
	for (int code = 0; code < spec->ncodes; code++)
	{
		int			level = FindLevel(levels, nlevels,
									  CsDictionaryLevel(s->dictionaries[column], code));

		if (level >= 0)
		{
			levels[level].count += table[code].count;
			nlisted += table[code].count;
		}
		table[code].level = level >= 0 ? level : CS_UNSEEN_LEVEL;
	}
	table[spec->ncodes].level = NAN;
	CheckUnlisted(&spec->prep, NameStr(s->columns[column].name), nlisted,
				  s->raw->nrows - s->baselines[column].n_null - nlisted);
	if (spec->prep.impute == CS_IMPUTE_CONSTANT)
		spec->constant = FindLevel(levels, nlevels, spec->prep.constant_level);
	spec->nlevels = nlevels;
	s->parts.levels[column] = levels;
	SetLevelBaseline(&s->baselines[column], levels, nlevels, -1);
}

/* Count the categories' codes and choose their levels. */
static void
FitCategories(FitState *s)
{
	bool		any = false;

	for (int i = 0; i < s->prep->ncolumns; i++)
		any |= SpecOf(s, i)->kind == CS_CATEGORICAL;
	if (!any)
		return;

	s->args.step = CS_FIT_COUNT;
	s->args.first = 0;
	CsTeamRun(s->team, CS_TASK_PREP_FIT_COLUMN, &s->args, sizeof(s->args), s->prep->ncolumns);
	for (int i = 0; i < s->prep->ncolumns; i++)
	{
		const CsColumnSpec *spec = SpecOf(s, i);
		const char *name = NameStr(s->columns[i].name);
		CsBaseline *baseline = &s->baselines[i];

		if (spec->kind != CS_CATEGORICAL)
			continue;
		baseline->n_null = TableOf(s, i)[spec->ncodes].count;
		if (baseline->n_null == s->raw->nrows)
			AllNull(name);
		CheckMissing(spec->prep.impute, name, baseline->n_null);
		if (spec->prep.encode == CS_ENCODE_ORDINAL)
			ListLevels(s, i);
		else
			ChooseLevels(s, i);
	}
}

/* Report what a column of numbers can't be fitted with. */
static void
CheckFit(FitState *s, int column)
{
	const CsColumnFit *fit = FitOf(s, column);
	const char *name = NameStr(s->columns[column].name);
	int64		nmissing = s->raw->nrows - fit->n_values;

	if (fit->n_infinite > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("column \"%s\" has %lld infinite value",
							   "column \"%s\" has %lld infinite values",
							   (unsigned long) fit->n_infinite, name,
							   (long long) fit->n_infinite),
				 errhint("Leave the rows out with WHERE, or make the values null with nullif(%s, 'infinity').",
						 quote_identifier(name))));
	if (fit->n_values == 0)
		AllNull(name);
	if (s->columns[column].converter.kind != CS_CATEGORICAL)
		CheckMissing(s->prep->columns[column].impute, name, nmissing);
	if (fit->n_outside > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("column \"%s\" has %lld value of -1 or less, which has no log1p",
							   "column \"%s\" has %lld values of -1 or less, which have no log1p",
							   (unsigned long) fit->n_outside, name, (long long) fit->n_outside),
				 nmissing > 0 && fit->fill <= -1 ?
				 errdetail("%lld of them are imputed.", (long long) nmissing) : 0,
				 errhint("Transform the column by \"yeo-johnson\", which takes any number.")));
	if (!isfinite(fit->mean) || !isfinite(fit->sd) || !isfinite(fit->imputed_mean) ||
		!isfinite(fit->center) || !isfinite(fit->spread) || isinf(fit->fill) ||
		isnan(fit->low) || isnan(fit->high))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("values of column \"%s\" are too large to compute their variance", name),
				 errdetail("They range from %g to %g.", fit->minimum, fit->maximum),
				 errhint("Divide the column in the source, or leave it out of the features.")));
}

/* Copy the baseline of numbers out of shared memory; palloc's its array. */
static void
SetNumberBaseline(CsBaseline *baseline, const CsColumnFit *fit)
{
	baseline->n_null = baseline->n - fit->n_values;
	baseline->mean = fit->mean;
	baseline->sd = fit->sd;
	baseline->minimum = fit->minimum;
	baseline->maximum = fit->maximum;
	baseline->nquantiles = fit->nquantiles;
	baseline->quantiles = palloc(mul_size(fit->nquantiles, sizeof(double)));
	memcpy(baseline->quantiles, fit->quantiles, mul_size(fit->nquantiles, sizeof(double)));
}

/* What is known of a feature before its column is seen. */
static void
StartFeature(CsFeature *f, const CsColumn *column, const CsPrepColumn *prep)
{
	char	   *type = format_type_with_typemod(column->type, column->typmod);

	memset(f, 0, sizeof(*f));
	namestrcpy(&f->name, NameStr(column->name));
	type[pg_mbcliplen(type, strlen(type), NAMEDATALEN - 1)] = '\0';
	namestrcpy(&f->type, type);
	f->kind = column->converter.kind;
	f->impute = prep->impute;
	f->neighbors = prep->impute == CS_IMPUTE_KNN ? prep->neighbors : 0;
	f->clip = prep->clip;
	f->transform = prep->transform;
	f->encode = prep->encode;
	f->scale = prep->scale;
	f->drop_first = prep->drop_first;
	f->fill = NAN;
	f->low = -INFINITY;
	f->high = INFINITY;
	f->spread = 1;
	f->mean = NAN;
}

/* Complete a feature by what was fitted; returns whether it is constant after scaling. */
static bool
FinishFeature(FitState *s, int column)
{
	CsFeature  *f = &s->parts.features[column];
	CsBaseline *baseline = &s->baselines[column];
	const CsColumnFit *fit = FitOf(s, column);

	f->nlevels = SpecOf(s, column)->nlevels;
	if (!CsEncodesNumber(f->kind, f->encode))
	{
		int			present = 0;

		for (int l = 0; l < f->nlevels; l++)
			present += s->parts.levels[column][l].count > 0;
		return present < 2;
	}
	CheckFit(s, column);
	f->center = fit->center;
	f->spread = fit->spread;
	if (f->kind != CS_CATEGORICAL)
		SetNumberBaseline(baseline, fit);
	if (f->kind != CS_CATEGORICAL || f->encode == CS_ENCODE_ORDINAL)
	{
		f->fill = fit->fill;
		f->mean = fit->imputed_mean;
	}
	if (f->clip != CS_CLIP_NONE)
	{
		f->low = fit->low;
		f->high = fit->high;
	}
	if (f->transform == CS_TRANSFORM_YEO_JOHNSON)
		f->lambda = fit->lambda;
	return fit->is_constant;
}

/* Complete all features, and see that there is something to tell rows apart by. */
static void
FinishFeatures(FitState *s)
{
	bool		all_constant = true;
	int			nscaled;

	for (int i = 0; i < s->prep->ncolumns; i++)
		all_constant &= FinishFeature(s, i);
	if (all_constant)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no usable feature: every column is constant"),
				 errhint("Choose columns whose values differ from row to row.")));
	nscaled = CsPartsNumberOutputs(&s->parts);
	if (nscaled > CS_MAX_OUTPUTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("features become %d columns, but there can be at most %d",
						nscaled, CS_MAX_OUTPUTS),
				 errhint("Leave out categories, or encode them as \"frequency\" or \"ordinal\".")));
}

/* Start from nothing: a feature and an empty baseline for every column. */
static void
StartFit(FitState *s)
{
	int			ncolumns = s->prep->ncolumns;

	if (s->raw->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no rows to prepare"),
				 errhint("Check the source's WHERE, and \"impute\": \"skip\" if it was asked for.")));
	if (ncolumns < 1 || ncolumns > CS_MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("number of features %d is out of range", ncolumns),
				 errhint("Give 1 to %d features.", CS_MAX_FEATURES)));
	s->parts.nfeatures = ncolumns;
	s->parts.features = palloc(mul_size(ncolumns, sizeof(CsFeature)));
	s->parts.levels = palloc0(mul_size(ncolumns, sizeof(CsLevelPart *)));
	for (int i = 0; i < ncolumns; i++)
	{
		CsBaseline *baseline = &s->baselines[i];

		StartFeature(&s->parts.features[i], &s->columns[i], &s->prep->columns[i]);
		memset(baseline, 0, sizeof(*baseline));
		baseline->n = s->raw->nrows;
		baseline->mean = baseline->sd = baseline->minimum = baseline->maximum = NAN;
	}
}

/* Fit the pipeline on the raw matrix; see prep.h. */
CsPipeline *
CsPipelineFit(CsTeam *team, CsMatrix *raw, const CsColumn *columns, CsDictionary **dictionaries,
			  const CsPrep *prep, uint64 seed, CsBaseline *baselines)
{
	FitState	s = {.team = team,.arena = CsTeamArena(team),.raw = raw,.columns = columns,
		.dictionaries = dictionaries,.prep = prep,.baselines = baselines};
	CsPipeline *p;

	StartFit(&s);
	PrepareAreas(&s);
	FitCategories(&s);
	FitColumns(&s);
	FinishFeatures(&s);
	CsArenaFree(s.arena, s.args.tables);
	CsArenaFree(s.arena, s.args.fits);
	CsArenaFree(s.arena, s.args.specs);
	CsArenaFree(s.arena, s.args.matrix);

	p = CsPipelineAssemble(&s.parts);
	CsKnnFitDonors(&s.parts, p, team, raw, seed);
	if (s.parts.ndonors > 0)
	{
		pfree(p);
		p = CsPipelineAssemble(&s.parts);
	}
	if (prep->pca > 0)
	{
		CsPcaFit(&s.parts, p, team, raw, prep->pca);
		pfree(p);
		p = CsPipelineAssemble(&s.parts);
	}
	return p;
}
