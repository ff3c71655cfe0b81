/*
 * binding.c
 *	  A model's features found by name in a row type or in a json object, and their values read.
 *
 * A row type is bound once: each feature gets an attribute number and a converter.  Reading a row
 * then deforms it up to the last attribute needed, in a slot that is allocated once, and touches
 * no other value; columns that the model does not know cost nothing unless they lie before one
 * that it does.  Where the features and all before them are of fixed length, each is at the same
 * offset in every row without NULLs, and such a row is not even deformed.
 *
 * What is read are raw values as prep.h describes them; NULL is NaN, or the level that NULL is.
 * Numbers, booleans, times and categories do not stand in for each other: what a model was trained
 * on is what it is given, or an error says which feature differs.
 */
#include "custseg.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "call/json.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "score/score.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

/* An attribute that holds vectors. */
typedef struct BoundVector
{
	CsVectorType type;
	FmgrInfo	cast;			/* of a type that is no array */
	int			width;			/* that the model was trained on */
	double	   *elements;		/* of the row at hand */
} BoundVector;

typedef struct BoundFeature
{
	int			attribute;		/* from 1 */
	int			offset;			/* in the data of a row without NULLs, when that is fixed */
	int16		length;			/* of the attribute's type */
	bool		by_value;
	CsConverter converter;
	int			element;		/* of the vector in that attribute, from 1; 0: it is no element */
	BoundVector *vector;		/* that it is an element of, one for all its elements; or NULL */
} BoundFeature;

struct CsBinding
{
	TupleTableSlot *slot;		/* of a copy of the row type */
	HeapTupleData tuple;		/* what the slot holds when the row came as a Datum */
	int			last_attribute; /* the highest needed */
	bool		is_fixed;		/* offsets are */
	bool		has_vectors;	/* some attribute holds vectors */
	BoundFeature feature[FLEXIBLE_ARRAY_MEMBER];
};

/* The attribute, from 1, of that name; 0 if there is none. */
static int
FindAttribute(TupleDesc desc, const char *name)
{
	int			found = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || strcmp(NameStr(attribute->attname), name) != 0)
			continue;
		if (found != 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("column \"%s\" appears more than once in the row to score", name),
					 errhint("Give the columns of the query different names.")));
		found = i + 1;
	}
	return found;
}

/* Can a column be what the feature was trained on? */
static bool
IsSameKind(const CsFeature *f, const CsConverter *converter)
{
	if ((int32) converter->kind != f->kind)
		return false;
	/* Both are times, but days since 1970 and days of duration do not compare. */
	return f->kind != CS_TIME ||
		(converter->type == INTERVALOID) == CsIsInterval(f);
}

/* The error for a column of a type that cannot be what the feature was trained on. */
static void
ReportKind(const CsFeature *f, const char *column, Oid type, const char *model)
{
	if (f->vector_width > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, but model \"%s\" wants vectors of %d numbers",
						column, format_type_be(type), model, f->vector_width),
				 errhint("Cast the column to real[] or float8[] in a view or a subquery, and score its rows.")));
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" is of type %s, but model \"%s\" wants a %s feature",
					column, format_type_be(type), model, CsKindName((CsKind) f->kind)),
			 errdetail("The model was trained on a column of type %s.", NameStr(f->type)),
			 f->kind == CS_BOOLEAN ?
			 errhint("Turn the column into a boolean first, for example by %s <> 0.",
					 quote_identifier(NameStr(f->name))) :
			 errhint("Cast the column in a view or a subquery, and score its rows.")));
}

/*
 * The name of the column that holds a feature, palloc'd: the feature's own column, or the column of
 * the vector of which the feature is an element.
 */
char *
CsFeatureColumn(const CsFeature *f)
{
	int			length;
	int			element;

	if (f->vector_width == 0 || !CsElementName(NameStr(f->name), &length, &element))
		return pstrdup(NameStr(f->name));
	return pnstrdup(NameStr(f->name), length);
}

/* A cast is called without the executor, which would look whether the user may. */
static void
CheckExecute(Oid function)
{
	AclResult	result = CsFunctionAclCheck(function, GetUserId());

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, get_func_name(function));
}

/* Bind a feature that is an element of a vector to the attribute that holds vectors. */
static CsBindState
BindElement(CsBinding *b, int feature, const CsFeature *f, TupleDesc desc)
{
	BoundFeature *bound = &b->feature[feature];
	BoundVector *vector;
	int			length;

	if (f->vector_width == 0 || !CsElementName(NameStr(f->name), &length, &bound->element))
		return CS_BIND_MISSING;
	bound->attribute = FindAttribute(desc, CsFeatureColumn(f));
	if (bound->attribute == 0)
		return CS_BIND_MISSING;
	for (int i = 0; i < feature; i++)
		if (b->feature[i].vector != NULL && b->feature[i].attribute == bound->attribute &&
			b->feature[i].vector->width == f->vector_width)
		{
			bound->vector = b->feature[i].vector;
			return CS_BIND_DONE;
		}
	vector = palloc0(sizeof(BoundVector));
	if (!CsVectorTypeInit(&vector->type, TupleDescAttr(desc, bound->attribute - 1)->atttypid))
		return CS_BIND_OTHER_KIND;
	vector->width = f->vector_width;
	vector->elements = palloc(sizeof(double) * vector->width);
	if (OidIsValid(vector->type.cast))
	{
		CheckExecute(vector->type.cast);
		fmgr_info(vector->type.cast, &vector->cast);
	}
	bound->vector = vector;
	b->has_vectors = true;
	return CS_BIND_DONE;
}

/* Are there both the element of a vector and a column of that name?  Then neither is taken. */
static bool
IsAmbiguous(const CsFeature *f, TupleDesc desc)
{
	return f->vector_width > 0 && FindAttribute(desc, NameStr(f->name)) != 0 &&
		FindAttribute(desc, CsFeatureColumn(f)) != 0;
}

/* Find the column of one feature; of one that cannot be it, the attribute is noted. */
static CsBindState
FindFeature(CsBinding *b, int feature, const CsFeature *f, TupleDesc desc)
{
	BoundFeature *bound = &b->feature[feature];

	bound->attribute = FindAttribute(desc, NameStr(f->name));
	if (bound->attribute == 0)
		return BindElement(b, feature, f, desc);
	if (IsAmbiguous(f, desc))
		return CS_BIND_OTHER_KIND;
	CsConverterInit(&bound->converter, TupleDescAttr(desc, bound->attribute - 1)->atttypid);
	if (f->is_coded)
		(void) CsConverterAsCategory(&bound->converter);
	return IsSameKind(f, &bound->converter) ? CS_BIND_DONE : CS_BIND_OTHER_KIND;
}

/* The error for a row that lacks a feature's column, or has it in another kind. */
static void
ReportUnbound(const CsFeature *f, CsBindState state, const BoundFeature *bound, TupleDesc desc,
			  const char *model)
{
	const char *column = CsFeatureColumn(f);

	if (state == CS_BIND_MISSING)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the row to score lacks column \"%s\"", column),
				 errdetail("Model \"%s\" was trained with it as a feature.", model),
				 errhint("Score rows of a table, view or subquery that has the column, NULL where the value is not known.")));
	if (IsAmbiguous(f, desc))
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("the row to score has columns \"%s\" and \"%s\"", column, NameStr(f->name)),
				 errdetail("It is not clear which one the feature is."),
				 errhint("Score rows of a view or a subquery that has one of them.")));
	ReportKind(f, column, TupleDescAttr(desc, bound->attribute - 1)->atttypid, model);
}

/* Note where the features are in a row without NULLs; false unless that is always the same. */
static bool
FindOffsets(CsBinding *b, int nfeatures, TupleDesc desc)
{
	int			offset = 0;

	for (int attribute = 1; attribute <= b->last_attribute; attribute++)
	{
		Form_pg_attribute form = TupleDescAttr(desc, attribute - 1);

		if (form->attlen <= 0)
			return false;
		offset = att_align_nominal(offset, form->attalign);
		for (int i = 0; i < nfeatures; i++)
		{
			if (b->feature[i].attribute == attribute)
			{
				if (b->feature[i].vector != NULL)
					return false;	/* of a type of fixed length, which a cast has to read */
				b->feature[i].offset = offset;
				b->feature[i].length = form->attlen;
				b->feature[i].by_value = form->attbyval;
			}
		}
		offset += form->attlen;
	}
	return true;
}

/* Bind to a row type; with "states" what cannot be bound is no error, but noted there. */
static CsBinding *
MakeBinding(const CsPipeline *p, TupleDesc desc, const char *model, MemoryContext context,
			CsBindState *states)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	CsBinding  *b = palloc0(offsetof(CsBinding, feature) + sizeof(BoundFeature) * p->nfeatures);

	for (int i = 0; i < p->nfeatures; i++)
	{
		BoundFeature *bound = &b->feature[i];
		CsBindState state = FindFeature(b, i, &p->feature[i], desc);

		if (state != CS_BIND_DONE && states == NULL)
			ReportUnbound(&p->feature[i], state, bound, desc, model);
		if (state != CS_BIND_DONE)
			bound->attribute = 0;
		if (states != NULL)
			states[i] = state;
		b->last_attribute = Max(b->last_attribute, b->feature[i].attribute);
	}
	b->is_fixed = FindOffsets(b, p->nfeatures, desc);
	/* The copy keeps the defaults that stand for attributes which old rows lack. */
	b->slot = MakeSingleTupleTableSlot(CreateTupleDescCopyConstr(desc), &TTSOpsHeapTuple);
	MemoryContextSwitchTo(old);
	return b;
}

/*
 * Bind the features of a pipeline to the attributes of a row type.  A missing column and a wrong
 * kind are errors that name it.  The binding is allocated in "context" and does not refer to "desc"
 * or "model" later.
 */
CsBinding *
CsBindingForRow(const CsPipeline *p, TupleDesc desc, const char *model, MemoryContext context)
{
	return MakeBinding(p, desc, model, context, NULL);
}

/* The vectors of a column that is read must be as wide as those of the training. */
static void
CheckWidth(CsBinding *b, int feature, const CsFeature *f, const CsColumn *columns, const char *model,
		   CsBindState *states)
{
	int			attribute = b->feature[feature].attribute;
	int			width = attribute > 0 ? CsVectorWidth(&columns[attribute - 1]) : 0;

	if (width == 0 || width == f->vector_width)
		return;
	if (states == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("vectors of column \"%s\" have %d elements, but model \"%s\" wants %d",
						CsFeatureColumn(f), width, model, f->vector_width),
				 errhint("Score vectors that were made in the same way as those of the training.")));
	states[feature] = CS_BIND_OTHER_KIND;
	b->feature[feature].attribute = 0;
}

/*
 * Bind the features of a pipeline to columns that are read, as CsBindingForRow() does.  With
 * "states", one for each feature, what cannot be bound is noted there instead of raising an error,
 * and reads as NULL.
 */
CsBinding *
CsBindingForColumns(const CsPipeline *p, const CsColumn *columns, int ncolumns,
					const char *model, MemoryContext context, CsBindState *states)
{
	TupleDesc	desc = CreateTemplateTupleDesc(ncolumns);
	CsBinding  *b;

	for (int i = 0; i < ncolumns; i++)
		TupleDescInitEntry(desc, (AttrNumber) (i + 1), NameStr(columns[i].name),
						   columns[i].type, columns[i].typmod, 0);
	b = MakeBinding(p, desc, model, context, states);
	FreeTupleDesc(desc);
	for (int i = 0; i < p->nfeatures; i++)
		CheckWidth(b, i, &p->feature[i], columns, model, states);
	return b;
}

/* The raw value of a category that is there. */
static double
ReadCategory(const CsPipeline *p, const CsFeature *f, const CsConverter *converter, Datum value)
{
	int			length;
	void	   *copy;
	const char *text = CsCategoryText(converter, value, &length, &copy);
	double		level = CsFeatureLevel(p, f, text, length);

	if (copy != NULL)
		pfree(copy);
	return level;
}

/* The raw value of a feature that is NULL. */
static inline double
ReadMissing(const CsPipeline *p, const CsFeature *f)
{
	return f->kind == CS_CATEGORICAL ? CsFeatureLevel(p, f, NULL, 0) : NAN;
}

/* The raw value of a feature that is there. */
static inline double
ReadValue(const CsPipeline *p, int i, const BoundFeature *bound, Datum value)
{
	/* the most common type is spared the indirect call */
	if (bound->converter.type == FLOAT8OID)
		return DatumGetFloat8(value);
	if (bound->converter.kind == CS_CATEGORICAL)
		return ReadCategory(p, &p->feature[i], &bound->converter, value);
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
			raw[i] = ReadMissing(p, &p->feature[i]);
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

/* A number as PostgreSQL writes it, NULL for NaN; palloc'd. */
static char *
NumberText(double number)
{
	return isnan(number) ? NULL : float8out_internal(number);
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
		return NumberText(ReadElement(&b->feature[feature], value, &at));
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

/* What a json value is, for messages. */
static const char *
JsonTypeName(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return "a string";
		case jbvNumeric:
			return "a number";
		case jbvBool:
			return "a boolean";
		default:
			return "an array or an object";
	}
}

/* Is this how to_jsonb() writes a float8 that json has no number for? */
static bool
IsSpecialNumber(const JsonbValue *value, double *number)
{
	static const struct
	{
		const char *text;
		double		number;
	}			special[] = {{"NaN", NAN}, {"Infinity", HUGE_VAL}, {"-Infinity", -HUGE_VAL}};

	for (int i = 0; i < lengthof(special); i++)
	{
		if (CsJsonIsText(value, special[i].text))
		{
			*number = special[i].number;
			return true;
		}
	}
	return false;
}

/* The raw value of a category whose levels are texts of numbers, from a number or a truth value. */
static double
ReadJsonCode(const CsPipeline *p, const CsFeature *f, const JsonbValue *value)
{
	const char *text = value->type == jbvNumeric ? numeric_normalize(value->val.numeric) :
		value->val.boolean ? "true" : "false";

	return CsFeatureLevel(p, f, text, (int) strlen(text));
}

/* The raw value of one feature from its json value. */
static double
ReadJsonValue(const CsPipeline *p, const CsFeature *f, const JsonbValue *value, const char *model)
{
	static const struct
	{
		enum jbvType type;
		const char *name;
	}			wanted[] = {
		[CS_NUMERIC] = {jbvNumeric, "a number"},
		[CS_BOOLEAN] = {jbvBool, "true or false"},
		[CS_TIME] = {jbvString, "a string that holds a time"},
		[CS_CATEGORICAL] = {jbvString, "a string"}
	};
	double		special;

	if (value->type == jbvNull)
		return ReadMissing(p, f);
	if (f->kind == CS_NUMERIC && IsSpecialNumber(value, &special))
		return special;
	if (f->is_coded && (value->type == jbvNumeric || value->type == jbvBool))
		return ReadJsonCode(p, f, value);
	if (value->type != wanted[f->kind].type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("key \"%s\" is %s, but model \"%s\" wants a %s feature",
						NameStr(f->name), JsonTypeName(value), model,
						CsKindName((CsKind) f->kind)),
				 errhint("Give %s, or null.", wanted[f->kind].name)));
	switch ((CsKind) f->kind)
	{
		case CS_NUMERIC:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													  NumericGetDatum(value->val.numeric)));
		case CS_BOOLEAN:
			return value->val.boolean ? 1.0 : 0.0;
		case CS_TIME:
			return CsFeatureTime(f, value->val.string.val, value->val.string.len);
		default:
			return CsFeatureLevel(p, f, value->val.string.val, value->val.string.len);
	}
}

/* The error for a json object that lacks a key. */
static void
ReportNoKey(const char *key, const char *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the json object to score lacks key \"%s\"", key),
			 errdetail("Model \"%s\" was trained with it as a feature.", model),
			 errhint("Add the key, with null where the value is not known.")));
}

/* A vector of a json object whose elements are at hand. */
typedef struct JsonVector
{
	char	   *name;			/* NULL: there is none yet */
	int			width;
	double	   *elements;
} JsonVector;

/* Read the vector that a feature is an element of. */
static void
ReadJsonVector(Jsonb *row, const CsFeature *f, const char *model, JsonVector *vector)
{
	JsonbValue	value;
	CsJsonEach	each;

	if (vector->elements != NULL)
		pfree(vector->elements);
	vector->elements = palloc(sizeof(double) * f->vector_width);
	vector->width = f->vector_width;
	if (!CsJsonFind(&row->root, vector->name, &value))
		ReportNoKey(vector->name, model);
	if (value.type == jbvNull)
	{
		for (int i = 0; i < f->vector_width; i++)
			vector->elements[i] = NAN;
		return;
	}
	if (CsJsonGetArray(&value) == NULL ||
		JsonContainerSize(value.val.binary.data) != f->vector_width)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("key \"%s\" is not an array of %d numbers", vector->name, f->vector_width),
				 errdetail("Model \"%s\" was trained on vectors of that many elements.", model),
				 errhint("Give an array of numbers, or null.")));
	each = CsJsonEachOf(value.val.binary.data);
	while (CsJsonNext(&each))
		vector->elements[each.at] = ReadJsonValue(NULL, f, &each.value, model);
}

/* The raw value of an element of a vector; "vector" is the one that was read last. */
static double
ReadJsonElement(Jsonb *row, const CsFeature *f, const char *model, JsonVector *vector)
{
	int			length;
	int			element;

	if (!CsElementName(NameStr(f->name), &length, &element))
		elog(ERROR, "feature \"%s\" is no element of a vector", NameStr(f->name));
	if (vector->name == NULL || vector->width != f->vector_width ||
		!CsIsElementOf(NameStr(f->name), vector->name))
	{
		vector->name = pnstrdup(NameStr(f->name), length);
		ReadJsonVector(row, f, model, vector);
	}
	return vector->elements[element - 1];
}

/*
 * Read the raw values of a customer from a jsonb object whose keys are the features' names.  OUT
 * raw.
 */
void
CsBindJsonb(const CsPipeline *p, Jsonb *row, const char *model, double *raw)
{
	JsonVector	vector = {NULL};

	if (!JB_ROOT_IS_OBJECT(row))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the customer to score is not a json object"),
				 errhint("Give an object that has a key for each feature of model \"%s\".",
						 model)));
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		JsonbValue	value;

		if (f->vector_width > 0)
		{
			raw[i] = ReadJsonElement(row, f, model, &vector);
			continue;
		}
		if (!CsJsonFind(&row->root, NameStr(f->name), &value))
			ReportNoKey(NameStr(f->name), model);
		raw[i] = ReadJsonValue(p, f, &value, model);
	}
}

/*
 * The value that was given for a feature in jsonb, as text, palloc'd; NULL for NULL.  The key must
 * be there.
 */
char *
CsJsonbText(const CsPipeline *p, Jsonb *row, int feature)
{
	const char *name = NameStr(p->feature[feature].name);
	JsonVector	vector = {NULL};
	JsonbValue	value;

	if (p->feature[feature].vector_width > 0)
		return NumberText(ReadJsonElement(row, &p->feature[feature], "", &vector));
	if (!CsJsonFind(&row->root, name, &value))
		elog(ERROR, "key \"%s\" vanished from a json object", name);
	return CsJsonScalarText(&value);
}
