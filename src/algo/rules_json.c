/*
 * rules_json.c
 *	  Rules written as they are read (rules_parse.c); borders that are still percentiles stay so.
 */
#include "custseg.h"

#include "algo/rules.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

/* A string, or null. */
static void
AppendText(StringInfo json, const char *text)
{
	if (text == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, text);
}

/* One side of a range: a percentile, or a number, for times a string. */
static void
AppendBound(StringInfo json, const CsRuleCondition *c, const CsRuleBound *bound, const char *key)
{
	char	   *words;

	if (!bound->given)
		return;
	if (json->data[json->len - 1] != '{')
		appendStringInfoString(json, ", ");
	escape_json(json, key);
	appendStringInfoString(json, ": ");
	if (bound->is_percentile)
	{
		appendStringInfo(json, "{\"percentile\": %s}", CsRuleNumberWords(NULL, bound->percentile));
		return;
	}
	if (bound->text != NULL)
	{
		escape_json(json, bound->text);
		return;
	}
	words = CsRuleNumberWords(c->feature, bound->value);
	if (c->feature != NULL && c->feature->kind == CS_TIME)
		escape_json(json, words);
	else
		appendStringInfoString(json, words);
}

static void
AppendCondition(StringInfo json, const CsRuleCondition *c)
{
	escape_json(json, c->name);
	appendStringInfoString(json, ": ");
	if (c->is_truth)
	{
		appendStringInfoString(json, c->low.value != 0 ? "true" : "false");
		return;
	}
	appendStringInfoChar(json, '{');
	if (c->has_levels)
	{
		appendStringInfo(json, "\"%s\": [", c->negated ? "not_in" : "in");
		for (int i = 0; i < c->nlevels; i++)
		{
			appendStringInfoString(json, i > 0 ? ", " : "");
			AppendText(json, c->levels[i]);
		}
		appendStringInfoChar(json, ']');
	}
	AppendBound(json, c, &c->low, c->low.strict ? "above" : "from");
	AppendBound(json, c, &c->high, c->high.strict ? "below" : "to");
	appendStringInfoChar(json, '}');
}

/* An entry of "segments": of a rule, or for everyone else without one. */
static void
AppendEntry(StringInfo json, const CsRuleSet *set, const CsRule *r)
{
	appendStringInfoString(json, json->len > 1 ? ", {\"name\": " : "{\"name\": ");
	escape_json(json, set->names[r->segment]);
	if (set->descriptions[r->segment] != NULL)
	{
		appendStringInfoString(json, ", \"description\": ");
		escape_json(json, set->descriptions[r->segment]);
	}
	if (r->nconditions > 0)
		appendStringInfoString(json, ", \"when\": {");
	for (int i = 0; i < r->nconditions; i++)
	{
		appendStringInfoString(json, i > 0 ? ", " : "");
		AppendCondition(json, &r->conditions[i]);
	}
	appendStringInfoString(json, r->nconditions > 0 ? "}}" : "}");
}

/* See rules.h. */
Jsonb *
CsRulesToJsonb(const CsRuleSet *set)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < set->nrules; i++)
		AppendEntry(&json, set, &set->rules[i]);
	appendStringInfoChar(&json, ']');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}
