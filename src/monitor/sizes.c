/*
 * sizes.c
 *	  Has a segment grown, shrunk or vanished?  segment_sizes().
 *
 * The customers of a source are placed by the version, and each segment's share of them is set
 * beside its share in training.  Noise is a segment here.  Customers that cannot be placed belong to
 * no segment's share; the total says how many they are.
 *
 * A change has to be both large and certain before it is spoken of: more percentage points than
 * allowed, and a chi-square test of the two shares that is significant after Benjamini and
 * Hochberg's adjustment over the segments and their total, which is tested as a table.  A share beyond
 * a limit counts when it was within it in training, its interval is beyond the limit, and the change is
 * of two points at least; a segment that has always been small is judged by its change alone.
 */
#include "custseg.h"

#include <math.h>

#include "monitor/monitor.h"
#include "stat/shares.h"
#include "stat/tests.h"

/* A change of fewer percentage points is none that takes a share beyond a limit. */
#define LEAST_CHANGE 2

typedef struct SizeOptions
{
	int			min_rows;
	double		confidence;		/* of the interval */
	double		significance;
	double		share_low,
				share_high;
	double		change_watch,	/* percentage points */
				change_drifted;
	double		psi_watch,
				psi_drifted;
	double		unplaced_watch; /* share of the rows */
} SizeOptions;

static const CsOption sizeOptions[] = {
	{"min_rows", CS_OPTION_INT, offsetof(SizeOptions, min_rows), 30, 1, PG_INT32_MAX},
	{"confidence", CS_OPTION_REAL, offsetof(SizeOptions, confidence), 0.95, 0.5, 0.9999},
	{"significance", CS_OPTION_REAL, offsetof(SizeOptions, significance), 0.05, 0, 1},
	{"share_low", CS_OPTION_REAL, offsetof(SizeOptions, share_low), 0.05, 0, 1},
	{"share_high", CS_OPTION_REAL, offsetof(SizeOptions, share_high), 0.6, 0, 1},
	{"change_watch", CS_OPTION_REAL, offsetof(SizeOptions, change_watch), 5, 0, 100},
	{"change_drifted", CS_OPTION_REAL, offsetof(SizeOptions, change_drifted), 10, 0, 100},
	{"psi_watch", CS_OPTION_REAL, offsetof(SizeOptions, psi_watch), 0.1, 0, INFINITY},
	{"psi_drifted", CS_OPTION_REAL, offsetof(SizeOptions, psi_drifted), 0.25, 0, INFINITY},
	{"unplaced_watch", CS_OPTION_REAL, offsetof(SizeOptions, unplaced_watch), 0.05, 0, 1},
};

/* A segment in training and now. */
typedef struct SegmentSize
{
	int64		n_trained;
	double		share_trained;
	double		distance_trained;	/* mean */
	int64		n;
	double		share;
	double		low,			/* the interval of the share; NaN without rows at all */
				high;
	double		distance;		/* mean; NaN without rows */
	double		p;				/* that the shares are the same, adjusted; NaN: not tested */
} SegmentSize;

/* What all rows of the report are made of. */
typedef struct SizeReport
{
	CsReport	base;
	SizeOptions options;
	const CsObservation *observation;
	const char *problem;		/* why nothing was placed, or NULL */
	int			nsegments;
	SegmentSize *sizes;
	int64		n_trained;
	int64		n_skipped;		/* in training */
	int64		n;				/* placed */
	double		p;				/* of all shares together, adjusted; NaN: not tested */
} SizeReport;

/* The columns of the result. */
#define NCOLUMNS 18

static const char *const trained_sql =
"SELECT s.n, s.share, s.mean_distance, v.n_skipped "
"FROM custseg.segment AS s "
"JOIN custseg.model_version AS v ON v.model OPERATOR(pg_catalog.=) s.model"
" AND v.version OPERATOR(pg_catalog.=) s.version "
"WHERE s.model OPERATOR(pg_catalog.=) $1 AND s.version OPERATOR(pg_catalog.=) $2 "
"ORDER BY s.segment";

PG_FUNCTION_INFO_V1(custseg_segment_sizes);

/* Limits must be in order. */
static void
CheckOptions(const SizeOptions *options)
{
	CsReportCheckLimits("share_low", options->share_low, "share_high", options->share_high);
	CsReportCheckLimits("change_watch", options->change_watch,
						"change_drifted", options->change_drifted);
	CsReportCheckLimits("psi_watch", options->psi_watch, "psi_drifted", options->psi_drifted);
}

/* CsCatalogVisitor: what a segment was in training, in the scorer's order. */
static void
TakeTrained(void *state, const CsCatalogRow *row)
{
	SizeReport *report = state;
	SegmentSize *size = &report->sizes[row->number];

	if (row->number >= report->base.scorer->nsegments)
		return;
	size->n_trained = CsRowInt8(row, 1, 0);
	size->share_trained = CsRowFloat8(row, 2);
	size->distance_trained = CsRowFloat8(row, 3);
	report->n_skipped = CsRowInt8(row, 4, 0);
	report->n_trained += size->n_trained;
}

/* The p of the chi-square test that the segments are as in training, all together. */
static double
TestMix(const SizeReport *report)
{
	CsCell	   *cells = palloc(sizeof(CsCell) * 2 * report->nsegments);
	double		p;

	for (int i = 0; i < report->nsegments; i++)
	{
		cells[2 * i] = (CsCell) {i, 0, report->sizes[i].n_trained};
		cells[2 * i + 1] = (CsCell) {i, 1, report->sizes[i].n};
	}
	p = CsChiSquareTest(cells, 2 * report->nsegments, report->nsegments, 2).p;
	pfree(cells);
	return p;
}

/* Fill in what the segments are now, and test each share against training's, and all together. */
static void
CompareShares(SizeReport *report)
{
	const CsObservation *o = report->observation;
	double	   *p = palloc(sizeof(double) * (report->nsegments + 1));

	report->n = o->nrows - o->n_unplaced;
	for (int i = 0; i < report->nsegments; i++)
	{
		SegmentSize *size = &report->sizes[i];

		size->n = o->segment_rows[i];
		size->share = (double) size->n / report->n;
		size->distance = o->segment_distances[i].sum / o->segment_distances[i].n;
		size->low = size->high = NAN;
		if (report->n > 0)
			CsWilsonInterval((double) size->n, (double) report->n, report->options.confidence, &size->low, &size->high);
		p[i] = CsSharesDiffer(size->n_trained, report->n_trained, size->n, report->n);
	}
	p[report->nsegments] = TestMix(report);
	CsAdjustBenjaminiHochberg(p, report->nsegments + 1);
	report->p = p[report->nsegments];
	for (int i = 0; i < report->nsegments; i++)
		report->sizes[i].p = p[i];
	pfree(p);
}

/* Say when there is too little to judge by; false when there is enough. */
static bool
LacksData(const SizeReport *report, CsFinding *finding)
{
	if (report->problem != NULL)
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT, "%s", report->problem);
	else if (report->observation->nrows == 0)
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT, "the source has no rows");
	else if (report->n < report->options.min_rows)
		CsFindingAdd(finding, CS_VERDICT_INSUFFICIENT,
					 "%s could be placed, fewer than the %d that a verdict needs",
					 CsWordsCount(report->n, "customer", "customers"), report->options.min_rows);
	else
		return false;
	return true;
}

/* A share as a percentage, palloc'd: that of a segment with customers is never 0. */
static char *
ShareWords(double share, int64 n)
{
	return n > 0 && share < 0.0005 ? psprintf("%.2g %%", 100 * share) : psprintf("%.1f %%", 100 * share);
}

/* What is to be said of a segment. */
static void
JudgeSegment(const SizeReport *report, const SegmentSize *size, CsFinding *finding)
{
	const SizeOptions *options = &report->options;
	double		change = 100 * (size->share - size->share_trained);

	if (LacksData(report, finding))
		return;
	if (size->p < options->significance)
	{
		CsVerdict	verdict = fabs(change) > options->change_drifted ? CS_VERDICT_DRIFTED :
			fabs(change) > options->change_watch ? CS_VERDICT_WATCH : CS_VERDICT_OK;

		if (size->n == 0)
			CsFindingAdd(finding, CS_VERDICT_DRIFTED,
						 "the segment is empty now, and held %s of all customers in training",
						 ShareWords(size->share_trained, size->n_trained));
		else if (verdict != CS_VERDICT_OK)
			CsFindingAdd(finding, verdict, "the segment %s from %s to %s of all customers",
						 change > 0 ? "grew" : "shrank",
						 ShareWords(size->share_trained, size->n_trained),
						 ShareWords(size->share, size->n));
		if (size->low > options->share_high && size->share_trained <= options->share_high &&
			change >= LEAST_CHANGE)
			CsFindingAdd(finding, CS_VERDICT_WATCH,
						 "the segment now holds more than %.3g %% of all customers", 100 * options->share_high);
		if (size->n > 0 && size->high < options->share_low &&
			size->share_trained >= options->share_low && -change >= LEAST_CHANGE)
			CsFindingAdd(finding, CS_VERDICT_WATCH,
						 "the segment now holds less than %.3g %% of all customers", 100 * options->share_low);
	}
	CsFindingDefault(finding, "the segment holds %s of all customers, against %s in training",
					 ShareWords(size->share, size->n), ShareWords(size->share_trained, size->n_trained));
}

/* The row of a segment; what cannot be known is NULL. */
static void
PutSegment(SizeReport *report, int index)
{
	const SegmentSize *size = &report->sizes[index];
	const CsScorer *scorer = report->base.scorer;
	const CsScorerSegment *segment = &CsScorerSegments(scorer)[index];
	CsValue		row[NCOLUMNS];
	CsFinding	finding;
	int			i = 0;

	CsFindingInit(&finding);
	JudgeSegment(report, size, &finding);
	row[i++] = CsValueInt4(segment->segment);
	row[i++] = CsValueText(CsScorerAt(scorer, char, segment->name));
	row[i] = CsValueInt8(size->n);
	row[i++].isnull = report->problem != NULL;
	row[i++] = CsValueFloat8(size->share);
	row[i++] = CsValueFloat8(size->share_trained);
	row[i++] = CsValueFloat8(100 * (size->share - size->share_trained));
	row[i++] = CsValueFloat8(size->low);
	row[i++] = CsValueFloat8(size->high);
	row[i++] = CsValueFloat8(size->p);
	row[i++] = CsValueFloat8(size->distance);
	row[i++] = CsValueFloat8(size->distance_trained);
	for (int total = 0; total < 5; total++)
	{
		row[i] = total < 4 ? CsValueFloat8(NAN) : CsValueInt8(0);
		row[i++].isnull = true;
	}
	row[i++] = CsFindingVerdict(&finding);
	row[i++] = CsFindingReason(&finding);
	CsResultPut(report->base.result, row, i);
}

/* PSI of the mix of segments; NaN when nothing was placed. */
static CsPsiResult
MixPsi(const SizeReport *report)
{
	CsPsiResult none = {NAN, NAN, 0};
	double	   *trained = palloc(sizeof(double) * report->nsegments);
	double	   *now = palloc(sizeof(double) * report->nsegments);

	for (int i = 0; i < report->nsegments; i++)
	{
		trained[i] = report->sizes[i].share_trained;
		now[i] = report->sizes[i].share;
	}
	return report->n == 0 ? none :
		CsPsi(report->nsegments, trained, report->n_trained, now, report->n);
}

/* What is to be said of all segments together. */
static void
JudgeTotal(const SizeReport *report, CsPsiResult psi, CsFinding *finding)
{
	const SizeOptions *options = &report->options;
	int64		nrows = report->observation->nrows;
	int64		n_unplaced = report->observation->n_unplaced;
	double		unplaced = (double) n_unplaced / nrows;
	double		skipped = (double) report->n_skipped / (report->n_skipped + report->n_trained);

	if (report->problem == NULL && nrows >= options->min_rows &&
		unplaced > options->unplaced_watch && unplaced > skipped &&
		CsSharesDiffer(report->n_skipped, report->n_skipped + report->n_trained, n_unplaced,
					   nrows) < options->significance)
		CsFindingAdd(finding, CS_VERDICT_WATCH, "%.1f %% of the rows cannot be placed",
					 100 * unplaced);
	if (LacksData(report, finding))
		return;
	if (psi.psi > options->psi_watch && report->p < options->significance)
		CsFindingAdd(finding,
					 psi.psi > options->psi_drifted ? CS_VERDICT_DRIFTED : CS_VERDICT_WATCH,
					 "the shares of the segments have changed: their PSI is %.3f, above %.3g", psi.psi,
					 psi.psi > options->psi_drifted ? options->psi_drifted : options->psi_watch);
	CsFindingDefault(finding, "the shares of the segments are as in training");
}

/* The row of all segments together. */
static void
PutTotal(SizeReport *report)
{
	const CsObservation *o = report->observation;
	CsPsiResult psi = MixPsi(report);
	CsDistances distances = {0};
	double		distance_trained = 0;
	CsValue		row[NCOLUMNS];
	CsFinding	finding;
	int			i = 0;

	for (int s = 0; s < report->nsegments; s++)
	{
		CsDistancesMerge(&distances, &o->segment_distances[s]);
		distance_trained += report->sizes[s].distance_trained * report->sizes[s].n_trained;
	}
	CsFindingInit(&finding);
	JudgeTotal(report, psi, &finding);
	row[i] = CsValueInt4(0);
	row[i++].isnull = true;
	row[i++] = CsValueText("total");
	row[i] = CsValueInt8(report->n);
	row[i++].isnull = report->problem != NULL;
	row[i++] = CsValueFloat8(report->n > 0 ? 1 : NAN);
	row[i++] = CsValueFloat8(1);
	row[i++] = CsValueFloat8(report->n > 0 ? 0 : NAN);
	row[i++] = CsValueFloat8(NAN);	/* no interval */
	row[i++] = CsValueFloat8(NAN);
	row[i++] = CsValueFloat8(report->p);
	row[i++] = CsValueFloat8(distances.sum / distances.n);
	row[i++] = CsValueFloat8(distance_trained / report->n_trained);
	row[i++] = CsValueFloat8(CsHerfindahl(report->nsegments, o->segment_rows));
	row[i++] = CsValueFloat8(CsNormalizedEntropy(report->nsegments, o->segment_rows));
	row[i++] = CsValueFloat8(psi.psi);
	row[i++] = CsValueFloat8(psi.critical);
	row[i++] = CsValueInt8(o->n_unplaced);
	row[i++] = CsFindingVerdict(&finding);
	row[i++] = CsFindingReason(&finding);
	CsResultPut(report->base.result, row, i);
}

/* CsReportKind.open */
static void *
OpenSizes(const CsReport *base, Jsonb *options)
{
	SizeReport *report = palloc0(sizeof(SizeReport));

	report->base = *base;
	CsOptionsParse(sizeOptions, lengthof(sizeOptions), options, &report->options);
	CheckOptions(&report->options);
	report->nsegments = base->scorer->nsegments;
	report->sizes = palloc0(sizeof(SegmentSize) * report->nsegments);
	if (CsScorerRead(base->scorer, trained_sql, TakeTrained, report) != report->nsegments)
		CsReportDroppedVersion(base->scorer);
	return report;
}

/* CsReportKind.ask */
static void
AskPlaces(void *state, CsObserveRequest *request)
{
	request->place = true;
	request->measure = true;
}

/* CsReportKind.put: a row for each segment, and one for all */
static void
PutSizes(void *state, const CsObservation *observation)
{
	SizeReport *report = state;

	report->observation = observation;
	report->problem = CsObservationProblem(observation);
	CompareShares(report);
	for (int i = 0; i < report->nsegments; i++)
		PutSegment(report, i);
	PutTotal(report);
}

const CsReportKind CsSizesReport = {"segment_sizes", OpenSizes, AskPlaces, PutSizes, .by_passes = true};

/* segment_sizes(model, source, options, version) */
Datum
custseg_segment_sizes(PG_FUNCTION_ARGS)
{
	return CsReportCall(fcinfo, &CsSizesReport);
}
