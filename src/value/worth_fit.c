/*
 * worth_fit.c
 *	  What customers of a period are worth, fitted and judged.
 *
 * NBD, in which nobody leaves, is always fitted beside: where it explains the purchases as well, the data do
 * not tell who has left, whatever the likelihood of a model that says so.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "miscadmin.h"
#include "orders/lines.h"
#include "stat/correlation.h"
#include "value/worth_fit.h"

/* Amounts that go together with the number of purchases so far are worth a word. */
#define LARGE_RANK_CORRELATION 0.3

/* Means that differ by less of themselves are one. */
#define SAME_SHARE 1e-9

/* Log-likelihoods that differ by less are one: where nobody leaves, those of BG/NBD and MBG/NBD are. */
#define SAME_LIKELIHOOD 1e-3

const char *const CsWorthAlgorithms[] = {"auto", "bg_nbd", "mbg_nbd", "pareto_nbd", "nbd", NULL};

/* The model of which it is told who is there: in BG/NBD itself nobody leaves who never came back. */
static CsPurchaseFit
FitAlive(CsPeriod *p, const CsWorthFit *fit, bool of_its_own)
{
	return of_its_own || fit->purchases.model != &CsBgNbd ? fit->purchases :
		CsPurchaseFitBest(&CsMbgNbd, &p->data);
}

/* Fit the models of purchases, and choose. */
static void
FitPurchases(CsPeriod *p, CsWorthAlgorithm algorithm, bool alive_of_its_own, CsWorthFit *fit)
{
	fit->nbd = CsPurchaseFitBest(&CsNbd, &p->data);
	if (algorithm == CS_WORTH_NBD)
	{
		fit->purchases = fit->alive = fit->nbd;
		return;
	}
	if (algorithm == CS_WORTH_AUTO)
	{
		CsPurchaseFit bg = CsPurchaseFitBest(&CsBgNbd, &p->data);
		CsPurchaseFit mbg = CsPurchaseFitBest(&CsMbgNbd, &p->data);

		/* they have as many parameters: by Akaike's criterion the likelihood decides */
		fit->dropout = bg.log_likelihood > mbg.log_likelihood + SAME_LIKELIHOOD ? bg : mbg;
		fit->alive = mbg;
	}
	else
		fit->dropout = CsPurchaseFitBest(CsPurchaseModelNamed(CsWorthAlgorithms[algorithm]), &p->data);
	fit->is_identified = CsDropoutIsIdentified(&fit->dropout, &fit->nbd);
	fit->purchases = algorithm == CS_WORTH_AUTO && !fit->is_identified ? fit->nbd : fit->dropout;
	if (algorithm != CS_WORTH_AUTO || alive_of_its_own || fit->purchases.model != &CsBgNbd)
		fit->alive = FitAlive(p, fit, alive_of_its_own);
}

/* Pearson's and Spearman's correlation of repeats and mean spend. */
static void
Correlate(const CsPeriod *p, CsWorthFit *fit)
{
	int64		n = p->n_spend;
	Size		size = mul_size(6 * sizeof(double), n);
	double	   *x,
			   *z,
			   *x_ranks,
			   *z_ranks,
			   *work;

	if (n < 3)
		return;
	if (size > CsMemoryLimit())
		CsMemoryError(size, "leave the amount out", "comparing the spend of %lld customers", (long long) n);
	x = palloc_extended(size, MCXT_ALLOC_HUGE);
	z = x + n;
	x_ranks = z + n;
	z_ranks = x_ranks + n;
	work = z_ranks + n;
	for (int64 i = 0; i < n; i++)
	{
		x[i] = p->spend[i].repeats;
		z[i] = p->spend[i].mean;
	}
	fit->pearson = CsCorrelation(x, z, n);
	CsRanks(x, n, x_ranks, work);
	CsRanks(z, n, z_ranks, work);
	fit->spearman = CsCorrelation(x_ranks, z_ranks, n);
	pfree(x);
}

/* Do all customers spend the same? */
static bool
SpendIsConstant(const CsPeriod *p)
{
	double		low = INFINITY,
				high = 0;

	for (int64 i = 0; i < p->n_spend; i++)
	{
		low = Min(low, p->spend[i].mean);
		high = Max(high, p->spend[i].mean);
	}
	return high - low <= SAME_SHARE * high;
}

/* Fit what customers spend. */
static void
FitSpend(const CsPeriod *p, CsWorthFit *fit)
{
	CsSpendData data = {p->n_spend, p->spend};
	CsOptimum	at;
	bool		has_errors;

	fit->pearson = fit->spearman = fit->spend_log_likelihood = NAN;
	fit->spend_end = CS_OPTIMUM_FOUND;
	for (int i = 0; i < CS_SPEND_PARAMETERS; i++)
		fit->spend_log_error[i] = NAN;
	if (p->request.amount == NULL)
		return;
	if (p->n_spend == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("no customer of %s who bought again spent an amount above 0", p->request.relation->description),
				 errhint("Name another column as the amount, or none: purchases are predicted without it.")));
	if (SpendIsConstant(p))
	{
		fit->model.spend = CS_SPEND_CONSTANT;
		fit->model.spend_p[0] = p->spend[0].mean;
		return;
	}
	Correlate(p, fit);
	fit->model.spend = CS_SPEND_GAMMA_GAMMA;
	at = CsGammaGammaFit(&data, fit->model.spend_p);
	for (int i = 0; i < CS_SPEND_PARAMETERS; i++)
		if (!isfinite(fit->model.spend_p[i]))
			CsAmountsTooLarge();
	fit->spend_end = at.end;
	fit->spend_log_likelihood = at.value * (double) p->n_spend;
	has_errors = CsOptimumCovariance(&at, CS_SPEND_PARAMETERS, (double) p->n_spend, fit->spend_covariance);
	for (int i = 0; i < CS_SPEND_PARAMETERS && has_errors; i++)
		fit->spend_log_error[i] = sqrt(fit->spend_covariance[i * CS_SPEND_PARAMETERS + i]);
}

/*
 * Fit the customers of a period.  Who never came back is told to be there by MBG/NBD where BG/NBD predicts,
 * unless that is to tell by itself.
 */
void
CsWorthFitModel(CsPeriod *p, CsWorthAlgorithm algorithm, bool alive_of_its_own, CsWorthFit *fit)
{
	memset(fit, 0, sizeof(CsWorthFit));
	FitPurchases(p, algorithm, alive_of_its_own, fit);
	FitSpend(p, fit);
	fit->model.purchases = fit->purchases.model;
	memcpy(fit->model.p, fit->purchases.p, sizeof(fit->model.p));
	fit->model.alive = fit->alive.model;
	memcpy(fit->model.alive_p, fit->alive.p, sizeof(fit->model.alive_p));
	fit->model.unit = p->data.unit;
}

/* The fit of which the verdict tells: the model with dropout, also where NBD was taken instead. */
static const CsPurchaseFit *
ToldFit(const CsWorthFit *fit)
{
	return fit->dropout.model != NULL ? &fit->dropout : &fit->purchases;
}

/* Are the parameters a maximum?  So they are on the bound beyond which customers do not differ in how they leave. */
bool
CsWorthHasConverged(const CsWorthFit *fit)
{
	const CsPurchaseFit *told = ToldFit(fit);

	if (fit->dropout.model != NULL && !fit->is_identified)
		return false;
	return (told->end == CS_OPTIMUM_FOUND && told->has_errors) || CsDropoutIsAlike(told);
}

/* Say why a fit did not converge. */
static void
AddWhyNot(StringInfo reason, const CsPurchaseFit *fit)
{
	if (fit->end == CS_OPTIMUM_ON_BOUND)
		appendStringInfo(reason, "The likelihood of %s goes on to rise where a parameter is on its bound, e^10 or e^-10",
						 fit->model->name);
	else if (fit->end == CS_OPTIMUM_NOT_FOUND)
		appendStringInfo(reason, "The search for the parameters of %s ended where the likelihood still has a slope",
						 fit->model->name);
	else
		appendStringInfo(reason, "The likelihood of %s is so flat that its parameters have no errors", fit->model->name);
}

/* Say whether customers are seen to leave, and by how much a model in which they do fits better. */
static void
AddDropout(StringInfo reason, const CsWorthFit *fit)
{
	double		gain = CsDropoutGain(&fit->dropout, &fit->nbd);

	if (!fit->is_identified && gain >= CS_LEAST_DROPOUT_GAIN)
	{
		appendStringInfoString(reason, "The purchases do not tell how often customers leave: it is known only to within a factor above 7.");
		return;
	}
	appendStringInfo(reason, fit->is_identified ?
					 "The purchases tell that customers leave: %s fits them better than nbd, in which nobody leaves, by more than chance would" :
					 "The purchases do not tell whether customers leave: %s fits them better than nbd, in which nobody leaves, by no more than chance would",
					 fit->dropout.model->name);
	appendStringInfo(reason, " (twice the log-likelihood is %.2f higher, and chance alone exceeds %.2f in 5 of 100 samples).",
					 Max(gain, 0), CS_LEAST_DROPOUT_GAIN);
	if (fit->is_identified && CsDropoutIsAlike(&fit->dropout))
		appendStringInfoString(reason, " Customers hardly differ in how likely they are to leave, of which only the mean is known.");
}

/* The verdict on the fit of a period; the reason is appended as sentences. */
const char *
CsWorthVerdict(const CsPeriod *p, const CsWorthFit *fit, StringInfo reason)
{
	if (p->n_repeat < CS_FEW_REPEAT)
	{
		appendStringInfo(reason, "Only %lld customers bought again, but %d are needed to tell how customers differ.",
						 (long long) p->n_repeat, CS_FEW_REPEAT);
		return "insufficient data";
	}
	if (fit->dropout.model != NULL && !fit->is_identified)
	{
		AddDropout(reason, fit);
		appendStringInfoString(reason, " Do not rank customers by the chance that they are still there.");
		return CS_VERDICT_NOT_IDENTIFIED;
	}
	if (!CsWorthHasConverged(fit))
	{
		AddWhyNot(reason, ToldFit(fit));
		appendStringInfoString(reason, ".");
		return "not converged";
	}
	if (fit->spend_end != CS_OPTIMUM_FOUND)
	{
		appendStringInfoString(reason, "The search for the parameters of what customers spend found no maximum.");
		return "not converged";
	}
	if (fit->dropout.model == NULL)
		appendStringInfoString(reason, "nbd assumes that nobody leaves.");
	else
		AddDropout(reason, fit);
	return "ok";
}

/* Write a parameter with its standard error and its interval of 95 %. */
static void
PushParameter(JsonbParseState **json, const char *part, const char *name, double value, double log_error)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "part", part);
	CsJsonText(json, "parameter", name);
	CsJsonNumber(json, "estimate", value);
	CsJsonNumber(json, "standard_error", value * log_error);
	CsJsonNumber(json, "low", value * exp(-CS_INTERVAL_SDS * log_error));
	CsJsonNumber(json, "high", value * exp(CS_INTERVAL_SDS * log_error));
	(void) CsJsonEnd(json);
}

/* Write the parameters of a model of purchases. */
static void
PushPurchases(JsonbParseState **json, const char *part, const CsPurchaseFit *fit)
{
	for (int i = 0; i < fit->model->n_parameters; i++)
		PushParameter(json, part, fit->model->parameter[i], fit->p[i], fit->log_error[i]);
}

/* Write the parameters with their errors. */
static void
PushParameters(JsonbParseState **json, const CsWorthFit *fit)
{
	CsJsonArray(json, "parameters");
	PushPurchases(json, "purchases", &fit->purchases);
	if (fit->alive.model != fit->purchases.model)
		PushPurchases(json, "alive", &fit->alive);
	if (fit->model.spend == CS_SPEND_CONSTANT)
		PushParameter(json, "spend", "mean", fit->model.spend_p[0], NAN);
	for (int i = 0; i < CS_SPEND_PARAMETERS && fit->model.spend == CS_SPEND_GAMMA_GAMMA; i++)
		PushParameter(json, "spend", CsSpendParameters[i], fit->model.spend_p[i], fit->spend_log_error[i]);
	(void) CsJsonEnd(json);
}

/* Write a fit as members of the open object. */
void
CsWorthPushFit(JsonbParseState **json, const CsPeriod *p, const CsWorthFit *fit)
{
	const CsPurchaseFit *purchases = &fit->purchases;

	CsJsonInteger(json, "n_repeat", p->n_repeat);
	CsJsonInteger(json, "n_not_positive", p->n_not_positive);
	CsJsonNumber(json, "log_likelihood", purchases->log_likelihood);
	CsJsonNumber(json, "aic", 2 * purchases->model->n_parameters - 2 * purchases->log_likelihood);
	CsJsonNumber(json, "bic", log((double) p->data.n) * purchases->model->n_parameters -
				 2 * purchases->log_likelihood);
	CsJsonNumber(json, "nbd_log_likelihood", fit->nbd.log_likelihood);
	CsJsonNumber(json, "spend_log_likelihood", fit->spend_log_likelihood);
	CsJsonNumber(json, "pearson", fit->pearson);
	CsJsonNumber(json, "spearman", fit->spearman);
	PushParameters(json, fit);
}

/* Tell what of the spend is not as the model takes it to be. */
void
CsWorthWarn(const CsPeriod *p, const CsWorthFit *fit)
{
	if (p->n_not_positive > 0)
		ereport(NOTICE,
				(errmsg("%s no part in the model of spend: the mean amount is not above 0",
						CsWordsCount(p->n_not_positive, "customer has", "customers have"))));
	if (fit->model.spend == CS_SPEND_CONSTANT)
		ereport(NOTICE,
				(errmsg("all customers spend the same on a purchase"),
				 errdetail("There is no model of spend to fit: each purchase is taken to be worth it.")));
	if (fit->model.spend == CS_SPEND_GAMMA_GAMMA && fit->model.spend_p[1] <= 1)
		ereport(NOTICE,
				(errmsg("what customers spend differs so much that it has no mean"),
				 errdetail("Customers who bought once have no expected spend.")));
	if (fabs(fit->spearman) > LARGE_RANK_CORRELATION)
		ereport(WARNING,
				(errmsg("customers who buy more often spend %s on a purchase",
						fit->spearman > 0 ? "more" : "less"),
				 errdetail("The rank correlation is %.2f; the model takes spend to be independent of how often customers buy.",
						   fit->spearman),
				 errhint("Predicted purchases are not concerned; take lifetime values with care.")));
}
