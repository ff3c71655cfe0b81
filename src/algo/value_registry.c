/*
 * value_registry.c
 *	  The algorithms that predict a number or a probability, by name.
 */
#include "custseg.h"

#include "algo/value.h"
#include "lib/stringinfo.h"

/* Every algorithm, in the order in which they are listed to people. */
#define ALGORITHMS(Do) \
	Do(CsForest) \
	Do(CsXgboost) \
	Do(CsLinear) \
	Do(CsLogistic)

#define DECLARE(algorithm) extern const CsValueAlgorithm algorithm;
#define POINT_TO(algorithm) &algorithm,

ALGORITHMS(DECLARE)

static const CsValueAlgorithm *const algorithms[] = {ALGORITHMS(POINT_TO)};

/* The algorithm at a place of the list, from 0, or NULL past its end. */
const CsValueAlgorithm *
CsValueAlgorithmAt(int i)
{
	return i < lengthof(algorithms) ? algorithms[i] : NULL;
}

/* The algorithm of that name, or an error whose hint lists the algorithms. */
const CsValueAlgorithm *
CsValueAlgorithmFind(const char *name)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; i < lengthof(algorithms); i++)
	{
		if (strcmp(algorithms[i]->name, name) == 0)
			return algorithms[i];
		CsAppendName(&known, algorithms[i]->name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no algorithm \"%s\" to predict by", name),
			 errhint("Algorithms are: %s.", known.data)));
	return NULL;				/* not reached */
}
