/*
 * rules.c
 *	  The rules of a rule model, to be read: rules().
 */
#include "custseg.h"

#include "algo/rules.h"
#include "score/score.h"

static const char *const options_sql =
"SELECT v.options FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

/* The arguments. */
enum
{
	ARG_MODEL, ARG_VERSION
};

PG_FUNCTION_INFO_V1(custseg_rules);

/*
 * The options that the version was trained with, as its algorithm reads them, palloc'd.  They are
 * read from the catalogue, since a scorer does not need them.
 */
void *
CsScorerOptions(const CsScorer *scorer)
{
	const CsAlgorithm *algorithm = CsAlgorithmFind(NameStr(scorer->algorithm));
	void	   *options = palloc0(algorithm->options_size);
	Jsonb	   *json = NULL;

	CsScorerRead(scorer, options_sql, CsTakeJsonb, &json);
	if (json == NULL)
		CsReportDroppedVersion(scorer);
	CsOptionsParse(algorithm->options, algorithm->noptions, json, options);
	return options;
}

/* Put one rule into the result; its segment is called as it is now. */
static void
PutRule(CsResult *result, const CsScoring *scoring, const CsRuleSet *set, int rule)
{
	const CsScorer *scorer = scoring->scorer;
	const CsScorerSegment *segment =
		&CsScorerSegments(scorer)[(int) scoring->fitted.parameters[RULES_RULES].values[rule]];

	CsResultPut(result, CsValues(CsValueInt4(rule + 1), CsValueInt4(segment->segment),
								 CsValueText(CsScorerAt(scorer, char, segment->name)),
								 CsValueText(CsRuleWords(set, rule)),
								 CsValueText(CsRuleScoreWords(set, rule))));
}

/*
 * A version of a rule model, pinned in CurrentMemoryContext; an error for a model of any other
 * algorithm.  OUT scoring.
 */
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
	CsResult   *result = CsResultOpen(fcinfo);
	char	   *model = CsTextArgument(fcinfo, ARG_MODEL);
	const CsScorer *scorer;
	CsScoring	scoring;
	CsRuleSet  *set;

	if (model == NULL)
		return (Datum) 0;
	scorer = CsRulesScorer(model, CsVersionArgument(fcinfo, ARG_VERSION), &scoring);
	set = CsRulesBound(CsScorerOptions(scorer), CsScorerPipeline(scorer));
	CsRulesRestore(set, &scoring.fitted, CsScorerPipeline(scorer));
	for (int i = 0; i < set->nrules; i++)
		PutRule(result, &scoring, set, i);
	return (Datum) 0;
}
