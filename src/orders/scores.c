/*
 * scores.c
 *	  Recency, frequency and monetary value become scores and names.
 *
 * The three numbers of each customer stay in memory; what else its row has waits in a tuplestore, which
 * may lie on disk.  When all are there the numbers are cut into bins, and a second pass over the
 * tuplestore adds the scores.
 */
#include "custseg.h"

#include "algo/algo.h"
#include "call/json.h"
#include "math/math.h"
#include "miscadmin.h"
#include "orders/scores.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 1024

/* The most columns that a row has before its scores. */
#define MAX_COLUMNS 16

const char *const CsTiesNames[] = {"below", "above", NULL};

static void
ReportThresholds(const char *measure, int bins)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("thresholds of \"%s\" must be %d ascending numbers", measure, bins - 1),
			 errhint("With %d bins write \"thresholds\": {\"monetary\": [...]}; by default a value that equals a threshold is below it. Measures are recency, frequency and monetary.",
					 bins)));
}

/* Cut points of a measure as given; false when there are none. */
static bool
ReadThresholds(Jsonb *thresholds, int measure, CsRfmCuts *cuts)
{
	const char *name = CsRfmMeasureNames[measure];
	JsonbValue	value;

	if (thresholds == NULL ||
		!CsJsonFind(&thresholds->root, name, &value))
		return false;
	if (CsJsonGetAscending(&value, cuts->cut, cuts->bins - 1) != cuts->bins - 1)
		ReportThresholds(name, cuts->bins);
	return true;
}

/* Unknown measures among the thresholds are errors. */
static void
CheckThresholds(const CsRfmScoring *scoring)
{
	int			known = 0;

	if (scoring->thresholds == NULL)
		return;
	for (int m = 0; m < CS_RFM_MEASURES; m++)
	{
		CsRfmCuts	cuts = {.bins = scoring->bins};

		known += ReadThresholds(scoring->thresholds, m, &cuts);
	}
	if (known != JB_ROOT_COUNT(scoring->thresholds))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"thresholds\" has an unknown measure"),
				 errhint("Measures are recency, frequency and monetary.")));
}

/* Prepare to score customers, whose numbers will be in the current context; errors for bad thresholds. */
void
CsRfmScoresInit(CsRfmScores *s, const CsRfmScoring *scoring)
{
	memset(s, 0, sizeof(*s));
	CheckThresholds(scoring);
	s->scoring = *scoring;
	s->context = CurrentMemoryContext;
}

/* Keep rows of that type to be scored, and names for scores; NULL: custseg's own. */
void
CsRfmScoresKeep(CsRfmScores *s, TupleDesc desc, Jsonb *segments)
{
	s->table = CsRfmTableRead(segments, s->scoring.bins);
	CsRfmTableReport(s->table);
	s->kept_desc = desc;
	s->kept = tuplestore_begin_heap(false, false, work_mem);
}

/* Make room for a customer's three numbers, and for one sorted copy of one of them. */
static void
GrowMeasures(CsRfmScores *s)
{
	int64		capacity = Max(FIRST_CAPACITY, s->capacity * 2);
	Size		needed = sizeof(double) * (CS_RFM_MEASURES + 2) * capacity;

	if (needed > CsMemoryLimit())
		CsMemoryError(needed, "to 80 bytes for each customer",
					  "scoring more than %lld customers", (long long) s->capacity);
	for (int m = 0; m < CS_RFM_MEASURES; m++)
		s->measure[m] = s->measure[m] == NULL ?
			MemoryContextAllocHuge(s->context, sizeof(double) * capacity) :
			repalloc_huge(s->measure[m], sizeof(double) * capacity);
	s->capacity = capacity;
}

/* Add a customer, with the rest of its row if rows are wanted. */
void
CsRfmScoresAdd(CsRfmScores *s, const double *measures, Datum *kept, bool *nulls)
{
	if (s->n == s->capacity)
		GrowMeasures(s);
	for (int m = 0; m < CS_RFM_MEASURES; m++)
		s->measure[m][s->n] = measures[m];
	s->n++;
	if (s->kept != NULL)
		tuplestore_putvalues(s->kept, s->kept_desc, kept, nulls);
}

/* A time in place of a recency, until CsRfmScoresAge(): its very bits. */
double
CsRfmTimeAsMeasure(Timestamp at)
{
	double		bits;

	StaticAssertStmt(sizeof(bits) == sizeof(at), "a time takes as much room as a number");
	memcpy(&bits, &at, sizeof(bits));
	return bits;
}

/* Recencies that are times become the days from them to "as of". */
void
CsRfmScoresAge(CsRfmScores *s, Timestamp as_of)
{
	for (int64 i = 0; i < s->n; i++)
	{
		Timestamp	at;

		memcpy(&at, &s->measure[0][i], sizeof(at));
		s->measure[0][i] = CsDaysBetween(at, as_of);
	}
}

/* Say what equal values do to the scores, in one NOTICE. */
static void
ReportTies(StringInfo ties, bool is_constant, bool of_lines)
{
	if (ties->len == 0)
		return;
	ereport(NOTICE,
			(errmsg_internal("%s", ties->data),
			 of_lines && is_constant ?
			 errhint("If each row of the source is a customer already, score its columns by custseg.rfm_scores().") :
			 errhint("Equal values have equal scores. Take fewer \"bins\", or set \"thresholds\".")));
}

/*
 * All customers are there: cut their measures, and count who has which score.  A NOTICE tells where equal
 * values keep scores from being equally frequent.  of_lines: frequencies are counts of lines.
 */
void
CsRfmScoresCut(CsRfmScores *s, bool of_lines)
{
	double	   *sorted = MemoryContextAllocHuge(s->context, sizeof(double) * Max(s->n, 1));
	double	   *scratch = MemoryContextAllocHuge(s->context, sizeof(double) * Max(s->n, 1));
	bool		is_once = false;	/* everybody bought once */
	StringInfoData ties;

	initStringInfo(&ties);
	for (int m = 0; m < CS_RFM_MEASURES; m++)
	{
		CsRfmCuts  *cuts = &s->cuts[m];
		bool		is_given;
		double		most;
		int64		equal;

		cuts->bins = s->scoring.bins;
		cuts->reversed = m == 0;
		cuts->ties_above = s->scoring.ties == 1;
		is_given = ReadThresholds(s->scoring.thresholds, m, cuts);
		if (s->n == 0)
			continue;
		memcpy(sorted, s->measure[m], sizeof(double) * s->n);
		CsSortDoubles(sorted, s->n, scratch);
		if (!is_given)
			CsRfmCutAtQuantiles(cuts, sorted, s->n);
		CsBinCounts(sorted, s->n, cuts->cut, cuts->bins - 1, cuts->ties_above, cuts->reversed,
					s->counts[m]);
		if (is_given)
			continue;
		most = CsMostFrequent(sorted, s->n, &equal);
		is_once |= m == 1 && equal == s->n && most == 1;
		CsReasonAddTies(&ties, CsRfmMeasureNames[m], psprintf("%.10g", most), equal, s->counts[m],
						cuts->bins, s->n);
	}
	ReportTies(&ties, is_once, of_lines);
	pfree(sorted);
	pfree(scratch);
}

/* The columns that a row ends with: its scores, their code and its name.  Returns how many. */
static int
ScoreColumns(const CsRfmScores *s, int64 i, CsValue *row)
{
	int			scores[CS_RFM_MEASURES];
	StringInfoData code;

	initStringInfo(&code);
	for (int m = 0; m < CS_RFM_MEASURES; m++)
	{
		scores[m] = CsRfmScore(&s->cuts[m], s->measure[m][i]);
		row[m] = CsValueInt4(scores[m]);
		appendStringInfo(&code, s->scoring.bins > 9 && m > 0 ? "-%d" : "%d", scores[m]);
	}
	row[CS_RFM_MEASURES] = CsValueText(code.data);
	row[CS_RFM_MEASURES + 1] = CsValueText(CsRfmTableFind(s->table, scores));
	return CS_RFM_SCORE_COLUMNS;
}

/* Put all rows with their scores into the result, and let go of what was kept. */
void
CsRfmScoresPut(CsRfmScores *s, CsResult *result, CsRfmRowMaker make, void *state)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(s->kept_desc, &TTSOpsMinimalTuple);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "custseg rfm row",
													  ALLOCSET_DEFAULT_SIZES);

	for (int64 i = 0; tuplestore_gettupleslot(s->kept, true, false, slot); i++)
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);
		CsValue		row[MAX_COLUMNS + CS_RFM_SCORE_COLUMNS];
		int			n;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		n = make(state, slot->tts_values, slot->tts_isnull, i, row);
		n += ScoreColumns(s, i, row + n);
		CsResultPut(result, row, n);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);
	tuplestore_end(s->kept);
}
