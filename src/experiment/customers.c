/*
 * customers.c
 *	  Customers of an experiment, as sources name them.
 */
#include "custseg.h"

#include "experiment/customers.h"

/* Error unless the source of a pass tells who a customer is. */
void
CsExperimentRequireId(const CsExperiment *e, const CsPass *pass)
{
	if (pass->identity == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("%s has no column that identifies a customer", pass->relation->description),
				 errhint("Train model \"%s\" with \"id\", or give a table whose primary key says who a customer is.",
						 e->model)));
}

/* The customer of a row as enrolments name customers, palloc'd; an error when there is none. */
char *
CsExperimentCustomer(CsPass *pass, const Datum *values, const bool *nulls)
{
	char	   *customer = CsPassPlainId(pass, values, nulls);

	if (customer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s has a row without a customer", pass->relation->description),
				 errhint("Leave such rows out in a query as the source.")));
	return customer;
}
