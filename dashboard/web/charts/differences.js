// differences.js
//	  What sets a segment apart: bars to both sides of all customers, with the numbers in the columns' own units.

import { columnValue, levelLabel, segmentName, segmentOf, selected, unit } from '../facts.js';
import { fixed, isKnown, list, percent, short, signed, toNumber } from '../format.js';
import { axis, base, segmentColor, tooltip } from '../theme.js';

const rowHeight = 36;

/** Returns the rows of the profile that tell most of a segment, at most "most", one for each column. */
function telling(data, segment, most) {
    const rows = (data.profile ?? []).filter((row) => row.segment === segment && row.rank !== null && row.rank !== undefined && isKnown(row.difference));
    return rows.sort((a, b) => a.rank - b.rank).slice(0, most);
}

const isLevel = (row) => row.level !== null && row.level !== undefined;

/** Returns what a row says of the segment and of all customers, in words. */
function values(data, row) {
    const write = (value) => (isLevel(row) ? percent(value) : columnValue(data, row.column_name, value, row.kind));
    return [write(isLevel(row) ? row.share : row.mean), write(row.overall_mean)];
}

/** Returns the two beside each other, with their unit once. */
function versus(data, row) {
    const [its, all] = values(data, row);
    const suffix = unit(data, row.column_name) === null ? '' : ` ${short(unit(data, row.column_name), 16)}`;
    return `${suffix !== '' && its.endsWith(suffix) ? its.slice(0, -suffix.length) : its} against ${all}`;
}

/** Returns whether there is anything to draw. */
export function hasDifferences(data, segment) {
    return telling(data, segment, 1).length > 0;
}

/** Returns the height that the bars of a segment take. */
export function height(data, segment, most = 6, row = rowHeight) {
    return 8 + row * telling(data, segment, most).length;
}

/** Returns the option: for each column a line of text, what the segment has against all customers, and below it a bar to the left or the right. */
export function differences(data, theme, { segment, width = 420, most = 6 }) {
    const rows = telling(data, segment, most);
    const far = Math.max(0.5, ...rows.map((row) => Math.min(3, Math.abs(row.difference))));
    const says = (row) => [levelLabel(data, row, 60), versus(data, row)];
    return {
        ...base(theme),
        tooltip: tooltip(theme, { formatter: (it) => `${says(rows[it.dataIndex]).join('\n')} of all customers\n${signed(rows[it.dataIndex].difference)} standard deviations` }),
        grid: { left: 2, right: 2, top: 4, bottom: 4 },
        // the line in the middle is all customers
        xAxis: axis(theme, { type: 'value', min: -far, max: far, interval: far, axisLabel: { show: false }, axisLine: { show: false }, splitLine: { showMinLine: false, showMaxLine: false, lineStyle: { color: theme.line } } }),
        yAxis: axis(theme, { type: 'category', inverse: true, data: rows.map((row) => says(row)[0]), axisLine: { show: false, onZero: false }, splitLine: { show: false }, axisLabel: { show: false } }),
        series: [
            column(rows, -far, 'right', (row) => says(row)[0], { color: theme.ink, width: width * 0.5 }),
            column(rows, far, 'left', (row) => says(row)[1], { color: theme.muted, width: width * 0.48 }),
            {
                type: 'bar', barWidth: 8,
                data: rows.map((row) => ({ value: Math.max(-far, Math.min(far, row.difference)), itemStyle: { color: segmentColor(segment, theme) } })),
            },
        ],
    };
}

/** A text at one end of each row, above the bar and on the ground of the page, so that the line does not run through it. */
function column(rows, place, position, write, style) {
    return {
        type: 'scatter', symbolSize: 0, silent: true, tooltip: { show: false }, z: 3, itemStyle: { opacity: 1 },
        data: rows.map((_, i) => [place, i]),
        label: { show: true, position, distance: 0, offset: [0, -13], fontSize: 12, overflow: 'truncate', ...style, formatter: (it) => write(rows[it.dataIndex]) },
    };
}

/** Returns the option of the chosen segment. */
export function option(data, theme, state = {}) {
    return differences(data, theme, { ...state, segment: selected(data, state) });
}

/** Returns the sentence: the columns that tell most. */
export function sentence(data, state = {}) {
    const segment = selected(data, state);
    const rows = telling(data, segment, 3);
    if (rows.length === 0) return 'No column tells this segment from all customers.';
    return `${segmentName(segmentOf(data, segment))} differ most in ${list(rows.map((row) => `${levelLabel(data, row)} (${own(data, row)})`))}.`;
}

function own(data, row) {
    const [its, all] = values(data, row);
    return `${its} against ${all}, ${fixed(Math.abs(toNumber(row.difference)), 1)} standard deviations ${row.difference < 0 ? 'below' : 'above'}`;
}

/** Returns the numbers as a table. */
export function table(data, state = {}) {
    return {
        columns: [{ label: 'Column' }, { label: 'This segment', kind: 'value' }, { label: 'All customers', kind: 'value' }, { label: 'Difference in standard deviations', kind: 'signed' }],
        rows: telling(data, selected(data, state), 1e9).map((row) => [levelLabel(data, row, 60), ...values(data, row), row.difference]),
    };
}
