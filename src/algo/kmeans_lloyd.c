/*
 * kmeans_lloyd.c
 *	  Lloyd's pass, which looks at the centres through a filter.
 *
 * Rows look in single precision (math/filter.c) or in integers (math/filter_short.c); where the nearest centre
 * remains open, exact distances settle it.  Looking takes so little that a row keeps no more than a byte, and that
 * only once few rows change and where k times d is large: its margin, by how much nearer the nearest centre was
 * than any other when the row last looked, in units that the leader chooses for the start.  What the margins of a
 * start lose as centres move is one number for all of its rows, which is compared with 64 of them at a time.  Rows
 * look again where their margin may be used up; a margin of 255 units may be more.
 *
 * Looking takes so little that a pass would wait for memory: labels, and with integers also the rows that change
 * and the next block, are fetched before their turn.
 */
#include "custseg.h"

#include "algo/kmeans_pass.h"
#include "math/math.h"
#include "port/pg_bitutils.h"

/* From so many centres on the distance to the own one is computed when that is known, rather than all of them. */
#define OWN_DISTANCE_CENTERS 20

/*
 * Settle the rows whose nearest centre the filter leaves open, among n that are listed in "change", and list
 * those no longer that keep their label; returns how many remain.
 */
static int
SettleOpenRows(KmeansPass *pass, int n)
{
	const KmeansFit *fit = pass->fit;
	int			nopen = 0,
				kept = 0;

	for (int i = 0; i < n; i++)
	{
		pass->look[nopen] = pass->change[i];
		nopen += pass->target[i] < 0;
	}
	if (nopen == 0)
		return n;
	CsKmeansGatherRows(pass, nopen, pass->look);
	CsNearest(fit->d, nopen, pass->gathered, CS_PAD_ROWS(nopen), fit->k, pass->centers->value,
			  pass->scratch, pass->found, pass->nearest, NULL);
	nopen = 0;
	for (int i = 0; i < n; i++)
	{
		int32		label = pass->target[i] < 0 ? pass->found[nopen++] : pass->target[i];

		pass->change[kept] = pass->change[i];
		pass->target[kept] = label;
		kept += pass->label[pass->change[i]] != label;
	}
	return kept;
}

/*
 * Have a block's labels come to the cache while its rows look at the centres: those of each start are too few
 * in one place for the processor to foresee that they are wanted.
 */
static inline void
PrefetchLabels(const KmeansPass *pass)
{
	for (int r = 0; r < pass->nrows; r += PG_CACHE_LINE_SIZE / 2 / sizeof(KmeansLabel))
		__builtin_prefetch(pass->label + r, 1);
}

/* Have the rows that are listed as changes come to the cache, all at once: each is as many places as columns. */
static inline void
PrefetchChanges(const KmeansPass *pass, int n)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < pass->fit->d; j++)
			__builtin_prefetch(pass->x + (Size) j * CS_BLOCK_ROWS + pass->change[i]);
}

/*
 * Flag the rows whose margin the centres may have used up, as CsKmeansListFlagged() reads flags; returns how many.
 */
CS_CLONES static int
FlagUsedUp(int nrows, const uint8 *margin, uint8 limit, uint8 *flags)
{
	int			n = 0;

	for (int r = 0; r < nrows; r++)
		flags[r] = margin[r] <= limit;
	for (int r = 0; r < nrows; r++)
		n += flags[r];
	KmeansEndFlags(nrows, flags);
	return n;
}

/* Bring the margins of a block, which have lost "limit" units, to units that are a power of two smaller. */
CS_CLONES static void
RenewMargins(int nrows, uint8 limit, int shift, uint8 *margin)
{
	for (int r = 0; r < nrows; r++)
	{
		int			left = (margin[r] > limit ? margin[r] - limit : 0) << shift;

		margin[r] = Min(left, PG_UINT8_MAX);
	}
}

/* All rows of a block look at all centres through the filter; returns how many changes are listed. */
static int
LookFromAll(KmeansPass *pass)
{
	const KmeansFit *fit = pass->fit;
	const KmeansRounded *rounded = &pass->rounded;
	const CsFilterUnits *units = pass->margins && pass->margins->kept ? &pass->margins->units : NULL;

	if (fit->shorts)
		return CsShortChanges(fit->d, pass->nrows, pass->shorts.pairs, pass->shorts.level, fit->k, pass->short_form,
							  units, pass->label, pass->margin, &pass->fetch, pass->change, pass->target);
	return CsFilterChanges(fit->d, pass->nrows, rounded->values, rounded->reach, rounded->length, fit->k, pass->form,
						   units, pass->label, pass->margin, pass->change, pass->target);
}

/* The same for the flagged rows of a block. */
static int
LookFromSome(KmeansPass *pass)
{
	const KmeansFit *fit = pass->fit;
	const KmeansRounded *rounded = &pass->rounded;

	if (fit->shorts)
		return CsShortSome(fit->d, pass->nrows, pass->shorts.pairs, pass->shorts.level, pass->flags, fit->k,
						   pass->short_form, &pass->margins->units, pass->label, pass->margin, pass->some,
						   pass->change, pass->target);
	return CsFilterSome(fit->d, pass->nrows, rounded->values, rounded->reach, rounded->length, pass->flags, fit->k,
						pass->form, &pass->margins->units, pass->label, pass->margin, pass->some,
						pass->change, pass->target);
}

/* The first pass of Lloyd's: no row has a label yet. */
static void
PlaceByFilter(KmeansPass *pass)
{
	for (int r = 0; r < pass->nrows; r++)
		pass->label[r] = KMEANS_NO_LABEL;
	SettleOpenRows(pass, LookFromAll(pass));
	memcpy(pass->found, pass->target, sizeof(int32) * pass->nrows);
	CsKmeansPlaceRows(pass);
}

/*
 * Lloyd's pass over a block by labels alone: rows look at every centre, all of them or those whose margins are used
 * up.
 */
static void
AssignByFilter(KmeansPass *pass)
{
	const KmeansFit *fit = pass->fit;
	const KmeansMargins *margins = pass->margins;
	bool		known = margins && margins->known;
	int			n = pass->nrows;

	if (fit->first)
	{
		PlaceByFilter(pass);
		return;
	}
	if (known)
		n = FlagUsedUp(pass->nrows, pass->margin, margins->limit, pass->flags);
	if (!known || n > fit->few_rows * pass->nrows)
		n = LookFromAll(pass);
	else
	{
		if (margins->renew)
			RenewMargins(pass->nrows, margins->limit, margins->shift, pass->margin);
		if (n > 0)
			n = LookFromSome(pass);
	}
	if (fit->shorts)
		PrefetchChanges(pass, n);
	CsKmeansChangeLabels(pass, SettleOpenRows(pass, n));
}

/* Lloyd's pass over a block.  Distances are not needed but in a start's last pass, whose inertia they are. */
void
CsKmeansAssignLloyd(KmeansPass *pass, bool measure)
{
	const KmeansFit *fit = pass->fit;

	PrefetchLabels(pass);
	if (!measure || fit->k >= OWN_DISTANCE_CENTERS)
		AssignByFilter(pass);
	if (!measure)
		return;
	if (fit->k >= OWN_DISTANCE_CENTERS)
		CsKmeansOwnDistances(fit->d, pass->nrows, pass->x, pass->centers->value, pass->label, pass->nearest);
	else
	{
		CsNearest(fit->d, pass->nrows, pass->x, CS_BLOCK_ROWS, fit->k, pass->centers->value,
				  pass->scratch, pass->found, pass->nearest, NULL);
		CsKmeansTakeLabels(pass, pass->nrows, NULL);
	}
	pass->lane->inertia += CsKmeansBlockInertia(pass->nrows, pass->nearest, pass->weights);
}

/* The form of a start's centres in integers. */
static inline CsShortForm *
ShortFormOf(const KmeansPass *pass, int start)
{
	return (CsShortForm *) (pass->short_forms + CsShortFormSize(pass->fit->d, pass->fit->k) * start);
}

/* The centres of all active starts as the filter needs them. */
static void
RoundCenters(KmeansPass *pass, void *centers, const double *origin)
{
	const KmeansFit *fit = pass->fit;

	for (int s = 0; s < fit->starts; s++)
	{
		const double *center = KmeansCentersOf(fit, centers, s)->value;

		if (!(fit->active & (1U << s)))
			continue;
		if (fit->shorts)
			CsShortCenters(fit->d, fit->k, center, origin, fit->scale, ShortFormOf(pass, s));
		else
			CsFilterCenters(fit->d, fit->k, center, origin, fit->scale, pass->forms + s * pass->form_size);
	}
}

/* A lane's buffers, in the item's context, and the centres of all active starts as the filter needs them. */
void
CsKmeansInitLloyd(KmeansPass *pass, void *centers, const double *origin)
{
	const KmeansFit *fit = pass->fit;
	Size		d = fit->d;

	pass->some = palloc_extended(sizeof(float) * d * CS_FILTER_SCRATCH, MCXT_ALLOC_HUGE);
	if (fit->shorts)
		pass->short_forms = palloc_extended(CsShortFormSize(d, fit->k) * fit->starts, MCXT_ALLOC_HUGE);
	else
	{
		pass->form_size = 1 + fit->k * (d + 1);
		pass->forms = palloc_extended(sizeof(float) * pass->form_size * fit->starts, MCXT_ALLOC_HUGE);
	}
	RoundCenters(pass, centers, origin);
}

/* The rows of a block as the filter needs them, unless all active starts are measured without it. */
void
CsKmeansRoundRows(KmeansPass *pass, CsArena *arena, int64 block)
{
	const KmeansFit *fit = pass->fit;
	uint32		filtered = fit->k >= OWN_DISTANCE_CENTERS ? fit->active : fit->active & ~fit->measure;

	if (filtered == 0)
		return;
	if (fit->shorts)
		CsKmeansShortBlock(arena, fit, block, &pass->shorts);
	else
		CsKmeansRoundBlock(arena, fit, block, &pass->rounded);
}

/* Share a block among the starts at work, each of which has a part of it come to the cache as it looks at its rows. */
static void
ShareFetching(KmeansPass *pass, const double *x, int part)
{
	Size		lines = sizeof(double) * CS_BLOCK_ROWS * pass->fit->d / CS_FETCH_LINE,
				parts = (Size) pg_popcount32(pass->fit->active) * (CS_BLOCK_ROWS / CS_FILTER_TILE);

	pass->fetch.lines = x ? (int) ((lines + parts - 1) / parts) : 0;
	pass->fetch.next = (const char *) x;
	if (x)
		pass->fetch.next += (Size) part * pass->fetch.lines * (CS_BLOCK_ROWS / CS_FILTER_TILE) * CS_FETCH_LINE;
}

/*
 * Take a start's centres as the filter needs them, and its part of the block that comes next, or NULL: "part" counts
 * the starts at work.
 */
void
CsKmeansTakeForm(KmeansPass *pass, int start, const double *next, int part)
{
	ShareFetching(pass, next, part);
	if (pass->fit->shorts)
		pass->short_form = ShortFormOf(pass, start);
	else
		pass->form = pass->forms + start * pass->form_size;
}
