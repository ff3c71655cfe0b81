// lines.js
//	  What goes on over time, a line for each segment or feature: sizes, values, KPIs, drift, forecasts.

import { dash, isKnown } from '../format.js';
import { axis, base, legendBelow, tooltip } from '../theme.js';
import { rulers } from './rulers.js';

/** How many lines a chart bears; the table beside it has all. */
export const mostLines = 8;

/** Returns the segments that are largest by "of", as many as a chart bears, in order of their numbers; rows of all customers are left out. */
export function largest(rows, of) {
    return rows.filter((it) => it.segment !== null && it.segment !== undefined)
        .sort((a, b) => (of(b) ?? -Infinity) - (of(a) ?? -Infinity))
        .slice(0, mostLines)
        .sort((a, b) => a.segment - b.segment);
}

/**
 * Returns a chart of rows {label, color, dash, values, low?, high?} over the labels "times"; arrays go by time, and what is not known is null.
 * "write" writes a number, "marks" are [{at, label}] that stand upright at a time, "limits" [{at, label}] that lie across; "width" is that of the picture.
 */
export function lines(rows, times, theme, { write = String, name = '', marks = [], limits = [], from = null, width = 700 } = {}) {
    const below = legendBelow(theme, rows.map(({ label }) => label), width, { itemWidth: 34 });
    return {
        ...base(theme),
        grid: { left: name ? 76 : 64, right: 24, top: 16, bottom: 34 + below.room },
        legend: below.legend,
        tooltip: tooltip(theme, {
            trigger: 'axis',
            formatter: (points) => [times[points[0]?.dataIndex] ?? '', ...rows.map((it) => `${it.label}: ${writeAt(it, points[0]?.dataIndex, write)}`)].join('\n'),
        }),
        xAxis: axis(theme, { type: 'category', data: times, boundaryGap: false, splitLine: { show: false } }),
        yAxis: axis(theme, { type: 'value', name, nameGap: 56, min: from ?? undefined, scale: from === null, axisLabel: { formatter: write } }),
        series: [
            ...rows.filter(({ low }) => low).flatMap(band),
            ...rows.map((it) => ({
                name: it.label,
                type: 'line',
                data: it.values.map((value) => (isKnown(value) ? value : null)),
                symbol: it.values.length > 30 ? 'none' : 'circle',
                symbolSize: 5,
                connectNulls: false,
                itemStyle: { color: it.color },
                lineStyle: { color: it.color, type: it.dash, width: 2 },
            })),
            ...(marks.length + limits.length > 0 ? [rulers(theme, { upright: marks, across: limits })] : []),
        ],
    };
}

function writeAt({ values, low, high }, i, write) {
    if (!isKnown(values[i])) return dash;
    const ends = isKnown(low?.[i]) && isKnown(high?.[i]) ? ` (${write(low[i])} to ${write(high[i])})` : '';
    return write(values[i]) + ends;
}

/** The interval of a line: its lower end, invisible, and what lies above it up to the higher end. */
function band({ label, color, low, high }) {
    const common = { type: 'line', stack: `interval of ${label}`, symbol: 'none', lineStyle: { opacity: 0 }, silent: true, tooltip: { show: false } };
    return [
        { ...common, data: low.map((value) => (isKnown(value) ? value : null)) },
        { ...common, data: low.map((value, i) => (isKnown(value) && isKnown(high[i]) ? high[i] - value : null)), areaStyle: { color, opacity: 0.18 } },
    ];
}
