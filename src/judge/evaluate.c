/*
 * evaluate.c
 *	  How good a model is on any rows: evaluate(), and the silhouette width of each of them.
 *
 * Rows are placed as predict() places them (placed.c), and the measures of stat/ are taken of that.
 * Calinski-Harabasz, Davies-Bouldin and the silhouettes ask how well the segments lie in these rows;
 * inertia and distance are to the model's own centers, so that they can be compared with those of
 * the training.
 */
#include "custseg.h"

#include <math.h>

#include "funcapi.h"
#include "judge/judge.h"
#include "utils/builtins.h"

/* Seed of the silhouettes' sample. */
#define SAMPLE_SEED 42

PG_FUNCTION_INFO_V1(custseg_evaluate);
PG_FUNCTION_INFO_V1(custseg_silhouette);

/* One metric to the result; NULL where it is not defined. */
static void
PutMetric(ReturnSetInfo *rsinfo, const char *name, double value)
{
	Datum		values[2] = {CStringGetTextDatum(name), Float8GetDatum(value)};
	bool		nulls[2] = {false, isnan(value)};

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* All metrics of the rows. */
static void
PutMetrics(ReturnSetInfo *rsinfo, const CsPlacedRows *rows, const CsValidity *v,
		   const CsSilhouette *s)
{
	const CsScoring *scoring = &rows->placer->scoring;
	double		n = (double) rows->matrix->nrows;
	double		clustered = n - (n > 0 ? round(v->noise_share * n) : 0);

	PutMetric(rsinfo, "rows", n);
	PutMetric(rsinfo, "unplaced_rows", (double) rows->unplaced);
	PutMetric(rsinfo, "segments", v->segments);
	PutMetric(rsinfo, "silhouette", s->mean);
	PutMetric(rsinfo, "silhouette_rows", isnan(s->mean) ? NAN : (double) s->used);
	PutMetric(rsinfo, "calinski_harabasz", v->calinski_harabasz);
	PutMetric(rsinfo, "davies_bouldin", v->davies_bouldin);
	PutMetric(rsinfo, "inertia_per_row", clustered > 0 ? rows->squared / clustered : NAN);
	PutMetric(rsinfo, "mean_distance", clustered > 0 ? rows->distance / clustered : NAN);
	if (scoring->fitted.has_noise)
		PutMetric(rsinfo, "noise_share", v->noise_share);
	if (scoring->algorithm->log_density != NULL)
		PutMetric(rsinfo, "log_likelihood", n > 0 ? rows->log_likelihood / n : NAN);
}

/*
 * evaluate(model, source, version): metric, result
 */
Datum
custseg_evaluate(PG_FUNCTION_ARGS)
{
	CsPlacedRows *rows;
	CsTeam	   *team;
	CsValidity	v;
	CsSilhouette *s;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	rows = CsPlacedRowsRead(CsTextArgument(fcinfo, 0), CsVersionArgument(fcinfo, 2),
							CsTextArgument(fcinfo, 1), CS_JUDGED_ROWS, false);
	team = CsPlacedRowsTeam(rows);
	v = CsValidityOfLabels(team, rows->matrix, rows->labels, rows->k);
	s = CsSilhouetteOfRows(team, rows->matrix, rows->labels, rows->k, CS_JUDGED_ROWS, SAMPLE_SEED);
	CsTeamEnd(team);
	PutMetrics((ReturnSetInfo *) fcinfo->resultinfo, rows, &v, s);
	CsPlacedRowsFree(rows);
	return (Datum) 0;
}

/* Every row that has a width to the result. */
static void
PutWidths(ReturnSetInfo *rsinfo, const CsPlacedRows *rows, const CsSilhouette *s)
{
	const CsScoring *scoring = &rows->placer->scoring;
	const CsScorerSegment *segments = CsScorerSegments(scoring->scorer) +
		(scoring->fitted.has_noise ? 1 : 0);
	const int32 *labels = CsArenaAddress(rows->arena, rows->labels);

	for (int64 i = 0; s->row != NULL && i < s->used; i++)
	{
		const char *id = rows->ids[s->row[i]];
		Datum		values[4];
		bool		nulls[4] = {id == NULL, false, isnan(s->width[i]), s->neighbor[i] < 0};

		values[0] = id == NULL ? (Datum) 0 : CStringGetTextDatum(id);
		values[1] = Int32GetDatum(segments[labels[s->row[i]]].segment);
		values[2] = Float8GetDatum(s->width[i]);
		values[3] = nulls[3] ? (Datum) 0 : Int32GetDatum(segments[s->neighbor[i]].segment);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		if (id != NULL)
			pfree(DatumGetPointer(values[0]));
	}
}

/*
 * silhouette(model, source, sample, version): id, segment, silhouette, neighbor
 */
Datum
custseg_silhouette(PG_FUNCTION_ARGS)
{
	CsPlacedRows *rows;
	CsTeam	   *team;
	CsSilhouette *s;
	int			sample = PG_ARGISNULL(2) ? CS_JUDGED_ROWS : PG_GETARG_INT32(2);

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	if (sample < 2 || sample > CS_MAX_SILHOUETTE_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"sample\" must be between 2 and %d", CS_MAX_SILHOUETTE_ROWS),
				 errdetail("It is %d.", sample)));
	rows = CsPlacedRowsRead(CsTextArgument(fcinfo, 0), CsVersionArgument(fcinfo, 3),
							CsTextArgument(fcinfo, 1), sample, true);
	team = CsPlacedRowsTeam(rows);
	s = CsSilhouetteOfRows(team, rows->matrix, rows->labels, rows->k, sample, SAMPLE_SEED);
	CsTeamEnd(team);
	if (s->row != NULL && s->used == sample && s->used < rows->matrix->nrows)
		ereport(NOTICE,
				(errmsg("silhouettes are of a sample of %lld of %lld rows", (long long) s->used,
						(long long) rows->matrix->nrows),
				 errhint("Raise \"sample\"; time grows with its square.")));
	PutWidths((ReturnSetInfo *) fcinfo->resultinfo, rows, s);
	CsPlacedRowsFree(rows);
	return (Datum) 0;
}
