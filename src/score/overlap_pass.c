/*
 * overlap_pass.c
 *	  How many rows the segments of a new model share with those of a version: a part of the last pass of a
 *	  training, after one that has found the row's segment.
 */
#include "custseg.h"

#include "score/overlap_pass.h"
#include "score/placed_pass.h"

typedef struct Overlap
{
	int			nsegments;		/* of the new model */
	CsPassScorer version;
	int			section;
} Overlap;

/*
 * Write the plan: how many segments the new model has, and which number, or text, of a row each of the
 * version's features is.
 */
void
CsOverlapPlan(JsonbParseState **json, const CsScorer *scorer, int nsegments, const int *columns)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsOverlapPass.name);
	CsJsonInteger(json, "segments", nsegments);
	CsPassScorerPlan(json, scorer, columns);
	(void) CsJsonEnd(json);
}

/* CsTallyKind.open: a count for each new segment and each of the version. */
static void *
OpenOverlap(CsTally *pass, const CsJsonReader *plan)
{
	Overlap    *o = palloc0(sizeof(Overlap));

	o->nsegments = (int) CsJsonReadInteger(plan, "segments", 1, CS_MAX_SEGMENTS);
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

	/* noise is no segment that has a successor */
	if (pass->label >= 0 && pass->label < o->nsegments && CsPassScorerPlace(pass, &o->version, &placed) &&
		placed.index >= (scorer->has_noise ? 1 : 0))
		CsTallyCounts(pass, state, o->section)[(Size) pass->label * scorer->nsegments + placed.index]++;
}

/* Rows by new segment, each with one number for each segment of the version; they belong to the state. */
const int64 *
CsOverlapRows(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state)
{
	return CsTallyCounts(pass, state, ((const Overlap *) part->own)->section);
}

const CsTallyKind CsOverlapPass = {"overlap", .open = OpenOverlap, .add = AddOverlap};
