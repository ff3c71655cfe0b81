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
 * Centres are transposed and padded to groups of 8, so that one customer is compared with 8
 * centres by vector instructions, while for each centre the sum still runs over the columns in
 * order: the same bits as in training, whatever the machine.
 */
#include "custseg.h"

#include <math.h>

#include "common/hashfn.h"
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "model/model.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#define CENTER_GROUP 8

#define InvalidDefinition(...) \
	ereport(ERROR, \
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), \
			 errmsg("invalid definition of a compiled model"), \
			 errdetail(__VA_ARGS__)))

PG_FUNCTION_INFO_V1(custseg_compiled_model_in);
PG_FUNCTION_INFO_V1(custseg_compiled_model_out);
PG_FUNCTION_INFO_V1(custseg_compiled_model_recv);
PG_FUNCTION_INFO_V1(custseg_compiled_model_send);
PG_FUNCTION_INFO_V1(custseg_compiled_model_to_jsonb);

/* Member of a json object that must be there and be of that type. */
static void
GetMember(JsonbContainer *object, const char *key, enum jbvType type, JsonbValue *value)
{
	if (!getKeyJsonValueFromContainer(object, key, strlen(key), value) || value->type != type)
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

/* Member that must be an array of exactly n numbers: result[i * stride]. */
static void
GetNumbers(JsonbContainer *object, const char *key, int n, double *result, int stride)
{
	JsonbContainer *array = GetArray(object, key);

	if (JsonContainerSize(array) != (uint32) n)
		InvalidDefinition("\"%s\" has %u elements where %d are needed.", key,
						  JsonContainerSize(array), n);
	for (int i = 0; i < n; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);
		double		number = NAN;

		if (value->type == jbvNumeric)
			number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
														NumericGetDatum(value->val.numeric)));
		if (!isfinite(number))
			InvalidDefinition("\"%s\" has an element that is no finite number.", key);
		result[(Size) i * stride] = number;
		pfree(value);
	}
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

/*
 * An empty scorer with room for everything: offsets and sizes set, the rest zero.  name_bytes
 * counts the terminating zeros.
 */
static CsScorer *
AllocateScorer(const CsPipeline *pipeline, int nsegments, Size name_bytes)
{
	int			padded = TYPEALIGN(CENTER_GROUP, nsegments);
	int			nprofile = CsProfileSize(pipeline);
	Size		segment_offset = MAXALIGN(sizeof(CsScorer));
	Size		center_offset = segment_offset + MAXALIGN(sizeof(CsScorerSegment) * nsegments);
	Size		profile_offset = center_offset +
		sizeof(double) * pipeline->noutputs * (Size) padded;
	Size		pipeline_offset = profile_offset + sizeof(double) * nsegments * (Size) nprofile;
	Size		size = pipeline_offset + MAXALIGN(pipeline->size) + name_bytes;
	CsScorer   *scorer;

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the compiled model would take %zu MB, the limit is %zu MB",
						size / (1024 * 1024), (Size) MaxAllocSize / (1024 * 1024)),
				 errhint("Use fewer segments or fewer features.")));
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

/*
 * Compile a definition, as CsCatalogDefinition builds it, palloc'd in CurrentMemoryContext.
 * Anything malformed is an error.
 */
CsScorer *
CsScorerFromJsonb(Jsonb *definition)
{
	JsonbContainer *root = &definition->root;
	JsonbContainer *segments;
	JsonbValue	value;
	NameData	model;
	NameData	algorithm;
	CsPipeline *pipeline;
	CsScorer   *scorer;
	char	   *names;
	char	   *body;
	int			nsegments;

	if (!JB_ROOT_IS_OBJECT(definition))
		InvalidDefinition("It is not a json object.");
	GetName(root, "model", &model);
	GetName(root, "algorithm", &algorithm);
	if (strcmp(NameStr(algorithm), "kmeans") != 0)
		InvalidDefinition("Models of algorithm \"%s\" can't be compiled.", NameStr(algorithm));
	GetMember(root, "pipeline", jbvBinary, &value);
	pipeline = CsPipelineFromJsonb(JsonbValueToJsonb(&value));
	segments = GetArray(root, "segments");
	if (JsonContainerSize(segments) < 1 || JsonContainerSize(segments) > CS_MAX_SEGMENTS)
		InvalidDefinition("The number of segments is not in 1 .. %d.", CS_MAX_SEGMENTS);
	nsegments = (int) JsonContainerSize(segments);

	scorer = AllocateScorer(pipeline, nsegments, CountNameBytes(segments, nsegments));
	scorer->model = model;
	scorer->algorithm = algorithm;
	scorer->version = (int32) GetInteger(root, "version", 1, PG_INT32_MAX);
	names = (char *) CsScorerPipeline(scorer) + MAXALIGN(pipeline->size);
	for (int i = 0; i < nsegments; i++)
		FillSegment(scorer, GetSegment(segments, i), i, &names);
	pfree(pipeline);

	body = NameStr(scorer->model);
	for (int i = 0; i < lengthof(scorer->digest); i++)
		scorer->digest[i] =
			hash_bytes_extended((unsigned char *) body,
								(int) (VARSIZE(scorer) - (body - (char *) scorer)), i + 1);
	return scorer;
}

/* Push the key of a member whose value comes next. */
static void
PushKey(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

/* Push a member whose value is a text. */
static void
PushText(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue	value;

	PushKey(state, key);
	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* Push a member whose value is an integer. */
static void
PushInteger(JsonbParseState **state, const char *key, int64 number)
{
	JsonbValue	value;

	PushKey(state, key);
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/*
 * Push a member whose value is an array of numbers, from[i * stride].  The shortest decimal that
 * reads back to the same bits is taken, whatever extra_float_digits says.
 */
static void
PushNumbers(JsonbParseState **state, const char *key, const double *from, int n, int stride)
{
	PushKey(state, key);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];
		JsonbValue	value;

		double_to_shortest_decimal_buf(from[(Size) i * stride], digits);
		value.type = jbvNumeric;
		value.val.numeric =
			DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
												ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
		pushJsonbValue(state, WJB_ELEM, &value);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* The definition a scorer was compiled from, palloc'd. */
Jsonb *
CsScorerToJsonb(const CsScorer *scorer)
{
	JsonbParseState *state = NULL;
	JsonbValue	value;
	JsonbValue *result;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	PushText(&state, "model", NameStr(scorer->model));
	PushInteger(&state, "version", scorer->version);
	PushText(&state, "algorithm", NameStr(scorer->algorithm));
	PushKey(&state, "pipeline");
	JsonbToJsonbValue(CsPipelineToJsonb(CsScorerPipeline(scorer)), &value);
	pushJsonbValue(&state, WJB_VALUE, &value);
	PushKey(&state, "segments");
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < scorer->nsegments; i++)
	{
		const CsScorerSegment *segment = &CsScorerSegments(scorer)[i];

		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		PushInteger(&state, "segment", segment->segment);
		PushText(&state, "name", CsScorerAt(scorer, char, segment->name));
		PushInteger(&state, "n", segment->n);
		PushNumbers(&state, "center", CsScorerCenters(scorer) + i, scorer->ncolumns,
					scorer->padded);
		PushNumbers(&state, "profile", CsScorerProfile(scorer, i), scorer->nprofile, 1);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(result);
}

/*
 * Squared distances of z to the 8 centres that start at "centers", one row of "padded" doubles a
 * column.  The inner loop runs over centres and is vectorised.
 */
static inline void
CompareGroup(const double *z, const double *centers, int ncolumns, int padded,
			 double squared[CENTER_GROUP])
{
	for (int i = 0; i < CENTER_GROUP; i++)
		squared[i] = 0;
	for (int j = 0; j < ncolumns; j++, centers += padded)
	{
		for (int i = 0; i < CENTER_GROUP; i++)
		{
			double		difference = z[j] - centers[i];

			squared[i] += difference * difference;
		}
	}
}

/* See model.h. */
CS_CLONES bool
CsScorerAssign(const CsScorer *scorer, const double *z, CsAssignment *result, double *squared)
{
	const double *centers = CsScorerCenters(scorer);
	const int	nsegments = scorer->nsegments;
	double		first = INFINITY;
	double		second = INFINITY;
	int			index = -1;
	int			runner_up = -1;

	for (int group = 0; group < nsegments; group += CENTER_GROUP)
	{
		double		distance[CENTER_GROUP];
		int			n = Min(CENTER_GROUP, nsegments - group);

		CompareGroup(z, centers + group, scorer->ncolumns, scorer->padded, distance);
		if (squared != NULL)
			memcpy(squared + group, distance, n * sizeof(double));
		for (int i = 0; i < n; i++)
		{
			if (distance[i] < first)
			{
				second = first;
				runner_up = index;
				first = distance[i];
				index = group + i;
			}
			else if (distance[i] < second)
			{
				second = distance[i];
				runner_up = group + i;
			}
		}
	}
	result->index = index;
	result->runner_up = runner_up;
	result->distance = sqrt(first);
	result->runner_up_distance = sqrt(second);
	return index >= 0;
}

/* See model.h. */
double
CsScorerConfidence(const CsAssignment *assignment)
{
	if (assignment->runner_up < 0)
		return 1.0;
	if (assignment->runner_up_distance <= 0)
		return 0.0;
	return Max(0.0, 1.0 - assignment->distance / assignment->runner_up_distance);
}

/* Take a scorer, which must outlive s, and allocate the room in "context". */
void
CsScoringInit(CsScoring *s, const CsScorer *scorer, MemoryContext context)
{
	const CsPipeline *p = CsScorerPipeline(scorer);

	s->raw = MemoryContextAllocZero(context, sizeof(double) * p->nfeatures);
	s->z = MemoryContextAllocZero(context, sizeof(double) * p->noutputs);
	s->work = MemoryContextAllocZero(context, sizeof(double) * Max(CsPipelineWork(p, 1), 1));
	s->scorer = scorer;
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

/* See model.h. */
bool
CsScoringPlace(CsScoring *s, CsAssignment *result, double *squared)
{
	const CsPipeline *p = CsScorerPipeline(s->scorer);

	if (!CsPipelineApply(p, s->raw, 1, 1, s->z, 1, s->work))
	{
		CheckMissing(s);
		return false;
	}
	return CsScorerAssign(s->scorer, s->z, result, squared);
}

/* See model.h; the result may be a palloc'd copy. */
const CsScorer *
CsScorerFromDatum(Datum value)
{
	const CsScorer *scorer = (const CsScorer *) PG_DETOAST_DATUM(value);

	if (scorer->format != CS_SCORER_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("compiled model of format %d, this version reads format %d",
						scorer->format, CS_SCORER_FORMAT),
				 errhint("Compile the model again with custseg.scorer().")));
	return scorer;
}

/* Compile a json text. */
static CsScorer *
ParseScorer(char *text)
{
	return CsScorerFromJsonb(DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
																CStringGetDatum(text))));
}

/* The json text of a scorer. */
static char *
PrintScorer(const CsScorer *scorer)
{
	Jsonb	   *json = CsScorerToJsonb(scorer);

	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/* compiled_model: input */
Datum
custseg_compiled_model_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(ParseScorer(PG_GETARG_CSTRING(0)));
}

/* compiled_model: output */
Datum
custseg_compiled_model_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(PrintScorer(CsScorerFromDatum(PG_GETARG_DATUM(0))));
}

/* compiled_model: binary input, the same text */
Datum
custseg_compiled_model_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *text = pq_getmsgtext(message, message->len - message->cursor, &length);

	PG_RETURN_POINTER(ParseScorer(text));
}

/* compiled_model: binary output, the same text */
Datum
custseg_compiled_model_send(PG_FUNCTION_ARGS)
{
	char	   *text = PrintScorer(CsScorerFromDatum(PG_GETARG_DATUM(0)));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendtext(&message, text, strlen(text));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* compiled_model_to_jsonb(compiled_model): the definition, to be read */
Datum
custseg_compiled_model_to_jsonb(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(CsScorerToJsonb(CsScorerFromDatum(PG_GETARG_DATUM(0))));
}
