/*
 * labeller_model.c
 *	  Rows labelled by a version of a model: each of its segments is a class.
 */
#include "custseg.h"

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
