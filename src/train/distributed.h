/*
 * distributed.h
 *	  A training by passes over the source, wherever its rows are.
 */
#ifndef CUSTSEG_DISTRIBUTED_H
#define CUSTSEG_DISTRIBUTED_H

#include "prep/prep.h"
#include "train/train.h"

typedef struct CsDistribution CsDistribution;

extern CsDistribution *CsDistributionOf(const CsTraining *t);
extern void CsDistributionWeigh(CsTraining *t);
extern bool CsReadsByPasses(const CsTraining *t);
extern bool CsTrainsByPasses(const CsTraining *t);
extern bool CsIdsAreElsewhere(const CsTraining *t);
extern bool CsJudgesByPasses(const CsTraining *t);
extern void CsDistributedRead(CsTraining *t);
extern void CsDistributedPrepare(CsTraining *t);
extern void CsDistributedFit(CsTraining *t);
extern CsCovariance CsTrainingCovariance(CsTraining *t, CsTeam *team);

#endif							/* CUSTSEG_DISTRIBUTED_H */
