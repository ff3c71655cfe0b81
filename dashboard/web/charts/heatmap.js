// heatmap.js
//	  How far each segment is from all customers in each column, in standard deviations: red below, blue above.

import { compared, distinct, levelLabel, segmentLabel, segmentName, segmentOf, segments } from '../facts.js';
import { count, fixed, signed, toNumber } from '../format.js';
import { axis, base, colorAt, inkOn, tooltip } from '../theme.js';

const most = 30;
// all segments, or those that are compared
const rowsOf = (data, state) => segments(state.only === 'compared' ? data.profile : data.heatmap);
const keyOf = (row) => JSON.stringify([row.column_name, row.level ?? null]);

/** Returns the rows of columns and levels, the most telling first, and the segments. */
function cells(data, state) {
    const chosen = state.only === 'compared' ? compared(data, state) : distinct(rowsOf(data, state), 'segment');
    const of = new Map();
    for (const row of rowsOf(data, state)) {
        const key = keyOf(row);
        if (!of.has(key)) of.set(key, { row, of: new Map() });
        of.get(key).of.set(row.segment, row);
    }
    const farthest = (line) => Math.max(-1, ...chosen.map((it) => toNumber(line.of.get(it)?.difference)).filter((it) => it !== null).map(Math.abs));
    return { chosen, lines: [...of.values()].sort((a, b) => farthest(b) - farthest(a)) };
}

/** Returns the height that so many columns need. */
export function height(n) {
    return 130 + 24 * Math.min(most, Math.max(3, n ?? 8));
}

/** Returns the option. */
export function option(data, theme, state = {}) {
    const { width = 700 } = state;
    const { chosen, lines } = cells(data, state);
    const shown = lines.slice(0, Math.max(1, Math.min(most, Math.floor(((state.height ?? 500) - 40) / 20))));
    const values = shown.flatMap((line, y) => chosen.map((it, x) => [x, y, toNumber(line.of.get(it)?.difference)]));
    const limit = Math.max(0.5, ...values.map(([, , it]) => Math.abs(it ?? 0)));
    const names = Math.min(210, width * 0.32);
    const cellWidth = (width - names - 8) / Math.max(1, chosen.length);
    // names stand upright below narrow cells, aslant below wider ones
    const below = cellWidth < 34 ? 40 : cellWidth < 100 ? 92 : 30;
    const color = (it) => (it === null ? theme.ground : colorAt(theme.diverging, (it / limit + 1) / 2));
    return {
        ...base(theme),
        grid: { left: names, right: 8, top: 4, bottom: below },
        tooltip: tooltip(theme, { formatter: (it) => tell(data, shown[it.value[1]], chosen[it.value[0]]) }),
        xAxis: axis(theme, {
            type: 'category', data: chosen.map((it) => segmentLabel(segmentOf(data, it), 24)), splitLine: { show: false },
            axisLabel: cellWidth < 34
                ? { interval: 0, hideOverlap: false, rotate: 90, formatter: (_, i) => String(chosen[i]) }
                : { interval: 0, hideOverlap: false, rotate: cellWidth < 100 ? 40 : 0, width: cellWidth < 100 ? 110 : cellWidth - 8, overflow: 'truncate' },
        }),
        yAxis: axis(theme, {
            type: 'category', inverse: true, data: shown.map((line) => levelLabel(data, line.row, 40)), splitLine: { show: false },
            axisLabel: { interval: 0, hideOverlap: false, width: names - 12, overflow: 'truncate' },
        }),
        series: [{
            type: 'heatmap',
            data: values.map(([x, y, it]) => ({
                value: [x, y, it ?? '-'],
                itemStyle: { color: color(it), borderColor: theme.card, borderWidth: 1 },
                label: { color: inkOn(color(it)) },
            })),
            label: { show: cellWidth >= 38, fontSize: 12, formatter: (it) => (it.value[2] === '-' ? '' : signed(it.value[2], (x) => fixed(x, 1))) },
        }],
    };
}

function tell(data, line, segment) {
    const row = line.of.get(segment);
    return [segmentLabel(segmentOf(data, segment), 40), levelLabel(data, line.row, 50), `${signed(row?.difference, (x) => fixed(x, 2))} standard deviations from all customers`].join('\n');
}

/** Returns the sentence: the largest difference of all. */
export function sentence(data, state = {}) {
    const { chosen, lines } = cells(data, state);
    const first = lines[0];
    const known = chosen.filter((it) => toNumber(first?.of.get(it)?.difference) !== null);
    if (known.length === 0) return 'No difference is known.';
    const far = known.reduce((a, b) => (Math.abs(first.of.get(b).difference) > Math.abs(first.of.get(a).difference) ? b : a));
    const it = toNumber(first.of.get(far).difference);
    const n = data.whole?.heatmap ?? lines.length;
    const shown = n > most ? ` The picture has at most ${most} rows of ${count(n)}${n > lines.length ? `, the table the ${count(lines.length)} that tell most` : ''}.` : '';
    return `Blue is above all customers, red below, in standard deviations. The farthest: ${segmentName(segmentOf(data, far))} with ${levelLabel(data, first.row, 60)}, ${fixed(Math.abs(it), 1)} ${it > 0 ? 'above' : 'below'}.${shown}`;
}

/** Returns the numbers as a table. */
export function table(data, state = {}) {
    const { chosen, lines } = cells(data, state);
    return {
        columns: [{ label: 'Column' }, ...chosen.map((it) => ({ label: segmentLabel(segmentOf(data, it), 60), kind: 'deviation' }))],
        rows: lines.map((line) => [levelLabel(data, line.row, 200), ...chosen.map((it) => line.of.get(it)?.difference ?? null)]),
    };
}
