/*
 * hand_on.c
 *	  Statements whose aggregates other servers compute, whatever the planner would rather do.
 *
 * PostgreSQL hands an aggregate over a foreign table on where it takes this to be cheaper than fetching the rows.  Of a
 * table that was empty or small when it was analyzed, and where nearly each row is a group, it finds no difference, and
 * fetches rows; the table may have grown since.  So while a statement is planned, a path by which postgres_fdw computes
 * an aggregate is the only one that counts, where there is one.
 */
#include "custseg.h"

#include "data/fetch.h"
#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"

/* The hook of somebody else, once ours stands before it; and how many statements want aggregates handed on. */
static create_upper_paths_hook_type previous;
static bool is_installed;
static int	wanted;

/* Are the rows of a relation that is scanned, or joined by another server, of postgres_fdw? */
static bool
IsRemote(PlannerInfo *root, const RelOptInfo *scanned)
{
	int			first = bms_next_member(scanned->relids, -1);

	return scanned->fdwroutine != NULL && first > 0 && CsIsOnAnotherServer(planner_rt_fetch(first, root)->relid);
}

/*
 * create_upper_paths_hook: ask postgres_fdw once more for its path of an aggregate, beside no others; these are kept only
 * where it has none.
 */
static void
PreferRemote(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input, RelOptInfo *output, void *extra)
{
	List	   *others;

	if (previous != NULL)
		previous(root, stage, input, output, extra);
	if (wanted == 0 || stage != UPPERREL_GROUP_AGG || output->fdwroutine == NULL || !IsRemote(root, input))
		return;
	others = output->pathlist;
	output->pathlist = NIL;
	/* where this is set it has been asked, and says no more */
	output->fdw_private = NULL;
	output->fdwroutine->GetForeignUpperPaths(root, stage, input, output, extra);
	if (output->pathlist == NIL)
		output->pathlist = others;
}

/* Aggregates of all that is planned from now on are handed on, until CsHandOnEnd(), which an error must not skip. */
void
CsHandOnBegin(void)
{
	if (!is_installed)
	{
		previous = create_upper_paths_hook;
		create_upper_paths_hook = PreferRemote;
		is_installed = true;
	}
	wanted++;
}

void
CsHandOnEnd(void)
{
	wanted--;
}
