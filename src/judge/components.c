/*
 * components.c
 *	  custseg.pca(): the principal components of the prepared features.
 *
 * The same components as option "pca" of prep reduces to, but all of them, so that one sees how many
 * are worth keeping; with "pca" those that it would keep.  Computed in prep/covariance.c and
 * prep/pca.c, or of rows on other servers by passes (train/distributed_prepare.c).
 */
#include "custseg.h"

#include "judge/judge.h"
#include "miscadmin.h"
#include "prep/prep.h"
#include "train/distributed.h"
#include "utils/memutils.h"

static const CsOption pca_options[] = {
	CS_SEED_OPTION(CsCommonOptions, seed),
	CS_ENGINE_OPTION(CsCommonOptions, engine),
};

PG_FUNCTION_INFO_V1(custseg_pca);

/* A component's weights by the names of the columns, as jsonb. */
static CsValue
Loadings(char **names, const double *weights, int n)
{
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	for (int j = 0; j < n; j++)
		CsJsonNumber(&json, names[j], weights[j]);
	return CsValueJsonb(CsJsonFinish(&json));
}

/* The first n components as rows of the result. */
static void
PutRows(CsResult *result, const CsComponents *c, int n, char **names)
{
	double		sum = 0;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg loadings",
												  ALLOCSET_DEFAULT_SIZES);

	for (int i = 0; i < n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		sum += c->variance[i];
		CsResultPut(result, CsValues(CsValueText(psprintf("PC%d", i + 1)),
									 CsValueFloat8(c->variance[i]),
									 CsValueFloat8(c->variance[i] / c->total),
									 CsValueFloat8(Min(sum / c->total, 1)),
									 Loadings(names, c->vectors + (Size) i * c->d, c->d)));
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

/*
 * pca(source, features, prep, options)
 */
Datum
custseg_pca(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	CsCommonOptions options = {0};
	CsRequest	request;
	CsTraining *t;
	CsTeam	   *team;
	CsCovariance covariance;
	CsComponents components;
	double		asked;

	request = CsJudgingRequest(fcinfo, "custseg.pca()", pca_options, lengthof(pca_options), &options);
	t = CsTrainingOpen(&request);
	asked = t->prep->pca;
	t->prep->pca = 0;
	team = CsTrainingPrepare(t);
	covariance = CsTrainingCovariance(t, team);

	components = CsComponentsOfCovariance(&covariance);
	PutRows(result, &components,
			asked > 0 ? CsComponentsAsked(&components, asked) : components.d,
			CsPipelineScaledNames(t->pipeline));
	CsTrainingClose(t);
	return (Datum) 0;
}
