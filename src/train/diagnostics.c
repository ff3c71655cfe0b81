/*
 * diagnostics.c
 *	  What only a training knows, for people who ask later why a model is as it is: the numbers of segments
 *	  that were tried, the highest merges of a hierarchy, the curve that eps was read from, and how the
 *	  variance of the prepared features is spread over principal components.
 *
 * All of it but the latter falls off anyway.  Components are those of "pca" in prep where that was asked
 * for; else their variances are computed from a sample of the rows, where there are not so many columns
 * that it would take long.
 */
#include "custseg.h"

#include "life/diagnostics.h"
#include "math/math.h"
#include "stat/stat.h"
#include "train/choice.h"

/* Rows from which the variances of components are computed, and their products at most; the most columns. */
#define SCREE_ROWS 5000
#define SCREE_PRODUCTS 6000000
#define SCREE_COLUMNS 60

/* Take the variances of the components that the preparation keeps. */
static void
TakeComponents(CsTraining *t)
{
	const CsPipeline *p = t->pipeline;

	t->scree.n = Min(p->ncomponents, CS_DIAGNOSTIC_POINTS);
	t->scree.variance = CsPipelineAt(p, double, p->pca_variance_offset);
	t->scree.total = p->pca_total_variance;
}

/* Compute the variances of all components of some rows in model space. */
static void
ComputeComponents(CsTraining *t, CsTeam *team, const CsMatrix *rows)
{
	CsCovariance covariance = CsCovarianceOfRows(team, NULL, rows);
	int			d = covariance.d;

	for (int j = 0; j < d; j++)
		t->scree.total += covariance.values[(Size) j * d + j];
	if (!isfinite(t->scree.total) || t->scree.total <= 0)
		return;
	t->scree.variance = palloc(sizeof(double) * d);
	if (CsSymmetricEigenvalues(d, covariance.values, t->scree.variance))
		t->scree.n = d;
}

/*
 * Find the variances of the principal components of the prepared features; none where they are not
 * numbers that were prepared to be compared, or too many, or where memory is short, for the model does not
 * need them.
 */
void
CsTrainingScree(CsTraining *t, CsTeam *team)
{
	CsMatrix   *rows = t->matrix;
	int			d = t->matrix->ncolumns;
	int64		used = Min(t->matrix->nrows, Min(SCREE_ROWS, SCREE_PRODUCTS / Max((int64) d * d, 1)));
	Size		size = mul_size(mul_size(sizeof(double), used + CS_BLOCK_ROWS), d);

	if (t->pipeline->ncomponents > 0)
	{
		TakeComponents(t);
		return;
	}
	if (t->algorithm->is_given || d > SCREE_COLUMNS || used < 2 || size > CsArenaLeft(t->arena))
		return;
	if (used < t->matrix->nrows)
	{
		int64	   *sample = CsSampleRows(t->matrix->nrows, used, (uint64) t->common->seed, &used);

		rows = CsMatrixOfRows(t->arena, t->matrix, sample, used);
		pfree(sample);
	}
	ComputeComponents(t, team, rows);
	if (rows != t->matrix)
		CsMatrixFree(rows, t->arena);
}

/* The numbers of segments that were tried, or null. */
static void
WriteChoice(JsonbParseState **json, const CsChoice *choice)
{
	CsValue		point[CS_CANDIDATE_VALUES];

	if (!CsDiagnosticOpen(json, CS_DIAGNOSTIC_CHOOSE_K, choice == NULL ? 0 : choice->n))
		return;
	for (int i = 0; i < choice->n; i++)
	{
		CsCandidateValues(choice, i, point);
		CsDiagnosticPut(json, CS_DIAGNOSTIC_CHOOSE_K, point, lengthof(point));
	}
	(void) CsJsonEnd(json);
}

/* The highest merges, or null. */
static void
WriteMerges(JsonbParseState **json, const CsFitOutput *fit)
{
	if (!CsDiagnosticOpen(json, CS_DIAGNOSTIC_MERGES, fit->nmerges))
		return;
	for (int i = 0; i < fit->nmerges; i++)
	{
		const CsMerge *merge = &fit->merges[i];

		CsDiagnosticPut(json, CS_DIAGNOSTIC_MERGES,
						CsValues(CsValueInt4(fit->first_merge + i + 1), CsValueInt4(merge->first),
								 CsValueInt4(merge->second), CsValueFloat8(merge->height),
								 CsValueInt8(merge->rows)));
	}
	(void) CsJsonEnd(json);
}

/* Points of the curve that eps was read from, or null. */
static void
WriteDistances(JsonbParseState **json, const CsFitOutput *fit)
{
	if (!CsDiagnosticOpen(json, CS_DIAGNOSTIC_K_DISTANCE, fit->ndistances))
		return;
	for (int i = 0; i < fit->ndistances; i++)
	{
		const CsDistancePoint *point = &fit->distances[i];

		CsDiagnosticPut(json, CS_DIAGNOSTIC_K_DISTANCE,
						CsValues(CsValueInt8(point->n), CsValueFloat8(point->share),
								 CsValueFloat8(point->distance), CsValueBool(point->is_knee)));
	}
	(void) CsJsonEnd(json);
}

/* The variances of the components, or null. */
static void
WriteScree(JsonbParseState **json, const CsScree *scree)
{
	double		sum = 0;

	if (!CsDiagnosticOpen(json, CS_DIAGNOSTIC_SCREE, scree->n))
		return;
	for (int i = 0; i < scree->n; i++)
	{
		sum += scree->variance[i];
		CsDiagnosticPut(json, CS_DIAGNOSTIC_SCREE,
						CsValues(CsValueText(psprintf("PC%d", i + 1)), CsValueFloat8(scree->variance[i]),
								 CsValueFloat8(Min(scree->variance[i] / scree->total, 1)),
								 CsValueFloat8(Min(sum / scree->total, 1))));
	}
	(void) CsJsonEnd(json);
}

/* All of it as jsonb, palloc'd; see life/diagnostics.h. */
Jsonb *
CsTrainingDiagnostics(const CsTraining *t)
{
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	WriteChoice(&json, t->choice);
	WriteMerges(&json, &t->fit);
	WriteDistances(&json, &t->fit);
	WriteScree(&json, &t->scree);
	return CsJsonFinish(&json);
}
