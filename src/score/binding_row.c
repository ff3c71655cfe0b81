/*
 * binding_row.c
 *	  The values of a model's features, read from a row through a binding.
 *
 * Reading a row deforms it up to the last attribute needed, in a slot that is allocated once, and
 * touches no other value; columns that the model does not know cost nothing unless they lie before
 * one that it does.  Where the features and all before them are of fixed length, each is at the same
 * offset in every row without NULLs, and such a row is not even deformed.
 *
 * What is read are raw values as prep.h describes them; NULL is NaN, or the level that NULL is.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "score/binding.h"
#include "utils/lsyscache.h"

/* The raw value of a category that is there. */
double
CsReadCategory(const CsPipeline *p, const CsFeature *f, const CsConverter *converter, Datum value)
{
	int			length;
	void	   *copy;
	const char *text = CsCategoryText(converter, value, &length, &copy);
	double		level = CsFeatureLevel(p, f, text, length);

	if (copy != NULL)
		pfree(copy);
	return level;
}

/* The raw value of a feature that is there. */
static inline double
ReadValue(const CsPipeline *p, int i, const BoundFeature *bound, Datum value)
{
	/* the most common type is spared the indirect call */
	if (bound->converter.type == FLOAT8OID)
		return DatumGetFloat8(value);
	if (bound->converter.kind == CS_CATEGORICAL)
		return CsReadCategory(p, &p->feature[i], &bound->converter, value);
	return bound->converter.to_double(&bound->converter, value);
}

/* The element of a vector; "at" is the one whose elements are at hand. */
static double
ReadElement(const BoundFeature *bound, Datum value, BoundVector **at)
{
	BoundVector *vector = bound->vector;

	if (vector != *at)
	{
		if (!OidIsValid(vector->type.cast) || CsVectorCast(&vector->cast, value, &value))
			CsVectorRead(&vector->type, value, vector->width, vector->elements);
		else
			for (int i = 0; i < vector->width; i++)
				vector->elements[i] = NAN;
		*at = vector;
	}
	return vector->elements[bound->element - 1];
}

/*
 * Read the raw values of a customer, one for each feature; values[i] belongs to column or attribute
 * i + 1.  OUT raw.
 */
void
CsBindValues(CsBinding *b, const CsPipeline *p, const Datum *values, const bool *nulls,
			 double *raw)
{
	BoundVector *at = NULL;
	int			nfeatures = p->nfeatures;
	bool		has_vectors = b->has_vectors;

	for (int i = 0; i < nfeatures; i++)
	{
		const BoundFeature *bound = &b->feature[i];
		int			attribute = bound->attribute - 1;

		if (unlikely(attribute < 0 || nulls[attribute]))
			raw[i] = CsReadMissing(p, &p->feature[i]);
		else if (unlikely(has_vectors && bound->vector != NULL))
			raw[i] = ReadElement(bound, values[attribute], &at);
		else
			raw[i] = ReadValue(p, i, bound, values[attribute]);
	}
}

/* Read the features from where they are in every row that has no NULLs. */
static void
ReadFixed(const CsBinding *b, const CsPipeline *p, HeapTupleHeader row, double *raw)
{
	const char *data = (const char *) row + row->t_hoff;

	for (int i = 0; i < p->nfeatures; i++)
	{
		const BoundFeature *bound = &b->feature[i];
		const char *value = data + bound->offset;

		if (bound->converter.type == FLOAT8OID)
			raw[i] = *(const float8 *) value;
		else
			raw[i] = ReadValue(p, i, bound, fetch_att(value, bound->by_value, bound->length));
	}
}

/* Read the raw values of a customer from a tuple of the bound row type.  OUT raw. */
void
CsBindTuple(CsBinding *b, const CsPipeline *p, HeapTuple tuple, double *raw)
{
	HeapTupleHeader row = tuple->t_data;

	if (b->is_fixed && (row->t_infomask & HEAP_HASNULL) == 0 &&
		HeapTupleHeaderGetNatts(row) >= b->last_attribute)
		ReadFixed(b, p, row, raw);
	else
	{
		ExecStoreHeapTuple(tuple, b->slot, false);
		slot_getsomeattrs(b->slot, b->last_attribute);
		CsBindValues(b, p, b->slot->tts_values, b->slot->tts_isnull, raw);
	}
}

/*
 * Read the raw values of a customer from a row of the bound type.  The row must stay until the next
 * one is read.  OUT raw.
 */
void
CsBindRow(CsBinding *b, const CsPipeline *p, HeapTupleHeader row, double *raw)
{
	b->tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&b->tuple.t_self);
	b->tuple.t_tableOid = InvalidOid;
	b->tuple.t_data = row;
	CsBindTuple(b, p, &b->tuple, raw);
}

/* Is each feature a number in an attribute of type float8? */
bool
CsBindingIsOfFloats(const CsBinding *b, const CsPipeline *p)
{
	for (int i = 0; i < p->nfeatures; i++)
		if (b->feature[i].attribute == 0 || b->feature[i].vector != NULL ||
			b->feature[i].converter.type != FLOAT8OID || p->feature[i].kind == CS_CATEGORICAL)
			return false;
	return true;
}

/*
 * The value that was given for a feature in the row that CsBindRow() has read last, as text,
 * palloc'd; NULL for NULL.
 */
char *
CsBindingText(CsBinding *b, int feature)
{
	int			attribute = b->feature[feature].attribute;
	Oid			type = TupleDescAttr(b->slot->tts_tupleDescriptor, attribute - 1)->atttypid;
	FmgrInfo	output;
	Oid			function;
	const char *text;
	void	   *copy;
	int			length;
	bool		is_varlena;
	bool		is_null;
	Datum		value;
	BoundVector *at = NULL;

	ExecStoreHeapTuple(&b->tuple, b->slot, false);
	value = slot_getattr(b->slot, attribute, &is_null);
	if (is_null)
		return NULL;
	if (b->feature[feature].vector != NULL)
		return CsElementText(ReadElement(&b->feature[feature], value, &at));
	getTypeOutputInfo(type, &function, &is_varlena);
	fmgr_info(function, &output);
	text = CsColumnText(&b->feature[feature].converter, &output, value, &length, &copy);
	return pnstrdup(text, length);
}

/* The attribute, from 1, to which a feature is bound. */
int
CsBindingAttribute(const CsBinding *b, int feature)
{
	return b->feature[feature].attribute;
}
