/*
 * pipeline.c
 *	  A fitted pipeline as one flat value: putting it together, its columns' names, its levels.
 *
 * Layout: CsPipeline with its features, then the levels of all features, the numbers that their
 * transforms are fitted to, PCA's mean, variance and components, the donors, and last the levels'
 * texts.  Every part starts MAXALIGNed; bytes between them are zero, so equal pipelines are equal
 * byte by byte.
 */
#include "custseg.h"

#include "prep/internal.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/*
 * Give every feature its columns in the space before PCA, and every one-hot level its column.
 * Returns the number of columns.
 */
int
CsPartsNumberOutputs(CsPipelineParts *parts)
{
	int64		noutputs = 0;

	for (int i = 0; i < parts->nfeatures; i++)
	{
		CsFeature  *f = &parts->features[i];

		f->first_output = (int32) noutputs;
		f->noutputs = 1;
		if (!CsEncodesNumber(f->kind, f->encode))
		{
			int			dropped = f->drop_first ? 1 : 0;

			for (int l = 0; l < f->nlevels; l++)
				parts->levels[i][l].value = l - dropped;
			f->noutputs = Max(f->nlevels - dropped, 0);
		}
		noutputs += f->noutputs;
	}
	return (int) noutputs;
}

/* Reserve room for n things of a size; returns their offset. */
static Size
Reserve(Size *total, Size n, Size size)
{
	Size		offset = MAXALIGN(*total);

	*total = add_size(offset, mul_size(n, size));
	return offset;
}

/* Copy numbers to an offset; -0 becomes 0, which is how they read back from json. */
static void
CopyNumbers(CsPipeline *p, int32 offset, const double *from, Size n)
{
	double	   *to = CsPipelineAt(p, double, offset);

	for (Size i = 0; i < n; i++)
		to[i] = from[i] + 0.0;
}

/* The same for the numbers of a feature. */
static void
NormalizeZeros(CsFeature *f)
{
	f->fill += 0.0;
	f->low += 0.0;
	f->high += 0.0;
	f->center += 0.0;
	f->mean += 0.0;
}

/* Copy one feature's levels to their place and their texts to *text, which moves on. */
static void
CopyLevels(CsPipeline *p, CsFeature *f, const CsLevelPart *levels, char **text)
{
	CsLevel    *to = CsFeatureLevels(p, f);

	for (int l = 0; l < f->nlevels; l++)
	{
		to[l].is_other = levels[l].is_other;
		to[l].value = levels[l].value + 0.0;
		to[l].count = levels[l].count;
		if (levels[l].text != NULL)
		{
			Size		size = strlen(levels[l].text) + 1;

			memcpy(*text, levels[l].text, size);
			to[l].text = (int32) (*text - (char *) p);
			*text += size;
		}
	}
}

/* Put the parts together to a pipeline, palloc'd.  The outputs must have been numbered. */
CsPipeline *
CsPipelineAssemble(const CsPipelineParts *parts)
{
	CsPipeline *p;
	CsPipeline	head = {0};
	const CsFeature *last = &parts->features[parts->nfeatures - 1];
	Size		nscaled = last->first_output + last->noutputs;
	Size		total = add_size(offsetof(CsPipeline, feature),
								 mul_size(parts->nfeatures, sizeof(CsFeature)));
	Size		nlevels = 0,
				nfitted = 0,
				text_bytes = 0,
				level_offset,
				fitted_offset,
				text_offset;
	char	   *text;

	for (int i = 0; i < parts->nfeatures; i++)
	{
		nlevels += parts->features[i].nlevels;
		nfitted += parts->features[i].nfitted;
		for (int l = 0; l < parts->features[i].nlevels; l++)
		{
			if (parts->levels[i][l].text != NULL)
				text_bytes = add_size(text_bytes, strlen(parts->levels[i][l].text) + 1);
		}
	}
	head.nfeatures = parts->nfeatures;
	head.nscaled = (int32) nscaled;
	head.noutputs = parts->ncomponents > 0 ? parts->ncomponents : (int32) nscaled;
	head.ncomponents = parts->ncomponents;
	head.ndonors = parts->ndonors;
	head.pca_total_variance = parts->pca_total_variance;
	level_offset = Reserve(&total, nlevels, sizeof(CsLevel));
	fitted_offset = Reserve(&total, nfitted, sizeof(double));
	head.pca_mean_offset = Reserve(&total, parts->ncomponents > 0 ? nscaled : 0, sizeof(double));
	head.pca_variance_offset = Reserve(&total, parts->ncomponents, sizeof(double));
	head.pca_offset = Reserve(&total, mul_size(parts->ncomponents, nscaled), sizeof(double));
	head.donor_offset = Reserve(&total, mul_size(parts->ndonors, nscaled), sizeof(double));
	text_offset = Reserve(&total, text_bytes, 1);
	total = MAXALIGN(total);
	if (total > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("fitted preparation of %zu bytes is too large", total),
				 errhint("Use fewer features, shorter categories or fewer PCA components.")));
	head.size = (int32) total;

	p = palloc0(total);
	*p = head;
	memcpy(p->feature, parts->features, mul_size(parts->nfeatures, sizeof(CsFeature)));
	text = CsPipelineAt(p, char, text_offset);
	for (int i = 0; i < p->nfeatures; i++)
	{
		CsFeature  *f = &p->feature[i];

		NormalizeZeros(f);
		f->level_offset = (int32) level_offset;
		level_offset += f->nlevels * sizeof(CsLevel);
		CopyLevels(p, f, parts->levels[i], &text);
		f->fitted_offset = (int32) fitted_offset;
		fitted_offset += f->nfitted * sizeof(double);
		CopyNumbers(p, f->fitted_offset, parts->fitted[i], f->nfitted);
	}
	if (p->ncomponents > 0)
		CopyNumbers(p, p->pca_mean_offset, parts->pca_mean, nscaled);
	CopyNumbers(p, p->pca_variance_offset, parts->pca_variance, p->ncomponents);
	CopyNumbers(p, p->pca_offset, parts->components, p->ncomponents * nscaled);
	CopyNumbers(p, p->donor_offset, parts->donors, p->ndonors * nscaled);
	return p;
}

/* The raw value of a category's NULL. */
static double
LevelOfNull(const CsPipeline *p, const CsFeature *f)
{
	const CsLevel *levels = CsFeatureLevels(p, f);

	if (f->encode == CS_ENCODE_ORDINAL ||
		f->impute == CS_IMPUTE_SKIP || f->impute == CS_IMPUTE_ERROR)
		return NAN;
	if (!isnan(f->fill))
		return f->fill;
	for (int l = 0; l < f->nlevels; l++)
	{
		if (levels[l].text == 0)
			return l;
	}
	return CS_UNSEEN_LEVEL;
}

/*
 * The raw value of a category: the level number of a text, the level that stands for those beyond
 * CS_MAX_LEVELS, or CS_UNSEEN_LEVEL.
 *
 * For NULL (text is NULL) the value is the level that NULL is or becomes.  It is NaN where the
 * category is imputed like a number (ordinal), and where a row without the value cannot be placed.
 */
double
CsFeatureLevel(const CsPipeline *p, const CsFeature *f, const char *text, int length)
{
	const CsLevel *levels = CsFeatureLevels(p, f);
	double		other = CS_UNSEEN_LEVEL;

	if (text == NULL)
		return LevelOfNull(p, f);
	for (int l = 0; l < f->nlevels; l++)
	{
		const char *level = CsPipelineAt(p, const char, levels[l].text);

		if (levels[l].text == 0)
			continue;
		if (strlen(level) == length && memcmp(level, text, length) == 0)
			return l;
		if (levels[l].is_other)
			other = l;
	}
	return other;
}

/*
 * The name of a one-hot column, palloc'd: feature=level, feature=NULL for rows without a value.
 * What could be taken for another name is quoted, so that no two columns share one: a feature in
 * double quotes if it holds "=", a level in single quotes if it is the text NULL.
 */
static char *
LevelName(const char *feature, const char *level)
{
	bool		is_quoted = level != NULL && (strcmp(level, "NULL") == 0 || level[0] == '\'');

	return psprintf("%s=%s", strpbrk(feature, "=\"") != NULL ? quote_identifier(feature) : feature,
					level == NULL ? "NULL" : is_quoted ? quote_literal_cstr(level) : level);
}

/*
 * Names of the nscaled columns before PCA: feature, or LevelName() of a one-hot level; palloc'd.
 */
char **
CsPipelineScaledNames(const CsPipeline *p)
{
	char	  **names = palloc0(mul_size(Max(p->nscaled, 1), sizeof(char *)));

	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		const CsLevel *levels = CsFeatureLevels(p, f);

		if (CsEncodesNumber(f->kind, f->encode))
		{
			names[f->first_output] = pstrdup(NameStr(f->name));
			continue;
		}
		for (int l = 0; l < f->nlevels; l++)
		{
			if (levels[l].value >= 0)
				names[f->first_output + (int) levels[l].value] =
					LevelName(NameStr(f->name), levels[l].text == 0 ? NULL :
							  CsPipelineAt(p, const char, levels[l].text));
		}
	}
	return names;
}

/*
 * Can the model-space matrix take the raw one's place?  True when every feature is one number that
 * is scaled affinely (no clip, no transform, no category, no PCA): x * spread + center is then the
 * raw value again.
 */
bool
CsPipelineInPlace(const CsPipeline *p)
{
	if (p->ncomponents > 0)
		return false;
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];

		if (f->kind == CS_CATEGORICAL || f->clip != CS_CLIP_NONE ||
			f->transform != CS_TRANSFORM_NONE)
			return false;
	}
	return true;
}
