/*
 * resolve.c
 *	  Settings made to suit the kind of a column.
 *
 * A default that does not suit is passed over: nobody means to clip a text when asking for all
 * columns to be clipped.  What was asked for the very column and does not suit it is an error.
 */
#include "custseg.h"

#include <math.h>

#include "prep/internal.h"

/* Give a clipping method its limit, and check its range. */
static void
ResolveClip(CsPrepColumn *prep, const char *name)
{
	const CsClipStep *clip = CsClipAt(prep->clip);
	bool		good;

	if (prep->clip == CS_CLIP_NONE)
	{
		prep->clip_limit = NAN;
		return;
	}
	if (isnan(prep->clip_limit))
		prep->clip_limit = clip->limit;
	good = clip->is_share ? prep->clip_limit >= 0 && prep->clip_limit < 0.5 : prep->clip_limit > 0;
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("clip limit %g of column \"%s\" is out of range", prep->clip_limit, name),
				 clip->is_share ?
				 errhint("The share cut off at each end must be at least 0 and below 0.5.") :
				 errhint("The limit must be above 0.")));
}

/* Raise the error for a key that does not suit its column. */
static void
KeyDoesNotSuit(CsPrepKey key, const char *column, const char *kind, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("preparation key \"%s\" does not apply to %s column \"%s\"",
					CsPrepKeys[key].name, kind, column),
			 errhint("%s", hint)));
}

/* What only numbers, booleans and times can be asked. */
static void
ResolveNumber(CsPrepColumn *prep, const bool *given, const CsColumn *column)
{
	const char *name = NameStr(column->name);
	const char *kind = CsKindName(column->converter.kind);
	static const CsPrepKey category_keys[] = {CS_KEY_ENCODE, CS_KEY_LEVELS, CS_KEY_DROP_FIRST};

	for (int i = 0; i < lengthof(category_keys); i++)
	{
		if (given[category_keys[i]])
			KeyDoesNotSuit(category_keys[i], name, kind,
						   "Cast the column to text in the source to have it treated as a category.");
	}
	if (!CsImputeAt(prep->impute)->of_numbers)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("nulls of %s column \"%s\" cannot be a level", kind, name),
				 errhint("Imputation by \"level\" is for categories; impute numbers otherwise, for example by \"median\".")));
	if (prep->impute == CS_IMPUTE_CONSTANT && isnan(prep->constant))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("imputing %s column \"%s\" by a constant needs a number", kind, name),
				 errhint("Give it as \"constant\", at the top level of prep or for the column.")));
	if (column->converter.kind == CS_BOOLEAN)
	{
		if (!given[CS_KEY_CLIP])
			prep->clip = CS_CLIP_NONE;
		if (!given[CS_KEY_TRANSFORM])
			prep->transform = CS_TRANSFORM_NONE;
	}
	ResolveClip(prep, name);
	prep->encode = CS_ENCODE_ONEHOT;
	prep->levels = NIL;
	prep->drop_first = false;
	prep->constant_level = NULL;
}

/* How the NULLs of a category that is not ordinal are imputed. */
static void
ResolveCategoryImpute(CsPrepColumn *prep, const char *name)
{
	bool		of_categories = CsImputeAt(prep->impute)->of_categories;
	bool		lacks_level = prep->impute == CS_IMPUTE_CONSTANT && prep->constant_level == NULL;

	if (prep->impute_given && !of_categories)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("categorical column \"%s\" cannot be imputed by \"%s\"", name,
						CsImputes[prep->impute]->name),
				 errhint("Use \"level\", \"mode\", \"constant\", \"skip\" or \"error\", or encode it as \"ordinal\".")));
	if (prep->impute_given && lacks_level)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("imputing categorical column \"%s\" by a constant needs a string", name),
				 errhint("Give it as \"constant\", at the top level of prep or for the column.")));

	/* what was asked for all columns is for the numbers, and so is a constant that is a number */
	if (!of_categories || lacks_level)
		prep->impute = CS_IMPUTE_LEVEL;
}

/* How the missing values of an ordinal category are imputed: like numbers, by ranks. */
static void
ResolveOrdinal(CsPrepColumn *prep, const char *name)
{
	ListCell   *cell;

	if (prep->levels == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ordinal encoding of column \"%s\" needs its levels", name),
				 errhint("List them lowest first: {\"columns\": {\"%s\": {\"encode\": \"ordinal\", \"levels\": [...]}}}.",
						 name)));
	if (prep->impute == CS_IMPUTE_LEVEL)
	{
		if (prep->impute_given)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("nulls of ordinal column \"%s\" cannot be a level", name),
					 errhint("A level of an ordinal column has a rank; impute by \"median\" or \"constant\".")));
		prep->impute = CS_IMPUTE_MEDIAN;
	}
	if (prep->impute != CS_IMPUTE_CONSTANT)
		return;
	foreach(cell, prep->levels)
	{
		if (prep->constant_level != NULL && strcmp(lfirst(cell), prep->constant_level) == 0)
			return;
	}
	if (prep->impute_given || prep->constant_level != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("imputing ordinal column \"%s\" by a constant needs one of its levels", name),
				 errhint("Give a listed level as \"constant\" for the column.")));
	prep->impute = CS_IMPUTE_MEDIAN;
}

/* What only categories can be asked. */
static void
ResolveCategory(CsPrepColumn *prep, const bool *given, const CsColumn *column)
{
	const char *name = NameStr(column->name);

	if (given[CS_KEY_CLIP] && prep->clip != CS_CLIP_NONE)
		KeyDoesNotSuit(CS_KEY_CLIP, name, "categorical", "Only numbers can be clipped.");
	if (given[CS_KEY_CLIP_LIMIT])
		KeyDoesNotSuit(CS_KEY_CLIP_LIMIT, name, "categorical", "Only numbers can be clipped.");
	if (given[CS_KEY_TRANSFORM] && prep->transform != CS_TRANSFORM_NONE)
		KeyDoesNotSuit(CS_KEY_TRANSFORM, name, "categorical", "Only numbers can be transformed.");
	if (given[CS_KEY_LEVELS] && prep->encode != CS_ENCODE_ORDINAL)
		KeyDoesNotSuit(CS_KEY_LEVELS, name, "categorical",
					   "Levels are listed with \"encode\": \"ordinal\" only.");
	if (given[CS_KEY_DROP_FIRST] && prep->encode != CS_ENCODE_ONEHOT)
		KeyDoesNotSuit(CS_KEY_DROP_FIRST, name, "categorical",
					   "A level can be dropped with \"encode\": \"onehot\" only.");
	if (given[CS_KEY_SCALE] && prep->scale != CS_SCALE_NONE && prep->encode == CS_ENCODE_ONEHOT)
		KeyDoesNotSuit(CS_KEY_SCALE, name, "one-hot encoded",
					   "One-hot columns stay 0 and 1; encode as \"ordinal\" or \"frequency\" to have them scaled.");

	prep->clip = CS_CLIP_NONE;
	prep->clip_limit = NAN;
	prep->transform = CS_TRANSFORM_NONE;
	if (prep->encode == CS_ENCODE_ORDINAL)
		ResolveOrdinal(prep, name);
	else
	{
		prep->levels = NIL;
		ResolveCategoryImpute(prep, name);
	}
	if (prep->encode == CS_ENCODE_ONEHOT)
		prep->scale = CS_SCALE_NONE;
	else
		prep->drop_first = false;
	prep->constant = NAN;
}

/*
 * Make the settings of a column suit its kind.  "given" has the keys that were given for that very
 * column: they must suit it.  Defaults that do not suit it are ignored.
 */
void
CsPrepResolve(CsPrepColumn *prep, const bool *given, const CsColumn *column)
{
	prep->impute_given = given[CS_KEY_IMPUTE];
	if (column->converter.kind == CS_CATEGORICAL)
		ResolveCategory(prep, given, column);
	else
		ResolveNumber(prep, given, column);
}
