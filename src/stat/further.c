/*
 * further.c
 *	  Is a value beyond what a sample makes one expect?
 *
 * It is taken as a further value of the same normal law: (value - mean) / (sd sqrt(1 + 1 / n)) has
 * Student's t law with n - 1 degrees of freedom, as in the interval of a prediction.
 */
#include "custseg.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "stat/null.h"

/*
 * The chance that one more value of a normal law is as large as "value" or larger, when n >= 2
 * values of the law have this mean and this standard deviation.
 */
double
CsFurtherUpper(double value, double mean, double sd, int n)
{
	if (sd > 0)
		return gsl_cdf_tdist_Q((value - mean) / (sd * sqrt(1 + 1.0 / n)), n - 1);
	return value > mean ? 0 : 1;
}
