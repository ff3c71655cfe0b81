/*
 * rules_words.c
 *	  Rules in words, and why a customer is where it is.
 *
 * Numbers are shown in the features' own units.  Those that were given stand as they were; those that
 * were fitted are rounded, so that they still part the same rows of the training (CsRoundBorder).
 */
#include "custseg.h"

#include <math.h>

#include "algo/rules.h"
#include "common/shortest_dec.h"
#include "data/relation.h"
#include "lib/stringinfo.h"
#include "nodes/bitmapset.h"

/* A number as short as it can be. */
static char *
Shortest(double value)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, digits);
	return pstrdup(digits);
}

/* A number in the units of feature f, or of a score if f is NULL; palloc'd. */
static char *
ValueWords(const CsFeature *f, double value)
{
	if (f == NULL || f->kind == CS_NUMERIC)
		return Shortest(value);
	if (f->kind == CS_BOOLEAN)
		return pstrdup(value != 0 ? "true" : "false");
	return CsIsInterval(f) ? psprintf("%s days", Shortest(value)) : CsTimeWords(value);
}

/* A number of model space in the units of feature f, or of a score if f is NULL; palloc'd. */
char *
CsRuleNumberWords(const CsFeature *f, double z)
{
	return ValueWords(f, f == NULL ? z : z * f->spread + f->center);
}

/* The value of feature f at z in words: a number in its units, or a level; palloc'd. */
char *
CsRuleValueWords(const CsPipeline *p, const CsFeature *f, const double *z)
{
	const CsLevel *levels = CsFeatureLevels(p, f);

	if (f->kind != CS_CATEGORICAL)
		return CsRuleNumberWords(f, z[f->first_output]);
	for (int l = 0; l < f->nlevels; l++)
		if (z[f->first_output + (int) levels[l].value] != 0)
			return levels[l].text == 0 ? pstrdup("NULL") :
				psprintf("\"%s\"", CsPipelineAt(p, char, levels[l].text));
	return pstrdup("another level");
}

/* Levels, as a list in parentheses or a single one. */
static void
AppendLevels(StringInfo words, const CsRuleCondition *c)
{
	if (c->nlevels == 1 && c->levels[0] == NULL)
	{
		appendStringInfoString(words, c->negated ? " is not NULL" : " is NULL");
		return;
	}
	if (c->nlevels == 1)
	{
		appendStringInfo(words, " %s \"%s\"", c->negated ? "is not" : "is", c->levels[0]);
		return;
	}
	appendStringInfoString(words, c->negated ? " is none of " : " is one of ");
	for (int i = 0; i < c->nlevels; i++)
		appendStringInfo(words, c->levels[i] == NULL ? "%sNULL" : "%s\"%s\"", i > 0 ? ", " : "",
						 c->levels[i]);
}

/* A border for people; palloc'd. */
static char *
BoundWords(const CsRuleCondition *c, const CsRuleBound *bound)
{
	return bound->is_percentile ? ValueWords(c->feature, bound->shown) :
		CsRuleNumberWords(c->feature, bound->value);
}

/* A condition in words; palloc'd. */
static char *
RuleConditionWords(const CsRuleSet *set, const CsRuleCondition *c)
{
	StringInfoData words;

	initStringInfo(&words);
	appendStringInfoString(&words, c->name);
	if (c->has_levels)
		AppendLevels(&words, c);
	else if (c->low.given && c->high.given && c->low.value == c->high.value)
		appendStringInfo(&words, " = %s", BoundWords(c, &c->low));
	else
	{
		if (c->low.given)
			appendStringInfo(&words, " %s %s", c->low.strict ? ">" : ">=", BoundWords(c, &c->low));
		if (c->high.given)
			appendStringInfo(&words, "%s %s %s", c->low.given ? " and" : "",
							 c->high.strict ? "<" : "<=", BoundWords(c, &c->high));
	}
	return words.data;
}

/* All conditions of a rule in words; palloc'd. */
char *
CsRuleWords(const CsRuleSet *set, int rule)
{
	const CsRule *r = &set->rules[rule];
	StringInfoData words;

	if (r->nconditions == 0)
		return pstrdup("everyone else");
	initStringInfo(&words);
	for (int i = 0; i < r->nconditions; i++)
		appendStringInfo(&words, "%s%s", i > 0 ? " and " : "",
						 RuleConditionWords(set, &r->conditions[i]));
	return words.data;
}

/* A term of a score, which may be one of several, in words. */
static void
AppendTerm(StringInfo words, const CsRuleTerm *t, bool alone)
{
	bool		grouped = t->ncuts > 0 && (!alone || t->weight != 1);

	if (t->weight != 1)
		appendStringInfo(words, "%s x ", Shortest(t->weight));
	if (t->ncuts == 0)
		appendStringInfo(words, t->reversed ? "(-%s)" : "%s", t->name);
	else
	{
		appendStringInfo(words, "%s%s cut at ", grouped ? "(" : "", t->name);
		for (int i = 0; i < t->ncuts; i++)
			appendStringInfo(words, "%s%s", i > 0 ? ", " : "", t->shown == NULL ?
							 CsRuleNumberWords(t->feature, t->cuts[i]) : ValueWords(t->feature, t->shown[i]));
		appendStringInfo(words, " into 1 to %d, %s values highest%s", t->ncuts + 1,
						 t->reversed ? "low" : "high", grouped ? ")" : "");
	}
}

/* What the scores that a rule speaks of are made of, each once; palloc'd, NULL for none. */
char *
CsRuleScoreWords(const CsRuleSet *set, int rule)
{
	const CsRule *r = &set->rules[rule];
	StringInfoData words;
	Bitmapset  *told = NULL;

	initStringInfo(&words);
	for (int i = 0; i < r->nconditions; i++)
	{
		int			number = r->conditions[i].score;
		const CsRuleScore *score = &set->scores[Max(number, 0)];

		if (number < 0 || bms_is_member(number, told))
			continue;
		told = bms_add_member(told, number);
		appendStringInfo(&words, "%s%s = ", words.len > 0 ? "; " : "", score->name);
		for (int j = 0; j < score->nterms; j++)
		{
			appendStringInfoString(&words, j > 0 ? " + " : "");
			AppendTerm(&words, &score->terms[j], score->nterms == 1);
		}
	}
	return words.len > 0 ? words.data : NULL;
}

/* A number of an older model space in that of the rules. */
static double
Rescale(double value, const CsFeature *f, const CsPipeline *from)
{
	for (int i = 0; f != NULL && i < from->nfeatures; i++)
	{
		const CsFeature *old = &from->feature[i];

		if (strcmp(NameStr(old->name), NameStr(f->name)) == 0)
			return (value * old->spread + old->center - f->center) / f->spread;
	}
	return value;
}

/* Are options and parameters of the same rules? */
static bool
AreSameRules(const CsRuleSet *set, const CsFitted *model)
{
	const CsParameter *conditions = &model->parameters[RULES_CONDITIONS],
			   *terms = &model->parameters[RULES_TERMS];
	bool		same = set->nrules == model->parameters[RULES_RULES].rows;
	int			at = 0;

	for (int i = 0; i < set->nrules; i++)
		for (int j = 0; j < set->rules[i].nconditions; j++, at++)
			same &= at < conditions->rows && conditions->values[at * CONDITION_WIDTH + CONDITION_RULE] == i;
	same &= at == conditions->rows;
	at = 0;
	for (int i = 0; i < set->nscores; i++)
		for (int j = 0; j < set->scores[i].nterms; j++, at++)
			same &= at < terms->rows && terms->values[at * TERM_WIDTH + TERM_SCORE] == i;
	return same && at == terms->rows;
}

/* See CsAlgorithm.suits. */
bool
CsRulesSuit(const CsFitted *model, const CsPipeline *p, const void *options)
{
	return AreSameRules(CsRulesBound(options, p), model);
}

/*
 * Put the numbers that a model was fitted with, which are in the model space of its pipeline, into
 * the rules that were read from its options.
 */
void
CsRulesRestore(CsRuleSet *set, const CsFitted *model, const CsPipeline *from)
{
	const double *condition = model->parameters[RULES_CONDITIONS].values,
			   *term = model->parameters[RULES_TERMS].values,
			   *cuts = model->parameters[RULES_CUTS].values,
			   *shown = model->parameters[RULES_SHOWN_CUTS].values;

	if (!AreSameRules(set, model))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the options and parameters of the version do not match"),
				 errhint("Train the version again.")));
	for (int i = 0; i < set->nrules; i++)
		for (int j = 0; j < set->rules[i].nconditions; j++, condition += CONDITION_WIDTH)
		{
			CsRuleCondition *c = &set->rules[i].conditions[j];

			if (c->low.is_percentile)
			{
				c->low.value = Rescale(condition[CONDITION_LOW], c->feature, from);
				c->low.shown = condition[CONDITION_LOW_SHOWN];
			}
			if (c->high.is_percentile)
			{
				c->high.value = Rescale(condition[CONDITION_HIGH], c->feature, from);
				c->high.shown = condition[CONDITION_HIGH_SHOWN];
			}
		}
	for (int i = 0; i < set->nscores; i++)
		for (int j = 0; j < set->scores[i].nterms; j++, term += TERM_WIDTH)
		{
			CsRuleTerm *t = &set->scores[i].terms[j];

			if (t->quantiles == 0)
				continue;
			t->ncuts = (int) term[TERM_NCUTS];
			t->cuts = palloc(sizeof(double) * t->ncuts);
			t->shown = palloc(sizeof(double) * t->ncuts);
			for (int c = 0; c < t->ncuts; c++)
			{
				int			cut = (int) term[TERM_FIRST_CUT] + c;

				t->cuts[c] = Rescale(cuts[cut], t->feature, from);
				t->shown[c] = shown[cut];
			}
		}
}

/* The conditions of a rule as borders. */
static List *
AppendBorders(List *borders, const CsFitted *model, const CsRuleSet *set, int rule,
			  const double *z, const double *scores)
{
	const CsRule *r = &set->rules[rule];

	for (int i = 0; i < r->nconditions; i++)
	{
		const CsRuleCondition *c = &r->conditions[i];
		double		slack = CsRuleSlack(model->compiled, rule, i, z, scores);
		CsBorder   *border = palloc0(sizeof(CsBorder));

		border->feature = c->score >= 0 ? -1 : (int) (c->feature - set->pipeline->feature);
		border->name = c->name;
		border->value = c->score >= 0 ? scores[c->score] : 0;
		border->rule = CsRuleLabel(set, rule);
		border->condition = border->words = RuleConditionWords(set, c);
		border->holds = slack >= 0;
		border->margin = isinf(slack) ? NAN :
			c->score >= 0 ? slack : slack * c->feature->spread;
		borders = lappend(borders, border);
	}
	return borders;
}

/*
 * The conditions of the rule that decides; for a customer for whom no rule holds, those of the
 * nearest rule.  See CsAlgorithm.borders.
 */
List *
CsRulesBorders(const CsFitted *model, const CsPipeline *p, const void *options, const double *z)
{
	CsRuleSet  *set = CsRulesBound(options, p);
	double		scores[RULES_MAX_SCORES];
	double		best = -HUGE_VAL;
	int			own = 0,
				nearest = -1;

	CsRulesRestore(set, model, p);
	CsRulesScore(model->compiled, z, scores);
	while (own < set->nrules && !CsRuleHolds(model->compiled, own, z, scores))
		own++;
	if (own == set->nrules)
		return NIL;
	if (set->rules[own].nconditions > 0)
		return AppendBorders(NIL, model, set, own, z, scores);
	for (int i = 0; i < own; i++)
	{
		double		slack = HUGE_VAL;

		for (int j = 0; j < set->rules[i].nconditions; j++)
			slack = Min(slack, CsRuleSlack(model->compiled, i, j, z, scores));
		if (slack > best || nearest < 0)
		{
			best = slack;
			nearest = i;
		}
	}
	return nearest < 0 ? NIL : AppendBorders(NIL, model, set, nearest, z, scores);
}
