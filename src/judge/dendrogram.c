/*
 * dendrogram.c
 *	  custseg.dendrogram(): the table of merges of a hierarchical clustering, without a model.
 *
 * Rows are read and prepared as a training does it, and the tree is the one that train() cuts; so
 * the heights tell where a cut would be natural.  Its columns are those of SciPy's linkage matrix.
 */
#include "custseg.h"

#include "algo/hierarchical.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "progress.h"
#include "train/train.h"

/* Positions of dendrogram()'s arguments. */
enum
{
	ARG_SOURCE, ARG_FEATURES, ARG_LINKAGE, ARG_ID, ARG_PREP, ARG_OPTIONS
};

PG_FUNCTION_INFO_V1(custseg_dendrogram);

/* The linkage of that name, or an error that lists the linkages. */
static CsLinkage
FindLinkage(const char *name)
{
	StringInfoData known;

	for (int i = 0; CsLinkageNames[i] != NULL; i++)
		if (strcmp(CsLinkageNames[i], name) == 0)
			return i;
	initStringInfo(&known);
	for (int i = 0; CsLinkageNames[i] != NULL; i++)
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", CsLinkageNames[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized linkage \"%s\"", name),
			 errhint("Linkages are: %s.", known.data)));
	return CS_LINKAGE_WARD;		/* keep the compiler quiet */
}

/*
 * The arguments; options are those of the algorithm, except for the linkage, which is an argument.
 */
static CsRequest
ReadArguments(FunctionCallInfo fcinfo, HierarchicalOptions *options)
{
	CsRequest	request = {.command = "custseg.dendrogram()", .algorithm = &CsHierarchical};

	request.source = CsRequiredText(fcinfo, ARG_SOURCE, "source");
	CsOptionsArgument(fcinfo, ARG_OPTIONS, CsHierarchicalOptions, HIERARCHICAL_NOPTIONS - 1, options);
	options->linkage = FindLinkage(CsRequiredText(fcinfo, ARG_LINKAGE, "linkage"));
	request.options = options;
	request.by_passes = true;
	request.features = CsArrayArgument(fcinfo, ARG_FEATURES);
	request.id = CsTextArgument(fcinfo, ARG_ID);
	request.prep = CsJsonbArgument(fcinfo, ARG_PREP);
	return request;
}

/* The tree of the prepared rows. */
static CsTree *
MakeTree(const CsTraining *t, CsTeam *team)
{
	CsFitInput	in = {
		.team = team,
		.matrix = t->matrix,
		.weights = t->weights,
		.options = t->options,
		.memory_left = CsArenaLeft(t->arena)
	};

	return CsTreeMake(&in);
}

/* One row for each merge. */
static void
PutMerges(CsResult *result, const CsTree *tree)
{
	for (int i = 0; i < tree->leaves.n - 1; i++)
	{
		const CsMerge *merge = &tree->merges[i];

		CsCheckInterrupts(i);
		CsResultPut(result, CsValues(CsValueInt4(i + 1), CsValueInt4(merge->first),
									 CsValueInt4(merge->second), CsValueFloat8(merge->height),
									 CsValueInt8(merge->rows)));
	}
}

/* dendrogram(source, features, linkage, id, prep, options): one row for each merge, by height */
Datum
custseg_dendrogram(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	HierarchicalOptions options = {0};
	CsRequest	request = ReadArguments(fcinfo, &options);
	CsTraining *t;
	CsTeam	   *team;
	CsTree	   *tree;

	t = CsTrainingOpen(&request);
	team = CsTrainingPrepare(t);
	CsProgressPhase(CS_PHASE_SEEDING);
	tree = MakeTree(t, team);
	CsTeamEnd(team);
	if (tree->note != NULL)
		ereport(NOTICE,
				(errmsg_internal("%s", tree->note),
				 errdetail("Clusters below %d are micro-clusters, not rows.", tree->leaves.n)));
	PutMerges(result, tree);
	CsTrainingClose(t);
	return (Datum) 0;
}
