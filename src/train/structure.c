/*
 * structure.c
 *	  Whether the rows of a training fall into groups, as all functions tell it.
 *
 * The answer is that of stat/structure.c for a seeded sample of the rows in model space.  It depends
 * on them and the seed alone: not on the algorithm, the number of segments or the weights.
 */
#include "custseg.h"

#include "progress.h"
#include "stat/stat.h"
#include "train/train.h"
#include "utils/memutils.h"

/* For each column of model space the first one of the category it belongs to, or -1; palloc'd. */
static int *
CategoryColumns(const CsPipeline *p)
{
	int		   *group = palloc(sizeof(int) * p->noutputs);

	for (int j = 0; j < p->noutputs; j++)
		group[j] = -1;
	for (int i = 0; i < p->nfeatures && p->ncomponents == 0; i++)
	{
		const CsFeature *f = &p->feature[i];

		if (f->kind != CS_CATEGORICAL || f->encode != CS_ENCODE_ONEHOT)
			continue;
		for (int j = 0; j < f->noutputs; j++)
			group[f->first_output + j] = f->first_output;
	}
	return group;
}

/* See CsTrainingStructure(); leaves what the fits palloc. */
static CsStructure
Judge(CsTraining *t, CsTeam *team, int64 sample, int references)
{
	uint64		seed = (uint64) t->common->seed;
	int		   *group = CategoryColumns(t->pipeline);
	CsMatrix   *few = t->matrix;
	CsStructure s;
	int64	   *rows;
	int64		used;

	if (t->matrix->nrows > sample)
	{
		rows = CsSampleRows(t->matrix->nrows, sample, seed, &used);
		few = CsMatrixOfRows(t->arena, t->matrix, rows, used);
		pfree(rows);
	}
	s = references == 0 ? CsStructureGlance(team, few, group, seed, t->k) :
		CsStructureExamine(team, few, group, seed, references);
	if (few != t->matrix)
		CsMatrixFree(few, t->arena);
	pfree(group);
	return s;
}

/*
 * Are there groups in the rows of t->matrix?  Looks at a sample of so many rows, and at so many sets of
 * rows without groups at most; with 0 it only glances at them.
 */
CsStructure
CsTrainingStructure(CsTraining *t, CsTeam *team, int64 sample, int references)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "custseg structure", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	CsStructure s;

	CsProgressPhase(CS_PHASE_SCORING);
	CsProgressHold(true);
	s = Judge(t, team, sample, references);
	CsProgressHold(false);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return s;
}

/* Say it when there are no groups. */
void
CsWarnAboutStructure(const CsStructure *s)
{
	if (CsNoGroups(s))
		ereport(NOTICE,
				(errmsg("the rows show no clear groups: their structure is rated \"%s\"",
						CsStructureName(s->rating)),
				 errdetail("%s", CsStructureSentence(s))));
}
