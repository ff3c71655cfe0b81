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

/* How many columns are fitted at a time, with so many bytes left. */
static int
WaveColumns(int64 nrows, int ncolumns, int members, Size left)
{
	Size		matrix = mul_size(mul_size(nrows, ncolumns), sizeof(double));
	Size		most = Min(Max(matrix / 2, SMALL_SCRATCH), left) / CsScratchOfColumn(nrows);

	return (int) Max(Min(Min(most, (Size) members), (Size) ncolumns), 1);
}

/* Most numbers that the transforms of all columns are fitted to. */
static Size
TransformNumbers(const CsPrep *prep)
{
	Size		n = 0;

	for (int i = 0; i < prep->ncolumns; i++)
		n = add_size(n, CsTransformAt(prep->columns[i].transform)->most);
	return n;
}

/*
 * Bytes of scratch that the fit of the columns takes and gives back, beside the matrix, at least: what
 * one column needs.  If they are left, half of the matrix or 32 MB are taken.
 */
Size
CsPipelineFitMemory(const CsPrep *prep, int64 nrows)
{
	Size		scratch;

	if (nrows == 0 || prep->ncolumns == 0)
		return 0;
	scratch = add_size(CsScratchOfColumn(nrows), CsSelectionMemory(nrows));
	scratch = add_size(scratch, mul_size(TransformNumbers(prep), sizeof(double)));
	return add_size(scratch, mul_size(prep->ncolumns, sizeof(CsColumnSpec) + sizeof(CsColumnFit)));
}

/* Allocate and fill what the tasks read, and where they write. */
static void
PrepareAreas(CsFitState *s)
{
	int			ncolumns = s->prep->ncolumns;
	Size		cells = 0;
	Size		fitted = 0;

	s->args.matrix = s->raw == NULL ? -1 : CsMatrixShare(s->raw, s->arena);
	s->args.specs = CsArenaAlloc(s->arena, mul_size(ncolumns, sizeof(CsColumnSpec)));
	s->args.fits = CsArenaAlloc(s->arena, mul_size(ncolumns, sizeof(CsColumnFit)));
	memset(CsFitSpec(s, 0), 0, mul_size(ncolumns, sizeof(CsColumnSpec)));
	memset(CsFitResult(s, 0), 0, mul_size(ncolumns, sizeof(CsColumnFit)));
	for (int i = 0; i < ncolumns; i++)
	{
		CsColumnSpec *spec = CsFitSpec(s, i);

		spec->kind = s->columns[i].converter.kind;
		spec->prep = s->prep->columns[i];
		spec->constant = spec->prep.constant;
		spec->fitted = fitted;
		fitted += CsTransformAt(spec->prep.transform)->most;
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
	s->args.fitted = CsArenaAlloc(s->arena, mul_size(Max(fitted, 1), sizeof(double)));
}

/* Fit all columns, as many at a time as there is scratch for: each member takes some of its own for a column. */
static void
FitColumns(CsFitState *s)
{
	int			ncolumns = s->prep->ncolumns;
	int			members = CsTeamWorkers(s->team) + 1;
	int			wave = WaveColumns(s->raw->nrows, ncolumns, members, CsArenaLeft(s->arena));

	if (wave == members)
		wave = ncolumns;		/* no more of them are at work at a time anyhow */
	s->args.step = CS_FIT_VALUES;
	for (s->args.first = 0; s->args.first < ncolumns; s->args.first += wave)
		CsTeamRun(s->team, CS_TASK(CsPrepFitColumnTask), &s->args, sizeof(s->args),
				  Min(wave, ncolumns - s->args.first));
}

/* The error for infinite values. */
void
CsRejectInfinite(const char *name, int vector_width, int64 n)
{
	if (vector_width > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("feature \"%s\" is infinite in %lld row",
							   "feature \"%s\" is infinite in %lld rows",
							   (unsigned long) n, name, (long long) n),
				 errdetail("A vector of another width than the first one, which has %d elements, counts as infinite.",
						   vector_width),
				 errhint("Leave the rows out with WHERE.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_plural("column \"%s\" has %lld infinite value",
						   "column \"%s\" has %lld infinite values",
						   (unsigned long) n, name, (long long) n),
			 errhint("Leave the rows out with WHERE, or make the values null with nullif(%s, 'infinity').",
					 quote_identifier(name))));
}

/* The error for values that have no transform, some of them imputed. */
static void
RejectOutside(const char *name, const CsTransform *transform, int64 n, int64 n_imputed)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_plural("column \"%s\" has %lld value of %g or less, which has no %s",
						   "column \"%s\" has %lld values of %g or less, which have no %s",
						   (unsigned long) n, name, (long long) n, transform->above,
						   transform->step.name),
			 n_imputed > 0 ?
			 errdetail("%lld of them are imputed.", (long long) n_imputed) : 0,
			 errhint("Transform the column by \"yeo-johnson\", which takes any number.")));
}

/* Report what a column of numbers cannot be fitted with. */
static void
CheckFit(CsFitState *s, int column)
{
	const CsColumnFit *fit = CsFitResult(s, column);
	const CsTransform *transform = CsTransformAt(s->prep->columns[column].transform);
	const char *name = NameStr(s->columns[column].name);
	int64		nmissing = s->nrows - fit->n_values;

	if (fit->n_infinite > 0)
		CsRejectInfinite(name, CsVectorWidth(&s->columns[column]), fit->n_infinite);
	if (fit->n_values == 0)
		CsRejectAllNull(name);
	if (s->columns[column].converter.kind != CS_CATEGORICAL)
		CsCheckMissing(s->prep->columns[column].impute, name, nmissing);
	if (fit->n_outside > 0)
		RejectOutside(name, transform, fit->n_outside,
					  fit->fill <= transform->above ? nmissing : 0);
	if (!isfinite(fit->mean) || !isfinite(fit->sd) || !isfinite(fit->imputed_mean) ||
		!isfinite(fit->center) || !isfinite(fit->spread) || isinf(fit->fill) ||
		isnan(fit->low) || isnan(fit->high))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 fit->sd < 1 ?
				 errmsg("values of column \"%s\" differ too little to compute their variance", name) :
				 errmsg("values of column \"%s\" are too large to compute their variance", name),
				 errdetail("They range from %g to %g.", fit->minimum, fit->maximum),
				 fit->sd < 1 ? errhint("Scale the column, or multiply it in the source.") :
				 errhint("Divide the column in the source, or leave it out of the features.")));
}

/*
 * Raise an error for a raw value of one row that the fit would not have accepted: an infinite
 * value, a missing value where that is an error, a value outside the transform's domain.
 */
void
CsPipelineCheckRow(const CsPipeline *p, const double *raw)
{
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		const char *name = NameStr(f->name);
		double		value = isnan(raw[i]) ? f->fill : raw[i];

		if (isnan(raw[i]))
			CsCheckMissing((CsImpute) f->impute, name, 1);
		else if (isinf(raw[i]))
			CsRejectInfinite(name, f->vector_width, 1);
		if (!isnan(value) &&
			Max(Min(value, f->high), f->low) <= CsTransformAt(f->transform)->above)
			RejectOutside(name, CsTransformAt(f->transform), 1, 0);
	}
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
	char	   *type = CsColumnTypeName(column);

	memset(f, 0, sizeof(*f));
	namestrcpy(&f->name, NameStr(column->name));
	type[pg_mbcliplen(type, strlen(type), NAMEDATALEN - 1)] = '\0';
	namestrcpy(&f->type, type);
	f->vector_width = CsVectorWidth(column);
	f->kind = column->converter.kind;
	f->is_coded = CsConverterIsCoded(&column->converter);
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
FinishFeature(CsFitState *s, int column)
{
	CsFeature  *f = &s->parts.features[column];
	CsBaseline *baseline = &s->baselines[column];
	const CsColumnFit *fit = CsFitResult(s, column);

	f->nlevels = CsFitSpec(s, column)->nlevels;
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
	f->nfitted = fit->nfitted;
	s->parts.fitted[column] = palloc(mul_size(Max(f->nfitted, 1), sizeof(double)));
	memcpy(s->parts.fitted[column],
		   (double *) CsArenaAddress(s->arena, s->args.fitted) + CsFitSpec(s, column)->fitted,
		   mul_size(f->nfitted, sizeof(double)));
	return fit->is_constant;
}

/* Complete all features, and see that there is something to tell rows apart by. */
void
CsFitFinish(CsFitState *s)
{
	bool		all_constant = true;
	int			nscaled;

	for (int i = 0; i < s->prep->ncolumns; i++)
	{
		s->baselines[i].is_constant = FinishFeature(s, i);
		s->baselines[i].lacks_range = CsFitResult(s, i)->lacks_range;
		all_constant &= s->baselines[i].is_constant;
	}
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

/* Start from nothing: a feature and an empty baseline for every column, and areas for their fits. */
void
CsFitStart(CsFitState *s)
{
	int			ncolumns = s->prep->ncolumns;

	if (s->nrows == 0)
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
	s->parts.fitted = palloc0(mul_size(ncolumns, sizeof(double *)));
	for (int i = 0; i < ncolumns; i++)
	{
		CsBaseline *baseline = &s->baselines[i];

		StartFeature(&s->parts.features[i], &s->columns[i], &s->prep->columns[i]);
		memset(baseline, 0, sizeof(*baseline));
		baseline->n = s->nrows;
		baseline->mean = baseline->sd = baseline->minimum = baseline->maximum = NAN;
	}
	PrepareAreas(s);
}

/* Give back what CsFitStart() took from the arena. */
void
CsFitReleaseAreas(CsFitState *s)
{
	CsArenaFree(s->arena, s->args.fitted);
	CsArenaFree(s->arena, s->args.tables);
	CsArenaFree(s->arena, s->args.fits);
	CsArenaFree(s->arena, s->args.specs);
	if (s->args.matrix >= 0)
		CsArenaFree(s->arena, s->args.matrix);
}

/*
 * Fit the pipeline on the raw matrix, by the team.
 *
 * IN: categorical columns hold dictionary codes (NaN for NULL), and dictionaries[i] holds their
 * levels (NULL for other kinds of columns).  OUT: these columns hold level numbers, and
 * baselines[i], with room for one per feature, is filled.  The pipeline is palloc'd, as is what
 * baselines point to.  Errors: infinite values (with the column and their number), a column without
 * any value, a value that has no transform, no usable column.
 */
CsPipeline *
CsPipelineFit(CsTeam *team, CsMatrix *raw, const CsColumn *columns, CsDictionary **dictionaries,
			  const CsPrep *prep, uint64 seed, CsBaseline *baselines)
{
	CsFitState	s = {.team = team,.arena = CsTeamArena(team),.raw = raw,.nrows = raw->nrows,.columns = columns,
		.dictionaries = dictionaries,.prep = prep,.baselines = baselines};
	CsPipeline *p;

	CsFitStart(&s);
	CsFitCategories(&s);
	FitColumns(&s);
	CsFitFinish(&s);
	CsFitReleaseAreas(&s);

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
