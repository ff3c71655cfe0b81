/*
 * rules_json.c
 *	  Rules written as they are read (rules_parse.c); borders that are still percentiles stay so.
 */
#include "custseg.h"

#include "algo/rules.h"
#include "call/json.h"

/* One side of a range: a percentile, or a number, for times a string. */
static void
PushBound(JsonbParseState **json, const CsRuleCondition *c, const CsRuleBound *bound, const char *key)
{
	const CsFeature *f = c->feature;
	double		value = f == NULL ? bound->value : bound->value * f->spread + f->center;

	if (!bound->given)
		return;
	if (bound->is_percentile)
	{
		CsJsonObject(json, key);
		CsJsonNumber(json, "percentile", bound->percentile);
		(void) CsJsonEnd(json);
	}
	else if (bound->text != NULL)
		CsJsonText(json, key, bound->text);
	else if (f != NULL && f->kind == CS_TIME)
		CsJsonText(json, key, CsRuleNumberWords(f, bound->value));
	else if (f != NULL && f->kind == CS_BOOLEAN)
		CsJsonBool(json, key, value != 0);
	else
		CsJsonNumber(json, key, value);
}

static void
PushCondition(JsonbParseState **json, const CsRuleCondition *c)
{
	if (c->is_truth)
	{
		CsJsonBool(json, c->name, c->low.value != 0);
		return;
	}
	CsJsonObject(json, c->name);
	if (c->has_levels)
	{
		CsJsonArray(json, c->negated ? "not_in" : "in");
		for (int i = 0; i < c->nlevels; i++)
			CsJsonText(json, NULL, c->levels[i]);
		(void) CsJsonEnd(json);
	}
	PushBound(json, c, &c->low, c->low.strict ? "above" : "from");
	PushBound(json, c, &c->high, c->high.strict ? "below" : "to");
	(void) CsJsonEnd(json);
}

/* An entry of "segments": of a rule, or for everyone else without one. */
static void
PushEntry(JsonbParseState **json, const CsRuleSet *set, const CsRule *r)
{
	CsJsonObject(json, NULL);
	CsJsonText(json, "name", set->names[r->segment]);
	if (set->descriptions[r->segment] != NULL)
		CsJsonText(json, "description", set->descriptions[r->segment]);
	if (r->nconditions > 0)
	{
		CsJsonObject(json, "when");
		for (int i = 0; i < r->nconditions; i++)
			PushCondition(json, &r->conditions[i]);
		(void) CsJsonEnd(json);
	}
	(void) CsJsonEnd(json);
}

/* The option "segments" with the borders as they are now; palloc'd. */
Jsonb *
CsRulesToJsonb(const CsRuleSet *set)
{
	JsonbParseState *json = NULL;

	CsJsonArray(&json, NULL);
	for (int i = 0; i < set->nrules; i++)
		PushEntry(&json, set, &set->rules[i]);
	return CsJsonFinish(&json);
}
