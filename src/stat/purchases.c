/*
 * purchases.c
 *	  The fit of a model of repeat purchases, and the model without dropout: NBD (Ehrenberg 1959).
 *
 * Days are whole numbers, so logarithms of days and sums over repeats are tables that are made once
 * for each set of parameters; a group of customers costs two look-ups in each.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "progress.h"
#include "stat/purchases.h"

/* No logarithm of a parameter may go beyond: e^10 = 22,026. */
#define BOUND 10

/* Dropout that may be e^2 times more or less likely is not known. */
#define WIDEST_LOG_ERROR 2

/* Numbers that the tables of a likelihood take: four over repeats and four over days, with a margin. */
Size
CsPurchaseScratch(int32 max_repeats, int32 max_age)
{
	return 8 * ((Size) max_repeats + 3) + 8 * ((Size) max_age + 1);
}

/*
 * OUT for i = 0..n: ln Gamma(c + i) - ln Gamma(c), and psi(c + i) - psi(c), as running sums, which lose
 * nothing where c is large.
 */
void
CsRisingSums(double c, int n, double *logs, double *inverses)
{
	logs[0] = inverses[0] = 0;
	for (int i = 0; i < n; i++)
	{
		logs[i + 1] = logs[i] + log(c + i);
		inverses[i + 1] = inverses[i] + 1 / (c + i);
	}
}

/* OUT for each day: ln(parameter + day), and 1 / (parameter + day), days in units. */
void
CsLogsOfDays(double parameter, const CsPurchaseData *data, double *logs, double *inverses)
{
	for (int32 day = 0; day <= data->max_age; day++)
	{
		double		time = parameter + day / data->unit;

		logs[day] = log(time);
		inverses[day] = 1 / time;
	}
}

/* The mean log-likelihood of NBD, and its gradient by the logarithms of r and alpha. */
static double
NbdLikelihood(const double *theta, double *gradient, void *state)
{
	CsPurchaseData *data = state;
	double		r = exp(theta[0]),
				alpha = exp(theta[1]),
				likelihood = 0,
				by_r = 0,
				by_alpha = 0;
	double	   *rising = data->scratch,
			   *rising_slope = rising + data->max_repeats + 2,
			   *logs = rising_slope + data->max_repeats + 2,
			   *inverses = logs + data->max_age + 1;

	CsRisingSums(r, data->max_repeats, rising, rising_slope);
	CsLogsOfDays(alpha, data, logs, inverses);
	for (int64 i = 0; i < data->n_groups; i++)
	{
		const CsPurchaseGroup *g = &data->group[i];
		double		n = (double) g->n,
					x = g->repeats;

		likelihood += n * (rising[g->repeats] + r * theta[1] - (r + x) * logs[g->age]);
		by_r += n * (rising_slope[g->repeats] + theta[1] - logs[g->age]);
		by_alpha += n * (r / alpha - (r + x) * inverses[g->age]);
	}
	gradient[0] = by_r * r / (double) data->n;
	gradient[1] = by_alpha * alpha / (double) data->n;
	return likelihood / (double) data->n;
}

/* Nobody leaves. */
static double
NbdAlive(const double *p, const CsPurchaseHistory *h)
{
	return 1;
}

/* Purchases in the next t units. */
static double
NbdToCome(const double *p, double repeats, double age, double t)
{
	return (p[0] + repeats) * t / (p[1] + age);
}

const CsPurchaseModel CsNbd = {
	"nbd", 2, {"r", "alpha"}, 2, {{0, 1.6}, {-1.4, 1.6}}, 1 << 1,
	NbdLikelihood, NbdAlive, NbdToCome
};

/* A model by its name; NULL when there is none. */
const CsPurchaseModel *
CsPurchaseModelNamed(const char *name)
{
	static const CsPurchaseModel *const models[] = {&CsNbd, &CsBgNbd, &CsMbgNbd, &CsParetoNbd};

	for (int i = 0; i < lengthof(models); i++)
		if (strcmp(models[i]->name, name) == 0)
			return models[i];
	return NULL;
}

/* Groups at equal steps, which are ordered, with their customers; palloc'd. */
static CsPurchaseData
ThinOut(const CsPurchaseData *data, int64 step)
{
	CsPurchaseData thin = *data;
	CsPurchaseGroup *group = palloc(sizeof(CsPurchaseGroup) * (data->n_groups / step + 1));

	thin.n_groups = thin.n = 0;
	for (int64 i = step / 2; i < data->n_groups; i += step)
	{
		thin.n += data->group[i].n;
		group[thin.n_groups++] = data->group[i];
	}
	thin.group = group;
	return thin;
}

/* The best maximum of the mean log-likelihood, by the logarithms of the parameters. */
static CsOptimum
Maximise(const CsPurchaseModel *model, CsPurchaseData *data)
{
	CsObjective f = {model->n_parameters, BOUND, model->likelihood, data, CsProgressFit, 1, 1};
	CsObjective part = f;
	double		start[lengthof(model->start)][CS_OPTIMUM_MAX] = {{0}};
	CsPurchaseData thin;
	CsOptimum	best;

	for (int s = 0; s < model->n_starts; s++)
		for (int i = 0; i < model->n_parameters; i++)
			start[s][i] = model->start[s][i] + ((model->times & (1 << i)) != 0 ? log(7 / data->unit) : 0);
	if (data->n_groups < 2 * CS_OPTIMUM_PART)
		return CsMaximiseFromStarts(&f, model->n_starts, start);
	thin = ThinOut(data, data->n_groups / CS_OPTIMUM_PART);
	part.state = &thin;
	best = CsMaximiseByPart(&f, &part, model->n_starts, start);
	pfree(unconstify(CsPurchaseGroup *, thin.group));
	return best;
}

/* The fit of a model to groups that are ordered. */
CsPurchaseFit
CsPurchaseFitBest(const CsPurchaseModel *model, CsPurchaseData *data)
{
	CsOptimum	best = Maximise(model, data);
	CsPurchaseFit fit = {.model = model, .end = best.end, .iterations = best.iterations};
	int			d = model->n_parameters;

	fit.log_likelihood = best.value * (double) data->n;
	fit.has_errors = CsOptimumCovariance(&best, d, (double) data->n, fit.covariance);
	for (int i = 0; i < d; i++)
	{
		fit.p[i] = exp(best.theta[i]);
		fit.log_error[i] = fit.has_errors ? sqrt(fit.covariance[i * d + i]) : NAN;
	}
	return fit;
}

/* By how much twice the log-likelihood of a model with dropout is above that of NBD. */
double
CsDropoutGain(const CsPurchaseFit *fit, const CsPurchaseFit *nbd)
{
	return 2 * (fit->log_likelihood - nbd->log_likelihood);
}

/* Is the fit on the bound beyond which customers do not differ in how likely they are to leave? */
bool
CsDropoutIsAlike(const CsPurchaseFit *fit)
{
	int			first = CsNbd.n_parameters;

	return fit->end == CS_OPTIMUM_ON_BOUND && fit->model->n_parameters > first &&
		Max(log(fit->p[first]), log(fit->p[first + 1])) > BOUND - 1e-9;
}

/* The variance of the logarithm of the last two parameters' ratio, which says how soon customers leave. */
static double
DropoutVariance(const CsPurchaseFit *fit)
{
	int			d = fit->model->n_parameters,
				first = CsNbd.n_parameters;
	const double *of_first = fit->covariance + first * d,
			   *of_last = of_first + d;

	return of_first[first] + of_last[first + 1] - 2 * of_first[first + 1];
}

/*
 * Do the data tell that customers leave?  A model with dropout has two parameters more than NBD, which are
 * the last ones, and must fit better than by chance; and their ratio must be known within some bounds.  How
 * much customers differ in it may be open.
 */
bool
CsDropoutIsIdentified(const CsPurchaseFit *fit, const CsPurchaseFit *nbd)
{
	return fit->model != &CsNbd && CsDropoutGain(fit, nbd) >= CS_LEAST_DROPOUT_GAIN &&
		(!fit->has_errors || DropoutVariance(fit) <= WIDEST_LOG_ERROR * WIDEST_LOG_ERROR);
}
