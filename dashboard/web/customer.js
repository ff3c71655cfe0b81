// customer.js
//	  A customer whom the reader puts together: fields with their ranges, and the JSON that asks where the customer belongs.
//
// The address has each value as it was typed, after the name of its feature: "v.recency=12", "v.channel==web" for a level, and "~" where
// the value is not known. Numbers go to the database with the digits that were typed.

import { valueAt } from './nearest.js';

const unknownMark = '~';
const levelMark = '=';
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const wholeTypes = new Set(['smallint', 'integer', 'bigint']);

/** Returns the name by which the address knows a feature. */
export const keyOf = (feature) => `v.${feature}`;

/** Returns whether the values of a field are whole numbers. */
export function isWhole(field) {
    return wholeTypes.has(field.type) || (field.quantiles?.length > 0 && field.quantiles.every(Number.isInteger));
}

/** Returns a number of so many digits as a field shows it. */
function rounded(field, value) {
    if (isWhole(field)) return Math.round(value);
    const size = Math.abs(value);
    return Number(value.toPrecision(size >= 1000 ? Math.ceil(Math.log10(size)) + 1 : 4));
}

const day = 86400000;

/** Returns a day of the training's numbering, from 1970-01-01, as a date of ISO 8601. */
export function dateOf(days) {
    return new Date(Math.round(days) * day).toISOString().slice(0, 10);
}

/** Returns a date as a day of that numbering, or null. */
export function daysOf(text) {
    const time = Date.parse(`${text}T00:00:00Z`);
    return Number.isNaN(time) ? null : time / day;
}

/** Returns the text that stands for a feature when the reader has said nothing: the median, or the most frequent level. */
export function usual(field) {
    if (field.kind === 'categorical') {
        const level = (field.levels ?? []).find((it) => it !== null);
        return level === undefined ? unknownMark : levelMark + level;
    }
    if (field.kind === 'boolean') return `${levelMark}${(field.mean ?? 0) >= 0.5}`;
    const median = field.quantiles?.length > 0 ? valueAt(field.quantiles, 0.5) : null;
    if (median === null || !Number.isFinite(median)) return unknownMark;
    return field.kind === 'time' ? dateOf(median) : String(rounded(field, median));
}

/** Returns the text of a feature: what the address says, or what is usual. */
export function textOf(field, state) {
    return state[keyOf(field.feature)] ?? usual(field);
}

/** Returns the level that a text stands for, or null when it stands for none. */
export function levelOf(text) {
    return text.startsWith(levelMark) ? text.slice(1) : null;
}

/** Returns the text that stands for a level; null is not known. */
export function textOfLevel(level) {
    return level === null ? unknownMark : levelMark + level;
}

/** Returns whether a text says that the value is not known. */
export const isUnknown = (text) => text === unknownMark;

/** Returns the token of JSON for the text of a field, null for one that is not known, or undefined for one that is no value. */
export function tokenOf(field, text) {
    if (isUnknown(text)) return null;
    if (field.kind === 'categorical') return levelOf(text) === null ? undefined : JSON.stringify(levelOf(text));
    if (field.kind === 'boolean') return ['true', 'false'].includes(levelOf(text)) ? levelOf(text) : undefined;
    if (field.kind === 'time') return daysOf(text) === null ? undefined : JSON.stringify(text);
    if (jsonNumber.test(text)) return text;
    const value = Number(text);
    return text.trim() !== '' && Number.isFinite(value) ? String(value) : undefined;
}

/** Returns the fields whose text is no value. */
export function faults(form, state) {
    return form.filter((field) => tokenOf(field, textOf(field, state)) === undefined);
}

/** Returns an object of JSON as text, from [name, token] pairs; what is not known is null, for a model wants all its features named. */
export function objectOf(pairs) {
    return `{${pairs.filter(([, token]) => token !== undefined).map(([name, token]) => `${JSON.stringify(name)}:${token}`).join(',')}}`;
}

/** Returns the customer as a text of JSON. */
export function customerText(form, state) {
    return objectOf(form.map((field) => [field.feature, tokenOf(field, textOf(field, state))]));
}

/** Returns the customer by feature as values to compare: numbers (days for times), levels, true or false; null for what is not known. */
export function valuesOf(form, state) {
    return Object.fromEntries(form.map((field) => {
        const text = textOf(field, state);
        if (isUnknown(text) || tokenOf(field, text) === undefined) return [field.feature, null];
        if (field.kind === 'categorical') return [field.feature, levelOf(text)];
        if (field.kind === 'boolean') return [field.feature, levelOf(text) === 'true'];
        return [field.feature, field.kind === 'time' ? daysOf(text) : Number(text)];
    }));
}

/** Returns the token of JSON for a value as valuesOf() has them. */
export function tokenOfValue(field, value) {
    if (field.kind === 'time') return JSON.stringify(dateOf(value));
    return JSON.stringify(value);
}

/** Returns a number as one that a field may have: whole, or of few digits. */
export function roundTo(field, value) {
    return field.kind === 'time' ? Math.round(value) : rounded(field, value);
}

const stops = 200;

/** Returns the texts that a slider stops at: they go by the customers of the training, so that each step passes about as many of them. */
export function stopsOf(field) {
    const at = (i) => valueAt(field.quantiles, i / stops);
    const values = new Set(Array.from({ length: stops + 1 }, (_, i) => roundTo(field, at(i))));
    return [...values].sort((a, b) => a - b).map((value) => (field.kind === 'time' ? dateOf(value) : String(value)));
}

/** Returns the stop that is nearest to a text; the middle one for a text that says nothing. */
export function stopOf(field, texts, text) {
    const read = (it) => (field.kind === 'time' ? daysOf(it) : Number(it));
    const value = isUnknown(text) ? null : read(text);
    if (value === null || !Number.isFinite(value)) return Math.floor(texts.length / 2);
    let best = 0;
    texts.forEach((it, i) => {
        if (Math.abs(read(it) - value) < Math.abs(read(texts[best]) - value)) best = i;
    });
    return best;
}
