// rules.js
//	  The segments as rules: those of a small tree that imitates the model.

import { columnValue, label, segmentLabel } from '../facts.js';
import { percent, plural, toNumber } from '../format.js';

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Returns a function that writes a rule with labels for names of columns, and their numbers with currency or unit. */
function writer(data) {
    const known = data.about.presentation?.columns ?? {};
    // the database writes names with spaces
    const columns = new Map((data.about.features ?? []).map((it) => [it.name.replaceAll('_', ' '), it]));
    const names = [...columns.keys()].sort((a, b) => b.length - a.length).map(escaped).join('|');
    if (names === '') return (text) => text;
    const condition = new RegExp(`(^| and )(${names})(?: (up to|above|from) (-?[\\d.]+(?:e[+-]?\\d+)?)(?: to (-?[\\d.]+(?:e[+-]?\\d+)?))?)?(?= |$)`, 'g');
    return (text) => text.replace(condition, (whole, before, words, how, low, high) => {
        const it = columns.get(words);
        if (!it) return whole;
        const value = (number) => (it.kind === 'numeric' ? columnValue(data, it.name, number) : number);
        return `${before}${known[it.name]?.label ? label(data, it.name, 60) : words}${how ? ` ${how} ${value(low)}` : ''}${high ? ` to ${value(high)}` : ''}`;
    });
}

/** Returns the sentence: how far the rules can be trusted. */
export function sentence(data) {
    const first = data.surrogate[0];
    return first.reason ?? `${plural(data.surrogate.length, 'rule')} agree with the model for ${percent(first.validated_fidelity ?? first.fidelity)} of the customers.`;
}

/** Returns the rules as a table, by segment. */
export function table(data) {
    const rows = [...data.surrogate].sort((a, b) => a.segment - b.segment || (toNumber(b.n) ?? 0) - (toNumber(a.n) ?? 0));
    const write = writer(data);
    return {
        columns: [{ label: 'Segment' }, { label: 'Rule', kind: 'long' }, { label: 'Right for', kind: 'percent' }, { label: 'Customers', kind: 'count' }, { label: 'Share of all', kind: 'percent' }],
        rows: rows.map((row) => [segmentLabel(row, 60), write(row.description), row.purity, row.n, row.coverage]),
    };
}
