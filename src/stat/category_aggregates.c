/*
 * category_aggregates.c
 *	  Aggregates over categories: chi_square_test, and psi, jensen_shannon and hellinger of two
 *	  samples.
 *
 * Their state is a contingency table (contingency.c) declared as bytea: it is updated in place,
 * and when it has to grow, the executor copies the larger one to where it keeps states.  It is
 * plain bytes, so that partial aggregates combine across processes and servers.  Texts, segments and flags need
 * nothing but the call's arguments; values of other types become texts by CsColumnText(), the same
 * for equal values whatever the session's settings.  That takes the types of the call's arguments, which
 * a server does not know that is sent its part of an aggregate as a call by name; so there the state is
 * an internal one, which keeps whoever plans such calls from sending them.  A row with a NULL is left out.
 */
#include "custseg.h"

#include "call/call.h"
#include "data/relation.h"
#include "stat/contingency.h"
#include "stat/result.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(custseg_contingency_accum);
PG_FUNCTION_INFO_V1(custseg_contingency_accum_any);
PG_FUNCTION_INFO_V1(custseg_contingency_accum_sample);
PG_FUNCTION_INFO_V1(custseg_contingency_accum_segment);
PG_FUNCTION_INFO_V1(custseg_contingency_combine);
PG_FUNCTION_INFO_V1(custseg_contingency_combine_any);
PG_FUNCTION_INFO_V1(custseg_contingency_serialize);
PG_FUNCTION_INFO_V1(custseg_contingency_deserialize);
PG_FUNCTION_INFO_V1(custseg_chi_square_test_final);
PG_FUNCTION_INFO_V1(custseg_chi_square_test_any_final);
PG_FUNCTION_INFO_V1(custseg_psi_categories_final);
PG_FUNCTION_INFO_V1(custseg_jensen_shannon_categories_final);
PG_FUNCTION_INFO_V1(custseg_hellinger_categories_final);

/* The groups of two samples, as the table has them. */
#define BASELINE_GROUP "0"
#define CURRENT_GROUP "1"

/* How a call's two arguments become texts. */
typedef struct ArgumentTexts
{
	CsConverter converter[2];
	FmgrInfo	output[2];
} ArgumentTexts;

/* The state to count a row in. */
static CsContingency *
StateArgument(FunctionCallInfo fcinfo)
{
	CsContingency *table;

	if (PG_ARGISNULL(0))
		return CsContingencyCreate();
	table = (CsContingency *) PG_GETARG_BYTEA_P(0);
	CsContingencyCheck(table);
	return table;
}

/*
 * contingency_accum(state, category text, group text): count a row.
 */
Datum
custseg_contingency_accum(PG_FUNCTION_ARGS)
{
	text	   *category,
			   *group;

	(void) CsAggregateContext(fcinfo, "chi_square_test");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return CsAggregateState(fcinfo);
	category = PG_GETARG_TEXT_PP(1);
	group = PG_GETARG_TEXT_PP(2);
	PG_RETURN_POINTER(CsContingencyAdd(StateArgument(fcinfo),
									   VARDATA_ANY(category), VARSIZE_ANY_EXHDR(category),
									   VARDATA_ANY(group), VARSIZE_ANY_EXHDR(group), 1));
}

/* Look up how the arguments of this call become texts, once. */
static ArgumentTexts *
LookUpTexts(FunctionCallInfo fcinfo)
{
	ArgumentTexts *texts = fcinfo->flinfo->fn_extra;

	if (texts != NULL)
		return texts;
	texts = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(ArgumentTexts));
	for (int i = 0; i < 2; i++)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, i + 1),
					function;
		bool		is_varlena;

		if (!OidIsValid(type))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("could not determine the type of a category or group"),
					 errhint("Cast both to text.")));
		getTypeOutputInfo(type, &function, &is_varlena);
		fmgr_info_cxt(function, &texts->output[i], fcinfo->flinfo->fn_mcxt);
		CsConverterInit(&texts->converter[i], type);
	}
	fcinfo->flinfo->fn_extra = texts;
	return texts;
}

/* What a larger table takes the place of is freed, where the executor does not do so. */
static Datum
KeepTable(CsContingency *had, CsContingency *table)
{
	if (had != NULL && had != table)
		pfree(had);
	PG_RETURN_POINTER(table);
}

/*
 * contingency_accum_any(state, category anyelement, group anycompatible): count a row by its texts.
 */
Datum
custseg_contingency_accum_any(PG_FUNCTION_ARGS)
{
	MemoryContext context = CsAggregateContext(fcinfo, "chi_square_test");
	CsContingency *had = PG_ARGISNULL(0) ? NULL : (CsContingency *) PG_GETARG_POINTER(0);
	CsContingency *table;
	ArgumentTexts *texts;
	MemoryContext old;
	const char *text[2];
	int			length[2];
	void	   *copy;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return CsAggregateState(fcinfo);
	texts = LookUpTexts(fcinfo);
	for (int i = 0; i < 2; i++)
		text[i] = CsColumnText(&texts->converter[i], &texts->output[i], PG_GETARG_DATUM(i + 1),
							   &length[i], &copy);
	old = MemoryContextSwitchTo(context);
	table = CsContingencyAdd(had == NULL ? CsContingencyCreate() : had, text[0], length[0],
							 text[1], length[1], 1);
	MemoryContextSwitchTo(old);
	return KeepTable(had, table);
}

/*
 * contingency_accum(state, category text, is_current bool): count a row of one of two samples.
 */
Datum
custseg_contingency_accum_sample(PG_FUNCTION_ARGS)
{
	text	   *category;

	(void) CsAggregateContext(fcinfo, "chi_square_test");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return CsAggregateState(fcinfo);
	category = PG_GETARG_TEXT_PP(1);
	PG_RETURN_POINTER(CsContingencyAdd(StateArgument(fcinfo),
									   VARDATA_ANY(category), VARSIZE_ANY_EXHDR(category),
									   PG_GETARG_BOOL(2) ? CURRENT_GROUP : BASELINE_GROUP, 1, 1));
}

/*
 * contingency_accum(state, category text, segment int): count a row of a segment.
 */
Datum
custseg_contingency_accum_segment(PG_FUNCTION_ARGS)
{
	text	   *category;
	char		segment[MAXINT8LEN + 1];
	int			length;

	(void) CsAggregateContext(fcinfo, "chi_square_test");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return CsAggregateState(fcinfo);
	category = PG_GETARG_TEXT_PP(1);
	length = pg_ltoa(PG_GETARG_INT32(2), segment);
	PG_RETURN_POINTER(CsContingencyAdd(StateArgument(fcinfo),
									   VARDATA_ANY(category), VARSIZE_ANY_EXHDR(category), segment, length, 1));
}

/*
 * contingency_combine(state, state)
 */
Datum
custseg_contingency_combine(PG_FUNCTION_ARGS)
{
	CsContingency *table,
			   *other;

	(void) CsAggregateContext(fcinfo, "chi_square_test");
	if (PG_ARGISNULL(1))
		return CsAggregateState(fcinfo);

	/* a copy, for in a tuple it need not be aligned */
	other = (CsContingency *) PG_GETARG_BYTEA_P_COPY(1);
	CsContingencyCheckAll(other);
	if (PG_ARGISNULL(0))
		PG_RETURN_POINTER(other);
	table = CsContingencyMerge(StateArgument(fcinfo), other);
	pfree(other);
	PG_RETURN_POINTER(table);
}

/*
 * contingency_combine_any(state, state)
 */
Datum
custseg_contingency_combine_any(PG_FUNCTION_ARGS)
{
	MemoryContext context = CsAggregateContext(fcinfo, "chi_square_test");
	CsContingency *had = PG_ARGISNULL(0) ? NULL : (CsContingency *) PG_GETARG_POINTER(0);
	CsContingency *table;
	MemoryContext old;

	if (PG_ARGISNULL(1))
		return CsAggregateState(fcinfo);
	old = MemoryContextSwitchTo(context);
	table = CsContingencyMerge(had == NULL ? CsContingencyCreate() : had,
							   (CsContingency *) PG_GETARG_POINTER(1));
	MemoryContextSwitchTo(old);
	return KeepTable(had, table);
}

/*
 * contingency_serialize(state): the table is a value as it is.
 */
Datum
custseg_contingency_serialize(PG_FUNCTION_ARGS)
{
	const CsContingency *table = (CsContingency *) PG_GETARG_POINTER(0);

	(void) CsAggregateContext(fcinfo, "chi_square_test");
	PG_RETURN_POINTER(memcpy(palloc(VARSIZE(table)), table, VARSIZE(table)));
}

/*
 * contingency_deserialize(bytes, internal)
 */
Datum
custseg_contingency_deserialize(PG_FUNCTION_ARGS)
{
	CsContingency *table;

	(void) CsAggregateContext(fcinfo, "chi_square_test");
	table = (CsContingency *) PG_GETARG_BYTEA_P_COPY(0);
	CsContingencyCheckAll(table);
	PG_RETURN_POINTER(table);
}

/* The state of a final function; an empty one when there was no row. */
static const CsContingency *
FinalTable(FunctionCallInfo fcinfo)
{
	const CsContingency *table;

	if (PG_ARGISNULL(0))
		return CsContingencyCreate();
	/* a copy, for who calls this by hand may have it from a tuple, where it need not be aligned */
	table = (const CsContingency *) PG_GETARG_BYTEA_P_COPY(0);
	CsContingencyCheckAll(table);
	return table;
}

/* The test of a table: a row of chi_square_test_result. */
static Datum
TestTable(FunctionCallInfo fcinfo, const CsContingency *table)
{
	int			nrows,
				ncolumns;
	CsCell	   *cells = CsContingencyCells(table, &nrows, &ncolumns);
	CsChiSquareResult result = CsChiSquareTest(cells, table->ncells, nrows, ncolumns);

	return CsResultRow(fcinfo, CsValues(CsValueFloat8(result.statistic),
										CsValueFloat8((double) result.df),
										CsValueFloat8(result.p), CsValueFloat8(result.cramers_v),
										CsValueInt8(result.n), CsValueInt8(result.low_expected)));
}

/*
 * chi_square_test_final(state)
 */
Datum
custseg_chi_square_test_final(PG_FUNCTION_ARGS)
{
	return TestTable(fcinfo, FinalTable(fcinfo));
}

/*
 * chi_square_test_any_final(state)
 */
Datum
custseg_chi_square_test_any_final(PG_FUNCTION_ARGS)
{
	(void) CsAggregateContext(fcinfo, "chi_square_test");
	return TestTable(fcinfo, PG_ARGISNULL(0) ? CsContingencyCreate() : (CsContingency *) PG_GETARG_POINTER(0));
}

/* Shares of the levels in two samples, and how many rows each has. */
typedef struct LevelShares
{
	int			nlevels;
	double	   *share[2];		/* NULL unless both samples have rows */
	int64		n[2];
} LevelShares;

static LevelShares
ShareLevels(const CsContingency *table)
{
	LevelShares shares = {0};
	int			ngroups;
	CsCell	   *cells = CsContingencyCells(table, &shares.nlevels, &ngroups);

	shares.n[0] = CsContingencyGroupRows(table, BASELINE_GROUP);
	shares.n[1] = CsContingencyGroupRows(table, CURRENT_GROUP);
	if (shares.n[0] == 0 || shares.n[1] == 0)
		return shares;
	if (ngroups != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid counts of categories and groups"),
				 errdetail("Two samples have %d groups.", ngroups),
				 errhint("Only custseg.psi() and similar aggregates make such values.")));
	for (int which = 0; which < 2; which++)
		shares.share[which] = palloc0(sizeof(double) * shares.nlevels);

	/* columns are in the order of the groups' texts */
	for (int32 i = 0; i < table->ncells; i++)
		shares.share[cells[i].column][cells[i].row] =
			(double) cells[i].count / shares.n[cells[i].column];
	return shares;
}

/*
 * psi_categories_final(state): a row of psi_result.
 */
Datum
custseg_psi_categories_final(PG_FUNCTION_ARGS)
{
	LevelShares shares = ShareLevels(FinalTable(fcinfo));
	CsPsiResult psi;

	if (shares.share[0] == NULL)
		return CsFormPsiResult(fcinfo, NULL, shares.n[0], shares.n[1]);
	psi = CsPsi(shares.nlevels, shares.share[0], shares.n[0], shares.share[1], shares.n[1]);
	return CsFormPsiResult(fcinfo, &psi, shares.n[0], shares.n[1]);
}

/*
 * jensen_shannon_categories_final(state): float8.
 */
Datum
custseg_jensen_shannon_categories_final(PG_FUNCTION_ARGS)
{
	LevelShares shares = ShareLevels(FinalTable(fcinfo));

	if (shares.share[0] == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(CsJensenShannon(shares.nlevels, shares.share[0], shares.share[1]));
}

/*
 * hellinger_categories_final(state): float8.
 */
Datum
custseg_hellinger_categories_final(PG_FUNCTION_ARGS)
{
	LevelShares shares = ShareLevels(FinalTable(fcinfo));

	if (shares.share[0] == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(CsHellinger(shares.nlevels, shares.share[0], shares.share[1]));
}
