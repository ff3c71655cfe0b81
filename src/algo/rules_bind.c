/*
 * rules_bind.c
 *	  The names in rules become columns: features of a pipeline, and levels of theirs.
 *
 * Values are taken to model space, which holds the features' values divided by powers of two; so
 * a comparison there is the one that was asked for, to the bit.
 */
#include "custseg.h"

#include "algo/rules.h"
#include "lib/stringinfo.h"

/* Most names that a hint lists. */
#define MOST_LISTED 20

#define Reject(...) ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), __VA_ARGS__))

/* The feature of that name, or an error that lists the features. */
static const CsFeature *
FindFeature(const CsPipeline *p, const char *name, const char *where)
{
	StringInfoData list;

	for (int i = 0; i < p->nfeatures; i++)
		if (strcmp(NameStr(p->feature[i].name), name) == 0)
			return &p->feature[i];
	initStringInfo(&list);
	for (int i = 0; i < Min(p->nfeatures, MOST_LISTED); i++)
		appendStringInfo(&list, "%s\"%s\"", i > 0 ? ", " : "", NameStr(p->feature[i].name));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s: \"%s\" is neither a feature nor a score", where, name),
			 errhint("The features are %s%s.", list.data, p->nfeatures > MOST_LISTED ? ", ..." : "")));
	return NULL;				/* keep the compiler quiet */
}

/* The value of model space for one in the feature's units. */
static double
ToModelSpace(const CsFeature *f, double value)
{
	return (value - f->center) / f->spread;
}

/* Take a side of a range to model space. */
static void
BindBound(CsRuleBound *bound, const CsRuleCondition *c, const char *where)
{
	const CsFeature *f = c->feature;

	if (!bound->given || bound->is_percentile)
		return;
	if ((bound->text != NULL) != (f->kind == CS_TIME))
		Reject(errmsg("%s: \"%s\" is %s, and cannot be compared with %s", where, c->name,
					  CsKindName((CsKind) f->kind),
					  bound->text != NULL ? psprintf("\"%s\"", bound->text) : "a number"),
			   f->kind == CS_TIME ? errhint("Write the time as a string, or give a percentile.") :
			   errhint("Give a number, or a percentile."));
	if (bound->text != NULL)
		bound->value = CsFeatureTime(f, bound->text, strlen(bound->text));
	bound->value = ToModelSpace(f, bound->value);
}

/* The columns of a condition's levels; an error that lists those there are when one is not. */
static void
BindLevels(const CsPipeline *p, CsRuleCondition *c, const char *where)
{
	const CsFeature *f = c->feature;
	const CsLevel *levels = CsFeatureLevels(p, f);
	StringInfoData list;

	c->columns = palloc(sizeof(int) * c->nlevels);
	for (int i = 0; i < c->nlevels; i++)
	{
		const char *level = c->levels[i];
		double		code = CsFeatureLevel(p, f, level, level == NULL ? 0 : strlen(level));

		if (code >= 0 && !levels[(int) code].is_other)
		{
			c->columns[i] = f->first_output + (int) levels[(int) code].value;
			continue;
		}
		initStringInfo(&list);
		for (int j = 0; j < Min(f->nlevels, MOST_LISTED); j++)
			if (levels[j].text != 0 && !levels[j].is_other)
				appendStringInfo(&list, "%s\"%s\"", list.len > 0 ? ", " : "",
								 CsPipelineAt(p, char, levels[j].text));
		Reject(errmsg("%s: \"%s\" has no level %s", where, c->name,
					  level == NULL ? "of NULL" : psprintf("\"%s\"", level)),
			   code >= 0 ? errdetail("It is one of the rare levels, which are merged.") : 0,
			   errhint("Its levels are %s%s.", list.data, f->nlevels > MOST_LISTED ? ", ..." : ""));
	}
}

/* Find what a condition is about, and check that it can be. */
static void
BindCondition(const CsPipeline *p, CsRuleCondition *c, const char *where)
{
	const CsFeature *f;

	if (c->score >= 0)
		return;
	f = c->feature = FindFeature(p, c->name, where);
	if (c->has_levels && !c->negated && c->nlevels == 1 && f->kind == CS_TIME)
	{
		/* a string in place of an object: that very time */
		c->has_levels = false;
		c->low.given = c->high.given = true;
		c->low.text = c->high.text = c->levels[0];
	}
	if (c->has_levels != (f->kind == CS_CATEGORICAL))
		Reject(errmsg("%s: \"%s\" is %s", where, c->name, CsKindName((CsKind) f->kind)),
			   c->has_levels ? errhint("Give it borders: {\"%s\": {\"from\": 10, \"below\": 20}}.", c->name) :
			   errhint("Give it levels: {\"%s\": {\"in\": [\"web\"]}}.", c->name));
	if (c->has_levels)
	{
		BindLevels(p, c, where);
		return;
	}
	if (c->is_truth != (f->kind == CS_BOOLEAN))
		Reject(errmsg("%s: \"%s\" is %s", where, c->name, CsKindName((CsKind) f->kind)),
			   c->is_truth ? errhint("Give it borders: {\"%s\": {\"from\": 10, \"below\": 20}}.", c->name) :
			   errhint("Say true or false: {\"%s\": true}.", c->name));
	BindBound(&c->low, c, where);
	BindBound(&c->high, c, where);
}

/* Find the feature of a term. */
static void
BindTerm(const CsPipeline *p, CsRuleTerm *term, const char *score)
{
	const CsFeature *f = FindFeature(p, term->name, psprintf("score \"%s\"", score));

	if (f->kind == CS_CATEGORICAL)
		Reject(errmsg("score \"%s\": \"%s\" is categorical", score, term->name),
			   errhint("A score adds up numbers; make a rule of the levels."));
	term->feature = f;
	for (int i = 0; i < term->ncuts; i++)
		term->cuts[i] = ToModelSpace(f, term->cuts[i]);
}

/*
 * The rules that the options define, palloc'd, with their features found in the pipeline and their
 * values in its model space.  Errors for features and levels that the pipeline does not have.
 */
CsRuleSet *
CsRulesBound(const RulesOptions *options, const CsPipeline *p)
{
	CsRuleSet  *set = CsRulesParse(options);

	set->pipeline = p;
	for (int i = 0; i < set->nscores; i++)
		for (int j = 0; j < set->scores[i].nterms; j++)
			BindTerm(p, &set->scores[i].terms[j], set->scores[i].name);
	for (int i = 0; i < set->nrules; i++)
		for (int j = 0; j < set->rules[i].nconditions; j++)
			BindCondition(p, &set->rules[i].conditions[j], CsRuleLabel(set, i));
	return set;
}
