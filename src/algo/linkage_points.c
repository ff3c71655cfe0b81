/*
 * linkage_points.c
 *	  Ward's and single linkage from the points themselves, in O(n) memory.
 *
 *	ward	A cluster is its centroid and its weight.  Two of weights a and b are
 *			sqrt(2ab / (a + b)) times as far apart as their centroids (Ward 1963), so that single
 *			points are as far apart as they are.  The nearest-neighbour chain (Murtagh 1983) asks
 *			some 2n times for the cluster nearest to one: a scan over those that are left.
 *	single	The merges are the edges of a minimum spanning tree, grown by Prim's algorithm (Gower
 *			and Ross 1969): n - 1 scans over the points that are not in it yet, which bring their
 *			distance to the tree up to date and find the nearest.
 *
 * Both scan from one point, the origin, over others, which lie in slots.  A slot that is no more in
 * use is infinitely far off; once an eighth of them is, the others move together, in their order,
 * so that ties go to the lowest point.  A scan is exact and its parts are compared in slot order,
 * so it does not matter how it is shared among the team; that pays for long ones only.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "algo/hierarchical.h"
#include "math/kernel.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

/* Values from which a scan is shared, and parts it then has. */
#define SHARED_VALUES (64 * 1024)
#define PARTS 16

/*
 * Slots lie in strips, column by column, so that a scan reads memory from one end to the other.  A
 * strip's distances are computed in registers and judged together, by a bit each: most strips hold
 * nothing nearer and are passed over.  The kernels are in linkage_kernels.h.
 */
#define STRIP 32

/* Slots between two looks for interrupts, and least part of a scan. */
#define RUN 1024

/* A slot and how far it is; -1: nothing nearer than what was known. */
typedef struct Nearest
{
	double		distance;		/* squared */
	int			slot;
} Nearest;

/* A scan as its tasks see it. */
typedef struct Scan
{
	int			x,				/* areas: the slots' coordinates, double[strips][d][STRIP], */
				value,			/* their weights (ward) or squared distances to the tree (single), */
				origin,			/* double[d]: the point that asks, */
				found;			/* Nearest[PARTS] */
	int			d;
	int			nslots;
	int			parts;
	CsLinkage	linkage;
	int			self;			/* ward: the slot that asks, */
	double		weight;			/* what it weighs, */
	double		known;			/* and how near a cluster is known to be */
} Scan;

/* The leader's own state. */
typedef struct Points
{
	CsTeam	   *team;
	Scan		scan;
	double	   *x;				/* addresses of its areas */
	double	   *value;
	double	   *origin;
	Nearest    *found;
	int			nfree;			/* slots that are no more in use */
	int32	   *point;			/* of each slot */
	int32	   *slot;			/* of each point */
	bool	   *free;			/* of each slot */
} Points;

/* Coordinate 0 of a slot; the next ones follow STRIP apart. */
static inline double *
SlotOf(const Points *p, int slot)
{
	return p->x + (Size) (slot / STRIP * STRIP) * p->scan.d + slot % STRIP;
}

/* Ward's distance, squared; the same to the bit whichever of the two asks. */
static inline double
WardDistance(double squared, double a, double b)
{
	return squared * (2 * a * b) / (a + b);
}

#ifdef CS_WIDE_KERNELS
#define KERNEL_WIDTH 8
#include "algo/linkage_kernels.h"
#define KERNEL_WIDTH 4
#include "algo/linkage_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "algo/linkage_kernels.h"

/* One part of a scan: some runs of slots. */
static void
ScanPart(CsArena *arena, const Scan *scan, int part)
{
	const double *x = CsArenaAddress(arena, scan->x);
	const double *origin = CsArenaAddress(arena, scan->origin);
	double	   *value = CsArenaAddress(arena, scan->value);
	Nearest    *found = CsArenaAddress(arena, scan->found);
	int			nruns = (scan->nslots + RUN - 1) / RUN;
	Nearest		nearest = {scan->known, -1};

	for (int run = nruns * part / scan->parts; run < nruns * (part + 1) / scan->parts; run++)
	{
		int			first = run * RUN;
		int			n = Min(RUN, scan->nslots - first);
		const double *slots = x + (Size) first * scan->d;

		CHECK_FOR_INTERRUPTS();
		if (scan->linkage == CS_LINKAGE_WARD)
			ChooseKernel(ScanWard) (scan, first, n, slots, origin, value + first, &nearest);
		else
			ChooseKernel(ScanSingle) (scan, first, n, slots, origin, value + first, &nearest);
	}
	found[part] = nearest;
}

/* A part of a scan, as a task. */
void
CsLinkageScanTask(CsTeam *team, const void *args, int item)
{
	ScanPart(CsTeamArena(team), args, item);
}

/* The next scan is from this slot. */
static void
SetOrigin(Points *p, int slot)
{
	for (int j = 0; j < p->scan.d; j++)
		p->origin[j] = SlotOf(p, slot)[(Size) j * STRIP];
	p->scan.self = slot;
	p->scan.weight = p->value[slot];
}

/* Scan from the origin; returns the nearest slot of those nearer than is known. */
static Nearest
RunScan(Points *p, double known)
{
	Scan	   *scan = &p->scan;
	bool		shared = (Size) scan->nslots * scan->d >= SHARED_VALUES &&
		CsTeamWorkers(p->team) > 0;
	Nearest		nearest;

	scan->known = known;
	scan->parts = shared ? PARTS : 1;
	if (shared)
		CsTeamRun(p->team, CS_TASK(CsLinkageScanTask), scan, sizeof(*scan), scan->parts);
	else
		ScanPart(CsTeamArena(p->team), scan, 0);
	nearest = p->found[0];
	for (int part = 1; part < scan->parts; part++)
		if (p->found[part].distance < nearest.distance)
			nearest = p->found[part];
	return nearest;
}

/* Move the slots in use together, in their order. */
static void
Compact(Points *p)
{
	int			n = 0;

	for (int s = 0; s < p->scan.nslots; s++)
	{
		const double *from = SlotOf(p, s);
		double	   *to = SlotOf(p, n);

		if (s % RUN == 0)
			CHECK_FOR_INTERRUPTS();
		if (p->free[s])
			continue;
		for (int j = 0; j < p->scan.d; j++)
			to[(Size) j * STRIP] = from[(Size) j * STRIP];
		p->value[n] = p->value[s];
		p->point[n] = p->point[s];
		p->slot[p->point[n]] = n;
		p->free[n++] = false;
	}
	p->scan.nslots = n;
	p->nfree = 0;
}

/* A slot is no more in use: out of reach, so that scans pass over it. */
static void
FreeSlot(Points *p, int slot)
{
	*SlotOf(p, slot) = HUGE_VAL;
	p->free[slot] = true;
	p->nfree++;
	if (p->nfree >= p->scan.nslots / 8)
		Compact(p);
}

/* The areas of the scans, and their addresses. */
static void
AllocateAreas(Points *p, CsArena *arena)
{
	Scan	   *scan = &p->scan;
	Size		column = sizeof(double) * TYPEALIGN(STRIP, scan->nslots);

	scan->x = CsArenaAlloc(arena, mul_size(column, scan->d));
	scan->value = CsArenaAlloc(arena, column);
	scan->origin = CsArenaAlloc(arena, sizeof(double) * scan->d);
	scan->found = CsArenaAlloc(arena, sizeof(Nearest) * PARTS);
	p->x = CsArenaAddress(arena, scan->x);
	p->value = CsArenaAddress(arena, scan->value);
	p->origin = CsArenaAddress(arena, scan->origin);
	p->found = CsArenaAddress(arena, scan->found);
}

/* Lay the leaves out in slots. */
static void
InitPoints(Points *p, CsTeam *team, const CsLeaves *leaves, CsLinkage linkage)
{
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = leaves->matrix;
	int			d = m->ncolumns;

	memset(p, 0, sizeof(*p));
	p->team = team;
	p->scan.linkage = linkage;
	p->scan.d = d;
	p->scan.nslots = leaves->n;
	AllocateAreas(p, arena);
	for (int s = 0; s < leaves->n; s += STRIP)
	{
		const double *from = CsMatrixRow(m, arena, s);

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < d; j++)
			memcpy(SlotOf(p, s) + (Size) j * STRIP, from + (Size) j * CS_BLOCK_ROWS,
				   sizeof(double) * STRIP);
	}
	p->point = palloc(sizeof(int32) * leaves->n);
	p->slot = palloc(sizeof(int32) * leaves->n);
	p->free = palloc0(sizeof(bool) * leaves->n);
	for (int s = 0; s < leaves->n; s++)
		p->point[s] = p->slot[s] = s;
}

/* Give everything back. */
static void
FreePoints(Points *p)
{
	CsArena    *arena = CsTeamArena(p->team);

	CsArenaFree(arena, p->scan.x);
	CsArenaFree(arena, p->scan.value);
	CsArenaFree(arena, p->scan.origin);
	CsArenaFree(arena, p->scan.found);
	pfree(p->point);
	pfree(p->slot);
	pfree(p->free);
}

/* Ward: the cluster nearest to x; see CsChainClusters. */
static int
WardNearest(void *state, int x, int before, double *distance)
{
	Points	   *p = state;
	Nearest		nearest;

	SetOrigin(p, p->slot[x]);
	nearest = RunScan(p, *distance);
	if (nearest.slot < 0)
		return before;
	*distance = nearest.distance;
	return p->point[nearest.slot];
}

/*
 * Ward: y takes x in.  The centroid moves along the difference, so that equal ones stay equal to
 * the bit.
 */
static void
WardMerge(void *state, int x, int y)
{
	Points	   *p = state;
	int			from = p->slot[x],
				to = p->slot[y];
	const double *gone = SlotOf(p, from);
	double	   *center = SlotOf(p, to);
	double		part = p->value[from] / (p->value[from] + p->value[to]);

	for (Size j = 0; j < (Size) p->scan.d * STRIP; j += STRIP)
		center[j] += (gone[j] - center[j]) * part;
	p->value[to] += p->value[from];
	FreeSlot(p, from);
}

/* Ward's linkage: fill n - 1 merges, in any order. */
void
CsLinkageWard(CsTeam *team, const CsLeaves *leaves, CsMerge *merges)
{
	const double *weights = leaves->weights < 0 ? NULL :
		CsArenaAddress(CsTeamArena(team), leaves->weights);
	Points		p;
	CsChainClusters clusters = {WardNearest, WardMerge, &p};

	InitPoints(&p, team, leaves, CS_LINKAGE_WARD);
	for (int s = 0; s < TYPEALIGN(STRIP, leaves->n); s++)
		p.value[s] = weights != NULL && s < leaves->n ? weights[s] : 1;
	CsChainMerge(leaves->n, &clusters, merges);
	for (int i = 0; i < leaves->n - 1; i++)
		merges[i].height = sqrt(merges[i].height);
	FreePoints(&p);
}

/*
 * Single linkage: n - 1 merges.  Each is of the point that joined the tree last and the next one,
 * not of the two ends of the edge that made it join.  Sorted by height both give the same clusters:
 * whatever joined since the near end did came by an edge that is no longer.
 */
void
CsLinkageSingle(CsTeam *team, const CsLeaves *leaves, CsMerge *merges)
{
	Points		p;
	int			last = 0;

	InitPoints(&p, team, leaves, CS_LINKAGE_SINGLE);
	for (int s = 0; s < TYPEALIGN(STRIP, leaves->n); s++)
		p.value[s] = HUGE_VAL;
	for (int i = 0; i < leaves->n - 1; i++)
	{
		int			slot = p.slot[last];
		Nearest		nearest;

		SetOrigin(&p, slot);
		p.value[slot] = HUGE_VAL;
		FreeSlot(&p, slot);
		nearest = RunScan(&p, HUGE_VAL);
		merges[i].first = last;
		last = merges[i].second = p.point[nearest.slot];
		merges[i].height = sqrt(nearest.distance);
	}
	FreePoints(&p);
}
