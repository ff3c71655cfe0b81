// columns.js
//	  The columns of the source: what they hold and what to do about them.

import { columnCell, label, levelName } from '../facts.js';
import { count, plural, toNumber } from '../format.js';

// what describe() says of a column that needs nothing
const fine = 'fine as it is';

/** Returns the sentence: how many columns, and how many have advice. */
export function sentence(data) {
    const advised = data.description.filter((row) => row.suggestion && row.suggestion !== fine).length;
    const gaps = data.description.filter((row) => toNumber(row.n_null) > 0).length;
    return `The source has ${plural(data.description.length, 'column')}: ${gaps === 0 ? 'none lacks a value' : `${count(gaps)} ${gaps === 1 ? 'lacks' : 'lack'} values in some rows`}, and ${advised === 0 ? 'none needs a look' : `${count(advised)} ${advised === 1 ? 'needs' : 'need'} a look before a training`}.`;
}

function levels(row) {
    return Array.isArray(row.top_levels) && row.top_levels.length > 0 ? row.top_levels.map((it) => `${levelName(it.level)} (${count(it.n)})`).join(', ') : null;
}

/** Returns the columns as a table. */
export function table(data) {
    const cell = (row, key) => columnCell(data, row.column_name, row[key], row.kind);
    return {
        columns: [{ label: 'Column' }, { label: 'Kind' }, { label: 'Without a value', kind: 'percent' }, { label: 'Different values', kind: 'count' }, { label: 'Lowest', kind: 'value' }, { label: 'Median', kind: 'value' }, { label: 'Mean', kind: 'value' }, { label: 'Highest', kind: 'value' }, { label: 'Outliers', kind: 'count' }, { label: 'Most frequent', kind: 'long' }, { label: 'Advice', kind: 'long' }],
        rows: data.description.map((row) => [label(data, row.column_name, 60), row.kind, row.null_share, row.n_distinct, cell(row, 'minimum'), cell(row, 'median'), cell(row, 'mean'), cell(row, 'maximum'), row.n_iqr_outliers, levels(row), row.suggestion]),
    };
}
