/*
 * registry.c
 *	  The algorithms by name, and the tasks of all rooms by number.
 */
#include "custseg.h"

#include "algo/algo.h"
#include "algo/dbscan.h"
#include "algo/gmm.h"
#include "algo/hdbscan.h"
#include "algo/hierarchical.h"
#include "algo/kmeans.h"
#include "algo/neighbors.h"
#include "algo/tree.h"
#include "lib/stringinfo.h"
#include "model/model.h"
#include "prep/prep.h"
#include "stat/null.h"
#include "stat/stat.h"

static const CsAlgorithm *const algorithms[] = {
	&CsKmeans,
	&CsMinibatch,
	&CsGmm,
	&CsHierarchical,
	&CsDbscan,
	&CsHdbscan,
	&CsRules,
	&CsTreeAlgorithm,
};

const CsTaskFunction CsTaskFunctions[CS_NTASKS] = {
	[CS_TASK_PREP_FIT_COLUMN] = CsPrepFitColumnTask,
	[CS_TASK_PREP_APPLY] = CsPrepApplyTask,
	[CS_TASK_PREP_COVARIANCE] = CsPrepCovarianceTask,
	[CS_TASK_MOMENTS] = CsMomentsTask,
	[CS_TASK_KMEANS_MOMENTS] = CsKmeansMomentsTask,
	[CS_TASK_KMEANS_SEED] = CsKmeansSeedTask,
	[CS_TASK_KMEANS_ASSIGN] = CsKmeansAssignTask,
	[CS_TASK_KMEANS_INERTIA] = CsKmeansInertiaTask,
	[CS_TASK_HDBSCAN_CORE] = CsHdbscanCoreTask,
	[CS_TASK_HDBSCAN_NEAREST] = CsHdbscanNearestTask,
	[CS_TASK_K_DISTANCE] = CsKDistanceTask,
	[CS_TASK_DBSCAN_CORE] = CsDbscanCoreTask,
	[CS_TASK_DBSCAN_JOIN] = CsDbscanJoinTask,
	[CS_TASK_DBSCAN_BORDER] = CsDbscanBorderTask,
	[CS_TASK_DBSCAN_DUPLICATE] = CsDbscanDuplicateTask,
	[CS_TASK_LINKAGE_SCAN] = CsLinkageScanTask,
	[CS_TASK_GMM_NEAREST] = CsGmmNearestTask,
	[CS_TASK_GMM_PASS] = CsGmmPassTask,
	[CS_TASK_TREE_SORT] = CsTreeSortTask,
	[CS_TASK_TREE_LEVEL] = CsTreeLevelTask,
	[CS_TASK_SILHOUETTE] = CsSilhouetteTask,
	[CS_TASK_REFERENCE] = CsReferenceTask,
	[CS_TASK_HOPKINS] = CsHopkinsTask,
	[CS_TASK_PROFILE] = CsProfileTask,
};

/* The algorithm of that name, or NULL. */
const CsAlgorithm *
CsAlgorithmLookup(const char *name)
{
	for (int i = 0; i < lengthof(algorithms); i++)
		if (strcmp(algorithms[i]->name, name) == 0)
			return algorithms[i];
	return NULL;
}

/* The algorithm at that place of the list, or NULL past its end. */
const CsAlgorithm *
CsAlgorithmAt(int i)
{
	return i < lengthof(algorithms) ? algorithms[i] : NULL;
}

/* The algorithm of that name, or an error that lists those there are. */
const CsAlgorithm *
CsAlgorithmFind(const char *name)
{
	const CsAlgorithm *algorithm = CsAlgorithmLookup(name);
	StringInfoData known;

	if (algorithm != NULL)
		return algorithm;
	initStringInfo(&known);
	for (int i = 0; i < lengthof(algorithms); i++)
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", algorithms[i]->name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized algorithm \"%s\"", name),
			 errhint("Algorithms are: %s.", known.data)));
	return NULL;				/* keep the compiler quiet */
}

/* See algo.h. */
const CsAlgorithm *
CsClusteringFind(const char *name)
{
	const CsAlgorithm *algorithm = CsAlgorithmFind(name);

	if (algorithm->is_given)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("algorithm \"%s\" finds no segments, they are given", name),
				 errhint("Train a model with it, and judge that with custseg.evaluate().")));
	return algorithm;
}
