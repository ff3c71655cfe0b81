/*
 * reading.c
 *	  As whom the rows of a source are read, and where its names are looked for.
 *
 * A source that the caller names runs as any query of the caller's.  A source that a model keeps is
 * code of the model's owner: for anybody else it runs as PostgreSQL has maintenance run, as its owner
 * in a security-restricted operation, and settings that its functions change are undone.  Its names
 * mean what they meant when it was written, so it keeps the search_path of that time.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/namespace.h"
#include "data/relation.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

/* Become a role in a security-restricted operation until CsReadingEnd, or stay the caller for InvalidOid. */
CsReading
CsReadingBeginAs(Oid role)
{
	CsReading	reading = {.is_restricted = OidIsValid(role)};

	GetUserIdAndSecContext(&reading.user, &reading.context);
	if (reading.is_restricted)
		SetUserIdAndSecContext(role, reading.context | SECURITY_RESTRICTED_OPERATION);
	reading.level = NewGUCNestLevel();
	return reading;
}

/* Become who reads the source, with its search_path, until CsReadingEnd. */
CsReading
CsReadingBegin(const CsRelation *rel)
{
	CsReading	reading = CsReadingBeginAs(rel->reader);
	const char *path = rel->search_path;

	/* the caller's temporary tables are none of the owner's */
	if (path != NULL && reading.is_restricted)
		path = psprintf("%s%spg_temp", path, path[0] == '\0' ? "" : ", ");
	if (path != NULL)
		CsSetForNow("search_path", path);
	return reading;
}

/* Become the caller again; settings that somebody else's functions have changed are undone. */
void
CsReadingEnd(const CsReading *reading)
{
	AtEOXact_GUC(!reading->is_restricted, reading->level);
	SetUserIdAndSecContext(reading->user, reading->context);
}

/* The schemas of search_path that there are, as a value of it, without implicit ones; palloc'd. */
char *
CsSearchPath(void)
{
	List	   *schemas = fetch_search_path(false);
	StringInfoData path;
	ListCell   *cell;

	initStringInfo(&path);
	foreach(cell, schemas)
	{
		Oid			schema = lfirst_oid(cell);
		const char *name = isTempNamespace(schema) ? "pg_temp" : get_namespace_name(schema);

		if (name != NULL)
			appendStringInfo(&path, "%s%s", path.len > 0 ? ", " : "", quote_identifier(name));
	}
	list_free(schemas);
	return path.data;
}
