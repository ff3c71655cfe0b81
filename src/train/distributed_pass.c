/*
 * distributed_pass.c
 *	  One pass of a training over its source: which columns it reads, how its plan begins, and its run.
 */
#include "custseg.h"

#include "miscadmin.h"
#include "progress.h"
#include "train/distributed_pass.h"
#include "utils/memutils.h"

/* Collect what passes read of a row. */
void
CsPassColumns(CsTraining *t)
{
	CsDistribution *d = t->distribution;
	List	   *id = t->id == NULL ? NIL : CsRelationIdColumns(t->relation, t->id, false);

	CsTallyColumnsInit(&d->columns);
	d->ntexts = 0;
	for (int i = 0; i < t->nfeatures; i++)
	{
		(void) CsTallyColumnsAdd(&d->columns, &t->features[i]);
		d->ntexts += t->features[i].converter.kind == CS_CATEGORICAL;
	}
	d->weight = t->common->weight == NULL ? -1 :
		CsTallyColumnsAdd(&d->columns, CsRelationColumn(t->relation, t->common->weight));
	d->key = id == NIL ? -1 : CsTallyColumnsAddKey(&d->columns, id, t->common->seed);
	if (t->predecessor != NULL)
	{
		ListCell   *cell;

		d->predecessor = palloc(sizeof(int) * list_length(t->predecessor->columns));
		foreach(cell, t->predecessor->columns)
			d->predecessor[foreach_current_index(cell)] =
				CsTallyColumnsAdd(&d->columns, CsRelationColumn(t->relation, lfirst(cell)));
	}
}

/* Begin a plan; the caller appends its parts and ends their array. */
void
CsPassBegin(const CsTraining *t, const CsPipeline *p, JsonbParseState **json)
{
	const CsDistribution *d = t->distribution;

	CsJsonObject(json, NULL);
	CsJsonInteger(json, "numbers", d->columns.nnumbers);
	CsJsonInteger(json, "levels", d->columns.nlevels);
	if (d->weight >= 0)
		CsJsonInteger(json, "weight", d->weight);
	for (int texts = 0; texts < 2; texts++)
	{
		int			at = 0;

		CsJsonArray(json, texts ? "skip_levels" : "skip_numbers");
		for (int i = 0; i < t->nfeatures; i++)
		{
			if ((t->features[i].converter.kind == CS_CATEGORICAL) != texts)
				continue;
			if (t->prep->columns[i].impute == CS_IMPUTE_SKIP && !t->keep_nulls)
				CsJsonInteger(json, NULL, at);
			at++;
		}
		(void) CsJsonEnd(json);
	}
	if (p != NULL)
		CsJsonJsonb(json, "pipeline", CsPipelineToJsonb(p));
	CsJsonArray(json, "parts");
}

/* Run a plan. */
CsTallyRun
CsPassRunPlan(CsTraining *t, Jsonb *plan)
{
	CsDistribution *d = t->distribution;

	CHECK_FOR_INTERRUPTS();
	CsProgressFit(0, 0, ++d->passes);
	return CsTallyExecute(d->pieces, &d->columns, plan);
}

/* Run a plan that has been begun. */
CsTallyRun
CsPassRun(CsTraining *t, JsonbParseState **json)
{
	return CsPassRunPlan(t, CsJsonFinish(json));
}

/* Memory of a pass: plans of many numbers take far more than what comes of them. */
MemoryContext
CsPassMemory(void)
{
	return AllocSetContextCreate(CurrentMemoryContext, "custseg pass", ALLOCSET_DEFAULT_SIZES);
}
