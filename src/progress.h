/*
 * progress.h
 *	  What a running training reports to custseg.progress().
 */
#ifndef CUSTSEG_PROGRESS_H
#define CUSTSEG_PROGRESS_H

#include "custseg.h"

typedef enum CsPhase
{
	CS_PHASE_READING = 1,
	CS_PHASE_PREPARING,
	CS_PHASE_TUNING,
	CS_PHASE_SEEDING,
	CS_PHASE_ITERATING,
	CS_PHASE_SCORING,
	CS_PHASE_STORING
} CsPhase;

extern void CsProgressStart(const char *model);
extern void CsProgressPhase(CsPhase phase);
extern void CsProgressHold(bool hold);
extern void CsProgressRows(int64 done, int64 total);
extern void CsProgressSegments(int k);
extern void CsProgressFit(int start, int starts, int iteration);
extern void CsProgressEnd(void);

#endif							/* CUSTSEG_PROGRESS_H */
