// facts.js
//	  What a model says of itself: names of segments, labels of columns, currency; for pages and reports.
//
// "data" is everywhere the object {part: body, ...} with the part "about" among them.

import { count, exactMoney, money, name, short } from './format.js';

/** Returns the presentation of the model, or an empty one. */
export function presentation(data) {
    return data.about?.presentation ?? {};
}

/** Returns the currency of the model's money, or null when it is not known. */
export function currency(data) {
    return presentation(data).currency ?? null;
}

/** Returns the model's title for people: what the owner set, or its name. */
export function title(data) {
    return name(presentation(data).title ?? data.about?.name);
}

/** Returns the label of a column, cut to so many letters. */
export function label(data, column, length = 40) {
    const own = presentation(data).columns?.[column];
    return short(own?.label ?? column, length);
}

/** Returns the unit of a column, or null. */
export function unit(data, column) {
    return presentation(data).columns?.[column]?.unit ?? null;
}

/** Returns the label of a column or of a level of it. */
export function levelLabel(data, row, length = 40) {
    const column = label(data, row.column_name, length);
    return row.level === null || row.level === undefined ? column : short(`${column}: ${row.level}`, length);
}

/** Returns the name of a row's segment with its number, as charts and tables show it; a row without a segment is all customers. */
export function segmentLabel(row, length = 28) {
    if (row.segment === null || row.segment === undefined) return 'All customers';
    if (row.segment === 0) return `0 ${short(row.name || 'noise', length)}`;
    return `${row.segment} ${short(row.name || `segment ${row.segment}`, length)}`;
}

/** Returns the name of a segment within a sentence. */
export function segmentName(row, length = 60) {
    if (row.segment === 0 && !row.name) return 'noise';
    return short(row.name || `segment ${row.segment}`, length);
}

/** Returns an amount of the model's money in short. */
export function amount(data, value) {
    return money(value, currency(data));
}

/** Returns an amount of the model's money in full. */
export function exactAmount(data, value) {
    return exactMoney(value, currency(data));
}

/** Returns whether the publication knows what customers are worth. */
export function hasValue(data) {
    return (data.summary ?? []).some((row) => row.total_value !== null && row.total_value !== undefined);
}

/** Returns the rows of segments (not of all customers), in order of their numbers. */
export function segments(rows) {
    return (rows ?? []).filter((row) => row.segment !== null && row.segment !== undefined).sort((a, b) => a.segment - b.segment);
}

/** Returns the customers of all segments together. */
export function customers(rows) {
    return segments(rows).reduce((sum, row) => sum + (row.n ?? 0), 0);
}

/** Returns a text for a group whose numbers are held back because it is small. */
export function small(data) {
    const least = data.about?.min_group;
    return least ? `held back: fewer than ${count(least)} customers` : 'held back: too few customers';
}

