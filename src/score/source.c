/*
 * source.c
 *	  The rows of a model: the source that a caller names, or the one that a version keeps.
 *
 * Whoever may use a model could otherwise be made to run what its owner wrote.  So what a version keeps
 * is read as is by nobody but the owner, and this is the one place that reads it.
 */
#include "custseg.h"

#include "miscadmin.h"
#include "score/score.h"
#include "utils/acl.h"
#include "utils/builtins.h"

static const char *const origin_sql =
"SELECT v.source, v.search_path, v.source_adopted, v.id, m.owner, m.owner_oid, m.owner_cluster "
"FROM custseg.model_version AS v "
"JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) v.model "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

/* What a version was trained on, palloc'd. */
typedef struct Origin
{
	char	   *source;
	char	   *search_path;
	bool		is_adopted;		/* by the owner, who wrote it or says that it may be run */
	char	   *id;				/* or NULL */
	Oid			owner;			/* InvalidOid: there is no such role any more */
} Origin;

/* CsCatalogVisitor: the row. */
static void
TakeOrigin(void *state, const CsCatalogRow *row)
{
	Origin	   *origin = state;
	bool		isnull;

	origin->source = CsRowText(row, 1);
	origin->search_path = CsRowText(row, 2);
	origin->is_adopted = DatumGetBool(CsRowDatum(row, 3, &isnull));
	origin->id = CsRowText(row, 4);
	origin->owner = CsRowRole(row, 5);
}

/* What a version was trained on; an error when it has been dropped. */
static Origin
ReadOrigin(const char *model, int version)
{
	Origin		origin = {0};

	if (CsCatalogRead(origin_sql, CsValues(CsValueText(model), CsValueInt4(version)), TakeOrigin,
					  &origin) != 1)
		CsReportDropped(model, version);
	return origin;
}

/* The error of a source that is not the caller's to run; "otherwise" is what may be done but to name one. */
static void
ReportNotRun(const char *model, const char *why, const char *otherwise)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for the stored source of model \"%s\"", model),
			 errdetail("%s", why),
			 errhint("Name a source: a table, view or query that you may read.%s", otherwise)));
}

/* Leave a model that is within a segment of another the customers of that segment alone; returns the relation. */
static CsRelation *
RestrictOwn(CsRelation *rel, const char *model)
{
	CsWithinRestrict(rel, CsWithinOf(model));
	return rel;
}

/*
 * The source that the caller names, or with NULL the one that the version keeps; of a model within a segment of another
 * the rows of that segment.  The owner of the
 * model reads that as is; members of the owner's role and superusers have it run as the owner; for
 * anybody else it is an error that says to name a source.
 */
CsRelation *
CsSourceOpenOf(const char *model, int version, const char *source)
{
	Origin		origin;

	if (source != NULL)
		return RestrictOwn(CsRelationOpen(source), model);
	origin = ReadOrigin(model, version);
	if (!origin.is_adopted)
		ReportNotRun(model, "What its version was trained on was not written by the present owner.",
					 psprintf(" The owner of the model who has read the stored one lets it run with:"
							  " SELECT custseg.adopt_source(%s, %d);",
							  quote_literal_cstr(model), version));
	if (!OidIsValid(origin.owner))
		ReportNotRun(model, "The role that owns the model does not exist any more.", "");
	if (origin.owner == GetUserId())
		return RestrictOwn(CsRelationOpenStored(origin.source, origin.search_path, InvalidOid), model);
	if (!has_privs_of_role(GetUserId(), origin.owner))
		ReportNotRun(model, "A stored source runs for the owner of the model, members of that role and superusers.",
					 "");
	return RestrictOwn(CsRelationOpenStored(origin.source, origin.search_path, origin.owner), model);
}

/* The same of a scorer's version; the scorer may be NULL where a source is named. */
CsRelation *
CsSourceOpen(const CsScorer *scorer, const char *source)
{
	return scorer == NULL ? CsRelationOpen(source) :
		CsSourceOpenOf(NameStr(scorer->model), scorer->version, source);
}

/* The name of the id column that a version was trained with, palloc'd; NULL without one. */
char *
CsVersionId(const char *model, int version)
{
	return ReadOrigin(model, version).id;
}

/* The same of a scorer's version. */
char *
CsScorerId(const CsScorer *scorer)
{
	return CsVersionId(NameStr(scorer->model), scorer->version);
}
