/*
 * markov.h
 *	  Shares of segments in periods to come, when customers go on to move as they did: a Markov chain.
 */
#ifndef CUSTSEG_STAT_MARKOV_H
#define CUSTSEG_STAT_MARKOV_H

#include "custseg.h"

/* Most segments: a forecast takes their square in memory, and that times draws and periods in time. */
#define CS_MARKOV_MAX_SEGMENTS 100

typedef struct CsMarkov
{
	int			k;
	const int64 *moves;			/* k x k: customers who went from the row's segment to the column's in a period */
	const int64 *possible;		/* k x k: above 0 for moves that can be, beside to stay */
	const int64 *now;			/* customers in each segment */
	int			periods;
	int			draws;
	double		confidence;
	uint64		seed;
} CsMarkov;

/* How a period came that was forecast; distances are shares of customers who are elsewhere. */
typedef struct CsMarkovOutcome
{
	double		error;			/* of the forecast */
	double		unchanged;		/* of "nothing changes" */
	double		p;				/* of such an error, if the forecast is right */
} CsMarkovOutcome;

extern Size CsMarkovMemory(int k, int periods, int draws);
extern CsMarkovOutcome CsMarkovCompare(const CsMarkov *m, const int64 *after);
extern void CsMarkovForecast(const CsMarkov *m, double *share, double *low, double *high);

#endif							/* CUSTSEG_STAT_MARKOV_H */
