/*
 * scoring.c
 *	  The placing of customers by a scorer: one whose values are at hand, or many whose columns are.
 *
 * Values are prepared by the scorer's pipeline and placed by its algorithm's rule, in each case the same ones.  Models that
 * are plain have a faster way for one customer (plain.c), and algorithms may have one for many, with the same results.
 */
#include "custseg.h"

#include "miscadmin.h"
#include "score/score.h"

/* Prepared values that are held at once where many customers are placed. */
#define PLACED_VALUES 65536

/* Take a scorer, which must outlive s, and allocate the room for one customer in "context". */
void
CsScoringInit(CsScoring *s, const CsScorer *scorer, MemoryContext context)
{
	const CsPipeline *p = CsScorerPipeline(scorer);

	s->raw = MemoryContextAllocZero(context, sizeof(double) * TYPEALIGN(8, p->nfeatures));
	s->z = MemoryContextAllocZero(context, sizeof(double) * TYPEALIGN(8, p->noutputs));
	s->work = MemoryContextAllocZero(context, sizeof(double) * Max(CsPipelineWork(p, 1), 1));
	s->scorer = scorer;
	s->plain = NULL;
	if (scorer->nsegments == 0)
		return;
	s->algorithm = CsAlgorithmFind(NameStr(scorer->algorithm));
	s->fitted = CsScorerFitted(scorer);
	s->plain = CsPlainScoringOf(s, context);
}

/* Place a customer that the pipeline has prepared. */
static inline bool
Assign(CsScoring *s, CsAssignment *result, double *memberships)
{
	if (s->algorithm->assign == NULL)
		return CsAssignNearest(&s->fitted, s->z, result, memberships);
	return s->algorithm->assign(&s->fitted, s->z, result, memberships);
}

/* CsScoringPlace() that returns false, too, when a value is missing whose impute is error. */
bool
CsScoringTry(CsScoring *s, CsAssignment *result, double *memberships)
{
	return CsPipelineApply(CsScorerPipeline(s->scorer), s->raw, 1, 1, s->z, 1, s->work) &&
		Assign(s, result, memberships);
}

/* Prepare the customer whose raw values are in s->raw.  False where one is missing, or an error where that is to be one. */
static bool
Prepare(CsScoring *s)
{
	if (CsPipelineApply(CsScorerPipeline(s->scorer), s->raw, 1, 1, s->z, 1, s->work))
		return true;
	CsPipelineCheckMissing(CsScorerPipeline(s->scorer), s->raw, NameStr(s->scorer->model));
	return false;
}

/*
 * Place the customer whose raw values are in s->raw: apply the pipeline and the algorithm's rule
 * (CsAlgorithm.assign, which "memberships" is for).  Returns false when the customer cannot be
 * placed; a missing value whose impute is error raises an error.
 */
bool
CsScoringPlace(CsScoring *s, CsAssignment *result, double *memberships)
{
	return Prepare(s) && Assign(s, result, memberships);
}

/* The index of the segment of a customer that the pipeline has prepared; -1: it cannot be placed. */
static inline int
PlacePrepared(CsScoring *s)
{
	CsAssignment placed;

	if (s->algorithm->place != NULL)
		return s->algorithm->place(&s->fitted, s->z);
	return Assign(s, &placed, NULL) ? placed.index : -1;
}

/* The index of the segment of that customer, -1 where CsScoringPlace() returns false; an error where it raises one. */
int
CsScoringSegment(CsScoring *s)
{
	int			index = s->plain != NULL ? CsPlainScoringSegment(s) : -1;

	if (likely(index >= 0))
		return index;
	return Prepare(s) ? PlacePrepared(s) : -1;
}

/* Place prepared customers, whose values are "stride" apart. */
static void
AssignRows(CsScoring *s, const double *z, int stride, int nrows, int32 *segments)
{
	int			ncolumns = s->scorer->ncolumns;

	if (s->algorithm->place_rows != NULL && s->algorithm->places_rows(&s->fitted, nrows))
	{
		s->algorithm->place_rows(&s->fitted, z, stride, nrows, segments);
		return;
	}
	if (s->algorithm->place == NULL && s->algorithm->assign == NULL)
	{
		CsPlaceNearest(&s->fitted, z, stride, nrows, segments);
		return;
	}
	for (int r = 0; r < nrows; r++)
	{
		for (int j = 0; j < ncolumns; j++)
			s->z[j] = z[(Size) j * stride + r];
		segments[r] = PlacePrepared(s);
	}
}

/* Place customers one by one, among whom are some that cannot be placed. */
static void
TryRows(CsScoring *s, const double *raw, int stride, int nrows, int32 *segments)
{
	int			nfeatures = CsScorerPipeline(s->scorer)->nfeatures;
	CsAssignment placed;

	for (int r = 0; r < nrows; r++)
	{
		for (int j = 0; j < nfeatures; j++)
			s->raw[j] = raw[(Size) j * stride + r];
		segments[r] = CsScoringTry(s, &placed, NULL) ? placed.index : -1;
	}
}

/*
 * Place customers, value j of whom are at raw[j * stride], as CsScoringTry() does.  OUT segments: the index
 * of each one's segment; -1: the customer cannot be placed.
 */
void
CsScoringPlaceRows(CsScoring *s, const double *raw, int stride, int nrows, int32 *segments)
{
	const CsPipeline *p = CsScorerPipeline(s->scorer);
	int			most = Max(Min(nrows, PLACED_VALUES / p->noutputs), 1);
	double	   *z = palloc(mul_size(sizeof(double) * most, p->noutputs));
	double	   *work = palloc(mul_size(sizeof(double), Max(CsPipelineWork(p, most), 1)));

	for (int first = 0; first < nrows; first += most)
	{
		int			n = Min(most, nrows - first);

		CHECK_FOR_INTERRUPTS();
		if (CsPipelineApply(p, raw + first, stride, n, z, most, work))
			AssignRows(s, z, most, n, segments + first);
		else
			TryRows(s, raw + first, stride, n, segments + first);
	}
	pfree(work);
	pfree(z);
}
