/*
 * variant.c
 *	  Which variant of an experiment a customer has: variant().
 *
 * By bucket that follows from the id alone, so that a shop can ask before the customer is enrolled, and gets
 * the same answer after.  In blocks, who is enrolled is who has a variant, and only the owner may know.
 * A customer who is excluded by hand has none either way.
 */
#include "custseg.h"

#include "experiment/experiment.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

static const char *const enrolled_sql =
"SELECT v.variant FROM custseg.enrolment AS n"
" JOIN custseg.experiment_variant AS v ON v.experiment OPERATOR(pg_catalog.=) n.experiment"
"  AND v.variant_number OPERATOR(pg_catalog.=) n.variant_number "
"WHERE n.experiment OPERATOR(pg_catalog.=) $1 AND n.customer OPERATOR(pg_catalog.=) $2";

PG_FUNCTION_INFO_V1(custseg_variant);

/* The arguments. */
enum
{
	ARG_EXPERIMENT, ARG_CUSTOMER
};

/* What a call site has found of an experiment; it is kept while a statement lasts. */
typedef struct VariantSite
{
	MemoryContext context;
	CsAsOf		as_of;
	CsExperiment *e;
	CsIdentity *identity;		/* of the model's customers; NULL: not known */
	CsOverrides *overrides;		/* NULL: there are none */
} VariantSite;

/* What a call site has to know of an experiment, in CurrentMemoryContext. */
static VariantSite *
MakeSite(const char *experiment)
{
	VariantSite *site = palloc0(sizeof(VariantSite));
	const CsScorer *scorer;

	site->context = CurrentMemoryContext;
	site->as_of = CsAsOfNow();
	site->e = CsExperimentRead(experiment);
	scorer = CsCacheGet(site->e->model, site->e->version);
	site->identity = CsIdentityOfModel(site->e->model);
	if (site->identity != NULL && CsOverridesHold(scorer))
		site->overrides = CsOverridesLoad(scorer, site->identity);
	if (site->e->assignment == CS_ASSIGN_BLOCKED)
		CsExperimentRequireOwner(site->e);
	return site;
}

/*
 * The site of a call, for the experiment that it names.  It has memory of its own, given back with the next one's coming:
 * a call may name another experiment, or the statement be another one, each time.
 */
static VariantSite *
FindSite(FunctionCallInfo fcinfo, const char *experiment)
{
	VariantSite *site = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (site != NULL && CsAsOfIsNow(&site->as_of) && strcmp(site->e->name, experiment) == 0)
		return site;
	fcinfo->flinfo->fn_extra = NULL;
	if (site != NULL)
		MemoryContextDelete(site->context);
	old = MemoryContextSwitchTo(AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "custseg variant", ALLOCSET_DEFAULT_SIZES));
	fcinfo->flinfo->fn_extra = site = MakeSite(experiment);
	MemoryContextSwitchTo(old);
	return site;
}

/* CsCatalogVisitor: the variant's name. */
static void
TakeName(void *state, const CsCatalogRow *row)
{
	*(char **) state = CsRowText(row, 1);
}

/* The variant of a customer who is not excluded, by the text of the id; NULL for none. */
const char *
CsVariantOf(const CsExperiment *e, char *customer)
{
	char	   *name = NULL;
	CsAssigning *a;

	if (e->assignment == CS_ASSIGN_BLOCKED)
	{
		CsCatalogRead(enrolled_sql, CsValues(CsValueText(e->name), CsValueText(customer)), TakeName, &name);
		return name;
	}
	a = CsAssigningBegin(e);
	if (CsAssigningTakesPart(a, customer))
		name = e->variants[CsAssigningVariant(a, customer) - 1].name;
	CsAssigningEnd(a);
	return name;
}

/* variant(experiment, customer): the name of the variant, NULL for who takes no part */
Datum
custseg_variant(PG_FUNCTION_ARGS)
{
	VariantSite *site;
	char	   *customer;
	const char *variant;

	if (PG_ARGISNULL(ARG_EXPERIMENT) || PG_ARGISNULL(ARG_CUSTOMER))
		PG_RETURN_NULL();
	site = FindSite(fcinfo, CsTextArgument(fcinfo, ARG_EXPERIMENT));
	customer = CsCustomerArgument(fcinfo, ARG_CUSTOMER, site->identity);
	variant = CsIsExcludedByText(site->overrides, customer) ? NULL : CsVariantOf(site->e, customer);
	if (variant == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(variant));
}
