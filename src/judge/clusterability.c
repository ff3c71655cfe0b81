/*
 * clusterability.c
 *	  custseg.clusterability(): do the rows fall into groups at all?
 *
 * What decides is stat/structure.c, and is what train() and others say.  Hopkins' statistic is
 * returned for those who know it, and does not decide: a single normal cloud is no group, but far
 * from evenly spread.
 */
#include "custseg.h"

#include "catalog/pg_type.h"
#include "judge/judge.h"
#include "stat/dip.h"
#include "stat/null.h"

typedef struct Asked
{
	CsCommonOptions common;
	int			sample;
	int			references;
} Asked;

static const CsOption clusterability_options[] = {
	CS_SEED_OPTION(Asked, common.seed),
	CS_ENGINE_OPTION(Asked, common.engine),
	{"sample", CS_OPTION_INT, offsetof(Asked, sample), CS_STRUCTURE_ROWS, 100, 20000},
	{"references", CS_OPTION_INT, offsetof(Asked, references), CS_STRUCTURE_REFERENCES, 5, 1000},
};

PG_FUNCTION_INFO_V1(custseg_clusterability);

/* Bytes beside the prepared rows. */
static Size
ClusterabilityMemory(const CsTraining *t, int64 nrows, int ncolumns)
{
	const Asked *asked = t->judging;

	return CsStructureMemory(Min(nrows, asked->sample), ncolumns);
}

/*
 * clusterability(source, features, prep, options)
 */
Datum
custseg_clusterability(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	Asked		asked = {0};
	CsRequest	request;
	CsTraining *t;
	CsTeam	   *team;
	CsStructure s;
	int64		n;
	double		hopkins,
				hopkins_p;

	request = CsJudgingRequest(fcinfo, "custseg.clusterability()", clusterability_options,
							   lengthof(clusterability_options), &asked);
	request.measures = ClusterabilityMemory;
	request.sample = asked.sample;
	t = CsTrainingOpen(&request);
	team = CsTrainingPrepare(t);
	n = t->nrows;
	CsJudgeSample(t, asked.sample);
	hopkins = CsHopkins(team, t->matrix, (uint64) t->common->seed, &hopkins_p);
	s = CsTrainingStructure(t, team, asked.sample, asked.references);
	CsTeamEnd(team);
	CsResultPut(result, CsValues(CsValueInt8(n), CsValueInt8(s.n_sampled),
								 CsValueFloat8(hopkins), CsValueFloat8(hopkins_p),
								 s.best_k == 0 ? CsValueNull(INT4OID) : CsValueInt4(s.best_k),
								 CsValueFloat8(s.silhouette), CsValueFloat8(s.null_mean),
								 CsValueFloat8(s.null_sd), CsValueFloat8(s.p),
								 CsValueText(CsStructureName(s.rating)),
								 CsValueText(CsStructureSentence(&s))));
	CsTrainingClose(t);
	return (Datum) 0;
}
