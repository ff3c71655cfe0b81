// projection.js
//	  A sample of the customers on the first three principal components: two of them, all pairs, or in space.

import { distinct, label, segmentLabel, segmentOf, segments } from '../facts.js';
import { count, list, number, percent, plural, toNumber } from '../format.js';
import { axis, base, fontFamily, legendBelow, segmentColor, segmentDash, tooltip } from '../theme.js';

const pairs = ['1,2', '1,3', '2,3'];

const ratio = (data, i) => toNumber(data.projection.components?.[i]?.variance_ratio);

/** Returns the number of components, at most three. */
export function dimensions(data) {
    return Math.min(3, data.projection.components?.length ?? 0);
}

/** Returns the pairs of components that a reader may choose. */
export function choices(data) {
    return pairs.filter((pair) => pair.split(',').every((it) => Number(it) <= dimensions(data)));
}

/** Returns the title of a component with its share of the variance. */
function componentTitle(data, i) {
    const share = ratio(data, i);
    return share === null ? `Component ${i + 1}` : `Component ${i + 1} (${percent(share)})`;
}

/** The points by segment, each [c1, c2, c3]; every n-th only when there are more than "limit". */
function bySegment(data, limit) {
    const points = data.projection.points ?? [];
    const step = Math.max(1, Math.ceil(points.length / limit));
    const groups = new Map();
    points.forEach((point, i) => {
        if (i % step > 0) return;
        const segment = point[point.length - 1] ?? null;
        if (!groups.has(segment)) groups.set(segment, []);
        groups.get(segment).push(point);
    });
    return [...groups].sort(([a], [b]) => a - b).map(([segment, its]) => ({ ...segmentOf(data, segment), points: its }));
}

const symbols = ['circle', 'rect', 'triangle', 'diamond'];
const symbolOf = (segment) => symbols[Math.max(0, (Number(segment) || 1) - 1) % symbols.length];

function cloud(theme, group, x, y, more = {}) {
    return {
        name: segmentLabel(group, 22), type: 'scatter', symbol: symbolOf(group.segment), symbolSize: 5, itemStyle: { color: segmentColor(group.segment, theme), opacity: 0.7 },
        data: group.points.map((point) => [point[x], point[y]]), ...more,
    };
}

/** Returns the option of two components. */
export function option(data, theme, state = {}) {
    const { width = 560 } = state;
    const groups = bySegment(data, 2000);
    const below = legendBelow(theme, groups.map((it) => segmentLabel(it, 22)), width);
    const [x, y] = (choices(data).includes(state.components) ? state.components : choices(data)[0]).split(',').map((it) => it - 1);
    return {
        ...base(theme),
        grid: { left: 56, right: 16, top: 12, bottom: 48 + below.room },
        legend: below.legend,
        tooltip: tooltip(theme, { formatter: (it) => it.seriesName }),
        xAxis: axis(theme, { type: 'value', scale: true, name: componentTitle(data, x), nameGap: 26, axisLabel: { formatter: number } }),
        yAxis: axis(theme, { type: 'value', scale: true, name: componentTitle(data, y), nameGap: 40, axisLabel: { formatter: number } }),
        series: groups.map((group) => cloud(theme, group, x, y)),
    };
}

/** Returns the option of all pairs of the components: points beside each other, spreads on the diagonal. */
export function pairPlot(data, theme, state = {}) {
    const { width = 560, height = 520 } = state;
    const groups = bySegment(data, 400);
    const n = dimensions(data);
    const below = legendBelow(theme, groups.map((it) => segmentLabel(it, 22)), width);
    const [left, top, gap] = [24, 22, 12];
    const cell = { width: (width - left - 8 - gap * (n - 1)) / n, height: (height - top - below.room - 12 - gap * (n - 1)) / n };
    const places = Array.from({ length: n }, (_, i) => between(...extent((data.projection.points ?? []).map((point) => point[i]))));
    const shapes = Array.from({ length: n * n }, (_, i) => {
        const [column, row] = [i % n, Math.floor(i / n)];
        const panel = { x: left + column * (cell.width + gap), y: top + row * (cell.height + gap), ...cell };
        return { type: 'group', silent: true, children: [frameOf(theme, panel, column, row), ...(column === row ? spreads(theme, groups, places[column], column, panel) : dots(theme, groups, places, column, row, panel))] };
    });
    const named = (it) => ({ name: segmentLabel(it, 22), type: 'custom', coordinateSystem: 'none', data: [], itemStyle: { color: segmentColor(it.segment, theme) }, renderItem: () => null });
    return {
        ...base(theme),
        legend: { ...below.legend, icon: 'circle' },
        series: [{ type: 'custom', coordinateSystem: 'none', silent: true, data: shapes.map((_, i) => i), renderItem: ({ dataIndex }) => shapes[dataIndex] }, ...groups.map(named)],
    };
}

/** The frame of a panel, with the names of its components at the edges of the picture. */
function frameOf(theme, { x, y, width, height }, column, row) {
    const style = { fill: theme.ink, font: `12px ${fontFamily}`, align: 'center' };
    return {
        type: 'group',
        children: [
            { type: 'rect', shape: { x, y, width, height }, style: { fill: null, stroke: theme.line, lineWidth: 1 } },
            ...(row === 0 ? [{ type: 'text', x: x + width / 2, y: y - 16, style: { ...style, text: `Component ${column + 1}`, width, overflow: 'truncate' } }] : []),
            ...(column === 0 ? [{ type: 'text', x: x - 18, y: y + height / 2, rotation: Math.PI / 2, style: { ...style, text: `Component ${row + 1}` } }] : []),
        ],
    };
}

/** The points of a panel. */
function dots(theme, groups, places, column, row, { x, y, width, height }) {
    return groups.flatMap((group) => group.points.map((point) => ({
        type: 'circle',
        shape: { cx: x + (places[column](point[column]) * 0.96 + 1) / 2 * width, cy: y + (1 - places[row](point[row]) * 0.96) / 2 * height, r: 1.6 },
        style: { fill: segmentColor(group.segment, theme), opacity: 0.7 },
    })));
}

/** The spread of each group on one component: shares of its points in 20 steps, the highest as high as the panel. */
function spreads(theme, groups, place, column, { x, y, width, height }) {
    const steps = 20;
    const lines = groups.map((group) => {
        const bins = Array.from({ length: steps }, () => 0);
        for (const point of group.points) bins[Math.min(steps - 1, Math.floor((place(point[column]) + 1) / 2 * steps))] += 1 / group.points.length;
        return { group, bins };
    });
    const top = Math.max(...lines.flatMap(({ bins }) => bins)) || 1;
    return lines.map(({ group, bins }) => ({
        type: 'polyline',
        shape: { points: bins.map((share, i) => [x + (i + 0.5) / steps * width, y + height - share / top * (height - 4) - 1]), smooth: 0.2 },
        style: { fill: null, stroke: segmentColor(group.segment, theme), lineWidth: 2, lineDash: segmentDash(group.segment) === 'solid' ? null : segmentDash(group.segment) },
    }));
}

/** Returns a function that turns a point of the cube (each side from -1 to 1) and lays it on the plane: [x, y, depth]. */
export function turned(turn, tilt) {
    const [a, b] = [turn, tilt].map((it) => it * Math.PI / 180);
    return ([x, y, z]) => {
        const [u, v] = [x * Math.cos(a) - y * Math.sin(a), x * Math.sin(a) + y * Math.cos(a)];
        return [u, z * Math.cos(b) - v * Math.sin(b), v * Math.cos(b) + z * Math.sin(b)];
    };
}

/** Returns the angles that the address names. */
export function angles(state = {}) {
    const angle = (text, least, most, usual) => (/^-?\d{1,3}$/.test(text ?? '') ? Math.min(most, Math.max(least, Number(text))) : usual);
    return { turn: angle(state.turn, 0, 360, 35), tilt: angle(state.tilt, 0, 90, 25) };
}

const edges = [[0, 1], [0, 2], [0, 4], [1, 3], [1, 5], [2, 3], [2, 6], [3, 7], [4, 5], [4, 6], [5, 7], [6, 7]];
const corners = Array.from({ length: 8 }, (_, i) => [i & 1, (i >> 1) & 1, (i >> 2) & 1].map((it) => it * 2 - 1));

/** A picture of points in a turned cube.  "groups" have {segment, name, places: [{at: [x, y, z], size, text}]}, axes have a title each. */
function cube(data, theme, groups, titles, state) {
    const { width = 560, height = 460 } = state;
    const { turn, tilt } = angles(state);
    const flat = turned(turn, tilt);
    const below = legendBelow(theme, groups.map((it) => segmentLabel(it, 22)), width);
    const room = height - below.room - 8;
    const scale = Math.min(width / 3.6, room / 3.3);
    const center = [width / 2, room / 2 + 4];
    const onPlane = (at) => {
        const [x, y, depth] = flat(at);
        return [center[0] + x * scale, center[1] - y * scale, depth];
    };
    const points = groups.flatMap((group) => group.places.map((it) => ({ ...it, group, flat: onPlane(it.at) }))).sort((a, b) => b.flat[2] - a.flat[2]);
    const frame = [
        ...edges.map(([a, b]) => {
            const [from, to] = [onPlane(corners[a]), onPlane(corners[b])];
            return { type: 'line', shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] }, style: { stroke: theme.line, lineWidth: 1 } };
        }),
    ];
    const names = titles.map((title, i) => {
        const at = [-1, -1, -1];
        at[i] = 1.16;
        const [x, y] = onPlane(at);
        const style = { text: title, fill: theme.ink, font: `12px ${fontFamily}`, align: x > width / 2 ? 'right' : 'left', verticalAlign: 'middle' };
        return { type: 'text', style: { ...style, x: Math.min(width - 4, Math.max(4, x)), y: Math.min(room, Math.max(10, y)) } };
    });
    // the frame lies behind the points, the names of its axes before them
    const last = points.length + 1;
    return {
        ...base(theme),
        legend: { ...below.legend, icon: 'circle' },
        tooltip: tooltip(theme, { formatter: (it) => points[it.dataIndex - 1]?.text ?? '' }),
        series: [
            {
                type: 'custom', coordinateSystem: 'none', data: Array.from({ length: last + 1 }, (_, i) => i),
                renderItem: (params) => {
                    if (params.dataIndex === 0) return { type: 'group', silent: true, children: frame };
                    if (params.dataIndex === last) return { type: 'group', silent: true, children: names };
                    const { flat: [cx, cy], group, size } = points[params.dataIndex - 1];
                    return { type: 'circle', shape: { cx, cy, r: size }, style: { fill: segmentColor(group.segment, theme), opacity: size > 4 ? 0.85 : 0.65, stroke: theme.card, lineWidth: size > 4 ? 1 : 0 } };
                },
            },
            // they draw nothing, and give the legend its names
            ...groups.map((group) => ({ name: segmentLabel(group, 22), type: 'custom', coordinateSystem: 'none', data: [], itemStyle: { color: segmentColor(group.segment, theme) }, renderItem: () => null })),
        ],
    };
}

const between = (low, high) => (value) => (high > low ? (value - low) / (high - low) * 2 - 1 : 0);

/** Returns the option of the points on three components, turned as the address says. */
export function space(data, theme, state = {}) {
    const points = data.projection.points ?? [];
    const scales = [0, 1, 2].map((i) => between(...extent(points.map((point) => point[i]))));
    const groups = bySegment(data, 1200).map((group) => ({ ...group, places: group.points.map((point) => ({ at: scales.map((scale, i) => scale(point[i])), size: 2.5, text: segmentLabel(group, 40) })) }));
    return cube(data, theme, groups, [0, 1, 2].map((i) => componentTitle(data, i)), state);
}

function extent(values) {
    return [Math.min(...values), Math.max(...values)];
}

/** Returns the three columns of the picture of segments in space: those that are chosen, or recency, frequency and monetary value, or the first. */
export function spaceColumns(data, state = {}) {
    const known = distinct(data.median, 'column_name');
    const wanted = [state.x, state.y, state.z];
    const usual = ['recency', 'frequency', 'monetary'].map((it) => known.find((name) => name.toLowerCase().includes(it)));
    const free = known.filter((it) => !usual.includes(it));
    return wanted.map((it, i) => (known.includes(it) ? it : usual[i] ?? free.shift() ?? known[i] ?? null));
}

/** Returns the option of the segments in three columns: a ball at each segment's medians, as large as it has customers; an axis is logarithmic where its medians span a factor of 20. */
export function segmentSpace(data, theme, state = {}) {
    const columns = spaceColumns(data, state);
    const median = (column, segment) => toNumber(data.median.find((row) => row.column_name === column && row.segment === segment)?.median);
    const axesOf = columns.map((column) => {
        const values = segments(data.median).filter((row) => row.column_name === column).map((row) => toNumber(row.median)).filter((it) => it !== null);
        const [low, high] = extent(values);
        const isLog = low > 0 && high / low >= 20;
        const scale = between(isLog ? Math.log10(low) : low, isLog ? Math.log10(high) : high);
        return { column, isLog, at: (value) => scale(isLog ? Math.log10(value) : value) };
    });
    const total = data.summary.reduce((sum, row) => sum + (row.n ?? 0), 0) || 1;
    const groups = segments(data.summary).map((row) => {
        const values = columns.map((column) => median(column, row.segment));
        const text = [segmentLabel(row, 40), ...columns.map((column, i) => `${label(data, column)}: ${number(values[i])}`), `${count(row.n)} customers`].join('\n');
        return { ...row, places: values.includes(null) ? [] : [{ at: axesOf.map((it, i) => it.at(values[i]) * 0.85), size: 6 + 28 * Math.sqrt(row.n / total), text }] };
    });
    return cube(data, theme, groups, axesOf.map(({ column, isLog }) => `${label(data, column, 22)}${isLog ? ' (log)' : ''}`), state);
}

/** Returns the sentence about the projection: what the components are made of. */
export function sentence(data) {
    const components = (data.projection.components ?? []).slice(0, 2);
    const kept = components.reduce((sum, it) => sum + (toNumber(it.variance_ratio) ?? 0), 0);
    const made = components.map((it, i) => {
        const top = Object.entries(it.loadings ?? {}).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a)).slice(0, 2).map(([name]) => label(data, name, 30));
        return `component ${i + 1} mostly by ${list(top)}`;
    });
    return `${plural(data.projection.points?.length ?? 0, 'customer')} of a sample. The first ${components.length === 1 ? 'component holds' : `${components.length} components hold`} ${percent(kept)} of what differs between customers; ${list(made)}.`;
}

/** Returns the sentence about the segments in space. */
export function segmentSpaceSentence(data, state = {}) {
    return `Each ball is a segment, at the middle customer’s ${list(spaceColumns(data, state).map((it) => label(data, it)))}, as large as it has customers.`;
}

/** Returns the loadings of the components as a table. */
export function table(data) {
    const components = data.projection.components ?? [];
    const names = [...new Set(components.flatMap((it) => Object.keys(it.loadings ?? {})))];
    return {
        columns: [{ label: 'Feature' }, ...components.map((_, i) => ({ label: componentTitle(data, i), kind: 'deviation' }))],
        rows: names.map((name) => [label(data, name, 60), ...components.map((it) => it.loadings?.[name] ?? null)]),
    };
}

/** Returns the medians of the segments as a table. */
export function segmentSpaceTable(data, state = {}) {
    const columns = spaceColumns(data, state);
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, ...columns.map((it) => ({ label: `${label(data, it)}, median`, kind: 'number' }))],
        rows: segments(data.summary).map((row) => [segmentLabel(row, 200), row.n, ...columns.map((column) => data.median.find((it) => it.column_name === column && it.segment === row.segment)?.median ?? null)]),
    };
}

