/*
 * registry.c
 *	  The algorithms by name: the one list of them, from which messages, compare() and all that names
 *	  them in C follow.
 */
#include "custseg.h"

#include "algo/algo.h"
#include "call/call.h"
#include "lib/stringinfo.h"

/* Every algorithm, in the order in which they are listed to people; the first is the usual one. */
#define ALGORITHMS(Do) \
	Do(CsKmeans) \
	Do(CsMinibatch) \
	Do(CsGmm) \
	Do(CsKmedoids) \
	Do(CsHierarchical) \
	Do(CsDbscan) \
	Do(CsHdbscan) \
	Do(CsRules) \
	Do(CsTreeAlgorithm)

#define DECLARE(algorithm) extern const CsAlgorithm algorithm;
#define POINT_TO(algorithm) &algorithm,

ALGORITHMS(DECLARE)

static const CsAlgorithm *const algorithms[] = {ALGORITHMS(POINT_TO)};

/* Names of engines, in the order of CsEngine; NULL at the end. */
const char *const CsEngines[] = {"auto", "local", "distributed", NULL};

PG_FUNCTION_INFO_V1(custseg_algorithms);

/* The algorithm of that name, or NULL. */
const CsAlgorithm *
CsAlgorithmLookup(const char *name)
{
	for (int i = 0; i < lengthof(algorithms); i++)
		if (strcmp(algorithms[i]->name, name) == 0)
			return algorithms[i];
	return NULL;
}

/* The algorithm at a place of the list, from 0, or NULL past its end. */
const CsAlgorithm *
CsAlgorithmAt(int i)
{
	return i < lengthof(algorithms) ? algorithms[i] : NULL;
}

/* The algorithm of that name, or an error whose hint lists the algorithms. */
const CsAlgorithm *
CsAlgorithmFind(const char *name)
{
	const CsAlgorithm *algorithm = CsAlgorithmLookup(name);
	StringInfoData known;

	if (algorithm != NULL)
		return algorithm;
	initStringInfo(&known);
	for (int i = 0; i < lengthof(algorithms); i++)
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", algorithms[i]->name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized algorithm \"%s\"", name),
			 errhint("Algorithms are: %s.", known.data)));
	return NULL;				/* keep the compiler quiet */
}

/*
 * The algorithm of that name, which must be one that finds segments; otherwise an error whose hint
 * lists those.
 */
const CsAlgorithm *
CsClusteringFind(const char *name)
{
	const CsAlgorithm *algorithm = CsAlgorithmFind(name);

	if (algorithm->is_given)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("algorithm \"%s\" does not find segments, because they are given", name),
				 errhint("Train a model with it, and judge the model with custseg.evaluate().")));
	return algorithm;
}

/*
 * Options of an algorithm whose struct of so many bytes begins with common ones, which are given: its own
 * from "json", or their defaults when that is NULL.  Palloc'd.
 */
void *
CsAlgorithmOptions(const CsOption *options, int noptions, size_t size, Jsonb *json,
				   const void *common, size_t common_size)
{
	CsOption   *own = palloc(sizeof(CsOption) * noptions);
	char	   *result = palloc0(size);
	int			n = 0;

	for (int i = 0; i < noptions; i++)
		if (options[i].offset >= common_size)
			own[n++] = options[i];
	CsOptionsParse(own, n, json, result);
	memcpy(result, common, common_size);
	pfree(own);
	return result;
}

/* algorithms(): a row an algorithm */
Datum
custseg_algorithms(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);

	for (int i = 0; i < lengthof(algorithms); i++)
	{
		const CsAlgorithm *a = algorithms[i];

		CsResultPut(result, CsValues(CsValueText(a->name), CsValueText(a->segments),
									 CsValueText(a->is_given ? "given with them" : a->finds_k ? "found" :
												 "given or chosen"),
									 CsValueBool(a->has_noise), CsValueText(a->memory_text),
									 CsValueText(a->keeps), CsValueText(a->time)));
	}
	return (Datum) 0;
}
