// parallel.js
//	  Parallel coordinates: each segment is a line over the axes in which they differ.

import { segmentLabel, segmentOf } from '../facts.js';
import { plural } from '../format.js';
import { axis, base, legendBelow, segmentColor, segmentDash, tooltip } from '../theme.js';
import { axes, axesTable, axisLabel, place, shortAxisLabel, telling, written } from './axes.js';
import { shownSegments } from './radar.js';

/** Returns the option: lines over at most 12 axes, each scaled 0 (the lowest segment) to 1 (the highest). */
export function option(data, theme, state = {}) {
    const { width = 700 } = state;
    const segments = shownSegments(data, state, true);
    const shown = telling(data, segments, width < 480 ? 6 : 12);
    const lines = [...segments.map((it) => segmentOf(data, it)), { segment: null }];
    const step = (width - 60) / Math.max(1, shown.length);
    const isTurned = step < 84;
    const below = legendBelow(theme, lines.map((it) => segmentLabel(it, 24)), width, { itemWidth: 34 });
    return {
        ...base(theme),
        legend: below.legend,
        grid: { left: isTurned ? 64 : 48, right: 24, top: 16, bottom: (isTurned ? 100 : 50) + below.room },
        tooltip: tooltip(theme, {
            trigger: 'axis',
            formatter: (points) => {
                const at = shown[points[0].dataIndex];
                return [axisLabel(data, at, 50), ...lines.map((it) => `${segmentLabel(it, 30)}: ${written(data, at, it.segment)}`)].join('\n');
            },
        }),
        xAxis: axis(theme, {
            type: 'category', data: shown.map((it) => isTurned ? shortAxisLabel(data, it, 14) : axisLabel(data, it, 36)), boundaryGap: shown.length === 1,
            splitLine: { show: true, lineStyle: { color: theme.line } },
            axisLabel: { interval: 0, hideOverlap: false, rotate: isTurned ? 50 : 0, width: isTurned ? 110 : step - 10, overflow: isTurned ? 'truncate' : 'break', lineHeight: 14, alignMinLabel: isTurned ? undefined : 'left', alignMaxLabel: isTurned ? undefined : 'right' },
        }),
        yAxis: axis(theme, { type: 'value', min: 0, max: 1, interval: 0.5, axisLabel: { formatter: (it) => (it === 0 ? 'low' : it === 1 ? 'high' : '') } }),
        series: lines.map((it) => ({
            name: segmentLabel(it, 24), type: 'line', symbolSize: 7, connectNulls: false,
            itemStyle: { color: segmentColor(it.segment, theme) },
            lineStyle: { color: segmentColor(it.segment, theme), width: it.segment === null ? 1.5 : 2.5, type: it.segment === null ? [2, 3] : segmentDash(it.segment) },
            data: shown.map((at) => place(at, it.segment)),
        })),
    };
}

/** Returns the sentence: how to read it. */
export function sentence(data) {
    return `Each line is a segment; each axis goes from the lowest of all segments to the highest. Where lines are far apart, the segments differ. There ${axes(data).length === 1 ? 'is' : 'are'} ${plural(axes(data).length, 'axis', 'axes')} in all.`;
}

/** Returns the numbers as a table. */
export function table(data, state = {}) {
    return axesTable(data, shownSegments(data, state, true), (it) => segmentLabel(it, 60));
}
