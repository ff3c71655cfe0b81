/*
 * overlap_pass.c
 *	  How many rows the segments of a new model share with those of a version: a part of the last pass of a
 *	  training, after one that has found the row's segment.
 *
 * The version travels as its definition, which is checked where it arrives as any other is.
 */
#include "custseg.h"

#include "score/overlap_pass.h"

typedef struct Overlap
{
	int			nsegments;		/* of the new model */
	const CsScorer *scorer;
	CsScoring	scoring;
	int		   *columns;		/* of each of the version's features: which number or text it is */
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
	CsJsonArray(json, "columns");
	for (int i = 0; i < CsScorerPipeline(scorer)->nfeatures; i++)
		CsJsonInteger(json, NULL, columns[i]);
	(void) CsJsonEnd(json);
	CsJsonJsonb(json, "definition", CsScorerToJsonb(scorer));
	(void) CsJsonEnd(json);
}

static void *
OpenOverlap(CsTally *pass, const CsJsonReader *plan)
{
	Overlap    *o = palloc0(sizeof(Overlap));
	const CsPipeline *p;
	CsJsonEach	each;

	o->nsegments = (int) CsJsonReadInteger(plan, "segments", 1, CS_MAX_SEGMENTS);
	o->scorer = CsScorerFromJsonb(CsJsonReadJsonb(plan, "definition"));
	CsScoringInit(&o->scoring, o->scorer, CurrentMemoryContext);
	p = CsScorerPipeline(o->scorer);
	o->columns = palloc(sizeof(int) * p->nfeatures);
	each = CsJsonEachOf(CsJsonReadArray(plan, "columns", p->nfeatures, p->nfeatures));
	while (CsJsonNext(&each))
	{
		bool		is_text = p->feature[each.at].kind == CS_CATEGORICAL;
		int64		column;

		if (!CsJsonGetInteger(&each.value, 0, (int64) (is_text ? pass->nlevels : pass->nnumbers) - 1, &column))
			CsJsonReject(plan, "columns", "has an element that is out of range");
		o->columns[each.at] = (int) column;
	}
	o->section = CsTallySection(pass, CS_SECTION_COUNTS, (int64) o->nsegments * o->scorer->nsegments, 1);
	return o;
}

static void
AddOverlap(CsTally *pass, void *own, CsTallyState *state)
{
	Overlap    *o = own;
	const CsPipeline *p = CsScorerPipeline(o->scorer);
	CsAssignment placed;

	if (pass->label < 0 || pass->label >= o->nsegments)
		return;
	for (int i = 0; i < p->nfeatures; i++)
	{
		const CsFeature *f = &p->feature[i];
		int			column = o->columns[i];

		o->scoring.raw[i] = f->kind == CS_CATEGORICAL ?
			CsFeatureLevel(p, f, pass->text[column], pass->length[column]) : pass->number[column];
	}
	/* noise is no segment that has a successor */
	if (CsScoringTry(&o->scoring, &placed, NULL) && placed.index >= (o->scorer->has_noise ? 1 : 0))
		CsTallyCounts(pass, state, o->section)[(Size) pass->label * o->scorer->nsegments + placed.index]++;
}

/* Rows by new segment, each with one number for each segment of the version; they belong to the state. */
const int64 *
CsOverlapRows(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state)
{
	return CsTallyCounts(pass, state, ((const Overlap *) part->own)->section);
}

const CsTallyKind CsOverlapPass = {"overlap", .open = OpenOverlap, .add = AddOverlap};
