/*
 * difference.c
 *	  What a training does otherwise than that of the deployed version, though it was not asked to.
 *
 * Arguments that are left out have their defaults, also where a version was trained with others.
 * Who trains once more easily forgets that; so one NOTICE tells, and names retrain(), which forgets none.
 * An algorithm that changes is told in any case: what scores and distances mean changes with it.
 */
#include "custseg.h"

#include "train/choice.h"
#include "train/train.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#define SAMPLE_OPTION "silhouette_sample"

static const char *const training_sql =
"SELECT v.version, v.algorithm, v.id, v.prep, v.options,"
" (SELECT pg_catalog.jsonb_object_agg(f.name, f.kind) FROM custseg.feature AS f"
"  WHERE f.model OPERATOR(pg_catalog.=) v.model AND f.version OPERATOR(pg_catalog.=) v.version) "
"FROM custseg.model_version AS v "
"JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) v.model"
" AND m.deployed_version OPERATOR(pg_catalog.=) v.version "
"WHERE v.model OPERATOR(pg_catalog.=) $1";

/* How the deployed version was trained; version 0: there is none. */
typedef struct Deployed
{
	int			version;
	char	   *algorithm;
	char	   *id;				/* or NULL */
	Jsonb	   *prep;
	Jsonb	   *options;
	Jsonb	   *kinds;			/* of its features, by name */
} Deployed;

/* CsCatalogVisitor: the row. */
static void
TakeDeployed(void *state, const CsCatalogRow *row)
{
	Deployed   *was = state;

	was->version = CsRowInt4(row, 1, 0);
	was->algorithm = CsRowText(row, 2);
	was->id = CsRowText(row, 3);
	was->prep = CsRowJsonb(row, 4);
	was->options = CsRowJsonb(row, 5);
	was->kinds = CsRowJsonb(row, 6);
}

/* Are the values of a key the same in two objects, or in neither? */
static bool
IsSameMember(JsonbContainer *a, JsonbContainer *b, const char *key)
{
	JsonbValue	x;
	JsonbValue	y;
	bool		has = CsJsonFind(a, key, &x);

	if (has != CsJsonFind(b, key, &y))
		return false;
	return !has || compareJsonbContainers(&JsonbValueToJsonb(&x)->root, &JsonbValueToJsonb(&y)->root) == 0;
}

/* Was the feature there before, and of the same kind? */
static bool
WasSameFeature(const Deployed *was, const CsColumn *feature)
{
	JsonbValue	value;

	return CsJsonFind(&was->kinds->root, NameStr(feature->name), &value) &&
		CsJsonIsText(&value, CsKindName(feature->converter.kind));
}

/* Does the preparation, for which nothing was asked, differ for a feature that was there before? */
static bool
PrepDiffers(const CsTraining *t, const Deployed *was)
{
	Jsonb	   *prep = CsPrepToJsonb(t->prep, t->features);
	JsonbContainer *now = CsJsonFindObject(&prep->root, "columns");
	JsonbContainer *then = CsJsonFindObject(&was->prep->root, "columns");

	if (!IsSameMember(&prep->root, &was->prep->root, "pca"))
		return true;
	if (now == NULL || then == NULL)
		return false;
	for (int i = 0; i < t->nfeatures; i++)
		if (WasSameFeature(was, &t->features[i]) &&
			!IsSameMember(now, then, NameStr(t->features[i].name)))
			return true;
	return false;
}

/*
 * Is the number of rows that silhouettes are computed on one that a training takes unasked?  There are
 * two: that of the algorithm, and that of a training which chooses the number of segments.
 */
static bool
WasDefaultSample(const CsAlgorithm *algorithm, JsonbContainer *options)
{
	JsonbValue	was;
	double		rows;

	if (!CsJsonFind(options, SAMPLE_OPTION, &was) || was.type != jbvNumeric)
		return false;
	rows = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(was.val.numeric)));
	for (int i = 0; i < algorithm->noptions; i++)
		if (strcmp(algorithm->options[i].name, SAMPLE_OPTION) == 0 && rows == algorithm->options[i].boot)
			return true;
	return rows == CS_JUDGED_ROWS;
}

/* Options of the same algorithm that the request leaves out and that were not the default. */
static void
AddOptions(const CsTraining *t, const CsRequest *request, const Deployed *was, StringInfo difference)
{
	Jsonb	   *now = CsOptionsToJsonb(t->algorithm->options, t->algorithm->noptions, t->options);
	CsJsonEach	each = CsJsonEachOf(&now->root);
	StringInfoData lost;
	JsonbValue	value;

	initStringInfo(&lost);
	while (CsJsonNext(&each))
	{
		char	   *name = CsJsonString(&each.key);

		if ((request->asked == NULL || !CsJsonFind(&request->asked->root, name, &value)) &&
			!IsSameMember(&now->root, &was->options->root, name) &&
			!(strcmp(name, SAMPLE_OPTION) == 0 && WasDefaultSample(t->algorithm, &was->options->root)))
			CsAppendName(&lost, name);
	}
	if (lost.len > 0)
		appendStringInfo(difference, " These options are the default, and were not: %s.", lost.data);
}

/* Features that were chosen and were not there before: one of them may well be the segment written back. */
static void
AddNewFeatures(const CsTraining *t, const Deployed *was, StringInfo difference)
{
	StringInfoData added;
	JsonbValue	kind;

	initStringInfo(&added);
	for (int i = 0; i < t->nfeatures; i++)
		if (!CsJsonFind(&was->kinds->root, NameStr(t->features[i].name), &kind))
			CsAppendName(&added, NameStr(t->features[i].name));
	if (added.len > 0)
		appendStringInfo(difference, " New features are %s.", added.data);
}

/* Features that were there before and were not chosen. */
static void
AddLostFeatures(const CsTraining *t, const Deployed *was, StringInfo difference)
{
	CsJsonEach	each = CsJsonEachOf(&was->kinds->root);
	StringInfoData lost;

	initStringInfo(&lost);
	while (CsJsonNext(&each))
	{
		char	   *name = CsJsonString(&each.key);
		int			i = 0;

		while (i < t->nfeatures && strcmp(NameStr(t->features[i].name), name) != 0)
			i++;
		if (i == t->nfeatures)
			CsAppendName(&lost, name);
	}
	if (lost.len > 0)
		appendStringInfo(difference, " No longer features are %s.", lost.data);
}

/* The id, for which nothing was asked. */
static void
AddId(const CsTraining *t, const Deployed *was, StringInfo difference)
{
	if (was->id == NULL || (t->id != NULL && strcmp(t->id, was->id) == 0))
		return;
	if (t->id == NULL)
		appendStringInfo(difference, " There is no id; it was \"%s\".", was->id);
	else
		appendStringInfo(difference, " The id is \"%s\"; it was \"%s\".", t->id, was->id);
}

/* Is nothing asked of the preparation? */
static bool
IsDefault(const Jsonb *prep)
{
	return prep == NULL || (JB_ROOT_IS_OBJECT(prep) && JB_ROOT_COUNT(prep) == 0);
}

/*
 * Tell how a training, whose rows have been read, differs from that of the model's deployed version where
 * the request leaves it open, and whether the algorithm is another one.
 */
void
CsTellDifference(const CsTraining *t, const CsRequest *request)
{
	Deployed	was = {0};
	const CsAlgorithm *algorithm;
	StringInfoData difference;

	if (CsCatalogRead(training_sql, CsValues(CsValueText(t->model)), TakeDeployed, &was) == 0)
		return;
	initStringInfo(&difference);
	algorithm = CsAlgorithmLookup(was.algorithm);
	if (algorithm != t->algorithm)
		appendStringInfo(&difference, " The algorithm is %s; it was %s.", t->algorithm->name, was.algorithm);
	if (IsDefault(request->prep) && algorithm != NULL && algorithm->prep == t->algorithm->prep &&
		PrepDiffers(t, &was))
		appendStringInfoString(&difference, " The preparation is the default, and was not.");
	if (algorithm == t->algorithm)
		AddOptions(t, request, &was, &difference);
	if (request->id == NULL)
		AddId(t, &was, &difference);
	if (t->choose_features)
	{
		AddNewFeatures(t, &was, &difference);
		AddLostFeatures(t, &was, &difference);
	}
	if (difference.len > 0)
		ereport(NOTICE,
				(errmsg("the training differs from that of version %d of model \"%s\", which is deployed",
						was.version, t->model),
				 errdetail_internal("%s", difference.data + 1),
				 errhint("custseg.retrain(%s) trains with all arguments of that version.",
						 quote_literal_cstr(t->model))));
}
