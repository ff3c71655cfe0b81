// scree.js
//	  How much of what differs between customers each principal component holds.

import { count, percent, toNumber } from '../format.js';
import { literal } from '../parts.js';
import { axis, base, legendBelow, tooltip } from '../theme.js';

const most = 20;

/** Returns the components: those of the training, or of the projection. */
function rowsOf(data) {
    const trained = data.training?.scree ?? [];
    if (trained.length > 0) return trained.map((row, i) => ({ name: String(i + 1), share: toNumber(row.variance_share), sum: toNumber(row.cumulative_share) }));
    return (data.projection?.components ?? []).map((row, i) => ({ name: String(i + 1), share: toNumber(row.variance_ratio), sum: toNumber(row.cumulative_ratio) }));
}

/** Returns why there is nothing to show, or null. */
export function missing(data) {
    return rowsOf(data).length > 0 ? null : { why: 'This version was trained without principal components.', sql: `SELECT * FROM custseg.train(${literal(data.about.name)}, 'customers', prep => '{"pca": 0.9}', deploy => false);` };
}

/** Returns the option: a bar for each component, a line for all up to it. */
export function option(data, theme, { width = 560 } = {}) {
    const rows = rowsOf(data).slice(0, most);
    const below = legendBelow(theme, ['this component', 'all up to it'], width, { itemWidth: 24 });
    return {
        ...base(theme),
        grid: { left: 60, right: 20, top: 12, bottom: 44 + below.room },
        legend: below.legend,
        tooltip: tooltip(theme, { trigger: 'axis', formatter: ([it]) => `Component ${rows[it.dataIndex].name}: ${percent(rows[it.dataIndex].share)}\nup to it: ${percent(rows[it.dataIndex].sum)}` }),
        xAxis: axis(theme, { type: 'category', data: rows.map((row) => row.name), name: 'component', nameGap: 26 }),
        yAxis: axis(theme, { type: 'value', min: 0, max: 1, axisLabel: { formatter: (it) => percent(it, 0) } }),
        series: [
            { name: 'this component', type: 'bar', barMaxWidth: 32, itemStyle: { color: theme.accent }, data: rows.map((row) => row.share ?? '-') },
            { name: 'all up to it', type: 'line', itemStyle: { color: theme.all }, lineStyle: { color: theme.all, type: [5, 3], width: 2 }, data: rows.map((row) => row.sum ?? '-') },
        ],
    };
}

/** Returns the sentence: how many components hold 80 %. */
export function sentence(data) {
    const rows = rowsOf(data);
    const enough = rows.findIndex((row) => (row.sum ?? 0) >= 0.8);
    const first = `The first component holds ${percent(rows[0].share)} of what differs between customers`;
    return enough < 0 ? `${first}; the ${count(rows.length)} that are known hold ${percent(rows[rows.length - 1].sum)} together.` : `${first}; ${count(enough + 1)} ${enough === 0 ? 'holds' : 'hold'} 80 % or more.`;
}

/** Returns the components as a table. */
export function table(data) {
    return { columns: [{ label: 'Component' }, { label: 'Share of the variance', kind: 'percent' }, { label: 'Up to it', kind: 'percent' }], rows: rowsOf(data).map((row) => [row.name, row.share, row.sum]) };
}
