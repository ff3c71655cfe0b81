/*
 * custseg.c
 *	  Module start: settings, callbacks, and libraries made safe for a server process.
 */
#include "custseg.h"

#include <gsl/gsl_errno.h>

#include "catalog/tables.h"
#include "fmgr.h"
#include "life/life.h"
#include "train/train.h"
#include "score/score.h"
#include "utils/guc.h"
#include "value/predictor.h"
#include "value/worth.h"

#if PG_VERSION_NUM >= 180000
PG_MODULE_MAGIC_EXT(.name = "custseg", .version = CUSTSEG_VERSION);
#else
PG_MODULE_MAGIC;
#endif

PGDLLEXPORT void _PG_init(void);

int			CsCacheSize = 16 * 1024;
int			CsProcessors = 0;

/* A scorer of a model of segments. */
static void *
CompileSegments(Jsonb *definition, const CsStoredParameters *parameters)
{
	return CsScorerFromParts(definition, parameters);
}

const CsCompile CsCompilers[CS_MODEL_KINDS] = {
	[CS_MODEL_SEGMENTS] = CompileSegments,
	[CS_MODEL_PURCHASES] = CsWorthCompile,
	[CS_MODEL_VALUE] = CsPredictorCompile,
	[CS_MODEL_PROBABILITY] = CsPredictorCompile
};

const CsRetrain CsRetrainers[CS_MODEL_KINDS] = {
	[CS_MODEL_SEGMENTS] = CsRetrainSegments,
	[CS_MODEL_PURCHASES] = CsRetrainPurchases,
	[CS_MODEL_VALUE] = CsRetrainValue,
	[CS_MODEL_PROBABILITY] = CsRetrainValue
};

const CsImporter *const CsImporters[CS_MODEL_KINDS] = {
	[CS_MODEL_SEGMENTS] = &CsSegmentsImporter,
	[CS_MODEL_PURCHASES] = &CsWorthImporter,
	[CS_MODEL_VALUE] = &CsPredictorImporter,
	[CS_MODEL_PROBABILITY] = &CsPredictorImporter
};

void
_PG_init(void)
{
	/* GSL's default on an error is abort(); every call checks its status instead. */
	gsl_set_error_handler_off();

	DefineCustomIntVariable("custseg.cache_size",
							"Sets the memory in which a session keeps fitted models.",
							"The least recently used models are dropped, and read again when they are needed.",
							&CsCacheSize,
							16 * 1024, 64, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomIntVariable("custseg.processors",
							"Sets the processors that trainings count on: they never have more processes.",
							"0 stands for those that are online. Set it where a container may use fewer.",
							&CsProcessors,
							0, 0, 1024,
							PGC_USERSET, 0,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("custseg");
	CsGenerationInit();
}
