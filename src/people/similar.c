/*
 * similar.c
 *	  The customers who are most like one: similar_customers().
 *
 * They are the nearest in model space, by the distance between two customers: the square root of the sum of
 * squared differences, after the preparation of the model.  All customers of the source are compared, so the
 * result is exact (Fix and Hodges 1951).
 *
 * The customer is looked up first, by an index where there is one; then the source is read once.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "monitor/monitor.h"
#include "people/people.h"
#include "storage/shmem.h"

#define MOST_NEIGHBORS 10000

/* The arguments. */
enum
{
	SIMILAR_MODEL, SIMILAR_SOURCE, SIMILAR_CUSTOMER, SIMILAR_N, SIMILAR_VERSION
};

/* One call. */
typedef struct Search
{
	CsPass	   *pass;
	CsPlacer   *placer;
	Datum		customer[INDEX_MAX_KEYS];	/* whom it is about, prepared */
	char	   *customer_text;
	int64		nrows;			/* of that customer */
	double	   *raw;			/* the customer's values, */
	double	   *point;			/* and place in model space */
	CsBest		best;
} Search;

PG_FUNCTION_INFO_V1(custseg_similar_customers);

/* Is a row that of the customer whom the call is about? */
static bool
IsCustomer(const Search *s, const Datum *id)
{
	return CsIdentityCompare(s->pass->identity, s->customer, id) == 0;
}

/* CsRowSink: a row that may be the customer's. */
static void
TakeCustomer(void *state, const Datum *values, const bool *nulls)
{
	Search	   *s = state;
	Datum		id[INDEX_MAX_KEYS];

	if (!CsPeopleTakeId(s->pass, values, nulls, id) || !IsCustomer(s, id))
		return;
	s->nrows++;
	memcpy(s->raw, s->placer->scoring.raw, sizeof(double) * CsScorerPipeline(s->placer->scoring.scorer)->nfeatures);
}

/* A pass over a relation that reads ids and raw values of the model's features. */
static void
OpenPass(Search *s, const CsRelation *relation, const CsScorer *scorer)
{
	s->pass = CsPassOpen(relation);
	s->placer = CsPassPlace(s->pass, scorer, CS_PLACE_NOT);
	CsPassIdentify(s->pass, CsFindKey(relation, CsScorerId(scorer)));
	CsPeopleRequireId(s->pass, NameStr(scorer->model));
}

/* The error of a customer whom the source does not have. */
static void
ReportUnknown(const Search *s, const CsRelation *relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("no row of %s has the id %s", relation->description, s->customer_text),
			 errhint("Name a customer of the source, or a source that has the customer.")));
}

/* Look the customer up, and find the place in model space. */
static void
FindCustomer(Search *s, FunctionCallInfo fcinfo, const CsRelation *relation, const CsScorer *scorer)
{
	const CsPipeline *p = CsScorerPipeline(scorer);
	CsScoring  *scoring;
	const CsRelation *rows;

	OpenPass(s, relation, scorer);
	if (!CsPeopleReadCustomer(fcinfo, SIMILAR_CUSTOMER, relation, s->pass->identity, s->customer, &s->customer_text))
		ReportUnknown(s, relation);
	rows = CsRelationOfId(relation, CsFindKey(relation, CsScorerId(scorer)), s->pass->identity, s->customer);
	if (rows != NULL)
		OpenPass(s, rows, scorer);
	s->raw = palloc(sizeof(double) * p->nfeatures);
	s->point = palloc(sizeof(double) * p->noutputs);
	CsPassVisit(s->pass, &(CsVisitor) {.state = s, .take_row = TakeCustomer});
	(void) CsPassRead(s->pass);
	if (s->nrows == 0)
		ReportUnknown(s, relation);
	if (s->nrows > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("%lld rows of %s have the id %s", (long long) s->nrows, relation->description,
						s->customer_text),
				 errhint("Name a source with one row for each customer.")));
	scoring = &s->placer->scoring;
	if (CsPipelineApply(p, s->raw, 1, 1, s->point, 1, scoring->work))
		return;
	CsPipelineCheckMissing(p, s->raw, NameStr(scorer->model));
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("customer %s has an infinite value, or lacks one without which model \"%s\" places nobody", s->customer_text,
					NameStr(scorer->model)),
			 errhint("Correct the value or fill it in, or train a model that imputes it.")));
}

/* The squared distance of two places; the sum runs over the columns in order, as everywhere. */
static inline double
SquaredDistance(int d, const double *a, const double *b)
{
	double		sum = 0;

	for (int j = 0; j < d; j++)
		sum += (a[j] - b[j]) * (a[j] - b[j]);
	return sum;
}

/* CsRowSink: a customer who may be among the nearest. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Search	   *s = state;
	CsScoring  *scoring = &s->placer->scoring;
	const CsPipeline *p = CsScorerPipeline(scoring->scorer);
	const CsOverride *override;
	Datum		id[INDEX_MAX_KEYS];
	double		squared;

	if (!CsPipelineApply(p, scoring->raw, 1, 1, scoring->z, 1, scoring->work))
		return;
	squared = SquaredDistance(p->noutputs, scoring->z, s->point);
	if (!(squared < INFINITY) || (s->best.n == s->best.most && squared > s->best.entries[0].key))
		return;
	if (!CsPeopleTakeId(s->pass, values, nulls, id) || IsCustomer(s, id) || !CsBestIsWanted(&s->best, squared, id))
		return;
	override = s->placer->overrides == NULL ? NULL : CsOverridesFindPrepared(s->placer->overrides, id);
	if (override != NULL && override->index < 0)
		return;
	CsBestAdd(&s->best, squared, id, CsPassId(s->pass, values, nulls), scoring->raw,
			  override == NULL ? -1 : override->index);
}

/* Put the line of a neighbour. */
static void
PutNeighbor(CsResult *result, Search *s, const CsBaseline *baselines, const CsBestEntry *entry)
{
	CsScoring  *scoring = &s->placer->scoring;
	const CsScorer *scorer = scoring->scorer;
	const CsPipeline *p = CsScorerPipeline(scorer);
	CsLikeness	likeness = CsLikenessOf(p, baselines, s->raw, entry->raw);
	CsAssignment placed = {.index = -1};
	int			index = entry->segment;

	memcpy(scoring->raw, entry->raw, sizeof(double) * p->nfeatures);
	if (index < 0 && CsScoringTry(scoring, &placed, NULL))
		index = placed.index;
	CsResultPut(result, CsValues(CsValueText(entry->id_text),
								 CsValueFloat8(sqrt(entry->key)),
								 index < 0 ? CsValueNull(INT4OID) : CsValueInt4(CsScorerSegments(scorer)[index].segment),
								 CsValueText(index < 0 ? NULL :
											 CsScorerAt(scorer, char, CsScorerSegments(scorer)[index].name)),
								 CsLikenessNames(p, likeness.shared, likeness.nshared),
								 CsLikenessNames(p, likeness.different, likeness.ndifferent),
								 CsValueText(CsLikenessReason(p, &likeness, s->raw, entry->raw))));
}

/* How many customers are asked for. */
static int
CountArgument(FunctionCallInfo fcinfo)
{
	int			n = CsRequiredInt(fcinfo, SIMILAR_N, "n");

	if (n < 1 || n > MOST_NEIGHBORS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"n\" must be between 1 and %d, not %d", MOST_NEIGHBORS, n)));
	return n;
}

/* An error when the customers that are to be kept need more memory than there is. */
static void
CheckMemory(const CsPipeline *p, int n)
{
	Size		needed = mul_size(n, sizeof(CsBestEntry) + sizeof(double) * p->nfeatures);

	if (needed > CsMemoryLimit())
		CsMemoryError(needed, "ask for fewer customers", "a list of %d customers", n);
}

/* similar_customers(model, source, customer, n, version): a row for each of the nearest customers */
Datum
custseg_similar_customers(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *model = CsRequiredText(fcinfo, SIMILAR_MODEL, "model");
	int			n = CountArgument(fcinfo);
	const CsScorer *scorer = CsCacheGet(model, CsVersionArgument(fcinfo, SIMILAR_VERSION));
	const CsRelation *relation;
	const CsBaseline *baselines;
	Search		s = {0};

	CsCachePin(scorer, CurrentMemoryContext);
	relation = CsSourceOpen(scorer, CsTextArgument(fcinfo, SIMILAR_SOURCE));
	FindCustomer(&s, fcinfo, relation, scorer);
	OpenPass(&s, relation, scorer);
	CsPassHonour(s.pass, s.placer);
	CheckMemory(CsScorerPipeline(scorer), n);
	CsBestInit(&s.best, s.pass->identity, CsScorerPipeline(scorer)->nfeatures, n);
	CsPassVisit(s.pass, &(CsVisitor) {.state = &s, .take_row = TakeRow});
	(void) CsPassRead(s.pass);
	CsBestSort(&s.best);
	baselines = CsBaselinesRead(scorer);
	for (int i = 0; i < s.best.n; i++)
		PutNeighbor(result, &s, baselines, &s.best.entries[i]);
	return (Datum) 0;
}
