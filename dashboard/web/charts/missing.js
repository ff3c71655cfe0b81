// missing.js
//	  Which columns lack a value in the same rows.

import { label } from '../facts.js';
import { count, list, percent, plural, toNumber } from '../format.js';
import { axis, base, tooltip } from '../theme.js';
import { keys } from './columns.js';

const most = 10;

/** Returns the sets of columns, without a column that is no data, such as that of the segment: what is missing beside it stays. */
function rowsOf(data) {
    const isKey = keys(data);
    const sets = new Map();
    for (const row of data.missing) {
        const columns = (row.null_columns ?? []).filter((it) => !isKey.has(it));
        const before = sets.get(JSON.stringify(columns));
        sets.set(JSON.stringify(columns), { null_columns: columns, n_columns: columns.length, n: row.n + (before?.n ?? 0), share: toNumber(row.share) + (before?.share ?? 0) });
    }
    return [...sets.values()];
}

const isComplete = (row) => !(row.null_columns?.length > 0);

function nameOf(data, row, length) {
    return isComplete(row) ? 'nothing is missing' : row.null_columns.map((it) => label(data, it, length)).join(', ');
}

/** Returns the option: a bar for each set of columns. */
export function option(data, theme, state = {}) {
    const { width = 560, height = 300 } = state;
    const rows = [...rowsOf(data)].sort((a, b) => b.n - a.n).slice(0, Math.min(most, Math.floor((height - 20) / 26)));
    const names = Math.min(240, width * 0.42);
    return {
        ...base(theme),
        grid: { left: names, right: 64, top: 8, bottom: 8 },
        tooltip: tooltip(theme, { formatter: (it) => `${nameOf(data, rows[it.dataIndex], 30)}\n${count(rows[it.dataIndex].n)} rows (${percent(rows[it.dataIndex].share)})` }),
        xAxis: axis(theme, { type: 'value', min: 0, max: 1, axisLabel: { show: false }, splitLine: { show: false } }),
        yAxis: axis(theme, { type: 'category', inverse: true, data: rows.map((row) => nameOf(data, row, 24)), axisLabel: { interval: 0, hideOverlap: false, width: names - 12, overflow: 'truncate' } }),
        series: [{
            type: 'bar', barMaxWidth: 18,
            data: rows.map((row) => ({ value: toNumber(row.share) ?? '-', itemStyle: { color: isComplete(row) ? theme.noise : theme.accent } })),
            label: { show: true, position: 'right', color: theme.ink, fontSize: 12, formatter: (it) => percent(rows[it.dataIndex].share) },
        }],
    };
}

/** Returns the sentence: how many rows are complete, and what is missing most. */
export function sentence(data) {
    const whole = rowsOf(data).find(isComplete);
    const gaps = rowsOf(data).filter((row) => !isComplete(row)).sort((a, b) => b.n - a.n);
    if (gaps.length === 0) return 'Nothing is missing: each row has a value in each column.';
    const first = gaps[0];
    return `${whole ? `${percent(whole.share)} of the rows are complete` : 'No row is complete'}. What is missing most often: ${list(first.null_columns.map((it) => label(data, it)).slice(0, 4))}${first.null_columns.length > 4 ? ` and ${plural(first.null_columns.length - 4, 'other column')}` : ''}, in ${percent(first.share)} of the rows.`;
}

/** Returns the patterns as a table. */
export function table(data) {
    return { columns: [{ label: 'Missing together' }, { label: 'Columns', kind: 'count' }, { label: 'Rows', kind: 'count' }, { label: 'Share', kind: 'percent' }], rows: [...rowsOf(data)].sort((a, b) => b.n - a.n).map((row) => [nameOf(data, row, 200), row.n_columns, row.n, row.share]) };
}
