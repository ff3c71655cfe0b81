// levels.js
//	  Stacked shares of the levels of a category: a bar for each segment and for all customers.

import { choice, distinct, label, levelName, levelNames, segmentLabel, segmentName, segmentOf, selected } from '../facts.js';
import { count, percent, toNumber } from '../format.js';
import { axis, base, legendBelow, tooltip } from '../theme.js';

const most = 8;
// levels are no segments: they have their own colours, and hatching from the fifth on
const shades = ['#4a6fa5', '#c8a45c', '#7a9e7e', '#a5647a', '#6b6b8f', '#b58863', '#5f9ea0', '#8f8f8f'];

/** Returns the columns that have levels. */
export function columns(data) {
    return data.keys?.level_share ?? distinct(data.level_share, 'column_name');
}

/** Returns the levels of the chosen column, the most frequent first, and its rows by segment. */
function stack(data, state) {
    const column = choice(state.category, columns(data));
    const rows = data.level_share.filter((row) => row.column_name === column);
    const all = rows.filter((row) => row.segment === null || row.segment === undefined);
    const levels = distinct([...(all.length > 0 ? all : rows)].sort((a, b) => (toNumber(b.n) ?? 0) - (toNumber(a.n) ?? 0)), 'level');
    const bars = [...(all.length > 0 ? [null] : []), ...distinct(rows, 'segment').filter((it) => it !== null && it !== undefined).sort((a, b) => a - b)];
    const shareOf = (segment, level) => toNumber(rows.find((row) => (row.segment ?? null) === segment && row.level === level)?.share);
    const countOf = (segment, level) => toNumber(rows.find((row) => (row.segment ?? null) === segment && row.level === level)?.n);
    return { column, levels, bars, shareOf, countOf };
}

/** Returns the height that so many segments need. */
export function height(n) {
    return 90 + 30 * (Math.max(2, n ?? 5) + 1);
}

/** Returns the option. */
export function option(data, theme, state = {}) {
    const { width = 560 } = state;
    const { column, levels, bars, shareOf, countOf } = stack(data, state);
    const names = Math.min(180, width * 0.34);
    const shown = levels.slice(0, levels.length > most ? most - 1 : most);
    const rest = levels.slice(shown.length);
    const called = levelNames(shown, 24);
    const parts = [
        ...shown.map((level, i) => ({ label: called[i], share: (it) => shareOf(it, level), n: (it) => countOf(it, level) })),
        ...(rest.length > 0 ? [{ label: `${rest.length} more`, share: (it) => sum(rest.map((level) => shareOf(it, level))), n: (it) => sum(rest.map((level) => countOf(it, level))) }] : []),
    ];
    const below = legendBelow(theme, parts.map((it) => it.label), width);
    return {
        ...base(theme),
        legend: { ...below.legend, icon: 'roundRect' },
        grid: { left: names, right: 24, top: 8, bottom: 34 + below.room },
        tooltip: tooltip(theme, { formatter: (it) => `${label(data, column)}: ${parts[it.seriesIndex].label}\n${segmentLabel(segmentOf(data, bars[it.dataIndex]), 40)}: ${percent(parts[it.seriesIndex].share(bars[it.dataIndex]))}, ${count(parts[it.seriesIndex].n(bars[it.dataIndex]))} customers` }),
        xAxis: axis(theme, { type: 'value', min: 0, max: 1, interval: 0.25, axisLabel: { formatter: (it) => percent(it, 0) } }),
        yAxis: axis(theme, {
            type: 'category', inverse: true, data: bars.map((it) => segmentLabel(segmentOf(data, it))), splitLine: { show: false },
            axisLabel: { interval: 0, hideOverlap: false, width: names - 12, overflow: 'truncate' },
        }),
        series: parts.map((part, i) => ({
            name: part.label, type: 'bar', stack: 'levels', barMaxWidth: 18,
            itemStyle: { color: shades[i], borderColor: theme.card, borderWidth: 1 },
            data: bars.map((it) => part.share(it) ?? '-'),
        })),
    };
}

function sum(values) {
    const known = values.filter((it) => it !== null);
    return known.length > 0 ? known.reduce((a, b) => a + b, 0) : null;
}

/** Returns the sentence: the level in which the chosen segment is farthest from all customers. */
export function sentence(data, state = {}) {
    const { column, levels, shareOf } = stack(data, state);
    const segment = selected(data, state);
    const known = levels.filter((level) => shareOf(segment, level) !== null && shareOf(null, level) !== null);
    if (known.length === 0) return `${label(data, column)}: the share of each value.`;
    const far = (level) => Math.abs(shareOf(segment, level) - shareOf(null, level));
    const level = known.reduce((a, b) => (far(b) > far(a) ? b : a));
    return `${label(data, column)}: ${levelName(level, 40)} is ${percent(shareOf(segment, level))} of ${segmentName(segmentOf(data, segment))}, and ${percent(shareOf(null, level))} of all customers.`;
}

/** Returns the shares of the chosen column as a table. */
export function table(data, state = {}) {
    const { levels, bars, shareOf } = stack(data, state);
    return {
        columns: [{ label: 'Value' }, ...bars.map((it) => ({ label: segmentLabel(segmentOf(data, it), 60), kind: 'percent' }))],
        rows: levels.map((level) => [levelName(level, 200), ...bars.map((it) => shareOf(it, level))]),
    };
}
