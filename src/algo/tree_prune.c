/*
 * tree_prune.c
 *	  Which splits of a grown tree are kept.
 *
 * max_leaf_nodes: splits in the order of what they win, each after its parent's, until there are so
 * many leaves.  As the best split of a node does not depend on the rest of the tree, choosing from
 * the grown tree is growing best first.
 *
 * ccp_alpha: minimal cost-complexity pruning (Breiman et al. 1984, chapter 3).  With R(t) the
 * impurity of a node, weighted by its share of the rows, and R(T_t), |T_t| the impurity and the
 * number of leaves of the branch below it, the weakest link is the node with the least
 *
 *		g(t) = (R(t) - R(T_t)) / (|T_t| - 1)
 *
 * It becomes a leaf, again and again, while its g(t) is not above ccp_alpha.
 */
#include "custseg.h"

#include <math.h>

#include "algo/tree.h"
#include "lib/pairingheap.h"
#include "miscadmin.h"

/* What splits are worth in parts of all impurity, so that rounding does not tell equal ones apart. */
#define WorthOf(x) rint((x) * 1e10)

/* A node of the grown tree, by what is kept below it. */
typedef struct Branch
{
	pairingheap_node heap;
	bool		kept;
	bool		split;			/* has kept children */
	int			place;			/* in the walk, left branches first */
	int			nleaves;
	double		cost,			/* R(t) */
				branch_cost;	/* R(T_t) */
	double		alpha;			/* g(t) of a node that is split */
} Branch;

typedef struct Pruning
{
	const CsDecisionTree *tree;
	Branch	   *branches;
	pairingheap *weakest;
} Pruning;

#define BRANCH_OF(node) pairingheap_container(Branch, heap, node)

/* The next place in a walk: down to the left, or back up and to the right; -1 at its end. */
static int
NextNode(const Pruning *p, int i)
{
	const CsDecisionNode *nodes = p->tree->nodes;

	if (p->branches[i].split)
		return nodes[i].left;
	while (nodes[i].parent >= 0 && nodes[nodes[i].parent].right == i)
		i = nodes[i].parent;
	return nodes[i].parent < 0 ? -1 : nodes[nodes[i].parent].right;
}

/* Number the nodes that are kept; returns how many. */
static int
NumberNodes(Pruning *p)
{
	int			n = 0;

	for (int i = 0; i >= 0; i = NextNode(p, i))
	{
		CsCheckInterrupts(n);
		p->branches[i].place = n++;
	}
	return n;
}

/* What a split is worth: larger first, then the node that was added first. */
static int
CompareWorth(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const Pruning *p = arg;
	const Branch *x = BRANCH_OF(unconstify(pairingheap_node *, a));
	const Branch *y = BRANCH_OF(unconstify(pairingheap_node *, b));
	double		x_worth = WorthOf(p->tree->nodes[x - p->branches].improvement);
	double		y_worth = WorthOf(p->tree->nodes[y - p->branches].improvement);

	if (x_worth != y_worth)
		return x_worth > y_worth ? 1 : -1;
	return x < y ? 1 : -1;
}

/* Keep the best splits, up to so many leaves. */
static void
LimitLeaves(Pruning *p, int max_leaves)
{
	const CsDecisionNode *nodes = p->tree->nodes;
	pairingheap *heap = pairingheap_allocate(CompareWorth, p);
	int			nleaves = 1;

	if (nodes[0].column >= 0)
		pairingheap_add(heap, &p->branches[0].heap);
	while (nleaves < max_leaves && !pairingheap_is_empty(heap))
	{
		Branch	   *best = BRANCH_OF(pairingheap_remove_first(heap));
		const CsDecisionNode *node = &nodes[best - p->branches];

		CsCheckInterrupts(nleaves);
		nleaves++;
		best->split = true;
		if (nodes[node->left].column >= 0)
			pairingheap_add(heap, &p->branches[node->left].heap);
		if (nodes[node->right].column >= 0)
			pairingheap_add(heap, &p->branches[node->right].heap);
	}
	pairingheap_free(heap);
}

/* The weakest link first; of equal ones the first of a walk. */
static int
CompareAlpha(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const Branch *x = BRANCH_OF(unconstify(pairingheap_node *, a));
	const Branch *y = BRANCH_OF(unconstify(pairingheap_node *, b));

	if (WorthOf(x->alpha) != WorthOf(y->alpha))
		return x->alpha < y->alpha ? 1 : -1;
	return x->place < y->place ? 1 : -1;
}

/* Sum up what is below a node, from its children. */
static void
SumBranch(Pruning *p, int i)
{
	Branch	   *b = &p->branches[i];
	const Branch *left = &p->branches[p->tree->nodes[i].left];
	const Branch *right = &p->branches[p->tree->nodes[i].right];

	b->nleaves = left->nleaves + right->nleaves;
	b->branch_cost = left->branch_cost + right->branch_cost;
	b->alpha = (b->cost - b->branch_cost) / (b->nleaves - 1);
}

/* Take a node's whole branch out of the heap; it becomes a leaf. */
static void
CutBranch(Pruning *p, int top)
{
	for (int i = top; i >= 0;)
	{
		int			next = NextNode(p, i);

		if (p->branches[i].split)
			pairingheap_remove(p->weakest, &p->branches[i].heap);
		/* what is below is deeper; the walk has left it with the first node that is not */
		i = next >= 0 && p->tree->nodes[next].depth > p->tree->nodes[top].depth ? next : -1;
	}
	p->branches[top].split = false;
	p->branches[top].nleaves = 1;
	p->branches[top].branch_cost = p->branches[top].cost;
	for (int i = p->tree->nodes[top].parent; i >= 0; i = p->tree->nodes[i].parent)
	{
		pairingheap_remove(p->weakest, &p->branches[i].heap);
		SumBranch(p, i);
		pairingheap_add(p->weakest, &p->branches[i].heap);
	}
}

/* Cut the weakest links up to alpha. */
static void
CutWeakest(Pruning *p, double alpha)
{
	const CsDecisionTree *tree = p->tree;

	(void) NumberNodes(p);
	p->weakest = pairingheap_allocate(CompareAlpha, p);
	/* children follow their parents */
	for (int i = tree->nnodes - 1; i >= 0; i--)
	{
		Branch	   *b = &p->branches[i];

		b->cost = b->branch_cost = tree->nodes[i].weight / tree->nodes[0].weight *
			tree->nodes[i].impurity;
		b->nleaves = 1;
		if (!b->split)
			continue;
		SumBranch(p, i);
		pairingheap_add(p->weakest, &b->heap);
	}
	while (!pairingheap_is_empty(p->weakest))
	{
		Branch	   *weakest = BRANCH_OF(pairingheap_first(p->weakest));

		CHECK_FOR_INTERRUPTS();
		if (weakest->alpha > alpha)
			break;
		CutBranch(p, (int) (weakest - p->branches));
	}
	pairingheap_free(p->weakest);
}

/* Copy the nodes that are kept.  For *place see CsTreePrune(). */
static CsDecisionTree *
CopyKept(Pruning *p, int32 **place)
{
	const CsDecisionTree *from = p->tree;
	CsDecisionTree	   *to = palloc0(sizeof(CsDecisionTree));

	for (int i = 0; i < from->nnodes; i++)
		p->branches[i].place = -1;
	to->nclasses = from->nclasses;
	to->nnodes = NumberNodes(p);
	to->nodes = palloc_extended(sizeof(CsDecisionNode) * to->nnodes, MCXT_ALLOC_HUGE);
	to->counts = palloc_extended(sizeof(double) * to->nclasses * to->nnodes, MCXT_ALLOC_HUGE);
	*place = palloc_extended(sizeof(int32) * from->nnodes, MCXT_ALLOC_HUGE);
	for (int i = 0; i < from->nnodes; i++)
	{
		const Branch *b = &p->branches[i];
		CsDecisionNode *node;

		(*place)[i] = b->place >= 0 ? b->place : (*place)[from->nodes[i].parent];
		if (b->place < 0)
			continue;
		node = &to->nodes[b->place];
		*node = from->nodes[i];
		memcpy(to->counts + (Size) b->place * to->nclasses,
			   from->counts + (Size) i * to->nclasses, sizeof(double) * to->nclasses);
		if (node->parent >= 0)
			node->parent = p->branches[node->parent].place;
		if (b->split)
		{
			node->left = p->branches[node->left].place;
			node->right = p->branches[node->right].place;
		}
		else
			node->column = node->left = node->right = -1;
	}
	return to;
}

/*
 * The part of a grown tree that the limits keep, palloc'd; its nodes are in the order of a walk
 * that takes left branches first.  OUT *place, palloc'd: for each node of the grown tree, the node
 * that now holds its rows.
 */
CsDecisionTree *
CsTreePrune(const CsDecisionTree *grown, const TreeOptions *options, int32 **place)
{
	Pruning		p = {.tree = grown};
	CsDecisionTree	   *result;

	p.branches = palloc_extended(sizeof(Branch) * grown->nnodes,
								 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (options->max_leaf_nodes > 0)
		LimitLeaves(&p, options->max_leaf_nodes);
	else
		for (int i = 0; i < grown->nnodes; i++)
			p.branches[i].split = grown->nodes[i].column >= 0;
	if (options->ccp_alpha > 0)
		CutWeakest(&p, options->ccp_alpha);
	result = CopyKept(&p, place);
	pfree(p.branches);
	return result;
}
