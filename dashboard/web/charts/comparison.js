// comparison.js
//	  Two to four segments in a table: sizes, value, and each column.

import { compared, currency, customers, hasValue, levelLabel, segmentLabel, segmentName, segmentOf, segments } from '../facts.js';
import { count, exactMoney, list, percent, toNumber } from '../format.js';
import { meanOf, profileOf } from './profile.js';

/** Returns the sentence: which of them is larger, and which brings more. */
export function sentence(data, state = {}) {
    const rows = segments(data.summary).filter((row) => compared(data, state).includes(row.segment));
    if (rows.length < 2) return 'Fewer than two of these segments are in this publication.';
    const sizes = [...rows].sort((a, b) => b.n - a.n).map((row) => `${count(row.n)} in ${segmentName(row)}`);
    if (!hasValue(data)) return `Customers: ${list(sizes)}.`;
    const first = rows.reduce((a, b) => ((toNumber(b.value_share) ?? -1) > (toNumber(a.value_share) ?? -1) ? b : a));
    return `Customers: ${list(sizes)}. Most value comes from ${segmentName(first)}: ${percent(first.value_share)} of all.`;
}

/** Returns the table: a row for each measure and column, a column for each segment. */
export function table(data, state = {}) {
    const chosen = compared(data, state);
    const summary = chosen.map((it) => data.summary.find((row) => row.segment === it));
    const written = (key, write) => summary.map((row) => (toNumber(row?.[key]) === null ? null : { text: write(row[key]), value: toNumber(row[key]) }));
    const money = (value) => exactMoney(value, currency(data));
    const n = customers(data.summary);
    const total = segments(data.summary).reduce((sum, row) => sum + (toNumber(row.total_value) ?? 0), 0);
    const whole = (value, write) => ({ text: write(value), value });
    const head = [
        ['Customers', ...written('n', count), whole(n, count)],
        ['Share of customers', ...written('share', percent), whole(1, percent)],
        ...(hasValue(data) ? [['Value', ...written('total_value', money), whole(total, money)], ['Share of value', ...written('value_share', percent), whole(1, percent)],
            ['Value of a customer', ...written('value_per_customer', money), n > 0 ? whole(total / n, money) : null]] : []),
    ];
    return {
        columns: [{ label: 'What' }, ...chosen.map((it) => ({ label: segmentLabel(segmentOf(data, it), 60), kind: 'value' })), { label: 'All customers', kind: 'value' }],
        rows: [...head, ...profileRows(data, chosen)],
    };
}

function profileRows(data, chosen) {
    const keyOf = (row) => JSON.stringify([row.column_name, row.level ?? null]);
    const profiles = chosen.map((it) => new Map(profileOf(data, it).map((row) => [keyOf(row), row])));
    const keys = [...new Set(profiles.flatMap((profile) => [...profile.keys()]))];
    const spread = (key) => {
        const known = profiles.map((profile) => toNumber(profile.get(key)?.difference)).filter((it) => it !== null);
        return known.length > 1 ? Math.max(...known) - Math.min(...known) : -1;
    };
    return keys.sort((a, b) => spread(b) - spread(a)).map((key) => {
        const any = profiles.map((profile) => profile.get(key)).find(Boolean);
        return [levelLabel(data, any, 60), ...profiles.map((profile) => (profile.has(key) ? meanOf(data, profile.get(key)) : null)), meanOf(data, any, true)];
    });
}
