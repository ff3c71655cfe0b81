// segment-facts.js
//	  One segment in numbers and a sentence.

import { amount, hasValue, segmentLabel, segmentName, small, withAmounts } from '../facts.js';
import { change, count, date, percent, signed, toNumber, unknown } from '../format.js';
import { chosen } from './action.js';
import { changeOf } from './segment-table.js';
import { leavingTile, noValue } from './tiles.js';

/** Returns the tiles of the chosen segment. */
export function tiles(data, state) {
    const row = chosen(data, state);
    if (!row) return [];
    const moved = changeOf(data, row);
    const ratio = toNumber(row.share) > 0 ? toNumber(row.value_share) / toNumber(row.share) : null;
    return [
        { label: 'Customers', value: count(row.n), note: `${percent(row.share)} of all${row.n_overridden > 0 ? `, ${count(row.n_overridden)} placed by hand` : ''}` },
        valueTile(data, row),
        toNumber(row.value_per_customer) === null
            ? { label: 'Value of a customer', value: unknown, note: hasValue(data) ? small(data) : '' }
            : { label: 'Value of a customer', value: amount(data, row.value_per_customer), note: ratio === null ? '' : `${Number.isFinite(ratio) ? ratio.toFixed(1) : '–'} times the mean of all` },
        moved === null
            ? { label: 'Change', value: unknown, note: 'There is no earlier publication with this segment.' }
            : { label: 'Change', value: signed(moved, count), note: `since ${date(data.previous.published_at)}${previousShare(data, row, moved)}` },
        leavingTile(data, row.segment),
        training(row),
    ].filter(Boolean);
}

function previousShare(data, row, moved) {
    const before = toNumber(row.n) - moved;
    return before > 0 ? ` (${change(moved / before)})` : '';
}

function valueTile(data, row) {
    if (toNumber(row.total_value) !== null) return { label: 'Value', value: amount(data, row.total_value), note: `${percent(row.value_share)} of all value` };
    return { label: 'Value', value: unknown, note: hasValue(data) ? small(data) : noValue };
}

function training(row) {
    return toNumber(row.n_trained) === null
        ? { label: 'In training', value: unknown, note: '' }
        : { label: 'In training', value: count(row.n_trained), note: `${percent(row.training_share)} of the customers then` };
}

/** Returns the sentence about the chosen segment. */
export function sentence(data, state) {
    const row = chosen(data, state);
    if (!row) return 'The chosen segment has no customers in this publication.';
    return withAmounts(data, row.description) ?? `${segmentName(row)}: ${row.is_small ? `what distinguishes these customers is ${small(data)}` : 'nothing distinguishes these customers that the columns tell of'}.`;
}

/** Returns the numbers as a table. */
export function table(data, state) {
    const row = chosen(data, state);
    return { columns: [{ label: row ? segmentLabel(row, 200) : 'Segment' }, { label: 'Value' }, { label: 'Note' }], rows: tiles(data, state).map((it) => [it.label, it.value, it.note]) };
}

