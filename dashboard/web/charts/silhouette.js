// silhouette.js
//	  The silhouette plot: how much closer each customer of a sample is to its own segment than to the next.

import { segmentLabel, segmentName, segments, small } from '../facts.js';
import { count, fixed, percent, toNumber } from '../format.js';
import { axis, base, fontFamily, segmentColor, tooltip } from '../theme.js';

const isDrawn = (row) => Array.isArray(row.quantiles) && row.quantiles.length > 1;

/** Returns the height that so many segments need. */
export function height(n) {
    return 70 + 44 * Math.max(3, n ?? 5);
}

/** Returns the option: for each segment its widths from the highest to the lowest, as tall as it has customers. */
export function option(data, theme, state = {}) {
    const { width = 560 } = state;
    const rows = segments(data.silhouette);
    const total = rows.reduce((sum, row) => sum + (toNumber(row.n) ?? 0), 0) || 1;
    // a small segment still gets room for its name
    const least = Math.min(0.8 / rows.length, 17 / ((state.height ?? 300) - 60));
    const heights = rows.map((row) => Math.max(least, (toNumber(row.n) ?? 0) / total));
    const sum = heights.reduce((a, b) => a + b, 0);
    const tops = heights.map((_, i) => heights.slice(0, i).reduce((a, b) => a + b, 0) / sum);
    const names = Math.min(190, width * 0.36);
    const low = Math.min(0, ...rows.filter(isDrawn).flatMap((row) => row.quantiles.map(toNumber)).filter((it) => it !== null));
    const mean = meanOf(rows);
    return {
        ...base(theme),
        grid: { left: names, right: 20, top: 8, bottom: 52 },
        tooltip: tooltip(theme, { formatter: (it) => tell(rows[it.dataIndex]) }),
        xAxis: axis(theme, { type: 'value', min: Math.floor(low * 5) / 5, max: 1, name: 'silhouette width', nameGap: 28, axisLabel: { formatter: (it) => fixed(it, 1) } }),
        yAxis: axis(theme, { type: 'value', min: 0, max: 1, inverse: true, axisLabel: { show: false }, splitLine: { show: false } }),
        series: [{
            type: 'custom',
            data: rows.map((row, i) => [toNumber(row.mean) ?? 0, tops[i]]),
            renderItem: ({ dataIndex: i, coordSys }, api) => {
                const part = heights[i] / sum;
                const middle = api.coord([0, tops[i] + part / 2])[1];
                const text = { type: 'text', style: { x: coordSys.x - 8, y: middle, text: segmentLabel(rows[i]), fill: theme.ink, font: `12px ${fontFamily}`, align: 'right', verticalAlign: 'middle', width: names - 12, overflow: 'truncate' } };
                if (!isDrawn(rows[i])) return { type: 'group', children: [text] };
                const widths = [...rows[i].quantiles].map(toNumber).reverse();
                const inner = part * 0.92;
                const edge = widths.map((it, at) => api.coord([it ?? 0, tops[i] + inner * at / (widths.length - 1)]));
                const points = [api.coord([0, tops[i]]), ...edge, api.coord([0, tops[i] + inner])];
                return { type: 'group', children: [{ type: 'polygon', shape: { points }, style: { fill: segmentColor(rows[i].segment, theme) } }, text] };
            },
        }, ...(mean === null ? [] : [{
            type: 'line', silent: true, symbol: 'none', tooltip: { show: false }, lineStyle: { color: theme.ink, width: 1, type: [5, 4] }, data: [[mean, 0], [mean, 1]],
        }])],
    };
}

/** The mean width of all rows whose mean is known, weighted by customers. */
function meanOf(rows) {
    const known = rows.filter((row) => toNumber(row.mean) !== null && toNumber(row.n) !== null);
    const n = known.reduce((sum, row) => sum + row.n, 0);
    return n > 0 ? known.reduce((sum, row) => sum + row.mean * row.n, 0) / n : null;
}

function tell(row) {
    return [segmentLabel(row, 40), `mean ${fixed(row.mean, 2)}`, `${count(row.n_negative)} of ${count(row.n)} are closer to another segment`].join('\n');
}

/** Returns the sentence: the mean, and how many customers are closer to another segment. */
export function sentence(data) {
    const rows = segments(data.silhouette);
    const mean = meanOf(rows);
    if (mean === null) return `The widths are ${small(data)}.`;
    const known = rows.filter((row) => toNumber(row.n_negative) !== null);
    const negative = known.reduce((sum, row) => sum + row.n_negative, 0);
    const n = known.reduce((sum, row) => sum + row.n, 0);
    const least = rows.filter((row) => toNumber(row.mean) !== null).reduce((a, b) => (b.mean < a.mean ? b : a));
    return `The mean width is ${fixed(mean, 2)} (1 is far from other segments, 0 on the border). ${percent(n > 0 ? negative / n : null)} of the customers are closer to another segment; the least clear is ${segmentName(least)} with ${fixed(least.mean, 2)}.`;
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers of the sample', kind: 'count' }, { label: 'Mean width', kind: 'number' }, { label: 'Closer to another', kind: 'count' }, { label: 'Lowest', kind: 'number' }, { label: 'Median', kind: 'number' }, { label: 'Highest', kind: 'number' }],
        rows: segments(data.silhouette).map((row) => [segmentLabel(row, 200), row.n, row.mean, row.n_negative, row.quantiles?.[0] ?? null, row.quantiles?.[50] ?? null, row.quantiles?.[100] ?? null]),
    };
}
