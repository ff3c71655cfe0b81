// value-at-risk.js
//	  Segments that leave, yet are valuable: who is in doubt, who is gone, and what is done about it.

import { bars, hatching } from './bars.js';
import { amount, segmentLabel, segmentName } from '../facts.js';
import { count, isKnown, list, plural, short } from '../format.js';
import { atRisk } from './leaving.js';
import { whyMissing } from '../parts.js';

/** Returns why nothing is told, or null. */
export const missing = (data) => (data.value_at_risk.every((it) => isKnown(it.n_leaving)) ? null : { ...whyMissing('value_at_risk', data.about.name), why: 'The last run does not tell who is still there.' });

/** Returns the sentence. */
export function sentence(data) {
    const rows = data.value_at_risk;
    const [first] = rows;
    const todo = first.channel || first.offer ? ` What is planned for them: ${list([first.channel, first.offer].filter(Boolean).map((it) => short(it, 80)))}.` : ' Nothing is planned for them yet.';
    const gone = `${plural(first.n_left ?? 0, 'customer')} ${first.n_left === 1 ? 'has' : 'have'} probably left already, and would have to be won back`;
    return `Of ${segmentName(first)}, ${count(first.n_leaving)} of ${count(first.n)} are in doubt, for they may have left unnoticed: ${atRisk(data, first.horizon, first.leaving_at_risk ?? 0)}. ${gone}.`
        + `${todo}${rows.length > 1 ? ` ${plural(rows.length - 1, 'more segment')} below.` : ''}`;
}

/** Returns the option. */
export function option(data, theme, { width } = {}) {
    const rows = data.value_at_risk;
    return bars(rows.map((it) => segmentLabel(it)), [
        { name: 'value to come', color: theme.accent, values: rows.map((it) => it.value_sum) },
        { name: 'at risk with those in doubt', color: theme.bad, decal: hatching(theme), values: rows.map((it) => it.leaving_at_risk) },
        { name: 'lost with those who left', color: theme.noise, values: rows.map((it) => it.value_at_risk - (it.leaving_at_risk ?? 0)) },
    ], theme, { write: (value) => amount(data, value), width });
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, { label: 'In doubt', kind: 'count' }, { label: 'At risk with them', kind: 'money' }, { label: 'Probably gone', kind: 'count' },
            { label: 'Value to come', kind: 'money' }, { label: 'More if nobody left', kind: 'money' }, { label: 'Channel' }, { label: 'Offer' }],
        rows: data.value_at_risk.map((it) => [segmentLabel(it), it.n, it.n_leaving, it.leaving_at_risk, it.n_left, it.value_sum, it.value_at_risk, it.channel, it.offer]),
    };
}
