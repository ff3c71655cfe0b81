// value-at-risk.js
//	  Segments that leave, yet are valuable, and what is done about it.

import { bars, hatching } from './bars.js';
import { amount, segmentLabel, segmentName } from '../facts.js';
import { list, percent, plural, short } from '../format.js';

/** Returns the sentence. */
export function sentence(data) {
    const rows = data.value_at_risk;
    const [first] = rows;
    const todo = first.channel || first.offer ? ` What is planned for them: ${list([first.channel, first.offer].filter(Boolean).map((it) => short(it, 80)))}.` : ' Nothing is planned for them yet.';
    return `Of ${segmentName(first)}, ${percent(first.churn)} have left, as expected; if they had not, they would be worth ${amount(data, first.value_at_risk)} more, `
        + `${amount(data, first.value_at_risk_mean)} each.${todo}${rows.length > 1 ? ` ${plural(rows.length - 1, 'more segment')} below.` : ''}`;
}

/** Returns the option. */
export function option(data, theme, { width } = {}) {
    const rows = data.value_at_risk;
    return bars(rows.map((it) => segmentLabel(it)), [
        { name: 'value to come', color: theme.accent, values: rows.map((it) => it.value_sum) },
        { name: 'lost, or about to be', color: theme.bad, decal: hatching(theme), values: rows.map((it) => it.value_at_risk) },
    ], theme, { write: (value) => amount(data, value), width });
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, { label: 'Have left', kind: 'percent' }, { label: 'Value to come', kind: 'money' },
            { label: 'At risk', kind: 'money' }, { label: 'At risk, a customer', kind: 'money' }, { label: 'Channel' }, { label: 'Offer' }],
        rows: data.value_at_risk.map((it) => [segmentLabel(it), it.n, it.churn, it.value_sum, it.value_at_risk, it.value_at_risk_mean, it.channel, it.offer]),
    };
}
