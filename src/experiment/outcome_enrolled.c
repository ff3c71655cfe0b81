/*
 * outcome_enrolled.c
 *	  Outcomes on other servers that are read row by row: of customers who are enrolled alone.
 *
 * Who is enrolled is known here alone, and a table of outcomes may have all customers there are.  Where the enrolled ones are
 * not too many, other servers are told who they are, and send their rows.  Rows of nobody come, too, for they are an error.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "dist/dist.h"
#include "experiment/analysis.h"
#include "orders/lines_sql.h"
#include "utils/builtins.h"

/* Most customers whom other servers are told of. */
#define MOST_ENROLLED 100000

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
	MemoryContext context;
	int64		n;
	char	   *list;			/* as an array's text; NULL: there are none of this type */
} Enrolled;

/* CsRowSink: how many customers are enrolled, and their ids. */
static void
TakeEnrolled(void *state, const Datum *values, const bool *nulls)
{
	Enrolled   *e = state;
	MemoryContext old = MemoryContextSwitchTo(e->context);

	e->n = DatumGetInt64(values[0]);
	e->list = nulls[1] ? NULL : TextDatumGetCString(values[1]);
	MemoryContextSwitchTo(old);
}

/*
 * The query of how many are enrolled, and of their ids unless these are too many.  A text that is no id of the type belongs
 * to no row; numbers are compared as numeric, which has room for all of them.
 */
static char *
EnrolledSql(const CsOutcomeSource *s, int type)
{
	const char *pattern = id_types[type].pattern;
	bool		is_number = id_types[type].lowest != NULL;
	const char *id = pattern == NULL ? "e.customer" :
		psprintf("CASE WHEN e.customer OPERATOR(pg_catalog.~) '%s' THEN e.customer%s END", pattern, is_number ? "::numeric" : "");

	return psprintf("SELECT pg_catalog.count(*) AS n, pg_catalog.array_agg(c.id) FILTER (WHERE c.id IS NOT NULL%s)::pg_catalog.text AS ids"
					" FROM (SELECT %s AS id FROM custseg.enrolment AS e WHERE e.experiment = %s LIMIT %d) AS c",
					is_number ? psprintf(" AND c.id >= %s::numeric AND c.id <= %s::numeric", id_types[type].lowest, id_types[type].highest) : "",
					id, quote_literal_cstr(s->experiment->name), MOST_ENROLLED + 1);
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
 * there is none, for rows are here, or too many are enrolled.
 */
char *
CsOutcomeEnrolled(const CsOutcomeSource *s)
{
	Enrolled	e = {.context = CurrentMemoryContext};
	int			type = IdType(s);
	const char *id;

	if (type < 0 || !IsElsewhere(s->relation))
		return NULL;
	(void) CsOutcomeQuery(s, EnrolledSql(s, type), TakeEnrolled, &e);
	if (e.n > MOST_ENROLLED)
		return NULL;
	id = CsSqlColumn(linitial(s->id));
	return psprintf("(t.%s IS NULL OR t.%s OPERATOR(pg_catalog.=) ANY (%s::pg_catalog.%s[]))", id, id,
					quote_literal_cstr(e.list == NULL ? "{}" : e.list), id_types[type].name);
}
