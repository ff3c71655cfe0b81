/*
 * predict_json.c
 *	  The segment of customers who come as json, told as json: predict_json().
 *
 * It tells what predict_detail() tells, of one customer or of each in an array, for programs that speak
 * json.  A number that json cannot hold, as a distance that overflows, is null.
 */
#include "custseg.h"

#include "call/call.h"
#include "score/score.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custseg_predict_json);

/* Who has decided, in the words of custseg.segment_override; NULL when nobody has. */
static const char *
AssignedBy(const CsDetail *detail)
{
	if (detail->override != NULL)
		return detail->index < 0 ? "exclusion" : "override";
	return detail->index < 0 ? NULL : "model";
}

/* Write the number and the name of a segment, nulls when there is none. */
static void
WriteSegment(JsonbParseState **json, const CsScorer *scorer, int index)
{
	const CsScorerSegment *segment = &CsScorerSegments(scorer)[index];

	if (index < 0)
	{
		CsJsonNull(json, "segment");
		CsJsonNull(json, "name");
		return;
	}
	CsJsonInteger(json, "segment", segment->segment);
	CsJsonText(json, "name", CsScorerAt(scorer, char, segment->name));
}

/* Write what there is to tell of a customer, up to the end of the object that it opens. */
static void
WriteDetail(JsonbParseState **json, const CsScorer *scorer, const CsDetail *detail)
{
	bool		is_placed = detail->override == NULL && detail->index >= 0;

	CsJsonObject(json, NULL);
	CsJsonText(json, "model", NameStr(scorer->model));
	CsJsonInteger(json, "version", scorer->version);
	WriteSegment(json, scorer, detail->index);
	CsJsonText(json, "assigned_by", AssignedBy(detail));
	CsJsonNumber(json, "distance", is_placed ? detail->placed.distance : NAN);
	CsJsonNumber(json, "confidence", is_placed ? detail->placed.confidence : NAN);
	if (is_placed && detail->placed.runner_up >= 0)
		CsJsonInteger(json, "runner_up", CsScorerSegments(scorer)[detail->placed.runner_up].segment);
	else
		CsJsonNull(json, "runner_up");
	if (is_placed)
		CsJsonNumbers(json, "memberships", detail->memberships, scorer->nsegments, 1);
	else
		CsJsonNull(json, "memberships");
}

/* Says in the context of an error which customer of an array it is about. */
static void
TellWhich(void *at)
{
	errcontext("customer %d of the array", *(int *) at + 1);
}

/* Write an array with what there is to tell of each customer in one, up to its end. */
static void
WriteEach(JsonbParseState **json, CsCallSite *site, Jsonb *customers)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(result, "custseg customer", ALLOCSET_DEFAULT_SIZES);
	CsJsonEach	each = CsJsonEachOf(&customers->root);
	ErrorContextCallback callback = {.callback = TellWhich, .arg = &each.at, .previous = error_context_stack};

	CsJsonArray(json, NULL);
	error_context_stack = &callback;
	while (CsJsonNext(&each))
	{
		CsDetail	detail;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(context);
		site->customer = JsonbPGetDatum(JsonbValueToJsonb(&each.value));
		detail = CsCallSiteDetail(site);
		MemoryContextSwitchTo(result);
		WriteDetail(json, site->scoring.scorer, &detail);
		(void) CsJsonEnd(json);
		MemoryContextReset(context);
	}
	error_context_stack = callback.previous;
	MemoryContextDelete(context);
}

/* predict_json(model, customer, version): the segment and how clear a case it is, of one customer or of each */
Datum
custseg_predict_json(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteForModel(fcinfo);
	JsonbParseState *json = NULL;
	Jsonb	   *customer;

	if (site == NULL)
		PG_RETURN_NULL();
	customer = DatumGetJsonbP(site->customer);
	site->customer = JsonbPGetDatum(customer);
	if (JB_ROOT_IS_ARRAY(customer) && !JB_ROOT_IS_SCALAR(customer))
		WriteEach(&json, site, customer);
	else
	{
		CsDetail	detail = CsCallSiteDetail(site);

		WriteDetail(&json, site->scoring.scorer, &detail);
	}
	PG_RETURN_JSONB_P(CsJsonFinish(&json));
}
