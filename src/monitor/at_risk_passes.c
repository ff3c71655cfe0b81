/*
 * at_risk_passes.c
 *	  Customers on other servers that are about to fall into a segment of lower value: who is nearest to a border.
 *
 *	 survey			rows, and values that are missing
 *	 margins		the hashes of the ids of who is nearest
 *
 * Then these customers, and nobody else, are fetched.
 */
#include "custseg.h"

#include "call/call.h"
#include "dist/dist.h"
#include "monitor/monitor.h"
#include "score/margin_pass.h"
#include "score/pass.h"

/* Study the features of a version; palloc'd.  OUT which number, or text, of a row each is. */
static CsStudy *
Study(const CsPieces *pieces, const CsPass *pass, const CsPlacer *placer, int *at)
{
	const CsPipeline *p = CsScorerPipeline(placer->scoring.scorer);
	CsColumn   *columns = palloc(sizeof(CsColumn) * Max(p->nfeatures, 1));
	CsStudy    *study;

	for (int i = 0; i < p->nfeatures; i++)
	{
		columns[i] = pass->columns.columns[placer->column[i]];
		columns[i].converter = CsFeatureConverter(&p->feature[i], &columns[i]);
	}
	study = CsStudyOpen(pieces, columns, p->nfeatures, palloc0(sizeof(bool) * Max(p->nfeatures, 1)));
	for (int i = 0; i < p->nfeatures; i++)
		at[i] = study->column[i].at;
	return study;
}

/* Is a value missing that has to be there?  Then it is an error, but not of a customer of whom somebody has decided. */
static bool
LacksValues(const CsStudy *study, const CsPipeline *p)
{
	for (int i = 0; i < p->nfeatures; i++)
		if (p->feature[i].impute == CS_IMPUTE_ERROR && study->column[i].n_null > 0)
			return true;
	return false;
}

/* Are there columns that passes cannot read? */
static bool
HasElements(const CsPass *pass)
{
	for (int i = 0; i < pass->columns.ncolumns; i++)
		if (pass->columns.columns[i].element > 0 || pass->columns.columns[i].vector != NULL)
			return true;
	return false;
}

/*
 * Run passes that keep the rows nearest to a border: more and more, until as many as there is "room" for are surely among
 * them without those of so many customers of whom somebody has decided, who may have several rows each.  OUT the last pass.
 * Returns false where a pass would keep too many.
 */
static bool
FindNearest(CsStudy *study, CsMarginRequest *request, int room, int decided, CsTallyRun *run)
{
	for (; request->room <= CS_CLOSEST_MOST; request->room *= 4)
	{
		JsonbParseState *json = NULL;

		CsStudyBegin(study, false, NULL, &json);
		CsMarginPlan(&json, request);
		*run = CsStudyRun(study, &json);
		if (decided == 0 || CsMarginSuffice(run->pass, &run->pass->parts[0], run->state, room, decided))
			return true;
	}
	return false;
}

/*
 * Where the rows of a pass are on other servers, have it read the customers alone who are nearest to the border of a segment
 * of a lower value, as many as there is "room" for and those of whom somebody has decided.  Nothing changes where nothing
 * says who a customer is, where a value is missing that has to be there, or where those of whom somebody has decided have
 * too many rows: then rows are read as they are.
 */
void
CsRiskByPasses(CsPass *pass, const CsPlacer *placer, const int *ranks, int room, double most)
{
	const CsScorer *scorer = placer->scoring.scorer;
	const CsPieces *pieces = CsPiecesElsewhere(pass->relation);
	List	   *key = CsFindKey(pass->relation, CsScorerId(scorer));
	const char *number = pieces == NULL || HasElements(pass) ? NULL : CsKeyNumber(pass->relation, key);
	int		   *at = palloc(sizeof(int) * Max(CsScorerPipeline(scorer)->nfeatures, 1));
	int			decided = placer->overrides == NULL ? 0 : placer->overrides->n;
	CsMarginRequest request = {.scorer = scorer,.columns = at,.ranks = ranks,.most = most,.room = (int64) room + decided};
	CsStudy    *study;
	CsTallyRun	run;
	double	   *keys;
	int64		n;

	if (number == NULL)
		return;
	study = Study(pieces, pass, placer, at);
	if (LacksValues(study, CsScorerPipeline(scorer)))
		return;
	appendStringInfo(&study->read.numbers, "%s%s", study->read.nnumbers > 0 ? ", " : "", number);
	study->read.nnumbers++;
	request.key = study->read.nnumbers - 1;
	if (!FindNearest(study, &request, room, decided, &run))
		return;
	keys = CsMarginKeys(run.pass, &run.pass->parts[0], run.state, &n);
	pass->relation = CsRelationOfKeys(pass->relation, key, keys, n, pieces->nstates);
	/* customers whom nothing identifies all come where one of them is near, and no more are kept than are listed */
	CsPassStream(pass);
}
