/*
 * two_sample_aggregates.c
 *	  ks_test, cramer_von_mises, psi, wasserstein, jensen_shannon and hellinger of numbers: aggregates over a value and whether
 *	  it is of the current sample, and functions of two arrays.
 *
 * All of them collect the same state, so PostgreSQL collects it once for several aggregates over
 * the same arguments, and it is sorted once.  Rows without a value or a flag, and NaN, are left
 * out.  When a sample has no value the result is NULL, or a row with NULLs and both counts.
 */
#include "custseg.h"

#include <math.h>

#include "access/tupmacs.h"
#include "call/call.h"
#include "miscadmin.h"
#include "stat/result.h"
#include "stat/two_sample.h"
#include "utils/array.h"

PG_FUNCTION_INFO_V1(custseg_two_sample_accum);
PG_FUNCTION_INFO_V1(custseg_two_sample_combine);
PG_FUNCTION_INFO_V1(custseg_ks_test_final);
PG_FUNCTION_INFO_V1(custseg_psi_final);
PG_FUNCTION_INFO_V1(custseg_wasserstein_final);
PG_FUNCTION_INFO_V1(custseg_jensen_shannon_final);
PG_FUNCTION_INFO_V1(custseg_hellinger_final);
PG_FUNCTION_INFO_V1(custseg_cramer_von_mises_final);
PG_FUNCTION_INFO_V1(custseg_ks_test_arrays);
PG_FUNCTION_INFO_V1(custseg_ks_test_quantiles);
PG_FUNCTION_INFO_V1(custseg_psi_arrays);
PG_FUNCTION_INFO_V1(custseg_wasserstein_arrays);
PG_FUNCTION_INFO_V1(custseg_jensen_shannon_arrays);
PG_FUNCTION_INFO_V1(custseg_hellinger_arrays);
PG_FUNCTION_INFO_V1(custseg_cramer_von_mises_arrays);
PG_FUNCTION_INFO_V1(custseg_benjamini_hochberg);
PG_FUNCTION_INFO_V1(custseg_holm);

/* A number of bins, checked. */
static int
CheckBins(int bins)
{
	if (bins < 2 || bins > CS_MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of bins must be between 2 and %d", CS_MAX_BINS),
				 errdetail("Got %d.", bins)));
	return bins;
}

/* The fourth argument where the aggregate has one: the number of bins. */
static int
BinsArgument(FunctionCallInfo fcinfo)
{
	if (PG_NARGS() < 4)
		return CS_DEFAULT_BINS;
	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("number of bins must not be NULL")));
	return CheckBins(PG_GETARG_INT32(3));
}

/* All rows must have the same number of bins. */
static inline void
RequireBins(int had, int bins)
{
	if (had != bins)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of bins must be the same for all rows"),
				 errdetail("It is %d, then %d.", had, bins)));
}

/* The flat state that a transition or combine function has as its first argument, checked. */
static CsFlatSamples *
FlatState(FunctionCallInfo fcinfo)
{
	CsFlatSamples *flat = (CsFlatSamples *) PG_GETARG_BYTEA_P(0);

	CsFlatSamplesCheck(flat);
	return flat;
}

/* Samples that have become a state, as the executor keeps it. */
static inline Datum
ExpandedState(CsTwoSamples *samples)
{
	return EOHPGetRWDatum(&samples->header);
}

/*
 * two_sample_accum(state, value, is_current [, bins]): collect a value.
 */
Datum
custseg_two_sample_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = CsAggregateContext(fcinfo, "ks_test");
	CsTwoSamples *samples = PG_ARGISNULL(0) ? NULL : CsTwoSamplesOfDatum(PG_GETARG_DATUM(0));
	int			bins = BinsArgument(fcinfo);
	int			which;
	double		value;
	CsFlatSamples *flat;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		value = NAN;			/* left out, but there is a state */
	else
		value = PG_GETARG_FLOAT8(1);
	which = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2) ? CS_CURRENT : CS_BASELINE;
	if (samples != NULL)
	{
		RequireBins(samples->bins, bins);
		CsTwoSamplesAdd(samples, which, value);
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	flat = PG_ARGISNULL(0) ? CsFlatSamplesCreate(bins) : FlatState(fcinfo);
	RequireBins(flat->bins, bins);
	if (CsFlatSamplesAdd(flat, which, value))
		PG_RETURN_POINTER(flat);
	samples = CsTwoSamplesExpand(flat, context);
	CsTwoSamplesAdd(samples, which, value);
	PG_RETURN_DATUM(ExpandedState(samples));
}

/* Combine a state that is flat or, where there is none, NULL with another one, which is checked. */
static Datum
CombineFlat(CsFlatSamples *flat, CsFlatSamples *other, MemoryContext context)
{
	CsFlatSamples *few = flat == NULL ? CsFlatSamplesCreate(other->bins) : flat;
	CsFlatSamples *merged = CsFlatSamplesMerge(few, other);
	CsTwoSamples *samples;

	if (merged != NULL)
		PG_RETURN_POINTER(merged);
	samples = CsTwoSamplesExpand(few, context);
	CsTwoSamplesMerge(samples, CsTwoSamplesOfFlat(other));
	PG_RETURN_DATUM(ExpandedState(samples));
}

/*
 * two_sample_combine(state, state)
 */
Datum
custseg_two_sample_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = CsAggregateContext(fcinfo, "ks_test");
	CsTwoSamples *samples;
	CsFlatSamples *flat,
			   *other;

	if (PG_ARGISNULL(1))
		return CsAggregateState(fcinfo);
	/* a copy, for in a tuple it need not be aligned */
	other = (CsFlatSamples *) PG_GETARG_BYTEA_P_COPY(1);
	CsFlatSamplesCheck(other);
	samples = PG_ARGISNULL(0) ? NULL : CsTwoSamplesOfDatum(PG_GETARG_DATUM(0));
	if (samples != NULL)
	{
		RequireBins(samples->bins, other->bins);
		CsTwoSamplesMerge(samples, CsTwoSamplesOfFlat(other));
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	flat = PG_ARGISNULL(0) ? NULL : FlatState(fcinfo);
	if (flat != NULL)
		RequireBins(flat->bins, other->bins);
	return CombineFlat(flat, other, context);
}

/* The state of a final function, sorted; an empty one when there was no row. */
static CsTwoSamples *
FinalSamples(FunctionCallInfo fcinfo)
{
	CsTwoSamples *samples;

	if (PG_ARGISNULL(0))
		return CsTwoSamplesCreate(CurrentMemoryContext, CS_DEFAULT_BINS);
	samples = CsTwoSamplesOfDatum(PG_GETARG_DATUM(0));
	/* a copy, for who calls this by hand may have it from a tuple, where it need not be aligned */
	if (samples == NULL)
		samples = CsTwoSamplesOfFlat((CsFlatSamples *) PG_GETARG_BYTEA_P_COPY(0));
	CsTwoSamplesSort(samples);
	return samples;
}

/* The values of an array, whatever its dimensions, but NULLs.  Returns how many there are. */
static int
ArrayValues(ArrayType *array, double **value)
{
	int			nitems = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)),
				n = 0;
	const bits8 *present = ARR_NULLBITMAP(array);

	/* NULL elements take no room among the values */
	*value = (double *) ARR_DATA_PTR(array);
	if (present == NULL)
		return nitems;
	for (int i = 0; i < nitems; i++)
		n += !att_isnull(i, present);
	return n;
}

/* Collect the values of an array. */
static void
AddArray(CsTwoSamples *samples, int which, ArrayType *array)
{
	double	   *value;
	int			n = ArrayValues(array, &value);

	for (int i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		CsTwoSamplesAdd(samples, which, value[i]);
	}
}

/* Two arrays as samples, sorted. */
static CsTwoSamples *
ArraySamples(ArrayType *baseline, ArrayType *current, int bins)
{
	CsTwoSamples *samples = CsTwoSamplesCreate(CurrentMemoryContext, bins);

	AddArray(samples, CS_BASELINE, baseline);
	AddArray(samples, CS_CURRENT, current);
	CsTwoSamplesSort(samples);
	return samples;
}

/* Has each sample a value? */
static bool
HaveBoth(const CsTwoSamples *samples)
{
	return samples->n[CS_BASELINE] > 0 && samples->n[CS_CURRENT] > 0;
}

/* A row of ks_test_result; NULLs and the counts where there is no result. */
static Datum
FormKsResult(FunctionCallInfo fcinfo, const CsKsResult *ks, int64 n, int64 m)
{
	bool		known = ks != NULL;

	return CsResultRow(fcinfo, CsValues(CsValueFloat8(known ? ks->statistic : NAN),
										CsValueFloat8(known ? ks->signed_statistic : NAN),
										CsValueFloat8(known ? ks->location : NAN),
										CsValueFloat8(known ? ks->p : NAN),
										CsValueFloat8(known ? ks->effective_n : NAN),
										CsValueInt8(n), CsValueInt8(m),
										CsValueText(!known ? NULL : ks->exact ? "exact" : "asymptotic")));
}

static Datum
KsTest(FunctionCallInfo fcinfo, const CsTwoSamples *samples)
{
	int64		n = samples->n[CS_BASELINE],
				m = samples->n[CS_CURRENT];
	CsKsResult	ks;

	if (!HaveBoth(samples))
		return FormKsResult(fcinfo, NULL, n, m);
	ks = CsKsTest(samples->value[CS_BASELINE], n, &CsSortedValues(samples->value[CS_CURRENT], m));
	return FormKsResult(fcinfo, &ks, n, m);
}

/* Both samples' shares of the bins that the baseline's quantiles cut.  Returns how many bins. */
static int
ShareBins(const CsTwoSamples *samples, double **baseline, double **current)
{
	CsBinEdge  *edges = palloc(sizeof(CsBinEdge) * samples->bins);
	int			nedges = CsQuantileBins(samples->value[CS_BASELINE], samples->n[CS_BASELINE],
										samples->bins, edges);

	*baseline = palloc(sizeof(double) * (nedges + 1));
	*current = palloc(sizeof(double) * (nedges + 1));
	CsBinShares(&CsSortedValues(samples->value[CS_BASELINE], samples->n[CS_BASELINE]), edges, nedges, *baseline);
	CsBinShares(&CsSortedValues(samples->value[CS_CURRENT], samples->n[CS_CURRENT]), edges, nedges, *current);
	return nedges + 1;
}

static Datum
Psi(FunctionCallInfo fcinfo, const CsTwoSamples *samples)
{
	int64		n = samples->n[CS_BASELINE],
				m = samples->n[CS_CURRENT];
	double	   *baseline,
			   *current;
	CsPsiResult psi;
	int			bins;

	if (!HaveBoth(samples))
		return CsFormPsiResult(fcinfo, NULL, n, m);
	bins = ShareBins(samples, &baseline, &current);
	psi = CsPsi(bins, baseline, n, current, m);
	return CsFormPsiResult(fcinfo, &psi, n, m);
}

static Datum
Wasserstein(FunctionCallInfo fcinfo, const CsTwoSamples *samples)
{
	if (!HaveBoth(samples))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(CsWasserstein(samples->value[CS_BASELINE], samples->n[CS_BASELINE],
								   &CsSortedValues(samples->value[CS_CURRENT], samples->n[CS_CURRENT])));
}

/* A distance of the shares of bins. */
static Datum
SharesDistance(FunctionCallInfo fcinfo, const CsTwoSamples *samples,
			   double (*distance) (int bins, const double *baseline, const double *current))
{
	double	   *baseline,
			   *current;
	int			bins;

	if (!HaveBoth(samples))
		PG_RETURN_NULL();
	bins = ShareBins(samples, &baseline, &current);
	PG_RETURN_FLOAT8(distance(bins, baseline, current));
}

/* A row of cramer_von_mises_result; NULLs and the counts where there is no result. */
static Datum
CramerVonMises(FunctionCallInfo fcinfo, const CsTwoSamples *samples)
{
	CsCvmResult cvm = {NAN, NAN};

	if (HaveBoth(samples))
		cvm = CsCramerVonMises(samples->value[CS_BASELINE], samples->n[CS_BASELINE],
							   samples->value[CS_CURRENT], samples->n[CS_CURRENT]);
	return CsResultRow(fcinfo, CsValues(CsValueFloat8(cvm.statistic), CsValueFloat8(cvm.p),
										CsValueInt8(samples->n[CS_BASELINE]),
										CsValueInt8(samples->n[CS_CURRENT])));
}

Datum
custseg_ks_test_final(PG_FUNCTION_ARGS)
{
	return KsTest(fcinfo, FinalSamples(fcinfo));
}

Datum
custseg_psi_final(PG_FUNCTION_ARGS)
{
	return Psi(fcinfo, FinalSamples(fcinfo));
}

Datum
custseg_wasserstein_final(PG_FUNCTION_ARGS)
{
	return Wasserstein(fcinfo, FinalSamples(fcinfo));
}

Datum
custseg_jensen_shannon_final(PG_FUNCTION_ARGS)
{
	return SharesDistance(fcinfo, FinalSamples(fcinfo), CsJensenShannon);
}

Datum
custseg_hellinger_final(PG_FUNCTION_ARGS)
{
	return SharesDistance(fcinfo, FinalSamples(fcinfo), CsHellinger);
}

Datum
custseg_cramer_von_mises_final(PG_FUNCTION_ARGS)
{
	return CramerVonMises(fcinfo, FinalSamples(fcinfo));
}

/*
 * ks_test(baseline, current)
 */
Datum
custseg_ks_test_arrays(PG_FUNCTION_ARGS)
{
	return KsTest(fcinfo, ArraySamples(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1),
									   CS_DEFAULT_BINS));
}

/*
 * ks_test(quantiles, n_baseline, current)
 */
Datum
custseg_ks_test_quantiles(PG_FUNCTION_ARGS)
{
	int64		n = PG_GETARG_INT64(1);
	CsTwoSamples *samples = ArraySamples(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(2),
										 CS_DEFAULT_BINS);
	int64		nquantiles = samples->n[CS_BASELINE],
				m = samples->n[CS_CURRENT];
	CsKsResult	ks;

	if (n < nquantiles || n > CS_MAX_SAMPLE_ROWS || (n > nquantiles && nquantiles < 2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a baseline of %lld values cannot have %lld quantiles", (long long) n,
						(long long) nquantiles),
				 errhint("Give two quantiles or more, from the minimum to the maximum at equal steps, and the number of values from which they were computed.")));
	if (!HaveBoth(samples))
		return FormKsResult(fcinfo, NULL, n, m);
	ks = CsKsTestQuantiles(samples->value[CS_BASELINE], (int) nquantiles, n,
						   &CsSortedValues(samples->value[CS_CURRENT], m));
	return FormKsResult(fcinfo, &ks, n, m);
}

/*
 * psi(baseline, current, bins)
 */
Datum
custseg_psi_arrays(PG_FUNCTION_ARGS)
{
	return Psi(fcinfo, ArraySamples(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1),
									CheckBins(PG_GETARG_INT32(2))));
}

/*
 * wasserstein(baseline, current)
 */
Datum
custseg_wasserstein_arrays(PG_FUNCTION_ARGS)
{
	return Wasserstein(fcinfo, ArraySamples(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1),
											CS_DEFAULT_BINS));
}

/*
 * jensen_shannon(baseline, current, bins)
 */
Datum
custseg_jensen_shannon_arrays(PG_FUNCTION_ARGS)
{
	return SharesDistance(fcinfo, ArraySamples(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1),
											   CheckBins(PG_GETARG_INT32(2))), CsJensenShannon);
}

/*
 * hellinger(baseline, current, bins)
 */
Datum
custseg_hellinger_arrays(PG_FUNCTION_ARGS)
{
	return SharesDistance(fcinfo, ArraySamples(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1),
											   CheckBins(PG_GETARG_INT32(2))), CsHellinger);
}

/*
 * cramer_von_mises(baseline, current)
 */
Datum
custseg_cramer_von_mises_arrays(PG_FUNCTION_ARGS)
{
	return CramerVonMises(fcinfo, ArraySamples(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1),
											   CS_DEFAULT_BINS));
}

/* P-values adjusted for their number, as an array of the same form; NULL and NaN stay. */
static Datum
AdjustArray(FunctionCallInfo fcinfo, void (*adjust) (double *, int))
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P_COPY(0);
	double	   *p;
	int			n = ArrayValues(array, &p);

	for (int i = 0; i < n; i++)
		if (p[i] < 0 || p[i] > 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("p-values must be between 0 and 1"),
					 errdetail("Got %.17g.", p[i])));
	adjust(p, n);
	PG_RETURN_ARRAYTYPE_P(array);
}

/* benjamini_hochberg(p) */
Datum
custseg_benjamini_hochberg(PG_FUNCTION_ARGS)
{
	return AdjustArray(fcinfo, CsAdjustBenjaminiHochberg);
}

/* holm(p) */
Datum
custseg_holm(PG_FUNCTION_ARGS)
{
	return AdjustArray(fcinfo, CsAdjustHolm);
}
