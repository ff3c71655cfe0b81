/*
 * binding.c
 *	  A model's features found by name in a row type, or in columns that are read.
 *
 * A row type is bound once: each feature gets an attribute number and a converter.  Numbers,
 * booleans, times and categories do not stand in for each other: what a model was trained on is
 * what it is given, or an error says which feature differs.
 */
#include "custseg.h"

#include "access/tupmacs.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "score/binding.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

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

/* An error when the reason for not placing a customer is a value that the model insists on. */
void
CsPipelineCheckMissing(const CsPipeline *p, const double *raw, const char *model)
{
	for (int i = 0; i < p->nfeatures; i++)
		if (p->feature[i].impute == CS_IMPUTE_ERROR && isnan(raw[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("feature \"%s\" of model \"%s\" is missing", NameStr(p->feature[i].name), model),
					 errdetail("The model was trained with \"impute\": \"error\" for it."),
					 errhint("Give a value, or train with \"impute\": \"median\" or \"skip\".")));
}
