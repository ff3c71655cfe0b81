/*
 * trial_verdict.c
 *	  What follows from the effects of an experiment: launch, iterate, stop, or keep running.
 *
 * An undefined end of an interval shows nothing: no gain, no loss, and no guardrail that is safe.
 */
#include "custseg.h"

#include <math.h>

#include "stat/trial.h"

const char *const CsTrialVerdictNames[] = {"launch", "iterate", "stop", "keep running"};
const char *const CsGuardrailNames[] = {"safe", "harmed", "unclear"};
const char *const CsDecayNames[] = {"stable", "decaying", "growing"};

/* What the interval of a guardrail says, where up is good and a loss up to the margin is borne. */
CsGuardrail
CsGuardrailOf(double low, double high, double margin)
{
	if (low > -margin)
		return CS_GUARDRAIL_SAFE;
	return high < 0 ? CS_GUARDRAIL_HARMED : CS_GUARDRAIL_UNCLEAR;
}

/* The first rule that holds. */
CsTrialRule
CsTrialDecide(const CsTrialState *s)
{
	if (s->is_invalid)
		return CS_RULE_INVALID;
	/* the intervals of a single look say nothing before its time */
	if (s->is_fixed && !s->is_finished)
		return s->is_early ? CS_RULE_EARLY : CS_RULE_UNFINISHED;
	if (s->harmed)
		return CS_RULE_HARM;
	if (s->high < 0)
		return CS_RULE_LOSS;
	if (s->is_early)
		return CS_RULE_EARLY;
	if (s->low > 0 && s->safe)
		return CS_RULE_GAIN;
	if (!s->is_finished)
		return CS_RULE_UNFINISHED;
	if (s->low > 0)
		return CS_RULE_MIXED;
	return s->high < s->effect ? CS_RULE_SMALL : CS_RULE_OPEN;
}

/* The verdict that a rule gives. */
CsTrialVerdict
CsTrialRuleVerdict(CsTrialRule rule)
{
	switch (rule)
	{
		case CS_RULE_INVALID:
		case CS_RULE_HARM:
		case CS_RULE_LOSS:
		case CS_RULE_SMALL:
			return CS_TRIAL_STOP;
		case CS_RULE_EARLY:
		case CS_RULE_UNFINISHED:
			return CS_TRIAL_KEEP_RUNNING;
		case CS_RULE_GAIN:
			return CS_TRIAL_LAUNCH;
		case CS_RULE_MIXED:
		case CS_RULE_OPEN:
			break;
	}
	return CS_TRIAL_ITERATE;
}

/*
 * The verdict of a segment from the rule that holds for all together, whether its own interval shows a gain or
 * a loss, and the p-value of segments that differ.  No segment is launched from an experiment that cannot be
 * believed, does harm, or is too young.
 */
CsTrialVerdict
CsTrialSegmentVerdict(CsTrialRule overall, bool gains, bool loses, double heterogeneity_p)
{
	CsTrialVerdict verdict = CsTrialRuleVerdict(overall);

	if (overall == CS_RULE_INVALID || overall == CS_RULE_HARM || overall == CS_RULE_EARLY)
		return verdict;
	if (loses)
		return CS_TRIAL_STOP;
	if (gains)
		return CS_TRIAL_LAUNCH;
	/* what all together gain says nothing of one segment where segments differ */
	return verdict == CS_TRIAL_LAUNCH && heterogeneity_p < 0.05 ? CS_TRIAL_ITERATE : verdict;
}

/* Does an effect decay or grow, by the test of its slope over time? */
CsDecay
CsDecayOf(double effect, double slope, double p, double alpha)
{
	if (!(p < alpha) || effect == 0)
		return CS_DECAY_STABLE;
	return (slope < 0) == (effect < 0) ? CS_DECAY_GROWING : CS_DECAY_DECAYING;
}
