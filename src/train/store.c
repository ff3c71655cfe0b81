/*
 * store.c
 *	  Writes a finished training as rows of the catalogue.
 *
 * Everything is written in the caller's transaction and under the model's lock, after the model is
 * complete.  The version's number is taken by one statement that either makes the model or counts
 * it up, so two trainings of a new model become versions 1 and 2; under REPEATABLE READ the second
 * gets a serialization failure instead.
 *
 * json is composed as text and read by jsonb's own input function: numbers keep every bit, because
 * they are written in their shortest exact form and jsonb holds them as numeric.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "life/life.h"
#include "miscadmin.h"
#include "train/train.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

static const char *const next_version_sql =
"INSERT INTO custseg.model AS m (name, owner, last_version) VALUES ($1, $2, 1) "
"ON CONFLICT (name) DO UPDATE SET last_version = m.last_version OPERATOR(pg_catalog.+) 1,"
" changed_at = pg_catalog.clock_timestamp() "
"RETURNING m.last_version";

static const char *const insert_version_sql =
"INSERT INTO custseg.model_version (model, version, algorithm, source, search_path, id, id_types, n_rows, n_skipped,"
" skipped, n_segments, prep, reduction, donors, options, parameters, note, seed, metrics,"
" iterations, converged, milliseconds, trained_by, server_version, extension_version) "
"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,"
" $20, $21, $22, $23, $24, $25)";

static const char *const insert_feature_sql =
"INSERT INTO custseg.feature (model, version, position, name, type, kind, prep, outputs, n,"
" n_null, mean, standard_deviation, minimum, maximum, quantiles, levels, level_counts) "
"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

static const char *const insert_segment_sql =
"INSERT INTO custseg.segment (model, version, segment, name, description, rank, n, share,"
" mean_distance, spread, center, profile, profile_values) "
"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/* Part of the inertia that the segments explain; NaN where all rows are the same, or some noise. */
static double
BetweenShare(const CsTraining *t)
{
	const CsFitOutput *fit = &t->fit;

	if (!(fit->total > 0) || t->algorithm->has_noise)
		return NAN;
	return fit->k == 1 ? 0 : Max(1 - fit->inertia / fit->total, 0);
}

/* The measures of a version. */
static Jsonb *
Metrics(const CsTraining *t)
{
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	CsJsonNumber(&json, "inertia", t->fit.inertia);
	CsJsonNumber(&json, "silhouette", t->silhouette);
	CsJsonNumber(&json, "silhouette_deviation", t->silhouette_deviation);
	CsJsonNumber(&json, "silhouette_sample", (double) t->silhouette_rows);
	CsJsonNumber(&json, "mean_distance", t->mean_distance);
	CsJsonNumber(&json, "between_share", BetweenShare(t));
	for (int i = 0; i < t->fit.nmetrics; i++)
		CsJsonNumber(&json, t->fit.metrics[i].name, t->fit.metrics[i].value);
	if (t->structure.rating != CS_STRUCTURE_UNKNOWN)
	{
		CsJsonObject(&json, "structure");
		CsJsonText(&json, "rating", CsStructureName(t->structure.rating));
		CsJsonNumber(&json, "p_value", t->structure.p);
		CsJsonText(&json, "reason", CsStructureSentence(&t->structure));
		(void) CsJsonEnd(&json);
	}
	CsJsonNumber(&json, "read_milliseconds", t->read_milliseconds);
	CsJsonNumber(&json, "prepare_milliseconds", t->prepare_milliseconds);
	CsJsonNumber(&json, "fit_milliseconds", t->fit_milliseconds);
	return CsJsonFinish(&json);
}

/*
 * The number of each of the algorithm's segments, and in their order which of them each segment
 * is; noise left out.  Both palloc'd.
 */
static void
ListSegments(const CsTraining *t, int **number, int **order)
{
	int			n = 0;

	*number = palloc(sizeof(int) * Max(t->fit.k, 1));
	*order = palloc(sizeof(int) * Max(t->fit.k, 1));
	for (int i = 0; i < t->nsegments; i++)
	{
		if (t->segments[i].index == t->fit.k)
			continue;
		(*number)[t->segments[i].index] = t->segments[i].segment;
		(*order)[n++] = t->segments[i].index;
	}
}

/* What scoring needs beside centres, NULL when it needs no more. */
static Jsonb *
Parameters(const CsTraining *t)
{
	const CsAlgorithm *algorithm = t->algorithm;
	JsonbParseState *json = NULL;
	int		   *number;
	int		   *order;

	if (algorithm->nparameters == 0)
		return NULL;
	ListSegments(t, &number, &order);
	CsJsonObject(&json, NULL);
	for (int i = 0; i < algorithm->nparameters; i++)
		CsPushParameter(&json, &algorithm->parameters[i], &t->fit.parameters[i], number, order);
	return CsJsonFinish(&json);
}

/* A member of a json object, NULL when it is not there or null. */
static Jsonb *
Member(Jsonb *object, const char *key)
{
	JsonbValue	value;

	return !CsJsonFind(&object->root, key, &value) || value.type == jbvNull ? NULL :
		JsonbValueToJsonb(&value);
}

/* An array of n float8. */
static ArrayType *
DoubleArray(const double *values, int n)
{
	Datum	   *elements = palloc_extended(sizeof(Datum) * Max(n, 1), MCXT_ALLOC_HUGE);
	ArrayType  *array;

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(values[i]);
	array = construct_array(elements, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
							TYPALIGN_DOUBLE);
	pfree(elements);
	return array;
}

/* An array of n texts; a NULL string is a NULL element. */
static ArrayType *
TextArray(char *const *values, int n)
{
	Datum	   *elements = palloc0(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc0(sizeof(bool) * Max(n, 1));
	int			first = 1;

	for (int i = 0; i < n; i++)
	{
		nulls[i] = values[i] == NULL;
		if (!nulls[i])
			elements[i] = CStringGetTextDatum(values[i]);
	}
	if (n == 0)
		return construct_empty_array(TEXTOID);
	return construct_md_array(elements, nulls, 1, &n, &first, TEXTOID, -1, false,
							  TYPALIGN_INT);
}

/* An array of n bigints. */
static ArrayType *
CountArray(const int64 *values, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(values[i]);
	return construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
						   TYPALIGN_DOUBLE);
}

/* Take the next version of the model, making it if need be, and check that the caller owns it. */
static void
TakeVersion(CsTraining *t)
{
	CsValue		arguments[2];
	bool		isnull;

	CsModelLock(t->model);
	arguments[0] = CsValueText(t->model);
	arguments[1] = CsValueName(CsCallerName());
	if (CsCatalogExecute(next_version_sql, arguments, lengthof(arguments), false) != 1)
		elog(ERROR, "no version was taken for model \"%s\"", t->model);
	t->version = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
											 &isnull));

	/* Another role may have made the model since the training began. */
	CsModelCheckOwner(t->model);
	/* A new model begins without what may be left of an older one of its name. */
	if (t->version == 1)
		CsModelClear(t->model, 0);
}

/* The row of the version itself. */
static void
StoreVersion(const CsTraining *t)
{
	Jsonb	   *pipeline = NULL;
	const CsRelation *relation = t->relation;
	CsValue		arguments[25];
	int			i = 0;

	if (t->pipeline->ncomponents > 0 || t->pipeline->ndonors > 0)
		pipeline = CsPipelineToJsonb(t->pipeline);
	arguments[i++] = CsValueText(t->model);
	arguments[i++] = CsValueInt4(t->version);
	arguments[i++] = CsValueText(t->algorithm->name);
	/* A relation by its full name: the search_path of who reads it later may be another. */
	arguments[i++] = CsValueText(OidIsValid(relation->relid) ? relation->from_item : relation->source);
	arguments[i++] = CsValueText(relation->search_path != NULL ? relation->search_path : CsSearchPath());
	arguments[i++] = CsValueText(t->id);
	arguments[i++] = CsValueArray(TEXTARRAYOID, t->id == NULL ? NULL :
								  CsIdentityTypes(CsRelationIdColumns(relation, t->id, false)));
	arguments[i++] = CsValueInt8(t->nrows);
	arguments[i++] = CsValueInt8(t->n_skipped);
	arguments[i++] = CsValueJsonb(t->skipped);
	arguments[i++] = CsValueInt4(t->fit.k);
	arguments[i++] = CsValueJsonb(CsPrepToJsonb(t->prep, t->features));
	arguments[i++] = CsValueJsonb(pipeline == NULL ? NULL : Member(pipeline, "pca"));
	arguments[i++] = CsValueJsonb(pipeline == NULL ? NULL : Member(pipeline, "donors"));
	arguments[i++] = CsValueJsonb(CsOptionsToJsonb(t->algorithm->options, t->algorithm->noptions,
												 t->options));
	arguments[i++] = CsValueJsonb(Parameters(t));
	arguments[i++] = CsValueText(t->fit.note);
	arguments[i++] = CsValueInt8(t->common->seed);
	arguments[i++] = CsValueJsonb(Metrics(t));
	arguments[i++] = CsValueInt4(t->fit.iterations);
	arguments[i++] = CsValueBool(t->fit.converged);
	arguments[i++] = CsValueFloat8(t->milliseconds);
	arguments[i++] = CsValueName(CsCallerName());
	arguments[i++] = CsValueText(GetConfigOption("server_version", false, false));
	arguments[i++] = CsValueText(CUSTSEG_VERSION);
	CsCatalogExecute(insert_version_sql, arguments, i, false);
}

/* The row of one feature: its fitted preparation and its baseline. */
static void
StoreFeature(const CsTraining *t, int feature, char **scaled_names)
{
	const CsFeature *f = &t->pipeline->feature[feature];
	const CsBaseline *b = &t->baselines[feature];
	bool		categorical = f->kind == CS_CATEGORICAL;
	CsValue		arguments[17];
	int			i = 0;

	arguments[i++] = CsValueText(t->model);
	arguments[i++] = CsValueInt4(t->version);
	arguments[i++] = CsValueInt4(feature + 1);
	arguments[i++] = CsValueText(NameStr(f->name));
	arguments[i++] = CsValueText(NameStr(f->type));
	arguments[i++] = CsValueText(CsKindName((CsKind) f->kind));
	arguments[i++] = CsValueJsonb(CsFeatureToJsonb(t->pipeline, feature));
	arguments[i++] = CsValueArray(TEXTARRAYOID,
								TextArray(scaled_names + f->first_output, f->noutputs));
	arguments[i++] = CsValueInt8(b->n);
	arguments[i++] = CsValueInt8(b->n_null);
	arguments[i++] = CsValueFloat8(categorical ? NAN : b->mean);
	arguments[i++] = CsValueFloat8(categorical ? NAN : b->sd);
	arguments[i++] = CsValueFloat8(categorical ? NAN : b->minimum);
	arguments[i++] = CsValueFloat8(categorical ? NAN : b->maximum);
	arguments[i++] = CsValueArray(FLOAT8ARRAYOID,
								categorical ? NULL : DoubleArray(b->quantiles, b->nquantiles));
	arguments[i++] = CsValueArray(TEXTARRAYOID,
								categorical ? TextArray(b->levels, b->nlevels) : NULL);
	arguments[i++] = CsValueArray(INT8ARRAYOID,
								categorical ? CountArray(b->level_counts, b->nlevels) : NULL);
	CsCatalogExecute(insert_feature_sql, arguments, i, false);
}

/* The row of one segment. */
static void
StoreSegment(const CsTraining *t, const CsSegmentRow *segment)
{
	CsValue		arguments[13];
	int			i = 0;

	arguments[i++] = CsValueText(t->model);
	arguments[i++] = CsValueInt4(t->version);
	arguments[i++] = CsValueInt4(segment->segment);
	arguments[i++] = CsValueText(segment->name);
	arguments[i++] = CsValueText(segment->description);
	arguments[i] = CsValueInt4(segment->rank);
	arguments[i++].isnull = segment->rank == 0;
	arguments[i++] = CsValueInt8(segment->n);
	arguments[i++] = CsValueFloat8(segment->share);
	arguments[i++] = CsValueFloat8(segment->mean_distance);
	arguments[i++] = CsValueFloat8(segment->spread);
	arguments[i++] = CsValueArray(FLOAT8ARRAYOID,
								DoubleArray(segment->center, t->matrix->ncolumns));
	arguments[i++] = CsValueJsonb(CsProfileToJsonb(t->pipeline, segment->profile));
	arguments[i++] = CsValueArray(FLOAT8ARRAYOID, DoubleArray(segment->profile, t->nprofile));
	CsCatalogExecute(insert_segment_sql, arguments, i, false);
}

/* Write the new version, and deploy it if that was asked for or if it is the first. */
void
CsStoreTraining(CsTraining *t)
{
	char	  **scaled_names = CsPipelineScaledNames(t->pipeline);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "custseg stored row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;

	SPI_connect();
	TakeVersion(t);
	StoreVersion(t);
	old = MemoryContextSwitchTo(row_context);
	for (int i = 0; i < t->nfeatures; i++)
	{
		CHECK_FOR_INTERRUPTS();
		StoreFeature(t, i, scaled_names);
		MemoryContextReset(row_context);
	}
	for (int i = 0; i < t->nsegments; i++)
	{
		CHECK_FOR_INTERRUPTS();
		StoreSegment(t, &t->segments[i]);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	t->deployed = t->deploy == CS_DEPLOY_YES ||
		(t->deploy == CS_DEPLOY_FIRST && t->version == 1);
	if (t->deployed)
		CsDeployVersion(t->model, t->version, "trained");
	SPI_finish();
}
