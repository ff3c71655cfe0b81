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
	const int64 *now;			/* customers in each segment */
	int			periods;
	int			draws;
	double		confidence;
	uint64		seed;
} CsMarkov;

extern Size CsMarkovMemory(int k, int periods, int draws);
extern void CsMarkovStep(int k, const int64 *moves, const double *from, double *to);
extern void CsMarkovForecast(const CsMarkov *m, double *share, double *low, double *high);

#endif							/* CUSTSEG_STAT_MARKOV_H */
