// rules.js
//	  The segments as rules: those of a small tree that imitates the model.

import { segmentLabel } from '../facts.js';
import { percent, plural, toNumber } from '../format.js';

/** Returns the sentence: how far the rules can be trusted. */
export function sentence(data) {
    const first = data.surrogate[0];
    return first.reason ?? `${plural(data.surrogate.length, 'rule')} agree with the model for ${percent(first.validated_fidelity ?? first.fidelity)} of the customers.`;
}

/** Returns the rules as a table, by segment. */
export function table(data) {
    const rows = [...data.surrogate].sort((a, b) => a.segment - b.segment || (toNumber(b.n) ?? 0) - (toNumber(a.n) ?? 0));
    return {
        columns: [{ label: 'Segment' }, { label: 'Rule', kind: 'long' }, { label: 'Right for', kind: 'percent' }, { label: 'Customers', kind: 'count' }, { label: 'Share of all', kind: 'percent' }],
        rows: rows.map((row) => [segmentLabel(row, 60), row.description, row.purity, row.n, row.coverage]),
    };
}
