/*
 * plan.c
 *	  Before an experiment: sample_size, minimum_effect, power.
 *
 * All take a share that converts (baseline) or a mean by its standard deviation (sd); of a ratio, sd is the
 * standard error of ratio_test() for one customer.  How one is going to look decides which |z| counts as an
 * effect: once, a number of times at a plan, or at any time.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "experiment/experiment.h"
#include "stat/sample_size.h"
#include "stat/sequential.h"

PG_FUNCTION_INFO_V1(custseg_sample_size);
PG_FUNCTION_INFO_V1(custseg_minimum_effect);
PG_FUNCTION_INFO_V1(custseg_power);

/* The arguments of sample_size(); after the first, those of all but power and n_control are shared. */
enum
{
	SIZE_EFFECT, SIZE_DESIGN, SIZE_POWER = SIZE_DESIGN + 9
};

/* The arguments of minimum_effect(). */
enum
{
	EFFECT_N_CONTROL, EFFECT_DESIGN, EFFECT_POWER = EFFECT_DESIGN + 9
};

/* The arguments of power(). */
enum
{
	POWER_EFFECT, POWER_N_CONTROL, POWER_DESIGN
};

/* Arguments that all have, from the first one of them on. */
enum
{
	DESIGN_BASELINE, DESIGN_SD, DESIGN_SD_TREATMENT, DESIGN_ALLOCATION, DESIGN_ALPHA,
	DESIGN_CORRELATION, DESIGN_N_SEGMENTS, DESIGN_METHOD, DESIGN_N_LOOKS
};

/* The boundary of the last one of n looks after equal shares of the plan. */
static double
LastBoundary(double alpha, int n)
{
	double	   *shares = palloc(sizeof(double) * n);
	CsSpending *looks = palloc(sizeof(CsSpending) * n);

	for (int i = 0; i < n; i++)
		shares[i] = (i + 1.0) / n;
	CsSpendingBoundaries(shares, n, alpha, looks);
	return looks[n - 1].boundary;
}

/* The |z| that counts as an effect at the end, by the way of looking. */
static double
CriticalValue(FunctionCallInfo fcinfo, int first)
{
	double		alpha = CsNumberOr(fcinfo, first + DESIGN_ALPHA, "alpha", CS_NUMBER_PROBABILITY, 0.05) /
		CsCountOr(fcinfo, first + DESIGN_N_SEGMENTS, "n_segments", CS_MAX_SEGMENTS, 1);
	int			n = CsCountOr(fcinfo, first + DESIGN_N_LOOKS, "n_looks", CS_MAX_LOOKS, 5);
	char	   *method = PG_ARGISNULL(first + DESIGN_METHOD) ? "fixed" : CsTextArgument(fcinfo, first + DESIGN_METHOD);

	if (strcmp(method, "fixed") == 0)
		return gsl_cdf_ugaussian_Qinv(alpha / 2);
	if (strcmp(method, "spending") == 0)
		return LastBoundary(alpha, n);
	if (strcmp(method, "anytime") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized method \"%s\"", method),
				 errhint("Methods are fixed, spending, anytime.")));
	return CsAnytimeMultiplier(alpha, 1);
}

/* The plan that the arguments from "first" on describe. */
static CsPlan
PlanArguments(FunctionCallInfo fcinfo, int first)
{
	CsPlan		plan = {.is_share = !PG_ARGISNULL(first + DESIGN_BASELINE)};
	double		correlation = CsNumberOr(fcinfo, first + DESIGN_CORRELATION, "correlation", CS_NUMBER_FINITE, 0);

	if (plan.is_share == !PG_ARGISNULL(first + DESIGN_SD))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("one of \"baseline\" and \"sd\" must be given"),
				 errhint("Give the share that converts as baseline, or the standard deviation of a mean or a ratio as sd.")));
	if (fabs(correlation) >= 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"correlation\" must be between -1 and 1, both left out"),
				 errdetail("It is %g.", correlation)));
	plan.baseline = CsNumberOr(fcinfo, first + DESIGN_BASELINE, "baseline", CS_NUMBER_SHARE, 0);
	plan.sd[CS_CONTROL] = CsNumberOr(fcinfo, first + DESIGN_SD, "sd", CS_NUMBER_POSITIVE, 1);
	plan.sd[CS_TREATMENT] = CsNumberOr(fcinfo, first + DESIGN_SD_TREATMENT, "sd_treatment", CS_NUMBER_POSITIVE,
									   plan.sd[CS_CONTROL]);
	plan.allocation = CsNumberOr(fcinfo, first + DESIGN_ALLOCATION, "allocation", CS_NUMBER_POSITIVE, 1);
	plan.remaining = (1 - correlation) * (1 + correlation);
	plan.critical = CriticalValue(fcinfo, first);
	return plan;
}

/* An effect, which must leave a share a share. */
static double
EffectArgument(FunctionCallInfo fcinfo, int argument, const CsPlan *plan)
{
	double		effect = CsNumberArgument(fcinfo, argument, "effect", CS_NUMBER_FINITE),
				share = plan->baseline + effect;

	/* baseline and effect add up to 1 but for rounding */
	if (plan->is_share && (share < -1e-12 || share > 1 + 1e-12))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"baseline\" and \"effect\" must add up to a share from 0 to 1"),
				 errdetail("They add up to %g.", share),
				 errhint("The effect is the difference of two shares: 10 %% more than 0.05 are an effect of 0.005.")));
	return effect;
}

/* A power, which must be above what chance gives. */
static double
PowerArgument(FunctionCallInfo fcinfo, int argument, int first)
{
	double		power = CsNumberOr(fcinfo, argument, "power", CS_NUMBER_PROBABILITY, 0.8),
				alpha = CsNumberOr(fcinfo, first + DESIGN_ALPHA, "alpha", CS_NUMBER_PROBABILITY, 0.05);

	if (power <= alpha)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"power\" must be above \"alpha\""),
				 errdetail("They are %g and %g.", power, alpha)));
	return power;
}

/* Customers, rounded up. */
static int64
RoundUp(double n)
{
	if (!(n < 9e18))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the effect is too small for any number of customers")));
	return (int64) ceil(n);
}

/* sample_size(effect, baseline, ...): a row */
Datum
custseg_sample_size(PG_FUNCTION_ARGS)
{
	CsPlan		plan;
	double		effect,
				n;
	int64		control,
				treatment;

	if (PG_ARGISNULL(SIZE_EFFECT))
		PG_RETURN_NULL();
	plan = PlanArguments(fcinfo, SIZE_DESIGN);
	effect = EffectArgument(fcinfo, SIZE_EFFECT, &plan);
	if (effect == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"effect\" must not be 0"),
				 errhint("Give the smallest effect that is worth acting on.")));
	n = CsPlanSize(&plan, effect, PowerArgument(fcinfo, SIZE_POWER, SIZE_DESIGN));
	control = RoundUp(n);
	treatment = RoundUp(n * plan.allocation);
	(void) RoundUp((double) control + (double) treatment);
	return CsResultRow(fcinfo, CsValues(CsValueInt8(control), CsValueInt8(treatment),
										CsValueInt8(control + treatment), CsValueFloat8(n),
										CsValueFloat8(plan.critical)));
}

/* minimum_effect(n_control, baseline, ...) */
Datum
custseg_minimum_effect(PG_FUNCTION_ARGS)
{
	CsPlan		plan;
	double		n,
				effect;

	if (PG_ARGISNULL(EFFECT_N_CONTROL))
		PG_RETURN_NULL();
	plan = PlanArguments(fcinfo, EFFECT_DESIGN);
	n = CsNumberArgument(fcinfo, EFFECT_N_CONTROL, "n_control", CS_NUMBER_POSITIVE);
	effect = CsPlanEffect(&plan, n, PowerArgument(fcinfo, EFFECT_POWER, EFFECT_DESIGN));
	if (isnan(effect))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(effect);
}

/* power(effect, n_control, baseline, ...) */
Datum
custseg_power(PG_FUNCTION_ARGS)
{
	CsPlan		plan;
	double		effect,
				power;

	if (PG_ARGISNULL(POWER_EFFECT) || PG_ARGISNULL(POWER_N_CONTROL))
		PG_RETURN_NULL();
	plan = PlanArguments(fcinfo, POWER_DESIGN);
	effect = EffectArgument(fcinfo, POWER_EFFECT, &plan);
	power = CsPlanPower(&plan, effect, CsNumberArgument(fcinfo, POWER_N_CONTROL, "n_control", CS_NUMBER_POSITIVE));
	if (isnan(power))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(power);
}
