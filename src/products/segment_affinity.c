/*
 * segment_affinity.c
 *	  Which products the customers of each segment buy more, or less, than others: segment_affinity().
 *
 * A customer who bought a product counts once, however often and however much.  A segment whose customers buy many
 * products has nearly all of them more often than others; that says how much they buy, and not what they like.  So a
 * segment is compared with customers who bought about as many products: customers are put into strata by their number of
 * products, each half an octave wide, and the test is that of Mantel and Haenszel over them (stat/stratified.c).
 *
 * Customers who are placed, and those who bought, come in the order of their ids, so that each source is read once; memory
 * holds a count for each product and segment, and for each product and stratum.
 */
#include "custseg.h"

#include <math.h>

#include "port/pg_bitutils.h"
#include "products/products.h"
#include "stat/stratified.h"
#include "stat/tests.h"
#include "utils/memutils.h"

/* The arguments. */
enum
{
	ARG_MODEL, ARG_ORDERS, ARG_CUSTOMER, ARG_PRODUCT, ARG_SOURCE, ARG_OPTIONS, ARG_VERSION
};

PG_FUNCTION_INFO_V1(custseg_segment_affinity);

/* Strata; the last one has whoever bought more products than the others go to, some 40,000. */
#define STRATA 32

/* Buyers that are expected below which nothing is said that is not certain. */
#define FEW 5

typedef struct AffinityOptions
{
	int			min_buyers;
	double		min_lift;
	double		significance;
	bool		standardize;
} AffinityOptions;

static const CsOption affinityOptions[] = {
	{"min_buyers", CS_OPTION_INT, offsetof(AffinityOptions, min_buyers), 20, 1, 1000000000},
	{"min_lift", CS_OPTION_REAL, offsetof(AffinityOptions, min_lift), 1.2, 1, INFINITY},
	{"significance", CS_OPTION_REAL, offsetof(AffinityOptions, significance), 0.05, 1e-300, 1},
	{"standardize", CS_OPTION_BOOL, offsetof(AffinityOptions, standardize), true}
};

/* The counts of a reading. */
typedef struct Affinity
{
	AffinityOptions options;
	CsProductLines lines;
	const CsScorer *scorer;
	CsRoster   *roster;
	int			ngroups;		/* segments, and last whoever is in none */
	int32	   *by_group;		/* buyers of each product by group */
	int32	   *by_stratum;		/* and by stratum */
	Size		room;			/* products that there is room for */
	int64	   *buyers;			/* of each group and stratum, who bought anything: [group * STRATA + stratum] */
	int64		all_buyers[STRATA]; /* of each stratum, all groups together */
	int64		n_strangers;	/* buyers who are not among the customers */
	CsResult   *result;
} Affinity;

/* A product in a segment. */
typedef struct Line
{
	int32		product;
	int32		n;				/* buyers of the segment */
	double		expected,
				z,
				p;
} Line;

/* All lines, segment by segment. */
typedef struct Lines
{
	Line	   *lines;
	double	   *p_adjusted;
	int32		nproducts;		/* of each segment */
	int32	   *ranks;			/* of products, by their texts */
} Lines;

/* The stratum of a customer with so many products. */
static int
StratumOf(const Affinity *a, int32 nproducts)
{
	/* half octaves: the logarithm of the square */
	return a->options.standardize ? Min(pg_leftmost_one_pos64((uint64) nproducts * (uint64) nproducts), STRATA - 1) : 0;
}

/* Make room for the counts of a product. */
static void
MakeRoom(Affinity *a, int32 product)
{
	Size		wanted = Max(Max(2 * a->room, 256), (Size) product + 1);

	if ((Size) product < a->room)
		return;
	a->by_group = CsProductRoom(a->lines.context, a->by_group, sizeof(int32) * a->ngroups * a->room,
								sizeof(int32) * a->ngroups * wanted, "a table of products and segments");
	a->by_stratum = CsProductRoom(a->lines.context, a->by_stratum, sizeof(int32) * STRATA * a->room,
								  sizeof(int32) * STRATA * wanted, "a table of products and segments");
	a->room = wanted;
}

/* CsProductGroupVisitor: a customer. */
static void
TakeCustomer(void *state, const CsProductGroup *customer)
{
	Affinity   *a = state;
	int			found = CsRosterFind(a->roster, customer->text),
				group = found == CS_ROSTER_UNPLACED ? a->ngroups - 1 : found,
				stratum = StratumOf(a, customer->n);

	if (found == CS_ROSTER_UNKNOWN)
	{
		a->n_strangers++;
		return;
	}
	a->buyers[group * STRATA + stratum]++;
	a->all_buyers[stratum]++;
	for (int32 i = 0; i < customer->n; i++)
	{
		int32		product = customer->products[i];

		MakeRoom(a, product);
		a->by_group[(Size) product * a->ngroups + group]++;
		a->by_stratum[(Size) product * STRATA + stratum]++;
	}
}

/* Buyers of a product, of all groups. */
static int64
BuyersOf(const Affinity *a, int32 product)
{
	int64		n = 0;

	for (int stratum = 0; stratum < STRATA; stratum++)
		n += a->by_stratum[(Size) product * STRATA + stratum];
	return n;
}

/* The sum over the strata. */
static int64
SumOf(const int64 *buyers)
{
	int64		n = 0;

	for (int stratum = 0; stratum < STRATA; stratum++)
		n += buyers[stratum];
	return n;
}

/* Compare a segment with customers who bought as many products. */
static Line
Compare(const Affinity *a, int group, int32 product)
{
	CsStratum	strata[STRATA];
	CsStratifiedResult r;
	Line		line = {product, a->by_group[(Size) product * a->ngroups + group]};

	for (int i = 0; i < STRATA; i++)
	{
		strata[i] = (CsStratum) {a->all_buyers[i], a->buyers[group * STRATA + i], a->by_stratum[(Size) product * STRATA + i]};
	}
	r = CsStratifiedTest(strata, STRATA, line.n);
	line.expected = r.expected;
	line.z = r.z;
	line.p = r.p;
	return line;
}

/* Order of two lines of a segment: what its customers buy more comes first, by how sure that is; then by text. */
static int
CompareLines(const void *a, const void *b, void *arg)
{
	const Line *x = a,
			   *y = b;
	const int32 *ranks = arg;

	if (x->z != y->z)
		return x->z > y->z ? -1 : 1;
	return ranks[x->product] - ranks[y->product];
}

/* Compare all segments by all products with enough buyers. */
static Lines
CompareAll(Affinity *a)
{
	MemoryContext context = a->lines.context;
	int32		nproducts = Min((Size) CsProductCount(a->lines.products), a->room),
				most = 0;
	int			nsegments = a->scorer->nsegments;
	Lines		all = {.ranks = CsProductRanks(a->lines.products)};
	Size		n = 0;

	for (int32 product = 0; product < nproducts; product++)
		most += BuyersOf(a, product) >= a->options.min_buyers;
	all.nproducts = most;
	all.lines = CsProductRoom(context, NULL, 0, sizeof(Line) * Max((Size) most * nsegments, 1), "a table of products and segments");
	all.p_adjusted = CsProductRoom(context, NULL, 0, sizeof(double) * Max((Size) most * nsegments, 1), "a table of products and segments");
	for (int group = 0; group < nsegments; group++)
	{
		Size		first = n;

		for (int32 product = 0; product < nproducts; product++)
		{
			CsCheckInterrupts(product);
			if (BuyersOf(a, product) >= a->options.min_buyers)
				all.lines[n++] = Compare(a, group, product);
		}
		qsort_interruptible(all.lines + first, most, sizeof(Line), CompareLines, all.ranks);
	}
	for (Size i = 0; i < n; i++)
		all.p_adjusted[i] = all.lines[i].p;
	if (n > PG_INT32_MAX)
		CsMemoryError(n * sizeof(Line), "raise \"min_buyers\"", "a table of products and segments");
	CsAdjustBenjaminiHochberg(all.p_adjusted, (int) n);
	return all;
}

/* What is to be said of a product in a segment with so many buyers: the rating, and OUT the reason. */
static const char *
Judge(const Affinity *a, const Line *line, double p_adjusted, int64 buyers, StringInfo reason)
{
	double		lift = (double) line->n / line->expected;
	bool		is_certain = p_adjusted < a->options.significance;
	const char *others = a->options.standardize ? "customers who bought as many products" : "all customers";
	char	   *shares;

	if (buyers == 0)
	{
		appendStringInfoString(reason, "no customer of the segment has bought anything");
		return "insufficient data";
	}
	if (isnan(line->p))
	{
		appendStringInfoString(reason, a->options.standardize ? "nobody of another segment has bought as many products" :
							   "all customers have bought it, or all who bought anything are in the segment");
		return "insufficient data";
	}
	if (is_certain && line->n == 0)
	{
		appendStringInfo(reason, "none of %s has bought it; of %s, %s would have", CsWordsCount(buyers, "buyer", "buyers"), others,
						 CsWordsNumber(line->expected));
		return "never bought";
	}
	if (!is_certain && line->expected < FEW)
	{
		appendStringInfo(reason, "no more than %s of the buyers are expected to have bought it, which is too few to tell",
						 CsWordsNumber(line->expected));
		return "insufficient data";
	}
	shares = psprintf("%s of the segment's buyers have bought it, against %s of %s", CsWordsPercent((double) line->n / (double) buyers),
					  CsWordsPercent(line->expected / (double) buyers), others);
	if (!is_certain)
	{
		appendStringInfo(reason, "%s: no more of a difference than chance makes", shares);
		return "as others";
	}
	if (lift >= a->options.min_lift)
	{
		appendStringInfo(reason, "%s: %s times as many", shares, CsWordsNumber(lift));
		return "promote";
	}
	if (lift <= 1 / a->options.min_lift)
	{
		appendStringInfoString(reason, shares);
		return "bought less";
	}
	appendStringInfo(reason, "%s: a difference, but a small one", shares);
	return "as others";
}

/* Put the row of a product in a segment. */
static void
PutLine(const Affinity *a, int group, const Line *line, double p_adjusted, int64 buyers, int64 all_buyers)
{
	const CsScorerSegment *segment = &CsScorerSegments(a->scorer)[group];
	double		share = buyers > 0 ? (double) line->n / (double) buyers : NAN,
				share_all = (double) BuyersOf(a, line->product) / (double) all_buyers;
	StringInfoData reason;
	const char *rating;

	initStringInfo(&reason);
	rating = Judge(a, line, p_adjusted, buyers, &reason);
	CsResultPut(a->result,
				CsValues(CsValueInt4(segment->segment), CsValueText(CsScorerAt(a->scorer, char, segment->name)),
						 CsValueText(CsProductText(a->lines.products, line->product)), CsValueInt8(line->n), CsValueInt8(buyers),
						 CsValueFloat8(share), CsValueFloat8(share_all), CsValueFloat8(share / share_all),
						 CsValueFloat8(line->expected), CsValueFloat8(line->expected > 0 ? (double) line->n / line->expected : NAN),
						 CsValueFloat8(line->p), CsValueFloat8(p_adjusted), CsValueText(rating), CsValueText(reason.data)));
	pfree(reason.data);
}

/* Say who is left out, and that there are no products. */
static void
Report(const Affinity *a, const Lines *all)
{
	CsProductLinesReport(&a->lines);
	if (a->n_strangers > 0)
		ereport(NOTICE,
				(errmsg("buyers who are not among the customers, and are left out: %lld", (long long) a->n_strangers)));
	if (all->nproducts == 0)
		ereport(NOTICE,
				(errmsg("no product has %d buyers", a->options.min_buyers),
				 errhint("Lower \"min_buyers\", or give groups of products in place of products.")));
}

/* segment_affinity(model, orders, customer, product, source, options, version): a row for each segment and product */
Datum
custseg_segment_affinity(PG_FUNCTION_ARGS)
{
	Affinity	a = {.result = CsResultOpen(fcinfo)};
	char	   *model = CsRequiredText(fcinfo, ARG_MODEL, "model");
	Lines		all;
	int64		all_buyers;

	a.scorer = CsCacheGet(model, CsVersionArgument(fcinfo, ARG_VERSION));
	CsCachePin(a.scorer, CurrentMemoryContext);
	CsOptionsArgument(fcinfo, ARG_OPTIONS, affinityOptions, lengthof(affinityOptions), &a.options);
	CsProductLinesOpen(&a.lines, fcinfo, ARG_ORDERS, ARG_CUSTOMER, ARG_PRODUCT, "customer");
	a.lines.by_text = true;
	a.ngroups = a.scorer->nsegments + 1;
	a.buyers = CsProductRoom(a.lines.context, NULL, 0, sizeof(int64) * STRATA * a.ngroups, "a table of the segments");
	a.roster = CsRosterOpen(a.scorer, CsTextArgument(fcinfo, ARG_SOURCE), false);
	CsProductLinesRead(&a.lines, TakeCustomer, &a);
	(void) CsRosterClose(a.roster);
	all = CompareAll(&a);
	all_buyers = SumOf(a.all_buyers);
	for (int group = 0; group < a.scorer->nsegments; group++)
	{
		int64		buyers = SumOf(a.buyers + (Size) group * STRATA);

		for (int32 i = 0; i < all.nproducts; i++)
		{
			Size		at = (Size) group * all.nproducts + i;

			CsCheckInterrupts(i);
			PutLine(&a, group, &all.lines[at], all.p_adjusted[at], buyers, all_buyers);
		}
	}
	Report(&a, &all);
	MemoryContextDelete(a.lines.context);
	return (Datum) 0;
}
