/*
 * worth_errors.c
 *	  What is known of the errors of a model of purchases: of its fit, and kept with its version.
 *
 * A version keeps in its metrics
 *	 "covariance": {"purchases", "alive", "spend"}, of the logarithms of the parameters, row by row, null where
 *		the likelihood is too flat to tell;
 *	 "holdout": {..., "variance", "parameter_variance"} and the same of the value, of the sum of all customers
 *		as the model has it, beside what was predicted and what came.
 * They may come from an import, so nothing in them is trusted.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/tables.h"
#include "score/score.h"
#include "value/worth_errors.h"

static const char *const metrics_sql =
"SELECT v.metrics FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

/* What covariances may be off by. */
#define ROUNDING 1e-6

/* Put the covariance of n parameters where there is room for the most. */
static void
Widen(double *to, const double *covariance, int n)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			to[i * CS_OPTIMUM_MAX + j] = covariance[i * n + j];
}

/* The spend has a covariance, or nothing that could have one. */
static bool
KnowsSpend(const CsWorthFit *fit)
{
	return fit->model.spend != CS_SPEND_GAMMA_GAMMA || isfinite(fit->spend_log_error[0]);
}

/* The errors of a fit, which no holdout has corrected yet. */
void
CsWorthErrorsOfFit(CsWorthErrors *e, const CsWorthFit *fit)
{
	memset(e, 0, sizeof(CsWorthErrors));
	for (int i = 0; i < CS_WORTH_MEASURES; i++)
		e->dispersion[i] = 1;
	e->known[CS_WORTH_PURCHASES] = fit->purchases.has_errors;
	e->known[CS_WORTH_ALIVE] = fit->alive.has_errors;
	e->known[CS_WORTH_VALUE] = fit->purchases.has_errors && KnowsSpend(fit);
	Widen(e->covariance, fit->purchases.covariance, fit->purchases.model->n_parameters);
	Widen(e->alive_covariance, fit->alive.covariance, fit->alive.model->n_parameters);
	memcpy(e->spend_covariance, fit->spend_covariance, sizeof(e->spend_covariance));
}

/* Write a covariance of n parameters. */
static void
PushCovariance(JsonbParseState **json, const char *key, bool known, const double *covariance, int n)
{
	if (known)
		CsJsonNumbers(json, key, covariance, n * n, 1);
	else
		CsJsonNull(json, key);
}

/* Write what a version keeps of the errors of its fit, as a member of the open object. */
void
CsWorthErrorsPush(JsonbParseState **json, const CsWorthFit *fit)
{
	CsJsonObject(json, "covariance");
	PushCovariance(json, "purchases", fit->purchases.has_errors, fit->purchases.covariance,
				   fit->purchases.model->n_parameters);
	PushCovariance(json, "alive", fit->alive.has_errors, fit->alive.covariance, fit->alive.model->n_parameters);
	PushCovariance(json, "spend", fit->model.spend == CS_SPEND_GAMMA_GAMMA && KnowsSpend(fit),
				   fit->spend_covariance, CS_SPEND_PARAMETERS);
	(void) CsJsonEnd(json);
}

/* Can two numbers of these variances have this covariance, which is there twice?  But for rounding. */
static bool
IsCovariance(double a, double b, double covariance, double again)
{
	double		most = sqrt(a) * sqrt(b);

	return fabs(covariance) <= most * (1 + ROUNDING) && fabs(covariance - again) <= most * ROUNDING;
}

/* Read a covariance; false where there is none. */
static bool
ReadCovariance(const CsJsonReader *r, const char *key, double *to, int n, int stride)
{
	JsonbValue	value;
	double		covariance[CS_OPTIMUM_MAX * CS_OPTIMUM_MAX];

	if (!CsJsonReadMember(r, key, &value))
		return false;
	CsJsonReadNumbers(r, key, n * n, covariance, 1);
	for (int i = 0; i < n; i++)
		if (covariance[i * n + i] < 0)
			CsJsonReject(r, key, "has a variance below 0");
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			if (!IsCovariance(covariance[i * n + i], covariance[j * n + j], covariance[i * n + j], covariance[j * n + i]))
				CsJsonReject(r, key, "is no covariance");
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			to[i * stride + j] = covariance[i * n + j];
	return true;
}

/* What a holdout was off by beyond what the model has it, as a share, is worth a word from here on. */
#define LARGE_BIAS 0.2

/* Read what a holdout says of a measure, whose members have a prefix. */
static void
ReadHoldout(const CsJsonReader *holdout, const char *prefix, CsWorthErrors *e, CsWorthMeasure measure, StringInfo reason)
{
	CsWorthHoldout h = {
		.n = CsJsonReadNumber(holdout, "n"),
		.rmse = CsJsonReadNumber(holdout, psprintf("%srmse", prefix)),
		.predicted = CsJsonReadNumber(holdout, psprintf("%spredicted", prefix)),
		.actual = CsJsonReadNumber(holdout, psprintf("%sactual", prefix)),
		.variance = CsJsonReadNumber(holdout, psprintf("%svariance", prefix)),
		.parameter_variance = CsJsonReadNumber(holdout, psprintf("%sparameter_variance", prefix))
	};

	CsWorthErrorsCorrect(e, measure, &h);
	if (reason != NULL && e->bias[measure] > LARGE_BIAS)
		CsReasonAdd(reason, "what came in the holdout was %.0f %% %s than predicted, so intervals are wide",
					100 * fabs(h.actual / h.predicted - 1), h.actual > h.predicted ? "more" : "less");
}

/* Does an object have that member, which is a number? */
static bool
HasNumber(const CsJsonReader *r, const char *key)
{
	JsonbValue	value;
	double		number;

	return CsJsonReadMember(r, key, &value) && CsJsonGetNumber(&value, &number);
}

/* Read what a version keeps of a holdout, if it has one. */
static void
ReadHoldouts(const CsJsonReader *metrics, CsWorthErrors *e, StringInfo reason)
{
	JsonbValue	value;
	CsJsonReader holdout;
	bool		has_value;

	if (!CsJsonReadMember(metrics, "holdout", &value))
	{
		CsReasonAdd(reason, "no holdout tells how far the model is off, so the intervals take it to be right");
		return;
	}
	holdout = CsJsonReadObject(metrics, "holdout", "the holdout");
	has_value = HasNumber(&holdout, "value_variance");
	if (HasNumber(&holdout, "variance"))
		ReadHoldout(&holdout, "", e, CS_WORTH_PURCHASES, has_value ? NULL : reason);
	if (has_value)
		ReadHoldout(&holdout, "value_", e, CS_WORTH_VALUE, reason);
}

/* Read the covariances; false where there are none of the purchases. */
static bool
ReadCovariances(const CsJsonReader *metrics, CsWorthErrors *e, const CsWorthModel *m)
{
	CsJsonReader covariance;
	JsonbValue	value;

	if (!CsJsonReadMember(metrics, "covariance", &value))
		return false;
	covariance = CsJsonReadObject(metrics, "covariance", "the covariance");
	e->known[CS_WORTH_PURCHASES] = ReadCovariance(&covariance, "purchases", e->covariance, m->purchases->n_parameters,
												  CS_OPTIMUM_MAX);
	e->known[CS_WORTH_ALIVE] = ReadCovariance(&covariance, "alive", e->alive_covariance, m->alive->n_parameters,
											  CS_OPTIMUM_MAX);
	e->known[CS_WORTH_VALUE] = e->known[CS_WORTH_PURCHASES] &&
		(ReadCovariance(&covariance, "spend", e->spend_covariance, CS_SPEND_PARAMETERS, CS_SPEND_PARAMETERS) ||
		 m->spend != CS_SPEND_GAMMA_GAMMA);
	return e->known[CS_WORTH_PURCHASES];
}

/* Error unless the covariances that metrics may have are such. */
void
CsWorthErrorsCheck(const CsJsonReader *metrics, const CsWorthModel *m)
{
	CsWorthErrors e = {{0}};

	(void) ReadCovariances(metrics, &e, m);
}

/*
 * Read what a version keeps of its errors.  OUT whether it tells who has left; what is to be said of all that is
 * appended to the reason.
 */
void
CsWorthErrorsRead(CsWorthErrors *e, const char *model, int version, const CsWorthModel *m, bool *tells_who_left,
				  StringInfo reason)
{
	Jsonb	   *json = NULL;
	CsJsonReader metrics;
	JsonbValue	verdict;

	memset(e, 0, sizeof(CsWorthErrors));
	for (int i = 0; i < CS_WORTH_MEASURES; i++)
		e->dispersion[i] = 1;
	if (CsCatalogRead(metrics_sql, CsValues(CsValueText(model), CsValueInt4(version)), CsTakeJsonb, &json) != 1)
		CsReportDropped(model, version);
	metrics = CsJsonReaderOf(json, CS_INVALID_DEFINITION, "the metrics");
	*tells_who_left = m->alive != &CsNbd &&
		!(CsJsonFind(metrics.object, "verdict", &verdict) && CsJsonIsText(&verdict, CS_VERDICT_NOT_IDENTIFIED));
	if (!*tells_who_left)
		CsReasonAdd(reason, "the purchases do not tell that customers leave, so nothing is told of who has left");
	if (ReadCovariances(&metrics, e, m) && (e->known[CS_WORTH_VALUE] || m->spend == CS_SPEND_NONE))
		ReadHoldouts(&metrics, e, reason);
	else
		CsReasonAdd(reason, "the errors of the model are not known, so sums have no interval");
}
