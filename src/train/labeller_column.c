/*
 * labeller_column.c
 *	  Rows labelled by the values of a column: each value that comes is a class.
 *
 * Where all values are whole numbers from 0 they number the classes; else they name them.
 */
#include "custseg.h"

#include <math.h>

#include "train/labeller.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

typedef struct ColumnLabeller
{
	CsLabeller	l;
	const CsColumn *column;
	int			most;			/* classes */
	int			position;		/* among the columns that are read */
	FmgrInfo	output;			/* of its type */
	CsDictionary *dictionary;	/* its values as text */
	double	   *values;			/* by label: as number, NaN when it is none */
} ColumnLabeller;

/* See CsLabeller. */
static void
Bind(CsLabeller *l, const CsColumn *columns, int ncolumns)
{
	for (int i = 0; i < ncolumns; i++)
		if (strcmp(NameStr(columns[i].name), l->column) == 0)
			((ColumnLabeller *) l)->position = i;
}

/* See CsLabeller: the code of the value. */
static int
Label(CsLabeller *l, const Datum *values, const bool *nulls)
{
	ColumnLabeller *self = (ColumnLabeller *) l;
	const CsConverter *converter = &self->column->converter;
	int			known = CsDictionarySize(self->dictionary);
	Datum		value = values[self->position];
	void	   *copy;
	const char *text;
	int			length;
	int			code;

	if (nulls[self->position])
		return -1;
	text = CsColumnText(converter, &self->output, value, &length, &copy);
	code = CsDictionaryCode(self->dictionary, text, length);
	if (copy != NULL)
		pfree(copy);
	if (code < 0 || code >= self->most)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" has more than %d values to imitate", l->column, self->most),
				 errhint("Imitate a column of few values, or group them in a query.")));
	if (code == known)
		self->values[code] = converter->kind == CS_NUMERIC ?
			converter->to_double(converter, value) : NAN;
	return code;
}

/* Are all values whole numbers that can number segments, or 0? */
static bool
HasNumbers(const ColumnLabeller *self, int n)
{
	for (int i = 0; i < n; i++)
	{
		double		value = self->values[i];

		/* one less than there are, for 0 */
		if (!(value >= 0 && value < PG_INT32_MAX && value == floor(value)))
			return false;
	}
	return true;
}

/* See CsLabeller. */
static CsClass *
ClassesOf(CsLabeller *l)
{
	const ColumnLabeller *self = (ColumnLabeller *) l;
	int			n = CsDictionarySize(self->dictionary);
	CsClass    *classes = palloc0(sizeof(CsClass) * Max(n, 1));

	l->nclasses = n;
	l->has_numbers = HasNumbers(self, n);
	for (int i = 0; i < n; i++)
	{
		classes[i].label = i;
		classes[i].number = l->has_numbers ? (int) self->values[i] : 0;
		classes[i].name = classes[i].number > 0 ? psprintf("segment %d", classes[i].number) :
			pstrdup(CsDictionaryLevel(self->dictionary, i));
	}
	return classes;
}

/* A labeller by a column that has at most "most" values; allocated in CurrentMemoryContext. */
CsLabeller *
CsLabelByColumn(const CsRelation *relation, const char *column, int most)
{
	ColumnLabeller *self = palloc0(sizeof(ColumnLabeller));
	Oid			output;
	bool		is_varlena;

	self->column = CsRelationColumn(relation, column);
	if (self->column->converter.kind == CS_UNUSABLE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot be imitated", column,
						format_type_be(self->column->type)),
				 errhint("Cast it in a query: SELECT %s::text, ... FROM ...",
						 quote_identifier(column))));
	getTypeOutputInfo(self->column->type, &output, &is_varlena);
	fmgr_info(output, &self->output);
	self->dictionary = CsDictionaryCreate();
	self->values = palloc(sizeof(double) * (most + 1));
	self->most = most;

	self->l.name = psprintf("column \"%s\"", column);
	self->l.unlabelled = psprintf("null in column \"%s\"", column);
	self->l.column = NameStr(self->column->name);
	self->l.columns = list_make1(NameStr(unconstify(CsColumn *, self->column)->name));
	self->l.bind = Bind;
	self->l.label = Label;
	self->l.classes_of = ClassesOf;
	self->l.context = CurrentMemoryContext;
	return &self->l;
}
