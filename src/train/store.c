/*
 * store.c
 *	  Writes a finished training of segments as rows of the catalogue (see life/store.c).
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
#include "utils/guc.h"
#include "utils/memutils.h"

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

/* What scoring needs beside centres. */
static CsStoredParameters
Parameters(const CsTraining *t)
{
	const CsAlgorithm *algorithm = t->algorithm;
	CsStoredParameters stored = {0};
	JsonbParseState *json = NULL;
	int		   *number;
	int		   *order;

	if (algorithm->nparameters == 0)
		return stored;
	ListSegments(t, &number, &order);
	CsJsonObject(&json, NULL);
	for (int i = 0; i < algorithm->nparameters; i++)
	{
		const CsParameterInfo *info = &algorithm->parameters[i];
		const CsParameter *p = &t->fit.parameters[i];

		if (!info->is_points)
			CsPushParameter(&json, info, p, number, order);
		else
			CsPointsTake(&stored, info, p, number);
		if (info->is_points && info->kind != CS_PARAMETER_LABELS)
			stored.point_places = CsPointsPlacesArray(t->fit.point_places, t->fit.npoint_places);
	}
	stored.json = CsJsonFinish(&json);
	return stored;
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

/* What a version of whatever kind has of its training: source, rows, preparation. */
void
CsDescribeVersion(const CsTraining *t, CsNewVersion *v)
{
	v->relation = t->relation;
	v->within = t->within;
	v->id = t->id;
	v->n_rows = t->nrows;
	v->n_skipped = t->n_skipped;
	v->skipped = t->skipped;
	v->prep = CsPrepToJsonb(t->prep, t->features);
	v->seed = t->common->seed;
	if (t->pipeline->ncomponents > 0 || t->pipeline->ndonors > 0)
	{
		Jsonb	   *pipeline = CsPipelineToJsonb(t->pipeline);

		v->reduction = Member(pipeline, "pca");
		v->donors = Member(pipeline, "donors");
	}
}

/* The version itself. */
static CsNewVersion
NewVersion(const CsTraining *t)
{
	CsNewVersion v = {.model = t->model, .kind = CS_MODEL_SEGMENTS, .deploy = t->deploy};

	CsDescribeVersion(t, &v);
	v.algorithm = t->algorithm->name;
	v.n_segments = t->fit.k;
	v.options = CsOptionsToJsonb(t->algorithm->options, t->algorithm->noptions, t->options);
	v.parameters = Parameters(t);
	v.note = t->fit.note;
	v.metrics = Metrics(t);
	v.diagnostics = CsTrainingDiagnostics(t);
	v.iterations = t->fit.iterations;
	v.converged = t->fit.converged;
	v.milliseconds = t->milliseconds;
	return v;
}

/* The row of one feature: its fitted preparation and its baseline. */
static void
StoreFeature(const CsNewVersion *v, const CsPipeline *pipeline, const CsBaseline *b, int feature,
			 char **scaled_names)
{
	const CsFeature *f = &pipeline->feature[feature];
	bool		categorical = f->kind == CS_CATEGORICAL;
	CsValue		arguments[17];
	int			i = 0;

	arguments[i++] = CsValueText(v->model);
	arguments[i++] = CsValueInt4(v->version);
	arguments[i++] = CsValueInt4(feature + 1);
	arguments[i++] = CsValueText(NameStr(f->name));
	arguments[i++] = CsValueText(NameStr(f->type));
	arguments[i++] = CsValueText(CsKindName((CsKind) f->kind));
	arguments[i++] = CsValueJsonb(CsFeatureToJsonb(pipeline, feature));
	arguments[i++] = CsValueTexts((const char *const *) scaled_names + f->first_output, f->noutputs);
	arguments[i++] = CsValueInt8(b->n);
	arguments[i++] = CsValueInt8(b->n_null);
	arguments[i++] = CsValueFloat8(categorical ? NAN : b->mean);
	arguments[i++] = CsValueFloat8(categorical ? NAN : b->sd);
	arguments[i++] = CsValueFloat8(categorical ? NAN : b->minimum);
	arguments[i++] = CsValueFloat8(categorical ? NAN : b->maximum);
	arguments[i++] = CsValueArray(FLOAT8ARRAYOID,
								categorical ? NULL : DoubleArray(b->quantiles, b->nquantiles));
	arguments[i++] = categorical ? CsValueTexts((const char *const *) b->levels, b->nlevels) :
		CsValueNull(TEXTARRAYOID);
	arguments[i++] = CsValueArray(INT8ARRAYOID,
								categorical ? CountArray(b->level_counts, b->nlevels) : NULL);
	CsCatalogExecute(insert_feature_sql, arguments, i, false);
}

/* The rows of the features of a version that is being stored.  Must be called inside SPI. */
void
CsStoreFeatures(const CsNewVersion *v, const CsPipeline *pipeline, const CsBaseline *baselines)
{
	char	  **scaled_names = CsPipelineScaledNames(pipeline);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "custseg stored row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(row_context);

	for (int i = 0; i < pipeline->nfeatures; i++)
	{
		CHECK_FOR_INTERRUPTS();
		StoreFeature(v, pipeline, &baselines[i], i, scaled_names);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);
}

/* The row of one segment. */
static void
StoreSegment(const CsTraining *t, const CsSegmentRow *segment)
{
	CsValue		arguments[13];
	int			i = 0;

	arguments[i++] = CsValueText(t->model);
	arguments[i++] = CsValueInt4(t->stored.version);
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
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "custseg stored row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;

	SPI_connect();
	t->stored = NewVersion(t);
	CsVersionBegin(&t->stored);
	CsStoreFeatures(&t->stored, t->pipeline, t->baselines);
	old = MemoryContextSwitchTo(row_context);
	for (int i = 0; i < t->nsegments; i++)
	{
		CHECK_FOR_INTERRUPTS();
		StoreSegment(t, &t->segments[i]);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	CsVersionEnd(&t->stored);
	SPI_finish();
}
