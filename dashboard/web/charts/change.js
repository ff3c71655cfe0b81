// change.js
//	  What has changed in the last month, in sentences, as what_changed() tells it.

import { withAmounts } from '../facts.js';
import { name, plural, sentenceOf } from '../format.js';

const headings = { summary: 'All', size: 'How many', value: 'What they are worth', move: 'Who moved', drift: 'Customers', kpi: 'What they did', decision: 'Decisions' };

// alerts have a card of their own, which also says what to do
const rows = (data) => data.change.filter((it) => it.section !== 'alert');

/** Returns {heading, text} of each row. */
export function changes(data) {
    return rows(data).map((it) => ({ heading: headings[it.section] ?? it.section, text: sentenceOf(name(withAmounts(data, it.reason, 'worth '))) }));
}

/** Returns the sentence: how much there is to tell. */
export function sentence(data) {
    const n = rows(data).filter((it) => it.section !== 'summary').length;
    return n === 0 ? 'Nothing has changed in the last month.' : `${plural(n, 'thing')} ${n === 1 ? 'has' : 'have'} changed in the last month.`;
}

/** Returns the rows as a table. */
export function table(data) {
    return { columns: [{ label: 'Of' }, { label: 'What has changed', kind: 'long' }], rows: changes(data).map((it) => [it.heading, it.text]) };
}
