/*
 * stays.c
 *	  Reads how long customers have stayed: the arguments that all functions about it have, and the query.
 */
#include "custseg.h"

#include <gsl/gsl_cdf.h>

#include "dist/dist.h"
#include "orders/lines_sql.h"
#include "orders/orders.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "value/stays.h"

typedef struct StaysOptions
{
	double		confidence;
} StaysOptions;

static const CsOption staysOptions[] = {
	{"confidence", CS_OPTION_REAL, offsetof(StaysOptions, confidence), 0.95, 0.5, 0.999999}
};

/* Columns of the query. */
enum
{
	Q_LEFT_OUT, Q_NUMBER, Q_SEGMENT, Q_DURATION, Q_EVENT, Q_N, Q_TOTAL
};

/* The column of that name, which has to be of one of the kinds, a sum of CS_KIND_BIT(). */
static const CsColumn *
NamedColumn(const CsRelation *rel, const char *name, int kinds, const char *role, const char *hint)
{
	const CsColumn *column = CsRelationWhole(rel, name);

	if ((kinds & CS_KIND_BIT(column->converter.kind)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be the %s", name,
						format_type_be(column->type), role),
				 errhint("%s", hint)));
	return column;
}

/* Resolve the arguments that all have. */
void
CsStaysOpen(FunctionCallInfo fcinfo, CsStays *s)
{
	CsRelation *rel = CsRelationOpen(CsRequiredText(fcinfo, CS_STAYS_SOURCE, "source"));
	char	   *segment = CsTextArgument(fcinfo, CS_STAYS_SEGMENT);
	Oid			output;
	bool		is_varlena;

	s->source = rel;
	s->context = CurrentMemoryContext;
	s->duration = NamedColumn(rel, CsRequiredText(fcinfo, CS_STAYS_DURATION, "duration"), CS_KIND_BIT(CS_NUMERIC),
							  "duration",
							  "Name a column of numbers, of days say; a query as the source can compute it.");
	s->event = NamedColumn(rel, CsRequiredText(fcinfo, CS_STAYS_EVENT, "event"),
						   CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_BOOLEAN), "event",
						   "Name a column that is true, or 1, for customers who have left; a query can make one: SELECT *, status = 'left' AS has_left FROM ...");
	if (segment == NULL)
		return;
	s->segment = NamedColumn(rel, segment,
							 CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_BOOLEAN) | CS_KIND_BIT(CS_TIME) | CS_KIND_BIT(CS_CATEGORICAL),
							 "segment", "Cast it to text in a query as the source.");
	getTypeOutputInfo(s->segment->type, &output, &is_varlena);
	fmgr_info(output, &s->segment_output);
}

/* That query where other servers have the customers and group them, palloc'd; NULL where they do not. */
static char *
GroupsElsewhereSql(const CsStays *s, const char *left_out)
{
	const CsPieces *pieces = s->segment == NULL || CsIsComparable(s->segment) ? CsPiecesToReduce(s->source) : NULL;
	bool		has_segment = s->segment != NULL;
	char	   *sql;

	if (pieces == NULL)
		return NULL;
	sql = psprintf("SELECT p.left_out, %s AS segment, p.duration, p.event, pg_catalog.sum(custseg_private.rows_counted(p.n))::bigint AS n FROM (%s) AS p GROUP BY 1, 2, 3, 4",
				   has_segment ? "p.segment" : "NULL::pg_catalog.text",
				   CsPiecesUnion(pieces, psprintf("%s AS left_out, t.%s AS duration, t.%s AS event, pg_catalog.count(*) AS n%s", left_out,
												  CsSqlColumn(s->duration), CsSqlColumn(s->event),
												  has_segment ? psprintf(", t.%s AS segment", CsSqlColumn(s->segment)) : ""),
								 has_segment ? "GROUP BY 1, 2, 3, 5" : "GROUP BY 1, 2, 3"));
	return CsPiecesReduce(pieces, sql) ? sql : NULL;
}

/* The query of the groups of customers who have all in common that is asked of them; palloc'd. */
static char *
GroupsSql(const CsStays *s)
{
	const char *segment = s->segment == NULL ? "NULL::pg_catalog.text" : psprintf("t.%s", CsSqlColumn(s->segment));
	const char *left_out = psprintf("NOT (t.%s IS NOT NULL%s AND t.%s IS NOT NULL%s)", CsSqlColumn(s->duration), CsSqlFinite(s->duration),
									CsSqlColumn(s->event), s->segment == NULL ? "" : psprintf(" AND %s IS NOT NULL", segment));
	char	   *sql = GroupsElsewhereSql(s, left_out);

	return sql != NULL ? sql :
		psprintf("SELECT %s AS left_out, %s AS segment, t.%s AS duration, t.%s AS event, pg_catalog.count(*) AS n FROM %s GROUP BY 1, 2, 3, 4",
				 left_out, segment, CsSqlColumn(s->duration), CsSqlColumn(s->event), CsSqlFrom(s->source));
}

/*
 * Group the customers.  The rows that are left out come first.  Segments are told apart by a number that
 * follows the order of their type: equal values may look different.
 */
void
CsStaysQuery(CsStays *s, const char *order)
{
	s->query = CsRelationQuery(s->source, psprintf("SELECT left_out, pg_catalog.dense_rank() OVER (ORDER BY left_out, segment) AS number, segment, duration, event, n,"
												   " pg_catalog.sum(n) OVER (PARTITION BY left_out, segment)::bigint AS total"
												   " FROM (%s) AS g ORDER BY left_out DESC, %s", GroupsSql(s), order));
}

/*
 * Read a row of the query.  False for rows that are left out, which are counted.  The text of the
 * segment lives until the row is over.
 */
bool
CsStaysRead(CsStays *s, const Datum *values, const bool *nulls, CsStay *stay)
{
	const CsConverter *duration = &s->query->columns[Q_DURATION].converter,
			   *event = &s->query->columns[Q_EVENT].converter;
	double		left;
	int			length;
	void	   *copy;
	const char *text;

	if (DatumGetBool(values[Q_LEFT_OUT]))
	{
		s->n_left_out += DatumGetInt64(values[Q_N]);
		return false;
	}
	stay->number = DatumGetInt64(values[Q_NUMBER]);
	stay->segment = NULL;
	if (s->segment != NULL)
	{
		text = CsColumnText(&s->query->columns[Q_SEGMENT].converter, &s->segment_output,
							values[Q_SEGMENT], &length, &copy);
		stay->segment = pnstrdup(text, length);
	}
	stay->duration = duration->to_double(duration, values[Q_DURATION]);
	left = event->to_double(event, values[Q_EVENT]);
	stay->left = left == 1;
	stay->n = DatumGetInt64(values[Q_N]);
	stay->total = DatumGetInt64(values[Q_TOTAL]);
	if (stay->duration < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" has a negative duration: %s", NameStr(s->duration->name),
						float8out_internal(stay->duration)),
				 errhint("A duration is the time from a customer's beginning to the end, or to when the customer was last seen.")));
	if (left != 0 && left != 1)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" tells by 1 who has left and by 0 who has not, and has %s",
						NameStr(s->event->name), float8out_internal(left)),
				 errhint("Compute it in a query as the source, such as \"status = 'cancelled'\".")));
	return true;
}

/* What was left out is said. */
void
CsStaysReport(const CsStays *s)
{
	if (s->n_left_out > 0)
		ereport(NOTICE,
				(errmsg("customers left out because they lack a finite duration, an event or a segment: %lld",
						(long long) s->n_left_out)));
}

/* The quantile of the normal distribution that intervals are wide, from the options. */
double
CsStaysQuantile(FunctionCallInfo fcinfo, int argument)
{
	StaysOptions options;

	CsOptionsArgument(fcinfo, argument, staysOptions, lengthof(staysOptions), &options);
	return gsl_cdf_ugaussian_Qinv((1 - options.confidence) / 2);
}
