/*
 * labeller_hash.c
 *	  Rows labelled by a hash of their ids, by which they are divided: whatever else is read, and in
 *	  which order, a customer is in the same part.
 *
 * Where there is no id, rows are told by their order.
 */
#include "custseg.h"

#include "call/call.h"
#include "common/hashfn.h"
#include "train/labeller.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

typedef struct HashLabeller
{
	CsLabeller	l;
	int			nparts;			/* columns of the id */
	int		   *position;		/* among the columns that are read */
	const CsConverter **converter;
	FmgrInfo   *output;
	int64		nrows;			/* labelled so far, without an id */
} HashLabeller;

/* See CsLabeller. */
static void
Bind(CsLabeller *l, const CsColumn *columns, int ncolumns)
{
	HashLabeller *self = (HashLabeller *) l;

	self->nrows = 0;
	for (int part = 0; part < self->nparts; part++)
		for (int i = 0; i < ncolumns; i++)
			if (strcmp(NameStr(columns[i].name), list_nth(l->columns, part)) == 0 && columns[i].element == 0)
				self->position[part] = i;
}

/* See CsLabeller: 31 bits. */
static int
Label(CsLabeller *l, const Datum *values, const bool *nulls)
{
	HashLabeller *self = (HashLabeller *) l;
	uint64		hash = 0;

	if (self->nparts == 0)
		hash = hash_bytes_uint32_extended((uint32) self->nrows++, 0);
	for (int part = 0; part < self->nparts; part++)
	{
		void	   *copy;
		const char *text;
		int			length;

		if (nulls[self->position[part]])
			continue;
		text = CsColumnText(self->converter[part], &self->output[part], values[self->position[part]],
							&length, &copy);
		hash = hash_bytes_extended((const unsigned char *) text, length, hash);
		if (copy != NULL)
			pfree(copy);
	}
	return (int) (hash & PG_INT32_MAX);
}

/* A labeller by a hash of the id (NULL: there is none), in CurrentMemoryContext. */
CsLabeller *
CsLabelByHash(const CsRelation *relation, const char *id)
{
	HashLabeller *self = palloc0(sizeof(HashLabeller));
	List	   *columns = id == NULL ? NIL : CsRelationIdColumns(relation, id, false);
	ListCell   *cell;
	int			n = 0;

	self->position = palloc(sizeof(int) * Max(list_length(columns), 1));
	self->converter = palloc(sizeof(CsConverter *) * Max(list_length(columns), 1));
	self->output = palloc(sizeof(FmgrInfo) * Max(list_length(columns), 1));
	foreach(cell, columns)
	{
		CsColumn   *column = lfirst(cell);
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(column->type, &output, &is_varlena);
		fmgr_info(output, &self->output[n]);
		self->converter[n++] = &column->converter;
		self->l.columns = lappend(self->l.columns, NameStr(column->name));
	}
	self->nparts = n;
	self->l.name = pstrdup("the id");
	self->l.bind = Bind;
	self->l.label = Label;
	self->l.context = CurrentMemoryContext;
	return &self->l;
}
