/*
 * customers.h
 *	  Customers of an experiment, as sources name them.
 */
#ifndef CUSTSEG_EXPERIMENT_CUSTOMERS_H
#define CUSTSEG_EXPERIMENT_CUSTOMERS_H

#include "experiment/experiment.h"
#include "score/pass.h"

extern void CsExperimentRequireId(const CsExperiment *e, const CsPass *pass);
extern char *CsExperimentCustomer(CsPass *pass, const Datum *values, const bool *nulls);

#endif							/* CUSTSEG_EXPERIMENT_CUSTOMERS_H */
