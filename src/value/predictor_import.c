/*
 * predictor_import.c
 *	  What an exported model of a value or a probability has, checked.
 */
#include "custseg.h"

#include <math.h>

#include "life/life.h"
#include "value/predictor.h"

/* Read standard errors, of the columns and then of the intercept; NULL where the model has none. */
static double *
ReadErrors(const CsJsonReader *r, int ncolumns)
{
	double	   *errors = palloc(sizeof(double) * (ncolumns + 1));
	JsonbValue	value;
	CsJsonEach	each;

	if (!CsJsonReadMember(r, "errors", &value))
		return NULL;
	errors[ncolumns] = NAN;
	if (CsJsonReadMember(r, "intercept_error", &value))
		errors[ncolumns] = CsJsonReadNumber(r, "intercept_error");
	each = CsJsonEachOf(CsJsonReadArray(r, "errors", ncolumns, ncolumns));
	while (CsJsonNext(&each))
	{
		errors[each.at] = NAN;
		if (each.value.type != jbvNull && !CsJsonGetNumber(&each.value, &errors[each.at]))
			CsJsonReject(r, "errors", "has an element that is not a finite number");
	}
	return errors;
}

/* What was compiled, as a definition; "parameters" are read for what scoring does not need. */
static Jsonb *
WriteDefinition(const CsPredictor *p, const CsJsonReader *parameters)
{
	const CsValueModel *m = CsPredictorModel(p);
	CsPredictorParts parts = {
		.target = NameStr(p->target),.model = m,
		.errors = m->form == CS_VALUE_LINEAR ? ReadErrors(parameters, m->ncolumns) : NULL,
		.nfeatures = CsPredictorPipeline(p)->nfeatures,.shuffled = CsPredictorShuffled(p),
		.ratios = p->ratios,.nscores = p->nscores,.scores = CsPredictorScores(p)
	};
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	CsJsonJsonb(&json, "pipeline", CsPipelineToJsonb(CsPredictorPipeline(p)));
	CsJsonJsonb(&json, "parameters", CsPredictorParameters(&parts));
	return CsJsonFinish(&json);
}

/* Error unless a model is one of the kind, which the algorithm can have fitted. */
static void
CheckSuits(const CsJsonReader *r, const CsPredictor *p, CsModelKind kind)
{
	const CsValueModel *m = CsPredictorModel(p);
	char	   *name = CsJsonReadText(r, "algorithm");
	const CsValueAlgorithm *algorithm = CsValueAlgorithmFind(name);

	if (m->is_probability != (kind == CS_MODEL_PROBABILITY))
		CsJsonReject(r, "parameters", "does not suit the kind of the model");
	if (!(m->is_probability ? algorithm->of_probabilities : algorithm->of_numbers) ||
		algorithm->is_simple != (m->form == CS_VALUE_LINEAR) || (m->is_logit && !m->is_probability) ||
		(m->is_probability && p->nscores > 0))
		CsJsonReject(r, "parameters", "does not suit algorithm \"%s\"", name);
}

/* CsImporter: the definition. */
static void
Compile(Jsonb *definition, CsExportedVersion *version)
{
	const CsPredictor *p = CsPredictorCompile(definition, NULL);
	CsJsonReader r = CsJsonReaderOf(definition, CS_INVALID_DEFINITION, "the definition");
	CsJsonReader parameters = CsJsonReadObject(&r, "parameters", "the parameters");

	CheckSuits(&r, p, version->kind);
	version->compiled = p;
	version->number = (int) CsJsonReadInteger(&r, "version", 1, CS_MOST_VERSIONS);
	version->algorithm = CsJsonReadText(&r, "algorithm");
	version->pipeline = CsPredictorPipeline(p);
	version->definition = WriteDefinition(p, &parameters);
}

/* CsImporter: what was measured, and how the version was asked for. */
static void
CheckTraining(const CsJsonReader *r, CsExportedVersion *version)
{
	static const CsJsonMember members[] = {
		{"measured_on", CS_JSON_TEXT},
		{"auc", CS_JSON_NUMBER, 0, 1},
		{"log_loss", CS_JSON_NUMBER, 0, INFINITY},
		{"brier", CS_JSON_NUMBER, 0, 1},
		{"r2", CS_JSON_NUMBER, -INFINITY, 1},
		{"rmse", CS_JSON_NUMBER, 0, INFINITY},
		{"mae", CS_JSON_NUMBER, 0, INFINITY},
		{"coverage", CS_JSON_NUMBER, 0, 1},
		{"bias", CS_JSON_NUMBER},
		{"bias_deviation", CS_JSON_NUMBER, 0, INFINITY},
		{"squared_error_deviation", CS_JSON_NUMBER, 0, INFINITY},
		{"slope", CS_JSON_NUMBER},
		{"slope_error", CS_JSON_NUMBER, 0, INFINITY},
		{"intercept", CS_JSON_NUMBER},
		{"spread", CS_JSON_ANY},
		{"log_likelihood", CS_JSON_NUMBER},
		{"tuning", CS_JSON_ANY},
		{"read_milliseconds", CS_JSON_NUMBER},
		{"prepare_milliseconds", CS_JSON_NUMBER}
	};
	static const CsJsonMember tuning[] = {
		{"options", CS_JSON_ANY},
		{"r2", CS_JSON_NUMBER, -INFINITY, 1}, {"r2_deviation", CS_JSON_NUMBER, 0, INFINITY},
		{"rmse", CS_JSON_NUMBER, 0, INFINITY}, {"rmse_deviation", CS_JSON_NUMBER, 0, INFINITY},
		{"mae", CS_JSON_NUMBER, 0, INFINITY}, {"mae_deviation", CS_JSON_NUMBER, 0, INFINITY},
		{"auc", CS_JSON_NUMBER, 0, 1}, {"auc_deviation", CS_JSON_NUMBER, 0, INFINITY},
		{"log_loss", CS_JSON_NUMBER, 0, INFINITY}, {"log_loss_deviation", CS_JSON_NUMBER, 0, INFINITY},
		{"brier", CS_JSON_NUMBER, 0, 1}, {"brier_deviation", CS_JSON_NUMBER, 0, INFINITY},
		{"chosen", CS_JSON_BOOL}, {"reason", CS_JSON_TEXT}
	};
	const CsValueAlgorithm *algorithm = CsValueAlgorithmFind(version->algorithm);
	CsJsonReader metrics = CsJsonReadObject(r, "metrics", "the metrics");
	CsPredictionSpread spread;

	CsJsonCheckMembers(&metrics, members, lengthof(members));
	CsJsonCheckArray(&metrics, "tuning", "trial", tuning, lengthof(tuning));
	(void) CsPredictorReadSpread(&metrics, &spread);
	version->prep = CsExportedPrep(r, version->pipeline);
	version->options = CsExportedOptions(r, algorithm->options, algorithm->noptions,
										 palloc0(algorithm->options_size));
}

const CsImporter CsPredictorImporter = {Compile, CheckTraining};
