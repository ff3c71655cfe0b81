// intervals.js
//	  Values with their intervals, one row below the other: what segments are worth, effects of experiments, shares of a survey.

import { dash } from '../format.js';
import { axis, base, tooltip } from '../theme.js';
import { rulers } from './rulers.js';

const row = 26;
const margins = 82;

/** Returns the height in pixels that so many rows take. */
export function intervalsHeight(n) {
    return margins + row * Math.max(2, n);
}

/**
 * Returns a chart of rows {label, value, low, high, color, mark}, the first at the top; a row without a value shows its label alone.
 * "write" writes a number, "name" names the axis, "lines" are [{at, label}] across all rows, and "bars" draws bars from 0.
 */
export function intervals(rows, theme, { write = String, name = '', lines = [], bars = false, width = 700, labelWidth = Math.min(180, width * (width < 480 ? 0.4 : 0.32)) } = {}) {
    const shown = [...rows].reverse();
    return {
        ...base(theme),
        grid: { left: labelWidth + 8, right: 28, top: lines.some(({ label }) => label) ? 26 : 8, bottom: name ? 46 : 30 },
        tooltip: tooltip(theme, { trigger: 'item', formatter: ({ dataIndex }) => sentence(shown[dataIndex], write) }),
        xAxis: axis(theme, { type: 'value', name, nameGap: 28, splitNumber: width < 480 ? 2 : 5, scale: !bars, axisLabel: { formatter: write } }),
        yAxis: axis(theme, {
            type: 'category',
            data: shown.map(({ label }) => label),
            splitLine: { show: false },
            axisLabel: { width: labelWidth, overflow: 'truncate', interval: 0 },
        }),
        series: [
            ...(bars ? [bar(shown, theme)] : []),
            {
                type: 'custom',
                renderItem: (_, api) => whisker(shown, api, theme, bars),
                encode: { x: [1, 2, 3], y: 0 },
                data: shown.map(({ value, low, high }, i) => [i, value, low, high]),
            },
            ...(lines.length > 0 ? [rulers(theme, { upright: lines, isAbove: true })] : []),
        ],
    };
}

function bar(rows, theme) {
    return {
        type: 'bar',
        barWidth: 14,
        data: rows.map(({ value, color }) => ({ value: value ?? '-', itemStyle: { color: color ?? theme.accent } })),
    };
}

/** The line from low to high with its ends, and the value as a dot, unless a bar shows it. */
function whisker(rows, api, theme, bars) {
    const i = api.value(0);
    const { value, low, high, color } = rows[i];
    const children = [];
    if (isNumber(low) && isNumber(high)) {
        const [left, y] = api.coord([low, i]);
        const [right] = api.coord([high, i]);
        const stroke = { stroke: bars ? theme.ink : color ?? theme.accent, lineWidth: 2, fill: null };
        children.push(line(left, y, right, y, stroke), line(left, y - 5, left, y + 5, stroke), line(right, y - 5, right, y + 5, stroke));
    }
    if (isNumber(value) && !bars) {
        const [x, y] = api.coord([value, i]);
        children.push({ type: 'circle', shape: { cx: x, cy: y, r: 5 }, style: { fill: color ?? theme.accent, stroke: theme.card, lineWidth: 1 } });
    }
    return { type: 'group', children };
}

function line(x1, y1, x2, y2, style) {
    return { type: 'line', shape: { x1, y1, x2, y2 }, style };
}

function isNumber(value) {
    return typeof value === 'number' && Number.isFinite(value);
}

function sentence({ label, value, low, high }, write) {
    const ends = isNumber(low) && isNumber(high) ? `\n${write(low)} to ${write(high)}` : '';
    return `${label}\n${isNumber(value) ? write(value) : dash}${ends}`;
}
