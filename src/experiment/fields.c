/*
 * fields.c
 *	  Reads a source by columns that a function prescribes, and checks their values.
 *
 * What need not be there, column or value, is NULL.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "experiment/experiment.h"
#include "experiment/fields.h"
#include "orders/orders.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* A reading. */
typedef struct Reading
{
	const CsField *fields;
	int			nfields;
	CsColumn   *columns;		/* of those that are there */
	int		   *field;			/* of each column */
	FmgrInfo   *output;			/* of each column */
	CsFieldValue *values;		/* of each field */
	int64		nrows;
	MemoryContext context;		/* of what is kept */
	CsFieldsSink sink;
	void	   *state;
} Reading;

/* Kinds of columns that a field may be read from, a sum of CS_KIND_BIT(). */
static int
KindsOf(CsFieldKind kind)
{
	switch (kind)
	{
		case CS_FIELD_NUMBER:
			return CS_KIND_BIT(CS_NUMERIC);
		case CS_FIELD_SEGMENT:
			return CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL);
		default:
			return CS_KIND_BIT(CS_CATEGORICAL);
	}
}

/* The column of a field; NULL where it is missing and need not be there. */
static const CsColumn *
ColumnOf(const CsRelation *rel, const CsField *field)
{
	const CsColumn *column = field->need == CS_FIELD_MAY_LACK ? CsRelationFind(rel, field->name) :
		CsRelationWhole(rel, field->name);

	if (column == NULL)
		return NULL;
	if (field->kind != CS_FIELD_JSON)
		return CsColumnOfRole(rel, field->name, field->kind == CS_FIELD_NUMBER ? "number of that name" :
							  field->kind == CS_FIELD_SEGMENT ? "segment" : "name", KindsOf(field->kind));
	if (column->type != JSONBOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s must be jsonb", field->name, format_type_be(column->type)),
				 errhint("Cast it in a query as the source.")));
	return column;
}

/* The value of a column as the field has it, in the caller's memory. */
static CsFieldValue
ValueOf(Reading *r, int i, Datum value)
{
	const CsField *field = &r->fields[r->field[i]];
	const CsConverter *converter = &r->columns[i].converter;
	CsFieldValue v = {.number = NAN};
	int			length;
	void	   *copy = NULL;
	const char *text;

	switch (field->kind)
	{
		case CS_FIELD_NUMBER:
			v.number = converter->to_double(converter, value);
			(void) CsCheckNumber(v.number, psprintf("%s of row " INT64_FORMAT, field->name, r->nrows), field->bounds);
			break;
		case CS_FIELD_JSON:
			v.json = DatumGetJsonbPCopy(value);
			break;
		default:
			if (converter->kind == CS_NUMERIC)
				v.number = converter->to_double(converter, value);
			text = CsColumnText(converter, &r->output[i], value, &length, &copy);
			v.text = pnstrdup(text, length);
	}
	return v;
}

/* CsRowSink */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Reading    *r = state;
	MemoryContext row = MemoryContextSwitchTo(r->context);

	r->nrows++;
	for (int i = 0; i < r->nfields; i++)
		r->values[i] = (CsFieldValue) {NAN};
	for (int i = 0; r->field[i] >= 0; i++)
	{
		if (!nulls[i])
			r->values[r->field[i]] = ValueOf(r, i, values[i]);
		else if (r->fields[r->field[i]].need == CS_FIELD_REQUIRED)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("column \"%s\" is NULL in row " INT64_FORMAT, r->fields[r->field[i]].name, r->nrows),
					 errhint("Leave such rows out: a query with WHERE can be a source, too.")));
	}
	r->sink(r->state, r->values);
	MemoryContextSwitchTo(row);
}

/* Read all rows of a source.  Returns their number. */
int64
CsFieldsRead(const CsRelation *rel, const CsField *fields, int nfields, CsFieldsSink sink, void *state)
{
	Reading		r = {fields, nfields, .context = CurrentMemoryContext, .sink = sink, .state = state};
	int			n = 0;

	r.columns = palloc(sizeof(CsColumn) * nfields);
	r.field = palloc(sizeof(int) * (nfields + 1));
	r.output = palloc(sizeof(FmgrInfo) * nfields);
	r.values = palloc(sizeof(CsFieldValue) * nfields);
	for (int i = 0; i < nfields; i++)
	{
		const CsColumn *column = ColumnOf(rel, &fields[i]);
		Oid			output;
		bool		is_varlena;

		if (column == NULL)
			continue;
		getTypeOutputInfo(column->type, &output, &is_varlena);
		fmgr_info(output, &r.output[n]);
		r.columns[n] = *column;
		r.field[n++] = i;
	}
	r.field[n] = -1;
	return CsRelationRead(rel, r.columns, n, TakeRow, &r);
}

/*
 * Room for one row more in an array of which n are taken; *allocated: how many have room, 0 for an array that is
 * NULL.  An error where there are too many rows for segments.  Returns the array, palloc'd.
 */
void *
CsFieldsRoom(void *rows, int n, int *allocated, Size size)
{
	if (n < *allocated)
		return rows;
	if (n == CS_MAX_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the source has more than %d rows", CS_MAX_SEGMENTS),
				 errhint("Give one row for each segment.")));
	*allocated = Min(Max(16, 2 * *allocated), CS_MAX_SEGMENTS);
	return rows == NULL ? palloc(size * *allocated) : repalloc(rows, size * *allocated);
}

/* The number of a segment; -1 where it has a name instead. */
int32
CsSegmentNumber(const CsFieldValue *segment)
{
	double		number = segment->number;

	if (isnan(number))
		return -1;
	if (number < 0 || number > PG_INT32_MAX || number != floor(number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("segment %s is no number of a segment", segment->text),
				 errhint("Segments have whole numbers, or names.")));
	return (int32) number;
}

/* The name of a segment: what its column of names says, or what stands for its number; or NULL. */
char *
CsSegmentName(const CsFieldValue *segment, const CsFieldValue *name)
{
	return name->text != NULL || !isnan(segment->number) ? name->text : segment->text;
}
