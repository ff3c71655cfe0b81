// k-distance.js
//	  The curve by which the radius of DBSCAN is chosen: the distance of each row to its k-th neighbour, and its knee.

import { number, percent, toNumber } from '../format.js';
import { literal } from '../parts.js';
import { axis, base, tooltip } from '../theme.js';

function rowsOf(data) {
    return (data.training?.k_distance ?? []).filter((row) => toNumber(row.distance) !== null);
}

/** Returns why there is no curve, or null. */
export function missing(data) {
    return rowsOf(data).length > 0 ? null : { why: 'Only a density model (DBSCAN) that chose its radius itself keeps this curve.', sql: `SELECT * FROM custseg.train(${literal(data.about.name)}, 'customers', algorithm => 'dbscan', deploy => false);` };
}

/** Returns the option. */
export function option(data, theme) {
    const rows = rowsOf(data);
    return {
        ...base(theme),
        grid: { left: 70, right: 20, top: 12, bottom: 52 },
        tooltip: tooltip(theme, { trigger: 'axis', formatter: ([it]) => `${percent(it.value[0])} of the rows have\n${number(it.value[1])} or less to their neighbour` }),
        xAxis: axis(theme, { type: 'value', min: 0, max: 1, name: 'share of the rows', nameGap: 28, axisLabel: { formatter: (it) => percent(it, 0) } }),
        yAxis: axis(theme, { type: 'value', min: 0, name: 'distance', nameGap: 50, axisLabel: { formatter: number } }),
        series: [
            { type: 'line', symbol: 'none', lineStyle: { color: theme.accent, width: 2 }, data: rows.map((row) => [row.share, row.distance]).sort((a, b) => a[0] - b[0]) },
            { type: 'scatter', symbol: 'diamond', symbolSize: 14, itemStyle: { color: theme.bad }, tooltip: { show: false }, data: rows.filter((row) => row.knee).map((row) => [row.share, row.distance]) },
        ],
    };
}

/** Returns the sentence: where the knee is. */
export function sentence(data) {
    const knee = rowsOf(data).find((row) => row.knee);
    return knee ? `The knee is at a distance of ${number(knee.distance)}: up to there rows are close to others, beyond it they are noise.` : 'The curve has no knee: no distance parts dense from thin.';
}

/** Returns the curve as a table. */
export function table(data) {
    return { columns: [{ label: 'Share of the rows', kind: 'percent' }, { label: 'Distance', kind: 'number' }, { label: 'Knee', kind: 'yes' }], rows: rowsOf(data).map((row) => [row.share, row.distance, Boolean(row.knee)]) };
}
