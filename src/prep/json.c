/*
 * json.c
 *	  A fitted pipeline as readable jsonb, and back.
 *
 * Numbers are written with the fewest digits that read back to the same bits.  Reading trusts
 * nothing, because any user can reach it through the input function of custseg.scorer: names,
 * sizes and ranges are checked, and whatever follows from the rest (outputs, offsets, the columns
 * of one-hot levels) is computed anew.  What it accepts, CsPipelineApply runs within bounds.
 */
#include "custseg.h"

#include "call/json.h"
#include "miscadmin.h"
#include "prep/internal.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* Counts are written as numbers; up to here a double holds them exactly. */
#define MAX_COUNT 9007199254740992.0

/* Push the levels of a category. */
static void
PushLevels(JsonbParseState **state, const CsPipeline *p, const CsFeature *f)
{
	const CsLevel *levels = CsFeatureLevels(p, f);

	CsJsonArray(state, "levels");
	for (int l = 0; l < f->nlevels; l++)
	{
		CsJsonObject(state, NULL);
		CsJsonText(state, "level", levels[l].text == 0 ? NULL :
				   CsPipelineAt(p, const char, levels[l].text));
		CsJsonNumber(state, "value", levels[l].value);
		CsJsonNumber(state, "count", (double) levels[l].count);
		CsJsonBool(state, "other", levels[l].is_other);
		(void) CsJsonEnd(state);
	}
	(void) CsJsonEnd(state);
}

/* Push the transform of numbers, and what it was fitted to. */
static void
PushTransform(JsonbParseState **state, const CsPipeline *p, const CsFeature *f)
{
	const CsTransform *transform = CsTransformAt(f->transform);
	const double *fitted = CsFeatureFitted(p, f);

	CsJsonText(state, "transform", transform->step.name);
	if (transform->most == 1)
		CsJsonNumber(state, transform->key, fitted[0]);
	else if (transform->most > 1)
	{
		CsJsonNumbers(state, transform->key, fitted, f->nfitted, 1);
	}
}

/* Push one feature; returns the finished object when it stands alone. */
static JsonbValue *
PushFeature(JsonbParseState **state, const CsPipeline *p, const CsFeature *f)
{
	bool		category = f->kind == CS_CATEGORICAL;

	CsJsonObject(state, NULL);
	CsJsonText(state, "name", NameStr(f->name));
	CsJsonText(state, "type", NameStr(f->type));
	CsJsonText(state, "kind", CsKindName(f->kind));
	if (f->vector_width > 0)
		CsJsonNumber(state, "vector_width", f->vector_width);
	CsJsonText(state, "impute", CsImputes[f->impute]->name);
	if (f->impute == CS_IMPUTE_KNN)
		CsJsonNumber(state, "neighbors", f->neighbors);
	CsJsonNumber(state, "fill", f->fill);
	if (!category)
	{
		CsJsonText(state, "clip", CsClips[f->clip]->name);
		if (f->clip != CS_CLIP_NONE)
		{
			double		limits[] = {f->low, f->high};

			CsJsonNumbers(state, "limits", limits, 2, 1);
		}
		PushTransform(state, p, f);
	}
	else
	{
		CsJsonText(state, "encode", CsEncodes[f->encode]->name);
		if (f->encode == CS_ENCODE_ONEHOT)
			CsJsonBool(state, "drop_first", f->drop_first);
		PushLevels(state, p, f);
	}
	if (CsEncodesNumber(f->kind, f->encode))
	{
		CsJsonText(state, "scale", CsScales[f->scale]->name);
		CsJsonNumber(state, "center", f->center);
		CsJsonNumber(state, "spread", f->spread);
		CsJsonNumber(state, "mean", f->mean);
	}
	return CsJsonEnd(state);
}

/* One feature as json, without what it shares with the others; palloc'd. */
Jsonb *
CsFeatureToJsonb(const CsPipeline *p, int feature)
{
	JsonbParseState *state = NULL;

	return JsonbValueToJsonb(PushFeature(&state, p, &p->feature[feature]));
}

/* Push PCA and its components. */
static void
PushPca(JsonbParseState **state, const CsPipeline *p)
{
	const double *components = CsPipelineAt(p, const double, p->pca_offset);

	CsJsonObject(state, "pca");
	CsJsonNumbers(state, "mean", CsPipelineAt(p, const double, p->pca_mean_offset),
				p->nscaled, 1);
	CsJsonNumbers(state, "variance", CsPipelineAt(p, const double, p->pca_variance_offset),
				p->ncomponents, 1);
	CsJsonNumber(state, "total_variance", p->pca_total_variance);
	CsJsonArray(state, "components");
	for (int c = 0; c < p->ncomponents; c++)
		CsJsonNumbers(state, NULL, components + (Size) c * p->nscaled, p->nscaled, 1);
	(void) CsJsonEnd(state);
	(void) CsJsonEnd(state);
}

/* The whole pipeline as json; palloc'd.  CsPipelineFromJsonb() reads it back to the bit. */
Jsonb *
CsPipelineToJsonb(const CsPipeline *p)
{
	JsonbParseState *state = NULL;
	const double *donors = CsPipelineAt(p, const double, p->donor_offset);

	CsJsonObject(&state, NULL);
	CsJsonArray(&state, "features");
	for (int i = 0; i < p->nfeatures; i++)
		(void) PushFeature(&state, p, &p->feature[i]);
	(void) CsJsonEnd(&state);
	if (p->ncomponents > 0)
		PushPca(&state, p);
	else
		CsJsonNull(&state, "pca");
	if (p->ndonors > 0)
	{
		CsJsonArray(&state, "donors");
		for (int i = 0; i < p->ndonors; i++)
		{
			CHECK_FOR_INTERRUPTS();
			CsJsonNumbers(&state, NULL, donors + i, p->nscaled, p->ndonors);
		}
		(void) CsJsonEnd(&state);
	}
	else
		CsJsonNull(&state, "donors");
	return CsJsonFinish(&state);
}

/* Refuse the input, saying where and why. */
static void
Malformed(const char *where, const char *key, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("malformed fitted preparation"),
			 errdetail("Key \"%s\" of %s %s.", key, where, problem)));
}

/* An object being read, and what to call it. */
typedef struct Reader
{
	JsonbContainer *object;
	const char *where;
} Reader;

/* A member of the object, or NULL when it is absent or null. */
static JsonbValue *
FindMember(Reader r, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(r.object, key, strlen(key), NULL);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

/* A finite number; NaN when it is absent or null and may be so. */
static double
ReadNumber(Reader r, const char *key, bool optional)
{
	JsonbValue *value = FindMember(r, key);
	double		number = NAN;

	if (value == NULL && optional)
		return NAN;
	if (value == NULL || !CsJsonGetNumber(value, &number))
		Malformed(r.where, key, "must be a finite number");
	return number;
}

/* A whole number within limits. */
static double
ReadWhole(Reader r, const char *key, double low, double high)
{
	double		number = ReadNumber(r, key, false);

	if (number < low || number > high || number != floor(number))
		Malformed(r.where, key, "is out of range");
	return number;
}

static bool
ReadBool(Reader r, const char *key)
{
	JsonbValue *value = FindMember(r, key);

	if (value == NULL || value->type != jbvBool)
		Malformed(r.where, key, "must be true or false");
	return value->val.boolean;
}

/* A string that is not empty; palloc'd. */
static char *
ReadString(Reader r, const char *key)
{
	JsonbValue *value = FindMember(r, key);

	if (value == NULL || value->type != jbvString || value->val.string.len == 0)
		Malformed(r.where, key, "must be a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
ReadName(Reader r, const char *key, NameData *name)
{
	char	   *text = ReadString(r, key);

	if (strlen(text) >= NAMEDATALEN)
		Malformed(r.where, key, "is too long");
	namestrcpy(name, text);
	pfree(text);
}

/* The name of a step; returns its index. */
static int
ReadStep(Reader r, const char *key, const CsStep *const *steps)
{
	char	   *text = ReadString(r, key);
	int			step = CsStepIndex(steps, text, strlen(text));

	if (step < 0)
		Malformed(r.where, key, "is not known");
	pfree(text);
	return step;
}

/* An array of low to high elements. */
static JsonbContainer *
ReadArray(Reader r, const char *key, int low, int high)
{
	JsonbValue *value = FindMember(r, key);

	if (value == NULL || value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerIsScalar(value->val.binary.data))
		Malformed(r.where, key, "must be an array");
	if (JsonContainerSize(value->val.binary.data) < low ||
		JsonContainerSize(value->val.binary.data) > high)
		Malformed(r.where, key, "has a wrong number of elements");
	return value->val.binary.data;
}

/* Element i of an array, which must be an object. */
static Reader
ReadElement(Reader r, const char *key, JsonbContainer *array, int i, const char *where)
{
	JsonbValue *value = getIthJsonbValueFromContainer(array, i);
	Reader		element = {.where = where};

	if (value == NULL || value->type != jbvBinary ||
		!JsonContainerIsObject(value->val.binary.data))
		Malformed(r.where, key, "must be an array of objects");
	element.object = value->val.binary.data;
	return element;
}

/* Numbers of an array that must have n of them, to places stride apart. */
static void
CopyNumbers(Reader r, const char *key, JsonbContainer *array, int n, double *numbers, int stride)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			i = 0;

	if (JsonContainerSize(array) != n)
		Malformed(r.where, key, "has a wrong number of elements");
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (!CsJsonGetNumber(&value, &numbers[(Size) i * stride]))
			Malformed(r.where, key, "must hold finite numbers");
		i++;
	}
}

/* An array of n rows of m numbers each: element (i, j) to numbers[i * row + j * column]. */
static void
CopyRows(Reader r, const char *key, JsonbContainer *array, int n, int m, double *numbers,
		 int row, int column)
{
	for (int i = 0; i < n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		CHECK_FOR_INTERRUPTS();
		if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
			Malformed(r.where, key, "must be an array of arrays");
		CopyNumbers(r, key, value->val.binary.data, m, numbers + (Size) i * row, column);
		pfree(value);
	}
}

/* n numbers; palloc'd. */
static double *
ReadNumbers(Reader r, const char *key, int n)
{
	double	   *numbers = palloc(mul_size(n, sizeof(double)));

	CopyNumbers(r, key, ReadArray(r, key, n, n), n, numbers, 1);
	return numbers;
}

/* The levels of a category; palloc'd. */
static CsLevelPart *
ReadLevels(Reader r, CsFeature *f)
{
	JsonbContainer *array = ReadArray(r, "levels", 1, CS_MAX_LEVELS + 2);
	CsLevelPart *levels;

	f->nlevels = JsonContainerSize(array);
	levels = palloc0(mul_size(f->nlevels, sizeof(CsLevelPart)));
	for (int l = 0; l < f->nlevels; l++)
	{
		Reader		level = ReadElement(r, "levels", array, l, "a level");
		JsonbValue *text = FindMember(level, "level");

		if (text != NULL)
		{
			if (text->type != jbvString)
				Malformed(level.where, "level", "must be a string or null");
			levels[l].text = pnstrdup(text->val.string.val, text->val.string.len);
		}
		else if (f->encode == CS_ENCODE_ORDINAL)
			Malformed(level.where, "level", "must be a string");
		levels[l].value = ReadNumber(level, "value", false);
		levels[l].count = (int64) ReadWhole(level, "count", 0, MAX_COUNT);
		levels[l].is_other = ReadBool(level, "other");
		if (levels[l].is_other && (text == NULL || f->encode == CS_ENCODE_ORDINAL))
			Malformed(level.where, "other", "must be false");
	}
	return levels;
}

/* How missing values are imputed, and that it suits the kind and encoding. */
static void
ReadImpute(Reader r, CsFeature *f)
{
	bool		number_like = f->kind != CS_CATEGORICAL || f->encode == CS_ENCODE_ORDINAL;

	const CsImputeStep *impute;

	f->impute = ReadStep(r, "impute", CsImputes);
	impute = CsImputeAt(f->impute);
	if (number_like ? !impute->of_numbers : !impute->of_categories)
		Malformed(r.where, "impute", "does not suit its kind");
	if (f->impute == CS_IMPUTE_KNN)
		f->neighbors = (int32) ReadWhole(r, "neighbors", 1, CS_MAX_NEIGHBORS);
	f->fill = NAN;
	if (impute->fill != NULL)
		f->fill = number_like ? ReadNumber(r, "fill", false) :
			ReadWhole(r, "fill", CS_UNSEEN_LEVEL, f->nlevels - 1);
}

/* The transform of numbers, and what it was fitted to; palloc'd. */
static double *
ReadTransform(Reader r, CsFeature *f)
{
	const CsTransform *transform;
	double	   *fitted = NULL;

	f->transform = ReadStep(r, "transform", CsTransforms);
	transform = CsTransformAt(f->transform);
	if (transform->most == 1)
	{
		fitted = palloc(sizeof(double));
		fitted[0] = ReadNumber(r, transform->key, false);
		f->nfitted = 1;
	}
	else if (transform->most > 1)
	{
		f->nfitted = JsonContainerSize(ReadArray(r, transform->key, 1, transform->most));
		fitted = ReadNumbers(r, transform->key, f->nfitted);
	}
	if (transform->valid != NULL && !transform->valid(fitted, f->nfitted))
		Malformed(r.where, transform->key, "is not what a fit gives");
	return fitted;
}

/* How numbers are clipped. */
static void
ReadClip(Reader r, CsFeature *f)
{
	f->clip = ReadStep(r, "clip", CsClips);
	if (f->clip != CS_CLIP_NONE)
	{
		JsonbContainer *limits = ReadArray(r, "limits", 2, 2);
		JsonbValue *low = getIthJsonbValueFromContainer(limits, 0);
		JsonbValue *high = getIthJsonbValueFromContainer(limits, 1);

		if ((low->type != jbvNull && !CsJsonGetNumber(low, &f->low)) ||
			(high->type != jbvNull && !CsJsonGetNumber(high, &f->high)) ||
			f->low > f->high)
			Malformed(r.where, "limits", "must be two numbers or nulls in order");
	}
}

/* How wide the vector is whose element a feature is; 0 of any other. */
static int
ReadVectorWidth(Reader r, const CsFeature *f)
{
	int			length;
	int			element;

	if (FindMember(r, "vector_width") == NULL)
		return 0;
	if (f->kind != CS_NUMERIC || !CsElementName(NameStr(f->name), &length, &element))
		Malformed(r.where, "vector_width", "does not suit the feature");
	return (int) ReadWhole(r, "vector_width", element, CS_MAX_VECTOR_WIDTH);
}

/* One feature; its levels and what its transform was fitted to are palloc'd. */
static void
ReadFeature(Reader r, CsFeature *f, CsLevelPart **levels, double **fitted)
{
	memset(f, 0, sizeof(*f));
	f->low = -INFINITY;
	f->high = INFINITY;
	f->spread = 1;
	f->mean = NAN;
	ReadName(r, "name", &f->name);
	ReadName(r, "type", &f->type);
	f->kind = CsKindFromName(ReadString(r, "kind"));
	if (f->kind == CS_UNUSABLE)
		Malformed(r.where, "kind", "is not known");
	f->vector_width = ReadVectorWidth(r, f);
	f->scale = CS_SCALE_NONE;
	if (f->kind == CS_CATEGORICAL)
	{
		f->encode = ReadStep(r, "encode", CsEncodes);
		if (f->encode == CS_ENCODE_ONEHOT)
			f->drop_first = ReadBool(r, "drop_first");
		*levels = ReadLevels(r, f);
	}
	else
	{
		ReadClip(r, f);
		*fitted = ReadTransform(r, f);
	}
	ReadImpute(r, f);
	if (CsEncodesNumber(f->kind, f->encode))
	{
		f->scale = ReadStep(r, "scale", CsScales);
		f->center = ReadNumber(r, "center", false);
		f->spread = ReadNumber(r, "spread", false);
		if (f->spread <= 0)
			Malformed(r.where, "spread", "must be above 0");
		f->mean = ReadNumber(r, "mean", true);
	}
}

/* Components and what belongs to them, if there are any. */
static void
ReadPca(Reader root, CsPipelineParts *parts, int nscaled)
{
	JsonbValue *value = FindMember(root, "pca");
	Reader		r = {.where = "pca"};
	JsonbContainer *rows;

	if (value == NULL)
		return;
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		Malformed(root.where, "pca", "must be an object");
	r.object = value->val.binary.data;
	rows = ReadArray(r, "components", 1, nscaled);
	parts->ncomponents = JsonContainerSize(rows);
	parts->pca_mean = ReadNumbers(r, "mean", nscaled);
	parts->pca_variance = ReadNumbers(r, "variance", parts->ncomponents);
	parts->pca_total_variance = ReadNumber(r, "total_variance", false);
	parts->components = palloc(mul_size(mul_size(parts->ncomponents, nscaled), sizeof(double)));
	CopyRows(r, "components", rows, parts->ncomponents, nscaled, parts->components, nscaled, 1);
}

/* Donors, which must be there when a feature is filled from neighbours, and only then. */
static void
ReadDonors(Reader root, CsPipelineParts *parts, int nscaled)
{
	int			neighbors = 0;
	JsonbContainer *rows;

	for (int i = 0; i < parts->nfeatures; i++)
		neighbors = Max(neighbors, parts->features[i].neighbors);
	if (neighbors == 0)
		return;
	rows = ReadArray(root, "donors", neighbors, CS_KNN_DONORS);
	parts->ndonors = JsonContainerSize(rows);
	parts->donors = palloc(mul_size(mul_size(parts->ndonors, nscaled), sizeof(double)));
	CopyRows(root, "donors", rows, parts->ndonors, nscaled, parts->donors, 1, parts->ndonors);
}

/*
 * Read a pipeline from json; palloc'd.  Nothing is trusted: malformed input of any kind is an
 * error, ERRCODE_INVALID_TEXT_REPRESENTATION.
 */
CsPipeline *
CsPipelineFromJsonb(Jsonb *json)
{
	CsPipelineParts parts = {0};
	Reader		root = {.object = &json->root,.where = "the pipeline"};
	JsonbContainer *features;
	int			nscaled;

	if (!JB_ROOT_IS_OBJECT(json))
		Malformed(root.where, "features", "is missing");
	features = ReadArray(root, "features", 1, CS_MAX_FEATURES);
	parts.nfeatures = JsonContainerSize(features);
	parts.features = palloc0(mul_size(parts.nfeatures, sizeof(CsFeature)));
	parts.levels = palloc0(mul_size(parts.nfeatures, sizeof(CsLevelPart *)));
	parts.fitted = palloc0(mul_size(parts.nfeatures, sizeof(double *)));
	for (int i = 0; i < parts.nfeatures; i++)
		ReadFeature(ReadElement(root, "features", features, i, psprintf("feature %d", i + 1)),
					&parts.features[i], &parts.levels[i], &parts.fitted[i]);
	nscaled = CsPartsNumberOutputs(&parts);
	if (nscaled < 1 || nscaled > CS_MAX_OUTPUTS)
		Malformed(root.where, "features", "make too few or too many columns");
	ReadPca(root, &parts, nscaled);
	ReadDonors(root, &parts, nscaled);
	return CsPipelineAssemble(&parts);
}
