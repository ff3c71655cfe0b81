/*
 * predict.c
 *	  The segment of one customer: predict, predict_name, predict_detail, and scorer.
 *
 * What is the same from row to row is kept with the call (call_site.c).
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "score/score.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(custseg_predict);
PG_FUNCTION_INFO_V1(custseg_predict_scorer);
PG_FUNCTION_INFO_V1(custseg_predict_name);
PG_FUNCTION_INFO_V1(custseg_predict_name_scorer);
PG_FUNCTION_INFO_V1(custseg_predict_detail);
PG_FUNCTION_INFO_V1(custseg_predict_detail_scorer);
PG_FUNCTION_INFO_V1(custseg_scorer);

/* predict(model, customer, version): number of the segment, NULL when it cannot be placed */
Datum
custseg_predict(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteForModel(fcinfo);
	int			index = site == NULL ? -1 : CsCallSiteSegment(site);

	if (index < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(CsScorerSegments(site->scoring.scorer)[index].segment);
}

/* predict(scorer, customer): the same of a model that is given by value */
Datum
custseg_predict_scorer(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteForScorer(fcinfo);
	int			index;

	if (site == NULL)
		PG_RETURN_NULL();
	CsCallSiteBind(site);
	index = CsScoringSegment(&site->scoring);
	if (index < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(CsScorerSegments(site->scoring.scorer)[index].segment);
}

/* The name of the segment with an index, as text; NULL below 0. */
static Datum
SegmentName(FunctionCallInfo fcinfo, const CsCallSite *site, int index)
{
	const CsScorer *scorer;

	if (index < 0)
		PG_RETURN_NULL();
	scorer = site->scoring.scorer;
	PG_RETURN_TEXT_P(cstring_to_text(CsScorerAt(scorer, char, CsScorerSegments(scorer)[index].name)));
}

/* predict_name(model, customer, version): name of the segment */
Datum
custseg_predict_name(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteForModel(fcinfo);

	return SegmentName(fcinfo, site, site == NULL ? -1 : CsCallSiteSegment(site));
}

/* predict_name(scorer, customer): the same of a model that is given by value */
Datum
custseg_predict_name_scorer(PG_FUNCTION_ARGS)
{
	CsCallSite *site = CsCallSiteForScorer(fcinfo);
	CsAssignment placed;

	return SegmentName(fcinfo, site, site != NULL && CsCallSitePlace(site, &placed, NULL) ? placed.index : -1);
}

/* The segment of the customer of a call and how clear a case it is, as a row; NULL without a call site. */
static Datum
SegmentDetail(FunctionCallInfo fcinfo, CsCallSite *site)
{
	const CsScorer *scorer;
	const CsScorerSegment *segments;
	CsDetail	detail;

	if (site == NULL)
		PG_RETURN_NULL();
	scorer = site->scoring.scorer;
	segments = CsScorerSegments(scorer);
	detail = CsCallSiteDetail(site);
	if (detail.index < 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(CsRowForm(CsCallSiteDesc(fcinfo, site),
							  CsValues(CsValueInt4(segments[detail.index].segment),
									   CsValueText(CsScorerAt(scorer, char, segments[detail.index].name)),
									   CsValueFloat8(detail.placed.distance),
									   CsValueFloat8(detail.placed.confidence),
									   detail.placed.runner_up < 0 ? CsValueNull(INT4OID) :
									   CsValueInt4(segments[detail.placed.runner_up].segment),
									   detail.memberships == NULL ? CsValueNull(FLOAT8ARRAYOID) :
									   CsValueNumbers(detail.memberships, scorer->nsegments))));
}

/* predict_detail(model, customer, version) */
Datum
custseg_predict_detail(PG_FUNCTION_ARGS)
{
	return SegmentDetail(fcinfo, CsCallSiteForModel(fcinfo));
}

/* predict_detail(scorer, customer): the same of a model that is given by value */
Datum
custseg_predict_detail_scorer(PG_FUNCTION_ARGS)
{
	return SegmentDetail(fcinfo, CsCallSiteForScorer(fcinfo));
}

/* The arguments of scorer(). */
enum
{
	SCORER_MODEL, SCORER_VERSION
};

/* scorer(model, version): the compiled model by value */
Datum
custseg_scorer(PG_FUNCTION_ARGS)
{
	char	   *model = CsTextArgument(fcinfo, SCORER_MODEL);
	const CsScorer *scorer;
	CsScorer   *result;

	if (model == NULL)
		PG_RETURN_NULL();
	scorer = CsCacheGet(model, CsVersionArgument(fcinfo, SCORER_VERSION));
	result = CsScorerValue(scorer);
	if (CsOverridesHold(scorer))
		ereport(NOTICE,
				(errmsg("decisions by hand for customers of model \"%s\" do not reach who scores with its compiled form",
						model),
				 errhint("Score with the name of the model where exclusions and overrides must hold.")));
	PG_RETURN_POINTER(result);
}
