/*
 * outcome_enrolled.c
 *	  Outcomes on other servers that are read row by row: of customers who are enrolled alone.
 *
 * Who is enrolled is known here alone, and a table of outcomes may have all customers there are.  Where the list of the
 * enrolled ones is not too long, other servers are told who they are, and send their rows.  Rows of nobody come, too, for
 * they are an error.
 */
#include "custseg.h"

#include "access/detoast.h"
#include "call/call.h"
#include "catalog/pg_type.h"
#include "dist/dist.h"
#include "experiment/analysis.h"
#include "lib/stringinfo.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"

/* Most customers whom other servers are told of. */
#define MOST_ENROLLED 100000

/* Part of maintenance_work_mem that their list may take, for a statement is held several times; and bytes of it in any case. */
#define SHARE_OF_LIST 4
#define MOST_BYTES (64 * 1024 * 1024)

/* Types of ids, and which texts of enrolments are of such an id: all, where there is no pattern. */
static const struct
{
	Oid			type;
	const char *name;
	const char *pattern;
	const char *lowest,			/* of numbers */
			   *highest;
}			id_types[] = {
	{INT2OID, "int2", "^(0|-?[1-9][0-9]{0,18})$", "-32768", "32767"},
	{INT4OID, "int4", "^(0|-?[1-9][0-9]{0,18})$", "-2147483648", "2147483647"},
	{INT8OID, "int8", "^(0|-?[1-9][0-9]{0,18})$", "-9223372036854775808", "9223372036854775807"},
	{UUIDOID, "uuid", "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", NULL, NULL},
	{TEXTOID, "text", NULL, NULL, NULL},
	{VARCHAROID, "text", NULL, NULL, NULL}
};

/* The ids that were read. */
typedef struct Enrolled
{
	int			n;				/* customers, with ids of another type */
	Size		most_bytes;
	bool		is_too_much;
	StringInfoData list;		/* as an array's text, without its end */
} Enrolled;

/* Add an id to the list, whatever is in it. */
static void
AppendId(StringInfo list, const char *id)
{
	appendStringInfoString(list, list->len > 1 ? ",\"" : "\"");
	for (const char *c = id; *c != '\0'; c++)
	{
		if (*c == '"' || *c == '\\')
			appendStringInfoChar(list, '\\');
		appendStringInfoChar(list, *c);
	}
	appendStringInfoChar(list, '"');
}

/* CsRowSink: the id of a customer who is enrolled; NULL: it is of another type. */
static void
TakeEnrolled(void *state, const Datum *values, const bool *nulls)
{
	Enrolled   *e = state;
	char	   *id;

	e->is_too_much |= ++e->n > MOST_ENROLLED;
	if (e->is_too_much || nulls[0])
		return;
	if (e->list.len + toast_raw_datum_size(values[0]) > e->most_bytes)
	{
		e->is_too_much = true;
		return;
	}
	id = TextDatumGetCString(values[0]);
	AppendId(&e->list, id);
	pfree(id);
	/* with what quotes and backslashes take more */
	e->is_too_much = e->list.len > e->most_bytes;
}

/*
 * The query of the ids of who is enrolled, and one more where these are too many.  A text that is no id of the type belongs
 * to no row; numbers are compared as numeric, which has room for all of them.
 */
static char *
EnrolledSql(const CsOutcomeSource *s, int type)
{
	const char *pattern = id_types[type].pattern;
	bool		is_number = id_types[type].lowest != NULL;
	const char *id = pattern == NULL ? "e.customer" :
		psprintf("CASE WHEN e.customer OPERATOR(pg_catalog.~) '%s' THEN e.customer%s END", pattern, is_number ? "::numeric" : "");
	const char *listed = !is_number ? "c.id" :
		psprintf("CASE WHEN c.id OPERATOR(pg_catalog.>=) %s::numeric AND c.id OPERATOR(pg_catalog.<=) %s::numeric THEN c.id::pg_catalog.text END",
				 id_types[type].lowest, id_types[type].highest);

	return psprintf("SELECT %s AS id FROM (SELECT %s AS id FROM custseg.enrolment AS e WHERE e.experiment OPERATOR(pg_catalog.=) %s LIMIT %d) AS c",
					listed, id, quote_literal_cstr(s->experiment->name), MOST_ENROLLED + 1);
}

/* Which of the types an id is of; -1: another one, or it has several columns. */
static int
IdType(const CsOutcomeSource *s)
{
	const CsColumn *id = linitial(s->id);

	for (int i = 0; i < lengthof(id_types) && list_length(s->id) == 1; i++)
		if (id_types[i].type == id->type)
			return i;
	return -1;
}

/* Are rows of a source on other servers? */
static bool
IsElsewhere(const CsRelation *rel)
{
	const CsPieces *pieces;

	if (!OidIsValid(rel->relid))
		return false;
	pieces = CsPiecesOf(rel);
	return pieces->is_foreign || pieces->is_sharded;
}

/*
 * The condition that a row "t" of outcomes on other servers is of somebody who is enrolled, or of nobody; palloc'd.  NULL where
 * there is none, for rows are here, or too many are enrolled, or their ids too long.
 */
char *
CsOutcomeEnrolled(const CsOutcomeSource *s)
{
	Enrolled	e = {.most_bytes = Min(CsMemoryLimit() / SHARE_OF_LIST, MOST_BYTES)};
	int			type = IdType(s);
	const char *id;

	if (type < 0 || !IsElsewhere(s->relation))
		return NULL;
	initStringInfo(&e.list);
	appendStringInfoChar(&e.list, '{');
	(void) CsOutcomeQuery(s, EnrolledSql(s, type), TakeEnrolled, &e);
	if (e.is_too_much)
	{
		pfree(e.list.data);
		return NULL;
	}
	appendStringInfoChar(&e.list, '}');
	id = CsSqlColumn(linitial(s->id));
	return psprintf("(t.%s IS NULL OR t.%s OPERATOR(pg_catalog.=) ANY (%s::pg_catalog.%s[]))", id, id,
					quote_literal_cstr(e.list.data), id_types[type].name);
}
