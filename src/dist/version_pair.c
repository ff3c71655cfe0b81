/*
 * version_pair.c
 *	  The rows of a source placed by two versions of a model where they are, side by side.
 *
 *	 survey			rows and ranges of the features of both
 *	 pairs			rows by their two segments; how far the farthest of each segment is
 *	 distances		sums of distances, for who asks for them
 *
 * Both versions travel with the plan.  Rows are counted as score/versions.c counts them, exactly.
 */
#include "custseg.h"

#include "call/call.h"
#include "dist/dist.h"
#include "score/overlap_pass.h"
#include "score/placed_pass.h"

/* Part of maintenance_work_mem that the counts of all pairs may take. */
#define SHARE_OF_COUNTS 8

/* Does nothing but the rows themselves do?  So it is with elements of vectors, and with very many pairs of segments. */
static bool
NeedsRows(const CsVersionPair *pair)
{
	const CsColumnSet *columns = &pair->pass->columns;
	double		npairs = (double) pair->side[0]->scoring.scorer->nsegments * pair->side[1]->scoring.scorer->nsegments;

	if (npairs < 1 || npairs * sizeof(int64) > (double) CsMemoryLimit() / SHARE_OF_COUNTS)
		return true;
	for (int i = 0; i < columns->ncolumns; i++)
		if (columns->columns[i].element > 0 || columns->columns[i].vector != NULL)
			return true;
	return false;
}

/* Study the features of both versions, each as its version reads it. */
static void
Study(CsVersionPasses *v, const CsPieces *pieces)
{
	const CsPass *pass = v->pair->pass;
	int			most = CsScorerPipeline(v->scorer[0])->nfeatures + CsScorerPipeline(v->scorer[1])->nfeatures;
	CsColumn   *columns = palloc(sizeof(CsColumn) * most);
	int			n = 0;

	for (int s = 0; s < 2; s++)
	{
		const CsPipeline *p = CsScorerPipeline(v->scorer[s]);

		v->column[s] = palloc(sizeof(int) * p->nfeatures);
		v->at[s] = palloc(sizeof(int) * p->nfeatures);
		for (int i = 0; i < p->nfeatures; i++)
		{
			columns[n] = pass->columns.columns[v->pair->side[s]->column[i]];
			columns[n].converter = CsFeatureConverter(&p->feature[i], &columns[n]);
			v->column[s][i] = n++;
		}
	}
	v->study = CsStudyOpen(pieces, columns, n, palloc0(sizeof(bool) * most));
	for (int s = 0; s < 2; s++)
		for (int i = 0; i < CsScorerPipeline(v->scorer[s])->nfeatures; i++)
			v->at[s][i] = v->study->column[v->column[s][i]].at;
}

/* Run a pass that places all rows by both versions, and with "pairs" counts them by both. */
static CsTallyRun
RunPair(const CsVersionPasses *v, bool pairs)
{
	JsonbParseState *json = NULL;

	CsStudyBegin(v->study, false, NULL, &json);
	CsPlacedPlan(&json, v->scorer[0], v->at[0], v->study->nrows, pairs ? -1 : v->farthest[0]);
	if (pairs)
		CsOverlapPlan(&json, v->scorer[1], v->scorer[0]->nsegments, v->at[1], true);
	CsPlacedPlan(&json, v->scorer[1], v->at[1], v->study->nrows, pairs ? -1 : v->farthest[1]);
	return CsStudyRun(v->study, &json);
}

/* The number of a segment of a side; of the index behind the last one, that of rows that it has not placed. */
static int32
NumberOf(const CsVersionPasses *v, int side, int index)
{
	return index == v->scorer[side]->nsegments ? CS_NO_SEGMENT : CsScorerSegments(v->scorer[side])[index].segment;
}

/* Count the rows of two segments. */
static void
AddPair(CsVersionPasses *v, int a, int b, int64 n)
{
	CsVersionPair *pair = v->pair;
	CsPairTable *counted;

	if (n < 0)
		CsTallyCountsChanged();
	if (n == 0)
		return;
	counted = CsPairTableAdd(pair->pairs, NumberOf(v, 0, a), NumberOf(v, 1, b), n);
	if (counted != pair->pairs)
		pfree(pair->pairs);
	pair->pairs = counted;
}

/* Count all rows by their two segments; whom only one of the versions has placed is what the other's segments lack. */
static void
CountPairs(CsVersionPasses *v, const int64 *rows)
{
	int			na = v->scorer[0]->nsegments,
				nb = v->scorer[1]->nsegments;
	int64	   *left = palloc(sizeof(int64) * nb);
	int64		neither = v->unplaced[0];

	memcpy(left, v->rows[1], sizeof(int64) * nb);
	for (int a = 0; a < na; a++)
	{
		int64		without = v->rows[0][a];

		for (int b = 0; b < nb; b++)
		{
			int64		n = rows[(Size) a * nb + b];

			AddPair(v, a, b, n);
			without -= n;
			left[b] -= n;
		}
		AddPair(v, a, nb, without);
	}
	for (int b = 0; b < nb; b++)
	{
		AddPair(v, na, b, left[b]);
		neither -= left[b];
	}
	AddPair(v, na, nb, neither);
	pfree(left);
}

/*
 * Count the pairs of a source whose rows are on other servers that can place them; palloc'd.  NULL where they are not, or
 * where the rows are to be read: nothing has been counted then.
 */
CsVersionPasses *
CsVersionPairByPasses(CsVersionPair *pair)
{
	const CsPieces *pieces = CsPiecesElsewhere(pair->pass->relation);
	CsVersionPasses *v;
	CsTallyRun	run;

	if (pieces == NULL || NeedsRows(pair))
		return NULL;
	v = palloc0(sizeof(CsVersionPasses));
	v->pair = pair;
	for (int s = 0; s < 2; s++)
	{
		v->scorer[s] = pair->side[s]->scoring.scorer;
		v->rows[s] = palloc(sizeof(int64) * v->scorer[s]->nsegments);
	}
	Study(v, pieces);
	run = RunPair(v, true);
	for (int s = 0; s < 2; s++)
		v->farthest[s] = CsPlacedRead(run.pass, &run.pass->parts[2 * s], run.state, v->rows[s], &v->unplaced[s]);
	CountPairs(v, CsOverlapRows(run.pass, &run.pass->parts[1], run.state));
	pair->pass->nrows = v->study->nrows;
	return v;
}

/* How far the rows of each segment of both versions are from its centre; palloc'd arrays. */
void
CsVersionPassesDistances(const CsVersionPasses *v, CsDistances *distances[2])
{
	CsTallyRun	run = RunPair(v, false);

	for (int s = 0; s < 2; s++)
	{
		distances[s] = palloc(sizeof(CsDistances) * v->scorer[s]->nsegments);
		CsPlacedDistances(run.pass, &run.pass->parts[s], run.state, distances[s]);
	}
}

/* Count the pairs of a source, by passes or by reading its rows. */
void
CsVersionPairRead(CsVersionPair *pair)
{
	if (CsVersionPairByPasses(pair) == NULL)
		(void) CsPassRead(pair->pass);
}
