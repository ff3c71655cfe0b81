/*
 * kind.c
 *	  Kinds of models: what a model tells of a customer, and so which functions use it.
 *
 * A model has one kind, which all its versions share.  Whoever opens a version says of which kind it
 * must be; that is where a function that does not suit the model fails.
 */
#include "custseg.h"

#include "catalog/tables.h"

const CsModelKindInfo CsModelKinds[] = {
	[CS_MODEL_SEGMENTS] = {"segments", "custseg.train()",
		"custseg.predict(), custseg.score() and custseg.segment_profile()"},
	[CS_MODEL_PURCHASES] = {"purchases", "custseg.train_purchases()",
		"custseg.lifetime_value(), custseg.predict_lifetime_value() and custseg.purchase_parameters()"},
	[CS_MODEL_VALUE] = {"value", "custseg.train_value()",
		"custseg.predict_value(), custseg.predict_interval(), custseg.score_value() and custseg.explain_value()"},
	[CS_MODEL_PROBABILITY] = {"probability", "custseg.train_value()",
		"custseg.predict_value(), custseg.score_value() and custseg.explain_value()"}
};

StaticAssertDecl(lengthof(CsModelKinds) == CS_MODEL_KINDS, "a row for each kind of model");

static const char *const kind_sql =
"SELECT m.kind FROM custseg.model AS m WHERE m.name OPERATOR(pg_catalog.=) $1";

/* The kind of that name, as the table has it. */
CsModelKind
CsModelKindNamed(const char *name)
{
	for (int kind = 0; kind < CS_MODEL_KINDS; kind++)
		if (strcmp(CsModelKinds[kind].name, name) == 0)
			return (CsModelKind) kind;
	elog(ERROR, "no kind of model is called \"%s\"", name);
	return CS_MODEL_SEGMENTS;	/* not reached */
}

/* The error of a model of a kind that is not among those wanted, a sum of CS_MODEL_BIT(). */
static void
ReportKind(const char *model, CsModelKind kind, int wanted)
{
	CsModelKind first = CS_MODEL_SEGMENTS;

	while ((wanted & CS_MODEL_BIT(first)) == 0)
		first++;
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("model \"%s\" is a model of %s, not of %s", model, CsModelKinds[kind].name,
					CsModelKinds[first].name),
			 errhint("%s use a model of %s; %s trains one.", CsModelKinds[kind].users,
					 CsModelKinds[kind].name, CsModelKinds[kind].trainer)));
}

/* Raise an error unless a model's kind is one of those wanted. */
void
CsModelKindCheck(const char *model, CsModelKind kind, int wanted)
{
	if ((wanted & CS_MODEL_BIT(kind)) == 0)
		ReportKind(model, kind, wanted);
}

/* Find the kind of a model; false when there is no such model.  Sees what has just been committed. */
static bool
FindKind(const char *model, CsModelKind *kind)
{
	bool		found;

	SPI_connect();
	found = CsCatalogExecute(kind_sql, CsValues(CsValueText(model)), false) > 0;
	if (found)
	{
		CsCatalogRow row = {SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 0};

		*kind = CsModelKindNamed(CsRowText(&row, 1));
	}
	SPI_finish();
	return found;
}

/*
 * Raise an error unless the model is of one of the kinds wanted, or there is no such model: that it
 * exists is somebody else's concern.
 */
void
CsModelRequireKind(const char *model, int wanted)
{
	CsModelKind kind;

	if (FindKind(model, &kind))
		CsModelKindCheck(model, kind, wanted);
}

/* The kind of a model, or an error when there is no such model. */
CsModelKind
CsModelKindOf(const char *model)
{
	CsModelKind kind = CS_MODEL_SEGMENTS;

	if (!FindKind(model, &kind))
		CsReportNoModel(model);
	return kind;
}
