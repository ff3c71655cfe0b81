/*
 * arm_aggregates.c
 *	  Aggregates over the customers of two arms: proportion_test, welch_test, ratio_test, cuped_test.
 *
 * States are flat values declared as bytea, updated in place, so that partial aggregates combine across
 * processes and servers: counts of label pairs (stat/agreement.c), moments by group (stat/grouped_moments.c)
 * and moments of pairs (stat/paired_arms.c), where a customer of the control has the label or group 0.  A
 * customer without a value or an arm is left out, as is NaN; an infinite value is an error.
 */
#include "custseg.h"

#include <math.h>

#include "experiment/experiment.h"
#include "stat/agreement.h"
#include "stat/grouped.h"
#include "stat/paired_arms.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(custseg_proportion_accum);
PG_FUNCTION_INFO_V1(custseg_proportion_test_final);
PG_FUNCTION_INFO_V1(custseg_arm_moments_accum);
PG_FUNCTION_INFO_V1(custseg_welch_test_final);
PG_FUNCTION_INFO_V1(custseg_ratio_accum);
PG_FUNCTION_INFO_V1(custseg_cuped_accum);
PG_FUNCTION_INFO_V1(custseg_outcome_accum);
PG_FUNCTION_INFO_V1(custseg_outcome_of_nobody);
PG_FUNCTION_INFO_V1(custseg_paired_arms_combine);
PG_FUNCTION_INFO_V1(custseg_ratio_test_final);
PG_FUNCTION_INFO_V1(custseg_cuped_test_final);

#define CONFIDENCE 0.95

/* A number, NaN for NULL.  An infinite one is an error. */
static double
NumberOrNaN(FunctionCallInfo fcinfo, int argument)
{
	double		value = PG_ARGISNULL(argument) ? NAN : PG_GETARG_FLOAT8(argument);

	if (isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("arms cannot be compared by an infinite value"),
				 errhint("Leave such customers out: FILTER (WHERE abs(value) < 'infinity').")));
	return value;
}

/* proportion_accum(state, success, is_treatment): count a customer */
Datum
custseg_proportion_accum(PG_FUNCTION_ARGS)
{
	CsPairTable *table;

	(void) CsAggregateContext(fcinfo, "proportion_test");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return CsAggregateState(fcinfo);
	if (PG_ARGISNULL(0))
		table = CsPairTableCreate();
	else
	{
		table = (CsPairTable *) PG_GETARG_BYTEA_P(0);
		CsPairTableCheck(table);
	}
	PG_RETURN_POINTER(CsPairTableAdd(table, PG_GETARG_BOOL(1), PG_GETARG_BOOL(2), 1));
}

/* proportion_test_final(state): a row of proportion_test_result */
Datum
custseg_proportion_test_final(PG_FUNCTION_ARGS)
{
	CsProportions p = {{0}, {0}};

	if (!PG_ARGISNULL(0))
	{
		CsPairTable *table = (CsPairTable *) PG_GETARG_BYTEA_P_COPY(0);

		CsPairTableCheckAll(table);
		for (int32 i = 0; i < table->capacity; i++)
		{
			const CsLabelPair *slot = &table->slot[i];
			int			arm = slot->b == 0 ? CS_CONTROL : CS_TREATMENT;

			p.n[arm] += slot->count;
			if (slot->a != 0)
				p.successes[arm] += slot->count;
		}
	}
	return CsFormProportions(fcinfo, &p, CONFIDENCE);
}

/* arm_moments_accum(state, value, is_treatment) */
Datum
custseg_arm_moments_accum(PG_FUNCTION_ARGS)
{
	CsGroupedMoments *moments;
	double		value;

	(void) CsAggregateContext(fcinfo, "welch_test");
	value = NumberOrNaN(fcinfo, 1);
	if (isnan(value) || PG_ARGISNULL(2))
		return CsAggregateState(fcinfo);
	if (PG_ARGISNULL(0))
		moments = CsGroupedMomentsCreate();
	else
	{
		moments = (CsGroupedMoments *) PG_GETARG_BYTEA_P(0);
		CsGroupedMomentsCheck(moments);
	}
	PG_RETURN_POINTER(CsGroupedMomentsAdd(moments, PG_GETARG_BOOL(2) ? CS_TREATMENT : CS_CONTROL, value));
}

/* The moments of the arms as arms. */
static CsArms
ArmsOfMoments(CsGroupedMoments *moments)
{
	CsMoments	all,
				none = {0};
	CsArms		arms = {.scale = CsAlignGroups(moments->group, moments->ngroups, &all)};
	const CsMoments *of[CS_ARMS] = {&none, &none};

	for (int g = 0; g < moments->ngroups; g++)
		of[moments->group[g].group == CS_CONTROL ? CS_CONTROL : CS_TREATMENT] = &moments->group[g].m;
	for (int a = 0; a < CS_ARMS; a++)
	{
		arms.n[a] = of[a]->n;
		arms.mean[a] = of[a]->mean + of[a]->rest;
		arms.variance[a] = of[a]->m2 / (double) (arms.n[a] - 1);
	}
	arms.difference = CsMeansApart(of[CS_TREATMENT], of[CS_CONTROL]);
	return arms;
}

/* welch_test_final(state): a row of mean_test_result */
Datum
custseg_welch_test_final(PG_FUNCTION_ARGS)
{
	CsArmsTest	test = {.confidence = CONFIDENCE};
	CsArms		arms = {.scale = 1};

	if (!PG_ARGISNULL(0))
	{
		CsGroupedMoments *moments = (CsGroupedMoments *) PG_GETARG_BYTEA_P_COPY(0);

		CsGroupedMomentsCheckAll(moments);
		arms = ArmsOfMoments(moments);
	}
	return CsFormArms(fcinfo, &arms, &test);
}

/* Add a customer of an arm to the state of an aggregate over pairs. */
static Datum
AddPair(FunctionCallInfo fcinfo, int arm, double value, double partner)
{
	CsPairedArms *arms;

	if (PG_ARGISNULL(0))
		arms = CsPairedArmsCreate();
	else
	{
		arms = (CsPairedArms *) PG_GETARG_BYTEA_P(0);
		CsPairedArmsCheck(arms);
	}
	CsPairedArmsAdd(arms, arm, value, partner);
	PG_RETURN_POINTER(arms);
}

/* The same of an aggregate whose arguments are state, value, partner, is_treatment. */
static Datum
AccumulatePair(FunctionCallInfo fcinfo, const char *aggregate, bool needs_partner)
{
	double		value,
				partner;

	(void) CsAggregateContext(fcinfo, aggregate);
	value = NumberOrNaN(fcinfo, 1);
	partner = NumberOrNaN(fcinfo, 2);
	if (isnan(value) || (needs_partner && isnan(partner)) || PG_ARGISNULL(3))
		return CsAggregateState(fcinfo);
	return AddPair(fcinfo, PG_GETARG_BOOL(3) ? CS_TREATMENT : CS_CONTROL, value, partner);
}

/* ratio_accum(state, numerator, denominator, is_treatment) */
Datum
custseg_ratio_accum(PG_FUNCTION_ARGS)
{
	return AccumulatePair(fcinfo, "ratio_test", true);
}

/* cuped_accum(state, value, covariate, is_treatment): a customer without a covariate counts, too */
Datum
custseg_cuped_accum(PG_FUNCTION_ARGS)
{
	return AccumulatePair(fcinfo, "cuped_test", false);
}

/* A finite number of a metric's outcomes. */
static double
OutcomeNumber(FunctionCallInfo fcinfo, int argument)
{
	double		value = PG_GETARG_FLOAT8(argument);

	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("metric \"%s\" has %s among its values", text_to_cstring(PG_GETARG_TEXT_PP(3)),
						isnan(value) ? "NaN" : "an infinite one"),
				 errhint("Put it right in the outcomes: leaving customers out would make the variants differ.")));
	return value;
}

/* outcome_accum(state, value, partner, metric): a customer of one variant, as one of the control */
Datum
custseg_outcome_accum(PG_FUNCTION_ARGS)
{
	(void) CsAggregateContext(fcinfo, "outcome_moments");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(3))
		return CsAggregateState(fcinfo);
	return AddPair(fcinfo, CS_CONTROL, OutcomeNumber(fcinfo, 1), PG_ARGISNULL(2) ? NAN : OutcomeNumber(fcinfo, 2));
}

/* outcome_of_nobody(is_nobody): true, unless it is the outcome of nobody, an error */
Datum
custseg_outcome_of_nobody(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0) && PG_GETARG_BOOL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an outcome has no customer"),
				 errhint("Leave such rows out: a query with WHERE can be a source, too.")));
	PG_RETURN_BOOL(true);
}

/* paired_arms_combine(state, state) */
Datum
custseg_paired_arms_combine(PG_FUNCTION_ARGS)
{
	CsPairedArms *arms,
			   *other;

	(void) CsAggregateContext(fcinfo, "ratio_test");
	if (PG_ARGISNULL(1))
		return CsAggregateState(fcinfo);
	/* a copy, for in a tuple it need not be aligned */
	other = (CsPairedArms *) PG_GETARG_BYTEA_P_COPY(1);
	CsPairedArmsCheckAll(other);
	if (PG_ARGISNULL(0))
		PG_RETURN_POINTER(other);
	arms = (CsPairedArms *) PG_GETARG_BYTEA_P(0);
	CsPairedArmsCheck(arms);
	CsPairedArmsMerge(arms, other);
	PG_RETURN_POINTER(arms);
}

/* The state of a final function, which may be changed; one without customers when there was no row. */
static CsPairedArms *
FinalArms(FunctionCallInfo fcinfo)
{
	CsPairedArms *arms;

	if (PG_ARGISNULL(0))
		return CsPairedArmsCreate();
	arms = (CsPairedArms *) PG_GETARG_BYTEA_P_COPY(0);
	CsPairedArmsCheckAll(arms);
	return arms;
}

/* ratio_test_final(state): a row of mean_test_result */
Datum
custseg_ratio_test_final(PG_FUNCTION_ARGS)
{
	CsArmsTest	test = {.confidence = CONFIDENCE, .is_normal = true};
	CsArms		arms = CsRatioArms(FinalArms(fcinfo));

	return CsFormArms(fcinfo, &arms, &test);
}

/* cuped_test_final(state): a row of cuped_test_result */
Datum
custseg_cuped_test_final(PG_FUNCTION_ARGS)
{
	CsArmsTest	test = {.confidence = CONFIDENCE};
	CsAdjustment a = CsCupedArms(FinalArms(fcinfo));
	CsArmsResult r = CsArmsCompare(&a.adjusted, &test),
				plain = CsArmsCompare(&a.unadjusted, &test);
	double		ratio = r.error / plain.error;
	CsValue		row[CS_ARMS_COLUMNS + 2];

	CsArmsValues(&a.adjusted, &r, row);
	row[CS_ARMS_COLUMNS] = CsValueFloat8(a.theta);
	row[CS_ARMS_COLUMNS + 1] = CsValueFloat8(ratio * ratio);
	return CsResultRow(fcinfo, row, lengthof(row));
}
