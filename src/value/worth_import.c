/*
 * worth_import.c
 *	  What an exported model of purchases has, checked.
 */
#include "custseg.h"

#include <math.h>

#include "life/life.h"
#include "value/worth.h"
#include "value/worth_errors.h"

/* What was compiled, as a definition. */
static Jsonb *
WriteDefinition(const CsWorthVersion *v)
{
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	CsJsonObject(&json, "pipeline");
	(void) CsJsonEnd(&json);
	CsJsonJsonb(&json, "parameters", CsWorthParameters(v));
	return CsJsonFinish(&json);
}

/* CsImporter: the definition. */
static void
Compile(Jsonb *definition, CsExportedVersion *version)
{
	const CsWorthVersion *v = CsWorthCompile(definition, NULL);
	CsJsonReader r = CsJsonReaderOf(definition, CS_INVALID_DEFINITION, "the definition");
	CsJsonReader parameters = CsJsonReadObject(&r, "parameters", "the parameters");

	version->compiled = v;
	version->number = (int) CsJsonReadInteger(&r, "version", 1, CS_MOST_VERSIONS);
	version->algorithm = CsJsonReadText(&r, "algorithm");
	version->definition = WriteDefinition(v);
	if (strcmp(version->algorithm, v->model.purchases->name) != 0)
		CsJsonReject(&r, "algorithm", "does not suit the parameters");
	if (pg_tzset(v->zone) == NULL)
		CsJsonReject(&parameters, "time_zone", "is \"%s\", which is no time zone", v->zone);
}

/* Error where a measure of the holdout, whose members have a prefix, has a variance but not what is set beside it. */
static void
CheckVariance(const CsJsonReader *holdout, const char *prefix)
{
	static const char *const names[] = {"predicted", "actual", "rmse", "parameter_variance"};
	JsonbValue	value;

	if (!CsJsonReadMember(holdout, psprintf("%svariance", prefix), &value))
		return;
	(void) CsJsonReadNumber(holdout, "n");
	for (int i = 0; i < lengthof(names); i++)
		(void) CsJsonReadNumber(holdout, psprintf("%s%s", prefix, names[i]));
}

/* Error unless what was found of the holdout is that. */
static void
CheckHoldout(const CsJsonReader *metrics)
{
	static const CsJsonMember members[] = {
		{"days", CS_JSON_INTEGER, 1, CS_MOST_HOLDOUT_DAYS}, {"n", CS_JSON_INTEGER, 0, CS_MOST_ROWS},
		{"predicted", CS_JSON_NUMBER}, {"actual", CS_JSON_NUMBER}, {"mae", CS_JSON_NUMBER},
		{"rmse", CS_JSON_NUMBER}, {"bias", CS_JSON_NUMBER}, {"gini", CS_JSON_NUMBER},
		{"gini_normalized", CS_JSON_NUMBER}, {"value_predicted", CS_JSON_NUMBER},
		{"value_actual", CS_JSON_NUMBER}, {"value_mae", CS_JSON_NUMBER}, {"value_rmse", CS_JSON_NUMBER},
		{"value_bias", CS_JSON_NUMBER}, {"value_gini", CS_JSON_NUMBER},
		{"value_gini_normalized", CS_JSON_NUMBER}, {"baseline_mae", CS_JSON_NUMBER},
		{"baseline_rmse", CS_JSON_NUMBER}, {"confidence", CS_JSON_NUMBER, 0, 1},
		{"coverage", CS_JSON_NUMBER, 0, 1}, {"variance", CS_JSON_NUMBER, 0, INFINITY},
		{"parameter_variance", CS_JSON_NUMBER, 0, INFINITY}, {"value_variance", CS_JSON_NUMBER, 0, INFINITY},
		{"value_parameter_variance", CS_JSON_NUMBER, 0, INFINITY}
	};
	JsonbValue	value;
	CsJsonReader holdout;

	if (!CsJsonReadMember(metrics, "holdout", &value))
		return;
	holdout = CsJsonReadObject(metrics, "holdout", "the holdout");
	CsJsonCheckMembers(&holdout, members, lengthof(members));
	CheckVariance(&holdout, "");
	CheckVariance(&holdout, "value_");
}

/* Error unless what the training found is that. */
static void
CheckMetrics(const CsJsonReader *r, const CsWorthModel *m)
{
	static const CsJsonMember parameters[] = {
		{"part", CS_JSON_TEXT}, {"parameter", CS_JSON_TEXT}, {"estimate", CS_JSON_NUMBER},
		{"standard_error", CS_JSON_NUMBER}, {"low", CS_JSON_NUMBER}, {"high", CS_JSON_NUMBER}
	};
	static const CsJsonMember deciles[] = {
		{"decile", CS_JSON_INTEGER, 1, CS_DECILES}, {"predicted", CS_JSON_NUMBER}, {"actual", CS_JSON_NUMBER},
		{"lift", CS_JSON_NUMBER}, {"share", CS_JSON_NUMBER}
	};
	static const CsJsonMember calibration[] = {
		{"repeats", CS_JSON_INTEGER, 0, PG_INT16_MAX}, {"n", CS_JSON_INTEGER, 0, CS_MOST_ROWS},
		{"predicted", CS_JSON_NUMBER}, {"actual", CS_JSON_NUMBER}
	};
	static const CsJsonMember members[] = {
		{"verdict", CS_JSON_TEXT}, {"reason", CS_JSON_TEXT}, {"as_of", CS_JSON_TEXT},
		{"n_repeat", CS_JSON_INTEGER, 0, CS_MOST_ROWS}, {"n_not_positive", CS_JSON_INTEGER, 0, CS_MOST_ROWS},
		{"log_likelihood", CS_JSON_NUMBER}, {"aic", CS_JSON_NUMBER}, {"bic", CS_JSON_NUMBER},
		{"nbd_log_likelihood", CS_JSON_NUMBER}, {"spend_log_likelihood", CS_JSON_NUMBER},
		{"pearson", CS_JSON_NUMBER, -1, 1}, {"spearman", CS_JSON_NUMBER, -1, 1},
		{"read_milliseconds", CS_JSON_NUMBER, 0, INFINITY}, {"fit_milliseconds", CS_JSON_NUMBER, 0, INFINITY},
		{"parameters", CS_JSON_ANY}, {"holdout", CS_JSON_ANY}, {"deciles", CS_JSON_ANY},
		{"calibration", CS_JSON_ANY}, {"covariance", CS_JSON_ANY}
	};
	CsJsonReader metrics = CsJsonReadObject(r, "metrics", "the metrics");

	CsJsonCheckMembers(&metrics, members, lengthof(members));
	CsJsonCheckArray(&metrics, "parameters", "parameter", parameters, lengthof(parameters));
	CsJsonCheckArray(&metrics, "deciles", "decile", deciles, lengthof(deciles));
	CsJsonCheckArray(&metrics, "calibration", "row", calibration, lengthof(calibration));
	CheckHoldout(&metrics);
	CsWorthErrorsCheck(&metrics, m);
}

/* CsImporter: what was measured, and how the version was asked for. */
static void
CheckTraining(const CsJsonReader *r, CsExportedVersion *version)
{
	const CsWorthVersion *v = version->compiled;
	CsPurchasesOptions options;

	CheckMetrics(r, &v->model);
	version->prep = CsJsonReadJsonb(r, "prep");
	if (JB_ROOT_COUNT(version->prep) > 0)
		CsJsonReject(r, "prep", "must be an empty object");
	version->options = CsExportedOptions(r, CsPurchasesOptionTable, CS_PURCHASES_OPTIONS, &options);
	if (options.unit != v->unit || options.returns != v->returns)
		CsJsonReject(r, "options", "does not suit the parameters of the definition");
}

const CsImporter CsWorthImporter = {Compile, CheckTraining};
