/*
 * score.c
 *	  All customers of a source placed at once: score(), and what judges a model on a source.
 *
 * The source is streamed as the caller, and only the columns that the model needs and the id are
 * read.  Each row goes through the same binding, pipeline and distances as predict's.
 */
#include "custseg.h"

#include "funcapi.h"
#include "model/model.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* What score() needs for each row. */
typedef struct ScoreState
{
	CsScoredSource *source;
	Tuplestorestate *store;
	TupleDesc	desc;
} ScoreState;

static const char *const origin_sql =
"SELECT v.source, v.id FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

PG_FUNCTION_INFO_V1(custseg_score);

/* See model.h. */
void
CsScorerOrigin(const CsScorer *scorer, char **source, char **id)
{
	MemoryContext context = CurrentMemoryContext;
	CsSqlArgument arguments[2];

	/* the newest snapshot, as the cache's: the version may be younger than the statement */
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();
	arguments[0] = CsSqlText(NameStr(scorer->model));
	arguments[1] = CsSqlInt4(scorer->version);
	if (CsCatalogExecute(origin_sql, arguments, lengthof(arguments), true) != 1)
		CsReportDroppedVersion(scorer);
	*source = MemoryContextStrdup(context, SPI_getvalue(SPI_tuptable->vals[0],
														SPI_tuptable->tupdesc, 1));
	*id = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	if (*id != NULL)
		*id = MemoryContextStrdup(context, *id);
	SPI_finish();
	PopActiveSnapshot();
}

/* Add a column to those that are read, unless it is there; returns its position. */
static int
AddColumn(CsScoredSource *s, const CsColumn *column)
{
	for (int i = 0; i < s->ncolumns; i++)
	{
		if (s->columns[i].attnum == column->attnum)
			return i;
	}
	s->columns[s->ncolumns] = *column;
	return s->ncolumns++;
}

/* See model.h. */
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
		const char *name = NameStr(p->feature[i].name);
		const CsColumn *column = CsRelationFind(rel, name);

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

/* See model.h. */
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

/* See model.h. */
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

/* See model.h. */
bool
CsScoredSourcePlace(CsScoredSource *s, const Datum *row, const bool *nulls, CsAssignment *result)
{
	CsBindValues(s->binding, CsScorerPipeline(s->scoring.scorer), row, nulls, s->scoring.raw);
	return CsScoringPlace(&s->scoring, result, NULL);
}

/* See model.h. */
char *
CsScoredSourceId(CsScoredSource *s, const Datum *row, const bool *nulls)
{
	return s->id < 0 || nulls[s->id] ? NULL : OutputFunctionCall(&s->id_output, row[s->id]);
}

/* One row of the source to one row of the result. */
static void
ScoreRow(void *arg, const Datum *row, const bool *row_nulls)
{
	ScoreState *state = arg;
	const CsScorer *scorer = state->source->scoring.scorer;
	char	   *id = CsScoredSourceId(state->source, row, row_nulls);
	CsAssignment placed;
	Datum		values[5] = {0};
	bool		nulls[5] = {true, true, true, true, true};

	if (id != NULL)
	{
		values[0] = CStringGetTextDatum(id);
		nulls[0] = false;
	}
	if (CsScoredSourcePlace(state->source, row, row_nulls, &placed))
	{
		const CsScorerSegment *segment = &CsScorerSegments(scorer)[placed.index];

		values[1] = Int32GetDatum(segment->segment);
		values[2] = CStringGetTextDatum(CsScorerAt(scorer, char, segment->name));
		values[3] = Float8GetDatum(placed.distance);
		values[4] = Float8GetDatum(placed.confidence);
		memset(&nulls[1], false, 4);
	}
	tuplestore_putvalues(state->store, state->desc, values, nulls);
}

/* score(model, source, version): one row a customer of the source */
Datum
custseg_score(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ScoreState	state;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	state.source = CsScoredSourceOpen(text_to_cstring(PG_GETARG_TEXT_PP(0)),
									  CsVersionArgument(fcinfo, 2),
									  PG_ARGISNULL(1) ? NULL :
									  text_to_cstring(PG_GETARG_TEXT_PP(1)));
	state.store = rsinfo->setResult;
	state.desc = rsinfo->setDesc;
	(void) CsRelationRead(state.source->relation, state.source->columns, state.source->ncolumns,
						  ScoreRow, &state);
	return (Datum) 0;
}
