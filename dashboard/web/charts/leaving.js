// leaving.js
//	  Of each segment, of whom it is in doubt whether they are still there, and who has probably left; and what is at risk with the former.

import { amount, segmentLabel, segmentName } from '../facts.js';
import { count, isKnown, percent, plural } from '../format.js';
import { bars, hatching } from './bars.js';
import { horizonWords } from './tiles.js';

/** Returns the segments of the last run that tells who is still there, those with most at risk first. */
function rows(data) {
    return (data.value_history.last ?? []).filter((it) => it.segment !== null && it.n > 0 && isKnown(it.n_leaving))
        .sort((a, b) => (b.leaving_at_risk ?? 0) - (a.leaving_at_risk ?? 0) || b.n_leaving - a.n_leaving || a.segment - b.segment);
}

const stay = (it) => it.n - it.n_leaving - it.n_left;
const sum = (all, key) => all.reduce((total, it) => total + (it[key] ?? 0), 0);

/** Returns why nothing is told, or null. */
export const missing = (data) => (rows(data).length > 0 ? null : { why: 'The orders do not tell whether customers leave, or the value model does not say it.' });

/** Returns what is at risk within the horizon of a value model, in words. */
export function atRisk(data, horizon, value) {
    return `${amount(data, value)}${horizon ? ` of the next ${horizonWords(horizon)}` : ''} ${value === 0 ? 'are' : 'is'} at risk with them`;
}

/** Returns the sentence: how many are in doubt, most of which segment, with what; and how many are gone. */
export function sentence(data) {
    const all = rows(data);
    const [first] = all;
    const [leaving, left, worth] = ['n_leaving', 'n_left', 'leaving_at_risk'].map((key) => sum(all, key));
    const gone = `${plural(left, 'customer')} ${left === 1 ? 'has' : 'have'} probably left already`;
    if (leaving === 0) return `Of nobody it is in doubt whether they order again. ${gone}.`;
    const most = all.length > 1 ? ` Begin with ${segmentName(first)}: ${count(first.n_leaving)} of ${count(first.n)}, ${percent(first.n_leaving / first.n)}${first.leaving_at_risk > 0 ? `, with ${amount(data, first.leaving_at_risk)}` : ''}.` : '';
    return `${plural(leaving, 'customer')} ${leaving === 1 ? 'is' : 'are'} in doubt: ${leaving === 1 ? 'that one may order again, or have' : 'they may order again, and nobody knows which of them have'} left already${worth > 0 ? `; ${atRisk(data, data.value_history.horizon, worth)}` : ''}.${most} ${gone}.`;
}

/** Returns the option. */
export function option(data, theme, { width } = {}) {
    const all = rows(data).slice(0, 12);
    return bars(all.map((it) => segmentLabel(it)), [
        { name: 'still there', color: theme.accent, values: all.map(stay) },
        { name: 'in doubt', color: theme.bad, decal: hatching(theme), values: all.map((it) => it.n_leaving) },
        { name: 'probably gone', color: theme.noise, values: all.map((it) => it.n_left) },
    ], theme, { write: count, width });
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, { label: 'Still there', kind: 'count' }, { label: 'In doubt', kind: 'count' }, { label: 'Share', kind: 'percent' },
            { label: 'At risk with them', kind: 'money' }, { label: 'Probably gone', kind: 'count' }, { label: 'Value to come', kind: 'money' }],
        rows: rows(data).map((it) => [segmentLabel(it, 200), it.n, stay(it), it.n_leaving, it.n_leaving / it.n, it.leaving_at_risk, it.n_left, it.value_sum]),
    };
}
