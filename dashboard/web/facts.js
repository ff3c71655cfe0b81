// facts.js
//	  What a model says of itself: names of segments, labels of columns, currency; for pages and reports.
//
// "data" is everywhere the object {part: body, ...} with the part "about" among them.

import { count, dash, date, exactMoney, inCurrency, middle, money, name, number, percent, short, toNumber } from './format.js';
import { numbers } from './router.js';

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

/** Returns texts cut to so many characters, where they name things; those that would be the same are told by the words in which they differ, or else by a number. */
export function toldApart(texts, length, cut = short) {
    const all = texts.map((it) => cut(it, length));
    const told = texts.map((text, i) => {
        const same = texts.filter((_, k) => k !== i && all[k] === all[i]);
        const own = text.split(' ').filter((word) => !same.every((it) => it.split(' ').includes(word)));
        return same.length === 0 || own.length === 0 ? all[i] : middle(`…${own.join(' ')}…`, length);
    });
    return told.map((text, i) => (told.indexOf(text) === i ? text : `${text} (${told.slice(0, i + 1).filter((it) => it === text).length})`));
}

/** Returns labels of columns cut in their middle, for an axis with little room, each unlike the others. */
export function shortLabels(data, columns, length = 15) {
    return toldApart(columns.map((it) => presentation(data).columns?.[it]?.label ?? it), length, middle);
}

/** Returns the unit of a column, or null. */
export function unit(data, column) {
    return presentation(data).columns?.[column]?.unit ?? null;
}

/** Returns the whole text of a level of a category; the level of what is missing is called so. */
function levelText(level) {
    return level === null || level === undefined || level === '(null)' ? '(no value)' : String(level);
}

/** Returns the name of a level of a category. */
export function levelName(level, length = 60) {
    return short(levelText(level), length);
}

/** Returns names of levels that stand beside each other, each unlike the others. */
export function levelNames(levels, length) {
    return toldApart(levels.map(levelText), length);
}

/** Returns the label of a column or of a level of it; where there is no room for both, a level has half of it, so that levels of a column with a long name are told apart. */
export function levelLabel(data, row, length = 40) {
    if (row.level === null || row.level === undefined) return label(data, row.column_name, length);
    const level = levelText(row.level);
    const half = Math.floor((length - 2) / 2);
    const room = Math.min([...level].length, Math.max(half, length - 2 - [...label(data, row.column_name, 200)].length));
    return short(`${label(data, row.column_name, length - 2 - room)}: ${middle(level, room)}`, length);
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

/** Returns a sentence of the database with its amounts as pages write them, £1,174 where it has 1,174 GBP; "before" is what must stand before an amount. */
export function withAmounts(data, text, before = '') {
    const its = currency(data);
    if (!its || !text) return text;
    return text.replace(new RegExp(`${before}(?<![\\w.,-])(-?)(\\d[\\d,]*(?:\\.\\d+)?) ${its}\\b`, 'g'), (_, sign, digits) => `${before}${inCurrency(`${sign && '−'}${digits}`, its)}`);
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


const day = 86400e3;

/** Returns the kind of a column: numeric, boolean, time or categorical; numeric when nobody says. */
export function columnKind(data, column) {
    const feature = data.about?.features?.find((it) => it.name === column);
    return feature?.kind ?? data.description?.find((it) => it.column_name === column)?.kind ?? 'numeric';
}

/** Returns whether a column is of the model's money: the value of a customer, or another with the currency as its unit. */
function isMoney(data, column) {
    return presentation(data).value === column || (currency(data) !== null && unit(data, column) === currency(data));
}

/** Returns a value of a column in words: money, a date, a share or a number with its unit; "kind" is known or looked up. */
export function columnValue(data, column, value, kind = columnKind(data, column)) {
    const known = toNumber(value);
    if (known === null) return dash;
    if (kind === 'time') return date(new Date(known * day));
    if (kind === 'boolean') return percent(known);
    if (isMoney(data, column)) return amount(data, known);
    const its = unit(data, column);
    // 1 order, 2 orders
    return its ? `${number(known)} ${short(known === 1 ? its.replace(/([a-rt-z])s$/, '$1') : its, 16)}` : number(known);
}

/** Returns a number of a column as an axis writes it, without its unit, which stands in the axis's name. */
export function columnTick(data, column, value, kind = columnKind(data, column)) {
    return kind === 'numeric' && !isMoney(data, column) ? number(value) : columnValue(data, column, value, kind);
}

// the room that a letter of an axis takes, as a rule, in pixels
const letter = 7.5;

/** Returns how many letters of an axis have room in so many pixels. */
export function lettersIn(room) {
    return Math.max(8, Math.floor(room / letter));
}

/** Returns {name, nameTruncate} of an axis with so much room: the label of a column, cut to what its unit leaves, with the unit and what else is said of the axis. */
export function axisName(data, column, room, more = '') {
    const its = unit(data, column);
    const end = `${its && columnKind(data, column) === 'numeric' && !isMoney(data, column) ? ` (${short(its, 16)})` : ''}${more}`;
    return { name: `${label(data, column, Math.max(8, Math.min(60, lettersIn(room) - end.length)))}${end}`, nameTruncate: { maxWidth: room } };
}

/** Returns the segment that the address names, or the first one; null when the model has none. */
export function selected(data, state = {}) {
    const known = (data.about?.segments ?? []).map((it) => it.segment);
    const [wanted] = numbers(state.segment);
    return known.includes(wanted) ? wanted : known.find((it) => it > 0) ?? known[0] ?? null;
}

/** Returns the two to four segments that the address names, or the first two. */
export function compared(data, state = {}) {
    const known = (data.about?.segments ?? []).map((it) => it.segment);
    const wanted = numbers(state.segments).filter((it) => known.includes(it)).slice(0, 4);
    return wanted.length >= 2 ? wanted : [...new Set([...wanted, ...known.filter((it) => it > 0)])].slice(0, 2);
}

/** Returns the segment of a number as {segment, name}; null is all customers. */
export function segmentOf(data, segment) {
    if (segment === null) return { segment: null, name: null };
    return data.about?.segments?.find((it) => it.segment === segment) ?? { segment, name: null };
}

/** Returns the distinct values of a key of rows, in their order. */
export function distinct(rows, key) {
    return [...new Set((rows ?? []).map((row) => row[key]))];
}

/** Returns what a choice in the address means: the wanted value if it is among the known, or the first of these. */
export function choice(wanted, known) {
    return known.includes(wanted) ? wanted : known[0] ?? null;
}

/** Returns a cell of a table: a value of a column in words for the eye, and the number itself for a file; null when it is not known. */
export function columnCell(data, column, value, kind) {
    const known = toNumber(value);
    return known === null ? null : { text: columnValue(data, column, known, kind), value: known };
}
