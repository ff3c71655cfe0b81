// histogram.js
//	  How the values of a column are spread: bars for all customers, a line for the chosen segment.

import { axisName, columnKind, columnTick, columnValue, label, segmentName, segmentOf, selected } from '../facts.js';
import { count, percent, toNumber } from '../format.js';
import { axis, base, legendBelow, segmentColor, segmentDash, tooltip } from '../theme.js';

/** Returns the columns that have a histogram. */
export function columns(data) {
    return data.histogram.columns;
}

/** Returns the bins of the column that was fetched, for all customers and for the chosen segment, with their shares. */
function bins(data, state) {
    const { column_name: column, scale, edges, segments } = data.histogram;
    const rows = (its) => (its?.n ?? []).map((n, i) => ({ bin: i + 1, low: edges[i], high: edges[i + 1], n }));
    const of = (segment) => withShares(rows(segments.find((it) => it.segment === segment)));
    return { column, isLog: scale === 'log', all: of(null), own: of(selected(data, state)) };
}

function withShares(rows) {
    const known = rows.filter((row) => toNumber(row.n) !== null);
    const total = known.reduce((sum, row) => sum + row.n, 0);
    return total > 0 ? rows.map((row) => ({ ...row, share: toNumber(row.n) === null ? null : row.n / total })) : [];
}

/** Returns the option: on a log axis where the column is skewed. */
export function option(data, theme, state = {}) {
    const { width = 560 } = state;
    const { column, isLog, all, own } = bins(data, state);
    const segment = segmentOf(data, selected(data, state));
    const at = (value) => (isLog ? Math.log10(value) : value);
    const write = (value) => columnValue(data, column, isLog ? 10 ** value : value);
    const color = segmentColor(segment.segment, theme);
    const middle = (row) => (at(row.low) + at(row.high)) / 2;
    const place = all[0] && { min: at(all[0].low), max: at(all[all.length - 1].high) };
    const below = legendBelow(theme, [{ name: 'All customers', icon: 'rect' }, ...(own.length > 0 ? [{ name: segmentName(segment, 30) }] : [])], width, { itemWidth: 24 });
    return {
        ...base(theme),
        grid: { left: 64, right: 24, top: 12, bottom: 52 + below.room },
        legend: below.legend,
        tooltip: tooltip(theme, { formatter: (it) => tell(all[it.dataIndex], own[it.dataIndex], segment, write, at) }),
        xAxis: axis(theme, {
            type: 'value', ...place, ...axisName(data, column, width - 88, isLog ? ', by factors' : ''), nameGap: 30, interval: isLog && place && place.max - place.min >= 2 ? 1 : undefined,
            splitNumber: width < 480 ? 3 : 6, splitLine: { show: false },
            // the end of the last bin is no round number, and close to the one before it
            axisLabel: { showMaxLabel: false, formatter: (it) => columnTick(data, column, isLog ? 10 ** it : it) },
        }),
        yAxis: axis(theme, { type: 'value', min: 0, name: 'share of the customers', nameGap: 42, axisLabel: { formatter: (it) => percent(it, it < 0.1 && it > 0 ? 1 : 0) } }),
        series: [
            {
                name: 'All customers', type: 'custom', itemStyle: { color: theme.all, opacity: 0.45 },
                data: all.map((row) => [middle(row), row.share ?? '-', at(row.low), at(row.high)]),
                encode: { x: [2, 3], y: 1 },
                renderItem: (_, api) => {
                    const [x1, y1] = api.coord([api.value(2), api.value(1)]);
                    const [x2, y2] = api.coord([api.value(3), 0]);
                    return Number.isNaN(y1) ? null : { type: 'rect', shape: { x: x1, y: y1, width: Math.max(1, x2 - x1 - 1), height: y2 - y1 }, style: { fill: theme.all, opacity: 0.45 } };
                },
            },
            ...(own.length > 0 ? [{
                name: segmentName(segment, 30), type: 'line', symbol: 'none', smooth: 0.25, smoothMonotone: 'x',
                itemStyle: { color }, lineStyle: { color, width: 3, type: segmentDash(segment.segment) },
                data: own.map((row) => [middle(row), row.share]),
            }] : []),
        ],
    };
}

function tell(all, own, segment, write, at) {
    const row = all ?? own;
    const lines = [[...new Set(ends(row).map((it) => write(at(it))))].join(' to ')];
    if (all) lines.push(`all customers: ${percent(all.share)}, ${count(all.n)}`);
    if (own) lines.push(`${segmentName(segment, 40)}: ${percent(own.share)}, ${count(own.n)}`);
    return lines.join('\n');
}

/** The lowest and the highest value that a bin holds: of whole numbers, whose bins end halfway between two, the whole ones within. */
function ends({ low, high }) {
    if (low % 1 !== 0 && (low * 2) % 1 === 0 && (high * 2) % 1 === 0 && high - low >= 1) return [Math.ceil(low), Math.floor(high)];
    // what is next to nothing beside the width of the bin is 0
    return [low, high].map((it) => (Math.abs(it) < (high - low) / 1000 ? 0 : it));
}

/** Returns the sentence: in which bin the most customers are, of all and of the segment. */
export function sentence(data, state = {}) {
    const { column, isLog, all, own } = bins(data, state);
    const top = (rows) => rows.filter((row) => row.share !== null).reduce((a, b) => (b.share > a.share ? b : a));
    const range = (row) => {
        const [low, high] = ends(row).map((it) => columnValue(data, column, it));
        return low === high ? `at ${low}` : `between ${low} and ${high}`;
    };
    if (all.length === 0) return `Nothing is known of how ${label(data, column)} is spread.`;
    const segment = segmentName(segmentOf(data, selected(data, state)));
    const second = own.length > 0 ? `, of ${segment} ${range(top(own))} (${percent(top(own).share)})` : `; ${segment} has too few customers to be shown`;
    const steps = isLog && columnKind(data, column) === 'numeric' ? ' The axis goes by factors, since few customers have far more than most.' : '';
    return `The fullest bar of all customers is ${range(top(all))} (${percent(top(all).share)})${second}.${steps}`;
}

/** Returns the bins of the chosen column as a table. */
export function table(data, state = {}) {
    const { all, own } = bins(data, state);
    return {
        columns: [{ label: 'From', kind: 'number' }, { label: 'To', kind: 'number' }, { label: 'All customers', kind: 'count' }, { label: 'Share', kind: 'percent' }, { label: segmentName(segmentOf(data, selected(data, state))), kind: 'count' }, { label: 'Share', kind: 'percent' }],
        rows: all.map((row) => {
            const its = own.find((it) => it.bin === row.bin);
            return [...ends(row), row.n, row.share, its?.n ?? null, its?.share ?? null];
        }),
    };
}

