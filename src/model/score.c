/*
 * score.c
 *	  All customers of a source placed at once: score().
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

/* What is needed for each row. */
typedef struct ScoreState
{
	CsScoring	scoring;
	CsBinding  *binding;
	int			id;				/* position of the id among the columns read, or -1 */
	FmgrInfo	id_output;
	Tuplestorestate *store;
	TupleDesc	desc;
} ScoreState;

/* The columns to read, each once. */
typedef struct ColumnList
{
	int			ncolumns;
	CsColumn   *columns;
} ColumnList;

static const char *const origin_sql =
"SELECT v.source, v.id FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

PG_FUNCTION_INFO_V1(custseg_score);

/* Source and id column that a version was trained with, palloc'd; *id may be NULL. */
static void
ReadOrigin(const CsScorer *scorer, char **source, char **id)
{
	MemoryContext context = CurrentMemoryContext;
	CsSqlArgument arguments[2];

	/* the newest snapshot, as the cache's: the version may be younger than the statement */
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();
	arguments[0] = CsSqlText(NameStr(scorer->model));
	arguments[1] = CsSqlInt4(scorer->version);
	if (CsCatalogExecute(origin_sql, arguments, lengthof(arguments), true) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d any more", NameStr(scorer->model),
						scorer->version)));
	*source = MemoryContextStrdup(context, SPI_getvalue(SPI_tuptable->vals[0],
														SPI_tuptable->tupdesc, 1));
	*id = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	if (*id != NULL)
		*id = MemoryContextStrdup(context, *id);
	SPI_finish();
	PopActiveSnapshot();
}

/* Add a column unless it is there; returns its position. */
static int
AddColumn(ColumnList *list, const CsColumn *column)
{
	for (int i = 0; i < list->ncolumns; i++)
	{
		if (list->columns[i].attnum == column->attnum)
			return i;
	}
	list->columns[list->ncolumns] = *column;
	return list->ncolumns++;
}

/* The features' columns of a source; a column that is missing is an error. */
static void
AddFeatureColumns(ColumnList *list, const CsRelation *rel, const CsScorer *scorer)
{
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
		AddColumn(list, column);
	}
}

/* The id's column: as trained, or the source's own single-column key; -1 without one. */
static int
AddIdColumn(ColumnList *list, const CsRelation *rel, const char *trained_id)
{
	const CsColumn *column = trained_id == NULL ? NULL : CsRelationFind(rel, trained_id);

	if (column == NULL)
	{
		char	   *key = CsRelationDefaultId(rel);

		column = key == NULL ? NULL : CsRelationFind(rel, key);
	}
	return column == NULL ? -1 : AddColumn(list, column);
}

/* One row of the source to one row of the result. */
static void
ScoreRow(void *arg, const Datum *row, const bool *row_nulls)
{
	ScoreState *state = arg;
	const CsScorer *scorer = state->scoring.scorer;
	CsAssignment placed;
	Datum		values[5] = {0};
	bool		nulls[5] = {true, true, true, true, true};

	if (state->id >= 0 && !row_nulls[state->id])
	{
		values[0] = CStringGetTextDatum(OutputFunctionCall(&state->id_output, row[state->id]));
		nulls[0] = false;
	}
	CsBindValues(state->binding, CsScorerPipeline(scorer), row, row_nulls, state->scoring.raw);
	if (CsScoringPlace(&state->scoring, &placed, NULL))
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

/* Prepare the output of the id as text. */
static void
PrepareId(ScoreState *state, const ColumnList *list)
{
	Oid			output;
	bool		is_varlena;

	if (state->id < 0)
		return;
	getTypeOutputInfo(list->columns[state->id].type, &output, &is_varlena);
	fmgr_info(output, &state->id_output);
}

/* score(model, source, version): one row a customer of the source */
Datum
custseg_score(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const CsScorer *scorer;
	CsRelation *rel;
	ColumnList	list = {0};
	ScoreState	state = {0};
	char	   *source;
	char	   *id;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	scorer = CsCacheGet(text_to_cstring(PG_GETARG_TEXT_PP(0)), CsVersionArgument(fcinfo, 2));
	CsCachePin(scorer, CurrentMemoryContext);
	ReadOrigin(scorer, &source, &id);
	if (!PG_ARGISNULL(1))
		source = text_to_cstring(PG_GETARG_TEXT_PP(1));

	rel = CsRelationOpen(source);
	list.columns = palloc(sizeof(CsColumn) * (CsScorerPipeline(scorer)->nfeatures + 1));
	AddFeatureColumns(&list, rel, scorer);
	state.id = AddIdColumn(&list, rel, id);
	PrepareId(&state, &list);
	state.binding = CsBindingForColumns(CsScorerPipeline(scorer), list.columns, list.ncolumns,
										NameStr(scorer->model), CurrentMemoryContext, NULL);
	CsScoringInit(&state.scoring, scorer, CurrentMemoryContext);
	state.store = rsinfo->setResult;
	state.desc = rsinfo->setDesc;
	(void) CsRelationRead(rel, list.columns, list.ncolumns, ScoreRow, &state);
	return (Datum) 0;
}
