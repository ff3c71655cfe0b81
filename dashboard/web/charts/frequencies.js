// frequencies.js
//	  How frequent each level of a category is among all customers.

import { choice, label, lettersIn, levelName, levelNames } from '../facts.js';
import { count, percent, plural, toNumber } from '../format.js';
import { axis, base, tooltip } from '../theme.js';
import { columns } from './levels.js';

const most = 12;

function rowsOf(data, state) {
    const column = choice(state.category, columns(data));
    return data.level_share.filter((row) => row.column_name === column && (row.segment === null || row.segment === undefined))
        .sort((a, b) => (toNumber(b.n) ?? -1) - (toNumber(a.n) ?? -1));
}

/** Returns the option. */
export function option(data, theme, state = {}) {
    const { width = 560, height = 340 } = state;
    const rows = rowsOf(data, state).slice(0, Math.min(most, Math.floor((height - 20) / 24)));
    const names = Math.min(200, width * 0.36);
    return {
        ...base(theme),
        grid: { left: names, right: 64, top: 8, bottom: 8 },
        tooltip: tooltip(theme, { formatter: (it) => `${levelName(rows[it.dataIndex].level)}\n${count(rows[it.dataIndex].n)} customers (${percent(rows[it.dataIndex].share)})` }),
        xAxis: axis(theme, { type: 'value', min: 0, axisLabel: { show: false }, splitLine: { show: false } }),
        yAxis: axis(theme, { type: 'category', inverse: true, data: levelNames(rows.map((row) => row.level), Math.min(30, lettersIn(names - 12))), axisLabel: { interval: 0, hideOverlap: false, width: names - 12, overflow: 'truncate' } }),
        series: [{
            type: 'bar', barMaxWidth: 18, itemStyle: { color: theme.accent },
            data: rows.map((row) => toNumber(row.share) ?? '-'),
            label: { show: true, position: 'right', color: theme.ink, fontSize: 12, formatter: (it) => percent(rows[it.dataIndex].share) },
        }],
    };
}

/** Returns the sentence: the most frequent level. */
export function sentence(data, state = {}) {
    const rows = rowsOf(data, state);
    if (rows.length === 0) return 'Nothing is known of all customers.';
    const rest = rows.length > most ? ` The picture has the first ${most}.` : '';
    return `${label(data, rows[0].column_name)} has ${plural(rows.length, 'different value')}; the most frequent is ${levelName(rows[0].level)}, of ${percent(rows[0].share)} of the customers.${rest}`;
}

/** Returns the levels as a table. */
export function table(data, state = {}) {
    return { columns: [{ label: 'Value' }, { label: 'Customers', kind: 'count' }, { label: 'Share', kind: 'percent' }], rows: rowsOf(data, state).map((row) => [levelName(row.level, 200), row.n, row.share]) };
}
