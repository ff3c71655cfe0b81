// columns.js
//	  The columns of the source: what they hold and what to do about them.

import { columnCell, label, levelName } from '../facts.js';
import { count, list, plural, toNumber } from '../format.js';

// what describe() says of a column that needs nothing
const fine = 'fine as it is';

// what describe() says of a column that tells nothing of customers: an id, or the segment itself
const isKey = (row) => /^training leaves the column out unless it is named: (?:every value is different|the segment )/.test(row.suggestion ?? '');

/** Returns the names of such columns. */
export const keys = (data) => new Set((data.description ?? []).filter(isKey).map((row) => row.column_name));

/** Returns the sentence: how many columns tell of customers, and how many have advice. */
export function sentence(data) {
    const keys = data.description.filter(isKey);
    const rows = data.description.filter((row) => !isKey(row));
    const advised = rows.filter((row) => row.suggestion && row.suggestion !== fine).length;
    const gaps = rows.filter((row) => toNumber(row.n_null) > 0).length;
    const beside = keys.length > 0 ? `, beside ${list(keys.slice(0, 3).map((row) => label(data, row.column_name, 40)))}${keys.length > 3 ? ` and ${plural(keys.length - 3, 'more column')}` : ''}, which only ${keys.length === 1 ? 'says' : 'say'} who or where a customer is` : '';
    return `The source has ${plural(rows.length, 'column')} of data${beside}: ${gaps === 0 ? 'none lacks a value' : `${count(gaps)} ${gaps === 1 ? 'lacks' : 'lack'} values in some rows`}, and ${advised === 0 ? 'none needs a look' : `${count(advised)} ${advised === 1 ? 'needs' : 'need'} a look before a training`}.`;
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
