// axes.js
//	  The axes on which segments are laid beside each other: columns and levels, scaled 0 to 1; for the
//	  radar and the parallel coordinates.

import { columnValue, levelLabel, segmentOf } from '../facts.js';
import { percent, toNumber } from '../format.js';

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

/** Returns the axes on which the segments differ most from all customers and from each other, at most "most", in their own order. */
export function telling(data, segments, most) {
    const all = axes(data).filter((axis) => segments.some((it) => place(axis, it) !== null));
    const spread = (axis) => {
        const places = [...segments, null].map((it) => place(axis, it)).filter((it) => it !== null);
        return Math.max(...places) - Math.min(...places);
    };
    const kept = new Set([...all].sort((a, b) => spread(b) - spread(a)).slice(0, most));
    return all.filter((axis) => kept.has(axis));
}

/** Returns the label of an axis. */
export function axisLabel(data, axis, length) {
    return levelLabel(data, axis.row, length);
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
