/*
 * verdicts.c
 *	  What follows from the effects of an experiment, and why, in words.
 */
#include "custseg.h"

#include <math.h>

#include "experiment/analysis.h"
#include "utils/builtins.h"

/* A difference that is nothing but rounding, by the interval around it. */
#define ROUNDING 1e-12

/* The interval of an effect in words. */
static const char *
IntervalWords(const CsEffect *e)
{
	const CsArmsResult *r = &e->trial.result;
	bool		is_nothing = fabs(r->difference) < ROUNDING * (r->high - r->low);

	return isnan(r->low) ? "without an interval" :
		psprintf("%s, interval %s to %s", CsWordsNumber(is_nothing ? 0 : r->difference), CsWordsNumber(r->low),
				 CsWordsNumber(r->high));
}

/* A bound in units of the metric: given so, or as a share of the control's mean. */
static double
BoundOf(const CsEffect *e, double absolute, double relative)
{
	return isnan(absolute) ? relative * fabs(e->trial.result.mean[CS_CONTROL]) : absolute;
}

/* Rate a guardrail; with too few customers it is unclear. */
static void
RateGuardrail(const CsAnalysis *a, CsEffect *e)
{
	const CsExperimentMetric *m = &a->experiment->metrics[e->metric];
	double		margin = BoundOf(e, m->margin, m->relative_margin);

	if (Min(e->trial.n[CS_CONTROL], e->trial.n[CS_TREATMENT]) < CS_TRIAL_FEWEST)
	{
		e->rating = CS_GUARDRAIL_UNCLEAR;
		CsReasonAdd(&e->reason, "fewer than %d customers in a variant", CS_TRIAL_FEWEST);
		return;
	}
	e->rating = CsGuardrailOf(CsGoodLow(a, e), CsGoodHigh(a, e), margin);
	if (e->rating == CS_GUARDRAIL_SAFE)
		CsReasonAdd(&e->reason, "the effect, %s, is no damage beyond the margin, %s", IntervalWords(e), CsWordsNumber(margin));
	else if (e->rating == CS_GUARDRAIL_HARMED)
		CsReasonAdd(&e->reason, "damage is shown: the effect is %s, and may pass the margin, %s", IntervalWords(e), CsWordsNumber(margin));
	else
		CsReasonAdd(&e->reason, "the effect, %s, may be a damage beyond the margin, %s, or none", IntervalWords(e), CsWordsNumber(margin));
}

/* The guardrails of a variant with a rating, as "a" and "b"; NULL when there are none. */
const char *
CsGuardrailsRated(const CsAnalysis *a, int variant, int rating)
{
	StringInfoData names;
	int			n = 0;

	initStringInfo(&names);
	for (int m = 0; m < a->experiment->nmetrics; m++)
	{
		if (CsEffectOf(a, m, variant, -1)->rating == rating)
			appendStringInfo(&names, "%s\"%s\"", n++ == 0 ? "" : ", ", a->experiment->metrics[m].name);
	}
	return n == 0 ? NULL : names.data;
}

/* The primary metric. */
int
CsPrimaryMetric(const CsExperiment *e)
{
	for (int m = 0; m < e->nmetrics; m++)
	{
		if (e->metrics[m].role == CS_ROLE_PRIMARY)
			return m;
	}
	elog(ERROR, "experiment \"%s\" has no primary metric", e->name);
}

/* Why an experiment cannot be believed. */
void
CsAddInvalid(const CsAnalysis *a, StringInfo reason)
{
	if (a->is_mismatch)
		CsReasonAdd(reason, "the variants were not filled as they should be (chance alone does so with probability %.2g): no effect can be believed before the cause is found",
					a->mismatch.p);
	else
		CsReasonAdd(reason, "more customers of one variant are missing than of another (by chance alone with probability %.2g): no effect can be believed before the cause is found",
					a->attrition_p);
}

/* Why the rule holds. */
static void
AddRule(const CsAnalysis *a, CsEffect *e, CsTrialRule rule, double effect)
{
	const char *name = a->experiment->metrics[e->metric].name;
	const char *unclear = CsGuardrailsRated(a, e->variant, CS_GUARDRAIL_UNCLEAR);

	switch (rule)
	{
		case CS_RULE_INVALID:
			CsAddInvalid(a, &e->reason);
			break;
		case CS_RULE_HARM:
			CsReasonAdd(&e->reason, "%s is damaged, whatever \"%s\" gains", CsGuardrailsRated(a, e->variant, CS_GUARDRAIL_HARMED), name);
			break;
		case CS_RULE_LOSS:
			CsReasonAdd(&e->reason, "\"%s\" loses: %s", name, IntervalWords(e));
			break;
		case CS_RULE_EARLY:
			if (e->is_few)
				CsReasonAdd(&e->reason, "too few to say anything: each variant must have %d customers, and of shares %d of either kind",
							CS_TRIAL_FEWEST, CS_TRIAL_FEWEST_OF_KIND);
			else
				CsReasonAdd(&e->reason, "only %d of at least %d days have passed", a->days, a->experiment->min_days);
			break;
		case CS_RULE_GAIN:
			CsReasonAdd(&e->reason, "\"%s\" gains: %s", name, IntervalWords(e));
			break;
		case CS_RULE_UNFINISHED:
			CsReasonAdd(&e->reason, "%s of the planned information is there: %s", CsWordsPercent(a->information), IntervalWords(e));
			break;
		case CS_RULE_MIXED:
			CsReasonAdd(&e->reason, "\"%s\" gains (%s), yet %s may be damaged", name, IntervalWords(e), unclear);
			break;
		case CS_RULE_SMALL:
			CsReasonAdd(&e->reason, "too small to matter: %s, and the plan was for %s", IntervalWords(e), CsWordsNumber(effect));
			break;
		case CS_RULE_OPEN:
			CsReasonAdd(&e->reason, "the plan is reached, and nothing is shown: %s", IntervalWords(e));
			break;
	}
}

/* Does the line of a segment show a gain (sign 1) or a loss (-1) by itself? */
static bool
Shows(const CsAnalysis *a, const CsEffect *e, int sign)
{
	double		good = a->experiment->metrics[e->metric].direction == CS_DIRECTION_UP ? sign : -sign;

	if (e->is_few)
		return false;
	if (a->method == CS_LOOK_SPENDING)
		return sign > 0 ? CsGoodLow(a, e) > 0 : CsGoodHigh(a, e) < 0;
	return e->p_adjusted < a->experiment->alpha && good * e->trial.result.difference > 0;
}

/* Judge a segment of a variant. */
static void
JudgeSegment(const CsAnalysis *a, CsEffect *e, const CsEffect *all, CsTrialRule rule)
{
	bool		gains = Shows(a, e, 1),
				loses = Shows(a, e, -1);

	e->verdict = CsTrialSegmentVerdict(rule, gains, loses, all->heterogeneity.p);
	if (e->verdict == CS_TRIAL_STOP && loses)
		CsReasonAdd(&e->reason, "the segment loses by itself: %s", IntervalWords(e));
	else if (e->verdict == CS_TRIAL_LAUNCH && gains)
		CsReasonAdd(&e->reason, "the segment gains by itself: %s", IntervalWords(e));
	else if (CsTrialRuleVerdict(rule) == CS_TRIAL_LAUNCH && e->verdict != CS_TRIAL_LAUNCH)
		CsReasonAdd(&e->reason, "all together gain, but segments differ, and this one shows nothing by itself");
	else
		CsReasonAdd(&e->reason, "as all segments together");
}

/* Judge a variant, and its segments. */
static void
JudgeVariant(const CsAnalysis *a, int variant)
{
	const CsExperiment *x = a->experiment;
	int			primary = CsPrimaryMetric(x);
	const CsExperimentMetric *m = &x->metrics[primary];
	CsEffect   *e = CsEffectOf(a, primary, variant, -1);
	CsTrialState state = {
		.is_invalid = !a->is_valid,.is_fixed = a->method == CS_LOOK_FIXED,
		.is_early = e->is_few || a->days < x->min_days,.is_finished = a->is_finished,
		.harmed = CsGuardrailsRated(a, variant, CS_GUARDRAIL_HARMED) != NULL,
		.low = CsGoodLow(a, e),.high = CsGoodHigh(a, e),.effect = BoundOf(e, m->effect, m->relative_effect)
	};
	CsTrialRule rule;

	state.safe = !state.harmed && CsGuardrailsRated(a, variant, CS_GUARDRAIL_UNCLEAR) == NULL;
	rule = CsTrialDecide(&state);
	e->verdict = CsTrialRuleVerdict(rule);
	AddRule(a, e, rule, state.effect);
	for (int s = 0; s < a->table->nsegments; s++)
		JudgeSegment(a, CsEffectOf(a, primary, variant, s), e, rule);
}

/* Put what the look that decided said in place of what this one says. */
static void
KeepDecision(CsAnalysis *a, CsEffect *e)
{
	const CsLookHistory *h = a->history;
	int			segment = e->segment < 0 ? CS_ALL_SEGMENTS : a->table->segments[e->segment];

	for (int i = 0; i < h->ndecided; i++)
	{
		const CsDecided *d = &h->decided[i];

		if (d->segment != segment || strcmp(d->variant, a->experiment->variants[e->variant].name) != 0)
			continue;
		for (int v = CS_TRIAL_LAUNCH; v <= CS_TRIAL_KEEP_RUNNING; v++)
		{
			if (strcmp(CsTrialVerdictNames[v], d->verdict) == 0)
				e->verdict = v;
		}
		resetStringInfo(&e->reason);
		CsReasonAdd(&e->reason, "decided at look %d: %s", h->look, d->reason);
	}
}

/*
 * The verdict of the experiment from those of its variants: one that can be launched is, and all must be stopped
 * for the experiment to stop.
 */
static void
JudgeAll(CsAnalysis *a)
{
	static const CsTrialVerdict order[] = {
		CS_TRIAL_LAUNCH, CS_TRIAL_KEEP_RUNNING, CS_TRIAL_ITERATE, CS_TRIAL_STOP
	};
	int			primary = CsPrimaryMetric(a->experiment),
				best = lengthof(order) - 1;
	StringInfoData reason;

	initStringInfo(&reason);
	for (int v = 1; v < a->experiment->nvariants; v++)
	{
		const CsEffect *e = CsEffectOf(a, primary, v, -1);

		for (int i = 0; i < best; i++)
		{
			if (order[i] == (CsTrialVerdict) e->verdict)
				best = i;
		}
		if (a->experiment->nvariants == 2)
			CsReasonAdd(&reason, "%s", e->reason.data);
		else
			CsReasonAdd(&reason, "variant \"%s\": %s, for %s", a->experiment->variants[v].name,
						CsTrialVerdictNames[e->verdict], e->reason.data);
	}
	a->verdict = order[best];
	a->reason = reason.data;
}

/* Fill in ratings, verdicts and reasons. */
void
CsAnalysisJudge(CsAnalysis *a)
{
	int			primary = CsPrimaryMetric(a->experiment);

	for (int i = 0; i < a->neffects; i++)
	{
		if (a->experiment->metrics[a->effects[i].metric].role == CS_ROLE_GUARDRAIL)
			RateGuardrail(a, &a->effects[i]);
	}
	for (int v = 1; v < a->experiment->nvariants; v++)
	{
		JudgeVariant(a, v);
		for (int s = -1; s < a->table->nsegments; s++)
			KeepDecision(a, CsEffectOf(a, primary, v, s));
	}
	JudgeAll(a);
}
