/*
 * silhouette.c
 *	  monitor(), needs_retraining(): how distinct the segments still are, in little memory.
 *
 * evaluate() keeps all rows, since it takes other measures of them, too.  A monitor that must end
 * well every night, however large the source grows, looks at a seeded sample that is taken while
 * the source streams by: as many rows as a training's silhouette is computed on, or as few as fit
 * into half of maintenance_work_mem.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "monitor/monitor.h"
#include "stat/stat.h"

/* Rows of the sample, as of a training's, and where its random numbers start. */
#define SAMPLE_ROWS 20000
#define SAMPLE_SEED 42

PG_FUNCTION_INFO_V1(custseg_standard_error);

/* Rows that there is room for twice, as a sample and as a matrix. */
static int
SampleRows(const CsScorer *scorer)
{
	Size		row = 2 * sizeof(double) * scorer->ncolumns;

	return (int) Min(CsMemoryLimit() / 2 / row, SAMPLE_ROWS);
}

/* The sample as a matrix, its blocks in the arena. */
static CsMatrix *
SampleMatrix(const CsObservedSample *sample, int d, CsArena *arena)
{
	CsMatrix   *m = CsMatrixCreate(d);

	for (int i = 0; i < sample->n; i++)
	{
		if (i % CS_BLOCK_ROWS == 0)
			CsMatrixGrow(m, arena);
		m->nrows++;
		CsMatrixPutRow(m, arena, i, sample->rows + (Size) i * d);
	}
	return m;
}

/* Silhouette widths of the sample, NaN where they are not defined; noise is left out. */
static CsSilhouetteMean
MeasureSample(const CsScorer *scorer, const CsObservedSample *sample)
{
	int			noise = scorer->has_noise ? 1 : 0;
	CsArena    *arena = CsArenaCreate(CsTeamWorkersFor((int64) sample->n * scorer->ncolumns) > 0);
	CsMatrix   *m = SampleMatrix(sample, scorer->ncolumns, arena);
	int			labels = CsArenaAlloc(arena, sizeof(int32) * sample->n);
	int32	   *label = CsArenaAddress(arena, labels);
	CsTeam	   *team;
	CsSilhouetteMean result;

	/* the scorer's first segment is noise, where it has some; a label counts from the others */
	for (int i = 0; i < sample->n; i++)
		label[i] = sample->labels[i] - noise;
	team = CsTeamStart(arena, CsTeamWorkersFor(m->nrows * m->ncolumns));
	result = CsSilhouetteMeasure(team, m, labels, scorer->nsegments - noise, sample->n, SAMPLE_SEED);
	CsTeamEnd(team);
	CsArenaDestroy(arena);
	return result;
}

/* The silhouette of a source in the making. */
typedef struct SilhouetteReport
{
	CsReport	base;
	int			sample;			/* among the observation's */
	CsSilhouetteMean silhouette;	/* NaN: not defined */
} SilhouetteReport;

/* CsReportKind.open: there are no options */
static void *
OpenSilhouette(const CsReport *base, Jsonb *options)
{
	SilhouetteReport *report = palloc(sizeof(SilhouetteReport));

	report->base = *base;
	report->silhouette = (CsSilhouetteMean) {NAN, NAN, 0};
	return report;
}

/* CsSampleVisitor */
static void
TakeSample(void *state, const CsObservation *o, const CsObservedSample *sample)
{
	SilhouetteReport *report = state;

	if (sample->n > 0)
		report->silhouette = MeasureSample(o->scorer, sample);
}

/* CsReportKind.ask */
static void
AskSample(void *state, CsObserveRequest *request)
{
	SilhouetteReport *report = state;

	report->sample = CsObserveSample(request, (CsObservedSampleRequest) {
		SampleRows(request->scorer), SAMPLE_SEED, TakeSample, report, true
	});
}

/* CsReportKind.put: one row */
static void
PutSilhouette(void *state, const CsObservation *o)
{
	const SilhouetteReport *report = state;

	CsResultPut(report->base.result,
				CsValues(CsValueFloat8(report->silhouette.mean), CsValueInt8(o->samples[report->sample].n),
						 CsValueFloat8(report->silhouette.deviation)));
}

/* The arguments. */
enum
{
	ERROR_DEVIATION_A, ERROR_N_A, ERROR_DEVIATION_B, ERROR_N_B
};

/* standard_error(deviation_a, n_a, deviation_b, n_b): of the difference of two means */
Datum
custseg_standard_error(PG_FUNCTION_ARGS)
{
	double		n_a = PG_GETARG_FLOAT8(ERROR_N_A);
	double		n_b = PG_GETARG_FLOAT8(ERROR_N_B);

	if (!(n_a > 0 && n_b > 0))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(hypot(PG_GETARG_FLOAT8(ERROR_DEVIATION_A) / sqrt(n_a),
						   PG_GETARG_FLOAT8(ERROR_DEVIATION_B) / sqrt(n_b)));
}

const CsReportKind CsSilhouetteReport = {"silhouette", OpenSilhouette, AskSample, PutSilhouette, .by_passes = true};
