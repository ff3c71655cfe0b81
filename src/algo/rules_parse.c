/*
 * rules_parse.c
 *	  Rules as they are written:
 *
 *	{"segments": [
 *		{"name": "loyal", "when": {"recency": {"to": 30}, "value": {"above": {"percentile": 80}}}},
 *		{"name": "app", "when": {"channel": {"in": ["ios", "android"]}, "newsletter": true}},
 *		{"name": "others"}],
 *	 "else": "others",
 *	 "scores": {"value": [
 *		{"feature": "frequency", "quantiles": 5, "weight": 2},
 *		{"feature": "recency", "thresholds": [30, 90, 365], "direction": "low"}]}}
 *
 * Segments are looked at in their order, and the first whose conditions all hold is the customer's.  One
 * name may come again with other conditions.  A name in "when" is a score or else a feature.
 */
#include "custseg.h"

#include <math.h>

#include "algo/rules.h"
#include "call/json.h"

#define Reject(...) ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), __VA_ARGS__))

/* Where we are, for messages: rule 2 ("loyal"), condition on "recency". */
typedef struct Place
{
	const char *rule;
	const char *name;
} Place;

/* The percentile of {"percentile": p}, an error for anything else. */
static double
ParsePercentile(JsonbContainer *object, const Place *place)
{
	JsonbValue	value;
	double		percentile = -1;

	if (JsonContainerSize(object) != 1 ||
		!CsJsonFind(object, "percentile", &value) ||
		!CsJsonGetNumber(&value, &percentile) || percentile < 0 || percentile > 100)
		Reject(errmsg("%s: a border of \"%s\" is not valid", place->rule, place->name),
			   errhint("Give a number, or {\"percentile\": 80} with a number between 0 and 100."));
	return percentile;
}

/* One side of a range. */
static void
ParseBound(CsRuleBound *bound, bool strict, const JsonbValue *value, const Place *place)
{
	if (bound->given)
		Reject(errmsg("%s: \"%s\" has two borders on the same side", place->rule, place->name),
			   errhint("Give \"from\" or \"above\", and \"to\" or \"below\"."));
	bound->given = true;
	bound->strict = strict;
	if (value->type == jbvString)
		bound->text = CsJsonString(value);
	else if (CsJsonGetObject(value) != NULL)
	{
		bound->is_percentile = true;
		bound->percentile = ParsePercentile(CsJsonGetObject(value), place);
	}
	else if (!CsJsonGetNumber(value, &bound->value))
		Reject(errmsg("%s: a border of \"%s\" is not valid", place->rule, place->name),
			   errhint("Give a number, or {\"percentile\": 80} with a number between 0 and 100."));
}

/* A list of levels: strings, and null for NULL. */
static void
ParseLevels(CsRuleCondition *c, bool negated, const JsonbValue *value, const Place *place)
{
	JsonbContainer *array = CsJsonGetArray(value);
	CsJsonEach	each;

	if (c->has_levels)
		Reject(errmsg("%s: \"%s\" has two lists of levels", place->rule, place->name),
			   errhint("Give \"in\" or \"not_in\"."));
	if (array == NULL || JsonContainerSize(array) == 0)
		Reject(errmsg("%s: the levels of \"%s\" must be an array of strings", place->rule,
					  place->name),
			   errhint("Write it like {\"in\": [\"web\", \"app\"]}; null is a level as well."));
	c->has_levels = true;
	c->negated = negated;
	c->nlevels = JsonContainerSize(array);
	c->levels = palloc0(sizeof(char *) * c->nlevels);
	each = CsJsonEachOf(array);
	while (CsJsonNext(&each))
	{
		if (each.value.type == jbvString)
			c->levels[each.at] = CsJsonString(&each.value);
		else if (each.value.type != jbvNull)
			Reject(errmsg("%s: the levels of \"%s\" must be an array of strings", place->rule,
						  place->name),
				   errhint("Write it like {\"in\": [\"web\", \"app\"]}; null is a level as well."));
	}
}

/* {"from": ..., "below": ..., "in": [...]} */
static void
ParseConditionObject(CsRuleCondition *c, JsonbContainer *object, const Place *place)
{
	CsJsonEach	each = CsJsonEachOf(object);

	while (CsJsonNext(&each))
	{
		if (CsJsonIsText(&each.key, "from") || CsJsonIsText(&each.key, "above"))
			ParseBound(&c->low, CsJsonIsText(&each.key, "above"), &each.value, place);
		else if (CsJsonIsText(&each.key, "to") || CsJsonIsText(&each.key, "below"))
			ParseBound(&c->high, CsJsonIsText(&each.key, "below"), &each.value, place);
		else if (CsJsonIsText(&each.key, "in") || CsJsonIsText(&each.key, "not_in"))
			ParseLevels(c, CsJsonIsText(&each.key, "not_in"), &each.value, place);
		else
			Reject(errmsg("%s: unrecognized key \"%s\" in the condition on \"%s\"", place->rule,
						  CsJsonString(&each.key), place->name),
				   errhint("Valid keys are \"from\", \"above\", \"to\", \"below\", \"in\", \"not_in\"."));
	}
	if (!c->has_levels && !c->low.given && !c->high.given)
		Reject(errmsg("%s: the condition on \"%s\" is empty", place->rule, place->name),
			   errhint("Leave \"%s\" out where any value is allowed.", place->name));
	if (c->has_levels && (c->low.given || c->high.given))
		Reject(errmsg("%s: the condition on \"%s\" has levels and borders", place->rule,
					  place->name),
			   errhint("A feature is a number or has levels."));
	if (c->low.given && c->high.given && !c->low.is_percentile && !c->high.is_percentile &&
		c->low.text == NULL && c->high.text == NULL &&
		(c->low.value > c->high.value ||
		 (c->low.value == c->high.value && (c->low.strict || c->high.strict))))
		Reject(errmsg("%s: no value of \"%s\" can be within its borders", place->rule, place->name),
			   errhint("The lower border must be below the upper one."));
}

/* A condition; a value in place of an object stands for what is equal to it. */
static void
ParseCondition(CsRuleCondition *c, const JsonbValue *value, const Place *place)
{
	if (CsJsonGetObject(value) != NULL)
	{
		ParseConditionObject(c, CsJsonGetObject(value), place);
		return;
	}
	if (value->type == jbvString)
	{
		c->has_levels = true;
		c->nlevels = 1;
		c->levels = palloc(sizeof(char *));
		c->levels[0] = CsJsonString(value);
		return;
	}
	c->low.given = c->high.given = true;
	if (value->type == jbvBool)
	{
		c->is_truth = true;
		c->low.value = value->val.boolean ? 1 : 0;
	}
	else if (!CsJsonGetNumber(value, &c->low.value))
		Reject(errmsg("%s: the condition on \"%s\" is not valid", place->rule, place->name),
			   errhint("Write it like {\"%s\": {\"from\": 10, \"below\": 20}}, {\"%s\": {\"in\": [\"web\"]}} or {\"%s\": true}.",
					   place->name, place->name, place->name));
	c->high.value = c->low.value;
}

/* Index of the score of that name, or -1. */
static int
FindScore(const CsRuleSet *set, const char *name)
{
	for (int i = 0; i < set->nscores; i++)
		if (strcmp(set->scores[i].name, name) == 0)
			return i;
	return -1;
}

/* Index of the segment of that name, or -1. */
static int
FindSegment(const CsRuleSet *set, const char *name)
{
	for (int i = 0; i < set->nsegments; i++)
		if (strcmp(set->names[i], name) == 0)
			return i;
	return -1;
}

/* The conditions of a rule. */
static void
ParseWhen(CsRuleSet *set, CsRule *rule, JsonbContainer *when, const char *label)
{
	CsJsonEach	each = CsJsonEachOf(when);

	rule->conditions = palloc0(sizeof(CsRuleCondition) * Max(JsonContainerSize(when), 1));
	while (CsJsonNext(&each))
	{
		CsRuleCondition *c = &rule->conditions[rule->nconditions++];
		Place		place = {label, NULL};

		place.name = c->name = CsJsonString(&each.key);
		c->score = FindScore(set, c->name);
		ParseCondition(c, &each.value, &place);
		if (c->score >= 0 && (c->has_levels || c->is_truth || c->low.text != NULL ||
							  c->high.text != NULL))
			Reject(errmsg("%s: score \"%s\" is a number", label, c->name),
				   errhint("Give it borders: {\"%s\": {\"from\": 10}}.", c->name));
	}
	if (rule->nconditions == 0)
		Reject(errmsg("%s: \"when\" is empty", label),
			   errhint("Leave it out, and name the segment in \"else\"."));
}

/* What "segments" has for one of them: a name, and perhaps conditions and a description. */
static void
ParseSegment(CsRuleSet *set, const JsonbValue *element, int position)
{
	JsonbContainer *object = CsJsonGetObject(element);
	JsonbContainer *when = NULL;
	CsJsonEach	each;
	char	   *name = NULL,
			   *description = NULL;
	int			segment;

	if (object == NULL)
		Reject(errmsg("element %d of option \"segments\" must be an object", position),
			   errhint("Write it like {\"name\": \"loyal\", \"when\": {\"recency\": {\"to\": 30}}}."));
	each = CsJsonEachOf(object);
	while (CsJsonNext(&each))
	{
		if (CsJsonIsText(&each.key, "name") && each.value.type == jbvString && each.value.val.string.len > 0)
			name = CsJsonString(&each.value);
		else if (CsJsonIsText(&each.key, "description") && each.value.type == jbvString)
			description = CsJsonString(&each.value);
		else if (CsJsonIsText(&each.key, "when") && CsJsonGetObject(&each.value) != NULL)
			when = CsJsonGetObject(&each.value);
		else
			Reject(errmsg("element %d of option \"segments\": \"%s\" is not valid", position,
						  CsJsonString(&each.key)),
				   errhint("A segment has a \"name\" and a \"description\", which are strings, and a \"when\", an object."));
	}
	if (name == NULL)
		Reject(errmsg("element %d of option \"segments\" has no name", position),
			   errhint("Write it like {\"name\": \"loyal\", \"when\": {\"recency\": {\"to\": 30}}}."));
	segment = FindSegment(set, name);
	if (segment < 0)
	{
		segment = set->nsegments++;
		set->names[segment] = name;
	}
	if (description != NULL)
		set->descriptions[segment] = description;
	if (when != NULL)
	{
		CsRule	   *rule = &set->rules[set->nrules++];

		rule->segment = segment;
		ParseWhen(set, rule, when, CsRuleLabel(set, set->nrules - 1));
	}
}

/* Cut points as they are given. */
static void
ParseThresholds(CsRuleTerm *term, const JsonbValue *value, const char *score)
{
	term->cuts = palloc(sizeof(double) * RULES_MAX_CUTS);
	term->ncuts = CsJsonGetAscending(value, term->cuts, RULES_MAX_CUTS);
	if (term->ncuts < 1)
		Reject(errmsg("score \"%s\": \"thresholds\" must be 1 to %d ascending numbers", score,
					  RULES_MAX_CUTS));
}

/* One member of a term; false when it is not valid. */
static bool
ParseTermMember(CsRuleTerm *term, const JsonbValue *key, const JsonbValue *value, const char *score)
{
	int64		number;

	if (CsJsonIsText(key, "feature") && value->type == jbvString)
		term->name = CsJsonString(value);
	else if (CsJsonIsText(key, "weight"))
		return CsJsonGetNumber(value, &term->weight) && term->weight != 0;
	else if (CsJsonIsText(key, "direction") && value->type == jbvString &&
			 (CsJsonIsText(value, "high") || CsJsonIsText(value, "low")))
		term->reversed = CsJsonIsText(value, "low");
	else if (CsJsonIsText(key, "quantiles"))
	{
		if (!CsJsonGetInteger(value, 2, RULES_MAX_CUTS + 1, &number))
			return false;
		term->quantiles = (int) number;
	}
	else if (CsJsonIsText(key, "thresholds"))
		ParseThresholds(term, value, score);
	else
		return false;
	return true;
}

/* A feature's part in a score. */
static void
ParseTerm(CsRuleTerm *term, const JsonbValue *element, const char *score)
{
	JsonbContainer *object = CsJsonGetObject(element);
	CsJsonEach	each;

	if (object == NULL)
		Reject(errmsg("score \"%s\" must be an array of objects", score),
			   errhint("Write it like [{\"feature\": \"frequency\", \"quantiles\": 5}]."));
	term->weight = 1;
	each = CsJsonEachOf(object);
	while (CsJsonNext(&each))
		if (!ParseTermMember(term, &each.key, &each.value, score))
			Reject(errmsg("score \"%s\": \"%s\" is not valid", score, CsJsonString(&each.key)),
				   errhint("A term has a \"feature\", and perhaps a \"weight\", which is not 0, a \"direction\", \"high\" or \"low\", and \"quantiles\", 2 to %d, or \"thresholds\", an array.",
						   RULES_MAX_CUTS + 1));
	if (term->name == NULL)
		Reject(errmsg("a term of score \"%s\" has no feature", score),
			   errhint("Write it like {\"feature\": \"frequency\", \"quantiles\": 5}."));
	if (term->quantiles > 0 && term->ncuts > 0)
		Reject(errmsg("score \"%s\": a term has \"quantiles\" and \"thresholds\"", score),
			   errhint("Give one of them, or none to add up the feature's values."));
}

static void
ParseScores(CsRuleSet *set, Jsonb *json)
{
	CsJsonEach	each;

	if (json == NULL)
		return;
	if (JB_ROOT_COUNT(json) > RULES_MAX_SCORES)
		Reject(errmsg("%d scores are too many, the limit is %d", (int) JB_ROOT_COUNT(json),
					  RULES_MAX_SCORES));
	set->scores = palloc0(sizeof(CsRuleScore) * RULES_MAX_SCORES);
	each = CsJsonEachOf(&json->root);
	while (CsJsonNext(&each))
	{
		CsRuleScore *score = &set->scores[set->nscores++];
		JsonbContainer *array = CsJsonGetArray(&each.value);
		CsJsonEach	term;

		score->name = CsJsonString(&each.key);
		if (array == NULL || JsonContainerSize(array) == 0)
			Reject(errmsg("score \"%s\" must be an array of objects", score->name),
				   errhint("Write it like [{\"feature\": \"frequency\", \"quantiles\": 5}]."));
		score->nterms = JsonContainerSize(array);
		score->terms = palloc0(sizeof(CsRuleTerm) * score->nterms);
		term = CsJsonEachOf(array);
		while (CsJsonNext(&term))
			ParseTerm(&score->terms[term.at], &term.value, score->name);
	}
}

/* Every segment must have a rule or be the "else", which must be one of them. */
static void
ParseElse(CsRuleSet *set, const char *otherwise)
{
	bool	   *reached = palloc0(sizeof(bool) * set->nsegments);
	int			segment = -1;

	if (otherwise != NULL)
	{
		segment = FindSegment(set, otherwise);
		if (segment < 0)
			Reject(errmsg("option \"else\" names \"%s\", which is not one of the segments", otherwise),
				   errhint("Add {\"name\": \"%s\"} to \"segments\".", otherwise));
		set->rules[set->nrules++].segment = segment;
	}
	for (int i = 0; i < set->nrules; i++)
		reached[set->rules[i].segment] = true;
	for (int i = 0; i < set->nsegments; i++)
		if (!reached[i])
			Reject(errmsg("segment \"%s\" has no conditions", set->names[i]),
				   errhint("Give it a \"when\", or name it in option \"else\"."));
	pfree(reached);
}

/* Read the rules from the options; palloc'd.  Anything that makes no sense is an error. */
CsRuleSet *
CsRulesParse(const RulesOptions *options)
{
	CsRuleSet  *set = palloc0(sizeof(CsRuleSet));
	int			n = options->segments == NULL ? 0 : JB_ROOT_COUNT(options->segments);
	CsJsonEach	each;

	if (n == 0 || n > RULES_MAX)
		Reject(errmsg("option \"segments\" must list 1 to %d segments", RULES_MAX),
			   errhint("Write options => '{\"segments\": [{\"name\": \"recent\", \"when\": {\"recency\": {\"to\": 30}}}, {\"name\": \"others\"}], \"else\": \"others\"}'."));
	ParseScores(set, options->scores);
	set->names = palloc0(sizeof(char *) * n);
	set->descriptions = palloc0(sizeof(char *) * n);
	set->rules = palloc0(sizeof(CsRule) * (n + 1));
	each = CsJsonEachOf(&options->segments->root);
	while (CsJsonNext(&each))
		ParseSegment(set, &each.value, each.at + 1);
	ParseElse(set, options->otherwise);
	return set;
}

/* How messages call a rule, as in rule 2 ("loyal"); palloc'd. */
char *
CsRuleLabel(const CsRuleSet *set, int rule)
{
	return psprintf("rule %d (\"%s\")", rule + 1, set->names[set->rules[rule].segment]);
}

/* Append a name unless it is there. */
static List *
AppendName(List *names, char *name)
{
	ListCell   *cell;

	foreach(cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return names;
	return lappend(names, name);
}

/*
 * The features of all conditions and scores, in the order in which they are written, as
 * CsAlgorithm.features.
 */
List *
CsRulesFeatures(const void *options)
{
	const CsRuleSet *set = CsRulesParse(options);
	List	   *names = NIL;

	for (int i = 0; i < set->nrules; i++)
		for (int j = 0; j < set->rules[i].nconditions; j++)
			if (set->rules[i].conditions[j].score < 0)
				names = AppendName(names, set->rules[i].conditions[j].name);
	for (int i = 0; i < set->nscores; i++)
		for (int j = 0; j < set->scores[i].nterms; j++)
			names = AppendName(names, set->scores[i].terms[j].name);
	return names;
}
