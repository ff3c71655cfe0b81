// bars.js
//	  Bars that lie one below the other: one row a segment, a lever or a feature; parts of a row stand beside each other or on both sides of 0.

import { dash, isKnown } from '../format.js';
import { axis, base, tooltip } from '../theme.js';

const row = 26;
const margins = 78;

/** Returns the height in pixels that so many rows take. */
export function barsHeight(n) {
    return margins + row * Math.max(2, n);
}

/**
 * Returns a chart of "rows", their labels, the first at the top, and "parts" [{name, color, values, decal, colors?}], stacked on each other.
 * "overlap" lays the parts over each other instead: they go to both sides of 0.
 * "write" writes a number, "name" names the axis, "marks" are [value or null] of each row: a line across its bar, called "markName".
 */
export function bars(rows, parts, theme, { write = String, name = '', marks = null, markName = '', width = 700, labelWidth = Math.min(180, width * (width < 480 ? 0.4 : 0.32)), legend = parts.length > 1, overlap = false } = {}) {
    const isNarrow = width < 480;
    const legendLines = isNarrow ? parts.length + (marks ? 1 : 0) : 1;
    const labels = [...rows].reverse();
    const turn = (values) => [...values].reverse();
    const at = labels.length - 1;
    return {
        ...base(theme),
        grid: { left: labelWidth + 8, right: 28, top: legend ? 14 + 20 * legendLines : 8, bottom: name ? 46 : 30 },
        legend: legend ? { top: 0, left: 0, orient: isNarrow ? 'vertical' : 'horizontal', textStyle: { color: theme.ink }, data: [...parts.map((it) => it.name), ...(marks ? [markName] : [])] } : undefined,
        tooltip: tooltip(theme, {
            trigger: 'axis',
            axisPointer: { type: 'shadow' },
            formatter: (points) => {
                const i = at - (points[0]?.dataIndex ?? 0);
                const mark = marks ? [`${markName}: ${isKnown(marks[i]) ? write(marks[i]) : dash}`] : [];
                return [rows[i], ...parts.map((it) => `${it.name}: ${isKnown(it.values[i]) ? write(it.values[i]) : dash}`), ...mark].join('\n');
            },
        }),
        xAxis: axis(theme, { type: 'value', name, nameGap: 28, splitNumber: isNarrow ? 2 : 5, axisLabel: { formatter: write } }),
        yAxis: axis(theme, { type: 'category', data: labels, splitLine: { show: false }, axisLabel: { width: labelWidth, overflow: 'truncate', interval: 0 } }),
        series: [
            ...parts.map((it) => ({
                name: it.name,
                type: 'bar',
                stack: overlap ? undefined : 'parts',
                barGap: '-100%',
                barWidth: 14,
                itemStyle: { color: it.color, decal: it.decal },
                data: turn(it.values.map((value, i) => ({ value: isKnown(value) ? value : '-', itemStyle: it.colors ? { color: it.colors[i] } : undefined }))),
            })),
            ...(marks ? [{
                name: markName,
                type: 'scatter',
                symbol: 'rect',
                symbolSize: [3, 20],
                itemStyle: { color: theme.ink },
                data: turn(marks).map((value, i) => (isKnown(value) ? [value, i] : null)).filter(Boolean),
            }] : []),
        ],
    };
}

/** Returns the hatching by which one part differs from the next for those who do not tell colours apart. */
export function hatching(theme) {
    return { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4, color: theme.card };
}
