/*
 * survey.c
 *	  Parts of passes that tell what columns are like: range and counts, a sample, moments.
 *
 * A sample is the rows of the lowest hashes, so that the same rows are drawn however they are laid out and
 * in whatever order they come.  They are hashed by what identifies them.  Where nothing does, by their
 * values: equal rows are then drawn together or not at all.
 *
 * Moments are sums about a middle that is near the mean, of values and of squares, so that neither a column
 * far from 0 nor one with outliers loses anything.
 */
#include "custseg.h"

#include <math.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "prep/internal.h"
#include "prep/survey.h"

#define MOST_SAMPLE 100000000

/* Part "survey" needs nothing but the columns. */
static void *
OpenSurvey(CsTally *pass, const CsJsonReader *plan)
{
	int			first = CsTallySection(pass, CS_SECTION_COUNTS, 3, 1);
	int		   *own = palloc(sizeof(int));

	(void) CsTallySection(pass, CS_SECTION_COUNTS, (int64) pass->nnumbers + pass->nlevels, 1);
	(void) CsTallySection(pass, CS_SECTION_COUNTS, pass->nnumbers, 1);
	(void) CsTallySection(pass, CS_SECTION_COUNTS, pass->nnumbers, 1);
	(void) CsTallySection(pass, CS_SECTION_COUNTS, pass->nlevels, 1);
	(void) CsTallySection(pass, CS_SECTION_LOWEST, pass->nnumbers, 1);
	(void) CsTallySection(pass, CS_SECTION_HIGHEST, pass->nnumbers, 1);
	*own = first;
	return own;
}

static void
AddSurvey(CsTally *pass, void *own, CsTallyState *state)
{
	int			first = *(int *) own;
	int64	   *rows = CsTallyCounts(pass, state, first + CS_SURVEY_ROWS);
	int64	   *values = CsTallyCounts(pass, state, first + CS_SURVEY_VALUES);
	int64	   *infinite = CsTallyCounts(pass, state, first + CS_SURVEY_INFINITE);
	int64	   *missing = CsTallyCounts(pass, state, first + CS_SURVEY_MISSING);
	double	   *lowest = CsTallyNumbers(pass, state, first + CS_SURVEY_LOWEST);
	double	   *highest = CsTallyNumbers(pass, state, first + CS_SURVEY_HIGHEST);

	if (pass->skipped == CS_SKIPPED_WEIGHT)
		rows[1] += isnan(pass->weight < 0 ? 0 : pass->number[pass->weight]) || pass->row_weight == 0;
	else if (pass->skipped != CS_NOT_SKIPPED)
		CsTallyCounts(pass, state, first + CS_SURVEY_SKIPPED)[pass->skipped]++;
	if (pass->skipped != CS_NOT_SKIPPED)
		return;
	rows[0]++;
	rows[2] += pass->row_weight < 0;
	for (int i = 0; i < pass->nnumbers; i++)
	{
		double		x = pass->number[i];

		if (isnan(x))
			continue;
		if (isinf(x))
		{
			infinite[i]++;
			continue;
		}
		values[i]++;
		lowest[i] = Min(lowest[i], x);
		highest[i] = Max(highest[i], x);
	}
	for (int i = 0; i < pass->nlevels; i++)
		missing[i] += pass->text[i] == NULL;
}

const CsTallyKind CsSurveyPass = {"survey", .sees_skipped = true, .open = OpenSurvey, .add = AddSurvey};

/* Part "sample". */
typedef struct Sample
{
	int			section;
	int			nnumbers;		/* that are kept: the first ones */
	int			nhashed;		/* that are hashed where there is no key: likewise */
	int			nlevels;		/* likewise */
	int		   *ncodes;
	char	 ***codes;			/* of each text: levels by their codes */
	int			key;			/* number that identifies rows, or -1 */
	uint64		seed;
	uint64		highest;		/* key of a row that is looked at */
	uint64	   *record;
} Sample;

/* Standard deviations of the number of rows below a key, by which more than enough rows are looked at. */
#define SAMPLE_MARGIN 6

/* The key up to which there are more than enough of so many rows, if keys are spread evenly. */
static uint64
HighestKey(const CsSampleRequest *r)
{
	double		wanted = (double) r->room + SAMPLE_MARGIN * sqrt((double) r->room);

	if (r->nrows == 0 || wanted >= (double) r->nrows)
		return ~UINT64CONST(0);
	return (uint64) (wanted / (double) r->nrows * 0x1p63) * 2;
}

/* Are there fewer rows in a sample than there should be, because too few keys were low? */
bool
CsSampleFellShort(const CsSampleRequest *r, const CsRecords *sample)
{
	return r->nrows > 0 && sample->used < Min(r->room, r->nrows);
}

/* Write the plan of a sample. */
void
CsSamplePlan(JsonbParseState **json, const CsSampleRequest *r)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsSamplePass.name);
	CsJsonInteger(json, "room", r->room);
	CsJsonInteger(json, "numbers", r->nnumbers);
	if (r->key >= 0)
		CsJsonInteger(json, "key", r->key);
	if (r->nhashed > 0)
		CsJsonInteger(json, "hashed", r->nhashed);
	CsJsonInteger(json, "seed", r->seed);
	CsJsonInteger(json, "highest", (int64) HighestKey(r));
	CsJsonArray(json, "levels");
	for (int i = 0; i < r->nlevels; i++)
	{
		CsJsonArray(json, NULL);
		for (int code = 0; code < Min(CsDictionarySize(r->dictionaries[i]), CS_SAMPLE_CODES); code++)
			CsJsonText(json, NULL, CsDictionaryLevel(r->dictionaries[i], code));
		(void) CsJsonEnd(json);
	}
	(void) CsJsonEnd(json);
	(void) CsJsonEnd(json);
}

/* The levels of a text. */
static void
ReadCodes(const CsJsonReader *plan, const JsonbValue *value, Sample *sample, int text)
{
	JsonbContainer *array = CsJsonGetArray(value);
	CsJsonEach	each;

	if (array == NULL || JsonContainerSize(array) > CS_SAMPLE_CODES)
		CsJsonReject(plan, "levels", "must be an array of arrays of at most %d texts", CS_SAMPLE_CODES);
	sample->codes[text] = palloc(sizeof(char *) * Max(JsonContainerSize(array), 1));
	each = CsJsonEachOf(array);
	while (CsJsonNext(&each))
	{
		if (each.value.type != jbvString)
			CsJsonReject(plan, "levels", "must be an array of arrays of at most %d texts", CS_SAMPLE_CODES);
		sample->codes[text][sample->ncodes[text]++] = CsJsonString(&each.value);
	}
}

static void *
OpenSample(CsTally *pass, const CsJsonReader *plan)
{
	Sample	   *sample = palloc0(sizeof(Sample));
	int64		room = CsJsonReadInteger(plan, "room", 1, MOST_SAMPLE);
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(plan, "levels", 0, pass->nlevels));
	int			width;

	sample->nnumbers = (int) CsJsonReadInteger(plan, "numbers", 0, pass->nnumbers);
	sample->key = CsTallyIndex(plan, "key", pass->nnumbers);
	sample->nhashed = CsTallyIndex(plan, "hashed", pass->nnumbers + 1);
	if (sample->nhashed < 0)
		sample->nhashed = sample->nnumbers;
	sample->seed = (uint64) CsJsonReadInteger(plan, "seed", PG_INT64_MIN, PG_INT64_MAX);
	sample->highest = (uint64) CsJsonReadInteger(plan, "highest", PG_INT64_MIN, PG_INT64_MAX);
	sample->ncodes = palloc0(sizeof(int) * Max(pass->nlevels, 1));
	sample->codes = palloc0(sizeof(char **) * Max(pass->nlevels, 1));
	while (CsJsonNext(&each))
		ReadCodes(plan, &each.value, sample, sample->nlevels++);
	width = sample->nnumbers + sample->nlevels + 2;
	sample->record = palloc(sizeof(uint64) * width);
	sample->section = CsTallySection(pass, CS_SECTION_RECORDS, room, width);
	return sample;
}

/* The bits of a number; all NaN are one, and -0 is 0. */
static inline uint64
BitsOf(double x)
{
	uint64		bits;

	x += 0.0;
	memcpy(&bits, &x, sizeof(bits));
	return isnan(x) ? ~UINT64CONST(0) : bits;
}

/* A value of a record: the numbers first, then codes of texts, then the weight; NaN where it is missing. */
double
CsSampleValue(const CsRecords *sample, int width, int64 row, int column)
{
	double		x;

	memcpy(&x, &sample->word[row * width + 1 + column], sizeof(x));
	return x;
}

/* Is a text this one? */
static inline bool
IsText(const CsTally *pass, int text, const char *level)
{
	return strncmp(level, pass->text[text], pass->length[text]) == 0 && level[pass->length[text]] == '\0';
}

/* The code of a text of the row at hand: the last one for those that have none. */
static double
CodeOf(const CsTally *pass, const Sample *sample, int text)
{
	int			code = 0;

	if (pass->text[text] == NULL)
		return NAN;
	while (code < sample->ncodes[text] - 1 && !IsText(pass, text, sample->codes[text][code]))
		code++;
	return code;
}

/* The key of the row at hand, by which the lowest rows are drawn. */
static uint64
KeyOf(const CsTally *pass, const Sample *sample)
{
	uint64		key = sample->seed;

	if (sample->key >= 0)
	{
		uint64		bits = BitsOf(pass->number[sample->key]);

		return hash_bytes_extended((unsigned char *) &bits, sizeof(bits), key);
	}
	for (int i = 0; i < sample->nhashed; i++)
	{
		uint64		bits = BitsOf(pass->number[i]);

		key = hash_bytes_extended((unsigned char *) &bits, sizeof(bits), key);
	}
	for (int i = 0; i < sample->nlevels; i++)
		if (pass->text[i] != NULL)
			key = hash_bytes_extended((const unsigned char *) pass->text[i], pass->length[i], key + 1);
	return key;
}

static void
AddSample(CsTally *pass, void *own, CsTallyState *state)
{
	Sample	   *sample = own;
	const CsSection *section = &pass->sections[sample->section];
	CsRecords  *records = CsTallyRecords(pass, state, sample->section);
	uint64	   *values = sample->record + 1;
	int			at = 0;

	sample->record[0] = KeyOf(pass, sample);
	if (sample->record[0] > sample->highest ||
		(records->used == section->n && sample->record[0] > records->word[0]))
		return;
	for (int i = 0; i < sample->nnumbers; i++)
		values[at++] = BitsOf(pass->number[i]);
	for (int i = 0; i < sample->nlevels; i++)
		values[at++] = BitsOf(CodeOf(pass, sample, i));
	values[at] = BitsOf(pass->row_weight);
	CsRecordsAdd(records, section, sample->record);
}

/* Raise an error unless the codes of a row are those of levels, or of none: other servers have written them. */
static void
CheckCodes(const Sample *sample, const CsRecords *records, int64 row)
{
	int			width = sample->nnumbers + sample->nlevels + 2;

	for (int i = 0; i < sample->nlevels; i++)
	{
		double		code = CsSampleValue(records, width, row, sample->nnumbers + i);

		if (!isnan(code) && !(code >= 0 && code < Max(sample->ncodes[i], 1) && code == rint(code)))
			CsTallyRowsChanged();
	}
}

/* The rows of the sample, in the order of their keys. */
CsRecords *
CsSampleRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state)
{
	const Sample *sample = part->own;
	CsRecords  *records = CsTallyRecords(pass, state, sample->section);

	for (int64 row = 0; row < records->used; row++)
	{
		CsCheckInterrupts(row);
		CheckCodes(sample, records, row);
	}
	CsRecordsSort(records, &pass->sections[sample->section]);
	return records;
}

const CsTallyKind CsSamplePass = {"sample", .open = OpenSample, .add = AddSample};

/* Part "moments": a column that is a number. */
typedef struct MomentsColumn
{
	int			feature;
	bool		is_asked;
	int			exponent;		/* of the sum */
	int			square_exponent;
	double		middle;
	double		size;			/* a power of two that deviations are taken times, so that no square is too large or too small */
	double		scale,
				square_scale;
} MomentsColumn;

typedef struct MomentsOwn
{
	int			counts;			/* sections */
	int			sums;
	int			ncolumns;
	MomentsColumn *columns;
} MomentsOwn;

/*
 * Write the plan of moments about the middles of the features that are numbers, whose values are not further
 * from them than "reach" once they are filled, clipped and transformed; -1: the column is not asked for.
 */
void
CsMomentsPlan(JsonbParseState **json, const CsPipeline *p, const double *middle, const double *reach, int64 nrows)
{
	double	   *middles = palloc(sizeof(double) * p->nfeatures);
	double	   *reaches = palloc(sizeof(double) * p->nfeatures);
	int			n = 0;

	for (int i = 0; i < p->nfeatures; i++)
	{
		if (p->feature[i].kind == CS_CATEGORICAL)
			continue;
		middles[n] = middle[i];
		reaches[n++] = reach[i];
	}
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsMomentsPass.name);
	CsJsonInteger(json, "rows", nrows);
	CsJsonNumbers(json, "middle", middles, n, 1);
	CsJsonNumbers(json, "reach", reaches, n, 1);
	(void) CsJsonEnd(json);
	pfree(middles);
	pfree(reaches);
}

static void *
OpenMoments(CsTally *pass, const CsJsonReader *plan)
{
	MomentsOwn *own = palloc0(sizeof(MomentsOwn));
	const CsPipeline *p = pass->pipeline;
	double		nrows = (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX);
	double	   *middle,
			   *reach;

	if (p == NULL)
		CsJsonReject(plan, "pipeline", "is missing");
	own->columns = palloc(sizeof(MomentsColumn) * Max(p->nfeatures, 1));
	for (int i = 0; i < p->nfeatures; i++)
		if (p->feature[i].kind != CS_CATEGORICAL)
			own->columns[own->ncolumns++].feature = i;
	middle = palloc(sizeof(double) * Max(own->ncolumns, 1));
	reach = palloc(sizeof(double) * Max(own->ncolumns, 1));
	CsJsonReadNumbers(plan, "middle", own->ncolumns, middle, 1);
	CsJsonReadNumbers(plan, "reach", own->ncolumns, reach, 1);
	for (int i = 0; i < own->ncolumns; i++)
	{
		MomentsColumn *c = &own->columns[i];

		c->middle = middle[i];
		c->is_asked = reach[i] >= 0;
		c->size = CsScaleOf(reach[i]);
		reach[i] *= c->size;
		c->exponent = CsExactExponent(reach[i], nrows);
		c->square_exponent = CsExactExponent(reach[i] * reach[i], nrows);
		c->scale = CsExactScale(c->exponent);
		c->square_scale = CsExactScale(c->square_exponent);
	}
	own->counts = CsTallySection(pass, CS_SECTION_COUNTS, own->ncolumns, 1);
	own->sums = CsTallySection(pass, CS_SECTION_SUMS, 2 * (int64) own->ncolumns, 1);
	return own;
}

/* A feature's number as it is before it is scaled; NaN where it is missing. */
static inline double
StepsBeforeScale(const CsPipeline *p, const CsFeature *f, double x)
{
	const CsTransform *transform = CsTransformAt(f->transform);

	if (isnan(x))
		x = f->fill;
	x = x < f->low ? f->low : x > f->high ? f->high : x;
	if (f->transform != CS_TRANSFORM_NONE && !isnan(x))
	{
		if (x <= transform->above)
			CsTallyRowsChanged();
		transform->apply(CsFeatureFitted(p, f), f->nfitted, 1, &x);
	}
	return x;
}

static void
AddMoments(CsTally *pass, void *opaque, CsTallyState *state)
{
	const MomentsOwn *own = opaque;
	int64	   *counts = CsTallyCounts(pass, state, own->counts);
	CsExact    *sums = CsTallySums(pass, state, own->sums);

	for (int i = 0; i < own->ncolumns; i++)
	{
		const MomentsColumn *c = &own->columns[i];
		double		x,
					off;

		if (!c->is_asked)
			continue;
		x = StepsBeforeScale(pass->pipeline, &pass->pipeline->feature[c->feature], pass->raw[c->feature]);
		off = (x - c->middle) * c->size;
		if (isnan(x))
			continue;
		counts[i]++;
		CsTallySum(&sums[2 * i], off, c->scale);
		CsTallySum(&sums[2 * i + 1], off * off, c->square_scale);
	}
}

/* Read the moments of the features, with room for one each; those of categories stay as they are. */
void
CsMomentsRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, CsColumnMoments *moments)
{
	const MomentsOwn *own = part->own;
	const int64 *counts = CsTallyCounts(pass, state, own->counts);
	const CsExact *sums = CsTallySums(pass, state, own->sums);

	for (int i = 0; i < own->ncolumns; i++)
	{
		const MomentsColumn *c = &own->columns[i];
		CsColumnMoments *m = &moments[c->feature];
		double		n = (double) counts[i];
		double		off = n > 0 ? CsExactMean(&sums[2 * i], c->exponent, n) : NAN;
		double		square = CsExactMean(&sums[2 * i + 1], c->square_exponent, n);

		m->n = counts[i];
		m->mean = c->middle + off / c->size;
		m->sd = sqrt(Max(square - off * off, 0)) / c->size;
	}
}

const CsTallyKind CsMomentsPass = {"moments", .open = OpenMoments, .add = AddMoments};

/* How far from 0 the values of a feature are that is a number, in its own units, filled ones included. */
double
CsFeatureReach(const CsFeature *f, double lowest, double highest)
{
	double		reach = Max(fabs(lowest), fabs(highest));

	return isnan(f->fill) ? reach : Max(reach, fabs(f->fill));
}

/* Between what a feature's columns are in the space before PCA. */
typedef struct Range
{
	double		low,
				high;
} Range;

/* Have a range cover a number of a feature, once that is scaled. */
static inline void
Cover(Range *range, const CsFeature *f, double x)
{
	double		scaled = (x - f->center) / f->spread;

	range->low = Min(range->low, scaled);
	range->high = Max(range->high, scaled);
}

/* The range of a feature's columns, given the lowest and the highest value of one that is a number. */
static Range
RangeOfFeature(const CsPipeline *p, const CsFeature *f, double lowest, double highest)
{
	const CsLevel *levels = CsFeatureLevels(p, f);
	Range		range = {INFINITY, -INFINITY};

	if (!CsEncodesNumber(f->kind, f->encode))
		return (Range) {0, 1};
	if (f->kind == CS_CATEGORICAL)
	{
		/* a level that is not known is 0, or filled */
		Cover(&range, f, isnan(f->fill) || f->encode != CS_ENCODE_ORDINAL ? 0 : f->fill);
		for (int l = 0; l < f->nlevels; l++)
			Cover(&range, f, levels[l].value);
		return range;
	}
	for (int i = 0; i < 3; i++)
	{
		double		x = StepsBeforeScale(p, f, i == 0 ? lowest : i == 1 ? highest : NAN);

		if (!isnan(x))
			Cover(&range, f, x);
	}
	return range;
}

/*
 * How far from a middle each column before PCA is, given the lowest and the highest value of each feature that is a
 * number; palloc'd.  "middle" NULL: from 0.
 */
double *
CsPipelineScaledReach(const CsPipeline *p, const double *lowest, const double *highest, const double *middle)
{
	double	   *reach = palloc(sizeof(double) * p->nscaled);

	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		Range		range = RangeOfFeature(p, f, lowest[i], highest[i]);

		for (int j = f->first_output; j < f->first_output + f->noutputs; j++)
		{
			double		from = middle == NULL ? 0 : middle[j];

			reach[j] = Max(fabs(range.low - from), fabs(range.high - from));
		}
	}
	return reach;
}

/*
 * How far from 0 each column of model space is, given the lowest and the highest value of each feature that
 * is a number; palloc'd.
 */
double *
CsPipelineReach(const CsPipeline *p, const double *lowest, const double *highest)
{
	double	   *scaled = CsPipelineScaledReach(p, lowest, highest, NULL);
	double	   *reach;
	const double *mean = CsPipelineAt(p, const double, p->pca_mean_offset);
	const double *component = CsPipelineAt(p, const double, p->pca_offset);

	if (p->ncomponents == 0)
		return scaled;
	reach = palloc0(sizeof(double) * p->ncomponents);
	for (int c = 0; c < p->ncomponents; c++, component += p->nscaled)
		for (int j = 0; j < p->nscaled; j++)
			reach[c] += fabs(component[j]) * (scaled[j] + fabs(mean[j])) * (1 + 1e-9);
	pfree(scaled);
	return reach;
}
