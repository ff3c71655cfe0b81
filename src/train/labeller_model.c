/*
 * labeller_model.c
 *	  Rows labelled by a version of a model: each of its segments is a class.
 *
 * A row is placed while it is read, or, where the matrix of the rows has all that the version reads, by
 * the team once all rows have been read.  Values are the same in both, and so are the labels: categories
 * are codes in the matrix, which a table for each takes to the version's levels.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "score/score.h"
#include "train/labeller.h"

typedef struct ModelLabeller
{
	CsLabeller	l;
	const CsScorer *scorer;		/* pinned */
	CsScoring	scoring;
	CsBinding  *binding;
	int			first;			/* segment that is a class */
} ModelLabeller;

/* Where a feature of the version is in the matrix. */
typedef struct Feature
{
	int			column;
	bool		is_category;
	int			ncodes;
	Size		table;			/* the level of its first code, in the area of them; that of NULL is last */
} Feature;

/* Lanes of an item at most, and rows that are enough for one: some algorithms are faster at many rows. */
#define MOST_LANES 16
#define ENOUGH_ROWS 16384

/* Values of rows that are placed at once. */
#define PLACED_VALUES 65536

/* What the task is told: areas, and the first segment that is a class. */
typedef struct PlaceArgs
{
	int			scorer;
	int			matrix;			/* CsMatrix */
	int			features;		/* Feature[nfeatures] of the version */
	int			levels;			/* double[] */
	int			labels;			/* int32[nrows] */
	int			first;
	int			lanes;			/* of an item */
} PlaceArgs;

extern PGDLLEXPORT void CsPlaceRowsTask(CsTeam *team, const void *args, int item);

static const char *const segments_sql =
"SELECT s.segment, s.name, s.description, s.rank FROM custseg.segment AS s "
"WHERE s.model OPERATOR(pg_catalog.=) $1 AND s.version OPERATOR(pg_catalog.=) $2";

/* See CsLabeller. */
static void
Bind(CsLabeller *l, const CsColumn *columns, int ncolumns)
{
	ModelLabeller *self = (ModelLabeller *) l;

	self->binding = CsBindingForColumns(CsScorerPipeline(self->scorer), columns, ncolumns,
										NameStr(self->scorer->model), l->context, NULL);
}

/* See CsLabeller: the segment's index. */
static int
Label(CsLabeller *l, const Datum *values, const bool *nulls)
{
	ModelLabeller *self = (ModelLabeller *) l;
	CsAssignment placed;

	CsBindValues(self->binding, CsScorerPipeline(self->scorer), values, nulls, self->scoring.raw);
	return CsScoringTry(&self->scoring, &placed, NULL) && placed.index >= self->first ?
		placed.index : -1;
}

/* The classes of a scorer's segments. */
typedef struct Naming
{
	int			nclasses;
	CsClass    *classes;
} Naming;

/* CsCatalogVisitor: what a segment is called now. */
static void
TakeNames(void *state, const CsCatalogRow *row)
{
	Naming	   *naming = state;
	int32		number = CsRowInt4(row, 1, 0);

	for (int i = 0; i < naming->nclasses; i++)
	{
		CsClass    *class = &naming->classes[i];

		if (class->number != number)
			continue;
		class->name = CsRowText(row, 2);
		class->description = CsRowText(row, 3);
		class->rank = CsRowInt4(row, 4, 0);
	}
}

/* See CsLabeller. */
static CsClass *
ClassesOf(CsLabeller *l)
{
	const CsScorer *scorer = ((ModelLabeller *) l)->scorer;
	const CsScorerSegment *segments = CsScorerSegments(scorer);
	CsClass    *classes = palloc0(sizeof(CsClass) * scorer->nsegments);
	Naming		naming = {scorer->nsegments, classes};

	for (int i = 0; i < scorer->nsegments; i++)
	{
		classes[i].label = i;
		classes[i].number = segments[i].segment;
		classes[i].name = pstrdup(CsScorerAt(scorer, char, segments[i].name));
	}
	CsScorerRead(scorer, segments_sql, TakeNames, &naming);
	return classes;
}

/*
 * A labeller by a version of a model (0: the deployed one), whose noise is a class or no label;
 * allocated in CurrentMemoryContext.
 */
CsLabeller *
CsLabelByModel(const char *model, int version, bool noise_is_class)
{
	ModelLabeller *self = palloc0(sizeof(ModelLabeller));
	const CsPipeline *p;

	self->scorer = CsCacheGet(model, version);
	CsCachePin(self->scorer, CurrentMemoryContext);
	CsScoringInit(&self->scoring, self->scorer, CurrentMemoryContext);
	self->first = self->scorer->has_noise && !noise_is_class ? 1 : 0;

	self->l.name = psprintf("version %d of model \"%s\"", self->scorer->version, model);
	self->l.unlabelled = psprintf("not placed by model \"%s\"", model);
	p = CsScorerPipeline(self->scorer);
	for (int i = 0; i < p->nfeatures; i++)
		self->l.columns = lappend(self->l.columns, pstrdup(NameStr(p->feature[i].name)));
	self->l.nclasses = self->scorer->nsegments;
	self->l.has_numbers = true;
	self->l.bind = Bind;
	self->l.label = Label;
	self->l.classes_of = ClassesOf;
	self->l.context = CurrentMemoryContext;
	return &self->l;
}

/* The version that a labeller by a model labels by. */
const CsScorer *
CsLabellerScorer(const CsLabeller *l)
{
	return ((const ModelLabeller *) l)->scorer;
}

/*
 * The kind and the name of a column that the labeller's version needs and the source does not have,
 * palloc'd; NULL when there is none.
 */
char *
CsLabellerLacks(const CsLabeller *l, const CsRelation *relation)
{
	const ModelLabeller *self = (const ModelLabeller *) l;
	const CsPipeline *p = CsScorerPipeline(self->scorer);
	CsBindState *states = palloc(sizeof(CsBindState) * p->nfeatures);

	(void) CsBindingForColumns(p, relation->columns, relation->ncolumns,
							   NameStr(self->scorer->model), l->context, states);
	for (int i = 0; i < p->nfeatures; i++)
		if (states[i] != CS_BIND_DONE)
			return psprintf("%s column \"%s\"", CsKindName((CsKind) p->feature[i].kind),
							NameStr(p->feature[i].name));
	return NULL;
}

/* The column that is the same as a feature of the version; -1 when there is none. */
static int
FindColumn(const CsFeature *f, const CsColumn *columns, int ncolumns)
{
	for (int i = 0; i < ncolumns; i++)
	{
		const CsConverter *converter = &columns[i].converter;

		if (strcmp(NameStr(columns[i].name), NameStr(f->name)) == 0 &&
			(int32) converter->kind == f->kind && CsConverterIsCoded(converter) == f->is_coded &&
			CsVectorWidth(&columns[i]) == f->vector_width)
			return i;
	}
	return -1;
}

/* Are all features of the labeller's version among those that are read, as it reads them? */
bool
CsLabellerMayWait(const CsLabeller *l, const CsColumn *features, int nfeatures)
{
	const CsPipeline *p = CsScorerPipeline(((const ModelLabeller *) l)->scorer);

	for (int i = 0; i < p->nfeatures; i++)
		if (FindColumn(&p->feature[i], features, nfeatures) < 0)
			return false;
	return true;
}

/* Fill the version's raw values of a block of rows, "stride" apart. */
static void
FillRaw(const CsPipeline *p, const Feature *features, const double *levels, const double *block, int nrows,
		double *raw, int stride)
{
	for (int i = 0; i < p->nfeatures; i++, raw += stride)
	{
		const Feature *f = &features[i];
		const double *x = block + (Size) f->column * CS_BLOCK_ROWS;

		if (!f->is_category)
			memcpy(raw, x, sizeof(double) * nrows);
		for (int r = 0; f->is_category && r < nrows; r++)
			raw[r] = levels[f->table + (isnan(x[r]) ? f->ncodes : (int) x[r])];
	}
}

/* Blocks whose rows are placed at once. */
static int
BlocksAtOnce(const CsPipeline *p)
{
	return Max(PLACED_VALUES / CS_BLOCK_ROWS / p->nfeatures, 1);
}

/* Place the rows of a run of lanes. */
void
CsPlaceRowsTask(CsTeam *team, const void *arguments, int item)
{
	const PlaceArgs *args = arguments;
	CsArena    *arena = CsTeamArena(team);
	const CsScorer *scorer = CsArenaAddress(arena, args->scorer);
	const CsPipeline *p = CsScorerPipeline(scorer);
	const CsMatrix *m = CsArenaAddress(arena, args->matrix);
	int64		end = CsLaneStart(m, (item + 1) * args->lanes);
	int			most = BlocksAtOnce(p),
				stride = most * CS_BLOCK_ROWS;
	double	   *raw = palloc(mul_size(sizeof(double) * stride, p->nfeatures));
	CsScoring	scoring = {0};

	CsScoringInit(&scoring, scorer, CurrentMemoryContext);
	for (int64 b = CsLaneStart(m, item * args->lanes); b < end; b += most)
	{
		int32	   *labels = (int32 *) CsArenaAddress(arena, args->labels) + b * CS_BLOCK_ROWS;
		int			nrows = 0;

		for (int64 at = b; at < Min(b + most, end); at++)
		{
			FillRaw(p, CsArenaAddress(arena, args->features), CsArenaAddress(arena, args->levels),
					CsMatrixBlock(m, arena, at), CsMatrixBlockRows(m, at), raw + nrows, stride);
			nrows += CsMatrixBlockRows(m, at);
		}
		CsScoringPlaceRows(&scoring, raw, stride, nrows, labels);
		for (int r = 0; r < nrows; r++)
			labels[r] = labels[r] >= args->first ? labels[r] : -1;
	}
}

/* Note where the version's features are; returns how many levels there are in all tables. */
static Size
FindFeatures(const CsPipeline *p, const CsMatrix *raw, const CsColumn *features, CsDictionary *const *dictionaries,
			 Feature *found)
{
	Size		nlevels = 0;

	for (int i = 0; i < p->nfeatures; i++)
	{
		Feature    *f = &found[i];

		f->column = FindColumn(&p->feature[i], features, raw->ncolumns);
		f->is_category = dictionaries[f->column] != NULL;
		f->ncodes = f->is_category ? CsDictionarySize(dictionaries[f->column]) : 0;
		f->table = nlevels;
		nlevels += f->is_category ? f->ncodes + 1 : 0;
	}
	return nlevels;
}

/* Fill the tables of levels. */
static void
FillLevels(const CsPipeline *p, const Feature *features, CsDictionary *const *dictionaries, double *levels)
{
	for (int i = 0; i < p->nfeatures; i++)
	{
		const Feature *f = &features[i];

		if (!f->is_category)
			continue;
		for (int code = 0; code < f->ncodes; code++)
		{
			const char *text = CsDictionaryLevel(dictionaries[f->column], code);

			CsCheckInterrupts(code);
			levels[f->table + code] = CsFeatureLevel(p, &p->feature[i], text, (int) strlen(text));
		}
		levels[f->table + f->ncodes] = CsFeatureLevel(p, &p->feature[i], NULL, 0);
	}
}

/* How many lanes make an item, of so many rows in all. */
static int
LanesOfItem(int64 nrows)
{
	int			lanes = 1;

	while (lanes < MOST_LANES && nrows / CS_LANES * lanes < ENOUGH_ROWS)
		lanes *= 2;
	return lanes;
}

/*
 * Label the rows by the team, all of which have been read.  The columns of the matrix are the features,
 * categories are codes of the dictionaries; CsLabellerMayWait() has said that they will do.
 */
void
CsLabellerPlace(CsLabeller *l, CsTeam *team, const CsMatrix *raw, const CsColumn *features,
				CsDictionary *const *dictionaries)
{
	const ModelLabeller *self = (const ModelLabeller *) l;
	const CsPipeline *p = CsScorerPipeline(self->scorer);
	CsArena    *arena = CsTeamArena(team);
	PlaceArgs	args = {.first = self->first,.lanes = LanesOfItem(raw->nrows)};
	Size		labels = mul_size(sizeof(int32), raw->nrows);
	Feature    *found;

	args.features = CsArenaAlloc(arena, sizeof(Feature) * p->nfeatures);
	found = CsArenaAddress(arena, args.features);
	args.levels = CsArenaAlloc(arena, Max(FindFeatures(p, raw, features, dictionaries, found), 1) * sizeof(double));
	FillLevels(p, found, dictionaries, CsArenaAddress(arena, args.levels));
	args.scorer = CsArenaAlloc(arena, CsScorerSizeForRows(self->scorer));
	CsScorerCopyForRows(self->scorer, CsArenaAddress(arena, args.scorer));
	args.matrix = CsMatrixShare(raw, arena);
	args.labels = CsArenaAlloc(arena, labels);
	CsTeamRun(team, CS_TASK(CsPlaceRowsTask), &args, sizeof(args), CS_LANES / args.lanes);

	l->labels = MemoryContextAllocHuge(l->context, labels);
	l->capacity = raw->nrows;
	memcpy(l->labels, CsArenaAddress(arena, args.labels), labels);
	CsArenaFree(arena, args.labels);
	CsArenaFree(arena, args.matrix);
	CsArenaFree(arena, args.scorer);
	CsArenaFree(arena, args.levels);
	CsArenaFree(arena, args.features);
}
