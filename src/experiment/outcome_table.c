/*
 * outcome_table.c
 *	  Reads what came of the customers of an experiment: moments of each metric by variant and segment.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "experiment/analysis.h"
#include "orders/orders.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/guc.h"

static const CsOption outcomeOptions[] = {
	{"time", CS_OPTION_TEXT, offsetof(CsOutcomeOptions, time)},
	{"covariate_time", CS_OPTION_TEXT, offsetof(CsOutcomeOptions, covariate_time)},
	{"complete", CS_OPTION_BOOL, offsetof(CsOutcomeOptions, complete), false},
	{"weights", CS_OPTION_OBJECT, offsetof(CsOutcomeOptions, weights)}
};

/* Columns of CsOutcomeCellsSql(). */
enum
{
	CELL_VARIANT, CELL_SEGMENT, CELL_N, CELL_PRESENT, CELL_LATE, CELL_STATES
};

static const char *const enrolled_sql =
"SELECT e.variant_number, e.segment, pg_catalog.count(*) FROM custseg.enrolment AS e "
"WHERE e.experiment OPERATOR(pg_catalog.=) $1 GROUP BY e.variant_number, e.segment "
"ORDER BY e.variant_number, e.segment";

/* The options of functions that read outcomes, from an argument. */
CsOutcomeOptions
CsOutcomeOptionsArgument(FunctionCallInfo fcinfo, int argument)
{
	CsOutcomeOptions options;

	CsOptionsArgument(fcinfo, argument, outcomeOptions, lengthof(outcomeOptions), &options);
	return options;
}

/* The columns that tell the customer. */
static List *
FindId(const CsOutcomeSource *s, const char *id)
{
	List	   *columns;

	/* whether they tell customers apart is seen when the outcomes are read */
	if (id != NULL)
		return CsRelationIdColumns(s->relation, id, false);
	columns = CsFindKey(s->relation, CsVersionId(s->experiment->model, s->experiment->version));
	if (columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("no column of %s tells the customer", s->relation->description),
				 errhint("Name it as \"id\".")));
	return columns;
}

/* A column that is measured. */
static const CsColumn *
FindMeasured(const CsOutcomeSource *s, const char *name, const char *role, const CsExperimentMetric *m)
{
	return name == NULL ? NULL :
		CsColumnOfRole(s->relation, name, psprintf("%s of metric \"%s\"", role, m->name),
					   CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_BOOLEAN));
}

/* Find the columns of a metric. */
static void
FindMetric(CsOutcomeSource *s, int i)
{
	const CsExperimentMetric *m = &s->experiment->metrics[i];
	bool		is_ratio = m->kind == CS_METRIC_RATIO;

	s->caps[i] = NAN;
	s->values[i] = FindMeasured(s, is_ratio ? m->numerator : m->column, is_ratio ? "numerator" : "value", m);
	s->partners[i] = FindMeasured(s, is_ratio ? m->denominator : m->covariate, is_ratio ? "denominator" : "covariate", m);
	if (m->window != NULL && s->time == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" counts %s after the enrolment, and the outcomes have no time", m->name, m->window),
				 errhint("Give lines as the source, and name the column of their time as the option \"time\".")));
}

/* A source of outcomes, palloc'd.  It must have everybody who is enrolled, so that no sample of it will do. */
static CsRelation *
OpenOutcomes(const char *source, bool is_complete)
{
	CsRelation *relation = CsRelationOpen(source);

	relation->instead_of_sample = psprintf("A customer without a row %s, so that a sample is no source here."
										   "  Copy the rows of the customers in custseg.enrolment to a table on this server, and give that as the source.",
										   is_complete ? "has left" : "counts as zero");
	return relation;
}

/* Resolve the source and its columns. */
void
CsOutcomeSourceOpen(CsOutcomeSource *s, const CsExperiment *e, const char *source, const char *id,
					const CsOutcomeOptions *options)
{
	memset(s, 0, sizeof(*s));
	s->experiment = e;
	s->relation = OpenOutcomes(source, options->complete);
	s->id = FindId(s, id);
	s->is_complete = options->complete;
	if (options->time != NULL)
		s->time = CsOrdersTimeColumn(s->relation, options->time);
	if (options->covariate_time != NULL)
		s->measured = CsOrdersTimeColumn(s->relation, options->covariate_time);
	if (s->time != NULL && (s->measured != NULL || s->is_complete))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not for lines of outcomes", s->is_complete ? "complete" : "covariate_time"),
				 errhint("Leave it out: a covariate is taken from the lines before the enrolment, and who has no line counts as zero.")));
	for (int i = 0; i < e->nmetrics; i++)
		FindMetric(s, i);
}

/*
 * A query over the rows of who is enrolled, which other servers are told, to be read; palloc'd.  The planner's guess of it
 * counts and not the size of the source, of which it takes a part.
 */
static CsRelation *
OpenEnrolled(const CsOutcomeSource *s, const char *sql)
{
	CsRelation *query = CsRelationOpen(sql);

	query->description = s->relation->description;
	query->instead_of_sample = s->relation->instead_of_sample;
	return query;
}

/*
 * Read a query over the source, with ids as text that does not depend on settings; returns the number of rows.
 *
 * Before statistics know an experiment, the planner expects one enrolment, and would read the source anew for
 * each of them: nested loops are not for these queries.
 */
int64
CsOutcomeQuery(const CsOutcomeSource *s, const char *sql, CsRowSink sink, void *state)
{
	CsRelation *query = s->enrolled == NULL ? CsRelationQuery(s->relation, sql) : OpenEnrolled(s, sql);
	const CsColumn *id = linitial(s->id);
	bool		by_settings = list_length(s->id) > 1 || id->converter.kind == CS_TIME || id->converter.kind == CS_UNUSABLE;
	int			level = by_settings ? CsPlainSettings() : NewGUCNestLevel();
	int64		nrows;

	CsAvoidNestedLoops();
	nrows = CsRelationRead(query, query->columns, query->ncolumns, sink, state);
	AtEOXact_GUC(true, level);
	return nrows;
}

/* CsCatalogVisitor: a variant and segment, with its customers. */
static void
TakeEnrolled(void *state, const CsCatalogRow *row)
{
	CsOutcomeTable *t = state;
	int			variant = CsRowInt4(row, 1, 0) - 1,
				segment = CsRowInt4(row, 2, 0),
				at = 0;
	CsOutcomeCell *cell;

	if (variant < 0 || variant >= t->source.experiment->nvariants)
		elog(ERROR, "unexpected number of a variant: %d", variant + 1);
	while (at < t->nsegments && t->segments[at] < segment)
		at++;
	if (at == t->nsegments || t->segments[at] != segment)
	{
		t->segments = t->segments == NULL ? palloc(sizeof(int)) :
			repalloc(t->segments, sizeof(int) * (t->nsegments + 1));
		memmove(t->segments + at + 1, t->segments + at, sizeof(int) * (t->nsegments - at));
		t->segments[at] = segment;
		t->nsegments++;
	}
	t->cells = t->cells == NULL ? palloc(sizeof(CsOutcomeCell)) :
		repalloc(t->cells, sizeof(CsOutcomeCell) * (row->number + 1));
	cell = &t->cells[row->number];
	memset(cell, 0, sizeof(*cell));
	cell->variant = variant;
	cell->segment = segment;
	cell->enrolled = CsRowInt8(row, 3, 0);
	t->ncells = row->number + 1;
}

/* The cell of a variant, from 0, and a segment; NULL when nobody is in it. */
CsOutcomeCell *
CsOutcomeCellOf(const CsOutcomeTable *t, int variant, int segment)
{
	for (int i = 0; i < t->ncells; i++)
	{
		if (t->cells[i].variant == variant && t->cells[i].segment == segment)
			return &t->cells[i];
	}
	return NULL;
}

/* A reading of cells, whose states are kept in a context. */
typedef struct CellReading
{
	CsOutcomeTable *table;
	MemoryContext context;
	char	   *late;			/* a customer whose covariate is of after the enrolment */
} CellReading;

/* CsRowSink: a variant and segment. */
static void
TakeCell(void *state, const Datum *values, const bool *nulls)
{
	CellReading *r = state;
	CsOutcomeTable *t = r->table;
	CsOutcomeCell *cell = CsOutcomeCellOf(t, DatumGetInt32(values[CELL_VARIANT]) - 1, DatumGetInt32(values[CELL_SEGMENT]));
	MemoryContext old = MemoryContextSwitchTo(r->context);

	if (cell == NULL)
		elog(ERROR, "enrolments changed while outcomes were read");
	cell->analysed = DatumGetInt64(values[CELL_N]);
	cell->present = DatumGetInt64(values[CELL_PRESENT]);
	if (!nulls[CELL_LATE])
		r->late = TextDatumGetCString(values[CELL_LATE]);
	for (int i = 0; i < t->source.experiment->nmetrics; i++)
	{
		CsPairedArms *arms = (CsPairedArms *) DatumGetByteaPCopy(values[CELL_STATES + i]);

		CsPairedArmsCheckAll(arms);
		cell->states[i] = arms;
	}
	t->analysed += cell->analysed;
	MemoryContextSwitchTo(old);
}

/* CsRowSink: the caps of metrics. */
static void
TakeCaps(void *state, const Datum *values, const bool *nulls)
{
	CsOutcomeSource *s = state;
	int			n = 0;

	for (int i = 0; i < s->experiment->nmetrics; i++)
	{
		if (isnan(s->experiment->metrics[i].cap))
			continue;
		s->caps[i] = nulls[n] ? NAN : DatumGetFloat8(values[n]);
		n++;
	}
}

/* CsRowSink: a customer with more than one row. */
static void
ReportTwice(void *state, const Datum *values, const bool *nulls)
{
	const CsOutcomeSource *s = state;

	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("a customer has more than one row in %s", s->relation->description),
			 errdetail("Customer \"%s\" has %lld.", TextDatumGetCString(values[0]), (long long) DatumGetInt64(values[1])),
			 errhint("Give one row for each customer; or lines, with the column of their time as the option \"time\".")));
}

/* Errors of what was read. */
static void
CheckCells(const CsOutcomeTable *t, const char *late)
{
	bool		twice = false;

	for (int i = 0; i < t->ncells; i++)
		twice |= t->cells[i].analysed > t->cells[i].enrolled;
	/* with customers who have left, too many rows may hide behind those that are missing */
	if (twice || t->source.is_complete)
		(void) CsOutcomeQuery(&t->source, CsOutcomeTwiceSql(&t->source), ReportTwice, unconstify(CsOutcomeSource *, &t->source));
	if (late != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a covariate was measured after the enrolment"),
				 errdetail("It is that of customer \"%s\".", late),
				 errhint("A covariate must not know of the experiment: give values from before each customer's enrolment.")));
}

/* Weights of segments from an object, palloc'd: a segment that it does not name has none. */
static double *
WeightsOf(const CsOutcomeTable *t, Jsonb *json)
{
	double	   *weights = palloc0(sizeof(double) * t->nsegments),
				sum = 0;

	for (CsJsonEach each = CsJsonEachOf(&json->root); CsJsonNext(&each);)
	{
		const char *key = CsJsonString(&each.key);
		double		weight;
		int			at = 0;

		while (at < t->nsegments && strcmp(psprintf("%d", t->segments[at]), key) != 0)
			at++;
		if (at == t->nsegments || !CsJsonGetNumber(&each.value, &weight) || !(weight >= 0 && isfinite(weight)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weight \"%s\" must be one of a segment with customers, 0 or more", key),
					 errhint("Give numbers of segments and weights: {\"1\": 0.5, \"2\": 0.5}.")));
		sum += weights[at] = weight;
	}
	if (!(sum > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights of segments must not all be 0")));
	return weights;
}

/* Read the outcomes of an experiment, as the caller, who owns it; palloc'd. */
CsOutcomeTable *
CsOutcomeTableRead(const CsExperiment *e, const char *source, const char *id, const CsOutcomeOptions *options)
{
	CsOutcomeTable *t = palloc0(sizeof(CsOutcomeTable));
	CellReading reading = {.table = t,.context = CurrentMemoryContext};
	char	   *caps;

	CsOutcomeSourceOpen(&t->source, e, source, id, options);
	if (CsCatalogRead(enrolled_sql, CsValues(CsValueText(e->name)), TakeEnrolled, t) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("nobody is enrolled in experiment \"%s\"", e->name),
				 errhint("SELECT custseg.enroll(%s, ...) enrolls customers.", quote_literal_cstr(e->name))));
	if (options->weights != NULL)
		t->weights = WeightsOf(t, options->weights);
	CsOutcomeLinesOpen(&t->source, NULL, 0);
	caps = CsOutcomeCapsSql(&t->source);
	if (caps != NULL)
		(void) CsOutcomeQuery(&t->source, caps, TakeCaps, &t->source);
	(void) CsOutcomeQuery(&t->source, CsOutcomeCellsSql(&t->source), TakeCell, &reading);
	CheckCells(t, reading.late);
	return t;
}
