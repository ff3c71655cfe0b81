/*
 * together.c
 *	  Several reports on a source that is read once: for monitor() and needs_retraining().
 *
 * Each report asks for its part of one observation, so that a row is read, bound, placed and measured
 * once whoever looks at it; the rows that a report makes are those of the function of its name.
 */
#include "custseg.h"

#include "call/call.h"
#include "funcapi.h"
#include "monitor/monitor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

static const CsReportKind *const kinds[] = {
	&CsQualityReport, &CsDriftReport, &CsSizesReport, &CsSilhouetteReport, &CsMultivariateReport
};

/* The arguments. */
enum
{
	TOGETHER_MODEL, TOGETHER_SOURCE, TOGETHER_OPTIONS, TOGETHER_VERSION, TOGETHER_REPORTS
};

PG_FUNCTION_INFO_V1(custseg_make_reports);

/* Is a report among those that are asked for? */
static bool
IsAsked(ArrayType *names, const char *name)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (names == NULL)
		return false;
	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i] && strcmp(TextDatumGetCString(elements[i]), name) == 0)
			return true;
	}
	return false;
}

/* Are all reports that are asked for about features? */
static bool
AreOfFeatures(ArrayType *names)
{
	for (int i = 0; i < lengthof(kinds); i++)
		if (!kinds[i]->of_features && IsAsked(names, kinds[i]->name))
			return false;
	return true;
}

/* The options of a report among those of all; NULL: none are given. */
static Jsonb *
OptionsOf(Jsonb *options, const char *report)
{
	JsonbValue	value;

	if (options == NULL || !CsJsonFind(&options->root, report, &value) || CsJsonGetObject(&value) == NULL)
		return NULL;
	return JsonbValueToJsonb(&value);
}

/*
 * The source that stands for the past, an option of a report that is made on demand: taken out of the options
 * that are the report's own.
 */
static char *
TakeReference(Jsonb **options)
{
	JsonbValue	value;
	char	   *reference = NULL;

	if (CsJsonFind(&(*options)->root, "reference", &value) && value.type == jbvString)
		reference = pnstrdup(value.val.string.val, value.val.string.len);
	*options = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(*options),
												  CStringGetTextDatum("reference")));
	return reference;
}

/* make_reports(model, source, options, version, reports): the rows of each as an array */
Datum
custseg_make_reports(PG_FUNCTION_ARGS)
{
	Jsonb	   *all_options = CsJsonbArgument(fcinfo, TOGETHER_OPTIONS);
	ArrayType  *names = CsArrayArgument(fcinfo, TOGETHER_REPORTS);
	const CsReportKind *asked[lengthof(kinds)];
	CsReport	reports[lengthof(kinds)];
	Jsonb	   *options[lengthof(kinds)];
	int			column[lengthof(kinds)];
	CsValue		row[lengthof(kinds)];
	CsReport	report;
	TupleDesc	desc;
	int			n = 0;

	if (!CsReportStart(&report, fcinfo, TOGETHER_SOURCE, TOGETHER_VERSION, AreOfFeatures(names)))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != lengthof(kinds))
		elog(ERROR, "return type must be a row of %d arrays", (int) lengthof(kinds));
	for (int i = 0; i < lengthof(kinds); i++)
	{
		Oid			type = TupleDescAttr(desc, i)->atttypid;

		row[i] = CsValueNull(type);
		if (!IsAsked(names, kinds[i]->name))
			continue;
		options[n] = OptionsOf(all_options, kinds[i]->name);
		if (kinds[i]->on_demand && options[n] == NULL)
			continue;
		column[n] = i;
		asked[n] = kinds[i];
		reports[n] = report;
		if (kinds[i]->on_demand)
			reports[n].reference = TakeReference(&options[n]);
		reports[n++].result = CsResultOfType(get_element_type(type));
	}
	if (n > 0)
		CsReportsMake(reports, asked, options, n);
	/* an error when the version was dropped while the source was read */
	(void) CsCacheGetOfKind(CS_FEATURE_KINDS, NameStr(report.scorer->model), report.scorer->version);
	for (int i = 0; i < n; i++)
		row[column[i]] = CsResultArray(reports[i].result);
	return CsResultRow(fcinfo, row, lengthof(kinds));
}
