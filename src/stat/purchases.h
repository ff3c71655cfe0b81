/*
 * purchases.h
 *	  Models of repeat purchases: how often customers buy, when they leave, what they spend.
 *
 * A customer is told by the number of repeats x, and by the times from the first purchase to the last
 * repeat, t_x, and to the end of the observation, T.  Times are whole days in the data, and units
 * (days or weeks) in the parameters.
 */
#ifndef CUSTSEG_STAT_PURCHASES_H
#define CUSTSEG_STAT_PURCHASES_H

#include "math/math.h"

/* Customers who look alike. */
typedef struct CsPurchaseGroup
{
	int32		repeats;
	int32		recency;		/* days from the first purchase to the last */
	int32		age;			/* days from the first purchase to the end */
	int64		n;				/* customers */
} CsPurchaseGroup;

typedef struct CsPurchaseData
{
	int64		n_groups;
	const CsPurchaseGroup *group;
	int64		n;				/* customers of all groups */
	int32		max_repeats;
	int32		max_age;
	double		unit;			/* days */
	double	   *scratch;		/* CsPurchaseScratch() numbers; what it holds is nobody's business */
} CsPurchaseData;

/* What the state of a customer is to the predictions: times in units. */
typedef struct CsPurchaseHistory
{
	double		repeats;
	double		recency;
	double		age;
} CsPurchaseHistory;

/* A model of purchases: a row of the table. */
typedef struct CsPurchaseModel
{
	const char *name;
	int			n_parameters;
	const char *parameter[CS_OPTIMUM_MAX];
	int			n_starts;
	double		start[2][CS_OPTIMUM_MAX];	/* a time is per week */
	int			times;			/* parameters that are times, a sum of 1 << number */
	/* The mean log-likelihood of a customer at the logarithms of the parameters. */
	double		(*likelihood) (const double *theta, double *gradient, void *data);
	double		(*alive) (const double *p, const CsPurchaseHistory *h);
	/* The purchases in t units of a customer who is there, whenever the last one was. */
	double		(*to_come) (const double *p, double repeats, double age, double t);
} CsPurchaseModel;

extern const CsPurchaseModel CsNbd,
			CsBgNbd,
			CsMbgNbd,
			CsParetoNbd;

extern Size CsPurchaseScratch(int32 max_repeats, int32 max_age);
extern const CsPurchaseModel *CsPurchaseModelNamed(const char *name);

/* Twice a log-likelihood is larger by so much in 5 of 100 samples when two parameters tell nothing. */
#define CS_LEAST_DROPOUT_GAIN 5.991465

/* A model with its parameters, and what is known of their errors. */
typedef struct CsPurchaseFit
{
	const CsPurchaseModel *model;
	double		p[CS_OPTIMUM_MAX];
	double		log_error[CS_OPTIMUM_MAX];	/* standard errors of their logarithms; NaN: not known */
	double		covariance[CS_OPTIMUM_MAX * CS_OPTIMUM_MAX];	/* of their logarithms, row by row; has_errors */
	double		log_likelihood; /* of all customers */
	int			iterations;
	CsOptimumEnd end;
	bool		has_errors;
} CsPurchaseFit;

extern CsPurchaseFit CsPurchaseFitBest(const CsPurchaseModel *model, CsPurchaseData *data);
extern double CsDropoutGain(const CsPurchaseFit *fit, const CsPurchaseFit *nbd);
extern bool CsDropoutIsAlike(const CsPurchaseFit *fit);
extern bool CsDropoutIsIdentified(const CsPurchaseFit *fit, const CsPurchaseFit *nbd);
extern void CsRisingSums(double c, int n, double *logs, double *inverses);
extern void CsLogsOfDays(double parameter, const CsPurchaseData *data, double *logs, double *inverses);
extern double CsParetoResidual(const double *p, double repeats, double age, double rate);

/* What a customer with repeats spends: their number and the mean amount. */
typedef struct CsSpend
{
	double		repeats;
	double		mean;
} CsSpend;

typedef struct CsSpendData
{
	int64		n;
	const CsSpend *spend;		/* ordered by repeats */
} CsSpendData;

#define CS_SPEND_PARAMETERS 3

extern const char *const CsSpendParameters[CS_SPEND_PARAMETERS];
extern CsOptimum CsGammaGammaFit(const CsSpendData *data, double *p);
extern double CsGammaGammaMean(const double *p, double repeats, double mean);

#endif							/* CUSTSEG_STAT_PURCHASES_H */
