/*
 * item_neighbors.c
 *	  Items that stand together with the same owners, and what somebody may want next.
 *
 * The similarity of two items is the cosine of their owners, n_ij / sqrt(n_i n_j), times n_ij / (n_ij + shrinkage), so
 * that a few owners in common say little.  An item that somebody does not own is recommended by the sum of its
 * similarities to those that are owned (Sarwar, Karypis, Konstan and Riedl, Item-Based Collaborative Filtering
 * Recommendation Algorithms, 2001; only the most similar items of each: Deshpande and Karypis, ACM Transactions on
 * Information Systems 22, 2004; shrinkage: Koren, Factorization Meets the Neighborhood, 2008).  Where that names too
 * few, the most popular items follow that are not owned.
 *
 * Sums run in the order of the items' numbers, and ties go to the lower number: the same for any order of owners.
 */
#include "custseg.h"

#include <math.h>

#include "miscadmin.h"
#include "stat/item_neighbors.h"
#include "utils/memutils.h"

/* The number of the i-th owner. */
static inline int64
OwnerOf(const CsOwners *o, int64 i)
{
	return o->owners == NULL ? i : o->owners[i];
}

/* Neighbors that may be found: so many of each item, but not more than pairs of items are met. */
static Size
MostNeighbors(const CsOwners *o, const CsNeighborOptions *options)
{
	Size		most = (Size) options->neighbors * o->nitems,
				met = 0;

	for (int64 i = 0; i < o->n && met < most; i++)
	{
		Size		n = o->length[OwnerOf(o, i)];

		met += n * n;
	}
	/* one item's are offered room for all */
	return Min(met, most) + options->neighbors;
}

/* The bytes that a fit takes at its peak. */
Size
CsItemNeighborsMemory(const CsOwners *o, const CsNeighborOptions *options)
{
	Size		owned = 0;

	for (int64 i = 0; i < o->n; i++)
		owned += o->length[OwnerOf(o, i)];
	return owned * sizeof(int64) + (sizeof(int64) * 3 + sizeof(int32) * 3) * ((Size) o->nitems + 1) +
		sizeof(CsItemNeighbor) * MostNeighbors(o, options);
}

/* Owners of each item, one after the other: owners[start[item]] and so on; palloc'd. */
static int64 *
OwnersByItem(const CsOwners *o, int64 *start)
{
	int64	   *owners,
				total = 0;

	memset(start, 0, sizeof(int64) * ((Size) o->nitems + 1));
	for (int64 i = 0; i < o->n; i++)
	{
		int64		owner = OwnerOf(o, i);

		CsCheckInterrupts(i);
		for (int32 j = 0; j < o->length[owner]; j++)
			start[o->items[o->start[owner] + j]]++;
	}
	for (int32 item = 0; item <= o->nitems; item++)
	{
		int64		n = start[item];

		start[item] = total;
		total += n;
	}
	owners = palloc_extended(sizeof(int64) * Max(total, 1), MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < o->n; i++)
	{
		int64		owner = OwnerOf(o, i);

		CsCheckInterrupts(i);
		for (int32 j = 0; j < o->length[owner]; j++)
			owners[start[o->items[o->start[owner] + j]]++] = owner;
	}
	/* each start is where its item ends now */
	memmove(start + 1, start, sizeof(int64) * o->nitems);
	start[0] = 0;
	return owners;
}

/* Is a better than b? */
static inline bool
IsNearer(const CsItemNeighbor *a, const CsItemNeighbor *b)
{
	return a->similarity != b->similarity ? a->similarity > b->similarity : a->item < b->item;
}

/* Let the element at the root of a heap, whose root is the worst, sink to its place. */
static void
Sink(CsItemNeighbor *heap, int n, int at)
{
	CsItemNeighbor element = heap[at];

	for (int child; (child = 2 * at + 1) < n; at = child)
	{
		if (child + 1 < n && IsNearer(&heap[child], &heap[child + 1]))
			child++;
		if (!IsNearer(&element, &heap[child]))
			break;
		heap[at] = heap[child];
	}
	heap[at] = element;
}

/* Keep of what is offered the best "room" elements, of which the heap has n; returns how many it has then. */
static int
Offer(CsItemNeighbor *heap, int n, int room, CsItemNeighbor offered)
{
	if (n < room)
	{
		heap[n++] = offered;
		if (n == room)
		{
			for (int i = n / 2 - 1; i >= 0; i--)
				Sink(heap, n, i);
		}
		return n;
	}
	if (IsNearer(&offered, &heap[0]))
	{
		heap[0] = offered;
		Sink(heap, n, 0);
	}
	return n;
}

static int
CompareNearness(const void *a, const void *b, void *unused)
{
	return IsNearer(a, b) ? -1 : 1;
}

/* Find the nearest items of one; returns how many. */
static int
NearestOf(const CsOwners *o, const CsNeighborOptions *options, const int64 *owners, int64 nowners, int32 item,
		  const int64 *start, int32 *together, int32 *met, CsItemNeighbor *nearest)
{
	int32		nmet = 0;
	int			n = 0;

	for (int64 i = 0; i < nowners; i++)
	{
		int64		owner = owners[i];
		const int32 *items = o->items + o->start[owner];

		CsCheckInterrupts(i);
		for (int32 j = 0; j < o->length[owner]; j++)
		{
			if (together[items[j]]++ == 0)
				met[nmet++] = items[j];
		}
	}
	for (int32 i = 0; i < nmet; i++)
	{
		int32		other = met[i];
		double		both = together[other],
					others = (double) (start[other + 1] - start[other]);
		CsItemNeighbor neighbor = {other, both / sqrt((double) nowners * others) * (both / (both + options->shrinkage))};

		together[other] = 0;
		if (other != item)
			n = Offer(nearest, n, options->neighbors, neighbor);
	}
	qsort_arg(nearest, n, sizeof(CsItemNeighbor), CompareNearness, NULL);
	return n;
}

static int
ComparePopularity(const void *a, const void *b, void *arg)
{
	const int64 *owners = arg;
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	if (owners[x] != owners[y])
		return owners[x] > owners[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Find which items are popular, by the owners of each. */
static void
RankItems(CsItemNeighbors *f)
{
	for (int32 item = 0; item < f->nitems; item++)
	{
		if (f->owners[item] > 0)
			f->popular[f->npopular++] = item;
	}
	qsort_interruptible(f->popular, f->npopular, sizeof(int32), ComparePopularity, f->owners);
}

/*
 * The neighbors of each item by its owners; with options->neighbors 0 only how popular items are.  Palloc'd in
 * CurrentMemoryContext; the caller has checked that there is memory.
 */
CsItemNeighbors *
CsItemNeighborsFit(const CsOwners *o, const CsNeighborOptions *options)
{
	CsItemNeighbors *f = palloc0(sizeof(CsItemNeighbors));
	int64	   *start = palloc_extended(sizeof(int64) * ((Size) o->nitems + 1), MCXT_ALLOC_HUGE),
			   *owners = OwnersByItem(o, start),
				n = 0;
	int32	   *together = palloc_extended(sizeof(int32) * Max(o->nitems, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO),
			   *met = palloc_extended(sizeof(int32) * Max(o->nitems, 1), MCXT_ALLOC_HUGE);

	f->nitems = o->nitems;
	f->owners = palloc_extended(sizeof(int64) * Max(o->nitems, 1), MCXT_ALLOC_HUGE);
	f->popular = palloc_extended(sizeof(int32) * Max(o->nitems, 1), MCXT_ALLOC_HUGE);
	f->start = palloc_extended(sizeof(int64) * ((Size) o->nitems + 1), MCXT_ALLOC_HUGE);
	if (options->neighbors > 0)
		f->neighbors = palloc_extended(sizeof(CsItemNeighbor) * MostNeighbors(o, options), MCXT_ALLOC_HUGE);
	for (int32 item = 0; item < o->nitems; item++)
	{
		f->owners[item] = start[item + 1] - start[item];
		f->start[item] = n;
		if (options->neighbors == 0)
			continue;
		CHECK_FOR_INTERRUPTS();
		n += NearestOf(o, options, owners + start[item], f->owners[item], item, start, together, met, f->neighbors + n);
	}
	f->start[o->nitems] = n;
	RankItems(f);
	pfree(met);
	pfree(together);
	pfree(owners);
	pfree(start);
	return f;
}

/* Free what CsItemNeighborsFit() made. */
void
CsItemNeighborsFree(CsItemNeighbors *f)
{
	pfree(f->owners);
	pfree(f->popular);
	pfree(f->start);
	if (f->neighbors != NULL)
		pfree(f->neighbors);
	pfree(f);
}

/* The bytes that a recommender takes. */
Size
CsRecommenderMemory(int32 nitems)
{
	return (sizeof(double) * 2 + sizeof(int32) * 2 + sizeof(bool)) * (Size) nitems;
}

/* What recommends, of so many items; palloc'd. */
CsRecommender *
CsRecommenderCreate(int32 nitems)
{
	CsRecommender *r = palloc0(sizeof(CsRecommender));
	Size		n = Max(nitems, 1);

	r->nitems = nitems;
	r->score = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	r->most = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	r->because = palloc_extended(sizeof(int32) * n, MCXT_ALLOC_HUGE);
	r->touched = palloc_extended(sizeof(int32) * n, MCXT_ALLOC_HUGE);
	r->owned = palloc_extended(sizeof(bool) * n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	return r;
}

/* Add up the similarities of what is not owned to what is; returns how many items got a score. */
static int32
ScoreItems(CsRecommender *r, const CsItemNeighbors *f, const int32 *owned, int32 nowned)
{
	int32		ntouched = 0;

	for (int32 i = 0; i < nowned; i++)
	{
		CsCheckInterrupts(i);
		for (int64 j = f->start[owned[i]]; j < f->start[owned[i] + 1]; j++)
		{
			const CsItemNeighbor *neighbor = &f->neighbors[j];
			int32		item = neighbor->item;

			if (r->owned[item])
				continue;
			if (r->score[item] == 0)
			{
				r->touched[ntouched++] = item;
				r->most[item] = 0;
			}
			r->score[item] += neighbor->similarity;
			if (neighbor->similarity > r->most[item])
			{
				r->most[item] = neighbor->similarity;
				r->because[item] = owned[i];
			}
		}
	}
	return ntouched;
}

/* Add popular items that are not there until there are n; returns how many there are then. */
static int
AddPopular(CsRecommender *r, const CsItemNeighbors *f, CsRecommendationBasis basis, int found, int n, CsRecommendation *best)
{
	for (int32 i = 0; i < f->npopular && found < n; i++)
	{
		int32		item = f->popular[i];

		if (r->owned[item])
			continue;
		r->owned[item] = true;
		best[found++] = (CsRecommendation) {item, basis, (double) f->owners[item], -1};
	}
	return found;
}

/*
 * What somebody who owns some items may want next: at most n items, the best first, by the neighbors of a group, then by
 * what is popular in it, and then with all; either may be without neighbors.  Returns how many.
 */
int
CsRecommend(CsRecommender *r, const CsItemNeighbors *group, const CsItemNeighbors *all, const int32 *owned, int32 nowned,
			int n, CsRecommendation *best)
{
	CsItemNeighbor *nearest = palloc(sizeof(CsItemNeighbor) * n);
	int32		ntouched = 0;
	int			found = 0,
				similar;

	for (int32 i = 0; i < nowned; i++)
		r->owned[owned[i]] = true;
	if (group->neighbors != NULL)
		ntouched = ScoreItems(r, group, owned, nowned);
	for (int32 i = 0; i < ntouched; i++)
		found = Offer(nearest, found, n, (CsItemNeighbor) {r->touched[i], r->score[r->touched[i]]});
	qsort_arg(nearest, found, sizeof(CsItemNeighbor), CompareNearness, NULL);
	similar = found;
	for (int i = 0; i < similar; i++)
	{
		int32		item = nearest[i].item;

		best[i] = (CsRecommendation) {item, CS_BASIS_SIMILAR, nearest[i].similarity, r->because[item]};
		r->owned[item] = true;
	}
	for (int32 i = 0; i < ntouched; i++)
		r->score[r->touched[i]] = 0;
	found = AddPopular(r, group, CS_BASIS_POPULAR, found, n, best);
	found = AddPopular(r, all, CS_BASIS_POPULAR_OF_ALL, found, n, best);
	for (int i = 0; i < found; i++)
		r->owned[best[i].item] = false;
	for (int32 i = 0; i < nowned; i++)
		r->owned[owned[i]] = false;
	pfree(nearest);
	return found;
}
