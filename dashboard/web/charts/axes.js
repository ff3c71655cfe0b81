// axes.js
//	  The axes on which segments are laid beside each other: columns and levels, scaled 0 to 1; for the
//	  radar and the parallel coordinates.

import { columnValue, levelLabel, segmentOf } from '../facts.js';
import { middle, percent, toNumber } from '../format.js';

const keyOf = (row) => JSON.stringify([row.column_name, row.level ?? null]);

/** Returns the axes, each {row, label, of: Map(segment -> row)}; segment null is all customers. */
export function axes(data) {
    const found = new Map();
    for (const row of data.radar ?? []) {
        const key = keyOf(row);
        if (!found.has(key)) found.set(key, { row, of: new Map() });
        found.get(key).of.set(row.segment ?? null, row);
    }
    return [...found.values()];
}

/** Returns the position of a segment on an axis, 0 to 1, or null when it is not known. */
export function place(axis, segment) {
    return toNumber(axis.of.get(segment)?.scaled);
}

/** Returns how far a segment is from all customers on an axis, in standard deviations where they are known, or else in positions. */
export function distance(data, axis, segment) {
    const row = (data.profile ?? []).find((it) => it.segment === segment && it.column_name === axis.row.column_name && (it.level ?? null) === (axis.row.level ?? null));
    const known = toNumber(row?.difference);
    if (known !== null || data.profile) return known;
    const [own, all] = [place(axis, segment), place(axis, null)];
    return own === null || all === null ? null : own - all;
}

/** Returns how far the segments are from each other and from all customers on an axis, or -1 when that is not known. */
export function spread(data, axis, segments) {
    const known = segments.map((it) => distance(data, axis, it)).filter((it) => it !== null);
    return known.length > 0 ? Math.max(0, ...known) - Math.min(0, ...known) : -1;
}

/** Returns the axes on which the segments differ most from all customers and from each other, at most "most", in their own order. */
export function telling(data, segments, most) {
    const all = axes(data).filter((axis) => segments.some((it) => place(axis, it) !== null));
    const spreads = new Map(all.map((axis) => [axis, spread(data, axis, segments)]));
    const kept = new Set([...all].sort((a, b) => spreads.get(b) - spreads.get(a)).slice(0, most));
    return all.filter((axis) => kept.has(axis));
}

/** Returns the label of an axis. */
export function axisLabel(data, axis, length) {
    return levelLabel(data, axis.row, length);
}

/** Returns the label of an axis cut in its middle. */
export function shortAxisLabel(data, axis, length) {
    return middle(axisLabel(data, axis, 200), length);
}

/** Returns what a segment has on an axis, in the column's own unit. */
export function written(data, axis, segment) {
    const row = axis.of.get(segment);
    if (!row) return columnValue(data, axis.row.column_name, null);
    return axis.row.level === null || axis.row.level === undefined ? columnValue(data, row.column_name, row.segment_mean) : percent(row.segment_mean);
}

/** Returns the numbers of the segments on all axes as a table. */
export function axesTable(data, segments, labelOf) {
    const some = [...segments, null];
    return {
        columns: [{ label: 'Column' }, ...some.flatMap((it) => [{ label: labelOf(segmentOf(data, it)), kind: 'value' }, { label: 'Position, 0 to 1', kind: 'number' }])],
        rows: axes(data).map((axis) => [axisLabel(data, axis, 200), ...some.flatMap((it) => [{ text: written(data, axis, it), value: toNumber(axis.of.get(it)?.segment_mean) }, place(axis, it)])]),
    };
}
