/*
 * tree_shap.c
 *	  What each column contributes to what a model says of a row: Shapley values.
 *
 * Of trees they are exact, by TreeSHAP (Lundberg, Erion and Lee 2018, algorithm 2): a column that is not
 * known sends a row both ways, in the proportion of the rows of the training.  Of a linear model, a
 * column contributes its coefficient times its distance from the mean.  Contributions and base add up to
 * what the model says before any link and calibration.
 */
#include "custseg.h"

#include <math.h>

#include "algo/value.h"
#include "miscadmin.h"

/* A step of the path from the root: a column that was asked about on it. */
typedef struct PathStep
{
	int			column;			/* -1: the root's */
	double		zero,			/* share of rows that go on when the column is not known */
				one;			/* 1: the row goes on when it is, 0: it does not */
	double		weight;			/* of the sets of columns, by their size */
} PathStep;

/*
 * Quotients of small whole numbers, which weights of paths are multiplied and divided by all the time:
 * [a * QUOTIENTS + b] is (b + 1) / (a + 1).
 */
#define QUOTIENTS (CS_VALUE_MAX_DEPTH + 3)

static double quotients[QUOTIENTS * QUOTIENTS];

#define QUOTIENT(b, a) (quotients[(a) * QUOTIENTS + (b)])

/* What all nodes of a tree are asked. */
typedef struct Explanation
{
	const CsTreeNode *nodes;
	const CsTreeNote *notes;
	const double *x;
	double		factor;			/* of what the tree says */
	double	   *contributions;
} Explanation;

/* Add a step to a path of n steps. */
static void
Extend(PathStep *path, int n, double zero, double one, int column)
{
	path[n] = (PathStep) {column, zero, one, n == 0 ? 1 : 0};
	for (int i = n - 1; i >= 0; i--)
	{
		path[i + 1].weight += one * path[i].weight * QUOTIENT(i, n);
		path[i].weight = zero * path[i].weight * QUOTIENT(n - i - 1, n);
	}
}

/* Take step "at" out of a path whose last step is n. */
static void
Unwind(PathStep *path, int n, int at)
{
	double		one = path[at].one,
				zero = path[at].zero,
				next = path[n].weight;

	for (int i = n - 1; i >= 0; i--)
	{
		if (one != 0)
		{
			double		weight = path[i].weight;

			path[i].weight = next * QUOTIENT(n, i);
			next = weight - path[i].weight * zero * QUOTIENT(n - i - 1, n);
		}
		else
			path[i].weight = path[i].weight * QUOTIENT(n, n - i - 1) / zero;
	}
	for (int i = at; i < n; i++)
	{
		path[i].column = path[i + 1].column;
		path[i].zero = path[i + 1].zero;
		path[i].one = path[i + 1].one;
	}
}

/* The weights that would be left without step "at", added up. */
static double
UnwoundSum(const PathStep *path, int n, int at)
{
	double		one = path[at].one,
				zero = path[at].zero,
				next = path[n].weight,
				total = 0;

	for (int i = n - 1; i >= 0; i--)
	{
		if (one != 0)
		{
			double		weight = next * QUOTIENT(n, i);

			total += weight;
			next = path[i].weight - weight * zero * QUOTIENT(n - i - 1, n);
		}
		else
			total += path[i].weight * QUOTIENT(n, n - i - 1);
	}
	return one != 0 ? total : total / zero;
}

/* The share of a split's rows that go left. */
static double
LeftShare(const CsTreeNode *node, const CsTreeNote *notes)
{
	double		left = notes[node->left].cover,
				right = notes[node->left + 1].cover;

	return left + right > 0 ? left / (left + right) : 0.5;
}

/*
 * Go through the tree from a node, to which "path" of n steps leads, and a further step.  A node has
 * room behind the path for a path of its own.
 */
static void
Descend(const Explanation *e, int at, const PathStep *parent, int n, double zero, double one, int column)
{
	PathStep   *path = unconstify(PathStep *, parent) + n + 1;
	const CsTreeNode *node = &e->nodes[at];
	double		left_share,
				known_zero = 1,
				known_one = 1;
	float		value;
	bool		left;

	CHECK_FOR_INTERRUPTS();
	memcpy(path, parent, sizeof(PathStep) * n);
	Extend(path, n, zero, one, column);
	if (node->step == 0)
	{
		for (int i = 1; i <= n; i++)
			e->contributions[path[i].column] += e->factor * node->threshold *
				UnwoundSum(path, n, i) * (path[i].one - path[i].zero);
		return;
	}
	value = (float) e->x[node->column];
	left = isnan(value) ? node->missing_left : value < node->threshold;
	left_share = LeftShare(node, e->notes);
	for (int i = 1; i <= n; i++)
		if (path[i].column == node->column)
		{
			known_zero = path[i].zero;
			known_one = path[i].one;
			Unwind(path, n, i);
			n--;
			break;
		}
	/* a share of 0 is of no row, and goes nowhere */
	if (left_share > 0 || left)
		Descend(e, node->left, path, n + 1, Max(left_share, 1e-300) * known_zero, left ? known_one : 0, node->column);
	if (left_share < 1 || !left)
		Descend(e, node->left + 1, path, n + 1, Max(1 - left_share, 1e-300) * known_zero, left ? 0 : known_one,
				node->column);
}

/* What a tree says of a row of which nothing is known. */
static double
MeanOfTree(const CsTreeNode *nodes, const CsTreeNote *notes, int at)
{
	const CsTreeNode *node = &nodes[at];
	double		share;

	if (node->step == 0)
		return node->threshold;
	share = LeftShare(node, notes);
	return share * MeanOfTree(nodes, notes, node->left) + (1 - share) * MeanOfTree(nodes, notes, node->left + 1);
}

/* What the trees of a model say together of a row of which nothing is known. */
double
CsValueModelMean(const CsValueModel *m)
{
	double		sum = 0;

	for (int t = 0; t < m->ntrees; t++)
		sum += MeanOfTree(CsValueNodes(m), CsValueNotes(m), CsValueRoots(m)[t]);
	return m->form == CS_VALUE_MEAN ? sum / m->ntrees : sum;
}

/* Work the quotients out, once. */
static void
FillQuotients(void)
{
	if (quotients[0] != 0)
		return;
	/* the first one comes last, and tells that all are there */
	for (int i = QUOTIENTS * QUOTIENTS - 1; i >= 0; i--)
		quotients[i] = (double) (i % QUOTIENTS + 1) / (i / QUOTIENTS + 1);
}

/* The contributions of a model of trees. */
static void
ExplainTrees(const CsValueModel *m, const double *x, double *contributions, double *base)
{
	Explanation e = {.nodes = CsValueNodes(m),.notes = CsValueNotes(m),.x = x,.contributions = contributions};
	int			deepest = 0;
	PathStep   *paths;

	FillQuotients();
	e.factor = m->form == CS_VALUE_MEAN ? 1.0 / m->ntrees : 1;
	*base = m->base + m->at_means;
	for (int t = 0; t < m->ntrees; t++)
		deepest = Max(deepest, CsValueDepths(m)[t]);
	/* a path of each length, each in its own room */
	paths = palloc(sizeof(PathStep) * ((Size) deepest + 3) * ((Size) deepest + 4));
	for (int t = 0; t < m->ntrees; t++)
		Descend(&e, CsValueRoots(m)[t], paths, 0, 1, 1, -1);
	pfree(paths);
}

/*
 * What each column contributes to what a model says of a row in model space: contributions[ncolumns],
 * which with *base, what the model says of a row of which nothing is known, add up to it.
 */
void
CsValueModelExplain(const CsValueModel *m, const double *x, double *contributions, double *base)
{
	memset(contributions, 0, sizeof(double) * m->ncolumns);
	if (m->form != CS_VALUE_LINEAR)
	{
		ExplainTrees(m, x, contributions, base);
		return;
	}
	*base = m->at_means;
	for (int j = 0; j < m->ncolumns; j++)
		contributions[j] = CsValueCoefficients(m)[j] * (x[j] - CsValueMeans(m)[j]);
}
