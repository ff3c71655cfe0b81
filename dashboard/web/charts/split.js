// split.js
//	  Whether the variants of an experiment were filled as they should be.

import { segmentLabel, segmentName } from '../facts.js';
import { count, isKnown, list, pValue, percent, short } from '../format.js';

const signs = { ok: '✓ ok', broken: '✗ broken', 'insufficient data': '… insufficient data' };

/** Returns the sentence: whether the split can be believed. */
export function sentence(data) {
    const { split, variants, looks } = data.experiment;
    const all = split?.find((it) => it.segment === null);
    if (!all) return 'Nobody is enrolled yet.';
    const arms = list(variants.map((it, i) => `${count(all.counts[i])} in ${short(it.variant, 40)}`));
    const broken = split.filter((it) => it.verdict === 'broken');
    const lost = looks?.filter((it) => isKnown(it.p_attrition)).at(-1)?.p_attrition;
    const attrition = isKnown(lost) ? (lost < 0.001 ? ` More customers of one variant have left than chance explains (p ${pValue(lost)}), so that no effect can be believed.` : ` Customers leave the variants alike (p = ${pValue(lost)}).`) : '';
    if (broken.length > 0) return `${arms}. The split is not what it should be in ${list(broken.slice(0, 3).map((it) => (it.segment === null ? 'all together' : segmentName(it))))}: no effect can be believed before it is known why.${attrition}`;
    return `${arms}: chance alone gives a split as far off as this with probability ${pValue(all.p_value)}, so that the effects can be believed.${attrition}`;
}

/** Returns the split as a table. */
export function table(data) {
    const { split, variants } = data.experiment;
    return {
        columns: [{ label: 'Segment' }, { label: 'Split', kind: 'word' }, ...variants.map((it) => ({ label: short(it.variant, 30), kind: 'count' })), { label: 'Share of the control', kind: 'percent' }, { label: 'Chance alone (p)', kind: 'p' }],
        rows: (split ?? []).map((it) => [it.segment === null ? 'All together' : segmentLabel(it), signs[it.verdict] ?? it.verdict, ...it.counts, it.n > 0 ? it.counts[0] / it.n : null, it.p_adjusted]),
    };
}

/** Returns the plan of an experiment as rows of two texts. */
export function plan(experiment) {
    const primary = experiment.metrics.find((it) => it.role === 'primary');
    const size = (it) => (it.effect_is_relative ? percent(it.effect) : it.kind === 'conversion' ? `${(it.effect * 100).toPrecision(3).replace(/\.?0+$/, '')} points` : String(it.effect));
    return [
        ['Decides', primary ? `${short(primary.metric, 60)} (${primary.kind}, ${primary.direction === 'down' ? 'down is good' : 'up is good'})` : null],
        ['Effect worth acting on', primary && isKnown(primary.effect) ? size(primary) : null],
        ['Must not be damaged', list(experiment.metrics.filter((it) => it.role === 'guardrail').map((it) => short(it.metric, 40))) || null],
        ['Planned', isKnown(experiment.n_control) ? `${count(experiment.n_control)} customers in the control, ${count(experiment.n_looks)} looks` : `${count(experiment.n_looks)} looks, no number of customers`],
        ['Chance of a false alarm', percent(experiment.alpha, 0)],
        ['Part of the customers', percent(experiment.traffic, 0)],
        ['Looked at', { spending: 'a few times, each spending a part of that chance', anytime: 'at any time', fixed: 'once, at the end' }[experiment.method] ?? experiment.method],
    ].filter(([, value]) => value !== null);
}
