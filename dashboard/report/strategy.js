// strategy.js
//	  What to do with each segment: what the playbook says, or else a suggestion, which says that it is one.
//
// A suggestion follows from the publication alone: what customers are worth beside the average, whether
// they still buy, and how long they have been customers.  Where none of that is known it does not guess.

import { atRisk } from '../web/charts/leaving.js';
import { amount, levelLabel } from '../web/facts.js';
import { count, fixed, isKnown, list, percent, short, toNumber } from '../web/format.js';
import { index, rowOf } from './publication.js';
import { called, capital, people } from './words.js';

// Columns that say how long ago a customer bought, and since when one is a customer, by the names under
// which shops have them; the same that descriptions know.
const recency = new Set(['recency', 'recency days', 'days since last', 'days since last order', 'days since last purchase']);
const tenure = new Set(['tenure', 'tenure days', 'tenure months']);

const words = (column) => String(column).replace(/_/g, ' ').toLowerCase();

/** Returns the mean of such a column in a segment, beside that of all customers, as {mean, ratio}; null when there is none. */
function measured(data, segment, columns) {
    const row = (data.profile ?? []).find((it) => it.segment === segment && columns.has(words(it.column_name)) && isKnown(it.mean));
    if (!row || !(toNumber(row.overall_mean) > 0)) return null;
    return { mean: row.mean, ratio: row.mean / row.overall_mean };
}

/** Returns words for of whom it is in doubt whether they are still there, and what is at risk with them, as a value model expects; none where it is not known. */
function leaving(data, value) {
    if (!(toNumber(value?.n_leaving) > 0) || !isKnown(value.leaving_at_risk)) return '';
    return `; ${count(value.n_leaving)} may have left unnoticed, and ${atRisk(data, value.horizon, value.leaving_at_risk)}`;
}

/** Returns the share of the customers in segments who are still expected to buy, or null. */
function aliveOfAll(data) {
    const known = (data.value ?? []).filter((it) => it.segment !== null && isKnown(it.alive) && it.n > 0);
    const n = known.reduce((sum, it) => sum + it.n, 0);
    return n > 0 ? known.reduce((sum, it) => sum + it.alive * it.n, 0) / n : null;
}

/** Returns what says that customers of a segment have stopped to buy, or are about to; null where nothing does. */
function absence(data, row) {
    const value = rowOf(data, 'value', row.segment);
    const all = aliveOfAll(data);
    if (isKnown(value?.alive) && all !== null && value.alive < 0.75 * all) return `${percent(value.alive, 0)} of them are still expected to buy, against ${percent(all, 0)} of the customers in all segments${leaving(data, value)}`;
    const last = measured(data, row.segment, recency);
    return last !== null && last.ratio >= 1.3 ? `they last bought ${fixed(last.mean)} days ago on average, ${fixed(last.ratio, 1)} times as long ago as all customers${leaving(data, value)}` : null;
}

/** The strategies, each with what it does, how one sees that it works, and what must not get worse. */
export const strategies = {
    protect: {
        name: 'Protect', goal: 'Keep them.',
        offer: 'Personal contact and first access to what is new. No discount: they buy without one.', cadence: 'Before they have to ask', kpi: 'Customers who buy again', guardrail: 'Margin for each order',
    },
    winBack: {
        name: 'Win back', goal: 'Bring them back.',
        offer: 'One clear reason to return, tied to what they bought, with an end date.', cadence: 'Two or three times, then stop', kpi: 'Customers who return', guardrail: 'Unsubscriptions',
    },
    grow: {
        name: 'Grow', goal: 'Raise what each of them brings.',
        offer: 'The product that goes with the last order, and a reason for one order more.', cadence: 'After each order', kpi: 'Value for each customer', guardrail: 'Returns',
    },
    welcome: {
        name: 'Welcome', goal: 'Lead them to a second order.',
        offer: 'A welcome in steps: how it works, what others like, a reason for the next order.', cadence: 'In the first weeks', kpi: 'Customers with a second order', guardrail: 'Cost for each new customer',
    },
    economise: {
        name: 'Economise', goal: 'Serve them at low cost.',
        offer: 'Automatic messages only; no calls, no print, no discount.', cadence: 'Seldom', kpi: 'Cost for each customer', guardrail: 'Value for each customer',
    },
    tailor: {
        name: 'Tailor', goal: 'Speak to what sets them apart.',
        offer: 'A message of their own, tested against the usual one.', cadence: 'As now', kpi: 'Response to the message', guardrail: 'Unsubscriptions',
    },
    examine: {
        name: 'Examine', goal: 'Understand them first.',
        offer: 'No campaign yet: look at single customers.', cadence: 'Not yet', kpi: 'Customers whose place is understood', guardrail: null,
    },
};

/** Returns the sentence for why a segment is to be treated so. */
function becauseOfValue(data, row, times) {
    const against = times < 0.95 ? `${percent(times, 0)} of the average` : times < 1.05 ? 'about the average' : `${fixed(times, 1)} times the average`;
    return `each of them brings ${amount(data, row.value_per_customer)}, ${against}`;
}

/** Returns {key, because} of the strategy that a segment's numbers suggest. */
export function suggest(data, row) {
    if (row.segment === 0) return { key: 'examine', because: 'these customers are in no segment' };
    if (row.is_small || !(row.n > 0)) return { key: 'examine', because: row.n > 0 ? `there are only ${count(row.n)} of them` : 'nobody is in the segment now' };
    const times = index(data, row);
    const left = absence(data, row);
    const since = measured(data, row.segment, tenure);
    if (times === null) return { key: 'tailor', because: 'what these customers are worth is not known' };
    if (left !== null) return times >= 0.5 ? { key: 'winBack', because: left } : { key: 'economise', because: `${becauseOfValue(data, row, times)}, and ${left}` };
    if (times >= 1.5) return { key: 'protect', because: becauseOfValue(data, row, times) };
    if (since !== null && since.ratio < 0.6) return { key: 'welcome', because: `they have been customers for ${percent(1 - since.ratio, 0)} less time than the average` };
    if (times >= 0.6) return { key: 'grow', because: becauseOfValue(data, row, times) };
    return { key: 'economise', because: becauseOfValue(data, row, times) };
}

/** Returns the rows of the profile that tell most of a segment, the first first. */
function telling(data, segment) {
    return (data.profile ?? []).filter((it) => it.segment === segment && isKnown(it.rank) && isKnown(it.difference)).sort((a, b) => a.rank - b.rank);
}

/** Returns an offer for customers whose value is not known: what they have more of than others, or the first thing in which they differ. */
function tailored(data, row) {
    const rows = telling(data, row.segment).slice(0, 5);
    const more = rows.filter((it) => it.difference > 0.2).slice(0, 2).map((it) => levelLabel(data, it, 40));
    if (more.length > 0) return `A message about ${list(more)}, of which they have more than others. Test it against the usual one.`;
    return rows.length > 0 ? `A message that does not rest on ${levelLabel(data, rows[0], 40)}, of which they have less than others. Test it against the usual one.` : strategies.tailor.offer;
}

/** Returns the level of a column of channels that most of a segment's customers have, with its share; null where none stands out. */
function usedMost(data, row) {
    const rows = (data.profile ?? []).filter((it) => it.segment === row.segment && /channel/.test(words(it.column_name)) && isKnown(it.share) && /^(?!\((?:null|other)\)$)(?!\d+$)/.test(it.level ?? '(null)') && it.difference > 0.1);
    const most = rows.sort((a, b) => b.share - a.share)[0];
    return most && most.share >= 0.4 ? `${short(most.level, 30)} (${percent(most.share, 0)} of them)` : null;
}

const isSet = (value) => value !== null && value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0);

/** Returns a text as a sentence: with a capital letter, and an end. */
function asSentence(text) {
    return capital(text.trim()).replace(/[^.!?…]$/u, '$&.');
}

/** Returns whether the playbook says what to do with a segment. */
export function hasAction(row) {
    return ['offer', 'channel', 'contact_frequency', 'products', 'tactics', 'perk'].some((key) => isSet(row.action?.[key]));
}

/** Returns all that a report says of what to do: {strategy, because, isSuggestion, offer, channel, cadence, kpi, guardrail, budgetShare, perk, perkCapacity, tone}. */
export function planOf(data, row) {
    const { key, because } = suggest(data, row);
    const strategy = strategies[key];
    const action = row.action ?? {};
    const joined = (it) => (Array.isArray(it) ? it.filter(isSet).join(', ') : it);
    if (!hasAction(row)) return { strategy, because, isSuggestion: true, offer: key === 'tailor' ? tailored(data, row) : strategy.offer, channel: key === 'examine' ? null : usedMost(data, row), cadence: strategy.cadence, kpi: strategy.kpi, guardrail: strategy.guardrail, budgetShare: toNumber(action.budget_share), perk: null, perkCapacity: null, tone: null };
    const offer = [action.offer, joined(action.tactics), joined(action.products) && `Products: ${joined(action.products)}`].filter(isSet).map(asSentence).join(' ');
    return {
        strategy, because, isSuggestion: false,
        offer: offer || (isSet(action.perk) ? action.perk : null),
        channel: isSet(action.channel) ? action.channel : null,
        cadence: isSet(action.contact_frequency) ? action.contact_frequency : null,
        kpi: isSet(action.primary_kpi) ? action.primary_kpi : null,
        guardrail: isSet(action.guardrail_kpi) ? action.guardrail_kpi : null,
        budgetShare: toNumber(action.budget_share),
        perk: isSet(action.perk) ? action.perk : null,
        perkCapacity: toNumber(action.perk_capacity),
        tone: isSet(action.tone) ? action.tone : null,
    };
}

/** The order in which actions are worth the most attention. */
const order = ['protect', 'winBack', 'grow', 'welcome', 'tailor', 'economise', 'examine'];

function actionFor(data, row) {
    const plan = planOf(data, row);
    const worth = isKnown(row.total_value) ? `, ${amount(data, row.total_value)}` : '';
    return { row, title: `${plan.strategy.name} ${called(row)}`, scope: `${people(row.n)}${worth}`, text: plan.offer ?? plan.strategy.offer, channel: plan.channel, because: plan.because, isSuggestion: plan.isSuggestion };
}

/** Returns what the health of the model asks for, or null. */
function repair(data) {
    const health = data.about.health;
    if (health?.verdict === 'broken') return { title: 'Repair the source', scope: 'before anything else', text: data.facts.monitor.verdict_reasons?.[0] ?? 'The source can no longer be read as in training.', because: null, isSuggestion: false };
    if (health?.retrain && health.urgency === 'high') return { title: 'Train the model again', scope: 'the urgency is high', text: data.facts.monitor.reasons?.[0] ?? 'The customers have changed.', because: null, isSuggestion: false };
    return null;
}

/** Returns what to decide where a perk is promised to more customers than it is there for, or null. */
function scarcity(data) {
    const over = (data.capacity ?? []).filter((it) => it.excess > 0).sort((a, b) => b.excess - a.excess)[0];
    if (!over) return null;
    return { title: `Decide who of ${called(over)} gets the perk`, scope: `${people(over.n)}, ${count(over.perk_capacity)} places`, text: `${over.perk ? `“${over.perk}” is` : 'The perk is'} promised to ${count(over.excess)} more than can have it.`, because: null, isSuggestion: false };
}

/** Returns the actions that matter most, "most" of them at most. */
export function actions(data, rows, most = 3) {
    const [first, ...rest] = rows;
    const rank = (row) => order.indexOf(suggest(data, row).key);
    const size = (row) => toNumber(row.total_value) ?? toNumber(row.n) ?? 0;
    const next = [...rest].sort((a, b) => rank(a) - rank(b) || size(b) - size(a)).map((row) => actionFor(data, row));
    // one action of each kind says more than three of one
    const kinds = new Set(first ? [suggest(data, first).key] : []);
    const varied = next.filter((it) => {
        const { key } = suggest(data, it.row);
        if (kinds.has(key) || key === 'examine') return false;
        kinds.add(key);
        return true;
    });
    return [repair(data), first && actionFor(data, first), scarcity(data), ...varied, ...next.filter((it) => !varied.includes(it))].filter(Boolean).slice(0, most);
}
