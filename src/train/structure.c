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

/* A sample of so many rows of t->matrix, or the matrix itself where it has no more; palloc'd. */
static CsMatrix *
SampleOfRows(CsTraining *t, int64 sample)
{
	int64		used;
	int64	   *rows;
	CsMatrix   *few;

	if (t->matrix->nrows <= sample)
		return t->matrix;
	rows = CsSampleRows(t->matrix->nrows, sample, (uint64) t->common->seed, &used);
	few = CsMatrixOfRows(t->arena, t->matrix, rows, used);
	pfree(rows);
	return few;
}

/* A context for what the fits palloc, which becomes the current one; OUT old. */
static MemoryContext
OpenScratch(MemoryContext *old)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "custseg structure", ALLOCSET_DEFAULT_SIZES);

	*old = MemoryContextSwitchTo(scratch);
	return scratch;
}

/*
 * Are there groups in the rows of t->matrix?  Looks at a sample of so many rows, and at so many sets of
 * rows without groups at most.
 */
CsStructure
CsTrainingStructure(CsTraining *t, CsTeam *team, int64 sample, int references)
{
	MemoryContext old,
				scratch = OpenScratch(&old);
	CsMatrix   *few;
	CsStructure s;

	CsProgressPhase(CS_PHASE_SCORING);
	CsProgressHold(true);
	few = SampleOfRows(t, sample);
	s = CsStructureExamine(team, few, CategoryColumns(t->pipeline), (uint64) t->common->seed, references);
	if (few != t->matrix)
		CsMatrixFree(few, t->arena);
	CsProgressHold(false);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return s;
}

/*
 * A glance at whether segments of a number that was asked for can be groups: by few references, or none,
 * because many take far longer than a training.  Palloc'd; the glance itself begins with
 * CsTrainingGlanceBegin().
 */
CsTrainingGlance *
CsTrainingGlanceOpen(CsTraining *t, CsTeam *team)
{
	CsTrainingGlance *g = palloc0(sizeof(CsTrainingGlance));

	g->training = t;
	g->team = team;
	return g;
}

/* Draw the rows and begin the CsTrainingGlance, by this process alone: the team may be at work. */
void
CsTrainingGlanceBegin(void *glance)
{
	CsTrainingGlance *g = glance;
	CsTraining *t = g->training;
	MemoryContext old;

	g->scratch = OpenScratch(&old);
	CsProgressPhase(CS_PHASE_SCORING);
	CsProgressHold(true);
	g->rows = SampleOfRows(t, CS_STRUCTURE_ROWS);
	g->glance = CsGlanceBegin(g->team, g->rows, CategoryColumns(t->pipeline), (uint64) t->common->seed, t->k);
	CsProgressHold(false);
	MemoryContextSwitchTo(old);
}

/* End the glance, by the team where more has to be looked at: t->structure. */
void
CsTrainingGlanceEnd(CsTrainingGlance *g)
{
	CsTraining *t = g->training;
	MemoryContext old = MemoryContextSwitchTo(g->scratch);

	CsProgressHold(true);
	t->structure = CsGlanceEnd(g->glance);
	if (g->rows != t->matrix)
		CsMatrixFree(g->rows, t->arena);
	CsProgressHold(false);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(g->scratch);
	pfree(g);
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
