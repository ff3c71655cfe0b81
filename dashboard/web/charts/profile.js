// profile.js
//	  The columns of the chosen segment beside all customers.

import { columnCell, columnValue, levelLabel, segmentName, segmentOf, selected, small } from '../facts.js';
import { number, percent, plural, toNumber } from '../format.js';

/** Returns the profile's rows of a segment, the most different first: "rank" has a category at one of its levels only, and each level has its place. */
export function profileOf(data, segment) {
    const far = (row) => (toNumber(row.difference) === null ? -1 : Math.abs(toNumber(row.difference)));
    return (data.profile ?? []).filter((row) => row.segment === segment).sort((a, b) => far(b) - far(a) || (a.rank ?? 1e9) - (b.rank ?? 1e9));
}

/** Returns the cell of what a row of the profile says of its segment, or of all customers. */
export function meanOf(data, row, isAll = false) {
    const isLevel = row.level !== null && row.level !== undefined;
    const value = toNumber(isAll ? row.overall_mean : isLevel ? row.share : row.mean);
    if (value === null) return null;
    return isLevel ? { text: percent(value), value } : columnCell(data, row.column_name, value, row.kind);
}

/** Returns the sentence. */
export function sentence(data, state = {}) {
    const segment = selected(data, state);
    const rows = profileOf(data, segment);
    if (rows.some((row) => row.is_small)) return `What these customers have is ${small(data)}.`;
    const far = rows.filter((row) => Math.abs(toNumber(row.difference) ?? 0) >= 0.5).length;
    return `${segmentName(segmentOf(data, segment))}: half a standard deviation or more from all customers in ${far === 0 ? 'no row' : `${plural(far, 'row')} of ${number(rows.length)}`}. The largest difference stands first.`;
}

/** Returns the profile as a table. */
export function table(data, state = {}) {
    return {
        columns: [{ label: 'Column' }, { label: 'This segment', kind: 'value' }, { label: 'All customers', kind: 'value' }, { label: 'Difference in standard deviations', kind: 'deviation' }, { label: 'Median', kind: 'value' }, { label: 'Half of them between', kind: 'value' }, { label: 'Without a value', kind: 'percent' }],
        rows: profileOf(data, selected(data, state)).map((row) => [
            levelLabel(data, row, 60), meanOf(data, row), meanOf(data, row, true), row.difference,
            columnCell(data, row.column_name, row.median, row.kind),
            toNumber(row.first_quartile) === null ? null : `${columnValue(data, row.column_name, row.first_quartile, row.kind)} and ${columnValue(data, row.column_name, row.third_quartile, row.kind)}`,
            row.null_share,
        ]),
    };
}
