/*
 * value_tree.c
 *	  What a tree of few levels says of many rows at once.
 *
 * The tree is made a whole one of CS_VALUE_FLAT_LEVELS levels of splits, with leaves that are higher up in place of all that
 * would be below them.  From the splits above the leaves to the root, each then takes for all rows of a vector what
 * the one or the other child says, and nothing of it leaves the registers.  The kernels are in value_tree_kernels.h.
 */
#include "custseg.h"

#include "algo/value.h"
#include "math/kernel.h"

#define FLAT_LEAVES CS_VALUE_FLAT_LEAVES
#define FLAT_SPLITS (FLAT_LEAVES - 1)

StaticAssertDecl(CS_VALUE_FLAT_LEVELS == 4, "the kernels spell out four levels");

#ifdef CS_WIDE_KERNELS
#define KERNEL_WIDTH 8
#include "algo/value_tree_kernels.h"
#define KERNEL_WIDTH 4
#include "algo/value_tree_kernels.h"
#endif
#define KERNEL_WIDTH 2
#include "algo/value_tree_kernels.h"

/*
 * Make a tree of up to CS_VALUE_FLAT_LEVELS levels of splits a whole one, which asks about x[column * nrows + row]
 * wherever it is asked.
 */
void
CsFlatTreeMake(const CsTreeNode *nodes, int32 root, const float *x, int nrows, CsFlatTree *flat)
{
	int32		place[FLAT_SPLITS + FLAT_LEAVES];

	place[0] = root;
	for (int i = 0; i < FLAT_SPLITS; i++)
	{
		const CsTreeNode *node = &nodes[place[i]];

		/* a leaf has itself for both children, whatever is asked */
		flat->x[i] = x + (Size) (node->step == 0 ? 0 : node->column) * nrows;
		flat->threshold[i] = node->threshold;
		place[2 * i + 1] = node->left;
		place[2 * i + 2] = node->left + node->step;
	}
	for (int i = 0; i < FLAT_LEAVES; i++)
		flat->leaf[i] = nodes[place[FLAT_SPLITS + i]].threshold;
}

/* What a whole tree says of rows without missing values.  OUT said[nrows].  There are a multiple of 16 rows. */
void
CsFlatTreeAsk(const CsFlatTree *flat, int nrows, float *said)
{
	ChooseKernel(AskTree) (flat, nrows, said);
}
