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

#include "judge/judge.h"
#include "utils/builtins.h"

/* Seed of the silhouettes' sample. */
#define SAMPLE_SEED 42

PG_FUNCTION_INFO_V1(custseg_evaluate);
PG_FUNCTION_INFO_V1(custseg_silhouette);

/* The arguments. */
enum
{
	EVALUATE_MODEL, EVALUATE_SOURCE, EVALUATE_VERSION
};

enum
{
	SILHOUETTE_MODEL, SILHOUETTE_SOURCE, SILHOUETTE_SAMPLE, SILHOUETTE_VERSION
};

/* One metric to the result; NULL where it is not defined. */
static void
PutMetric(CsResult *result, const char *name, double value)
{
	CsResultPut(result, CsValues(CsValueText(name), CsValueFloat8(value)));
}

/* All metrics of the rows. */
static void
PutMetrics(CsResult *result, const CsPlacedRows *rows, const CsValidity *v,
		   const CsSilhouette *s)
{
	const CsScoring *scoring = &rows->placer->scoring;
	double		n = (double) rows->nrows;

	PutMetric(result, "rows", n);
	PutMetric(result, "unplaced_rows", (double) rows->unplaced);
	PutMetric(result, "segments", v->segments);
	PutMetric(result, "silhouette", s->mean);
	PutMetric(result, "silhouette_rows", isnan(s->mean) ? NAN : (double) s->used);
	PutMetric(result, "calinski_harabasz", v->calinski_harabasz);
	PutMetric(result, "davies_bouldin", v->davies_bouldin);
	PutMetric(result, "inertia_per_row", rows->distances.squares / rows->distances.n);
	PutMetric(result, "mean_distance", rows->distances.sum / rows->distances.n);
	if (scoring->fitted.has_noise)
		PutMetric(result, "noise_share", v->noise_share);
	if (scoring->algorithm->log_density != NULL)
		PutMetric(result, "log_likelihood", n > 0 ? rows->log_likelihood / n : NAN);
}

/*
 * evaluate(model, source, version): metric, result
 */
Datum
custseg_evaluate(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsPlacedRows *rows;
	CsTeam	   *team;
	CsValidity	v;
	CsSilhouette *s;

	if (PG_ARGISNULL(EVALUATE_MODEL))
		return (Datum) 0;
	rows = CsPlacedRowsRead(CsTextArgument(fcinfo, EVALUATE_MODEL), CsVersionArgument(fcinfo, EVALUATE_VERSION),
							CsTextArgument(fcinfo, EVALUATE_SOURCE), CS_JUDGED_ROWS, false);
	team = CsPlacedRowsTeam(rows);
	v = rows->validity != NULL ? *rows->validity : CsValidityOfLabels(team, rows->matrix, rows->labels, rows->k);
	s = CsSilhouetteOfRows(team, rows->matrix, rows->labels, rows->k, CS_JUDGED_ROWS, SAMPLE_SEED);
	CsTeamEnd(team);
	PutMetrics(result, rows, &v, s);
	CsPlacedRowsFree(rows);
	return (Datum) 0;
}

/* Every row that has a width to the result. */
static void
PutWidths(CsResult *result, const CsPlacedRows *rows, const CsSilhouette *s)
{
	const CsScoring *scoring = &rows->placer->scoring;
	const CsScorerSegment *segments = CsScorerSegments(scoring->scorer) +
		(scoring->fitted.has_noise ? 1 : 0);
	const int32 *labels = CsArenaAddress(rows->arena, rows->labels);

	for (int64 i = 0; s->row != NULL && i < s->used; i++)
	{
		const char *id = rows->ids[s->row[i]];
		CsValue		name = CsValueText(id);

		CsResultPut(result, CsValues(name,
									 CsValueInt4(segments[labels[s->row[i]]].segment),
									 CsValueFloat8(s->width[i]),
									 s->neighbor[i] < 0 ? CsValueNull(INT4OID) :
									 CsValueInt4(segments[s->neighbor[i]].segment)));
		if (id != NULL)
			pfree(DatumGetPointer(name.datum));
	}
}

/* Say how many rows the silhouettes are of, where these are not all that could be placed. */
static void
TellSample(const CsPlacedRows *rows, const CsSilhouette *s, int sample)
{
	int64		used = s->row == NULL ? 0 : s->used;
	bool		is_full = used == sample && used < rows->matrix->nrows;

	if (rows->drawn_of > 0)
		ereport(NOTICE,
				(errmsg("silhouettes are computed from a sample of %lld of some %.0f rows", (long long) used, rows->drawn_of),
				 errdetail("All of them would not fit into maintenance_work_mem, so rows of the lowest hashes of the id were fetched from other servers."),
				 errhint("Raise %s to use more rows; the time grows with the square of \"sample\".",
						 is_full ? "\"sample\"" : "maintenance_work_mem")));
	else if (is_full)
		ereport(NOTICE,
				(errmsg("silhouettes are computed from a sample of %lld of %lld rows", (long long) used,
						(long long) rows->matrix->nrows),
				 errhint("Raise \"sample\" to use more rows; the time grows with the square of \"sample\".")));
}

/*
 * silhouette(model, source, sample, version): id, segment, silhouette, neighbor
 */
Datum
custseg_silhouette(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsPlacedRows *rows;
	CsTeam	   *team;
	CsSilhouette *s;
	int			sample = CsIntArgument(fcinfo, SILHOUETTE_SAMPLE, CS_JUDGED_ROWS);

	if (PG_ARGISNULL(SILHOUETTE_MODEL))
		return (Datum) 0;
	if (sample < 2 || sample > CS_MAX_SILHOUETTE_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"sample\" must be between 2 and %d", CS_MAX_SILHOUETTE_ROWS),
				 errdetail("It is %d.", sample)));
	rows = CsPlacedRowsRead(CsTextArgument(fcinfo, SILHOUETTE_MODEL), CsVersionArgument(fcinfo, SILHOUETTE_VERSION),
							CsTextArgument(fcinfo, SILHOUETTE_SOURCE), sample, true);
	team = CsPlacedRowsTeam(rows);
	s = CsSilhouetteOfRows(team, rows->matrix, rows->labels, rows->k, sample, SAMPLE_SEED);
	CsTeamEnd(team);
	TellSample(rows, s, sample);
	PutWidths(result, rows, s);
	CsPlacedRowsFree(rows);
	return (Datum) 0;
}
