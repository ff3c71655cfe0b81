/*
 * covariance_pass.h
 *	  Products of deviations, summed exactly; and part "covariance" of a pass: means and covariances of the columns to
 *	  which its pipeline takes rows.
 */
#ifndef CUSTSEG_COVARIANCE_PASS_H
#define CUSTSEG_COVARIANCE_PASS_H

#include "prep/tally.h"

/*
 * How far the values of a row are from the middles of their columns, times powers of two by which all are below 2: one
 * unit does for the sums of all of them, and of their products.
 */
typedef struct CsDeviations
{
	int			d;
	double	   *middle;
	double	   *size;			/* the powers of two */
	double	   *off;			/* of the row at hand; NaN where it has no finite value */
	int			exponent;		/* of the sums */
	double		scale;
} CsDeviations;

extern void CsDeviationsPlan(JsonbParseState **json, int d, const double *middle, const double *reach, int64 nrows);
extern CsDeviations CsDeviationsRead(const CsJsonReader *plan, int d);
extern bool CsDeviationsBlur(const CsDeviations *dev, double off, double variance);

/* Take the values of a row, one a column. */
static inline void
CsDeviationsTake(const CsDeviations *dev, const double *row)
{
	for (int j = 0; j < dev->d; j++)
		dev->off[j] = (row[j] - dev->middle[j]) * dev->size[j];
}

extern const CsTallyKind CsCovariancePass;

extern void CsCovariancePlan(JsonbParseState **json, int d, const double *middle, const double *reach, int64 nrows);
extern Size CsCovariancePassMemory(int d);
extern CsCovariance CsCovarianceRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 nrows);

#endif							/* CUSTSEG_COVARIANCE_PASS_H */
