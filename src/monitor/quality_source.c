/*
 * quality_source.c
 *	  data_quality(): the source as a whole, its id, the age of its rows, and the result's rows.
 *
 * An id that repeats means customers who count twice; it is looked for where no unique index rules
 * it out, while the rows are read.  Times are compared as points in time: a date is its midnight,
 * and what has no time zone is read in the session's.
 */
#include "custseg.h"

#include <math.h>

#include "access/xact.h"
#include "call/text_value.h"
#include "monitor/quality.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* The columns of the result. */
#define NCOLUMNS 22

/* Start a row of the result: everything is NULL except for what is given. */
void
CsQualityRowInit(CsQualityRow *row, const char *subject, const char *name, const char *state)
{
	CsQualityRow empty = {
		.subject = subject,
		.name = name,
		.state = state,
		.n = -1,
		.null_share_trained = NAN,
		.null_share = NAN,
		.infinite_share = NAN,
		.below_share = NAN,
		.above_share = NAN,
		.clipped_share_trained = NAN,
		.clipped_share = NAN,
		.unseen_share = NAN,
		.unseen_levels = {TEXTARRAYOID, (Datum) 0, true},
		.constant = {BOOLOID, (Datum) 0, true},
		.n_duplicates = -1,
		.newest = {TIMESTAMPTZOID, (Datum) 0, true},
		.age = {INTERVALOID, (Datum) 0, true}
	};

	*row = empty;
	CsFindingInit(&row->finding);
}

/* A count, NULL when it is negative. */
static CsValue
CountOrNull(int64 count)
{
	CsValue		result = CsValueInt8(count);

	result.isnull = count < 0;
	return result;
}

/* Add a row to the result. */
void
CsQualityPut(CsQuality *quality, const CsQualityRow *row)
{
	CsValue		columns[NCOLUMNS];
	int			i = 0;

	columns[i++] = CsValueText(row->subject);
	columns[i++] = CsValueText(row->name);
	columns[i++] = CsValueText(row->state);
	columns[i++] = CsValueText(row->kind);
	columns[i++] = CsValueText(row->type_trained);
	columns[i++] = CsValueText(row->type_now);
	columns[i++] = CountOrNull(row->n);
	columns[i++] = CsValueFloat8(row->null_share_trained);
	columns[i++] = CsValueFloat8(row->null_share);
	columns[i++] = CsValueFloat8(row->infinite_share);
	columns[i++] = CsValueFloat8(row->below_share);
	columns[i++] = CsValueFloat8(row->above_share);
	columns[i++] = CsValueFloat8(row->clipped_share_trained);
	columns[i++] = CsValueFloat8(row->clipped_share);
	columns[i++] = row->unseen_levels;
	columns[i++] = CsValueFloat8(row->unseen_share);
	columns[i++] = row->constant;
	columns[i++] = CountOrNull(row->n_duplicates);
	columns[i++] = row->newest;
	columns[i++] = row->age;
	columns[i++] = CsFindingVerdict(&row->finding);
	columns[i++] = CsFindingReason(&row->finding);
	CsResultPut(quality->base.result, columns, i);
}

/* Read the options that are texts.  Errors for options that make no sense. */
void
CsQualityCheckOptions(CsQuality *quality)
{
	const CsQualityOptions *options = &quality->options;
	Interval	zero = {0};

	CsReportCheckLimits("null_watch", options->null_watch, "null_broken", options->null_broken);
	if (options->max_age == NULL)
		return;
	if (options->time_column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"max_age\" needs option \"time_column\""),
				 errhint("Name the column with the time of the last update of a row.")));
	quality->max_age = CsIntervalOption("max_age", options->max_age, "2 days");
	if (!DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(quality->max_age),
										  IntervalPGetDatum(&zero))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"max_age\" must be a positive interval"),
				 errdetail("Got \"%s\".", options->max_age),
				 errhint("Write it like \"2 days\".")));
}

/* The column of times; NULL: it is not requested, not there, or no point in time. */
static const CsColumn *
FindTimeColumn(const CsQuality *quality)
{
	const CsColumn *column = quality->options.time_column == NULL ? NULL :
		CsRelationFind(quality->relation, quality->options.time_column);

	return column != NULL && column->converter.kind == CS_TIME &&
		column->converter.type != INTERVALOID ? column : NULL;
}

/* Ask for the time and the id of each row.  An id that an index proves is not needed. */
void
CsQualityAsk(CsQuality *quality, CsObserveRequest *request)
{
	ListCell   *cell;

	quality->relation = request->relation;
	quality->time_column = FindTimeColumn(quality);
	quality->id_columns = CsFindKey(quality->relation, quality->base.id);
	if (quality->id_columns != NIL)
	{
		quality->id_proof = CsRelationIdProof(quality->relation, quality->id_columns);
		if (quality->id_proof != CS_ID_PROVEN)
			quality->id_counter = CsIdCounterBegin(quality->relation, quality->id_columns,
												   quality->id_proof == CS_ID_UNIQUE);
	}
	request->extra = palloc(sizeof(CsColumn *) * (1 + list_length(quality->id_columns)));
	if (quality->time_column != NULL)
		request->extra[request->nextra++] = quality->time_column;
	if (quality->id_counter == NULL)
		return;
	foreach(cell, quality->id_columns)
		request->extra[request->nextra++] = lfirst(cell);
}

/* Look at the time of a row, unless it is NULL. */
static void
VisitTime(CsQuality *quality, Datum value)
{
	const CsConverter *converter = &quality->time_column->converter;
	double		days = converter->to_double(converter, value);

	if (isinf(days) || (quality->has_time && days <= quality->newest_days))
		return;
	quality->has_time = true;
	quality->newest_days = days;
	quality->newest = value;	/* dates and timestamps are passed by value */
}

/* Look at the time and the id of a row, which are what CsQualityAsk() has asked for beside the features. */
void
CsQualityVisit(CsQuality *quality, const Datum *extra, const bool *nulls)
{
	if (quality->time_column != NULL)
	{
		if (!*nulls)
			VisitTime(quality, *extra);
		extra++;
		nulls++;
	}
	if (quality->id_counter != NULL)
		CsIdCounterAdd(quality->id_counter, extra, nulls);
}

/* What follows the modifier that a type's name has here, (20) for one, if it has any. */
static const char *
SkipModifier(const char *name)
{
	if (*name != '(')
		return name;
	name += strcspn(name, ")");
	return *name == ')' ? name + 1 : name;
}

/*
 * Do two names of types differ, but for their modifiers?  A column that takes longer texts or more
 * digits gives what it has given before.  The trained name may have been cut.
 */
static bool
IsOtherType(const char *trained, const char *now)
{
	const char *end = now + strnlen(now, NAMEDATALEN - 1);

	for (;;)
	{
		trained = SkipModifier(trained);
		now = SkipModifier(now);
		if (*trained == '\0' || now >= end)
			return *trained != '\0' || now < end;
		if (*trained++ != *now++)
			return true;
	}
}

/*
 * Judge a column that is gone or is of another type.  Returns true when there is nothing more to
 * say about it.
 */
bool
CsQualityJudgeColumn(const CsQuality *quality, const CsObservedFeature *f,
					 const char *type_trained, CsFinding *finding)
{
	if (f->state == CS_BIND_MISSING)
		CsFindingAdd(finding, CS_VERDICT_BROKEN,
					 "the column is missing, so no customer can be %s",
					 CsObservationVerb(quality->observation));
	else if (f->state == CS_BIND_OTHER_KIND)
		CsFindingAdd(finding, CS_VERDICT_BROKEN,
					 "the column is now of type %s, not %s, so no customer can be %s",
					 f->type, type_trained,
					 CsObservationVerb(quality->observation));
	else if (IsOtherType(type_trained, f->type))
		CsFindingAdd(finding, CS_VERDICT_WATCH, "the column is now of type %s, not %s", f->type,
					 type_trained);
	return f->state != CS_BIND_DONE;
}

/* Are there too few rows to judge by?  If so, the finding says it. */
bool
CsQualityLacksRows(const CsQuality *quality, CsFinding *finding)
{
	int64		n = quality->observation->nrows;

	if (n >= quality->options.min_rows)
		return false;
	if (n == 0)
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT, "the source has no rows");
	else
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT,
					 "the source has %s, fewer than the %d that a verdict needs",
					 CsWordsCount(n, "row", "rows"), quality->options.min_rows);
	return true;
}

/* The row of the source as a whole. */
static void
PutRelation(CsQuality *quality)
{
	const CsObservation *o = quality->observation;
	char	   *problem = CsObservationProblem(o);
	CsQualityRow row;
	bool		is_enough = false;

	CsQualityRowInit(&row, "source", o->source, "ok");
	row.n = o->nrows;
	if (o->nrows == 0)
		CsFindingAdd(&row.finding, CS_VERDICT_BROKEN, "the source has no rows");
	else
		is_enough = !CsQualityLacksRows(quality, &row.finding);
	if (problem != NULL)
		CsFindingAdd(&row.finding, CS_VERDICT_BROKEN, "%s", problem);
	else if (is_enough && o->n_unplaced == o->nrows)
		CsFindingAdd(&row.finding, CS_VERDICT_BROKEN, "no customer can be %s", CsObservationVerb(o));
	else if (o->n_unplaced > 0)
		CsFindingAdd(&row.finding, CS_VERDICT_OK, "%lld of %lld customers cannot be %s",
					 (long long) o->n_unplaced, (long long) o->nrows, CsObservationVerb(o));
	CsFindingDefault(&row.finding, "all customers can be %s", CsObservationVerb(o));
	CsQualityPut(quality, &row);
}

/* Count what an id repeats and where it is missing, and judge it. */
static void
JudgeId(CsQuality *quality, CsQualityRow *row)
{
	CsIdCounts	counts = quality->id_counts;

	if (quality->id_counter != NULL)
		counts = CsIdCounterEnd(quality->id_counter);
	else if (!quality->ids_counted && quality->id_proof != CS_ID_PROVEN)
	{
		CsFindingAdd(&row->finding, CS_VERDICT_INSUFFICIENT, "values of type %s cannot be compared",
					 row->type_now);
		return;
	}
	row->n_duplicates = counts.n_duplicates;
	row->null_share = (double) counts.n_null / quality->observation->nrows;
	if (counts.n_duplicates > 0)
		CsFindingAdd(&row->finding, CS_VERDICT_BROKEN,
					 "%s the id of another row: customers are counted more than once",
					 CsWordsCount(counts.n_duplicates, "row repeats", "rows repeat"));
	if (counts.n_null > 0)
		CsFindingAdd(&row->finding, CS_VERDICT_BROKEN, "%s no id",
					 CsWordsCount(counts.n_null, "row has", "rows have"));
	if (counts.n_duplicates < 0)
		CsFindingAdd(&row->finding, CS_VERDICT_INSUFFICIENT, "ids of rows on different servers are not compared");
	CsFindingDefault(&row->finding, "every row has an id of its own");
}

/* The name of a column. */
static char *
ColumnName(const CsColumn *column)
{
	return pstrdup(NameStr(column->name));
}

/* The row of the id: as trained, or the source's key; none when there is neither. */
static void
PutId(CsQuality *quality)
{
	List	   *columns = quality->id_columns;
	CsQualityRow row;

	if (columns == NIL && quality->base.id == NULL)
		return;
	if (columns == NIL)
	{
		CsQualityRowInit(&row, "id", quality->base.id, "missing");
		CsFindingAdd(&row.finding, CS_VERDICT_WATCH,
					 "the id column of the training is missing");
	}
	else
	{
		CsQualityRowInit(&row, "id", CsListColumns(columns, ",", ColumnName), "ok");
		row.type_now = CsListColumns(columns, ",", CsColumnTypeName);
		JudgeId(quality, &row);
	}
	row.n = quality->observation->nrows;
	CsQualityPut(quality, &row);
}

/* The newest time as a point in time. */
static Datum
NewestTimestamp(const CsQuality *quality)
{
	switch (quality->time_column->converter.type)
	{
		case DATEOID:
			return DirectFunctionCall1(date_timestamptz, quality->newest);
		case TIMESTAMPOID:
			return DirectFunctionCall1(timestamp_timestamptz, quality->newest);
		default:
			return quality->newest;
	}
}

/* Judge the age of the newest row. */
static void
JudgeAge(const CsQuality *quality, CsQualityRow *row)
{
	Datum		now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	Datum		newest = NewestTimestamp(quality);

	row->newest.datum = newest;
	row->age.datum = DirectFunctionCall2(timestamp_mi, now, newest);
	row->newest.isnull = row->age.isnull = false;
	if (DatumGetTimestampTz(newest) > DatumGetTimestampTz(now))
		CsFindingAdd(&row->finding, CS_VERDICT_WATCH, "the newest row lies in the future");
	else if (quality->max_age != NULL &&
			 DatumGetTimestampTz(newest) <
			 DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, now,
													 IntervalPGetDatum(quality->max_age))))
		CsFindingAdd(&row->finding, CS_VERDICT_BROKEN, "the newest row is older than %s",
					 quality->options.max_age);
	else
		CsFindingDefault(&row->finding, quality->max_age == NULL ? "no limit of age is set" :
						 "the newest row is recent enough");
}

/* The row of the time column, when one was named. */
static void
PutTime(CsQuality *quality)
{
	const char *name = quality->options.time_column;
	const CsColumn *column = name == NULL ? NULL : CsRelationFind(quality->relation, name);
	CsQualityRow row;

	if (name == NULL)
		return;
	CsQualityRowInit(&row, "time", name, column == NULL ? "missing" :
					 quality->time_column == NULL ? "other kind" : "ok");
	row.n = quality->observation->nrows;
	if (column != NULL)
		row.type_now = format_type_with_typemod(column->type, column->typmod);
	if (column == NULL)
		CsFindingAdd(&row.finding, CS_VERDICT_BROKEN, "the column is missing");
	else if (quality->time_column == NULL)
		CsFindingAdd(&row.finding, CS_VERDICT_BROKEN,
					 "the column is of type %s, which is not a date or time", row.type_now);
	else if (row.n == 0)
		CsFindingAdd(&row.finding, CS_VERDICT_INSUFFICIENT, "the source has no rows");
	else if (!quality->has_time)
		CsFindingAdd(&row.finding, CS_VERDICT_BROKEN, "no row has a value");
	else
		JudgeAge(quality, &row);
	CsQualityPut(quality, &row);
}

/* Add the rows about the source, its id and its time. */
void
CsQualityPutSource(CsQuality *quality)
{
	PutRelation(quality);
	PutId(quality);
	PutTime(quality);
}
