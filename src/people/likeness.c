/*
 * likeness.c
 *	  What two customers share, and in what they differ: their features, one by one, in words.
 *
 * Two customers share a number when no more than a tenth of the customers of the training are as close to the
 * one as the other is, and differ in it when half of them are; that holds whatever the unit and the shape of
 * the column.  They share a category when they have the same level, and otherwise differ in it.  Values that are
 * missing, levels that training has not seen and elements of vectors say nothing.
 */
#include "custseg.h"

#include <math.h>

#include "people/people.h"
#include "profile/words.h"
#include "stat/closeness.h"

/* Shares of customers who are as close, up to which a number is shared, and from which it differs. */
#define CLOSE_SHARE 0.1
#define FAR_SHARE 0.5

/* Features of a kind that a sentence names. */
#define MAX_NAMED 3

/* Does a value say which level of a category it is? */
static bool
IsKnownLevel(const CsPipeline *p, const CsFeature *f, double raw)
{
	const CsLevel *level;

	if (isnan(raw) || raw < 0)
		return false;
	level = &CsFeatureLevels(p, f)[(int) raw];
	return level->text != 0 && !level->is_other;
}

/* The share of the training's customers who have a level. */
static double
ShareOfLevel(const CsPipeline *p, const CsFeature *f, double raw)
{
	const CsLevel *levels = CsFeatureLevels(p, f);
	double		rows = 0;

	for (int i = 0; i < f->nlevels; i++)
		rows += (double) levels[i].count;
	return rows > 0 ? (double) levels[(int) raw].count / rows : 0;
}

/*
 * The share of customers who are as close in a feature to the one as the other is; 1 for another level of a
 * category; NaN when nothing can be said.
 */
static double
ShareAsClose(const CsPipeline *p, const CsFeature *f, const CsBaseline *baseline, double one, double other)
{
	if (f->vector_width > 0)
		return NAN;
	if (f->kind != CS_CATEGORICAL)
		return isfinite(one) && isfinite(other) ?
			CsShareWithin(baseline->quantiles, baseline->nquantiles, one, fabs(one - other)) : NAN;
	if (!IsKnownLevel(p, f, one) || !IsKnownLevel(p, f, other))
		return NAN;
	return one == other ? ShareOfLevel(p, f, one) : 1;
}

/* By share; equal ones in the order of the features. */
static int
CompareShared(const void *a, const void *b)
{
	const CsTrait *left = a;
	const CsTrait *right = b;

	if (left->share != right->share)
		return left->share < right->share ? -1 : 1;
	return left->feature - right->feature;
}

/* The other way round, but equal ones likewise. */
static int
CompareDifferent(const void *a, const void *b)
{
	const CsTrait *left = a;
	const CsTrait *right = b;

	if (left->share != right->share)
		return left->share > right->share ? -1 : 1;
	return left->feature - right->feature;
}

/* What two customers, whose raw values are given, share, and in what they differ; palloc'd. */
CsLikeness
CsLikenessOf(const CsPipeline *p, const CsBaseline *baselines, const double *one, const double *other)
{
	CsLikeness	likeness = {0};

	likeness.shared = palloc(sizeof(CsTrait) * p->nfeatures);
	likeness.different = palloc(sizeof(CsTrait) * p->nfeatures);
	for (int i = 0; i < p->nfeatures; i++)
	{
		CsTrait		trait = {i, ShareAsClose(p, &p->feature[i], &baselines[i], one[i], other[i])};

		if (isnan(trait.share))
			continue;
		if (one[i] == other[i] || trait.share <= CLOSE_SHARE)
			likeness.shared[likeness.nshared++] = trait;
		else if (trait.share >= FAR_SHARE)
			likeness.different[likeness.ndifferent++] = trait;
	}
	qsort(likeness.shared, likeness.nshared, sizeof(CsTrait), CompareShared);
	qsort(likeness.different, likeness.ndifferent, sizeof(CsTrait), CompareDifferent);
	return likeness;
}

/* The names of features as an array. */
CsValue
CsLikenessNames(const CsPipeline *p, const CsTrait *traits, int n)
{
	const char **names = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
		names[i] = NameStr(p->feature[traits[i].feature].name);
	return CsValueTexts(names, n);
}

/* A value of a feature in words; palloc'd. */
static char *
ValueWords(const CsPipeline *p, const CsFeature *f, double raw)
{
	if (f->kind == CS_CATEGORICAL)
		return CsWordsText(CsPipelineAt(p, char, CsFeatureLevels(p, f)[(int) raw].text));
	if (f->kind == CS_BOOLEAN)
		return pstrdup(raw != 0 ? "true" : "false");
	return CsWordsOfNumber(f, raw);
}

/* "recency (12 against 10)", "channel (web)". */
static void
PutTrait(StringInfo sentence, const CsPipeline *p, int feature, double one, double other)
{
	const CsFeature *f = &p->feature[feature];
	char	   *own = ValueWords(p, f, other);
	char	   *asked = ValueWords(p, f, one);

	appendStringInfo(sentence, "%s (%s", CsWordsName(NameStr(f->name)), own);
	if (strcmp(own, asked) != 0)
		appendStringInfo(sentence, " against %s", asked);
	appendStringInfoChar(sentence, ')');
}

/* The first few features, in a list. */
static void
PutTraits(StringInfo sentence, const CsPipeline *p, const CsTrait *traits, int n, const double *one,
		  const double *other)
{
	n = Min(n, MAX_NAMED);
	for (int i = 0; i < n; i++)
	{
		int			feature = traits[i].feature;

		appendStringInfoString(sentence, CsWordsLink(i, n));
		PutTrait(sentence, p, feature, one[feature], other[feature]);
	}
}

/* The values of features in a list: "recency (12), channel (web) and frequency (5)"; palloc'd. */
char *
CsLikenessValues(const CsPipeline *p, const CsTrait *traits, int n, const double *raw)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
	{
		const CsFeature *f = &p->feature[traits[i].feature];
		double		value = raw[traits[i].feature];
		bool		is_known = f->kind == CS_CATEGORICAL ? IsKnownLevel(p, f, value) : isfinite(value);

		appendStringInfo(&list, "%s%s (%s)", CsWordsLink(i, n), CsWordsName(NameStr(f->name)),
						 is_known ? ValueWords(p, f, value) : "missing");
	}
	return list.data;
}

/* A sentence about the other customer; what is against a value is that of the one.  Palloc'd. */
char *
CsLikenessReason(const CsPipeline *p, const CsLikeness *likeness, const double *one, const double *other)
{
	StringInfoData sentence;

	initStringInfo(&sentence);
	appendStringInfoString(&sentence, "This customer shares ");
	if (likeness->nshared == 0)
		appendStringInfoString(&sentence, "no feature");
	PutTraits(&sentence, p, likeness->shared, likeness->nshared, one, other);
	if (likeness->ndifferent == 0)
		appendStringInfoString(&sentence, ", and differs clearly in none");
	else
		appendStringInfoString(&sentence, ", and differs in ");
	PutTraits(&sentence, p, likeness->different, likeness->ndifferent, one, other);
	appendStringInfoChar(&sentence, '.');
	return sentence.data;
}
