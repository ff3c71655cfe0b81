/*
 * outliers_passes.c
 *	  Outliers among more rows on other servers than fit into memory: the farthest ones are found where they are.
 *
 *	 survey			rows and ranges
 *	 moments		means, about which the next pass is exact
 *	 powers			means and standard deviations
 *	 orders			quartiles, by as many passes as it takes
 *	 complete		the covariance of the rows that lack nothing, once more where these lie together and far from the others
 *	 outliers		the hashes of the ids of the rows that are farthest off
 *
 * Then these rows, and no others, are fetched.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "call/call.h"
#include "data/fetch.h"
#include "dist/dist.h"
#include "explore/explore.h"
#include "stat/describe.h"
#include "stat/outlier_pass.h"

/* Do the rows fit into memory, with what is made of them? */
static bool
FitsMemory(const CsLook *look)
{
	CsPass	   *pass = CsPassOpen(look->relation);
	CsFetched	fetched;
	ListCell   *cell;

	for (int i = 0; i < look->ncolumns; i++)
		(void) CsPassColumn(pass, &look->columns[i].column);
	foreach(cell, look->id)
		(void) CsPassColumn(pass, lfirst(cell));
	fetched = CsRelationFetched(look->relation, pass->columns.columns, pass->columns.ncolumns);
	/* values are kept twice while they grow, and one column is sorted */
	return !OidIsValid(fetched.relid) ||
		Max(fetched.bytes, fetched.nrows * sizeof(double) * (2 * look->ncolumns + 2)) <= (double) CsMemoryLimit();
}

/* Find the fences of all numbers. */
static void
FindFences(CsStudy *study, double iqr_factor, CsOutlierLimits *l)
{
	bool		is_asked;

	do
	{
		is_asked = false;
		for (int j = 0; j < l->d; j++)
		{
			CsOrder    *order = study->column[j].order;
			double		first,
						third;
			bool		is_known;

			if (order->n == 0)
				continue;
			is_known = CsOrderQuantile(order, 0.25, &first);
			is_known &= CsOrderQuantile(order, 0.75, &third);
			if (is_known)
				CsTukeyFences(first, third, iqr_factor, &l->low[j], &l->high[j]);
			is_asked |= !is_known;
		}
	} while (is_asked && CsStudyAnswer(study));
}

/* Sum up the rows that lack nothing about middles, by a pass. */
static CsTallyRun
SumComplete(const CsStudy *study, int d, const double *middle, const double *reach)
{
	JsonbParseState *json = NULL;

	CsStudyBegin(study, false, NULL, &json);
	CsCompletePlan(&json, d, middle, reach, study->nrows);
	return CsStudyRun(study, &json);
}

/* Find the law of the rows that lack nothing, by one pass or two. */
static CsMahalanobis
FindLaw(const CsLook *look, CsStudy *study)
{
	double	   *middle = palloc0(sizeof(double) * look->ncolumns);
	double	   *reach = palloc0(sizeof(double) * look->ncolumns);
	CsTallyRun	run;

	for (int j = 0; j < look->ncolumns; j++)
	{
		const CsStudyColumn *s = &study->column[j];

		if (look->columns[j].n == 0)
			continue;
		middle[s->at] = Max(Min(s->moments.mean, s->highest), s->lowest);
		reach[s->at] = Min(Max(s->highest - middle[s->at], middle[s->at] - s->lowest), DBL_MAX);
	}
	run = SumComplete(study, look->ncolumns, middle, reach);
	if (CsCompleteIsBlurred(run.pass, &run.pass->parts[0], run.state, study->nrows, middle, reach))
		run = SumComplete(study, look->ncolumns, middle, reach);
	return CsCompleteRead(run.pass, &run.pass->parts[0], run.state);
}

/* Find what rows are held against. */
static void
FindLimits(CsLook *look, CsStudy *study, double iqr_factor, CsOutlierLimits *l)
{
	CsLookMomentsByPasses(look, study);
	for (int j = 0; j < l->d; j++)
	{
		l->low[j] = -DBL_MAX;
		l->high[j] = DBL_MAX;
		if (look->columns[j].n == 0)
			continue;
		l->moments[j] = look->columns[j].moments;
		l->spread[j] = CsMomentsSpread(&l->moments[j], 1);
		/* of one value it is not defined, and nothing is beyond it */
		l->spread[j] = isfinite(l->spread[j]) ? l->spread[j] : DBL_MAX;
	}
	FindFences(study, iqr_factor, l);
	for (int j = 0; j < l->d; j++)
	{
		l->low[j] = Max(l->low[j], -DBL_MAX);
		l->high[j] = Min(l->high[j], DBL_MAX);
	}
	l->law = FindLaw(look, study);
}

/* A look at the same columns of some rows in some places, of which nothing has been read: the look is made anew. */
static void
LookAtKeys(CsLook *look, const double *keys, int64 n, int nplaces)
{
	look->relation = CsRelationOfKeys(look->relation, look->id, keys, n, nplaces);
	look->nrows = 0;
	for (int j = 0; j < look->ncolumns; j++)
	{
		CsLookColumn *c = &look->columns[j];

		c->n = c->n_null = c->n_infinite = 0;
		memset(&c->moments, 0, sizeof(c->moments));
	}
}

/*
 * Find the outliers of a look among rows on other servers, if these do not fit into memory, and have it look at no others:
 * the "limit" farthest.  OUT what they are held against.  Returns false, with nothing done, where rows are to be read as they
 * are: they fit, nothing identifies them, or passes cannot read them.
 */
bool
CsOutliersByPasses(CsLook *look, double iqr_factor, int limit, CsOutlierLimits *limits)
{
	const char *number = look->id == NIL ? NULL : CsKeyNumber(look->relation, look->id);
	CsStudy    *study;
	JsonbParseState *json = NULL;
	CsTallyRun	run;
	double	   *keys;
	int64		n;

	if (number == NULL || FitsMemory(look) || (study = CsLookStudy(look)) == NULL)
		return false;
	FindLimits(look, study, iqr_factor, limits);
	appendStringInfo(&study->read.numbers, ", %s", number);
	study->read.nnumbers++;
	CsStudyBegin(study, false, NULL, &json);
	CsOutlierPlan(&json, limits, limit, study->read.nnumbers - 1);
	run = CsStudyRun(study, &json);
	keys = CsOutlierKeys(run.pass, &run.pass->parts[0], run.state, &n);
	LookAtKeys(look, keys, n, study->pieces->nstates);
	return true;
}
