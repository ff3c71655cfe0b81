/*
 * effect.h
 *	  Words for the size of an effect.
 */
#ifndef CUSTSEG_EFFECT_H
#define CUSTSEG_EFFECT_H

#include "custseg.h"

extern const char *CsEffectLabel(const char *measure, double value, int df);

#endif							/* CUSTSEG_EFFECT_H */
