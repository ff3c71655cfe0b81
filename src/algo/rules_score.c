/*
 * rules_score.c
 *	  Which segment a customer is in by rules: that of the first rule whose conditions all hold.
 *
 * How clear a case it is tells the distance to the nearest border, in the largest change of any one
 * value (Chebyshev distance, Cantrell 2000), where values are in model space, that is in about standard
 * deviations, and scores in points: what an earlier rule lacks to hold, or, for a later one, also what
 * the own one needs to fail.  A level does not change by degrees: what hangs on it is infinitely far.
 * With d that distance the confidence is d / (1 + d), and a segment at distance d has a weight of
 * 1 / (1 + d)^2 in the memberships, so that 1 - sqrt(u_other / u_own) is the confidence between two
 * segments, as for centres.
 */
#include "custseg.h"

#include <math.h>

#include "algo/rules.h"

typedef struct Condition
{
	int32		operand;		/* column, or -1 - score */
	int32		flags;
	int32		first_level,
				nlevels;
	double		low,
				high;
} Condition;

typedef struct Rule
{
	int32		segment;
	int32		first;			/* of its conditions */
	int32		nconditions;
} Rule;

typedef struct Term
{
	int32		score;
	int32		column;
	int32		reversed;
	int32		first_cut;
	int32		ncuts;			/* 0: the value itself */
	double		weight;
} Term;

/* What compile makes: this, and arrays at these offsets from its start. */
typedef struct Compiled
{
	int32		nrules;
	int32		nconditions;
	int32		nterms;
	int32		nscores;
	Size		rules;
	Size		conditions;
	Size		terms;
	Size		levels;			/* int32: columns */
	Size		cuts;			/* double */
} Compiled;

#define At(c, type, offset) ((const type *) ((const char *) (c) + (c)->offset))

/* Where the arrays lie; returns the bytes. */
static Size
LayOut(const CsFitted *model, Compiled *c)
{
	const CsParameter *p = model->parameters;
	Size		size = MAXALIGN(sizeof(Compiled));

	c->nrules = p[RULES_RULES].rows;
	c->nconditions = p[RULES_CONDITIONS].rows;
	c->nterms = p[RULES_TERMS].rows;
	c->rules = size;
	size = add_size(size, MAXALIGN(mul_size(sizeof(Rule), c->nrules)));
	c->conditions = size;
	size = add_size(size, mul_size(sizeof(Condition), c->nconditions));
	c->terms = size;
	size = add_size(size, mul_size(sizeof(Term), c->nterms));
	c->levels = size;
	size = add_size(size, MAXALIGN(mul_size(sizeof(int32), p[RULES_LEVELS].rows)));
	c->cuts = size;
	return add_size(size, mul_size(sizeof(double), p[RULES_CUTS].rows));
}

/* A number of a parameter that must be a whole one in a range. */
static int32
WholeNumber(const CsParameter *p, int row, int column, int32 low, int32 high, const char *name)
{
	double		value = p->values[(Size) row * p->columns + column];

	if (!(value >= low && value <= high) || value != floor(value))
		CsInvalidParameters("Number %d of element %d of \"%s\" is not valid.", column + 1, row + 1,
							name);
	return (int32) value;
}

/* Check parameters that may be anything; the readers of the compiled form rely on it. */
static void
CheckParameters(const CsFitted *model)
{
	const CsParameter *rules = &model->parameters[RULES_RULES],
			   *conditions = &model->parameters[RULES_CONDITIONS],
			   *levels = &model->parameters[RULES_LEVELS],
			   *terms = &model->parameters[RULES_TERMS],
			   *cuts = &model->parameters[RULES_CUTS];
	int			rule = 0;

	if (rules->rows < 1 || rules->rows > RULES_MAX + 1)
		CsInvalidParameters("The number of rules is not in 1 .. %d.", RULES_MAX + 1);
	if ((conditions->rows > 0 && conditions->columns != CONDITION_WIDTH) ||
		(terms->rows > 0 && terms->columns != TERM_WIDTH))
		CsInvalidParameters("\"%s\" or \"%s\" has elements of another length.", "conditions", "terms");
	if (model->parameters[RULES_SHOWN_CUTS].rows != cuts->rows)
		CsInvalidParameters("\"%s\" has %d elements where %d are needed.", "shown_cuts",
							model->parameters[RULES_SHOWN_CUTS].rows, cuts->rows);
	for (int i = 0; i < levels->rows; i++)
		(void) WholeNumber(levels, i, 0, 0, model->ncolumns - 1, "levels");
	for (int i = 0; i < conditions->rows; i++)
	{
		int			first;

		/* ordered by rule, so that each has its conditions in one place */
		rule = WholeNumber(conditions, i, CONDITION_RULE, rule, rules->rows - 1, "conditions");
		(void) WholeNumber(conditions, i, CONDITION_OPERAND, -RULES_MAX_SCORES, model->ncolumns - 1,
						   "conditions");
		(void) WholeNumber(conditions, i, CONDITION_FLAGS, 1, CONDITION_ALL, "conditions");
		first = WholeNumber(conditions, i, CONDITION_FIRST_LEVEL, 0, levels->rows, "conditions");
		(void) WholeNumber(conditions, i, CONDITION_NLEVELS, 0, levels->rows - first, "conditions");
	}
	for (int i = 0; i < terms->rows; i++)
	{
		int			first;

		(void) WholeNumber(terms, i, TERM_SCORE, 0, RULES_MAX_SCORES - 1, "terms");
		(void) WholeNumber(terms, i, TERM_COLUMN, 0, model->ncolumns - 1, "terms");
		(void) WholeNumber(terms, i, TERM_REVERSED, 0, 1, "terms");
		first = WholeNumber(terms, i, TERM_FIRST_CUT, 0, cuts->rows, "terms");
		(void) WholeNumber(terms, i, TERM_NCUTS, 0, cuts->rows - first, "terms");
	}
}

/* Check the parameters and lay out what scoring reads, as CsAlgorithm.compile. */
Size
CsRulesCompile(const CsFitted *model, void *result)
{
	const CsParameter *p = model->parameters;
	Compiled   *c = result;
	Compiled	layout = {0};
	Rule	   *rules;
	Condition  *conditions;
	Term	   *terms;

	if (result == NULL)
	{
		CheckParameters(model);
		return LayOut(model, &layout);
	}
	(void) LayOut(model, &layout);
	*c = layout;
	rules = unconstify(Rule *, At(c, Rule, rules));
	conditions = unconstify(Condition *, At(c, Condition, conditions));
	terms = unconstify(Term *, At(c, Term, terms));
	for (int i = 0; i < c->nrules; i++)
		rules[i].segment = (int32) p[RULES_RULES].values[i];
	for (int i = 0; i < c->nconditions; i++)
	{
		const double *from = p[RULES_CONDITIONS].values + (Size) i * CONDITION_WIDTH;
		Rule	   *rule = &rules[(int) from[CONDITION_RULE]];

		if (rule->nconditions++ == 0)
			rule->first = i;
		conditions[i].operand = (int32) from[CONDITION_OPERAND];
		conditions[i].flags = (int32) from[CONDITION_FLAGS];
		conditions[i].low = from[CONDITION_LOW];
		conditions[i].high = from[CONDITION_HIGH];
		conditions[i].first_level = (int32) from[CONDITION_FIRST_LEVEL];
		conditions[i].nlevels = (int32) from[CONDITION_NLEVELS];
	}
	for (int i = 0; i < c->nterms; i++)
	{
		const double *from = p[RULES_TERMS].values + (Size) i * TERM_WIDTH;

		terms[i].score = (int32) from[TERM_SCORE];
		terms[i].column = (int32) from[TERM_COLUMN];
		terms[i].weight = from[TERM_WEIGHT];
		terms[i].reversed = (int32) from[TERM_REVERSED];
		terms[i].first_cut = (int32) from[TERM_FIRST_CUT];
		terms[i].ncuts = (int32) from[TERM_NCUTS];
	}
	for (int i = 0; i < p[RULES_LEVELS].rows; i++)
		unconstify(int32 *, At(c, int32, levels))[i] = (int32) p[RULES_LEVELS].values[i];
	if (p[RULES_CUTS].rows > 0)
		memcpy(unconstify(double *, At(c, double, cuts)), p[RULES_CUTS].values,
			   sizeof(double) * p[RULES_CUTS].rows);
	return LayOut(model, &layout);
}

/*
 * Compute the scores of z; "scores" has room for all.  A term that is cut counts the cuts below the
 * value, as rfm() does.
 */
void
CsRulesScore(const void *compiled, const double *z, double *scores)
{
	const Compiled *c = compiled;
	const Term *terms = At(c, Term, terms);

	memset(scores, 0, sizeof(double) * RULES_MAX_SCORES);
	for (int i = 0; i < c->nterms; i++)
	{
		const Term *t = &terms[i];
		const double *cuts = At(c, double, cuts) + t->first_cut;
		double		value = z[t->column];
		int			below = 0;

		if (t->ncuts > 0)
		{
			for (int j = 0; j < t->ncuts; j++)
				below += value > cuts[j];
			value = t->reversed ? t->ncuts + 1 - below : 1 + below;
		}
		else if (t->reversed)
			value = -value;
		scores[t->score] += t->weight * value;
	}
}

/* Does a condition hold? */
static inline bool
Holds(const Compiled *c, const Condition *condition, const double *z, const double *scores)
{
	double		value;

	if (condition->flags & CONDITION_HAS_LEVELS)
	{
		const int32 *levels = At(c, int32, levels) + condition->first_level;
		bool		present = false;

		for (int i = 0; i < condition->nlevels; i++)
			present |= z[levels[i]] != 0;
		return present != ((condition->flags & CONDITION_NEGATED) != 0);
	}
	value = condition->operand >= 0 ? z[condition->operand] : scores[-1 - condition->operand];
	if ((condition->flags & CONDITION_HAS_LOW) &&
		!(condition->flags & CONDITION_LOW_STRICT ? value > condition->low : value >= condition->low))
		return false;
	if ((condition->flags & CONDITION_HAS_HIGH) &&
		!(condition->flags & CONDITION_HIGH_STRICT ? value < condition->high : value <= condition->high))
		return false;
	return true;
}

/* By how much a condition holds, or does not. */
static double
Slack(const Compiled *c, const Condition *condition, const double *z, const double *scores)
{
	double		value,
				slack = HUGE_VAL;

	if (condition->flags & CONDITION_HAS_LEVELS)
		return Holds(c, condition, z, scores) ? HUGE_VAL : -HUGE_VAL;
	value = condition->operand >= 0 ? z[condition->operand] : scores[-1 - condition->operand];
	if (condition->flags & CONDITION_HAS_LOW)
		slack = value - condition->low;
	if (condition->flags & CONDITION_HAS_HIGH)
		slack = Min(slack, condition->high - value);
	return slack;
}

/*
 * By how much a condition of a rule holds; it is told by its place in the rule.  The slack is
 * positive inside, and infinite for a condition on levels.
 */
double
CsRuleSlack(const void *compiled, int rule, int condition, const double *z, const double *scores)
{
	const Compiled *c = compiled;
	const Rule *r = &At(c, Rule, rules)[rule];

	return Slack(c, &At(c, Condition, conditions)[r->first + condition], z, scores);
}

/* Does the rule hold for z with these scores? */
bool
CsRuleHolds(const void *compiled, int rule, const double *z, const double *scores)
{
	const Compiled *c = compiled;
	const Rule *r = &At(c, Rule, rules)[rule];
	const Condition *conditions = At(c, Condition, conditions) + r->first;

	for (int i = 0; i < r->nconditions; i++)
		if (!Holds(c, &conditions[i], z, scores))
			return false;
	return true;
}

/*
 * The least slack of a rule's conditions: below 0, how far away it is; above, how far it reaches.
 */
static double
RuleSlack(const Compiled *c, const Rule *r, const double *z, const double *scores)
{
	const Condition *conditions = At(c, Condition, conditions) + r->first;
	double		slack = HUGE_VAL;

	for (int i = 0; i < r->nconditions; i++)
		slack = Min(slack, Slack(c, &conditions[i], z, scores));
	return slack;
}

/*
 * How far the customer is from each other segment, at least; "distances" may be NULL.  Returns the
 * least, and the segment in *nearest, -1 when none can be reached.
 */
static double
NearestOther(const Compiled *c, int own, const double *z, const double *scores,
			 int *nearest, double *distances)
{
	const Rule *rules = At(c, Rule, rules);
	double		leaving = RuleSlack(c, &rules[own], z, scores);
	double		least = HUGE_VAL;

	*nearest = -1;
	for (int i = 0; i < c->nrules; i++)
	{
		double		distance;

		if (rules[i].segment == rules[own].segment)
			continue;
		distance = Max(0, -RuleSlack(c, &rules[i], z, scores));
		if (i > own)
			distance = Max(distance, leaving);
		if (distances != NULL)
			distances[rules[i].segment] = Min(distances[rules[i].segment], distance);
		if (distance < least)
		{
			least = distance;
			*nearest = rules[i].segment;
		}
	}
	return least;
}

/*
 * The segment of the first rule that holds, as CsAlgorithm.assign.  A customer for whom no rule
 * holds is not placed.
 */
bool
CsRulesAssign(const CsFitted *model, const double *z, CsAssignment *result, double *memberships)
{
	const Compiled *c = model->compiled;
	const Rule *rules = At(c, Rule, rules);
	double		scores[RULES_MAX_SCORES];
	double		distance,
				sum = 0;
	int			own = 0;

	CsRulesScore(c, z, scores);
	while (own < c->nrules && !CsRuleHolds(c, own, z, scores))
		own++;
	if (own == c->nrules)
		return false;
	for (int i = 0; i < model->nsegments && memberships != NULL; i++)
		memberships[i] = i == rules[own].segment ? 0 : HUGE_VAL;
	distance = NearestOther(c, own, z, scores, &result->runner_up, memberships);
	result->index = rules[own].segment;
	result->distance = sqrt(CsSquaredToCenter(model, z, result->index));
	result->confidence = isinf(distance) ? 1 : distance / (1 + distance);
	if (memberships == NULL)
		return true;
	for (int i = 0; i < model->nsegments; i++)
	{
		memberships[i] = 1 / ((1 + memberships[i]) * (1 + memberships[i]));
		sum += memberships[i];
	}
	for (int i = 0; i < model->nsegments; i++)
		memberships[i] /= sum;
	return true;
}

/*
 * No sum over the features decides, so that no feature has a share in the decision.  See
 * CsAlgorithm.explain.
 */
void
CsRulesPull(const CsFitted *model, const double *z, int segment, double *point, double *pull)
{
	memcpy(point, z, sizeof(double) * model->ncolumns);
	memset(pull, 0, sizeof(double) * model->ncolumns);
}
