// what-if.js
//	  What the segments would be worth if something changed, and which assumption matters most.

import { exactAmount, amount, segmentLabel, segmentName } from '../facts.js';
import { change, date, isKnown, percent } from '../format.js';
import { bars, barsHeight } from './bars.js';

/** What the reader may change: name in the address, what it is, in which unit it is typed, and the key of what_if(). */
export const changes = [
    { key: 'n', label: 'Customers, %', scale: 100, min: -99, max: 1000, usual: 0 },
    { key: 'orders', label: 'Orders of a customer, %', scale: 100, min: -99, max: 1000, usual: 0 },
    { key: 'average_order', label: 'Average order, %', scale: 100, min: -99, max: 1000, usual: 0 },
    { key: 'price', label: 'Prices, %', scale: 100, min: -99, max: 1000, usual: 0 },
    { key: 'margin', label: 'Margin, points', scale: 100, min: -100, max: 100, usual: 0 },
    { key: 'churn', label: 'Customers who leave, points', scale: 100, min: -100, max: 100, usual: 0 },
    { key: 'cost', label: 'Cost of making it so', scale: 1, min: 0, usual: 0 },
];

/** What the reader assumes of things as they are. */
export const grounds = [
    { key: 'margin', label: 'Margin now, %', scale: 100, min: 0.001, max: 100, usual: 100 },
    { key: 'churn', label: 'Customers who leave in a month now, %', scale: 100, min: 0, max: 100, usual: 0 },
    { key: 'elasticity', label: 'Elasticity of orders to prices', scale: 1, min: -20, max: 0, usual: -1 },
    { key: 'periods', label: 'Months ahead', scale: 1, min: 1, max: 120, usual: 12 },
];

function read(text, { usual, scale, min = -Infinity, max = Infinity }) {
    if (text === undefined || text === '') return usual / scale;
    const value = Number(text);
    return Number.isFinite(value) && value >= min && value <= max ? value / scale : NaN;
}

/** Returns what holds now: the assumptions of the address, of the model's presentation, or the usual ones. */
export function ground(data, state) {
    return Object.fromEntries(grounds.map((it) => {
        const stated = it.key === 'margin' && isKnown(data.economics?.margin) ? { ...it, usual: data.economics.margin * 100 } : it;
        return [it.key, read(state?.[`now_${it.key}`], stated)];
    }));
}

/** Returns the reader's scenario as what_if() takes it, or null where a number is out of bounds. */
function scenario(state) {
    const typed = changes.map((it) => [it.key, read(state?.[`if_${it.key}`], it)]);
    if (typed.some(([, value]) => Number.isNaN(value))) return null;
    const moved = Object.fromEntries(typed.filter(([, value]) => value !== 0));
    return state?.if_segment ? { ...moved, segments: [Number(state.if_segment)] } : moved;
}

/** Returns the segments as they are, or none where no month of orders is kept. */
export function baseline(data, state) {
    const now = ground(data, state);
    return (data.economics?.segments ?? []).filter((it) => isKnown(it.n) && isKnown(it.orders) && isKnown(it.average_order))
        .map((it) => ({ segment: it.segment, name: it.name, n: it.n, orders: it.orders, average_order: it.average_order, margin: now.margin, churn: now.churn }));
}

function ready(now, churn) {
    return [
        { name: '10 % more customers', n: 0.1 },
        { name: '10 % more orders', orders: 0.1 },
        { name: 'orders 10 % larger', average_order: 0.1 },
        { name: 'prices 5 % higher', price: 0.05 },
        ...(churn >= 0.01 ? [{ name: 'a customer in 100 kept', churn: -0.01 }] : []),
    ];
}

function isUsable(now) {
    return !Object.values(now).some(Number.isNaN);
}

/** Returns the request for the scenarios, or null where a number is out of bounds. */
export function request(data, state) {
    const now = ground(data, state);
    const own = scenario(state);
    if (!isUsable(now) || own === null) return null;
    const scenarios = [{ name: 'yours', ...own }, ...ready(now, now.churn)];
    const options = { n_periods: now.periods, elasticity: now.elasticity };
    return { path: '/compute/what_if', body: JSON.stringify({ baseline: baseline(data, state), scenarios, options }) };
}

/** Returns the levers of the tornado: each a little lower and higher, as far as that is possible. */
export function levers(now) {
    const room = (low, high) => (low < 0 || high > 0 ? [low, high] : null);
    const all = {
        n: [-0.1, 0.1],
        orders: [-0.1, 0.1],
        average_order: [-0.1, 0.1],
        price: [-0.05, 0.05],
        margin: room(-Math.min(0.05, now.margin / 2), Math.min(0.05, 1 - now.margin)),
        churn: room(-Math.min(0.01, now.churn), Math.min(0.01, 1 - now.churn)),
    };
    return Object.fromEntries(Object.entries(all).filter(([, ends]) => ends));
}

/** Returns the request for the tornado, or null where a number is out of bounds. */
export function tornadoRequest(data, state) {
    const now = ground(data, state);
    if (!isUsable(now)) return null;
    return { path: '/compute/tornado', body: JSON.stringify({ baseline: baseline(data, state), levers: levers(now), options: { n_periods: now.periods, elasticity: now.elasticity } }) };
}

const totals = (data) => (data.computed?.rows ?? []).filter((it) => it.segment === null && it.name === null);
const isYours = (it) => it.scenario === 'yours';
const gain = (it) => it.net_change ?? it.change;

/** Returns the height of the scenarios' picture. */
export const height = barsHeight(6);

/** Returns the option: what each scenario changes, after its cost. */
export function option(data, theme, { width } = {}) {
    const rows = totals(data);
    const colors = rows.map((it) => (isYours(it) ? theme.accent : theme.noise));
    return bars(rows.map((it) => (isYours(it) ? 'your scenario' : it.scenario)), [{ name: 'change', color: theme.accent, colors, values: rows.map(gain) }], theme,
        { write: (value) => amount(data, value), width, legend: false, name: 'change of the value, less the cost' });
}

/** Returns the sentence: what the reader's scenario changes, and for which segment. */
export function sentence(data, state) {
    if (!data.computed) return 'A number below is outside of what is possible.';
    const now = ground(data, state);
    const rows = totals(data);
    const own = rows.find(isYours);
    const basis = `As it is, the segments bring ${amount(data, own.baseline_value)} within ${now.periods} months, by the orders of ${date(data.economics.from).replace(/^1 /, '')} to ${date(data.economics.to).replace(/^1 /, '')}`
        + `${now.margin === 1 ? ', with all revenue counted as margin' : ` and a margin of ${percent(now.margin, 0)}`}${now.churn === 0 ? ', and as if nobody left' : ''}.`;
    const segments = data.computed.rows.filter((it) => isYours(it) && it.segment !== null && it.change !== 0).sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
    const most = segments[0] ? `, most of it in ${segmentName(segments[0], 40)}` : '';
    if (!own.change && !own.cost) return `${basis} Change something, and see what it is worth.`;
    const size = isKnown(own.change_share) ? ` (${change(own.change_share)})` : '';
    const cost = own.cost > 0 ? `, and after its cost ${exactAmount(data, own.net_change)}` : '';
    return `${basis} Your scenario changes that by ${exactAmount(data, own.change)}${size}${cost}${most}.`;
}

/** Returns the scenarios as a table, segment by segment. */
export function table(data) {
    return {
        columns: [{ label: 'Scenario' }, { label: 'Segment' }, { label: 'As it is', kind: 'money' }, { label: 'Then', kind: 'money' }, { label: 'Change', kind: 'money' }, { label: 'Change, %', kind: 'change' },
            { label: 'Cost', kind: 'money' }, { label: 'Change less cost', kind: 'money' }],
        rows: (data.computed?.rows ?? []).map((it) => [isYours(it) ? 'your scenario' : it.scenario, it.segment === null ? 'All together' : segmentLabel(it), it.baseline_value, it.scenario_value, it.change, it.change_share, it.cost, it.net_change]),
    };
}

const leverWords = { n: 'customers', orders: 'orders of a customer', average_order: 'average order', price: 'prices', margin: 'margin', churn: 'customers who leave' };
const isPoints = (lever) => lever === 'margin' || lever === 'churn';

function ends({ lever, low_input: low, high_input: high }) {
    const write = (value) => (isPoints(lever) ? `${change(value, 0).replace(/[^\d]*%/, '')} points` : change(value, 0));
    return `${leverWords[lever] ?? lever} (${write(low)} to ${write(high)})`;
}

/** Returns the height of the tornado. */
export const tornadoHeight = barsHeight(6);

/** Returns the tornado: the change at the low and at the high end of each lever, the widest at the top. */
export function tornado(data, theme, { width } = {}) {
    const rows = data.computed?.rows ?? [];
    return bars(rows.map(ends), [
        { name: 'at the low end', color: theme.bad, values: rows.map((it) => it.low_change) },
        { name: 'at the high end', color: theme.accent, values: rows.map((it) => it.high_change) },
    ], theme, { write: (value) => amount(data, value), width, name: 'change of the value', overlap: true, labelWidth: Math.min(310, (width ?? 700) * 0.52) });
}

/** Returns the sentence: which assumption matters most. */
export function tornadoSentence(data) {
    const rows = data.computed?.rows ?? [];
    const [first, second] = rows;
    if (!first) return 'A number of the scenarios is outside of what is possible.';
    const words = (it) => leverWords[it.lever] ?? it.lever;
    const next = second ? `, and ${words(second)} next` : '';
    return `One assumption moves at a time. The value depends most on ${words(first)}${next}: within the ends shown, it differs by ${amount(data, first.swing)}.`;
}

/** Returns the tornado as a table. */
export function tornadoTable(data) {
    return {
        columns: [{ label: 'Assumption' }, { label: 'At the low end', kind: 'money' }, { label: 'At the high end', kind: 'money' }, { label: 'Between them', kind: 'money' }],
        rows: (data.computed?.rows ?? []).map((it) => [ends(it), it.low_change, it.high_change, it.swing]),
    };
}
