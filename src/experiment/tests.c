/*
 * tests.c
 *	  Tests of experiments from what was counted or summed up: proportion_test, fisher_exact, welch_test,
 *	  srm_test, heterogeneity.
 */
#include "custseg.h"

#include <math.h>

#include "common/int.h"
#include "experiment/experiment.h"
#include "stat/tests.h"

PG_FUNCTION_INFO_V1(custseg_proportion_test);
PG_FUNCTION_INFO_V1(custseg_fisher_exact);
PG_FUNCTION_INFO_V1(custseg_welch_test);
PG_FUNCTION_INFO_V1(custseg_srm_test);
PG_FUNCTION_INFO_V1(custseg_heterogeneity);

/* The arguments of proportion_test() and fisher_exact(). */
enum
{
	ARG_SUCCESSES_CONTROL, ARG_N_CONTROL, ARG_SUCCESSES_TREATMENT, ARG_N_TREATMENT, ARG_CONFIDENCE
};

/* The arguments of welch_test(). */
enum
{
	WELCH_N_CONTROL, WELCH_MEAN_CONTROL, WELCH_VARIANCE_CONTROL,
	WELCH_N_TREATMENT, WELCH_MEAN_TREATMENT, WELCH_VARIANCE_TREATMENT,
	WELCH_CONFIDENCE, WELCH_BY_LARGER_ERROR
};

/* The arguments of srm_test(). */
enum
{
	ARG_COUNTS, ARG_WEIGHTS
};

/* The arguments of heterogeneity(). */
enum
{
	ARG_DIFFERENCES, ARG_STANDARD_ERRORS
};

/* Most variants of an experiment. */
#define MAX_VARIANTS 1000

/* OUT the CS_ARMS_COLUMNS columns of mean_test_result. */
void
CsArmsValues(const CsArms *arms, const CsArmsResult *r, CsValue *row)
{
	const CsValue values[CS_ARMS_COLUMNS] = {
		CsValueInt8(arms->n[CS_CONTROL]), CsValueInt8(arms->n[CS_TREATMENT]),
		CsValueFloat8(r->mean[CS_CONTROL]), CsValueFloat8(r->mean[CS_TREATMENT]),
		CsValueFloat8(r->difference), CsValueFloat8(r->error), CsValueFloat8(r->larger_error),
		CsValueFloat8(r->statistic), CsValueFloat8(r->df), CsValueFloat8(r->p), CsValueFloat8(r->low),
		CsValueFloat8(r->high), CsValueFloat8(r->lift), CsValueFloat8(r->lift_low), CsValueFloat8(r->lift_high)
	};

	memcpy(row, values, sizeof(values));
}

/* A row of mean_test_result. */
Datum
CsFormArms(FunctionCallInfo fcinfo, const CsArms *arms, const CsArmsTest *test)
{
	CsArmsResult r = CsArmsCompare(arms, test);
	CsValue		row[CS_ARMS_COLUMNS];

	CsArmsValues(arms, &r, row);
	return CsResultRow(fcinfo, row, CS_ARMS_COLUMNS);
}

/* A row of proportion_test_result. */
Datum
CsFormProportions(FunctionCallInfo fcinfo, const CsProportions *p, double confidence)
{
	CsProportionsResult r = CsProportionsCompare(p, confidence);

	return CsResultRow(fcinfo, CsValues(CsValueInt8(p->n[CS_CONTROL]), CsValueInt8(p->n[CS_TREATMENT]),
										CsValueInt8(p->successes[CS_CONTROL]),
										CsValueInt8(p->successes[CS_TREATMENT]),
										CsValueFloat8(r.share[CS_CONTROL]), CsValueFloat8(r.share[CS_TREATMENT]),
										CsValueFloat8(r.difference), CsValueFloat8(r.low),
										CsValueFloat8(r.high), CsValueFloat8(r.z), CsValueFloat8(r.p),
										CsValueText(isnan(r.p) ? NULL : r.is_exact ? "Fisher" : "z"),
										CsValueFloat8(r.lift), CsValueFloat8(r.lift_low),
										CsValueFloat8(r.lift_high)));
}

/* proportion_test(successes_control, n_control, successes_treatment, n_treatment, confidence) */
Datum
custseg_proportion_test(PG_FUNCTION_ARGS)
{
	CsProportions p = CsProportionsArguments(fcinfo, ARG_SUCCESSES_CONTROL);

	return CsFormProportions(fcinfo, &p,
							 CsNumberArgument(fcinfo, ARG_CONFIDENCE, "confidence", CS_NUMBER_PROBABILITY));
}

/* fisher_exact(successes_control, n_control, successes_treatment, n_treatment): p */
Datum
custseg_fisher_exact(PG_FUNCTION_ARGS)
{
	CsProportions p = CsProportionsArguments(fcinfo, ARG_SUCCESSES_CONTROL);
	double		p_value;

	if (CsFisherVariance(&p) > CS_FISHER_MAX_VARIANCE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("counts are too large for an exact test"),
				 errhint("Use custseg.proportion_test(), which is as good where many customers of each kind are expected.")));
	p_value = CsFisherExact(&p);
	if (isnan(p_value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(p_value);
}

/*
 * welch_test(n_control, mean_control, variance_control, n_treatment, mean_treatment, variance_treatment,
 * confidence, by_larger_error)
 */
Datum
custseg_welch_test(PG_FUNCTION_ARGS)
{
	CsArms		arms = {
		.n = {
			CsCountArgument(fcinfo, WELCH_N_CONTROL, "n_control"),
			CsCountArgument(fcinfo, WELCH_N_TREATMENT, "n_treatment")
		},
		.mean = {
			CsNumberArgument(fcinfo, WELCH_MEAN_CONTROL, "mean_control", CS_NUMBER_FINITE),
			CsNumberArgument(fcinfo, WELCH_MEAN_TREATMENT, "mean_treatment", CS_NUMBER_FINITE)
		},
		.variance = {
			CsNumberArgument(fcinfo, WELCH_VARIANCE_CONTROL, "variance_control", CS_NUMBER_NOT_NEGATIVE),
			CsNumberArgument(fcinfo, WELCH_VARIANCE_TREATMENT, "variance_treatment", CS_NUMBER_NOT_NEGATIVE)
		},
		.scale = 1
	};
	CsArmsTest	test = {
		.confidence = CsNumberArgument(fcinfo, WELCH_CONFIDENCE, "confidence", CS_NUMBER_PROBABILITY),
		.by_larger = PG_GETARG_BOOL(WELCH_BY_LARGER_ERROR)
	};

	arms.difference = arms.mean[CS_TREATMENT] - arms.mean[CS_CONTROL];
	return CsFormArms(fcinfo, &arms, &test);
}

/* The counts of the variants, palloc'd.  OUT k and their sum. */
static int64 *
CountsArgument(FunctionCallInfo fcinfo, int *k, int64 *sum)
{
	Datum	   *elements;
	bool	   *nulls;
	int64	   *counts;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ARG_COUNTS), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, &nulls, k);
	if (*k < 2 || *k > MAX_VARIANTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"counts\" must have 2 to %d elements", MAX_VARIANTS),
				 errdetail("It has %d.", *k)));
	counts = palloc(sizeof(int64) * *k);
	*sum = 0;
	for (int v = 0; v < *k; v++)
	{
		counts[v] = nulls[v] ? -1 : DatumGetInt64(elements[v]);
		if (counts[v] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"counts[%d]\" must be a number of customers, 0 or more", v + 1)));
		if (pg_add_s64_overflow(*sum, counts[v], sum))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("\"counts\" are too large to add up")));
	}
	return counts;
}

/* The weights of k variants, palloc'd; all 1 for NULL. */
static double *
WeightsArgument(FunctionCallInfo fcinfo, int k)
{
	double	   *weights;
	int			n = k;

	if (PG_ARGISNULL(ARG_WEIGHTS))
	{
		weights = palloc(sizeof(double) * k);
		for (int v = 0; v < k; v++)
			weights[v] = 1;
		return weights;
	}
	weights = CsNumbersArgument(fcinfo, ARG_WEIGHTS, "weights", CS_NUMBER_POSITIVE, &n);
	if (n != k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"weights\" must have as many elements as \"counts\""),
				 errdetail("There are %d weights and %d counts.", n, k)));
	for (int v = 0; v < k; v++)
		(void) CsCheckNumber(weights[v], psprintf("weights[%d]", v + 1), CS_NUMBER_POSITIVE);
	return weights;
}

/* What is to be said of a split. */
static char *
ReasonOf(const CsSampleRatio *r)
{
	if (r->least_expected < CS_MIN_EXPECTED)
		return psprintf("fewer than %d customers are expected in a variant", CS_MIN_EXPECTED);
	if (r->p < CS_MISMATCH_P)
		return psprintf("chance alone gives a split as far off as this with probability %.2g: who is missing in a variant may differ from who is there, so that no effect can be believed before the cause is found", r->p);
	return psprintf("chance alone gives a split as far off as this with probability %.2g", r->p);
}

/* srm_test(counts, weights) */
Datum
custseg_srm_test(PG_FUNCTION_ARGS)
{
	int			k;
	int64		n;
	int64	   *counts;
	CsSampleRatio r;

	if (PG_ARGISNULL(ARG_COUNTS))
		PG_RETURN_NULL();
	counts = CountsArgument(fcinfo, &k, &n);
	r = CsSampleRatioTest(counts, WeightsArgument(fcinfo, k), k);
	return CsResultRow(fcinfo, CsValues(CsValueFloat8(r.statistic), CsValueFloat8(r.df), CsValueFloat8(r.p),
										CsValueInt8(n),
										CsValueText(r.least_expected < CS_MIN_EXPECTED ? "insufficient data" :
													r.p < CS_MISMATCH_P ? "mismatch" : "ok"),
										CsValueText(ReasonOf(&r))));
}

/* heterogeneity(differences, standard_errors) */
Datum
custseg_heterogeneity(PG_FUNCTION_ARGS)
{
	int			n,
				nerrors;
	double	   *effects = CsNumbersArgument(fcinfo, ARG_DIFFERENCES, "differences", CS_NUMBER_FINITE, &n),
			   *errors = CsNumbersArgument(fcinfo, ARG_STANDARD_ERRORS, "standard_errors",
										   CS_NUMBER_NOT_NEGATIVE, &nerrors);
	CsHeterogeneity h;

	if (n != nerrors)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"standard_errors\" must have as many elements as \"differences\""),
				 errdetail("There are %d standard errors and %d differences.", nerrors, n)));
	h = CsCochranQ(effects, errors, n);
	return CsResultRow(fcinfo, CsValues(CsValueFloat8(h.q), CsValueFloat8(h.df), CsValueFloat8(h.p),
										CsValueFloat8(h.i_squared), CsValueFloat8(h.mean),
										CsValueFloat8(h.error), CsValueInt4(h.n)));
}
