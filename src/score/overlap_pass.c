/*
 * overlap_pass.c
 *	  How many rows the segments of a model share with those of a version: a part of a pass, after one that has found the
 *	  row's segment, as of the last pass of a training.
 */
#include "custseg.h"

#include "score/overlap_pass.h"
#include "score/placed_pass.h"

typedef struct Overlap
{
	int			nsegments;		/* of the model */
	bool		with_noise;		/* the version's noise counts as a segment */
	CsPassScorer version;
	int			section;
} Overlap;

/*
 * Write the plan: how many segments the model has, which number, or text, of a row each of the version's features is, and
 * whether its noise, which is no segment that has a successor, counts as one.
 */
void
CsOverlapPlan(JsonbParseState **json, const CsScorer *scorer, int nsegments, const int *columns, bool with_noise)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsOverlapPass.name);
	CsJsonInteger(json, "segments", nsegments);
	CsJsonInteger(json, "noise", with_noise);
	CsPassScorerPlan(json, scorer, columns);
	(void) CsJsonEnd(json);
}

/* CsTallyKind.open: a count for each segment of the model and each of the version. */
static void *
OpenOverlap(CsTally *pass, const CsJsonReader *plan)
{
	Overlap    *o = palloc0(sizeof(Overlap));

	o->nsegments = (int) CsJsonReadInteger(plan, "segments", 1, CS_MAX_SEGMENTS + 1);
	o->with_noise = CsJsonReadInteger(plan, "noise", 0, 1) > 0;
	CsPassScorerOpen(pass, plan, &o->version);
	o->section = CsTallySection(pass, CS_SECTION_COUNTS, (int64) o->nsegments * o->version.scorer->nsegments, 1);
	return o;
}

/* CsTallyKind.add: count the row for both its segments. */
static void
AddOverlap(CsTally *pass, void *own, CsTallyState *state)
{
	Overlap    *o = own;
	const CsScorer *scorer = o->version.scorer;
	CsAssignment placed;

	if (pass->label >= 0 && pass->label < o->nsegments && CsPassScorerPlace(pass, &o->version, &placed) &&
		placed.index >= (scorer->has_noise && !o->with_noise ? 1 : 0))
		CsTallyCounts(pass, state, o->section)[(Size) pass->label * scorer->nsegments + placed.index]++;
}

/* Rows by segment of the model, each with one number for each segment of the version; they belong to the state. */
const int64 *
CsOverlapRows(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state)
{
	return CsTallyCounts(pass, state, ((const Overlap *) part->own)->section);
}

const CsTallyKind CsOverlapPass = {"overlap", .open = OpenOverlap, .add = AddOverlap};
