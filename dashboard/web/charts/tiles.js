// tiles.js
//	  The few numbers that a page begins with.

import { amount, customers, hasValue, label, presentation, segmentName, segments } from '../facts.js';
import { count, date, isKnown, percent, plural, toNumber, unknown } from '../format.js';
import { campaignTile } from './experiments.js';

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
            ? { label: valueLabel(data), value: amount(data, total), note: [n > 0 ? `${amount(data, total / n)} a customer` : null, expected(data)].filter(Boolean).join('; ') }
            : { label: 'Value', value: unknown, note: noValue },
        first && toNumber(first.value_share) !== null
            ? { label: 'Largest share of value', value: percent(first.value_share), note: segmentName(first) }
            : { label: 'Largest segment', ...largest(rows) },
        leavingTile(data),
        campaignTile(data),
        { label: 'Health', ...health(data.about?.health) },
    ].filter(Boolean);
}

/** Returns of how many it is in doubt whether they order again, of all segments or of one, and what is at risk with them; null where no value model tells. */
export function leavingTile(data, segment = null) {
    const rows = (data.value ?? []).filter((it) => it.segment > 0 && (segment === null || it.segment === segment) && isKnown(it.n_leaving));
    if (rows.length === 0) return null;
    const sum = (key) => rows.reduce((total, it) => total + (toNumber(it[key]) ?? 0), 0);
    return { label: 'In doubt', value: count(sum('n_leaving')), note: `may have left${isKnown(rows[0].leaving_at_risk) ? `; ${amount(data, sum('leaving_at_risk'))} at risk` : ''}; ${count(sum('n_left'))} more are probably gone` };
}

/** Returns what the value is: the label of its column, for what was spent and what will be are two things. */
export function valueLabel(data) {
    const { value } = presentation(data);
    return value ? label(data, value) : 'Value';
}

/** Returns what a model of purchases expects of all customers, in words, or null. */
export function expected(data) {
    const total = (data.value ?? []).find((it) => it.segment === null && it.name === 'total');
    return total?.horizon && isKnown(total.value_sum) ? `${amount(data, total.value_sum)} expected in the next ${horizonWords(total.horizon)}` : null;
}

/** Returns a horizon, as PostgreSQL writes an interval, in words. */
export function horizonWords(horizon) {
    return horizon.replace(/^1 /, '').replace(/mons?/, (it) => (it === 'mon' ? 'month' : 'months'));
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
