/*
 * health.c
 *	  What experiment_health() is made of: ids and covariates of a source.
 */
#include "custseg.h"

#include <math.h>

#include "experiment/customers.h"
#include "orders/orders.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(custseg_require_experiment);
PG_FUNCTION_INFO_V1(custseg_experiment_rows);

/* The arguments. */
enum
{
	ARG_EXPERIMENT, ARG_SOURCE
};

/* A reading. */
typedef struct Reading
{
	CsPass	   *pass;
	CsResult   *result;
	int			ncovariates;
	const CsColumn *column[CS_MAX_EXPERIMENT_METRICS];
	int			position[CS_MAX_EXPERIMENT_METRICS];
} Reading;

/* require_experiment(experiment): its name, or an error where there is none that the caller may see */
Datum
custseg_require_experiment(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(CsExperimentRead(CsRequiredText(fcinfo, ARG_EXPERIMENT, "experiment"))->name));
}

/* CsRowSink: a customer with the covariates, NULL for none. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Reading    *r = state;
	double		covariates[CS_MAX_EXPERIMENT_METRICS];
	char	   *customer = CsExperimentCustomer(r->pass, values, nulls);

	for (int i = 0; i < r->ncovariates; i++)
	{
		int			at = r->position[i];

		covariates[i] = nulls[at] ? NAN : r->column[i]->converter.to_double(&r->column[i]->converter, values[at]);
		if (isinf(covariates[i]))
			covariates[i] = NAN;
	}
	CsResultPut(r->result, CsValues(CsValueText(customer), CsValueNumbers(covariates, r->ncovariates)));
}

/* experiment_rows(experiment, source): the customers of a source, with the covariates of the metrics that have one */
Datum
custseg_experiment_rows(PG_FUNCTION_ARGS)
{
	Reading		r = {.result = CsResultOpen(fcinfo)};
	CsExperiment *e = CsExperimentRead(CsTextArgument(fcinfo, ARG_EXPERIMENT));

	CsExperimentRequireOwner(e);
	r.pass = CsPassOpen(CsRelationOpen(CsTextArgument(fcinfo, ARG_SOURCE)));
	CsPassIdentify(r.pass, CsFindKey(r.pass->relation, CsVersionId(e->model, e->version)));
	CsExperimentRequireId(e, r.pass);
	for (int i = 0; i < e->nmetrics; i++)
	{
		if (e->metrics[i].covariate == NULL)
			continue;
		r.column[r.ncovariates] = CsColumnOfRole(r.pass->relation, e->metrics[i].covariate, "covariate",
												 CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_BOOLEAN));
		r.position[r.ncovariates] = CsPassColumn(r.pass, r.column[r.ncovariates]);
		r.ncovariates++;
	}
	CsPassVisit(r.pass, &(CsVisitor) {.state = &r, .take_row = TakeRow});
	(void) CsPassRead(r.pass);
	return (Datum) 0;
}
