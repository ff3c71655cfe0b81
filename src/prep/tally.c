/*
 * tally.c
 *	  A plan of a pass read, and rows taken in.
 */
#include "custseg.h"

#include "miscadmin.h"
#include "prep/tally.h"

#define INVALID_PLAN "invalid plan of a pass"
#define MOST_COLUMNS 100000
#define MOST_PARTS 64

/* The error of a source that is read again and was another one before, as the detail says. */
pg_noreturn static void
RejectRows(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the source had other rows when it was read again"),
			 errdetail_internal("%s", detail),
			 errhint("Give a query that returns the same rows each time, without random(), and run the command again.")));
}

/* The error of a row that is not as the range pass found all rows to be. */
void
CsTallyRowsChanged(void)
{
	RejectRows("A value lies beyond those of an earlier pass.");
}

/* The error of rows, or values, that are not as many as an earlier pass has counted. */
void
CsTallyCountsChanged(void)
{
	RejectRows("Numbers of rows or values are not those of an earlier pass.");
}

/* A whole number from 0 to below n; -1 for null or a member that is not there. */
int
CsTallyIndex(const CsJsonReader *r, const char *key, int n)
{
	JsonbValue	value;

	if (!CsJsonReadMember(r, key, &value))
		return -1;
	return (int) CsJsonReadInteger(r, key, 0, (int64) n - 1);
}

/* An array of such numbers; palloc'd. */
static int *
ReadIndexes(const CsJsonReader *r, const char *key, int below, int *n)
{
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(r, key, 0, below));
	int		   *indexes = palloc(sizeof(int) * Max(below, 1));

	*n = 0;
	while (CsJsonNext(&each))
	{
		int64		index;

		if (!CsJsonGetInteger(&each.value, 0, (int64) below - 1, &index))
			CsJsonReject(r, key, "has an element that is out of range");
		indexes[(*n)++] = (int) index;
	}
	return indexes;
}

/* Declare a section of the state; returns its number. */
int
CsTallySection(CsTally *pass, CsSectionKind kind, int64 n, int width)
{
	if (pass->nsections == CS_MAX_SECTIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a pass has too many parts"),
				 errhint("Use fewer features.")));
	if (pass->nsections == pass->capacity)
	{
		pass->capacity = Max(16, pass->capacity * 2);
		pass->sections = pass->sections == NULL ? palloc(sizeof(CsSection) * pass->capacity) :
			repalloc(pass->sections, sizeof(CsSection) * pass->capacity);
	}
	pass->sections[pass->nsections] = (CsSection) {kind, width, n};
	return pass->nsections++;
}

/* The pipeline of the plan, if it has one, and room for a row; its features must be among the columns. */
static void
ReadPipeline(CsTally *pass, const CsJsonReader *plan)
{
	JsonbValue	value;
	CsJsonReader r;
	int			ntexts = 0;
	const CsPipeline *p;

	if (!CsJsonReadMember(plan, "pipeline", &value))
		return;
	r = CsJsonReadObject(plan, "pipeline", "the pipeline");
	pass->pipeline = p = CsPipelineFromJson(&r);
	for (int i = 0; i < p->nfeatures; i++)
		ntexts += p->feature[i].kind == CS_CATEGORICAL;
	if (ntexts > pass->nlevels || p->nfeatures - ntexts > pass->nnumbers)
		CsJsonReject(plan, "pipeline", "has more features than there are columns");
	pass->raw = palloc(sizeof(double) * p->nfeatures);
	pass->z = palloc(sizeof(double) * Max(p->noutputs, 1));
	pass->work = palloc(sizeof(double) * CsPipelineWork(p, 1));
}

/* The parts of the plan. */
static void
ReadParts(CsTally *pass, const CsJsonReader *plan, const CsTallyKind *const *kinds)
{
	CsJsonEach	each = CsJsonEachOf(CsJsonReadArray(plan, "parts", 1, MOST_PARTS));

	pass->parts = palloc0(sizeof(CsTallyPart) * MOST_PARTS);
	while (CsJsonNext(&each))
	{
		CsJsonReader r = CsJsonReadElement(plan, "parts", &each, "part");
		char	   *name = CsJsonReadText(&r, "pass");
		CsTallyPart *part = &pass->parts[pass->nparts++];

		for (int i = 0; kinds[i] != NULL && part->kind == NULL; i++)
			if (strcmp(kinds[i]->name, name) == 0)
				part->kind = kinds[i];
		if (part->kind == NULL)
			CsJsonReject(&r, "pass", "is not known");
		if (part->kind->is_prepared && pass->pipeline == NULL)
			CsJsonReject(plan, "pipeline", "is missing");
		pass->is_prepared |= part->kind->is_prepared;
		part->first = pass->nsections;
		part->own = part->kind->open(pass, &r);
	}
}

/*
 * Read a plan, of which nothing is trusted: anything but one is an error.  Everything is palloc'd in
 * CurrentMemoryContext, and a part of what is returned.
 */
CsTally *
CsTallyOpen(Jsonb *json, const uint64 digest[2], const CsTallyKind *const *kinds)
{
	CsTally	   *pass = palloc0(sizeof(CsTally));
	CsJsonReader plan = CsJsonReaderOf(json, INVALID_PLAN, "the plan");
	Size		at;

	pass->digest[0] = digest[0];
	pass->digest[1] = digest[1];
	pass->nnumbers = (int) CsJsonReadInteger(&plan, "numbers", 0, MOST_COLUMNS);
	pass->nlevels = (int) CsJsonReadInteger(&plan, "levels", 0, MOST_COLUMNS);
	pass->weight = CsTallyIndex(&plan, "weight", pass->nnumbers);
	pass->skip_numbers = ReadIndexes(&plan, "skip_numbers", pass->nnumbers, &pass->nskip_numbers);
	pass->skip_levels = ReadIndexes(&plan, "skip_levels", pass->nlevels, &pass->nskip_levels);
	pass->number = palloc(sizeof(double) * Max(pass->nnumbers, 1));
	pass->text = palloc0(sizeof(char *) * Max(pass->nlevels, 1));
	pass->length = palloc0(sizeof(int) * Max(pass->nlevels, 1));
	ReadPipeline(pass, &plan);
	ReadParts(pass, &plan, kinds);

	pass->size = CsTallyStateSize(pass->sections, pass->nsections);
	pass->offset = palloc(sizeof(Size) * Max(pass->nsections, 1));
	at = CsTallyStateHead(pass->nsections);
	for (int i = 0; i < pass->nsections; i++)
	{
		pass->offset[i] = at;
		at += CsSectionSize(&pass->sections[i]);
	}
	return pass;
}

/* A state to which no row has been added, palloc'd. */
CsTallyState *
CsTallyStart(const CsTally *pass)
{
	return CsTallyStateCreate(pass->sections, pass->nsections, pass->digest);
}

/* Is a state one of this pass, with the sections that it has? */
bool
CsTallyIsOf(const CsTally *pass, const CsTallyState *state)
{
	return state->nsections == pass->nsections && memcmp(state->digest, pass->digest, sizeof(state->digest)) == 0 &&
		memcmp(state->section, pass->sections, pass->nsections * sizeof(CsSection)) == 0;
}

/* Why the row at hand is left out, if it is.  Sets its weight. */
static int
WhySkipped(CsTally *pass)
{
	pass->row_weight = pass->weight < 0 ? 1 : pass->number[pass->weight];
	for (int i = 0; i < pass->nskip_numbers; i++)
		if (isnan(pass->number[pass->skip_numbers[i]]))
			return pass->skip_numbers[i];
	for (int i = 0; i < pass->nskip_levels; i++)
		if (pass->text[pass->skip_levels[i]] == NULL)
			return pass->nnumbers + pass->skip_levels[i];
	return isnan(pass->row_weight) || pass->row_weight == 0 ? CS_SKIPPED_WEIGHT : CS_NOT_SKIPPED;
}

/* The raw values of the pipeline's features, see prep.h. */
static void
ReadRaw(CsTally *pass)
{
	const CsPipeline *p = pass->pipeline;
	int			number = 0,
				text = 0;

	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];

		if (f->kind != CS_CATEGORICAL)
			pass->raw[i] = pass->number[number++];
		else
		{
			pass->raw[i] = CsFeatureLevel(p, f, pass->text[text], pass->length[text]);
			text++;
		}
	}
}

/* Add the row at hand, whose numbers and texts have been set, to a state of the pass. */
void
CsTallyAdd(CsTally *pass, CsTallyState *state)
{
	pass->skipped = WhySkipped(pass);
	CsTallyLabel(pass, -1, NULL);
	if (pass->skipped == CS_NOT_SKIPPED)
	{
		if (pass->pipeline != NULL)
			ReadRaw(pass);
		if (pass->is_prepared &&
			!CsPipelineApply(pass->pipeline, pass->raw, 1, 1, pass->z, 1, pass->work))
			CsTallyRowsChanged();
	}
	for (int i = 0; i < pass->nparts; i++)
	{
		const CsTallyPart *part = &pass->parts[i];

		if (pass->skipped == CS_NOT_SKIPPED || part->kind->sees_skipped)
			part->kind->add(pass, part->own, state);
	}
}
