// correlation.js
//	  Which columns go together: a heat map of correlations by rank (Spearman), which skewed columns do not upset.

import { distinct, label, shortLabels } from '../facts.js';
import { count, fixed, signed, toNumber } from '../format.js';
import { keys } from './columns.js';
import { axis, base, colorAt, inkOn, tooltip } from '../theme.js';

const most = 16;

/** Returns the pairs of columns of data; all pairs, where nothing else is left. */
function rowsOf(data) {
    const isKey = keys(data);
    const kept = data.correlation.filter((row) => !isKey.has(row.column_a) && !isKey.has(row.column_b));
    return kept.length > 0 ? kept : data.correlation;
}

const value = (row) => toNumber(row?.spearman) ?? toNumber(row?.pearson);

/** Returns the columns, at most "limit" of those that correlate most, in their order, and a function of two that returns their row. */
function matrix(data, limit) {
    const names = [...new Set([...distinct(rowsOf(data), 'column_a'), ...distinct(rowsOf(data), 'column_b')])];
    const strength = new Map(names.map((name) => [name, 0]));
    const of = new Map();
    for (const row of rowsOf(data)) {
        of.set(JSON.stringify([row.column_a, row.column_b]), row);
        for (const name of [row.column_a, row.column_b]) strength.set(name, Math.max(strength.get(name), Math.abs(value(row) ?? 0)));
    }
    const kept = new Set([...names].sort((a, b) => strength.get(b) - strength.get(a)).slice(0, limit));
    return { names, columns: names.filter((name) => kept.has(name)), of: (a, b) => of.get(JSON.stringify([a, b])) ?? of.get(JSON.stringify([b, a])) };
}

/** Returns the option: red for opposite, blue for together, with numbers where they fit. */
export function option(data, theme, state = {}) {
    const { width = 560, height = 420 } = state;
    const limit = Math.max(3, Math.min(most, Math.floor((width * 0.66) / 22)));
    const { columns, of } = matrix(data, limit);
    const names = Math.min(160, width * 0.32);
    const cellWidth = (width - names - 8) / columns.length;
    const color = (it) => (it === null ? theme.ground : colorAt(theme.diverging, (it + 1) / 2));
    const cells = columns.flatMap((a, y) => columns.slice(0, y).map((b, x) => ({ x, y, a, b, it: value(of(a, b)) })));
    return {
        ...base(theme),
        grid: { left: names, right: 8, top: 4, bottom: Math.min(110, height * 0.3) },
        tooltip: tooltip(theme, { formatter: ({ dataIndex: i }) => `${label(data, cells[i].a)}\n${label(data, cells[i].b)}\n${signed(cells[i].it, (x) => fixed(x, 2))} by rank, ${signed(of(cells[i].a, cells[i].b)?.pearson, (x) => fixed(x, 2))} by value (Pearson)` }),
        xAxis: axis(theme, { type: 'category', data: shortLabels(data, columns), splitLine: { show: false }, axisLabel: { interval: 0, hideOverlap: false, rotate: cellWidth < 90 ? 50 : 0, width: cellWidth < 90 ? 100 : cellWidth - 8, overflow: 'truncate' } }),
        yAxis: axis(theme, { type: 'category', inverse: true, data: columns.map((name) => label(data, name, 30)), splitLine: { show: false }, axisLabel: { interval: 0, hideOverlap: false, width: names - 12, overflow: 'truncate' } }),
        series: [{
            type: 'heatmap',
            data: cells.map(({ x, y, it }) => ({ value: [x, y, it ?? '-'], itemStyle: { color: color(it), borderColor: theme.card, borderWidth: 1 }, label: { color: inkOn(color(it)) } })),
            label: { show: cellWidth >= 36, fontSize: 12, formatter: (it) => (it.value[2] === '-' ? '' : signed(it.value[2], (x) => fixed(x, 2))) },
        }],
    };
}

/** Returns the sentence: the two columns that go together most. */
export function sentence(data) {
    const known = rowsOf(data).filter((row) => value(row) !== null);
    if (known.length === 0) return 'No correlation is known.';
    const row = known.reduce((a, b) => (Math.abs(value(b)) > Math.abs(value(a)) ? b : a));
    const { names } = matrix(data, most);
    const whole = data.whole?.correlation ?? 0;
    const sent = new Set(data.correlation.flatMap((it) => [it.column_a, it.column_b])).size;
    const rest = whole > sent ? ` The picture has at most ${most} columns of ${count(whole)}, the table the ${count(sent)} that correlate most.` : names.length > most ? ` The picture has at most ${most} columns of ${count(names.length)}.` : '';
    return `${label(data, row.column_a)} and ${label(data, row.column_b)} ${value(row) >= 0 ? 'go together' : 'go against each other'} most: ${signed(value(row), (x) => fixed(x, 2))} on a scale from ${fixed(-1)} to +1.${rest}`;
}

/** Returns the correlations as a table, the strongest first. */
export function table(data) {
    return {
        columns: [{ label: 'Column' }, { label: 'And column' }, { label: 'By rank (Spearman)', kind: 'deviation' }, { label: 'By value (Pearson)', kind: 'deviation' }, { label: 'p', kind: 'p' }, { label: 'Rows', kind: 'count' }],
        rows: [...rowsOf(data)].sort((a, b) => Math.abs(value(b) ?? 0) - Math.abs(value(a) ?? 0)).map((row) => [label(data, row.column_a, 60), label(data, row.column_b, 60), row.spearman, row.pearson, row.spearman_p_value, row.n]),
    };
}
