/*
 * rules.c
 *	  The rules of a rule model, to be read: rules().
 */
#include "custseg.h"

#include "algo/rules.h"
#include "funcapi.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

static const char *const options_sql =
"SELECT v.options FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

PG_FUNCTION_INFO_V1(custseg_rules);

/* See score.h. */
void *
CsScorerOptions(const CsScorer *scorer)
{
	const CsAlgorithm *algorithm = CsAlgorithmFind(NameStr(scorer->algorithm));
	MemoryContext context = CurrentMemoryContext;
	void	   *options = palloc0(algorithm->options_size);
	Jsonb	   *json = NULL;
	CsValue		arguments[2];

	/* as the cache's: the version may be younger than the statement, and this may be a worker */
	PushActiveSnapshot(GetCatalogSnapshot(CsModelTable()));
	SPI_connect();
	arguments[0] = CsValueText(NameStr(scorer->model));
	arguments[1] = CsValueInt4(scorer->version);
	if (CsCatalogExecute(options_sql, arguments, lengthof(arguments), true) > 0)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		MemoryContext old = MemoryContextSwitchTo(context);

		if (!isnull)
			json = DatumGetJsonbPCopy(value);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	PopActiveSnapshot();
	if (json == NULL)
		CsReportDroppedVersion(scorer);
	CsOptionsParse(algorithm->options, algorithm->noptions, json, options);
	return options;
}

/* Put one rule into the result; its segment is called as it is now. */
static void
PutRule(ReturnSetInfo *rsinfo, const CsScoring *scoring, const CsRuleSet *set, int rule)
{
	const CsScorer *scorer = scoring->scorer;
	const CsScorerSegment *segment =
		&CsScorerSegments(scorer)[(int) scoring->fitted.parameters[RULES_RULES].values[rule]];
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = Int32GetDatum(rule + 1);
	values[1] = Int32GetDatum(segment->segment);
	values[2] = CStringGetTextDatum(CsScorerAt(scorer, char, segment->name));
	values[3] = CStringGetTextDatum(CsRuleWords(set, rule));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* See score.h. */
const CsScorer *
CsRulesScorer(const char *model, int version, CsScoring *scoring)
{
	const CsScorer *scorer = CsCacheGet(model, version);

	CsCachePin(scorer, CurrentMemoryContext);
	CsScoringInit(scoring, scorer, CurrentMemoryContext);
	if (scoring->algorithm != &CsRules)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("version %d of model \"%s\" has no rules", scorer->version,
						NameStr(scorer->model)),
				 errdetail("It is of algorithm \"%s\".", NameStr(scorer->algorithm)),
				 errhint("Train with algorithm => 'rules'.")));
	return scorer;
}

/* rules(model, version) */
Datum
custseg_rules(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const CsScorer *scorer;
	CsScoring	scoring;
	CsRuleSet  *set;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	scorer = CsRulesScorer(text_to_cstring(PG_GETARG_TEXT_PP(0)), CsVersionArgument(fcinfo, 1),
						   &scoring);
	set = CsRulesBound(CsScorerOptions(scorer), CsScorerPipeline(scorer));
	CsRulesRestore(set, &scoring.fitted, CsScorerPipeline(scorer));
	for (int i = 0; i < set->nrules; i++)
		PutRule(rsinfo, &scoring, set, i);
	return (Datum) 0;
}
