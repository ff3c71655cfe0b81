// choose-k.js
//	  How many segments: the elbow of the inertia, the silhouette, and the votes of the measures.

import { count, fixed, number, plural, sentenceOf, toNumber } from '../format.js';
import { literal } from '../parts.js';
import { axis, base, tooltip } from '../theme.js';

/** Returns the rows of the training's search, by number of segments. */
export function rowsOf(data) {
    return [...(data.training?.choose_k ?? [])].sort((a, b) => a.k - b.k);
}

/** Returns why there is nothing to show, or null. */
export function missing(data) {
    return rowsOf(data).length > 0 ? null : { why: 'The number of segments was given when this version was trained, so that none was searched for. A training without k looks for it and keeps the curve.', sql: `SELECT * FROM custseg.train(${literal(data.about.name)}, 'customers', deploy => false);` };
}

/** Returns the option: inertia above, silhouette below. */
export function elbow(data, theme, { width = 560, height = 340 } = {}) {
    const rows = rowsOf(data);
    const panels = [['inertia', 'inertia', 'The elbow'], ['silhouette', 'silhouette', 'Silhouette']];
    const room = (height - 34 - 60) / 2;
    return {
        ...base(theme),
        tooltip: tooltip(theme, { trigger: 'axis', formatter: (points) => tell(rows[points[0].dataIndex]) }),
        grid: panels.map((_, i) => ({ left: 70, right: 20, top: 26 + i * (room + 28), height: room - 6 })),
        xAxis: panels.map((_, i) => axis(theme, { gridIndex: i, type: 'category', data: rows.map((row) => String(row.k)), name: i === 1 ? 'number of segments' : '', nameGap: 28, splitLine: { show: false }, axisLabel: { show: i === 1 } })),
        yAxis: panels.map(([, , title], i) => axis(theme, { gridIndex: i, type: 'value', scale: true, splitNumber: 3, name: title, nameLocation: 'end', nameGap: 8, nameTextStyle: { color: theme.muted, fontSize: 12, align: 'left' }, axisLabel: { formatter: number } })),
        series: panels.map(([key], i) => ({
            type: 'line', xAxisIndex: i, yAxisIndex: i, itemStyle: { color: theme.accent }, lineStyle: { color: theme.accent, width: 2 },
            data: rows.map((row) => ({ value: toNumber(row[key]) ?? '-', symbol: row.recommended ? 'diamond' : 'circle', symbolSize: row.recommended ? 14 : 6 })),
        })),
    };
}

function tell(row) {
    return [`${plural(row.k, 'segment')}${row.recommended ? ', recommended' : ''}`, `inertia ${number(row.inertia)}`, `silhouette ${fixed(row.silhouette, 3)}`, `Calinski-Harabasz ${number(row.calinski_harabasz)}`, `Davies-Bouldin ${fixed(row.davies_bouldin, 3)}`, `votes ${count(row.votes)}`].join('\n');
}

/** Returns the option of the votes: a bar for each number of segments. */
export function votes(data, theme, { width = 560 } = {}) {
    const rows = rowsOf(data);
    return {
        ...base(theme),
        tooltip: tooltip(theme, { formatter: (it) => tell(rows[it.dataIndex]) }),
        grid: { left: 48, right: 20, top: 24, bottom: 48 },
        xAxis: axis(theme, { type: 'category', data: rows.map((row) => String(row.k)), name: 'number of segments', nameGap: 28 }),
        yAxis: axis(theme, { type: 'value', min: 0, name: 'votes', nameGap: 30, axisLabel: { formatter: count } }),
        series: [{
            type: 'bar', barMaxWidth: Math.min(36, width / 14),
            data: rows.map((row) => ({ value: toNumber(row.votes) ?? '-', itemStyle: { color: row.recommended ? theme.accent : theme.noise } })),
            label: { show: true, position: 'top', color: theme.ink, fontSize: 12, formatter: (it) => (rows[it.dataIndex].recommended ? `${count(rows[it.dataIndex].votes)} recommended` : count(rows[it.dataIndex].votes)) },
        }],
    };
}

/** Returns the sentence: the number that was recommended, and why. */
export function sentence(data) {
    const row = rowsOf(data).find((it) => it.recommended);
    if (!row) return 'The measures recommend no number of segments.';
    return `${plural(row.k, 'segment')} ${row.k === 1 ? 'was' : 'were'} recommended. ${sentenceOf(row.reason)}`.trim();
}

/** Returns the sentence about the votes. */
export function votesSentence(data) {
    const rows = rowsOf(data);
    const sum = rows.reduce((total, row) => total + (row.votes ?? 0), 0);
    const first = rows.reduce((a, b) => ((b.votes ?? 0) > (a.votes ?? 0) ? b : a));
    return `Each measure votes for a number of segments. ${count(first.votes)} of ${plural(sum, 'vote')} went to ${count(first.k)}.`;
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segments' }, { label: 'Inertia', kind: 'number' }, { label: 'Silhouette', kind: 'number' }, { label: 'Calinski-Harabasz', kind: 'number' }, { label: 'Davies-Bouldin', kind: 'number' }, { label: 'Gap', kind: 'number' }, { label: 'Smallest share', kind: 'percent' }, { label: 'Votes', kind: 'count' }, { label: 'Recommended', kind: 'yes' }],
        rows: rowsOf(data).map((row) => [String(row.k), row.inertia, row.silhouette, row.calinski_harabasz, row.davies_bouldin, row.gap, row.smallest_share, row.votes, Boolean(row.recommended)]),
    };
}
