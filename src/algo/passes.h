/*
 * passes.h
 *	  Algorithms that run as passes over rows which nobody holds.
 *
 * A sample of the rows has been fitted.  Then:
 *
 *	state = start()
 *	do { plan(); the pass; } while (learn());	all rows, as often as the algorithm wants
 *	settle()									the model is final
 *	plan_last(); the last pass; finish()		every row gets its segment
 *
 * A plan is the part of a pass (prep/tally.h) that adds up what the next step of the algorithm needs.
 */
#ifndef CUSTSEG_PASSES_H
#define CUSTSEG_PASSES_H

#include "algo/algo.h"
#include "prep/tally.h"

/* What the passes start from; it outlives them. */
typedef struct CsPassesInput
{
	int			k;				/* that was asked for */
	int			d;				/* columns of model space */
	int64		nrows;
	double		heaviest;		/* weight of a row; 1 without weights */
	double	   *reach;			/* d: no row, and no centre that was given, is further from 0 than that */
	const double *mean;			/* d: of the sample */
	const void *options;		/* the algorithm's struct */
	const CsFitOutput *sample;	/* what the fit of the sample gave */
} CsPassesInput;

typedef struct CsPasses
{
	void	   *(*start) (const CsPassesInput *in);
	void		(*plan) (void *state, JsonbParseState **json);
	bool		(*learn) (void *state, const CsTally *pass, const CsTallyPart *part, const CsTallyState *tally);
	/* fills k, centers, iterations, converged and parameters of the output, whose arrays the state gives away */
	void		(*settle) (void *state, CsFitOutput *out);
	const double *(*mean) (void *state);	/* d: of all rows, by their weights */
	/* the part that finds each row's segment, and what is made of it; NULL: the nearest centre is it */
	void		(*plan_last) (void *state, JsonbParseState **json);
	void		(*finish) (void *state, const CsTally *pass, const CsTallyPart *part, const CsTallyState *tally,
						   CsFitOutput *out);
} CsPasses;

extern const CsTallyKind CsKmeansTally,
			CsGmmTally;

#endif							/* CUSTSEG_PASSES_H */
