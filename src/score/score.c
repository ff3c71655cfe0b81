/*
 * score.c
 *	  All customers of a source placed at once: score(), and what judges a model on a source.
 *
 * The source is streamed as the caller, and only the columns that the model needs and the id are
 * read.  Each row goes through the same binding, pipeline and distances as predict's.
 */
#include "custseg.h"

#include "funcapi.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* What score() needs for each row. */
typedef struct ScoreState
{
	CsScoredSource *source;
	CsOverrides *overrides;		/* NULL: there are none */
	CsResult   *result;
} ScoreState;

static const char *const origin_sql =
"SELECT v.source, v.id FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

/* The columns of score(). */
enum
{
	SCORE_ID, SCORE_SEGMENT, SCORE_NAME, SCORE_DISTANCE, SCORE_CONFIDENCE, SCORE_ASSIGNED_BY,
	SCORE_COLUMNS
};

PG_FUNCTION_INFO_V1(custseg_score);

/* CsCatalogVisitor: source and id. */
static void
TakeOrigin(void *state, const CsCatalogRow *row)
{
	char	  **origin = state;

	origin[0] = CsRowText(row, 1);
	origin[1] = CsRowText(row, 2);
}

/* See score.h. */
void
CsScorerOrigin(const CsScorer *scorer, char **source, char **id)
{
	char	   *origin[2];

	if (CsScorerRead(scorer, origin_sql, TakeOrigin, origin) != 1)
		CsReportDroppedVersion(scorer);
	*source = origin[0];
	*id = origin[1];
}

/* Add a column to those that are read, unless it is there; returns its position. */
static int
AddColumn(CsScoredSource *s, const CsColumn *column)
{
	for (int i = 0; i < s->ncolumns; i++)
	{
		if (CsIsSameColumn(&s->columns[i], column))
			return i;
	}
	s->columns[s->ncolumns] = *column;
	return s->ncolumns++;
}

/* See score.h. */
int
CsScoredSourceAddColumn(CsScoredSource *s, const CsColumn *column)
{
	s->columns = repalloc(s->columns, sizeof(CsColumn) * (s->ncolumns + 1));
	return AddColumn(s, column);
}

/* The features' columns of a source; a column that is missing is an error. */
static void
AddFeatureColumns(CsScoredSource *s)
{
	const CsRelation *rel = s->relation;
	const CsScorer *scorer = s->scoring.scorer;
	const CsPipeline *p = CsScorerPipeline(scorer);

	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		const char *name = NameStr(f->name);
		const CsColumn *column = CsRelationFind(rel, name);

		if (column == NULL && f->vector_width > 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("%s lacks a column \"%s\" of vectors of %d elements", rel->description,
							CsFeatureColumn(f), f->vector_width),
					 errdetail("Model \"%s\" was trained on them.", NameStr(scorer->model)),
					 errhint("Score vectors that were made as those of the training were.")));
		if (column == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("%s lacks column \"%s\"", rel->description, name),
					 errdetail("Model \"%s\" was trained with it as a feature.",
							   NameStr(scorer->model)),
					 errhint("Score a table, view or query that has the column, NULL where the value is not known.")));
		AddColumn(s, column);
	}
}

/* See score.h. */
const CsColumn *
CsFindIdColumn(const CsRelation *rel, const char *trained_id)
{
	const CsColumn *column = trained_id == NULL ? NULL : CsRelationFind(rel, trained_id);

	if (column == NULL)
	{
		char	   *key = CsRelationDefaultId(rel);

		column = key == NULL ? NULL : CsRelationFind(rel, key);
	}
	return column;
}

/* Have the id's column read, if there is one; its position, or -1. */
static void
AddIdColumn(CsScoredSource *s, const char *trained_id)
{
	const CsColumn *column = CsFindIdColumn(s->relation, trained_id);
	Oid			output;
	bool		is_varlena;

	s->id = column == NULL ? -1 : AddColumn(s, column);
	if (s->id < 0)
		return;
	getTypeOutputInfo(column->type, &output, &is_varlena);
	fmgr_info(output, &s->id_output);
}

/* See score.h. */
CsScoredSource *
CsScoredSourceOpen(const char *model, int version, const char *source)
{
	CsScoredSource *s = palloc0(sizeof(CsScoredSource));
	const CsScorer *scorer = CsCacheGet(model, version);
	char	   *trained_source;
	char	   *id;

	CsCachePin(scorer, CurrentMemoryContext);
	CsScorerOrigin(scorer, &trained_source, &id);
	s->relation = CsRelationOpen(source == NULL ? trained_source : source);
	CsScoringInit(&s->scoring, scorer, CurrentMemoryContext);
	s->columns = palloc(sizeof(CsColumn) * (CsScorerPipeline(scorer)->nfeatures + 1));
	AddFeatureColumns(s);
	AddIdColumn(s, id);
	s->binding = CsBindingForColumns(CsScorerPipeline(scorer), s->columns, s->ncolumns,
									 NameStr(scorer->model), CurrentMemoryContext, NULL);
	return s;
}

/* See score.h. */
bool
CsScoredSourcePlace(CsScoredSource *s, const Datum *row, const bool *nulls, CsAssignment *result)
{
	CsBindValues(s->binding, CsScorerPipeline(s->scoring.scorer), row, nulls, s->scoring.raw);
	return CsScoringPlace(&s->scoring, result, NULL);
}

/* See score.h. */
bool
CsScoredSourceTry(CsScoredSource *s, const Datum *row, const bool *nulls, CsAssignment *result)
{
	CsBindValues(s->binding, CsScorerPipeline(s->scoring.scorer), row, nulls, s->scoring.raw);
	return CsScoringTry(&s->scoring, result, NULL);
}

/* See score.h. */
char *
CsScoredSourceId(CsScoredSource *s, const Datum *row, const bool *nulls)
{
	return s->id < 0 || nulls[s->id] ? NULL : OutputFunctionCall(&s->id_output, row[s->id]);
}

/* See score.h. */
CsOverrides *
CsScoredSourceOverrides(const CsScoredSource *s)
{
	const CsScorer *scorer = s->scoring.scorer;
	CsOverrides *overrides = CsOverridesLoad(scorer);

	/* they can only be honoured where customers are told by their id */
	if (overrides != NULL && s->id < 0)
		ereport(WARNING,
				(errmsg("overrides of model \"%s\" are not honoured: %s has no column that identifies a customer",
						NameStr(scorer->model), s->relation->description),
				 errhint("Score a source with the id that the model was trained with.")));
	return overrides;
}

/* Where a customer belongs, and who says so: the values of score() but the id. */
static void
FillAssignment(ScoreState *state, const Datum *row, const bool *row_nulls, const char *id,
			   CsValue *columns)
{
	const CsScorer *scorer = state->source->scoring.scorer;
	const CsOverride *override = CsOverridesFind(state->overrides, id);
	CsAssignment placed;
	const char *assigned_by = "model";

	if (override != NULL)
	{
		placed.index = override->index;
		assigned_by = override->index < 0 ? "exclusion" : "override";
	}
	else if (!CsScoredSourcePlace(state->source, row, row_nulls, &placed))
		return;
	else
	{
		columns[SCORE_DISTANCE] = CsValueFloat8(placed.distance);
		columns[SCORE_CONFIDENCE] = CsValueFloat8(placed.confidence);
	}
	columns[SCORE_ASSIGNED_BY] = CsValueText(assigned_by);
	if (placed.index >= 0)
	{
		const CsScorerSegment *segment = &CsScorerSegments(scorer)[placed.index];

		columns[SCORE_SEGMENT] = CsValueInt4(segment->segment);
		columns[SCORE_NAME] = CsValueText(CsScorerAt(scorer, char, segment->name));
	}
}

/* One row of the source to one row of the result. */
static void
ScoreRow(void *arg, const Datum *row, const bool *row_nulls)
{
	ScoreState *state = arg;
	char	   *id = CsScoredSourceId(state->source, row, row_nulls);
	CsValue		columns[SCORE_COLUMNS];

	CsResultNulls(state->result, columns);
	columns[SCORE_ID] = CsValueText(id);
	FillAssignment(state, row, row_nulls, id, columns);
	CsResultPut(state->result, columns, lengthof(columns));
}

/* The arguments. */
enum
{
	ARG_MODEL, ARG_SOURCE, ARG_VERSION
};

/* score(model, source, version): one row a customer of the source */
Datum
custseg_score(PG_FUNCTION_ARGS)
{
	char	   *model = CsTextArgument(fcinfo, ARG_MODEL);
	ScoreState	state = {.result = CsResultOpen(fcinfo)};

	if (model == NULL)
		return (Datum) 0;
	state.source = CsScoredSourceOpen(model, CsVersionArgument(fcinfo, ARG_VERSION),
									  CsTextArgument(fcinfo, ARG_SOURCE));
	state.overrides = CsScoredSourceOverrides(state.source);
	(void) CsRelationRead(state.source->relation, state.source->columns, state.source->ncolumns,
						  ScoreRow, &state);
	return (Datum) 0;
}
