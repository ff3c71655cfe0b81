// format.js
//	  How numbers, money, shares and dates are written; pages and reports write them alike.
//
// What is not known is said so (or left as a dash in a table): never 0, NaN, null or undefined.
// A minus is a true minus, and there is no minus zero.

export const unknown = 'not known';
export const dash = '–';

const space = '\u00a0';
const minus = '\u2212';

/** Returns the number that a value of JSON holds, or null when it holds none; PostgreSQL writes what JSON lacks as text. */
export function toNumber(value) {
    if (value === null || value === undefined || value === '' || typeof value === 'boolean') return null;
    if (value === 'Infinity') return Infinity;
    if (value === '-Infinity') return -Infinity;
    const number = Number(value);
    return Number.isNaN(number) ? null : number;
}

/** Returns whether a value is a finite number. */
export function isKnown(value) {
    const number = toNumber(value);
    return number !== null && Number.isFinite(number);
}

function group(digits) {
    return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** Returns the number with so many decimals, thousands separated by commas, a true minus, and no minus zero. */
export function fixed(value, decimals = 0) {
    const number = toNumber(value);
    if (number === null) return dash;
    if (!Number.isFinite(number)) return number > 0 ? '∞' : `${minus}∞`;
    if (Math.abs(number) >= 1e15) return scientific(number);
    const [whole, part] = Math.abs(number).toFixed(decimals).split('.');
    const digits = part ? `${group(whole)}.${part}` : group(whole);
    return number < 0 && /[1-9]/.test(digits) ? minus + digits : digits;
}

function scientific(number) {
    const [mantissa, exponent] = Math.abs(number).toExponential(2).split('e');
    const power = Number(exponent);
    return `${number < 0 ? minus : ''}${mantissa} × 10^${power < 0 ? minus : ''}${Math.abs(power)}`;
}

/** Returns a count of customers or rows, such as 20,000. */
export function count(value) {
    return fixed(value, 0);
}

/** Returns a number with three or so significant digits, whatever its size. */
export function number(value) {
    const it = toNumber(value);
    if (it === null || !Number.isFinite(it)) return fixed(it);
    const size = Math.abs(it);
    if (size === 0) return '0';
    if (size < 0.0001 || size >= 1e12) return scientific(it);
    if (Number.isInteger(it) || size >= 1000) return fixed(it, 0);
    const decimals = size >= 100 ? 1 : size >= 1 ? 2 : Math.min(6, 2 - Math.floor(Math.log10(size)));
    const digits = fixed(it, decimals);
    return digits.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
}

const units = [[1e12, 'T'], [1e9, 'B'], [1e6, 'M'], [1e4, 'k']];

/** Returns a large number in short, such as 11.2 M; small ones as number() does. */
export function compact(value) {
    const it = toNumber(value);
    if (it === null || !Number.isFinite(it) || Math.abs(it) >= 1e15) return fixed(it);
    for (const [size, letter] of units) {
        // what rounds to 1,000 k is 1.0 M
        if (Math.abs(it) >= size * 0.99995) {
            const divisor = letter === 'k' ? 1e3 : size;
            return `${fixed(it / divisor, 1)}${space}${letter}`;
        }
    }
    return number(it);
}

/** Returns a share as a percentage, such as 58.4 %. */
export function percent(share, decimals = 1) {
    const it = toNumber(share);
    return it === null ? dash : `${fixed(it * 100, decimals)}${space}%`;
}

/** Returns the number with its sign, plus or true minus; 0 has none. */
export function signed(value, write = number) {
    const it = toNumber(value);
    if (it === null) return dash;
    const text = write(it);
    return it > 0 && /[1-9∞]/.test(text) ? `+${text}` : text;
}

/** Returns a change as a signed percentage. */
export function change(share, decimals = 1) {
    return signed(share, (it) => percent(it, decimals));
}

const symbols = { EUR: '€', GBP: '£', USD: '$', JPY: '¥', INR: '₹' };

/** Returns an amount that is written already with its currency. */
export function inCurrency(text, currency) {
    if (!currency || text === dash) return text;
    const symbol = Object.hasOwn(symbols, currency) ? symbols[currency] : null;
    if (!symbol) return `${text}${space}${currency}`;
    return text.startsWith(minus) ? minus + symbol + text.slice(1) : symbol + text;
}

/** Returns an amount of money in short, such as £11.2 M or £561.23; the currency is the model's, or none. */
export function money(value, currency) {
    const it = toNumber(value);
    return it !== null && Math.abs(it) < 9999.5 ? exactMoney(it, currency) : inCurrency(compact(value), currency);
}

/** Returns an amount of money to the unit, or to the hundredth when it is small. */
export function exactMoney(value, currency) {
    const it = toNumber(value);
    return inCurrency(fixed(it, it !== null && Math.abs(it) < 1000 ? 2 : 0), currency);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function parseTime(value) {
    if (value === null || value === undefined) return null;
    const time = value instanceof Date ? value : new Date(value);
    return Number.isNaN(time.getTime()) ? null : time;
}

/** Returns a day such as 29 Nov 2026, in UTC. */
export function date(value) {
    const time = parseTime(value);
    return time === null ? dash : `${time.getUTCDate()} ${months[time.getUTCMonth()]} ${time.getUTCFullYear()}`;
}

/** Returns a day and a time such as 29 Nov 2026, 14:05 UTC. */
export function dateTime(value) {
    const time = parseTime(value);
    if (time === null) return dash;
    const two = (it) => String(it).padStart(2, '0');
    return `${date(time)}, ${two(time.getUTCHours())}:${two(time.getUTCMinutes())} UTC`;
}

/** Returns a probability by chance, such as 0.03 or < 0.001. */
export function pValue(value) {
    const it = toNumber(value);
    if (it === null) return dash;
    return it < 0.001 ? `<${space}0.001` : fixed(it, 3);
}

/** Returns the words with commas and an "and" before the last. */
export function list(words) {
    if (words.length < 2) return words.join('');
    return `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}

/** Returns a text as a sentence: with a capital at its beginning and a full stop at its end. */
export function sentenceOf(text) {
    const clean = String(text ?? '').trim();
    if (clean === '') return '';
    // only a word gets a capital: a name such as a/b stays as it is
    return prose((/^[a-z]+[ ,:]/.test(clean) ? clean[0].toUpperCase() + clean.slice(1) : clean) + (/[.!?…:]$/.test(clean) ? '' : '.'));
}

/** Returns a text as pages write one: what the database keeps has straight quotes, and hyphens for minus signs. */
export function prose(text) {
    return text.replace(/"([^"\n]*)"/g, '“$1”').replace(/(\d) %/g, `$1${space}%`).replace(/(^|[\s([])-(?=\d)/g, `$1${minus}`);
}

/** Returns a count with its noun: 1 segment, 5 segments. */
export function plural(n, noun, nouns = `${noun}s`) {
    return `${count(n)} ${toNumber(n) === 1 ? noun : nouns}`;
}

// what turns the direction of the text that follows could make a name look like another one
const turning = /[\u202a-\u202e\u2066\u2067]/g;
const directional = /[\u0590-\u08ff\u200e\u200f\ufb1d-\ufdff\ufe70-\ufeff]/;
const [isolate, end] = ['\u2068', '\u2069'];

function clean(text) {
    return String(text ?? '').replace(/\p{Cc}+/gu, ' ').replace(turning, '').trim();
}

/** Returns a text that has a direction as one that does not touch what stands around it; a part of it that is isolated already stays so. */
function isolated(text) {
    let depth = 0;
    let isOutside = false;
    let kept = '';
    for (const letter of text) {
        if (letter === end && depth === 0) continue;
        depth += letter === isolate ? 1 : letter === end ? -1 : 0;
        isOutside ||= depth === 0 && directional.test(letter);
        kept += letter;
    }
    const closed = kept + end.repeat(depth);
    return isOutside ? isolate + closed + end : closed;
}

/** Returns a name that anyone may have chosen so that it can stand in a sentence: without characters that control, isolated when it has a direction. */
export function name(text) {
    return isolated(clean(text)) || '(no name)';
}

/** Returns a name cut to so many characters, with an ellipsis. */
export function short(text, length = 28) {
    const letters = [...clean(text)];
    return name(letters.length > length ? `${letters.slice(0, length - 1).join('')}…` : letters.join(''));
}

/** Returns a name cut in its middle to so many characters: what tells it from others is often at its end. */
export function middle(text, length) {
    const letters = [...clean(text)];
    if (letters.length <= length) return name(text);
    const end = Math.floor((length - 1) / 2);
    return name(`${letters.slice(0, length - 1 - end).join('')}…${letters.slice(-end).join('')}`);
}

/** Returns a value of a cell as its kind of column is written: count, number, percent, money, date, time, p, signed, deviation, change, yes or text. */
export function cell(value, kind, currency) {
    if (value === null || value === undefined) return dash;
    switch (kind) {
        case 'count': return count(value);
        case 'number': return number(value);
        case 'percent': return percent(value);
        case 'money': return exactMoney(value, currency);
        case 'signed': return signed(value);
        case 'deviation': return signed(value, (it) => fixed(it, 2));
        case 'change': return change(value);
        case 'p': return pValue(value);
        case 'date': return date(value);
        case 'time': return dateTime(value);
        case 'yes': return value ? 'yes' : 'no';
        default: return String(value);
    }
}
