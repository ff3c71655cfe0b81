/*
 * effect.h
 *	  Words for the size of an effect.
 */
#ifndef CUSTSEG_EFFECT_H
#define CUSTSEG_EFFECT_H

#include "custseg.h"

/*
 * Cohen's word for an effect: negligible, small, medium or large; NULL for NaN.  Measures:
 * eta_squared, omega_squared, epsilon_squared, cohens_d, cramers_v (df: the smaller of the table's
 * rows and columns, less 1); an error for any other.
 */
extern const char *CsEffectLabel(const char *measure, double value, int df);

#endif							/* CUSTSEG_EFFECT_H */
