/*
 * concentration_passes.c
 *	  concentration() of a column whose rows are on other servers, and more than there is memory for: by passes.
 *
 *	 survey			values and their ends
 *	 orders			values at ranks, by as many passes as it takes
 *	 piece_sums		how many values lie at and between these, and their exact sums
 *
 * The total and the Lorenz curve are those of all values, but for their last bits.  Gini's coefficient takes the rank of
 * each value.  Between two ranks these are not known, so it has a bound, which is told.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "dist/dist.h"
#include "explore/explore.h"
#include "stat/piece_sums_pass.h"
#include "utils/lsyscache.h"

/* Ranks that are looked for: even steps, among them those of the curve, */
#define EVEN_RANKS 1000

/* and closer ones among the highest values, which have most of the total: so many for each tenth of what is above. */
#define RANKS_A_TENTH 20
#define HIGHEST_RANKS (20 * RANKS_A_TENTH)

/* Do the values of a column fit into memory, and their rows on their way? */
bool
CsConcentrationFits(const CsStudy *study)
{
	int			width = get_typavgwidth(study->columns[0].type, -1);

	return CsFetchedBytes((double) study->nrows, width, 1) <= (double) CsMemoryLimit() &&
		study->column[0].moments.n * 3 * sizeof(double) <= CsMemoryLimit();
}

/* The ranks that are looked for among n values, ascending; palloc'd. */
static int64 *
RanksOf(int64 n, int *nranks)
{
	int64	   *ranks = palloc(sizeof(int64) * (EVEN_RANKS + HIGHEST_RANKS));
	int			at = 0;

	for (int i = 1; i < EVEN_RANKS; i++)
		ranks[at++] = Min((int64) ((double) i / EVEN_RANKS * (double) n), n - 1);
	for (int i = 1; i < HIGHEST_RANKS; i++)
	{
		double		above = (double) n / EVEN_RANKS * pow(10, -(double) i / RANKS_A_TENTH);

		if (above < 1)
			break;
		ranks[at++] = n - 1 - (int64) above;
	}
	*nranks = at;
	return ranks;
}

/* Values to cut at, from the lowest to the highest, each once; palloc'd. */
static double *
FindCuts(CsStudy *study, int *ncuts)
{
	const CsStudyColumn *s = &study->column[0];
	int			nranks;
	int64	   *ranks = RanksOf(s->order->n, &nranks);
	double	   *cuts = palloc(sizeof(double) * (nranks + 2));
	int			n = 0;

	cuts[0] = s->lowest + 0.0;
	cuts[nranks + 1] = s->highest + 0.0;
	do
	{
		for (int i = 0; i < nranks; i++)
			(void) CsOrderAt(s->order, ranks[i], &cuts[i + 1]);
	} while (CsStudyAnswer(study));
	for (int i = 0; i < nranks + 2; i++)
		if (n == 0 || cuts[i] > cuts[n - 1])
			cuts[n++] = cuts[i];
	*ncuts = n;
	return cuts;
}

/*
 * Gini's coefficient of the values of a column, of which there are some; NaN where their sum is 0.  OUT curve: the Lorenz
 * curve at each percent; total: the sum; error: how far off the coefficient may be.
 */
double
CsConcentrationByPasses(const CsLookColumn *c, CsStudy *study, double *curve, double *total, double *error)
{
	JsonbParseState *json = NULL;
	int			ncuts,
				npieces;
	double	   *cuts;
	CsTallyRun	run;
	CsValuePiece *pieces;

	CsConcentrationReject(c, study->column[0].lowest);
	cuts = FindCuts(study, &ncuts);
	CsStudyBegin(study, false, NULL, &json);
	CsPieceSumsPlan(&json, cuts, ncuts, study->nrows);
	run = CsStudyRun(study, &json);
	pieces = CsPieceSumsRead(run.pass, &run.pass->parts[0], run.state, study->column[0].moments.n, &npieces);
	return CsLorenzOfPieces(pieces, npieces, CS_LORENZ_POINTS, curve, total, error);
}
