// migration.js
//	  Where customers went: from the segments before to those after the last run that placed them anew.

import { count, date, dateTime, isKnown, list, percent, short } from '../format.js';
import { segmentColor } from '../theme.js';
import { flows } from './flows.js';

/** How many flows a picture bears; the table has all. */
const mostFlows = 120;

/** Returns the height of the picture for so many segments. */
export function height(n) {
    return Math.min(900, Math.max(340, 60 + 30 * (n ?? 5)));
}

function label(segment, name, without) {
    return segment === null ? without : `${segment} ${short(name || `segment ${segment}`, 26)}`;
}

const before = (it) => label(it.from_segment, it.from_name, 'no segment');
const after = (it) => label(it.to_segment, it.to_name, 'not placed');

/** Returns the flows that are drawn: the largest ones. */
function drawn(data) {
    return [...data.migration].filter((it) => it.n > 0).sort((a, b) => b.n - a.n).slice(0, mostFlows);
}

/** Returns the segments of one side, in the order of their numbers. */
function side(rows, key, text, theme) {
    const found = new Map([...rows].sort((a, b) => (a[key] ?? 1e9) - (b[key] ?? 1e9)).map((it) => [it[key], { key: it[key], text: text(it), color: segmentColor(it[key] ?? 0, theme) }]));
    return [...found.values()];
}

/** Returns the option: before on the left, after on the right; customers who stayed are part of it. */
export function option(data, theme, state) {
    const rows = drawn(data).sort((a, b) => (a.from_segment ?? 1e9) - (b.from_segment ?? 1e9) || (a.to_segment ?? 1e9) - (b.to_segment ?? 1e9));
    return flows(rows.map((it) => ({
        from: it.from_segment, to: it.to_segment, n: it.n,
        text: `${before(it)} → ${after(it)}\n${count(it.n)} customers, ${percent(it.probability)} of those who were there`,
    })), side(rows, 'from_segment', before, theme), side(rows, 'to_segment', after, theme), 'customers', theme, state);
}

/** Returns the sentence: which run it was, how many moved, and the widest way; without the run where nobody tells. */
export function sentence(data) {
    const run = data.placings;
    if (!run) return moves(data);
    // of two runs in one day the time tells which
    const when = run.previous && date(run.previous.at) === date(run.at) ? dateTime : date;
    const of = ({ at, version }) => `${when(at)} (version ${version})`;
    return `Before and after the run of ${of(run)}; ${run.previous ? `the run before it was that of ${of(run.previous)}` : 'there was no run before it'}. ${moves(data)}`;
}

function moves(data) {
    const sum = (rows) => rows.reduce((total, it) => total + it.n, 0);
    const of = (kind) => data.migration.filter((it) => it.kind === kind);
    const moved = of('moved').sort((a, b) => b.n - a.n);
    const placed = sum(of('moved')) + sum(of('stayed'));
    const others = [[sum(of('new')), 'got a segment for the first time'], [sum(of('lost')), 'could not be placed any more']].filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`);
    const rest = others.length > 0 ? ` ${list(others)}.` : '';
    if (placed === 0) return `No customer had a segment before the last run.${rest}`;
    if (moved.length === 0) return `All ${count(placed)} customers who had a segment stayed in it.${rest}`;
    const [first] = moved;
    const share = isKnown(first.probability) ? `, ${percent(first.probability)} of those who were there` : '';
    return `${count(sum(moved))} of ${count(placed)} customers (${percent(sum(moved) / placed)}) changed their segment. The most, ${count(first.n)}, went from ${before(first)} to ${after(first)}${share}.${rest}`;
}

/** Returns the numbers as a table. */
export function table(data) {
    const isValued = data.migration.some((it) => isKnown(it.total_value));
    return {
        columns: [{ label: 'Before' }, { label: 'After' }, { label: 'Kind', kind: 'word' }, { label: 'Customers', kind: 'count' }, { label: 'Of those before', kind: 'percent' }, ...(isValued ? [{ label: 'Value', kind: 'money' }] : [])],
        rows: [...data.migration].sort((a, b) => b.n - a.n).map((it) => [before(it), after(it), it.kind, it.n, it.probability, ...(isValued ? [it.total_value] : [])]),
    };
}
