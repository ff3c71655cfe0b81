/*
 * effect.c
 *	  Words for the size of an effect, by Cohen's conventions (Statistical Power Analysis for the
 *	  Behavioral Sciences, 2nd edition, 1988): d 0.2, 0.5, 0.8 (page 25); eta squared .0099, .0588,
 *	  .1379, rounded as is usual (page 283); w 0.1, 0.3, 0.5, and V = w / sqrt(df) (page 223).
 */
#include "custseg.h"

#include <math.h>

#include "stat/effect.h"

typedef struct EffectScale
{
	const char *measure;
	double		small,
				medium,
				large;
} EffectScale;

static const EffectScale scales[] = {
	{"eta_squared", 0.01, 0.06, 0.14},
	{"omega_squared", 0.01, 0.06, 0.14},
	{"epsilon_squared", 0.01, 0.06, 0.14},
	{"cohens_d", 0.2, 0.5, 0.8},
	{"cramers_v", 0.1, 0.3, 0.5}
};

/*
 * Cohen's word for an effect: negligible, small, medium or large; NULL for NaN.  Measures are
 * eta_squared, omega_squared, epsilon_squared, cohens_d and cramers_v (df: the smaller number of
 * the table's rows and columns, less 1); any other is an error.
 */
const char *
CsEffectLabel(const char *measure, double value, int df)
{
	const EffectScale *scale = NULL;

	for (int i = 0; i < lengthof(scales); i++)
	{
		if (strcmp(measure, scales[i].measure) == 0)
			scale = &scales[i];
	}
	if (scale == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown effect size \"%s\"", measure),
				 errhint("Known effect sizes are: eta_squared, omega_squared, epsilon_squared, cohens_d, cramers_v.")));
	if (df < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("df of an effect size must be 1 or more, not %d", df),
				 errhint("For Cramer's V, df is the smaller of the numbers of rows and columns of the table, minus 1.")));
	if (isnan(value))
		return NULL;
	value = fabs(value);
	if (strcmp(measure, "cramers_v") == 0)
		value *= sqrt(df);
	return value >= scale->large ? "large" : value >= scale->medium ? "medium" :
		value >= scale->small ? "small" : "negligible";
}
