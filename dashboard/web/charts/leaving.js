// leaving.js
//	  How many customers of each segment are leaving now, and what they would be worth if they stayed.

import { amount, segmentLabel, segmentName } from '../facts.js';
import { count, percent, plural } from '../format.js';
import { bars, hatching } from './bars.js';

/** Returns the segments of the last run, each with the customers who are leaving, as expected; the most first. */
function rows(data) {
    return (data.value_history.last ?? []).filter((it) => it.segment !== null && it.n > 0 && typeof it.alive === 'number')
        .map((it) => ({ ...it, leaving: it.n * (1 - it.alive) })).sort((a, b) => b.leaving - a.leaving);
}

/** Returns why nothing is told, or null. */
export const missing = (data) => (rows(data).length > 0 ? null : { why: 'The orders do not tell whether customers leave, or the value model does not say it.' });

/** Returns the sentence: how many are leaving, most of which segment, and what they would be worth. */
export function sentence(data) {
    const all = rows(data);
    const [first] = all;
    const gone = Math.round(all.reduce((sum, it) => sum + it.leaving, 0));
    const worth = all.reduce((sum, it) => sum + (it.value_at_risk ?? 0), 0);
    return `${plural(gone, 'customer')} ${gone === 1 ? 'has' : 'have'} probably left or ${gone === 1 ? 'is' : 'are'} about to, as expected from their last orders${worth > 0 ? `: ${amount(data, worth)} more would come if they stayed` : ''}. `
        + `The largest number is in ${segmentName(first)}: ${count(first.leaving)} of ${count(first.n)}, ${percent(1 - first.alive)}${first.value_at_risk > 0 ? `, with ${amount(data, first.value_at_risk)} at stake` : ''}.`;
}

/** Returns the option. */
export function option(data, theme, { width } = {}) {
    const all = rows(data).slice(0, 12);
    return bars(all.map((it) => segmentLabel(it)), [
        { name: 'stay', color: theme.accent, values: all.map((it) => it.n - it.leaving) },
        { name: 'have left, or are about to', color: theme.bad, decal: hatching(theme), values: all.map((it) => it.leaving) },
    ], theme, { write: count, width });
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, { label: 'Left, or about to', kind: 'count' }, { label: 'Share', kind: 'percent' }, { label: 'Value to come', kind: 'money' }, { label: 'More if they stayed', kind: 'money' }],
        rows: rows(data).map((it) => [segmentLabel(it, 200), it.n, it.leaving, 1 - it.alive, it.value_sum, it.value_at_risk]),
    };
}
