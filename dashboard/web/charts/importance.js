// importance.js
//	  How much the model listens to each feature, and how far the segments differ in it.

import { label } from '../facts.js';
import { count, fixed, list, number, percent, toNumber } from '../format.js';
import { axis, base, tooltip } from '../theme.js';

const most = 20;

const byKey = (rows, key) => [...rows].sort((a, b) => (key(b) ?? -1) - (key(a) ?? -1)).slice(0, most);
const importance = (row) => toNumber(row.importance);
const effect = (row) => toNumber(row.eta_squared) ?? toNumber(row.cramers_v);

/** Returns the height that so many features need. */
export function height(n) {
    return 64 + 26 * Math.min(most, Math.max(3, n ?? 5));
}

function bars(data, theme, rows, value, { width = 560 }, more) {
    const names = Math.min(200, width * 0.36);
    const top = Math.max(0.01, ...rows.map((row) => value(row) ?? 0), ...rows.map((row) => more.high?.(row) ?? 0));
    return {
        ...base(theme),
        grid: { left: names, right: 64, top: 8, bottom: 48 },
        tooltip: tooltip(theme, { formatter: (it) => more.tell(rows[it.dataIndex]) }),
        xAxis: axis(theme, { type: 'value', min: 0, max: top, name: more.name, nameGap: 28, splitNumber: width < 480 ? 3 : 5, axisLabel: { formatter: more.write } }),
        yAxis: axis(theme, {
            type: 'category', inverse: true, data: rows.map((row) => label(data, row.feature, 28)), splitLine: { show: false },
            axisLabel: { interval: 0, hideOverlap: false, width: names - 12, overflow: 'truncate' },
        }),
        series: [{
            type: 'bar', barMaxWidth: 16, itemStyle: { color: theme.accent },
            data: rows.map((row) => value(row) ?? '-'),
        }, ...(more.high ? [whiskers(rows, theme, more)] : []), values(rows, theme, value, more, top)],
    };
}

/** The spread of the shuffles: a thin line from below to above. */
function whiskers(rows, theme, { low, high }) {
    return {
        type: 'custom', silent: true, z: 3, tooltip: { show: false },
        data: rows.map((row, i) => [low(row) ?? '-', high(row) ?? '-', i]),
        encode: { x: [0, 1], y: 2 },
        renderItem: (_, api) => {
            const [x1, y] = api.coord([api.value(0), api.value(2)]);
            const [x2] = api.coord([api.value(1), api.value(2)]);
            return Number.isNaN(x1) || Number.isNaN(x2) ? null : { type: 'line', shape: { x1, y1: y, x2, y2: y }, style: { stroke: theme.ink, lineWidth: 2 } };
        },
    };
}

/** The number of each bar, to the right of all that is drawn of it. */
function values(rows, theme, value, { high, write }) {
    return {
        // a label has the opacity of its item
        type: 'scatter', silent: true, symbolSize: 0, tooltip: { show: false }, itemStyle: { opacity: 1 },
        data: rows.map((row, i) => (value(row) === null ? ['-', i] : [Math.max(value(row), high?.(row) ?? 0), i])),
        label: { show: true, position: 'right', color: theme.ink, fontSize: 12, formatter: (it) => write(value(rows[it.dataIndex])) },
    };
}

const errorOf = (row) => toNumber(row.importance_error) ?? 0;

/** Returns the option of the importance by shuffling. */
export function option(data, theme, state = {}) {
    return bars(data, theme, byKey(data.importance, importance), importance, state, {
        name: 'customers who change segment', write: (it) => percent(it),
        low: (row) => (importance(row) === null ? null : Math.max(0, importance(row) - errorOf(row))),
        high: (row) => (importance(row) === null ? null : importance(row) + errorOf(row)),
        tell: (row) => row.reason,
    });
}

/** Returns the option of the effect sizes. */
export function effects(data, theme, state = {}) {
    return bars(data, theme, byKey(data.importance, effect), effect, state, {
        name: 'eta squared, or Cramér’s V of a category', write: (it) => fixed(it, 2),
        tell: (row) => `${label(data, row.feature)}: ${toNumber(row.eta_squared) === null ? `Cramér’s V ${fixed(row.cramers_v, 3)}` : `eta squared ${fixed(row.eta_squared, 3)}`}`,
    });
}

/** Returns the sentence about the importance. */
export function sentence(data) {
    const rows = byKey(data.importance, importance).filter((row) => importance(row) !== null);
    if (rows.length === 0) return 'No importance is known.';
    const first = rows[0];
    const idle = data.importance.filter((row) => importance(row) !== null && importance(row) < 0.005).length;
    const rest = idle > 0 ? ` ${idle === 1 ? 'One feature hardly matters' : `${number(idle)} features hardly matter`}.` : '';
    const shown = data.importance.length > most ? ` The picture has the first ${most} of ${count(data.importance.length)}.` : '';
    return `The model listens most to ${label(data, first.feature)}: ${percent(first.importance)} of the customers change segment when it is shuffled among them.${rest}${shown}`;
}

/** Returns the sentence about the effect sizes. */
export function effectsSentence(data) {
    const rows = byKey(data.importance, effect).filter((row) => effect(row) !== null);
    if (rows.length === 0) return 'No effect is known.';
    const large = rows.filter((row) => (toNumber(row.eta_squared) ?? -1) >= 0.14 || (toNumber(row.cramers_v) ?? -1) >= 0.5);
    if (large.length === 0) return 'The segments do not differ much in any one feature.';
    return `The segments differ most in ${list(large.slice(0, 3).map((row) => label(data, row.feature)))}. 0 means that they do not differ, 1 that the feature tells the segment.`;
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Feature' }, { label: 'Kind' }, { label: 'Importance', kind: 'percent' }, { label: 'Spread of the shuffles', kind: 'percent' }, { label: 'Eta squared', kind: 'number' }, { label: 'Cramér’s V', kind: 'number' }, { label: 'Customers', kind: 'count' }],
        rows: [...data.importance].sort((a, b) => a.rank - b.rank).map((row) => [label(data, row.feature, 200), row.kind, row.importance, row.importance_error, row.eta_squared, row.cramers_v, row.n]),
    };
}
