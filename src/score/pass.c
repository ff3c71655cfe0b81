/*
 * pass.c
 *	  A source read once for all who want something of its rows.
 *
 * The source is streamed as the caller, and only the columns that somebody has asked for are read.
 * Each row goes through the same binding, pipeline and placing as predict's, by each version that
 * places it; then every visitor takes it, or where all of them can, many rows at once (block.c).
 * Who finds that memory does not suffice for all that it keeps has the source read again for the rest.
 */
#include "custseg.h"

#include "score/pass.h"

/*
 * A pass over a relation, which stays the caller's.  Everything is allocated in
 * CurrentMemoryContext.
 */
CsPass *
CsPassOpen(const CsRelation *relation)
{
	CsPass	   *pass = palloc0(sizeof(CsPass));

	pass->relation = relation;
	pass->is_first = true;
	return pass;
}

/*
 * A pass over a source (NULL: the one that the version keeps), whose rows are placed by a version
 * of a model (0: the deployed one), and which reads the column that identifies the rows.  OUT
 * *placer.
 */
CsPass *
CsPassOpenModel(const char *model, int version, const char *source, CsPlacing placing,
				CsPlacer **placer)
{
	const CsScorer *scorer = CsCacheGet(model, version);
	CsPass	   *pass;

	CsCachePin(scorer, CurrentMemoryContext);
	pass = CsPassOpen(CsSourceOpen(scorer, source));
	*placer = CsPassPlace(pass, scorer, placing);
	CsPassIdentify(pass, CsFindKey(pass->relation, CsScorerId(scorer)));
	return pass;
}

/* Have rows fetched from other servers however many they are, for nobody keeps one in memory once it has been taken. */
void
CsPassStream(CsPass *pass)
{
	CsRelation *relation = palloc(sizeof(CsRelation));

	*relation = *pass->relation;
	relation->may_fetch = true;
	pass->relation = relation;
}

/* Have a column of the relation read.  Returns its position in the row. */
int
CsPassColumn(CsPass *pass, const CsColumn *column)
{
	return CsColumnSetAdd(&pass->columns, column);
}

/* The error when a source lacks what a feature is read from. */
static void
ReportMissing(const CsPass *pass, const char *model, const CsFeature *f)
{
	if (f->vector_width > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("%s lacks a column \"%s\" of vectors of %d elements",
						pass->relation->description, CsFeatureColumn(f), f->vector_width),
				 errdetail("Model \"%s\" was trained on such vectors.", model),
				 errhint("Score vectors that were made in the same way as those of the training.")));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s lacks column \"%s\"", pass->relation->description, NameStr(f->name)),
			 errdetail("Model \"%s\" was trained with it as a feature.", model),
			 errhint("Score a table, view or query that has the column, NULL where the value is not known.")));
}

/*
 * The position of a feature's column, -1: there is none, which is an error unless it "may be
 * missing".
 */
static int
AddFeature(CsPass *pass, const char *model, const CsFeature *f, bool may_be_missing)
{
	const CsColumn *column = CsRelationFeature(pass->relation, NameStr(f->name), f->vector_width);

	if (column == NULL && !may_be_missing)
		ReportMissing(pass, model, f);
	return column == NULL ? -1 : CsPassColumn(pass, column);
}

/*
 * Have the columns of a pipeline's features read, and bind them; with "states" what can be bound.  OUT the position
 * of each in the row, -1: there is none.
 */
static CsBinding *
BindFeatures(CsPass *pass, const CsPipeline *pipeline, const char *model, CsBindState *states, int *column)
{
	for (int i = 0; i < pipeline->nfeatures; i++)
		column[i] = AddFeature(pass, model, &pipeline->feature[i], states != NULL);
	return CsBindingForColumns(pipeline, pass->columns.columns, pass->columns.ncolumns, model, CurrentMemoryContext,
							   states);
}

/*
 * Have the columns of the features of a model that places nobody read; a column that is missing or of another kind
 * is an error.  The binding is for a visitor, which calls CsBindValues().
 */
CsBinding *
CsPassBind(CsPass *pass, const CsPipeline *pipeline, const char *model)
{
	return BindFeatures(pass, pipeline, model, NULL, palloc(sizeof(int) * pipeline->nfeatures));
}

/* Add a placer; with "states" it binds what it can. */
static CsPlacer *
AddPlacer(CsPass *pass, const CsScorer *scorer, CsPlacing placing, CsBindState *states)
{
	CsPlacer   *p = palloc0(sizeof(CsPlacer));
	const CsPipeline *pipeline = CsScorerPipeline(scorer);

	CsScoringInit(&p->scoring, scorer, CurrentMemoryContext);
	p->column = palloc(sizeof(int) * pipeline->nfeatures);
	p->binding = BindFeatures(pass, pipeline, NameStr(scorer->model), states, p->column);
	p->states = states;
	p->is_bound = true;
	for (int i = 0; i < pipeline->nfeatures && states != NULL; i++)
	{
		if (states[i] == CS_BIND_DONE)
			continue;
		p->is_bound = false;
		p->column[i] = -1;
	}
	p->placing = placing;
	p->placed.index = -1;
	pass->placers = lappend(pass->placers, p);
	return p;
}

/*
 * Have a version, which the caller has pinned, place the rows.  A feature whose column is missing
 * or of another kind is an error.
 */
CsPlacer *
CsPassPlace(CsPass *pass, const CsScorer *scorer, CsPlacing placing)
{
	return AddPlacer(pass, scorer, placing, NULL);
}

/*
 * Have a version, which the caller has pinned, place the rows.  A column that is missing or of
 * another kind is noted in "states", not an error, and then no row is placed.  Visitors that name
 * the same version share its placer.
 */
CsPlacer *
CsPassTryToPlace(CsPass *pass, const CsScorer *scorer, CsPlacing placing)
{
	return AddPlacer(pass, scorer, placing,
					 palloc0(sizeof(CsBindState) * CsScorerPipeline(scorer)->nfeatures));
}

/* Have the id of rows read from these columns; nothing happens for NIL.  See CsFindKey(). */
void
CsPassIdentify(CsPass *pass, const List *key)
{
	if (key == NIL)
		return;
	pass->identity = CsIdentityOfColumns(key);
	pass->key = palloc(sizeof(int) * pass->identity->nparts);
	for (int i = 0; i < pass->identity->nparts; i++)
		pass->key[i] = CsPassColumn(pass, list_nth(key, i));
}

/*
 * Have decisions by hand honoured by a placer.  A WARNING when there is no id to tell customers by.
 */
void
CsPassHonour(CsPass *pass, CsPlacer *placer)
{
	const CsScorer *scorer = placer->scoring.scorer;

	if (!CsOverridesHold(scorer))
		return;
	if (pass->identity != NULL)
		placer->overrides = CsOverridesLoad(scorer, pass->identity);
	else
		ereport(WARNING,
				(errmsg("overrides of model \"%s\" are not honoured: %s has no column that identifies a customer",
						NameStr(scorer->model), pass->relation->description),
				 errhint("Score a source with the id that the model was trained with.")));
}

/* Add a visitor, which is copied. */
void
CsPassVisit(CsPass *pass, const CsVisitor *visitor)
{
	CsVisitor  *v = palloc(sizeof(CsVisitor));

	*v = *visitor;
	pass->visitors = lappend(pass->visitors, v);
}

/* The values of a row's id. */
static void
TakeId(const CsPass *pass, const Datum *values, const bool *nulls, Datum *id, bool *id_nulls)
{
	for (int i = 0; i < pass->identity->nparts; i++)
	{
		id[i] = values[pass->key[i]];
		id_nulls[i] = nulls[pass->key[i]];
	}
}

/* The id of a row as text, palloc'd, see CsIdentityText(); NULL without one. */
char *
CsPassId(CsPass *pass, const Datum *values, const bool *nulls)
{
	Datum		id[INDEX_MAX_KEYS];
	bool		id_nulls[INDEX_MAX_KEYS];

	if (pass->identity == NULL)
		return NULL;
	TakeId(pass, values, nulls, id, id_nulls);
	return CsIdentityText(pass->identity, id, id_nulls);
}

/*
 * Likewise as text that is the same whatever the settings, see CsIdentityPlain(); NULL when a value of the id
 * is.  The pass has an identity.
 */
char *
CsPassPlainId(CsPass *pass, const Datum *values, const bool *nulls)
{
	Datum		id[INDEX_MAX_KEYS];
	bool		id_nulls[INDEX_MAX_KEYS];

	TakeId(pass, values, nulls, id, id_nulls);
	for (int i = 0; i < pass->identity->nparts; i++)
	{
		if (id_nulls[i])
			return NULL;
	}
	return CsIdentityPlain(pass->identity, id);
}

/* What somebody has decided for the row's customer, or NULL; there are decisions. */
static const CsOverride *
FindOverride(const CsPass *pass, const CsPlacer *p, const Datum *values, const bool *nulls)
{
	Datum		id[INDEX_MAX_KEYS];
	bool		id_nulls[INDEX_MAX_KEYS];

	TakeId(pass, values, nulls, id, id_nulls);
	return CsOverridesFind(p->overrides, id, id_nulls);
}

/* Place a row by one version. */
static inline void
PlaceRow(CsPass *pass, CsPlacer *p, const Datum *values, const bool *nulls)
{
	CsScoring  *s = &p->scoring;

	CsBindValues(p->binding, CsScorerPipeline(s->scorer), values, nulls, s->raw);
	if (!pass->is_first || p->placing == CS_PLACE_NOT || !p->is_bound)
		return;
	p->override = p->overrides == NULL ? NULL : FindOverride(pass, p, values, nulls);
	if (p->placing == CS_PLACE_STRICT ?
		p->override != NULL || !CsScoringPlace(s, &p->placed, p->memberships) :
		!CsScoringTry(s, &p->placed, p->memberships))
		p->placed.index = -1;
}

/* CsRowSink: one row of the source. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	CsPass	   *pass = state;

	for (int i = 0; i < list_length(pass->placers); i++)
		PlaceRow(pass, list_nth(pass->placers, i), values, nulls);
	for (int i = 0; i < list_length(pass->visitors); i++)
	{
		const CsVisitor *v = list_nth(pass->visitors, i);

		v->take_row(v->state, values, nulls);
	}
}

/* Begin a reading: what it is to read. */
static void
BeginReading(CsPass *pass)
{
	bool		needs_raw = pass->is_first;
	ListCell   *cell;

	foreach(cell, pass->visitors)
		needs_raw |= ((CsVisitor *) lfirst(cell))->needs_raw;
	if (!needs_raw)
	{
		pass->placers = NIL;
		pass->columns.ncolumns = 0;
		pass->identity = NULL;
	}
	foreach(cell, pass->visitors)
	{
		const CsVisitor *v = lfirst(cell);

		if (v->begin != NULL)
			v->begin(v->state, pass);
	}
}

/* End a reading: visitors that need no further reading leave. */
static void
EndReading(CsPass *pass)
{
	List	   *rest = NIL;
	ListCell   *cell;

	foreach(cell, pass->visitors)
	{
		const CsVisitor *v = lfirst(cell);

		if (v->end != NULL && v->end(v->state))
			rest = lappend(rest, lfirst(cell));
	}
	pass->visitors = rest;
	pass->is_first = false;
}

/*
 * Read the source, as the caller, as often as the visitors need.  Returns the number of its rows.
 */
int64
CsPassRead(CsPass *pass)
{
	do
	{
		BeginReading(pass);
		pass->nrows = CsPassTakesBlocks(pass) ? CsPassReadBlocks(pass) :
			CsRelationRead(pass->relation, pass->columns.columns, pass->columns.ncolumns, TakeRow, pass);
		EndReading(pass);
	} while (pass->visitors != NIL);
	return pass->nrows;
}
