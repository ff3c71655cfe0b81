/*
 * intervals.c
 *	  Intervals of a share, of a difference of two shares, and of an effect that is looked at before the
 *	  end of an experiment: wilson_interval, newcombe_interval, anytime_interval, spending_boundaries.
 */
#include "custseg.h"

#include <math.h>

#include "experiment/experiment.h"
#include "stat/sequential.h"
#include "stat/shares.h"

PG_FUNCTION_INFO_V1(custseg_wilson_interval);
PG_FUNCTION_INFO_V1(custseg_newcombe_interval);
PG_FUNCTION_INFO_V1(custseg_anytime_interval);
PG_FUNCTION_INFO_V1(custseg_spending_boundaries);

/* The arguments of wilson_interval(). */
enum
{
	ARG_SUCCESSES, ARG_N, ARG_CONFIDENCE
};

/* The arguments of newcombe_interval(). */
enum
{
	NEWCOMBE_COUNTS = 0, NEWCOMBE_CONFIDENCE = 4
};

/* The arguments of anytime_interval(). */
enum
{
	ANYTIME_DIFFERENCE, ANYTIME_STANDARD_ERROR, ANYTIME_INFORMATION_SHARE, ANYTIME_CONFIDENCE
};

/* The arguments of spending_boundaries(). */
enum
{
	ARG_INFORMATION_SHARES, ARG_ALPHA
};

/* wilson_interval(successes, n, confidence) */
Datum
custseg_wilson_interval(PG_FUNCTION_ARGS)
{
	double		successes = CsNumberArgument(fcinfo, ARG_SUCCESSES, "successes", CS_NUMBER_NOT_NEGATIVE),
				n = CsNumberArgument(fcinfo, ARG_N, "n", CS_NUMBER_NOT_NEGATIVE),
				confidence = CsNumberArgument(fcinfo, ARG_CONFIDENCE, "confidence", CS_NUMBER_PROBABILITY),
				low = NAN,
				high = NAN;

	if (successes > n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"successes\" must not exceed \"n\""),
				 errdetail("%g of %g are too many.", successes, n)));
	if (n > 0)
		CsWilsonInterval(successes, n, confidence, &low, &high);
	return CsResultRow(fcinfo, CsValues(CsValueFloat8(successes / n), CsValueFloat8(low), CsValueFloat8(high)));
}

/* newcombe_interval(successes_control, n_control, successes_treatment, n_treatment, confidence) */
Datum
custseg_newcombe_interval(PG_FUNCTION_ARGS)
{
	CsProportions p = CsProportionsArguments(fcinfo, NEWCOMBE_COUNTS);
	double		confidence = CsNumberArgument(fcinfo, NEWCOMBE_CONFIDENCE, "confidence", CS_NUMBER_PROBABILITY),
				low,
				high;

	CsNewcombeInterval(&p, confidence, &low, &high);
	return CsResultRow(fcinfo, CsValues(CsValueFloat8(CsSharesApart(&p)), CsValueFloat8(low), CsValueFloat8(high)));
}

/* anytime_interval(difference, standard_error, information_share, confidence) */
Datum
custseg_anytime_interval(PG_FUNCTION_ARGS)
{
	CsAnytime	a = CsAnytimeInterval(CsNumberArgument(fcinfo, ANYTIME_DIFFERENCE, "difference", CS_NUMBER_FINITE),
									  CsNumberArgument(fcinfo, ANYTIME_STANDARD_ERROR, "standard_error",
													   CS_NUMBER_NOT_NEGATIVE),
									  CsNumberArgument(fcinfo, ANYTIME_INFORMATION_SHARE, "information_share",
													   CS_NUMBER_POSITIVE),
									  1 - CsNumberArgument(fcinfo, ANYTIME_CONFIDENCE, "confidence",
														   CS_NUMBER_PROBABILITY));

	return CsResultRow(fcinfo, CsValues(CsValueFloat8(a.low), CsValueFloat8(a.high), CsValueFloat8(a.p)));
}

/* Looks must be at shares that are there, and in their order. */
static void
CheckLooks(const double *shares, int n)
{
	if (n > CS_MAX_LOOKS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d looks are too many", n),
				 errdetail("At most %d are planned.", CS_MAX_LOOKS)));
	for (int i = 0; i < n; i++)
	{
		(void) CsCheckNumber(shares[i], psprintf("information_shares[%d]", i + 1), CS_NUMBER_POSITIVE);
		if (i > 0 && shares[i] < shares[i - 1])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"information_shares\" must ascend"),
					 errdetail("After %g comes %g.", shares[i - 1], shares[i]),
					 errhint("Give the share of the planned information that is there at each look, such as {0.25,0.5,0.75,1}.")));
	}
}

/* spending_boundaries(information_shares, alpha) */
Datum
custseg_spending_boundaries(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	int			n;
	double	   *shares = CsNumbersArgument(fcinfo, ARG_INFORMATION_SHARES, "information_shares",
										   CS_NUMBER_POSITIVE, &n),
				alpha = CsNumberArgument(fcinfo, ARG_ALPHA, "alpha", CS_NUMBER_PROBABILITY);
	CsSpending *looks = palloc(sizeof(CsSpending) * Max(n, 1));

	CheckLooks(shares, n);
	CsSpendingBoundaries(shares, n, alpha, looks);
	for (int i = 0; i < n; i++)
		CsResultPut(result, CsValues(CsValueInt4(i + 1), CsValueFloat8(shares[i]),
									 CsValueFloat8(looks[i].spent), CsValueFloat8(looks[i].boundary)));
	return (Datum) 0;
}
