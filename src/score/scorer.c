/*
 * scorer.c
 *	  A fitted version of a model compiled to one flat value.
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
 *
 * Placing customers by a scorer is another file's (scoring.c).
 */
#include "custseg.h"

#include "common/hashfn.h"
#include "math/search.h"
#include "score/score.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define TRAINED_SQL \
	"SELECT v.trained_at FROM custseg.model_version AS v " \
	"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2"

static const char *const trained_sql = TRAINED_SQL;
static const char *const hold_sql = TRAINED_SQL " FOR KEY SHARE";

/* How many numbers a parameter of an algorithm has, as its kind says. */
static CsScorerParameter
ReadShape(const CsJsonReader *r, const CsStoredParameters *stored, const CsParameterInfo *info, int nsegments)
{
	CsScorerParameter p = {.rows = 1,.columns = 1};
	const ArrayType *array = CsPointsStored(info, stored);

	if (array != NULL)
	{
		CsPointsShape(info, array, &p.rows, &p.columns);
		return p;
	}

	switch (info->kind)
	{
		case CS_PARAMETER_SCALAR:
			return p;
		case CS_PARAMETER_VECTOR:
		case CS_PARAMETER_LABELS:
			p.rows = JsonContainerSize(CsJsonReadArray(r, info->name, 0, PG_INT32_MAX));
			return p;
		default:
			break;
	}
	CsJsonReadShape(r, info->name, &p.rows, &p.columns);
	if (p.columns > CS_MAX_OUTPUTS * CS_MAX_OUTPUTS)
		CsJsonReject(r, info->name, "has an element that is too long");
	if (info->kind == CS_PARAMETER_SEGMENTS && p.rows != nsegments && !(info->optional && p.rows == 0))
		CsJsonReject(r, info->name, "has %d elements where %d are needed", p.rows, nsegments);
	return p;
}

/* The shapes of the parameters; "nsegments" leaves noise out.  Returns the bytes of their numbers. */
static Size
ReadShapes(const CsJsonReader *r, const CsStoredParameters *stored, const CsAlgorithm *algorithm, int nsegments,
		   CsScorerParameter *parameters)
{
	Size		size = 0;

	for (int i = 0; i < algorithm->nparameters; i++)
	{
		parameters[i] = ReadShape(r, stored, &algorithm->parameters[i], nsegments);
		size = add_size(size, mul_size(sizeof(double) * parameters[i].columns, parameters[i].rows));
	}
	return size;
}

/* Read the numbers of a parameter of that shape; labels are still segments' numbers. */
static void
ReadNumbers(const CsJsonReader *r, const CsStoredParameters *stored, const CsParameterInfo *info,
			const CsScorerParameter *p, double *values)
{
	const ArrayType *array = CsPointsStored(info, stored);

	if (array != NULL)
	{
		CsPointsRead(info, array, (Size) p->rows * p->columns, values);
		return;
	}
	switch (info->kind)
	{
		case CS_PARAMETER_SCALAR:
			values[0] = CsJsonReadNumber(r, info->name);
			return;
		case CS_PARAMETER_VECTOR:
		case CS_PARAMETER_LABELS:
			CsJsonReadNumbers(r, info->name, p->rows, values, 1);
			return;
		default:
			CsJsonReadRows(r, info->name, p->rows, p->columns, values, p->columns, 1);
	}
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

/* The names of the segments, palloc'd; "bytes": their lengths, terminating zeros included. */
static char **
ReadNames(const CsJsonReader *definition, JsonbContainer *segments, Size *bytes)
{
	CsJsonEach	each = CsJsonEachOf(segments);
	char	  **names = palloc(sizeof(char *) * JsonContainerSize(segments));

	*bytes = 0;
	while (CsJsonNext(&each))
	{
		CsJsonReader r = CsJsonReadElement(definition, "segments", &each, "segment");

		names[each.at] = CsJsonReadText(&r, "name");
		*bytes += strlen(names[each.at]) + 1;
	}
	return names;
}

/* Fill segment i, its centre and its profile; its name goes to *at, which moves on. */
static void
FillSegment(CsScorer *scorer, const CsJsonReader *r, int i, const char *name, char **at)
{
	CsScorerSegment *segment = &CsScorerSegments(scorer)[i];

	segment->segment = (int32) CsJsonReadInteger(r, "segment", 0, PG_INT32_MAX);
	if (i > 0 && segment->segment <= segment[-1].segment)
		CsJsonReject(r, "segment", "is not above that of the segment before");
	segment->n = CsJsonReadInteger(r, "n", 0, PG_INT64_MAX);
	segment->name = (int32) (*at - (char *) scorer);
	strcpy(*at, name);
	*at += strlen(name) + 1;
	CsJsonReadNumbers(r, "center", scorer->ncolumns, CsScorerCenters(scorer) + i, scorer->padded);
	CsJsonReadNumbers(r, "profile", scorer->nprofile, CsScorerProfile(scorer, i), 1);
}

/* For CsCountBefore(): is a segment's number below another? */
static bool
IsBelow(const void *segment, const void *number)
{
	return ((const CsScorerSegment *) segment)->segment < *(const double *) number;
}

/* Index of the segment of that number, or -1: the version has none. */
int
CsScorerFindSegment(const CsScorer *scorer, double number)
{
	const CsScorerSegment *segments = CsScorerSegments(scorer);
	int			i = (int) CsCountBefore(&number, segments, scorer->nsegments, sizeof(CsScorerSegment), IsBelow);

	return i < scorer->nsegments && segments[i].segment == number ? i : -1;
}

/* The same where there has to be one: else an error. */
static int
SegmentIndex(const CsScorer *scorer, double number, const char *key)
{
	int			i = CsScorerFindSegment(scorer, number);

	if (i < 0)
		CsInvalidParameters("\"%s\" has an element that is not the number of a segment.", key);
	return i;
}

/* Read the parameters of these shapes into the scorer, at "offset"; labels become indexes. */
static void
FillParameters(CsScorer *scorer, const CsJsonReader *r, const CsStoredParameters *stored,
			   const CsAlgorithm *algorithm, const CsScorerParameter *parameters, int32 offset)
{
	for (int i = 0; i < algorithm->nparameters; i++)
	{
		CsScorerParameter *p = &scorer->parameter[i];
		Size		n = (Size) parameters[i].rows * parameters[i].columns;
		double	   *values = CsScorerAt(scorer, double, offset);

		*p = parameters[i];
		p->offset = offset;
		ReadNumbers(r, stored, &algorithm->parameters[i], p, values);
		offset += (int32) (n * sizeof(double));
		if (algorithm->parameters[i].kind != CS_PARAMETER_LABELS)
			continue;
		for (Size j = 0; j < n; j++)
			values[j] = SegmentIndex(scorer, values[j], algorithm->parameters[i].name);
	}
}

/* The scorer as its algorithm sees it; the result points into it. */
CsFitted
CsScorerFitted(const CsScorer *scorer)
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

/* Tell a model the places of the points that are parameters, where they are stored. */
static void
TakePlaces(CsFitted *model, const CsAlgorithm *algorithm, const CsStoredParameters *stored)
{
	for (int i = 0; i < algorithm->nparameters; i++)
		if (algorithm->parameters[i].is_points && algorithm->parameters[i].kind == CS_PARAMETER_ROWS)
			model->point_places = CsPointsPlaces(stored, model->parameters[i].rows, &model->npoint_places);
}

/* Append what the algorithm derives from its parameters; returns the scorer, which may move. */
static CsScorer *
AppendCompiled(CsScorer *scorer, const CsAlgorithm *algorithm, const CsStoredParameters *stored)
{
	CsFitted	model = CsScorerFitted(scorer),
				moved;
	Size		size;

	if (algorithm->compile == NULL)
		return scorer;
	TakePlaces(&model, algorithm, stored);
	size = add_size(VARSIZE(scorer), algorithm->compile(&model, NULL));
	CheckSize(size);
	scorer = repalloc_huge(scorer, size);
	memset(CsScorerAt(scorer, void, scorer->compiled_offset), 0, size - VARSIZE(scorer));
	SET_VARSIZE(scorer, size);
	moved = CsScorerFitted(scorer);
	moved.point_places = model.point_places;
	moved.npoint_places = model.npoint_places;
	(void) algorithm->compile(&moved, CsScorerAt(scorer, void, scorer->compiled_offset));
	return scorer;
}

/* Compile a definition (CsCompile). */
CsScorer *
CsScorerFromParts(Jsonb *definition, const CsStoredParameters *parameters)
{
	CsJsonReader r = CsJsonReaderOf(definition, CS_INVALID_DEFINITION, "the definition");
	CsJsonReader part;
	CsJsonReader fitted = {0};
	JsonbContainer *segments;
	CsJsonEach	each;
	NameData	model;
	NameData	name;
	const CsAlgorithm *algorithm;
	CsScorerParameter shapes[CS_MAX_PARAMETERS] = {{0}};
	CsPipeline *pipeline;
	CsScorer   *scorer;
	char	  **names;
	char	   *body;
	int			nsegments;
	Size		parameter_bytes,
				name_bytes;

	CsJsonReadName(&r, "model", &model);
	CsJsonReadName(&r, "algorithm", &name);
	algorithm = CsAlgorithmLookup(NameStr(name));
	if (algorithm == NULL)
		CsJsonReject(&r, "algorithm", "is \"%s\", which is no algorithm", NameStr(name));
	part = CsJsonReadObject(&r, "pipeline", "the pipeline");
	pipeline = CsPipelineFromJson(&part);
	segments = CsJsonReadArray(&r, "segments", 1, CS_MAX_SEGMENTS + 1);
	nsegments = (int) JsonContainerSize(segments);
	if (algorithm->nparameters > 0)
		fitted = CsJsonReadBeside(&r, "parameters", "the parameters", parameters == NULL ? NULL : parameters->json);
	parameter_bytes = ReadShapes(&fitted, parameters, algorithm, nsegments - algorithm->has_noise, shapes);
	names = ReadNames(&r, segments, &name_bytes);

	scorer = AllocateScorer(pipeline, nsegments, parameter_bytes, name_bytes);
	scorer->model = model;
	scorer->algorithm = name;
	scorer->has_noise = algorithm->has_noise;
	scorer->version = (int32) CsJsonReadInteger(&r, "version", 1, PG_INT32_MAX);
	body = (char *) CsScorerPipeline(scorer) + MAXALIGN(pipeline->size) + parameter_bytes;
	each = CsJsonEachOf(segments);
	while (CsJsonNext(&each))
	{
		part = CsJsonReadElement(&r, "segments", &each, "segment");
		FillSegment(scorer, &part, each.at, names[each.at], &body);
	}
	if (algorithm->has_noise != (CsScorerSegments(scorer)[0].segment == 0))
		CsJsonReject(&r, "segments", algorithm->has_noise ? "has no segment 0 for noise" :
					 "has a segment 0, but the algorithm has no noise");
	FillParameters(scorer, &fitted, parameters, algorithm, shapes,
				   (int32) (scorer->pipeline_offset + MAXALIGN(pipeline->size)));
	pfree(pipeline);
	return AppendCompiled(scorer, algorithm, parameters);
}

/* Note the digest of a scorer that is to be a value of SQL; it takes a while of one with many points. */
void
CsScorerSeal(CsScorer *scorer)
{
	char	   *body = NameStr(scorer->model);

	for (int i = 0; i < lengthof(scorer->digest); i++)
		scorer->digest[i] =
			hash_bytes_extended((unsigned char *) body,
								(int) ((char *) scorer + scorer->compiled_offset - body), i + 1);
}

/* A scorer of the cache as a value of SQL, palloc'd. */
CsScorer *
CsScorerValue(const CsScorer *scorer)
{
	CsScorer   *value = memcpy(palloc(VARSIZE(scorer)), scorer, VARSIZE(scorer));

	CsScorerSeal(value);
	return value;
}

/* The same of a definition that is whole. */
CsScorer *
CsScorerFromJsonb(Jsonb *definition)
{
	return CsScorerFromParts(definition, NULL);
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

		CsCheckInterrupts(i);
		if (info->kind == CS_PARAMETER_LABELS)
			CsJsonNumber(state, NULL, number[(int) p->values[i]]);
		else
			CsJsonNumbers(state, NULL, p->values + (Size) row * p->columns, p->columns, 1);
	}
	(void) CsJsonEnd(state);
}

/*
 * Push the parameters as members of the open object: all of them, as in a definition, or only those that are not
 * points, or only those that are, by the names of the columns that they are stored in.
 */
typedef enum Pushed
{
	PUSH_ALL,
	PUSH_JSON,
	PUSH_COLUMNS
} Pushed;

static void
PushMembers(JsonbParseState **state, const CsScorer *scorer, Pushed which)
{
	const CsAlgorithm *algorithm = CsAlgorithmFind(NameStr(scorer->algorithm));
	CsFitted	model = CsScorerFitted(scorer);
	int		   *number = palloc(sizeof(int) * scorer->nsegments);
	int		   *order = palloc(sizeof(int) * scorer->nsegments);

	for (int i = 0; i < scorer->nsegments; i++)
	{
		number[i] = CsScorerSegments(scorer)[i].segment;
		order[i] = i;
	}
	for (int i = 0; i < algorithm->nparameters; i++)
	{
		CsParameterInfo info = algorithm->parameters[i];

		if (which != PUSH_ALL && info.is_points != (which == PUSH_COLUMNS))
			continue;
		if (which == PUSH_COLUMNS)
			info.name = info.kind == CS_PARAMETER_LABELS ? "point_segments" : "points";
		CsPushParameter(state, &info, &model.parameters[i], number, order);
	}
}

/* Push the parameters as a member of a json object, null without. */
static void
PushParameters(JsonbParseState **state, const CsScorer *scorer, Pushed which)
{
	if (CsAlgorithmFind(NameStr(scorer->algorithm))->nparameters == 0)
	{
		CsJsonNull(state, "parameters");
		return;
	}
	CsJsonObject(state, "parameters");
	PushMembers(state, scorer, which);
	(void) CsJsonEnd(state);
}

/* Push the parameters as the members of a row of custseg.model_version. */
void
CsPushStoredParameters(JsonbParseState **state, const CsScorer *scorer)
{
	PushParameters(state, scorer, PUSH_JSON);
	PushMembers(state, scorer, PUSH_COLUMNS);
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
	PushParameters(&state, scorer, PUSH_ALL);
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

/*
 * What of a version of a model without segments is as that of one with them: its features, which can be
 * read and prepared.  It places nobody.  Palloc'd.
 */
const CsScorer *
CsScorerWithoutSegments(const char *model, int version, const CsPipeline *pipeline)
{
	Size		size = MAXALIGN(sizeof(CsScorer)) + pipeline->size;
	CsScorer   *scorer = palloc0(size);

	SET_VARSIZE(scorer, size);
	scorer->format = CS_SCORER_FORMAT;
	strlcpy(NameStr(scorer->model), model, NAMEDATALEN);
	scorer->version = version;
	scorer->ncolumns = pipeline->noutputs;
	scorer->pipeline_offset = MAXALIGN(sizeof(CsScorer));
	memcpy(CsScorerPipeline(scorer), pipeline, pipeline->size);
	return scorer;
}

/*
 * A version (0: the deployed one) of a model with features, as the cache has it, pinned; one without
 * segments as CsScorerWithoutSegments() makes it.
 */
const CsScorer *
CsScorerOfFeatures(const char *model, int version)
{
	const void *compiled = CsCacheGetOfKind(CS_FEATURE_KINDS, model, version);
	CsStoredParameters parameters;
	Jsonb	   *definition;
	CsJsonReader whole;
	CsJsonReader pipeline;

	CsCachePin(compiled, CurrentMemoryContext);
	if (CsModelKindOf(model) == CS_MODEL_SEGMENTS)
		return compiled;
	version = CsCacheVersion(compiled);
	definition = CsCatalogDefinition(model, version, &parameters);
	if (definition == NULL)
		CsReportDropped(model, version);
	whole = CsJsonReaderOf(definition, CS_INVALID_DEFINITION, "the definition");
	pipeline = CsJsonReadObject(&whole, "pipeline", "the pipeline");
	return CsScorerWithoutSegments(model, version, CsPipelineFromJson(&pipeline));
}

/* Where what placing rows does without begins, and where it ends: points, of which there is a tree, and names. */
static int32
FirstOfNoUse(const CsScorer *scorer)
{
	const CsAlgorithm *algorithm = CsAlgorithmFind(NameStr(scorer->algorithm));

	for (int i = 0; i < algorithm->nparameters; i++)
	{
		bool		rest = true;

		for (int j = i; j < algorithm->nparameters; j++)
			rest &= algorithm->parameters[j].is_points;
		if (rest)
			return scorer->parameter[i].offset;
	}
	return scorer->compiled_offset;
}

/* Bytes of a copy by CsScorerCopyForRows(). */
Size
CsScorerSizeForRows(const CsScorer *scorer)
{
	return VARSIZE(scorer) - (scorer->compiled_offset - FirstOfNoUse(scorer));
}

/* Copy what it takes to place rows, and to tell their segments by their index. */
void
CsScorerCopyForRows(const CsScorer *scorer, CsScorer *copy)
{
	int32		first = FirstOfNoUse(scorer);

	memcpy(copy, scorer, first);
	memcpy((char *) copy + first, CsScorerAt(scorer, char, scorer->compiled_offset),
		   VARSIZE(scorer) - scorer->compiled_offset);
	SET_VARSIZE(copy, CsScorerSizeForRows(scorer));
	copy->compiled_offset = first;
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

/* Raise the error for a version whose rows are gone, because another session has dropped it. */
void
CsReportDropped(const char *model, int version)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" has no version %d any more", model, version),
			 errhint("The version was dropped meanwhile. SELECT version FROM custseg.model_version lists the versions.")));
}

/* Likewise for that of a scorer. */
void
CsReportDroppedVersion(const CsScorer *scorer)
{
	CsReportDropped(NameStr(scorer->model), scorer->version);
}

/* When a version was trained, by one of the statements; an error when it is gone.  Inside SPI. */
static TimestampTz
TrainedAt(const char *sql, const char *model, int version, bool read_only)
{
	bool		isnull;

	if (CsCatalogExecute(sql, CsValues(CsValueText(model), CsValueInt4(version)), read_only) == 0)
		CsReportDropped(model, version);
	return DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * Keep a version from being dropped until the transaction ends, for rows that will be written of it by who does not
 * change it.  An error when the version that the caller's snapshot sees is gone, be it that another one has its
 * number.  Must be called inside SPI.
 */
void
CsVersionHold(const char *model, int version)
{
	TimestampTz seen;

	CsModelHold(model);
	seen = TrainedAt(trained_sql, model, version, true);
	if (TrainedAt(hold_sql, model, version, false) != seen)
		CsReportDropped(model, version);
}

/* Read the tables as CsCatalogRead() does; $1 is the scorer's model, $2 its version. */
uint64
CsScorerRead(const CsScorer *scorer, const char *sql, CsCatalogVisitor visit, void *state)
{
	return CsCatalogRead(sql, CsValues(CsValueText(NameStr(scorer->model)),
									   CsValueInt4(scorer->version)), visit, state);
}
