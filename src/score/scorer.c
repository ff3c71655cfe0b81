/*
 * scorer.c
 *	  A fitted version of a model compiled to one flat value, and the placing of one customer.
 *
 * A scorer holds all that scoring needs: the pipeline, the centres, and what segments are called
 * and look like.  It is the SQL type custseg.compiled_model, so it can be a constant of a
 * distributed UPDATE, a column, or an entry of the cache; in each case the bytes are the same.
 *
 * Json is the only way in, whether from the catalogue or from a user's literal, and
 * CsScorerFromJsonb trusts none of it: counts agree with each other and with the pipeline, numbers
 * are finite, offsets are computed and never read.  What reads a scorer relies on that.
 *
 * Beside centres an algorithm may need more to score with: parameters, which are part of the json,
 * and what it derives from them, which is computed here once and is not.
 */
#include "custseg.h"

#include <math.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "score/score.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#define InvalidDefinition CsInvalidParameters

/* Member of a json object that must be there and be of that type. */
static void
GetMember(JsonbContainer *object, const char *key, enum jbvType type, JsonbValue *value)
{
	if (!CsJsonFind(object, key, value) || value->type != type)
		InvalidDefinition("\"%s\" is missing or of the wrong type.", key);
}

/* Member that must be an array; returns it. */
static JsonbContainer *
GetArray(JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	GetMember(object, key, jbvBinary, &value);
	if (!JsonContainerIsArray(value.val.binary.data))
		InvalidDefinition("\"%s\" is not an array.", key);
	return value.val.binary.data;
}

/* Member that must be an integer in a range. */
static int64
GetInteger(JsonbContainer *object, const char *key, int64 low, int64 high)
{
	const double int64_end = 9223372036854775808.0; /* 2^63 */
	JsonbValue	value;
	double		number;

	GetMember(object, key, jbvNumeric, &value);
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												NumericGetDatum(value.val.numeric)));
	if (number != floor(number) || number < low || number > high || number >= int64_end)
		InvalidDefinition("\"%s\" is not an integer in %lld .. %lld.", key, (long long) low,
						  (long long) high);
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric)));
}

/* Member that must be a text of 1 to 63 bytes. */
static void
GetName(JsonbContainer *object, const char *key, NameData *name)
{
	JsonbValue	value;

	GetMember(object, key, jbvString, &value);
	if (value.val.string.len < 1 || value.val.string.len >= NAMEDATALEN)
		InvalidDefinition("\"%s\" is not of 1 to %d bytes.", key, NAMEDATALEN - 1);
	memset(name, 0, sizeof(NameData));
	memcpy(NameStr(*name), value.val.string.val, value.val.string.len);
}

/* A value that must be a finite number; key is the member that it is in. */
static double
ToNumber(const JsonbValue *value, const char *key)
{
	double		number;

	if (!CsJsonGetNumber(value, &number))
		InvalidDefinition("\"%s\" has an element that is not a finite number.", key);
	return number;
}

/* The numbers of an array of exactly n: result[i * stride]. */
static void
ReadNumbers(JsonbContainer *array, const char *key, int n, double *result, int stride)
{
	if (JsonContainerSize(array) != (uint32) n)
		InvalidDefinition("\"%s\" has %u elements where %d are needed.", key,
						  JsonContainerSize(array), n);
	for (int i = 0; i < n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		result[(Size) i * stride] = ToNumber(value, key);
		pfree(value);
	}
}

/* Member that must be an array of exactly n numbers: result[i * stride]. */
static void
GetNumbers(JsonbContainer *object, const char *key, int n, double *result, int stride)
{
	ReadNumbers(GetArray(object, key), key, n, result, stride);
}

/* The object at position i of the array of segments. */
static JsonbContainer *
GetSegment(JsonbContainer *segments, int i)
{
	JsonbValue *value = getIthJsonbValueFromContainer(segments, i);

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		InvalidDefinition("An element of \"segments\" is not an object.");
	return value->val.binary.data;
}

/* Room for the numbers of a parameter, palloc'd; more than json can hold is no concern. */
static double *
AllocateNumbers(int64 rows, int columns)
{
	return palloc_extended(mul_size(mul_size(rows, columns), sizeof(double)), MCXT_ALLOC_HUGE);
}

/* An array of arrays of numbers, all of one length. */
static void
ReadRows(JsonbContainer *array, const char *key, CsParameter *result)
{
	int			nrows = (int) JsonContainerSize(array);

	for (int i = 0; i < nrows; i++)
	{
		JsonbValue *row = getIthJsonbValueFromContainer(array, i);

		if (row->type != jbvBinary || !JsonContainerIsArray(row->val.binary.data))
			InvalidDefinition("An element of \"%s\" is not an array.", key);
		if (i == 0)
		{
			if (JsonContainerSize(row->val.binary.data) > CS_MAX_OUTPUTS * CS_MAX_OUTPUTS)
				InvalidDefinition("An element of \"%s\" is too long.", key);
			result->columns = (int) JsonContainerSize(row->val.binary.data);
			result->values = AllocateNumbers(nrows, result->columns);
		}
		ReadNumbers(row->val.binary.data, key, result->columns,
					result->values + (Size) i * result->columns, 1);
		pfree(row);
	}
	result->rows = nrows;
}

/* One parameter of an algorithm as its kind says; labels are still segments' numbers. */
static CsParameter
ReadParameter(JsonbContainer *object, const CsParameterInfo *info, int nsegments)
{
	CsParameter result = {0};
	JsonbContainer *array;
	JsonbValue	value;

	if (info->kind == CS_PARAMETER_SCALAR)
	{
		GetMember(object, info->name, jbvNumeric, &value);
		result.rows = result.columns = 1;
		result.values = AllocateNumbers(1, 1);
		result.values[0] = ToNumber(&value, info->name);
		return result;
	}
	array = GetArray(object, info->name);
	if (info->kind == CS_PARAMETER_VECTOR || info->kind == CS_PARAMETER_LABELS)
	{
		result.rows = (int) JsonContainerSize(array);
		result.columns = 1;
		result.values = AllocateNumbers(result.rows, 1);
		ReadNumbers(array, info->name, result.rows, result.values, 1);
		return result;
	}
	ReadRows(array, info->name, &result);
	if (info->kind == CS_PARAMETER_SEGMENTS && result.rows != nsegments &&
		!(info->optional && result.rows == 0))
		InvalidDefinition("\"%s\" has %d elements where %d are needed.", info->name, result.rows,
						  nsegments);
	return result;
}

/* The parameters of a definition; "nsegments" leaves noise out.  Returns their bytes. */
static Size
ReadParameters(JsonbContainer *root, const CsAlgorithm *algorithm, int nsegments,
			   CsParameter *parameters)
{
	Size		size = 0;
	JsonbValue	value;

	if (algorithm->nparameters == 0)
		return 0;
	GetMember(root, "parameters", jbvBinary, &value);
	if (!JsonContainerIsObject(value.val.binary.data))
		InvalidDefinition("\"%s\" is not an object.", "parameters");
	for (int i = 0; i < algorithm->nparameters; i++)
	{
		parameters[i] = ReadParameter(value.val.binary.data, &algorithm->parameters[i], nsegments);
		size = add_size(size, mul_size(sizeof(double) * parameters[i].columns,
									   parameters[i].rows));
	}
	return size;
}

/* An error when a scorer of that many bytes would be no value that a server can hold. */
static void
CheckSize(Size size)
{
	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the compiled model would take %zu MB, but the limit is %zu MB",
						size / (1024 * 1024), (Size) MaxAllocSize / (1024 * 1024)),
				 errhint("Use fewer segments or fewer features.")));
}

/*
 * An empty scorer with room for everything: offsets and sizes set, the rest zero.  name_bytes
 * counts the terminating zeros.
 */
static CsScorer *
AllocateScorer(const CsPipeline *pipeline, int nsegments, Size parameter_bytes, Size name_bytes)
{
	int			padded = TYPEALIGN(CS_CENTER_GROUP, nsegments);
	int			nprofile = CsProfileSize(pipeline);
	Size		segment_offset = MAXALIGN(sizeof(CsScorer));
	Size		center_offset = segment_offset + MAXALIGN(sizeof(CsScorerSegment) * nsegments);
	Size		profile_offset = center_offset +
		sizeof(double) * pipeline->noutputs * (Size) padded;
	Size		pipeline_offset = profile_offset + sizeof(double) * nsegments * (Size) nprofile;
	Size		parameter_offset = pipeline_offset + MAXALIGN(pipeline->size);
	Size		size = parameter_offset + parameter_bytes + MAXALIGN(name_bytes);
	CsScorer   *scorer;

	CheckSize(size);
	scorer = palloc0(size);
	SET_VARSIZE(scorer, size);
	scorer->format = CS_SCORER_FORMAT;
	scorer->nsegments = nsegments;
	scorer->ncolumns = pipeline->noutputs;
	scorer->padded = padded;
	scorer->nprofile = nprofile;
	scorer->segment_offset = (int32) segment_offset;
	scorer->center_offset = (int32) center_offset;
	scorer->profile_offset = (int32) profile_offset;
	scorer->pipeline_offset = (int32) pipeline_offset;
	scorer->compiled_offset = (int32) size;
	memcpy(CsScorerPipeline(scorer), pipeline, pipeline->size);
	return scorer;
}

/* Sum of the lengths of all names, terminating zeros included. */
static Size
CountNameBytes(JsonbContainer *segments, int nsegments)
{
	Size		bytes = 0;

	for (int i = 0; i < nsegments; i++)
	{
		JsonbValue	name;

		GetMember(GetSegment(segments, i), "name", jbvString, &name);
		bytes += (Size) name.val.string.len + 1;
	}
	return bytes;
}

/* Fill segment i, its centre and its profile; its name goes to *names, which moves on. */
static void
FillSegment(CsScorer *scorer, JsonbContainer *object, int i, char **names)
{
	CsScorerSegment *segment = &CsScorerSegments(scorer)[i];
	JsonbValue	name;

	segment->segment = (int32) GetInteger(object, "segment", 0, PG_INT32_MAX);
	if (i > 0 && segment->segment <= segment[-1].segment)
		InvalidDefinition("Segments are not in ascending order of their numbers.");
	segment->n = GetInteger(object, "n", 0, PG_INT64_MAX);

	GetMember(object, "name", jbvString, &name);
	segment->name = (int32) (*names - (char *) scorer);
	memcpy(*names, name.val.string.val, name.val.string.len);
	*names += name.val.string.len + 1;

	GetNumbers(object, "center", scorer->ncolumns, CsScorerCenters(scorer) + i, scorer->padded);
	GetNumbers(object, "profile", scorer->nprofile, CsScorerProfile(scorer, i), 1);
}

/* Index of the segment of that number, or an error. */
static int
SegmentIndex(const CsScorer *scorer, double number, const char *key)
{
	const CsScorerSegment *segments = CsScorerSegments(scorer);
	int			low = 0,
				high = scorer->nsegments;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (segments[middle].segment < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == scorer->nsegments || segments[low].segment != number)
		InvalidDefinition("\"%s\" has an element that is not the number of a segment.", key);
	return low;
}

/* Put the parameters into the scorer, at "offset"; labels become indexes. */
static void
FillParameters(CsScorer *scorer, const CsAlgorithm *algorithm, const CsParameter *parameters,
			   int32 offset)
{
	for (int i = 0; i < algorithm->nparameters; i++)
	{
		CsScorerParameter *p = &scorer->parameter[i];
		Size		n = (Size) parameters[i].rows * parameters[i].columns;

		p->rows = parameters[i].rows;
		p->columns = parameters[i].columns;
		p->offset = offset;
		if (n > 0)
			memcpy(CsScorerAt(scorer, double, offset), parameters[i].values, n * sizeof(double));
		offset += (int32) (n * sizeof(double));
		if (algorithm->parameters[i].kind != CS_PARAMETER_LABELS)
			continue;
		for (Size j = 0; j < n; j++)
			CsScorerAt(scorer, double, p->offset)[j] =
				SegmentIndex(scorer, parameters[i].values[j], algorithm->parameters[i].name);
	}
}

/* The scorer as its algorithm sees it; the result points into it. */
static CsFitted
FittedModel(const CsScorer *scorer)
{
	CsFitted	model = {
		.nsegments = scorer->nsegments,
		.has_noise = scorer->has_noise,
		.ncolumns = scorer->ncolumns,
		.padded = scorer->padded,
		.centers = CsScorerCenters(scorer),
		.compiled = CsScorerAt(scorer, void, scorer->compiled_offset)
	};

	for (int i = 0; i < CS_MAX_PARAMETERS; i++)
	{
		model.parameters[i].rows = scorer->parameter[i].rows;
		model.parameters[i].columns = scorer->parameter[i].columns;
		model.parameters[i].values = CsScorerAt(scorer, double, scorer->parameter[i].offset);
	}
	return model;
}

/* Append what the algorithm derives from its parameters; returns the scorer, which may move. */
static CsScorer *
AppendCompiled(CsScorer *scorer, const CsAlgorithm *algorithm)
{
	CsFitted	model = FittedModel(scorer);
	CsScorer   *result;
	Size		size;

	if (algorithm->compile == NULL)
		return scorer;
	size = add_size(VARSIZE(scorer), algorithm->compile(&model, NULL));
	CheckSize(size);
	result = palloc0(size);
	memcpy(result, scorer, VARSIZE(scorer));
	SET_VARSIZE(result, size);
	pfree(scorer);
	model = FittedModel(result);
	(void) algorithm->compile(&model, CsScorerAt(result, void, result->compiled_offset));
	return result;
}

/* The algorithm that a definition names. */
static const CsAlgorithm *
GetAlgorithm(JsonbContainer *root, NameData *name)
{
	const CsAlgorithm *algorithm;

	GetName(root, "algorithm", name);
	algorithm = CsAlgorithmLookup(NameStr(*name));
	if (algorithm == NULL)
		InvalidDefinition("Models of algorithm \"%s\" cannot be compiled.", NameStr(*name));
	return algorithm;
}

/*
 * Compile a definition, as CsCatalogDefinition() gives it; palloc'd in CurrentMemoryContext.
 * Malformed input of any kind is an error.
 */
CsScorer *
CsScorerFromJsonb(Jsonb *definition)
{
	JsonbContainer *root = &definition->root;
	JsonbContainer *segments;
	JsonbValue	value;
	NameData	model;
	NameData	name;
	const CsAlgorithm *algorithm;
	CsParameter parameters[CS_MAX_PARAMETERS] = {{0}};
	CsPipeline *pipeline;
	CsScorer   *scorer;
	char	   *names;
	char	   *body;
	int			nsegments;
	Size		parameter_bytes;

	if (!JB_ROOT_IS_OBJECT(definition))
		InvalidDefinition("It is not a json object.");
	GetName(root, "model", &model);
	algorithm = GetAlgorithm(root, &name);
	GetMember(root, "pipeline", jbvBinary, &value);
	pipeline = CsPipelineFromJsonb(JsonbValueToJsonb(&value));
	segments = GetArray(root, "segments");
	if (JsonContainerSize(segments) < 1 || JsonContainerSize(segments) > CS_MAX_SEGMENTS + 1)
		InvalidDefinition("The number of segments is not in 1 .. %d.", CS_MAX_SEGMENTS + 1);
	nsegments = (int) JsonContainerSize(segments);
	parameter_bytes = ReadParameters(root, algorithm, nsegments - algorithm->has_noise, parameters);

	scorer = AllocateScorer(pipeline, nsegments, parameter_bytes,
							CountNameBytes(segments, nsegments));
	scorer->model = model;
	scorer->algorithm = name;
	scorer->has_noise = algorithm->has_noise;
	scorer->version = (int32) GetInteger(root, "version", 1, PG_INT32_MAX);
	names = (char *) CsScorerPipeline(scorer) + MAXALIGN(pipeline->size) + parameter_bytes;
	for (int i = 0; i < nsegments; i++)
		FillSegment(scorer, GetSegment(segments, i), i, &names);
	if (algorithm->has_noise != (CsScorerSegments(scorer)[0].segment == 0))
		InvalidDefinition(algorithm->has_noise ? "There is no segment 0 for noise." :
						  "There is a segment 0, but the algorithm has no noise.");
	FillParameters(scorer, algorithm, parameters,
				   (int32) (scorer->pipeline_offset + MAXALIGN(pipeline->size)));
	pfree(pipeline);
	scorer = AppendCompiled(scorer, algorithm);

	body = NameStr(scorer->model);
	for (int i = 0; i < lengthof(scorer->digest); i++)
		scorer->digest[i] =
			hash_bytes_extended((unsigned char *) body,
								(int) (VARSIZE(scorer) - (body - (char *) scorer)), i + 1);
	return scorer;
}

/*
 * Write a parameter of a model as a member of a json object.  "number" tells what a label stands
 * for; "order" tells which of the rows of SEGMENTS comes first, second, and so on.
 */
void
CsPushParameter(JsonbParseState **state, const CsParameterInfo *info, const CsParameter *p,
				const int *number, const int *order)
{
	if (info->kind == CS_PARAMETER_SCALAR)
	{
		CsJsonNumber(state, info->name, p->values[0]);
		return;
	}
	if (info->kind == CS_PARAMETER_VECTOR)
	{
		CsJsonNumbers(state, info->name, p->values, p->rows, 1);
		return;
	}
	CsJsonArray(state, info->name);
	for (int i = 0; i < p->rows; i++)
	{
		int			row = info->kind == CS_PARAMETER_SEGMENTS ? order[i] : i;

		if (i % CS_BLOCK_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (info->kind == CS_PARAMETER_LABELS)
			CsJsonNumber(state, NULL, number[(int) p->values[i]]);
		else
			CsJsonNumbers(state, NULL, p->values + (Size) row * p->columns, p->columns, 1);
	}
	(void) CsJsonEnd(state);
}

/* Push the parameters, null without. */
static void
PushParameters(JsonbParseState **state, const CsScorer *scorer)
{
	const CsAlgorithm *algorithm = CsAlgorithmFind(NameStr(scorer->algorithm));
	CsFitted	model = FittedModel(scorer);
	int		   *number = palloc(sizeof(int) * scorer->nsegments);
	int		   *order = palloc(sizeof(int) * scorer->nsegments);

	if (algorithm->nparameters == 0)
	{
		CsJsonNull(state, "parameters");
		return;
	}
	for (int i = 0; i < scorer->nsegments; i++)
	{
		number[i] = CsScorerSegments(scorer)[i].segment;
		order[i] = i;
	}
	CsJsonObject(state, "parameters");
	for (int i = 0; i < algorithm->nparameters; i++)
		CsPushParameter(state, &algorithm->parameters[i], &model.parameters[i], number, order);
	(void) CsJsonEnd(state);
}

/* The definition from which a scorer was compiled, palloc'd. */
Jsonb *
CsScorerToJsonb(const CsScorer *scorer)
{
	JsonbParseState *state = NULL;

	CsJsonObject(&state, NULL);
	CsJsonText(&state, "model", NameStr(scorer->model));
	CsJsonInteger(&state, "version", scorer->version);
	CsJsonText(&state, "algorithm", NameStr(scorer->algorithm));
	CsJsonJsonb(&state, "pipeline", CsPipelineToJsonb(CsScorerPipeline(scorer)));
	PushParameters(&state, scorer);
	CsJsonArray(&state, "segments");
	for (int i = 0; i < scorer->nsegments; i++)
	{
		const CsScorerSegment *segment = &CsScorerSegments(scorer)[i];

		CsJsonObject(&state, NULL);
		CsJsonInteger(&state, "segment", segment->segment);
		CsJsonText(&state, "name", CsScorerAt(scorer, char, segment->name));
		CsJsonInteger(&state, "n", segment->n);
		CsJsonNumbers(&state, "center", CsScorerCenters(scorer) + i, scorer->ncolumns,
					  scorer->padded);
		CsJsonNumbers(&state, "profile", CsScorerProfile(scorer, i), scorer->nprofile, 1);
		(void) CsJsonEnd(&state);
	}
	(void) CsJsonEnd(&state);
	return CsJsonFinish(&state);
}

/* Take a scorer, which must outlive s, and allocate the room for one customer in "context". */
void
CsScoringInit(CsScoring *s, const CsScorer *scorer, MemoryContext context)
{
	const CsPipeline *p = CsScorerPipeline(scorer);

	s->raw = MemoryContextAllocZero(context, sizeof(double) * p->nfeatures);
	s->z = MemoryContextAllocZero(context, sizeof(double) * p->noutputs);
	s->work = MemoryContextAllocZero(context, sizeof(double) * Max(CsPipelineWork(p, 1), 1));
	s->scorer = scorer;
	s->algorithm = CsAlgorithmFind(NameStr(scorer->algorithm));
	s->fitted = FittedModel(scorer);
}

/* An error when the reason for not placing a customer is a value that the model insists on. */
static void
CheckMissing(const CsScoring *s)
{
	const CsPipeline *p = CsScorerPipeline(s->scorer);

	for (int i = 0; i < p->nfeatures; i++)
	{
		if (p->feature[i].impute == CS_IMPUTE_ERROR && isnan(s->raw[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("feature \"%s\" of model \"%s\" is missing",
							NameStr(p->feature[i].name), NameStr(s->scorer->model)),
					 errdetail("The model was trained with \"impute\": \"error\" for it."),
					 errhint("Give a value, or train with \"impute\": \"median\" or \"skip\".")));
	}
}

/* Place a customer that the pipeline has prepared. */
static inline bool
Assign(CsScoring *s, CsAssignment *result, double *memberships)
{
	if (s->algorithm->assign == NULL)
		return CsAssignNearest(&s->fitted, s->z, result, memberships);
	return s->algorithm->assign(&s->fitted, s->z, result, memberships);
}

/* CsScoringPlace() that returns false, too, when a value is missing whose impute is error. */
bool
CsScoringTry(CsScoring *s, CsAssignment *result, double *memberships)
{
	return CsPipelineApply(CsScorerPipeline(s->scorer), s->raw, 1, 1, s->z, 1, s->work) &&
		Assign(s, result, memberships);
}

/*
 * Place the customer whose raw values are in s->raw: apply the pipeline and the algorithm's rule
 * (CsAlgorithm.assign, which "memberships" is for).  Returns false when the customer cannot be
 * placed; a missing value whose impute is error raises an error.
 */
bool
CsScoringPlace(CsScoring *s, CsAssignment *result, double *memberships)
{
	if (!CsPipelineApply(CsScorerPipeline(s->scorer), s->raw, 1, 1, s->z, 1, s->work))
	{
		CheckMissing(s);
		return false;
	}
	return Assign(s, result, memberships);
}

/*
 * A scorer that came as an argument, detoasted; it may be a palloc'd copy.  An error when another
 * version of custseg wrote it.
 */
const CsScorer *
CsScorerFromDatum(Datum value)
{
	const CsScorer *scorer = (const CsScorer *) PG_DETOAST_DATUM(value);

	if (scorer->format != CS_SCORER_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("compiled model has format %d, but this version of custseg reads format %d",
						scorer->format, CS_SCORER_FORMAT),
				 errhint("Compile the model again with custseg.scorer().")));
	return scorer;
}

/*
 * Raise the error for a compiled version whose rows are gone, because another session has dropped
 * it.
 */
void
CsReportDroppedVersion(const CsScorer *scorer)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" has no version %d any more", NameStr(scorer->model),
					scorer->version),
			 errhint("The version was dropped meanwhile. SELECT version FROM custseg.model_version lists the versions.")));
}

/* Read the tables as CsCatalogRead() does; $1 is the scorer's model, $2 its version. */
uint64
CsScorerRead(const CsScorer *scorer, const char *sql, CsCatalogVisitor visit, void *state)
{
	return CsCatalogRead(sql, CsValues(CsValueText(NameStr(scorer->model)),
									   CsValueInt4(scorer->version)), visit, state);
}
