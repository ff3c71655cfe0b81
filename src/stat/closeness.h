/*
 * closeness.h
 *	  How close two values are, told by how many others are as close.
 */
#ifndef CUSTSEG_CLOSENESS_H
#define CUSTSEG_CLOSENESS_H

#include "custseg.h"

extern double CsShareWithin(const double *quantiles, int n, double value, double reach);

#endif							/* CUSTSEG_CLOSENESS_H */
