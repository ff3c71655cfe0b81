// roi.js
//	  What a campaign returns, segment by segment, by the effect that an experiment has shown or that the reader states.

import { amount, exactAmount, segmentLabel, segmentName } from '../facts.js';
import { fixed, isKnown, list, percent, plural, short } from '../format.js';
import { segmentColor } from '../theme.js';
import { profitOf } from './experiments.js';
import { intervals, intervalsHeight } from './intervals.js';

/** The assumptions that the reader may change: name in the address, what it is, where the presentation states it, what is taken when nobody does, and its bounds. */
export const assumptions = [
    { key: 'effect', label: 'Effect on a customer', usual: null, step: 'any' },
    { key: 'error', label: 'Its standard error', usual: null, min: 0, step: 'any' },
    { key: 'margin', label: 'Margin, %', stated: 'margin', scale: 100, usual: 100, min: 0, max: 100, step: 'any' },
    { key: 'cost', label: 'Cost of a customer', stated: 'cost_per_customer', usual: 0, min: 0, step: 'any' },
    { key: 'fixed', label: 'Fixed cost', stated: 'fixed_cost', usual: 0, min: 0, step: 'any' },
    { key: 'periods', label: 'Periods that it lasts', usual: 1, min: 1, max: 120, step: 1 },
];

/** Returns an assumption: the number of the address, or what is usual; NaN where the address has no number within bounds. */
export function assumed(data, state, key) {
    const it = assumptions.find((entry) => entry.key === key);
    const text = state?.[`roi_${key}`];
    if (text === undefined || text === '') return it.stated && isKnown(data.economics?.[it.stated]) ? data.economics[it.stated] * (it.scale ?? 1) : it.usual;
    const value = Number(text);
    return Number.isFinite(value) && value >= (it.min ?? -Infinity) && value <= (it.max ?? Infinity) ? value : NaN;
}

/** Returns the effects of the experiment's first metric that is a mean, such as revenue, by segment; empty where there is none. */
export function measured(data) {
    const experiment = data.experiment;
    const metric = experiment?.metrics.find((it) => it.kind === 'mean');
    const variant = experiment?.variants[1]?.variant;
    return metric ? (experiment.lines ?? []).filter((it) => it.metric === metric.metric && it.variant === variant && it.segment > 0 && isKnown(it.difference)) : [];
}

/** Returns in words what the experiment itself has earned, or '' where its effects are not taken. */
function itself(data, state) {
    const [first] = measured(data);
    const all = first && isMeasured(data, state) && data.experiment.lines.find((it) => it.segment === null && it.metric === first.metric && it.variant === first.variant);
    if (!all || !isKnown(all.difference) || !(all.n_treatment > 0)) return '';
    const [margin, each, once] = ['margin', 'cost', 'fixed'].map((key) => assumed(data, state, key));
    const n = all.n_treatment;
    const [profit, low, high] = [all.difference, all.low, all.high].map((it) => profitOf(isKnown(it) ? it * n : null, n, margin / 100, each, once));
    return `“${short(data.experiment.experiment, 40)}” itself ${profit < 0 ? 'lost' : 'earned'} ${exactAmount(data, Math.abs(profit))}${low === null ? '' : `, between ${exactAmount(data, low)} and ${exactAmount(data, high)}`}, with ${plural(n, 'customer')}. `;
}

/** Returns whether the effects are those of an experiment. */
export function isMeasured(data, state) {
    return assumed(data, state, 'effect') === null && measured(data).length > 0;
}

/** Returns the customers of each segment: those of the publication, or of the monitor's last run. */
export function sizes(data) {
    const rows = data.summary ?? data.sizes?.segments?.map((it) => ({ ...it, n: it.n.at(-1) })) ?? [];
    return rows.filter((it) => it.segment > 0 && isKnown(it.n)).sort((a, b) => a.segment - b.segment);
}

/** Returns the request for the returns, or null where there is no effect to go by. */
export function request(data, state) {
    const known = Object.fromEntries(assumptions.map(({ key }) => [key, assumed(data, state, key)]));
    if (Object.values(known).some(Number.isNaN)) return null;
    const effects = new Map(measured(data).map((it) => [it.segment, it]));
    const isOfExperiment = isMeasured(data, state);
    const rows = sizes(data).map((it) => ({
        segment: it.segment,
        name: it.name,
        n: it.n,
        effect: isOfExperiment ? effects.get(it.segment)?.difference ?? null : known.effect,
        standard_error: isOfExperiment ? effects.get(it.segment)?.standard_error ?? null : known.error,
    })).filter((it) => it.effect !== null);
    if (rows.length === 0) return null;
    const options = { margin: known.margin / 100, cost_per_customer: known.cost, fixed_cost: known.fixed, n_periods: known.periods };
    return { path: '/compute/roi', body: JSON.stringify({ rows, options }) };
}

/** Returns the height of the picture for so many segments. */
export function height(n) {
    return Math.max(260, intervalsHeight((n ?? 4) + 1));
}

const rowsOf = (data) => data.computed?.rows ?? [];
const profitAt = (it, roi) => (isKnown(roi) && isKnown(it.cost) ? roi * it.cost : null);

/** Returns the option: the profit in each segment, with its interval where the effect has one. */
export function option(data, theme, { width } = {}) {
    const rows = rowsOf(data).map((it) => ({
        label: it.segment === null ? 'All together' : segmentLabel(it),
        value: it.profit,
        low: profitAt(it, it.low),
        high: profitAt(it, it.high),
        color: it.segment === null ? theme.all : segmentColor(it.segment, theme),
    }));
    return intervals([...rows.slice(-1), ...rows.slice(0, -1)], theme, { write: (value) => amount(data, value), name: 'profit', lines: [{ at: 0, label: 'breaks even' }], width });
}

/** Returns a chance that is not told as certain. */
function chance(p) {
    return p > 0.999 ? 'above 99.9 %' : p < 0.001 ? 'below 0.1 %' : percent(p);
}

/** Returns the sentence: what the campaign earns in all, and where it does not pay. */
export function sentence(data, state) {
    if (!data.computed) return 'State what the campaign changes for a customer, such as 2.50 more revenue; everything else follows.';
    const rows = rowsOf(data);
    const all = rows.at(-1);
    const basis = isMeasured(data, state) ? `By the effects of “${short(data.experiment.experiment, 40)}”` : `With an effect of ${exactAmount(data, assumed(data, state, 'effect'))} on each customer`;
    const returned = isKnown(all.roi) ? `, ${percent(all.roi, 0)} of its cost${isKnown(all.low) ? ` (between ${percent(all.low, 0)} and ${percent(all.high, 0)})` : ''}` : '';
    // without a cost every gain pays, and nothing of that is known
    const isFree = all.cost === 0;
    const sure = isKnown(all.p_pays) && !isFree ? ` The chance that it pays is ${chance(all.p_pays)}.` : '';
    const free = isFree ? ' State what it costs, and the return follows with its interval.' : '';
    const losing = isFree ? [] : rows.slice(0, -1).filter((it) => it.profit < 0);
    const loses = losing.length > 0 ? ` It loses money in ${losing.length > 3 ? plural(losing.length, 'segment') : list(losing.map((it) => segmentName(it, 40)))}.` : '';
    const verb = all.profit < 0 ? `loses ${exactAmount(data, -all.profit)}` : `earns ${exactAmount(data, all.profit)}`;
    return `${itself(data, state)}${basis} the campaign ${verb} when all ${fixed(all.n)} customers get it${isFree ? ', before what it costs' : ''}${returned}.${sure}${loses}${free}`;
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, { label: 'Margin gained', kind: 'money' }, { label: 'Cost', kind: 'money' }, { label: 'Profit', kind: 'money' },
            { label: 'Return on cost', kind: 'percent' }, { label: 'Low', kind: 'percent' }, { label: 'High', kind: 'percent' }, { label: 'Effect that breaks even', kind: 'number' }, { label: 'Chance that it pays', kind: 'percent' }],
        rows: rowsOf(data).map((it) => [it.segment === null ? 'All together' : segmentLabel(it), it.n, it.incremental_margin, it.cost, it.profit, it.roi, it.low, it.high, it.break_even_effect, it.p_pays]),
    };
}
