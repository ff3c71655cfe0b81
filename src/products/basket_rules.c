/*
 * basket_rules.c
 *	  Which products are bought together: frequent_itemsets() and basket_rules().
 *
 * A rule has one product on its right side: from the orders with the left side, the share that has it, too.  All rules
 * come from the sets, whose parts are frequent, too; nothing more is counted (Agrawal and Srikant, Fast Algorithms for
 * Mining Association Rules, 1994).
 */
#include "custseg.h"

#include <math.h>

#include "products/mining.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custseg_frequent_itemsets);
PG_FUNCTION_INFO_V1(custseg_basket_rules);

/* A rule: which product of a set stands on the right, and its measures. */
typedef struct Rule
{
	int64		set;
	int32		consequent;		/* position in the set */
	int32		n_antecedent,	/* orders */
				n_consequent;
	double		lift;
} Rule;

/* Products of a set in the order of their texts but for that in one position, -1 for none; OUT their numbers.  Returns how many. */
static int
ProductsOf(const CsMining *m, const CsItemset *set, int without, int32 *products)
{
	int			n = 0;

	for (int i = 0; i < set->size; i++)
	{
		int32		product = m->product_of[set->items[i]];
		int			at;

		if (i == without)
			continue;
		for (at = n++; at > 0 && m->ranks[products[at - 1]] > m->ranks[product]; at--)
			products[at] = products[at - 1];
		products[at] = product;
	}
	return n;
}

/* The texts of products as an array. */
static CsValue
TextsOf(const CsMining *m, const int32 *products, int n)
{
	const char *texts[CS_MOST_ITEMS];

	for (int i = 0; i < n; i++)
		texts[i] = CsProductText(m->lines.products, products[i]);
	return CsValueTexts(texts, n);
}

/* Order of two lists of products by their texts; a shorter one comes first. */
static int
CompareProducts(const CsMining *m, const int32 *a, int na, const int32 *b, int nb)
{
	if (na != nb)
		return na - nb;
	for (int i = 0; i < na; i++)
	{
		if (a[i] != b[i])
			return m->ranks[a[i]] - m->ranks[b[i]];
	}
	return 0;
}

/* Order of two frequent sets: small ones first, then the most frequent, then by text. */
static int
CompareSets(const void *a, const void *b, void *arg)
{
	const CsMining *m = arg;
	const CsItemset *x = &m->found.sets[*(const int64 *) a],
			   *y = &m->found.sets[*(const int64 *) b];
	int32		px[CS_MOST_ITEMS],
				py[CS_MOST_ITEMS];

	if (x->size != y->size)
		return x->size - y->size;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return CompareProducts(m, px, ProductsOf(m, x, -1, px), py, ProductsOf(m, y, -1, py));
}

/* frequent_itemsets(orders, order, product, options): a row for each set */
Datum
custseg_frequent_itemsets(PG_FUNCTION_ARGS)
{
	CsMining	m = {0};
	CsResult   *result = CsResultOpen(fcinfo);
	int64	   *sorted;

	CsMine(&m, fcinfo, CS_SET_OPTIONS);
	sorted = CsProductRoom(m.lines.context, NULL, 0, sizeof(int64) * Max(m.found.n, 1), "the order of the frequent sets");
	for (int64 i = 0; i < m.found.n; i++)
		sorted[i] = i;
	qsort_interruptible(sorted, m.found.n, sizeof(int64), CompareSets, &m);
	for (int64 i = 0; i < m.found.n; i++)
	{
		const CsItemset *set = &m.found.sets[sorted[i]];
		int32		products[CS_MOST_ITEMS];

		CsCheckInterrupts(i);
		if (!CsMiningHasCustomers(&m, set))
			continue;
		(void) ProductsOf(&m, set, -1, products);
		CsResultPut(result,
					CsValues(TextsOf(&m, products, set->size), CsValueInt4(set->size), CsValueInt8(set->n),
							 CsValueFloat8((double) set->n / (double) m.n)));
	}
	MemoryContextDelete(m.lines.context);
	return (Datum) 0;
}

/* The orders of a set without the item in a position, or of that item alone. */
static int32
OrdersOfPart(const CsMining *m, const CsItemset *set, int position, bool alone)
{
	CsItemset	part = {.size = 0};

	for (int i = 0; i < set->size; i++)
	{
		if ((i == position) == alone)
			part.items[part.size++] = set->items[i];
	}
	return CsItemsetFind(&m->found, &part)->n;
}

/* The confidence of a rule. */
static double
ConfidenceOf(const CsMining *m, const Rule *rule)
{
	return (double) m->found.sets[rule->set].n / (double) rule->n_antecedent;
}

/* OUT the rules, palloc'd, that are confident enough; and the highest confidence of all, and the highest lift.  Returns how many. */
static int64
MakeRules(const CsMining *m, Rule **rules, double *confidence, double *lift)
{
	int64		most = 0,
				n = 0;

	*confidence = *lift = 0;
	for (int64 i = 0; i < m->found.n; i++)
		most += m->found.sets[i].size > 1 ? m->found.sets[i].size : 0;
	*rules = CsProductRoom(m->lines.context, NULL, 0, sizeof(Rule) * Max(most, 1), "a table of the rules");
	for (int64 i = 0; i < m->found.n; i++)
	{
		const CsItemset *set = &m->found.sets[i];

		CsCheckInterrupts(i);
		for (int at = 0; at < set->size && set->size > 1; at++)
		{
			Rule		rule = {i, at, OrdersOfPart(m, set, at, false), OrdersOfPart(m, set, at, true)};

			rule.lift = (double) set->n * (double) m->n / ((double) rule.n_antecedent * (double) rule.n_consequent);
			*confidence = Max(*confidence, ConfidenceOf(m, &rule));
			*lift = Max(*lift, rule.lift);
			if (ConfidenceOf(m, &rule) >= m->options.min_confidence && rule.lift >= m->options.min_lift)
				(*rules)[n++] = rule;
		}
	}
	return n;
}

/* Order of two rules: the highest lift first, then the most orders, then by text. */
static int
CompareRules(const void *a, const void *b, void *arg)
{
	const CsMining *m = arg;
	const Rule *x = a,
			   *y = b;
	const CsItemset *sx = &m->found.sets[x->set],
			   *sy = &m->found.sets[y->set];
	int32		px[CS_MOST_ITEMS],
				py[CS_MOST_ITEMS];
	int			order;

	if (x->lift != y->lift)
		return x->lift > y->lift ? -1 : 1;
	if (sx->n != sy->n)
		return sx->n > sy->n ? -1 : 1;
	order = CompareProducts(m, px, ProductsOf(m, sx, x->consequent, px), py, ProductsOf(m, sy, y->consequent, py));
	return order != 0 ? order :
		m->ranks[m->product_of[sx->items[x->consequent]]] - m->ranks[m->product_of[sy->items[y->consequent]]];
}

/* Say that there is no rule, and what there is. */
static void
ReportNoRule(const CsMining *m, double confidence, double lift)
{
	const CsItemset *pair = &m->found.best_pair;

	if (confidence > 0)
		ereport(NOTICE,
				(errmsg("no rule has a confidence of %s and a lift of %s", CsWordsNumber(m->options.min_confidence),
						CsWordsNumber(m->options.min_lift)),
				 errdetail("The highest confidence is %s, the highest lift %s.", CsWordsNumber(confidence), CsWordsNumber(lift)),
				 errhint("Lower \"min_confidence\" or \"min_lift\".")));
	else if (m->options.max_size == 1)
		ereport(NOTICE,
				(errmsg("there are no rules of single products"),
				 errhint("Give a \"max_size\" of 2 to %d.", CS_MOST_ITEMS)));
	else if (pair->size == 0)
		ereport(NOTICE,
				(errmsg("no two of %s are in one order",
						CsWordsCount(m->nitems, "frequent product", "frequent products"))));
	else
		ereport(NOTICE,
				(errmsg("no two products are together in %s of the orders", CsWordsPercent(m->options.min_support)),
				 errdetail("Of %s, \"%s\" and \"%s\" are together most often, in %lld of %s.",
						   CsWordsCount(m->nitems, "frequent product", "frequent products"),
						   CsWordsText(CsProductText(m->lines.products, m->product_of[pair->items[0]])),
						   CsWordsText(CsProductText(m->lines.products, m->product_of[pair->items[1]])),
						   (long long) pair->n, CsWordsCount(m->n, "order", "orders")),
				 errhint("Lower \"min_support\".")));
}

/* Put the row of a rule. */
static void
PutRule(const CsMining *m, CsResult *result, const Rule *rule)
{
	const CsItemset *set = &m->found.sets[rule->set];
	double		n = (double) m->n,
				confidence = ConfidenceOf(m, rule),
				expected = (double) rule->n_antecedent / n * ((double) rule->n_consequent / n);
	int32		products[CS_MOST_ITEMS];
	int			size = ProductsOf(m, set, rule->consequent, products);

	CsResultPut(result,
				CsValues(TextsOf(m, products, size),
						 CsValueText(CsProductText(m->lines.products, m->product_of[set->items[rule->consequent]])),
						 CsValueInt4(set->size), CsValueInt8(set->n), CsValueInt8(rule->n_antecedent), CsValueInt8(rule->n_consequent),
						 CsValueFloat8((double) set->n / n), CsValueFloat8(confidence), CsValueFloat8(rule->lift),
						 CsValueFloat8((double) set->n / n - expected),
						 /* of all orders with the left side none is without the right side */
						 CsValueFloat8(set->n == rule->n_antecedent ? INFINITY :
									   (n - (double) rule->n_consequent) / n / (1 - confidence))));
}

/* basket_rules(orders, order, product, options): a row for each rule */
Datum
custseg_basket_rules(PG_FUNCTION_ARGS)
{
	CsMining	m = {0};
	CsResult   *result = CsResultOpen(fcinfo);
	Rule	   *rules;
	double		confidence,
				lift;
	int64		n;

	CsMine(&m, fcinfo, CS_RULE_OPTIONS);
	n = MakeRules(&m, &rules, &confidence, &lift);
	if (n == 0 && m.nitems > 0)
		ReportNoRule(&m, confidence, lift);
	qsort_interruptible(rules, n, sizeof(Rule), CompareRules, &m);
	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		if (CsMiningHasCustomers(&m, &m.found.sets[rules[i].set]))
			PutRule(&m, result, &rules[i]);
	}
	MemoryContextDelete(m.lines.context);
	return (Datum) 0;
}
