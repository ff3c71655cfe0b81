// feed.js
//	  Who acts on changes of segments, how far each has come, and what makes the changes.

import { count, date, list, plural, short } from '../format.js';
import { literal } from '../parts.js';
import { bars } from './bars.js';

const words = { resegment: 'all were placed again', insert: 'new customers', update: 'a customer’s data changed', delete: 'customers who are gone' };
const inSentence = { resegment: 'when all customers were placed again', insert: 'of new customers', update: 'of customers whose data had changed', delete: 'of customers who are gone' };
const word = (cause) => words[cause] ?? cause;

/** Returns why no consumers are shown, or null. */
export const missing = (data) => (data.feed.consumers ? null : { why: 'Changes are kept, and nobody acts on them yet.', sql: `SELECT custseg.create_consumer('mailer', ${literal(data.about.name)});` });

/** Returns the sentence about the consumers: how many are behind, and how far. */
export function sentence(data) {
    const all = data.feed.consumers;
    const behind = all.filter((it) => it.n > 0).sort((a, b) => b.n - a.n);
    const begin = `${plural(all.length, 'consumer')} ${all.length === 1 ? 'acts' : 'act'} on changes of ${short(data.feed.source, 60)}.`;
    if (behind.length === 0) return `${begin} ${all.length === 1 ? 'It has' : 'All have'} acknowledged every change.`;
    const [worst] = behind;
    return `${begin} ${short(worst.consumer, 40)} has yet to act on ${plural(worst.n, 'change')}${worst.oldest_at ? `, the oldest of ${date(worst.oldest_at)}` : ''}${behind.length > 1 ? `; ${plural(behind.length - 1, 'more consumer')} ${behind.length === 2 ? 'is' : 'are'} behind` : ''}. A change comes again until the consumer has acknowledged it.`;
}

/** Returns the consumers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Consumer' }, { label: 'Behind', kind: 'count' }, { label: 'Oldest', kind: 'time' }, { label: 'Last acknowledged', kind: 'time' }, { label: 'Role' }, { label: 'Position', kind: 'count' }, { label: 'Since', kind: 'date' }],
        rows: data.feed.consumers.map((it) => [it.consumer, it.n, it.oldest_at, it.acknowledged_at, it.reader, it.change_position, it.created_at]),
    };
}

/** Returns why no causes are shown, or null. */
export const causesMissing = (data) => (data.feed.causes ? null : { why: 'Changes are kept, and no customer has moved since, or what was kept is forgotten.' });

/** Returns the sentence about the causes: all changes that are kept, as the picture has them, and the day of the last one. */
export function causesSentence(data) {
    const rows = data.feed.causes;
    const all = list(rows.map((it) => `${count(it.n)} ${inSentence[it.cause] ?? `of the cause “${short(it.cause, 40)}”`}`));
    const last = rows.map((it) => it.last_at).filter(Boolean).sort().at(-1);
    return `Since ${date(data.feed.tracked_at)}, when changes began to be kept: ${all}.${last ? ` The last was on ${date(last)}.` : ''}`;
}

/** Returns the option of the causes. */
export function causesOption(data, theme, { width } = {}) {
    const rows = data.feed.causes;
    return bars(rows.map((it) => word(it.cause)), [{ name: 'changes that are kept', color: theme.accent, values: rows.map((it) => it.n) }], theme,
        { write: count, width, legend: false, name: 'changes that are kept', labelWidth: Math.min(190, (width ?? 700) * 0.5) });
}

/** Returns the causes as a table. */
export function causesTable(data) {
    return {
        columns: [{ label: 'Cause' }, { label: 'Changes', kind: 'count' }, { label: 'In the last 30 days', kind: 'count' }, { label: 'Last', kind: 'time' }],
        rows: data.feed.causes.map((it) => [word(it.cause), it.n, it.n_30d, it.last_at]),
    };
}
