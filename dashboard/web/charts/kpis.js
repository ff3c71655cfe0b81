// kpis.js
//	  What the customers of each segment did month by month, and what fell.

import { amount, segmentLabel, segmentName } from '../facts.js';
import { change, date, isKnown, list, number, percent, plural } from '../format.js';
import { segmentColor, segmentDash } from '../theme.js';
import { largest, lines, mostLines } from './lines.js';

/** The measures that can be shown, each with how it is written. */
export const measures = {
    revenue_per_customer: { title: 'Revenue of a customer', kind: 'money', write: (data) => (value) => amount(data, value) },
    orders_per_customer: { title: 'Orders of a customer', kind: 'number', write: () => number },
    average_order: { title: 'Average order', kind: 'money', write: (data) => (value) => amount(data, value) },
    conversion: { title: 'Share who bought', kind: 'percent', write: () => (value) => percent(value) },
    retention: { title: 'Share of buyers who bought again the month after', kind: 'percent', write: () => (value) => percent(value) },
};

const kpiWords = { revenue: 'revenue of a customer', orders: 'orders of a customer', conversion: 'share who bought', retention: 'share who bought again' };

/** Returns the name of the measure that is shown: the one of the address, or the first that is known. */
export function measureOf(data, state) {
    if (Object.hasOwn(measures, state?.kpi ?? '')) return state.kpi;
    return Object.keys(measures).find((it) => data.kpis.segments.some((row) => row[it].some(isKnown))) ?? 'orders_per_customer';
}

const month = (value) => date(value).replace(/^1 /, '');

/** Returns the option: a line for each segment. */
export function option(data, theme, state = {}) {
    const key = measureOf(data, state);
    const rows = largest(data.kpis.segments, (it) => it.n.at(-1))
        .map((it) => ({ label: segmentLabel(it), color: segmentColor(it.segment, theme), dash: segmentDash(it.segment), values: it[key] }));
    return lines(rows, data.kpis.months.map(month), theme, { write: measures[key].write(data), from: 0, width: state.width });
}

/** Returns what a measure of a segment did, against when, and against all others. */
export function told(it) {
    const which = it.segment === null ? 'Customers without a segment' : segmentName(it);
    // in whole per cent, as what_changed() tells the same
    const whole = (value) => change(value, Math.abs(value) < 0.01 ? 1 : 0);
    const others = isKnown(it.change_others) ? `, all others ${whole(it.change_others)}` : '';
    return `${which}: ${kpiWords[it.kpi] ?? it.kpi} ${whole(it.change)} against ${month(it.reference_month)}${others}`;
}

// a month stands out that is so far from the usual one, as a share
const far = 0.25;
// and so many times as far as the middle one of so many months, which of few months says little: of months that differ by chance alone (normal, by
// 20 %) one stands out in 6 % of charts of 6 to 24 months at most
const often = (months) => 6 + 18 / months;

const median = (values) => {
    const sorted = [...values].sort((a, b) => a - b);
    return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** Returns the number of the month a year before the i-th, or null where it is not known. */
function yearBefore(months, values, i) {
    const [year, rest] = [Number(months[i].slice(0, 4)), months[i].slice(4)];
    const at = months.indexOf(`${year - 1}${rest}`);
    return at >= 0 && values[at] > 0 ? at : null;
}

/**
 * Returns the months in which the orders of a customer, of all segments together, were far from those of the usual month: [{month, change, since}], the farthest
 * first.  Where the month a year before is known, "change" is against that one, "since", and a month that is as it was then is the season and does not stand out.
 */
export function standingOut({ months, segments }) {
    const all = segments.find((it) => it.segment === null && it.name === 'total')?.orders_per_customer ?? [];
    const known = all.filter((it) => it > 0);
    // of fewer months nobody knows which is the usual one
    if (known.length < 6) return [];
    const usual = median(known);
    const spread = median(known.map((it) => Math.abs(it / usual - 1)));
    const least = Math.max(far, often(known.length) * spread);
    return months.map((at, i) => ({ at, i })).filter(({ i }) => isKnown(all[i]) && Math.abs(all[i] / usual - 1) >= least).map(({ at, i }) => {
        const before = yearBefore(months, all, i);
        return before === null ? { month: at, change: all[i] / usual - 1, since: null } : { month: at, change: all[i] / all[before] - 1, since: months[before] };
    }).filter((it) => Math.abs(it.change) >= far).sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
}

/** Returns in words which months stand out, two at most, or ''. */
function outstanding(data) {
    const found = standingOut(data.kpis).slice(0, 2);
    if (found.length === 0) return '';
    const words = found.map((it) => `${month(it.month)}, with ${percent(Math.abs(it.change), 0)} ${it.change < 0 ? 'fewer' : 'more'} orders of a customer than in ${it.since === null ? 'the usual month' : month(it.since)}`);
    const alone = found.filter((it) => it.since === null).map((it) => month(it.month));
    const season = alone.length > 0 ? ` The same month of the year before is not known for ${list(alone)}, so that it may be the season.` : '';
    return ` What stands out: ${list(words)}, of all segments together.${season}`;
}

/** Returns the sentence: what fell in the last month and for whom, which months stand out, and who is counted. */
export function sentence(data) {
    return `${lastMonth(data)}${outstanding(data)} Each month has the customers who were in the segment then, while values on other cards are of those of today.`;
}

function lastMonth(data) {
    const { months, changes, segments } = data.kpis;
    const fallen = (changes ?? []).filter((it) => it.rating === 'degraded');
    const watched = (changes ?? []).filter((it) => it.rating === 'watch');
    const shown = segments.filter((it) => it.segment !== null).length > mostLines ? ` The chart has the ${mostLines} largest segments; the table has all.` : '';
    if (fallen.length > 0) return `In ${month(months.at(-1))} ${plural(fallen.length, 'measure')} fell by more than chance explains. ${list(fallen.slice(0, 2).map(told))}.${shown}`;
    if (watched.length > 0) return `In ${month(months.at(-1))} nothing fell for certain; to be watched: ${told(watched[0])}.${shown}`;
    if (months.length < 2) return `${month(months[0])} is the first month that is kept, so that there is nothing to compare it with.${shown}`;
    return `In ${month(months.at(-1))} no segment bought less than chance explains.${shown}`;
}

/** Returns the numbers of the measure as a table. */
export function table(data, state) {
    const key = measureOf(data, state);
    const { kind } = measures[key];
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, ...data.kpis.months.map((it) => ({ label: month(it), kind }))],
        rows: data.kpis.segments.map((it) => [it.segment === null ? it.name : segmentLabel(it), it.n.at(-1), ...it[key]]),
    };
}
