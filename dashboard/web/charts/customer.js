// customer.js
//	  Where a customer belongs, why, what would move the customer, and what such a customer is worth.

import { customerText, dateOf, faults, objectOf, roundTo, tokenOf, tokenOfValue, valuesOf } from '../customer.js';
import { columnKind, columnValue, exactAmount, label, segmentLabel, segmentName, segmentOf, toldApart, unit } from '../facts.js';
import { count, fixed, isKnown, list, name, number, percent, short } from '../format.js';
import { nearest, probes } from '../nearest.js';
import { segmentColor } from '../theme.js';
import { bars, barsHeight } from './bars.js';
import { totalOf, worth } from './lifetime-value.js';

const path = '/predict_segment';

/** Returns the request that places the customer of the address, with why and what to do; null while a field holds no value. */
export function request(data, state) {
    const form = data.customer_form;
    if (faults(form, state).length > 0) return null;
    return { path, body: `{"model":${JSON.stringify(data.about.name)},"customer":${customerText(form, state)},"explain":true,"recommend":true}` };
}

/** Returns the request for the customer and for copies, each with another value of one feature; null while a field holds no value. */
export function probeRequest(data, state) {
    const form = data.customer_form;
    if (faults(form, state).length > 0) return null;
    const fields = new Map(form.map((field) => [field.feature, field]));
    const changes = probesOf(data, state).map(({ feature, value }) => objectOf([[feature, tokenOfValue(fields.get(feature), value)]]));
    const asked = changes.length > 0 ? `,"changes":[${changes.join(',')}]` : '';
    return { path, pause: 350, body: `{"model":${JSON.stringify(data.about.name)},"customer":${customerText(form, state)}${asked}}` };
}

function probesOf(data, state) {
    return probes(data.customer_form, valuesOf(data.customer_form, state), roundTo);
}

function placed(data) {
    return data.computed?.segment === null || data.computed?.segment === undefined ? null : data.computed;
}

const notPlaced = 'The model does not place this customer: a value is missing that it does not do without, or one is infinite.';
const faulty = 'A field does not hold a value; it is marked.';

/** Returns the degrees of membership as rows {segment, name, share}, the highest first. */
export function memberships(data) {
    const numbers = (data.about.segments ?? []).filter((it) => it.segment > 0);
    const degrees = data.computed?.memberships ?? [];
    return degrees.length === numbers.length ? numbers.map((it, i) => ({ ...it, share: degrees[i] })).sort((a, b) => b.share - a.share) : [];
}

const mostShown = 12;

/** Returns the height of the memberships for so many segments. */
export function membershipHeight(n) {
    return barsHeight(Math.min(mostShown, n ?? 5));
}

/** Returns the option: how much the customer belongs to each segment. */
export function option(data, theme, { width } = {}) {
    const rows = memberships(data).slice(0, mostShown);
    return bars(rows.map((it) => segmentLabel(it)), [{ name: 'membership', color: theme.accent, colors: rows.map((it) => segmentColor(it.segment, theme)), values: rows.map((it) => it.share) }], theme,
        { write: (value) => percent(value, 0), width, legend: false });
}

/** Returns the sentence: the segment, how sure that is, and the runner-up. */
export function sentence(data) {
    if (!data.computed) return faulty;
    const it = placed(data);
    if (!it) return notPlaced;
    const runnerUp = data.about.segments?.find((row) => row.segment === it.runner_up);
    const sure = isKnown(it.confidence) ? `, with a confidence of ${percent(it.confidence, 0)} (0 is half-way to the next segment)` : '';
    return `This customer is in segment ${it.segment}, ${segmentName(it)}${sure}.${runnerUp ? ` The next segment is ${segmentName(runnerUp)}.` : ''}`;
}

/** Returns the memberships as a table. */
export function table(data) {
    return { columns: [{ label: 'Segment' }, { label: 'Membership', kind: 'percent' }], rows: memberships(data).map((it) => [segmentLabel(it, 200), it.share]) };
}

/** Returns what to do with the customer as rows of two texts. */
export function todo(data) {
    const it = data.computed?.recommendation ?? {};
    const words = { description: 'Who that is', channel: 'Channel', offer: 'Offer', tone: 'Tone', contact_frequency: 'How often', perk: 'Perk', primary_kpi: 'Measured by', guardrail_kpi: 'Must not get worse' };
    const lists = { products: 'Products', tactics: 'Tactics' };
    return [
        ...Object.entries(words).filter(([key]) => it[key]).map(([key, word]) => [word, short(it[key], 300)]),
        ...Object.entries(lists).filter(([key]) => it[key]?.length > 0).map(([key, word]) => [word, list(it[key].map((entry) => short(entry, 80)))]),
    ];
}

// why

function reasons(data) {
    return (data.computed?.explain ?? []).filter((it) => isKnown(it.contribution) && it.contribution > 0).slice(0, mostShown);
}

const speaksFor = (it) => it.speaks_for !== null && it.speaks_for === it.segment;

/** Returns the height of the reasons for so many columns. */
export function whyHeight(n) {
    return barsHeight(Math.min(mostShown, n ?? 5));
}

/** Returns the option: what speaks for the segment to the right, what for the runner-up to the left. */
export function why(data, theme, { width } = {}) {
    const rows = reasons(data);
    const signed = rows.map((it) => (speaksFor(it) ? it.contribution : -it.contribution));
    const [own, next] = toldApart([rows[0]?.name ?? '', rows[0]?.runner_up_name ?? 'the next segment'], 24);
    return bars(rows.map((it) => `${label(data, it.feature)}: ${short(it.value ?? 'not known', 14)}`), [
        { name: `speaks for ${own}`, color: theme.accent, values: signed.map((value) => (value > 0 ? value : null)) },
        { name: `speaks for ${next}`, color: theme.bad, values: signed.map((value) => (value > 0 ? null : value)) },
    ], theme, { write: (value) => percent(Math.abs(value), 0), width });
}

/** Returns the sentence: why this segment and not the next one. */
export function whySentence(data) {
    if (!data.computed) return faulty;
    if (!placed(data)) return notPlaced;
    if (data.computed.explanation) return data.computed.explanation;
    const rows = data.computed.explain ?? [];
    if (rows.length === 0) return 'Somebody has decided by hand where this customer belongs.';
    const conditions = rows.filter((it) => it.condition);
    if (conditions.length > 0) return `A rule decides: ${list(conditions.slice(0, 4).map((it) => short(it.condition, 120)))}.`;
    if (!rows.some((it) => isKnown(it.contribution))) return 'Nothing tells this segment from another one: there is no runner-up.';
    const told = rows.filter(speaksFor).slice(0, 3).map((it) => `${label(data, it.feature)} ${saying(data, it)}`);
    const against = rows.find((it) => it.speaks_for !== null && !speaksFor(it));
    const contra = against ? `; ${label(data, against.feature)} speaks for ${segmentName({ name: against.runner_up_name, segment: against.runner_up })}` : '';
    return told.length > 0 ? `What speaks for ${segmentName(rows[0])}: ${list(told)}${contra}.` : `Little speaks for ${segmentName(rows[0])}${contra}.`;
}

function saying(data, it) {
    if (isKnown(it.value) && columnKind(data, it.feature) === 'numeric') {
        const write = (value) => columnValue(data, it.feature, value, 'numeric');
        return `${write(it.value)}${isKnown(it.segment_mean) ? `, usual there ${write(it.segment_mean)}` : ''}`;
    }
    return `${short(it.value ?? 'is not known', 40)}${unit(data, it.feature) ? ` ${short(unit(data, it.feature), 16)}` : ''}`;
}

/** Returns the reasons as a table. */
export function whyTable(data) {
    const rows = data.computed?.explain ?? [];
    return {
        columns: [{ label: 'Column' }, { label: 'Value' }, { label: 'Usual in the segment', kind: 'number' }, { label: 'Usual in the next', kind: 'number' }, { label: 'Usual in all', kind: 'number' },
            { label: 'Weight', kind: 'percent' }, { label: 'Speaks for' }, { label: 'Condition' }],
        rows: rows.map((it) => [label(data, it.feature, 200), it.value, it.segment_mean, it.runner_up_mean, it.overall_mean, it.contribution,
            it.speaks_for === null ? null : speaksFor(it) ? it.name : it.runner_up_name, it.condition]),
    };
}

// the nearest change

/** Returns the changes that move the customer, the nearest first. */
export function moves(data, state) {
    const own = placed(data);
    if (!own) return null;
    return nearest(probesOf(data, state), (own.changes ?? []).map((segment) => segmentOf(data, segment)), own.segment).map((it) => ({ ...it, now: valuesOf(data.customer_form, state)[it.feature] }));
}

function written(data, it, value) {
    if (value === null || value === undefined) return 'not known';
    const field = data.customer_form.find((row) => row.feature === it.feature);
    if (field.kind === 'time') return dateOf(value);
    return typeof value === 'number' ? columnValue(data, it.feature, value, 'numeric') : name(short(String(value), 40));
}

/** Returns the sentence: the least change that moves the customer, and where to. */
export function movesSentence(data, state) {
    if (!data.computed) return faulty;
    const rows = moves(data, state);
    if (rows === null) return notPlaced;
    if (rows.length === 0) return 'No change of a single value, within what the training has seen, moves this customer to another segment.';
    const [first] = rows;
    const far = isKnown(first.distance) ? ` ${first.distance < 0.01 ? 'Fewer than 1 %' : `About ${percent(first.distance, 0)}`} of the customers lie between.` : '';
    return `The nearest change: with ${label(data, first.feature)} ${written(data, first, first.value)} instead of ${written(data, first, first.now)} and all else alike, the customer would be in ${segmentName(first)}.${far}`
        + ' That is what the model would say, not what would happen if somebody brought the change about.';
}

/** Returns the changes as a table. */
export function movesTable(data, state) {
    return {
        columns: [{ label: 'Column' }, { label: 'Now', kind: 'word' }, { label: 'Would have to be', kind: 'word' }, { label: 'Then in' }, { label: 'Customers between', kind: 'percent' }],
        rows: (moves(data, state) ?? []).map((it) => [label(data, it.feature, 200), written(data, it, it.now), written(data, it, it.value), segmentLabel(it, 60), it.distance]),
    };
}

// what such a customer is worth

/** Returns what the last run of record_segment_value() says of a customer of the segment. */
export function worthOf(data) {
    const it = placed(data);
    return it ? data.value_history.last.find((row) => row.segment === it.segment) ?? null : null;
}

/** Returns the sentence: what a customer of the segment is worth, on average, beside all customers. */
export function worthSentence(data) {
    if (!data.computed) return faulty;
    const it = placed(data);
    if (!it) return notPlaced;
    const row = worthOf(data);
    const history = data.value_history;
    const write = history.kind === 'probability' ? number : (value) => exactAmount(data, value);
    if (!row || !isKnown(row.value_mean)) return `What a customer of the segment ${segmentName(it)} is worth is not known.`;
    const total = totalOf(history);
    const ends = isKnown(row.mean_low) ? `, between ${write(row.mean_low)} and ${write(row.mean_high)}` : '';
    const ratio = isKnown(total?.value_mean) && total.value_mean > 0 ? ` That is ${fixed(row.value_mean / total.value_mean, 1)} times the mean of all ${count(total.n)} customers whom the model of values knows, with a segment or without.` : '';
    return `A customer of the segment ${segmentName(it)} is worth ${write(row.value_mean)} on average${ends} (${worth(history)}).${ratio} Single customers lie far from their mean.`;
}


// what one customer is worth

/** What a model of purchases has to know of a customer: name in the address, what it is, and its bounds. */
export const purchases = [
    { key: 'orders', label: 'Days with an order so far', min: 1, max: 10000, isWhole: true },
    { key: 'days_since_first', label: 'Days since the first order', min: 0, max: 40000, isWhole: true },
    { key: 'days_since_last', label: 'Days since the last order', min: 0, max: 40000, isWhole: true },
    { key: 'average_order', label: 'Average order', min: 0, max: 1e12 },
];

/** Returns what the address says of the customer's orders, or null while something is missing or out of bounds. */
function ordersOf(state) {
    const read = purchases.map(({ key, min, max, isWhole }) => {
        const text = state[`o_${key}`];
        const value = Number(text);
        return text && Number.isFinite(value) && value >= min && value <= max && (!isWhole || Number.isInteger(value)) ? [key, value] : null;
    });
    return read.includes(null) ? null : Object.fromEntries(read);
}

/** Returns the request for what the customer is worth: by the orders that the reader states, or by the features of a model of a value. */
export function worthRequest(data, state) {
    const { kind, value_model: model } = data.value_history;
    if (kind === 'purchases') {
        const orders = ordersOf(state);
        return orders ? { path: '/compute/lifetime_value', body: JSON.stringify({ model, ...orders }) } : null;
    }
    if (faults(data.customer_form, state).length > 0) return null;
    return { path, body: `{"model":${JSON.stringify(data.about.name)},"customer":${customerText(data.customer_form, state)},"value_model":${JSON.stringify(model)}}` };
}

/** Returns {value, low, high, alive, purchases} of the customer, or null. */
function ownWorth(data) {
    const row = data.computed?.rows?.[0];
    if (row) return { value: row.lifetime_value, low: row.low, high: row.high, alive: row.alive, purchases: row.expected_purchases };
    const value = data.computed?.value;
    return value ? { value: value.predicted, low: value.low, high: value.high } : null;
}

/** Returns the sentence: what this customer is worth, and how sure that is. */
export function ownWorthSentence(data) {
    const { kind, value_model: model } = data.value_history;
    if (!data.computed) return kind === 'purchases' ? `State the orders of the customer so far, and the model of purchases “${short(model, 40)}” says what is still to come.` : faulty;
    const it = ownWorth(data);
    if (!it || !isKnown(it.value)) return `The model “${short(model, 40)}” does not tell what this customer is worth.`;
    if (kind === 'probability') return `The probability by the model “${short(model, 40)}” is ${percent(it.value)}.`;
    const ends = isKnown(it.low) && isKnown(it.high) ? `, with 90 % certainty between ${exactAmount(data, it.low)} and ${exactAmount(data, it.high)}` : '';
    if (kind === 'value') return `By the model “${short(model, 40)}” this customer is worth ${exactAmount(data, it.value)}${ends}.`;
    const there = isKnown(it.alive) ? ` The chance that the customer is still there is ${percent(it.alive)}, and ${fixed(it.purchases, 1)} orders are to be expected.` : '';
    return `A customer with such orders will bring ${exactAmount(data, it.value)} within the next year${ends}.${there}`;
}

/** Returns what the customer is worth as a table. */
export function ownWorthTable(data) {
    const it = ownWorth(data);
    const kind = data.value_history.kind === 'probability' ? 'percent' : 'money';
    return { columns: [{ label: 'Value', kind }, { label: 'Low', kind }, { label: 'High', kind }, { label: 'Still there', kind: 'percent' }, { label: 'Orders to come', kind: 'number' }],
        rows: it ? [[it.value, it.low, it.high, it.alive, it.purchases]] : [] };
}
