/*
 * group_aggregates.c
 *	  anova, tukey_hsd and games_howell, whose state is moments by group; kruskal_wallis and levene,
 *	  whose state is all values by group; and effect_size().
 *
 * Aggregates over the same arguments share their state, which PostgreSQL then collects once.  A row
 * without a value or a group, and NaN, is left out; an infinite value is an error, for it has no mean.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "stat/effect.h"
#include "stat/grouped.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(custseg_group_moments_accum);
PG_FUNCTION_INFO_V1(custseg_group_moments_combine);
PG_FUNCTION_INFO_V1(custseg_anova_final);
PG_FUNCTION_INFO_V1(custseg_tukey_hsd_final);
PG_FUNCTION_INFO_V1(custseg_games_howell_final);
PG_FUNCTION_INFO_V1(custseg_group_sample_accum);
PG_FUNCTION_INFO_V1(custseg_group_sample_combine);
PG_FUNCTION_INFO_V1(custseg_kruskal_wallis_final);
PG_FUNCTION_INFO_V1(custseg_levene_final);
PG_FUNCTION_INFO_V1(custseg_effect_size);

/* Pairs of so many groups are compared: 4,950 of them. */
#define MAX_PAIRED_GROUPS 100

#define CONFIDENCE 0.95

/* Does the row count?  An infinite value is an error. */
static bool
RowCounts(FunctionCallInfo fcinfo)
{
	double		value;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return false;
	value = PG_GETARG_FLOAT8(1);
	if (isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("groups cannot be compared by an infinite value"),
				 errhint("Leave such rows out: FILTER (WHERE value <> 'infinity' AND value <> '-infinity').")));
	return !isnan(value);
}

/* group_moments_accum(state, value, group) */
Datum
custseg_group_moments_accum(PG_FUNCTION_ARGS)
{
	CsGroupedMoments *moments;

	(void) CsAggregateContext(fcinfo, "anova");
	if (!RowCounts(fcinfo))
		return CsAggregateState(fcinfo);
	if (PG_ARGISNULL(0))
		moments = CsGroupedMomentsCreate();
	else
	{
		moments = (CsGroupedMoments *) PG_GETARG_BYTEA_P(0);
		CsGroupedMomentsCheck(moments);
	}
	PG_RETURN_POINTER(CsGroupedMomentsAdd(moments, PG_GETARG_INT32(2), PG_GETARG_FLOAT8(1)));
}

/* group_moments_combine(state, state) */
Datum
custseg_group_moments_combine(PG_FUNCTION_ARGS)
{
	CsGroupedMoments *moments,
			   *other;

	(void) CsAggregateContext(fcinfo, "anova");
	if (PG_ARGISNULL(1))
		return CsAggregateState(fcinfo);
	/* a copy, for in a tuple it need not be aligned */
	other = (CsGroupedMoments *) PG_GETARG_BYTEA_P_COPY(1);
	CsGroupedMomentsCheckAll(other);
	if (PG_ARGISNULL(0))
		PG_RETURN_POINTER(other);
	moments = (CsGroupedMoments *) PG_GETARG_BYTEA_P(0);
	CsGroupedMomentsCheck(moments);
	PG_RETURN_POINTER(CsGroupedMomentsMerge(moments, other));
}

/* The state of a final function; an empty one when there was no row. */
static CsGroupedMoments *
FinalMoments(FunctionCallInfo fcinfo)
{
	CsGroupedMoments *moments;

	if (PG_ARGISNULL(0))
		return CsGroupedMomentsCreate();
	moments = (CsGroupedMoments *) PG_GETARG_BYTEA_P_COPY(0);
	CsGroupedMomentsCheckAll(moments);
	return moments;
}

/* anova_final(state): a row of anova_result */
Datum
custseg_anova_final(PG_FUNCTION_ARGS)
{
	CsGroupedMoments *moments = FinalMoments(fcinfo);
	CsAnovaResult r = CsAnova(moments->group, moments->ngroups);

	return CsResultRow(fcinfo, CsValues(CsValueFloat8(r.f), CsValueFloat8(r.df_between),
										CsValueFloat8(r.df_within), CsValueFloat8(r.p),
										CsValueFloat8(r.eta_squared), CsValueFloat8(r.omega_squared),
										CsValueFloat8(r.welch_f), CsValueFloat8(r.welch_df),
										CsValueFloat8(r.welch_p), CsValueInt4(r.ngroups),
										CsValueInt8(r.n)));
}

/* The row type of an array's elements, which the calling function is declared to return. */
static TupleDesc
ElementDesc(FunctionCallInfo fcinfo, Oid *element)
{
	Oid			array = get_fn_expr_rettype(fcinfo->flinfo);

	if (!OidIsValid(array))
		array = get_func_rettype(fcinfo->flinfo->fn_oid);
	*element = get_element_type(array);
	if (!OidIsValid(*element))
		elog(ERROR, "return type must be an array");
	return lookup_rowtype_tupdesc_copy(*element, -1);
}

/* An array of rows of pair_result; NULL where there are no two groups. */
static Datum
PairsArray(FunctionCallInfo fcinfo,
		   void (*compare) (CsGroupMoments *, int, double, CsPair *))
{
	CsGroupedMoments *moments = FinalMoments(fcinfo);
	int			k = moments->ngroups,
				npairs = k * (k - 1) / 2;
	CsPair	   *pairs;
	Datum	   *rows;
	Oid			element;
	TupleDesc	desc;

	if (k < 2)
		PG_RETURN_NULL();
	if (k > MAX_PAIRED_GROUPS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d groups are too many to compare in pairs", k),
				 errdetail("At most %d groups are compared.", MAX_PAIRED_GROUPS),
				 errhint("Use custseg.anova() for all groups together.")));
	pairs = palloc(sizeof(CsPair) * npairs);
	rows = palloc(sizeof(Datum) * npairs);
	compare(moments->group, k, CONFIDENCE, pairs);
	desc = ElementDesc(fcinfo, &element);
	for (int i = 0; i < npairs; i++)
	{
		const CsPair *p = &pairs[i];

		rows[i] = CsRowForm(desc, CsValues(CsValueInt4(moments->group[p->first].group),
										   CsValueInt4(moments->group[p->second].group),
										   CsValueFloat8(p->difference),
										   CsValueFloat8(p->low), CsValueFloat8(p->high),
										   CsValueFloat8(p->statistic),
										   CsValueFloat8(p->df), CsValueFloat8(p->p)));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(rows, npairs, element, -1, false, TYPALIGN_DOUBLE));
}

/* tukey_hsd_final(state) */
Datum
custseg_tukey_hsd_final(PG_FUNCTION_ARGS)
{
	return PairsArray(fcinfo, CsTukeyHsd);
}

/* games_howell_final(state) */
Datum
custseg_games_howell_final(PG_FUNCTION_ARGS)
{
	return PairsArray(fcinfo, CsGamesHowell);
}

/* The flat state that a transition or combine function has as its first argument, checked; NULL for none. */
static CsFlatGroups *
FlatState(FunctionCallInfo fcinfo)
{
	CsFlatGroups *flat = PG_ARGISNULL(0) ? NULL : (CsFlatGroups *) PG_GETARG_BYTEA_P(0);

	if (flat != NULL)
		CsFlatGroupsCheck(flat);
	return flat;
}

/* The sample that a function has as its first argument, where it is an expanded one; else NULL. */
static inline CsGroupSample *
ExpandedState(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(0) ? NULL : CsGroupSampleOfDatum(PG_GETARG_DATUM(0));
}

/* group_sample_accum(state, value, group) */
Datum
custseg_group_sample_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = CsAggregateContext(fcinfo, "anova");
	CsGroupSample *sample = ExpandedState(fcinfo);
	CsFlatGroups *flat;

	if (!RowCounts(fcinfo))
		return CsAggregateState(fcinfo);
	if (sample != NULL)
	{
		CsGroupSampleAdd(sample, PG_GETARG_INT32(2), PG_GETARG_FLOAT8(1));
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	flat = FlatState(fcinfo);
	if (flat == NULL)
		flat = CsFlatGroupsCreate();
	if (CsFlatGroupsAdd(flat, PG_GETARG_INT32(2), PG_GETARG_FLOAT8(1)))
		PG_RETURN_POINTER(flat);
	sample = CsGroupSampleExpand(flat, context);
	CsGroupSampleAdd(sample, PG_GETARG_INT32(2), PG_GETARG_FLOAT8(1));
	PG_RETURN_DATUM(EOHPGetRWDatum(&sample->header));
}

/* group_sample_combine(state, state) */
Datum
custseg_group_sample_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = CsAggregateContext(fcinfo, "anova");
	CsGroupSample *sample = ExpandedState(fcinfo);
	CsFlatGroups *flat,
			   *other,
			   *merged;

	if (PG_ARGISNULL(1))
		return CsAggregateState(fcinfo);
	/* a copy, for in a tuple it need not be aligned */
	other = (CsFlatGroups *) PG_GETARG_BYTEA_P_COPY(1);
	CsFlatGroupsCheck(other);
	if (sample != NULL)
	{
		CsGroupSampleMerge(sample, CsGroupSampleOfFlat(other));
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	flat = FlatState(fcinfo);
	if (flat == NULL)
		flat = CsFlatGroupsCreate();
	merged = CsFlatGroupsMerge(flat, other);
	if (merged != NULL)
		PG_RETURN_POINTER(merged);
	sample = CsGroupSampleExpand(flat, context);
	CsGroupSampleMerge(sample, CsGroupSampleOfFlat(other));
	PG_RETURN_DATUM(EOHPGetRWDatum(&sample->header));
}

/* The sample of a final function; an empty one when there was no row. */
static CsGroupSample *
FinalSample(FunctionCallInfo fcinfo)
{
	CsGroupSample *sample = ExpandedState(fcinfo);

	if (sample != NULL)
		return sample;
	return PG_ARGISNULL(0) ? CsGroupSampleCreate(CurrentMemoryContext) :
	/* a copy, for who calls this by hand may have it from a tuple, where it need not be aligned */
		CsGroupSampleOfFlat((CsFlatGroups *) PG_GETARG_BYTEA_P_COPY(0));
}

/* A row of group_test_result. */
static Datum
FormTest(FunctionCallInfo fcinfo, CsGroupTest (*test) (const CsGroupedValues *))
{
	CsGroupTest r = test(CsGroupSampleSort(FinalSample(fcinfo)));

	return CsResultRow(fcinfo, CsValues(CsValueFloat8(r.statistic), CsValueFloat8(r.df_between),
										CsValueFloat8(r.df_within), CsValueFloat8(r.p),
										CsValueFloat8(r.effect), CsValueInt4(r.ngroups),
										CsValueInt8(r.n)));
}

/* kruskal_wallis_final(state) */
Datum
custseg_kruskal_wallis_final(PG_FUNCTION_ARGS)
{
	return FormTest(fcinfo, CsKruskalWallis);
}

/* levene_final(state) */
Datum
custseg_levene_final(PG_FUNCTION_ARGS)
{
	return FormTest(fcinfo, CsLevene);
}

/* effect_size(measure, value, df): Cohen's word for it */
Datum
custseg_effect_size(PG_FUNCTION_ARGS)
{
	const char *label = CsEffectLabel(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_FLOAT8(1),
									  PG_GETARG_INT32(2));

	if (label == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(label));
}
