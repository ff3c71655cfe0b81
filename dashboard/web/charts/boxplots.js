// boxplots.js
//	  Box plots of one column: a box for each segment and for all customers.

import { axisName, choice, columnCell, columnTick, columnValue, distinct, label, segmentLabel, segmentName, segments, selected } from '../facts.js';
import { count, toNumber } from '../format.js';
import { axis, base, segmentColor, tooltip } from '../theme.js';

/** Returns the columns that have boxes. */
export function columns(data) {
    return data.keys?.boxplot ?? distinct(data.boxplot, 'column_name');
}

/** Returns the rows of the chosen column: all customers first, then segments. */
function rowsOf(data, state) {
    const column = choice(state.column, columns(data));
    const rows = data.boxplot.filter((row) => row.column_name === column);
    return [...rows.filter((row) => row.segment === null || row.segment === undefined), ...segments(rows)];
}

/** Returns the height that so many segments need. */
export function height(n) {
    return 70 + 30 * (Math.max(2, n ?? 5) + 1);
}

const isBox = (row) => ['low_whisker', 'first_quartile', 'median', 'third_quartile', 'high_whisker'].every((key) => toNumber(row[key]) !== null);

/** Returns the option: boxes from quartile to quartile, whiskers to the last value that is no outlier. */
export function option(data, theme, state = {}) {
    const { width = 560 } = state;
    const rows = rowsOf(data, state);
    const column = rows[0].column_name;
    const own = selected(data, state);
    const names = Math.min(180, width * 0.34);
    const write = (value) => columnValue(data, column, value);
    return {
        ...base(theme),
        grid: { left: names, right: 28, top: 8, bottom: 52 },
        tooltip: tooltip(theme, { formatter: (it) => tell(rows[it.dataIndex], write) }),
        xAxis: axis(theme, { type: 'value', scale: true, ...axisName(data, column, width - names - 28), nameGap: 30, splitNumber: width < 480 ? 3 : 5, axisLabel: { formatter: (it) => columnTick(data, column, it) } }),
        yAxis: axis(theme, {
            type: 'category', inverse: true, data: rows.map((row) => segmentLabel(row)), splitLine: { show: false },
            axisLabel: { interval: 0, hideOverlap: false, width: names - 12, overflow: 'truncate', fontWeight: 400 },
        }),
        series: [{
            type: 'boxplot', boxWidth: [8, 18],
            data: rows.map((row) => ({
                value: isBox(row) ? [row.low_whisker, row.first_quartile, row.median, row.third_quartile, row.high_whisker] : ['-', '-', '-', '-', '-'],
                itemStyle: { color: row.segment === own ? segmentColor(row.segment, theme) : theme.card, borderColor: row.segment === own ? theme.ink : segmentColor(row.segment, theme), borderWidth: 2 },
            })),
        }],
    };
}

function tell(row, write) {
    return [segmentLabel(row, 40), `middle customer (median): ${write(row.median)}`, `half between ${write(row.first_quartile)} and ${write(row.third_quartile)}`,
        `all between ${write(row.minimum)} and ${write(row.maximum)}`, `${count(row.n_outliers)} outliers of ${count(row.n)}`].join('\n');
}

/** Returns the sentence: the segment with the highest and the lowest median. */
export function sentence(data, state = {}) {
    const rows = segments(rowsOf(data, state)).filter(isBox);
    if (rows.length === 0) return 'No segment has enough customers to be shown.';
    const column = rows[0].column_name;
    const write = (row) => `${segmentName(row)} (${columnValue(data, column, row.median)})`;
    const sorted = [...rows].sort((a, b) => toNumber(b.median) - toNumber(a.median));
    if (sorted.length === 1) return `The middle customer of ${write(sorted[0])}.`;
    return `${label(data, column)}: the middle customer is highest in ${write(sorted[0])} and lowest in ${write(sorted[sorted.length - 1])}.`;
}

/** Returns the numbers of the chosen column as a table. */
export function table(data, state = {}) {
    const keys = [['minimum', 'Lowest'], ['low_whisker', 'Lower whisker'], ['first_quartile', 'First quartile'], ['median', 'Median'], ['third_quartile', 'Third quartile'], ['high_whisker', 'Upper whisker'], ['maximum', 'Highest'], ['mean', 'Mean']];
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, ...keys.map(([, text]) => ({ label: text, kind: 'value' })), { label: 'Outliers', kind: 'count' }],
        rows: rowsOf(data, state).map((row) => [segmentLabel(row, 200), row.n, ...keys.map(([key]) => columnCell(data, row.column_name, row[key])), row.n_outliers]),
    };
}
