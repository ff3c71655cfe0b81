/*
 * life.h
 *	  The life of a model after its training: deployment, rollback, names, grants, actions.
 */
#ifndef CUSTSEG_LIFE_H
#define CUSTSEG_LIFE_H

#include "score/score.h"

extern void CsDeployVersion(const char *model, int version, const char *reason);

#endif							/* CUSTSEG_LIFE_H */
