// migration.js
//	  Where customers went: from the segments before to those after the last run that placed them anew.

import { count, isKnown, list, percent, short } from '../format.js';
import { base, fontFamily, segmentColor, tooltip } from '../theme.js';

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

/** The segments of one side, in the order of their numbers, with their customers and where they stand. */
function side(rows, key, text, room, least) {
    const found = new Map();
    for (const it of [...rows].sort((a, b) => (a[key] ?? 1e9) - (b[key] ?? 1e9))) {
        if (!found.has(it[key])) found.set(it[key], { segment: it[key], text: text(it), n: 0 });
        found.get(it[key]).n += it.n;
    }
    const nodes = [...found.values()];
    const total = nodes.reduce((sum, it) => sum + it.n, 0);
    const scale = (room - least * (nodes.length - 1)) / total;
    let y = 0;
    for (const it of nodes) {
        Object.assign(it, { y, height: it.n * scale, used: 0, scale });
        y += it.height + least;
    }
    return found;
}

/** A band from the left to the right, as wide at each end as its customers are there. */
function band(from, to, n, [left, right], top) {
    const [a, b] = [from, to].map((it) => {
        const y = top + it.y + it.used;
        it.used += n * it.scale;
        return [y, y + n * it.scale];
    });
    const middle = (left + right) / 2;
    return `M${left},${a[0]}C${middle},${a[0]} ${middle},${b[0]} ${right},${b[0]}L${right},${b[1]}C${middle},${b[1]} ${middle},${a[1]} ${left},${a[1]}Z`;
}

/** Returns the option: before on the left, after on the right; customers who stayed are part of it. */
export function option(data, theme, { width = 700, height: tall = 400 } = {}) {
    const rows = drawn(data).sort((a, b) => (a.from_segment ?? 1e9) - (b.from_segment ?? 1e9) || (a.to_segment ?? 1e9) - (b.to_segment ?? 1e9));
    const [top, gap, thick] = [8, 8, 14];
    const sides = [side(rows, 'from_segment', before, tall - 2 * top, gap), side(rows, 'to_segment', after, tall - 2 * top, gap)];
    const ends = [8 + thick, width - 8 - thick];
    const color = (segment) => segmentColor(segment ?? 0, theme);
    const bands = rows.map((it) => ({
        shape: { type: 'path', shape: { pathData: band(sides[0].get(it.from_segment), sides[1].get(it.to_segment), it.n, ends, top) }, style: { fill: color(it.from_segment), opacity: 0.3 } },
        text: `${before(it)} → ${after(it)}\n${count(it.n)} customers, ${percent(it.probability)} of those who were there`,
    }));
    const nodes = sides.flatMap((its, i) => [...its.values()].map((it) => ({
        shape: {
            type: 'group',
            children: [
                { type: 'rect', shape: { x: i === 0 ? 8 : ends[1], y: top + it.y, width: thick, height: Math.max(1, it.height) }, style: { fill: color(it.segment) } },
                { type: 'text', style: { x: i === 0 ? ends[0] + 6 : ends[1] - 6, y: top + it.y + it.height / 2, text: it.text, fill: theme.ink, font: `12px ${fontFamily}`, align: i === 0 ? 'left' : 'right', verticalAlign: 'middle', width: Math.max(80, width * 0.36), overflow: 'truncate', ellipsis: '…' } },
            ],
        },
        text: `${it.text}\n${count(it.n)} customers`,
    })));
    const all = [...bands, ...nodes];
    return {
        ...base(theme),
        tooltip: tooltip(theme, { trigger: 'item', formatter: ({ dataIndex }) => all[dataIndex].text }),
        series: [{ type: 'custom', coordinateSystem: 'none', data: all.map((_, i) => i), renderItem: ({ dataIndex }) => all[dataIndex].shape }],
    };
}

/** Returns the sentence: how many moved, and the widest way. */
export function sentence(data) {
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
