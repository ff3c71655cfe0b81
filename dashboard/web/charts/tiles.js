// tiles.js
//	  The few numbers that a page begins with.

import { amount, customers, hasValue, segmentName, segments } from '../facts.js';
import { count, date, percent, plural, toNumber, unknown } from '../format.js';

/** How a model comes to know what its customers are worth. */
export const noValue = 'No column of value is set: custseg.set_presentation() names it, and the next publication has it.';

/** Returns the tiles: {label, value, note, rating}; what is not known says so. */
export function tiles(data) {
    const rows = segments(data.summary);
    const known = rows.filter((row) => row.total_value !== null && row.total_value !== undefined);
    const isValued = hasValue(data);
    const total = known.reduce((sum, row) => sum + toNumber(row.total_value), 0);
    const n = customers(data.summary);
    const first = [...known].sort((a, b) => toNumber(b.value_share) - toNumber(a.value_share))[0];
    return [
        { label: 'Customers', value: count(n), note: `in ${plural(rows.filter((row) => row.segment !== 0).length, 'segment')}` },
        isValued
            ? { label: 'Value', value: amount(data, total), note: n > 0 ? `${amount(data, total / n)} a customer` : '' }
            : { label: 'Value', value: unknown, note: noValue },
        first && toNumber(first.value_share) !== null
            ? { label: 'Largest share of value', value: percent(first.value_share), note: segmentName(first) }
            : { label: 'Largest segment', ...largest(rows) },
        { label: 'Health', ...health(data.about?.health) },
    ];
}

function largest(rows) {
    const row = [...rows].sort((a, b) => b.n - a.n)[0];
    return row ? { value: percent(row.share), note: segmentName(row) } : { value: unknown, note: '' };
}

const verdicts = {
    ok: { value: '✓ ok', rating: 'good' },
    watch: { value: '! watch', rating: 'watch' },
    drifted: { value: '✗ drifted', rating: 'bad' },
    broken: { value: '✗ broken', rating: 'bad' },
    'insufficient data': { value: '… insufficient data', rating: 'watch' },
};

/** Returns how the model does, by the last run of the monitor. */
export function health(row) {
    if (!row?.verdict) return { value: unknown, note: 'The model was never watched: custseg.monitor() does so.' };
    const alerts = row.open_alerts > 0 ? plural(row.open_alerts, 'open alert') : 'no open alert';
    return { ...(verdicts[row.verdict] ?? { value: row.verdict }), note: `${alerts}, checked on ${date(row.checked_at)}` };
}

/** Returns the tiles as a table. */
export function table(data) {
    return { columns: [{ label: 'What' }, { label: 'Value' }, { label: 'Note' }], rows: tiles(data).map((it) => [it.label, it.value, it.note]) };
}
