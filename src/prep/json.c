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

/* Counts are written as numbers; up to here a double holds them exactly. */
#define MAX_COUNT INT64CONST(9007199254740992)

/* How the level that stands for NULL is shown to people. */
#define NULL_LEVEL "(null)"

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
	if (transform->most == 1 || transform->second != NULL)
		CsJsonNumber(state, transform->key, fitted[0]);
	if (transform->second != NULL)
		CsJsonNumber(state, transform->second, fitted[1]);
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
	if (f->is_coded)
		CsJsonBool(state, "coded", true);
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

/*
 * The profile of a segment for people, palloc'd: {"feature": mean, "feature": {"level": share}}.  "profile"
 * has CsProfileSize() numbers.
 */
Jsonb *
CsProfileToJsonb(const CsPipeline *p, const double *profile)
{
	JsonbParseState *state = NULL;

	CsJsonObject(&state, NULL);
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];

		if (f->kind != CS_CATEGORICAL)
			CsJsonNumber(&state, NameStr(f->name), *profile);
		else
		{
			CsJsonObject(&state, NameStr(f->name));
			for (int l = 0; l < f->nlevels; l++)
			{
				const CsLevel *level = &CsFeatureLevels(p, f)[l];

				CsJsonNumber(&state, level->text == 0 ? NULL_LEVEL :
							 CsPipelineAt(p, char, level->text), profile[l]);
			}
			(void) CsJsonEnd(&state);
		}
		profile += CsProfileWidth(f);
	}
	return CsJsonFinish(&state);
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

/* The whole pipeline as json; palloc'd.  CsPipelineFromJson() reads it back to the bit. */
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

/* The name of a step; returns its index. */
static int
ReadStep(const CsJsonReader *r, const char *key, const CsStep *const *steps)
{
	char	   *text = CsJsonReadText(r, key);
	int			step = CsStepIndex(steps, text, strlen(text));

	if (step < 0)
		CsJsonReject(r, key, "is not known");
	pfree(text);
	return step;
}

/* A level of a category. */
static void
ReadLevel(const CsJsonReader *r, const CsFeature *f, CsLevelPart *level)
{
	JsonbValue	text;
	bool		has_text = CsJsonReadMember(r, "level", &text);

	if (has_text ? text.type != jbvString : f->encode == CS_ENCODE_ORDINAL)
		CsJsonReject(r, "level", has_text ? "must be a string or null" : "must be a string");
	if (has_text)
		level->text = CsJsonString(&text);
	level->value = CsJsonReadNumber(r, "value");
	level->count = CsJsonReadInteger(r, "count", 0, MAX_COUNT);
	level->is_other = CsJsonReadBool(r, "other");
	if (level->is_other && (!has_text || f->encode == CS_ENCODE_ORDINAL))
		CsJsonReject(r, "other", "must be false");
}

/* The levels of a category; palloc'd. */
static CsLevelPart *
ReadLevels(const CsJsonReader *r, CsFeature *f)
{
	JsonbContainer *array = CsJsonReadArray(r, "levels", 1, CS_MAX_LEVELS + 2);
	CsJsonEach	each = CsJsonEachOf(array);
	CsLevelPart *levels;

	f->nlevels = JsonContainerSize(array);
	levels = palloc0(mul_size(f->nlevels, sizeof(CsLevelPart)));
	while (CsJsonNext(&each))
	{
		CsJsonReader level = CsJsonReadElement(r, "levels", &each, "level");

		ReadLevel(&level, f, &levels[each.at]);
	}
	return levels;
}

/* How missing values are imputed, and that it suits the kind and encoding. */
static void
ReadImpute(const CsJsonReader *r, CsFeature *f)
{
	bool		number_like = f->kind != CS_CATEGORICAL || f->encode == CS_ENCODE_ORDINAL;

	const CsImputeStep *impute;

	f->impute = ReadStep(r, "impute", CsImputes);
	impute = CsImputeAt(f->impute);
	if (number_like ? !impute->of_numbers : !impute->of_categories)
		CsJsonReject(r, "impute", "does not suit its kind");
	if (f->impute == CS_IMPUTE_KNN)
		f->neighbors = (int32) CsJsonReadInteger(r, "neighbors", 1, CS_MAX_NEIGHBORS);
	f->fill = NAN;
	if (impute->fill != NULL)
		f->fill = number_like ? CsJsonReadNumber(r, "fill") :
			CsJsonReadInteger(r, "fill", (int64) CS_UNSEEN_LEVEL, f->nlevels - 1);
}

/* The transform of numbers, and what it was fitted to; palloc'd. */
static double *
ReadTransform(const CsJsonReader *r, CsFeature *f)
{
	const CsTransform *transform;
	double	   *fitted = NULL;

	f->transform = ReadStep(r, "transform", CsTransforms);
	transform = CsTransformAt(f->transform);
	if (transform->most == 1 || transform->second != NULL)
	{
		fitted = palloc(sizeof(double) * 2);
		fitted[0] = CsJsonReadNumber(r, transform->key);
		f->nfitted = transform->most;
		if (transform->second != NULL)
			fitted[1] = CsJsonReadNumber(r, transform->second);
	}
	else if (transform->most > 1)
	{
		f->nfitted = JsonContainerSize(CsJsonReadArray(r, transform->key, 1, transform->most));
		fitted = palloc(mul_size(f->nfitted, sizeof(double)));
		CsJsonReadNumbers(r, transform->key, f->nfitted, fitted, 1);
	}
	if (transform->valid != NULL && !transform->valid(fitted, f->nfitted))
		CsJsonReject(r, transform->key, "is not what a fit gives");
	return fitted;
}

/* How numbers are clipped. */
static void
ReadClip(const CsJsonReader *r, CsFeature *f)
{
	CsJsonEach	limit;

	f->clip = ReadStep(r, "clip", CsClips);
	if (f->clip == CS_CLIP_NONE)
		return;
	limit = CsJsonEachOf(CsJsonReadArray(r, "limits", 2, 2));
	while (CsJsonNext(&limit))
	{
		if (limit.value.type != jbvNull &&
			!CsJsonGetNumber(&limit.value, limit.at == 0 ? &f->low : &f->high))
			CsJsonReject(r, "limits", "must be two numbers or nulls in order");
	}
	if (f->low > f->high)
		CsJsonReject(r, "limits", "must be two numbers or nulls in order");
}

/* How wide the vector is whose element a feature is; 0 of any other. */
static int
ReadVectorWidth(const CsJsonReader *r, const CsFeature *f)
{
	JsonbValue	value;
	int			length;
	int			element;

	if (!CsJsonReadMember(r, "vector_width", &value))
		return 0;
	if (f->kind != CS_NUMERIC || !CsElementName(NameStr(f->name), &length, &element))
		CsJsonReject(r, "vector_width", "does not suit the feature");
	return (int) CsJsonReadInteger(r, "vector_width", element, CS_MAX_VECTOR_WIDTH);
}

/* One feature; its levels and what its transform was fitted to are palloc'd. */
static void
ReadFeature(const CsJsonReader *r, CsFeature *f, CsLevelPart **levels, double **fitted)
{
	JsonbValue	value;

	memset(f, 0, sizeof(*f));
	f->low = -INFINITY;
	f->high = INFINITY;
	f->spread = 1;
	f->mean = NAN;
	CsJsonReadName(r, "name", &f->name);
	CsJsonReadName(r, "type", &f->type);
	f->kind = CsKindFromName(CsJsonReadText(r, "kind"));
	if (f->kind == CS_UNUSABLE)
		CsJsonReject(r, "kind", "is not known");
	f->is_coded = CsJsonReadMember(r, "coded", &value) && CsJsonReadBool(r, "coded");
	if (f->is_coded && f->kind != CS_CATEGORICAL)
		CsJsonReject(r, "coded", "does not suit the feature");
	f->vector_width = ReadVectorWidth(r, f);
	f->scale = CS_SCALE_NONE;
	if (f->kind == CS_CATEGORICAL)
	{
		f->encode = ReadStep(r, "encode", CsEncodes);
		if (f->encode == CS_ENCODE_ONEHOT)
			f->drop_first = CsJsonReadBool(r, "drop_first");
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
		f->center = CsJsonReadNumber(r, "center");
		f->spread = CsJsonReadNumber(r, "spread");
		if (f->spread <= 0)
			CsJsonReject(r, "spread", "must be above 0");
		if (CsJsonReadMember(r, "mean", &value))
			f->mean = CsJsonReadNumber(r, "mean");
	}
}

/* Components and what belongs to them, if there are any. */
static void
ReadPca(const CsJsonReader *pipeline, CsPipelineParts *parts, int nscaled)
{
	JsonbValue	value;
	CsJsonReader r;

	if (!CsJsonReadMember(pipeline, "pca", &value))
		return;
	r = CsJsonReadObject(pipeline, "pca", "pca");
	parts->ncomponents = JsonContainerSize(CsJsonReadArray(&r, "components", 1, nscaled));
	parts->pca_mean = palloc(mul_size(nscaled, sizeof(double)));
	CsJsonReadNumbers(&r, "mean", nscaled, parts->pca_mean, 1);
	parts->pca_variance = palloc(mul_size(parts->ncomponents, sizeof(double)));
	CsJsonReadNumbers(&r, "variance", parts->ncomponents, parts->pca_variance, 1);
	parts->pca_total_variance = CsJsonReadNumber(&r, "total_variance");
	parts->components = palloc(mul_size(mul_size(parts->ncomponents, nscaled), sizeof(double)));
	CsJsonReadRows(&r, "components", parts->ncomponents, nscaled, parts->components, nscaled, 1);
}

/* Donors, which must be there when a feature is filled from neighbours, and only then. */
static void
ReadDonors(const CsJsonReader *r, CsPipelineParts *parts, int nscaled)
{
	int			neighbors = 0;

	for (int i = 0; i < parts->nfeatures; i++)
		neighbors = Max(neighbors, parts->features[i].neighbors);
	if (neighbors == 0)
		return;
	parts->ndonors = JsonContainerSize(CsJsonReadArray(r, "donors", neighbors, CS_KNN_DONORS));
	parts->donors = palloc(mul_size(mul_size(parts->ndonors, nscaled), sizeof(double)));
	CsJsonReadRows(r, "donors", parts->ndonors, nscaled, parts->donors, 1, parts->ndonors);
}

/*
 * Read a pipeline from json; palloc'd.  Nothing is trusted: malformed input of any kind is an
 * error, ERRCODE_INVALID_TEXT_REPRESENTATION.
 */
CsPipeline *
CsPipelineFromJson(const CsJsonReader *r)
{
	CsPipelineParts parts = {0};
	JsonbContainer *features = CsJsonReadArray(r, "features", 1, CS_MAX_FEATURES);
	CsJsonEach	each = CsJsonEachOf(features);
	int			nscaled;

	parts.nfeatures = JsonContainerSize(features);
	parts.features = palloc0(mul_size(parts.nfeatures, sizeof(CsFeature)));
	parts.levels = palloc0(mul_size(parts.nfeatures, sizeof(CsLevelPart *)));
	parts.fitted = palloc0(mul_size(parts.nfeatures, sizeof(double *)));
	while (CsJsonNext(&each))
	{
		CsJsonReader feature = CsJsonReadElement(r, "features", &each, "feature");

		ReadFeature(&feature, &parts.features[each.at], &parts.levels[each.at],
					&parts.fitted[each.at]);
	}
	nscaled = CsPartsNumberOutputs(&parts);
	if (nscaled < 1 || nscaled > CS_MAX_OUTPUTS)
		CsJsonReject(r, "features", "make too few or too many columns");
	ReadPca(r, &parts, nscaled);
	ReadDonors(r, &parts, nscaled);
	return CsPipelineAssemble(&parts);
}
