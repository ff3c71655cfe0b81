/*
 * binding_json.c
 *	  The values of a model's features, read from a json object whose keys are the features' names.
 */
#include "custseg.h"

#include "call/json.h"
#include "call/numeric.h"
#include "score/binding.h"
#include "utils/builtins.h"

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

/* The raw value of a category; json has the blanks with which char(n) is padded, and its levels have none. */
static double
ReadJsonLevel(const CsPipeline *p, const CsFeature *f, const JsonbValue *value)
{
	static const char *const padded[] = {"character(", "bpchar"};
	int			length = value->val.string.len;

	for (int i = 0; i < lengthof(padded); i++)
		if (strncmp(NameStr(f->type), padded[i], strlen(padded[i])) == 0)
			length = bpchartruelen(value->val.string.val, length);
	return CsFeatureLevel(p, f, value->val.string.val, length);
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
		return CsReadMissing(p, f);
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
			return CsNumericToDouble((const struct varlena *) value->val.numeric);
		case CS_BOOLEAN:
			return value->val.boolean ? 1.0 : 0.0;
		case CS_TIME:
			return CsFeatureTime(f, value->val.string.val, value->val.string.len);
		default:
			return ReadJsonLevel(p, f, value);
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
		return CsElementText(ReadJsonElement(row, &p->feature[feature], "", &vector));
	if (!CsJsonFind(&row->root, name, &value))
		elog(ERROR, "key \"%s\" vanished from a json object", name);
	return CsJsonScalarText(&value);
}
