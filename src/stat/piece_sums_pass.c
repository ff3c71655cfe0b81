/*
 * piece_sums_pass.c
 *	  Sums of values between cuts by a pass, exactly: what a Lorenz curve takes of values that nobody holds.
 */
#include "custseg.h"

#include <math.h>

#include "stat/piece_sums_pass.h"

/* The part of a sum that rounding may be. */
#define MOST_ROUNDED 1e-9

typedef struct PieceSums
{
	int			ncuts;
	double	   *cuts;			/* ascending, each once; the first and the last are the ends of the values */
	int		   *exponent;		/* of the sum below each cut but the first: no value far off takes from the digits of others */
	double	   *scale;
	int			counts,			/* sections: below cut 0, at it, between it and cut 1, ...; above the last one */
				sums;			/* of those between cuts */
} PieceSums;

/* Write the plan: cuts ascend, from the lowest of the values to the highest. */
void
CsPieceSumsPlan(JsonbParseState **json, const double *cuts, int ncuts, int64 nrows)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsPieceSumsPass.name);
	CsJsonInteger(json, "rows", nrows);
	CsJsonNumbers(json, "cuts", cuts, ncuts, 1);
	(void) CsJsonEnd(json);
}

/* CsTallyKind.open */
static void *
OpenPieceSums(CsTally *pass, const CsJsonReader *plan)
{
	PieceSums  *own = palloc0(sizeof(PieceSums));
	int			n = JsonContainerSize(CsJsonReadArray(plan, "cuts", 1, CS_PIECE_CUTS_MOST));
	double		nrows = (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX);

	if (pass->nnumbers < 1)
		CsJsonReject(plan, "cuts", "are of a number, and there is none");
	own->ncuts = n;
	own->cuts = palloc(sizeof(double) * n);
	CsJsonReadNumbers(plan, "cuts", n, own->cuts, 1);
	own->exponent = palloc(sizeof(int) * n);
	own->scale = palloc(sizeof(double) * n);
	for (int i = 1; i < n; i++)
	{
		if (!(own->cuts[i - 1] < own->cuts[i]))
			CsJsonReject(plan, "cuts", "must ascend");
		own->exponent[i] = CsExactExponent(Max(fabs(own->cuts[i - 1]), fabs(own->cuts[i])), nrows);
		own->scale[i] = CsExactScale(own->exponent[i]);
	}
	own->counts = CsTallySection(pass, CS_SECTION_COUNTS, 2 * (int64) n + 1, 1);
	own->sums = CsTallySection(pass, CS_SECTION_SUMS, (int64) n - 1, 1);
	return own;
}

/* CsTallyKind.add */
static void
AddPieceSums(CsTally *pass, void *part, CsTallyState *state)
{
	const PieceSums *own = part;
	double		x = pass->number[0];
	int			below;
	bool		is_cut;

	if (!isfinite(x))
		return;
	below = (int) CsCountBelow(own->cuts, own->ncuts, x);
	is_cut = below < own->ncuts && own->cuts[below] == x;
	CsTallyCounts(pass, state, own->counts)[2 * below + is_cut]++;
	if (!is_cut && below > 0 && below < own->ncuts)
		CsTallySum(&CsTallySums(pass, state, own->sums)[below - 1], x, own->scale[below]);
}

/* The sum of a piece that other servers have added up: an error where it cannot be, but for its last bits. */
static double
SumOf(const CsValuePiece *p, double sum)
{
	double		least = (double) p->n * p->low,
				most = (double) p->n * p->high,
				slack = MOST_ROUNDED * Max(fabs(least), fabs(most));

	if (p->n < 0 || !(sum >= least - slack && sum <= most + slack))
		CsTallyRowsChanged();
	return Max(Min(sum, most), least);
}

/* Read the pieces of n values that are not empty, ascending; palloc'd.  An error where a value lies beyond the cuts. */
CsValuePiece *
CsPieceSumsRead(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int64 n, int *npieces)
{
	const PieceSums *own = part->own;
	const int64 *counts = CsTallyCounts(pass, state, own->counts);
	const CsExact *sums = CsTallySums(pass, state, own->sums);
	CsValuePiece *pieces = palloc(sizeof(CsValuePiece) * 2 * own->ncuts);
	int64		left = n;

	*npieces = 0;
	if (counts[0] != 0 || counts[2 * own->ncuts] != 0)
		CsTallyRowsChanged();
	for (int i = 1; i < 2 * own->ncuts; i++)
	{
		int			cut = i / 2;
		CsValuePiece *p = &pieces[*npieces];

		if (counts[i] == 0)
			continue;
		*p = (CsValuePiece) {.n = counts[i],.low = own->cuts[i % 2 ? cut : cut - 1],.high = own->cuts[cut]};
		p->sum = SumOf(p, i % 2 ? (double) p->n * p->low : CsExactValue(&sums[cut - 1], own->exponent[cut]));
		if (p->n > left)
			CsTallyRowsChanged();
		left -= p->n;
		++*npieces;
	}
	if (left != 0)
		CsTallyRowsChanged();
	return pieces;
}

const CsTallyKind CsPieceSumsPass = {"piece_sums", .open = OpenPieceSums, .add = AddPieceSums};
