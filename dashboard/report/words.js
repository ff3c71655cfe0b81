// words.js
//	  Sentences that a manager reads aloud: short, each with its numbers, none about what is not known.

import { earnedSentence, gainSentence, lastDecided } from '../web/charts/experiments.js';
import { told as fallen } from '../web/charts/kpis.js';
import { amount, hasValue, segmentName, withAmounts } from '../web/facts.js';
import { change, count, date, fixed, isKnown, list, percent, plural, short, toNumber } from '../web/format.js';
import { groups, index, ranked, totalCustomers, totalValue } from './publication.js';
import { cut } from './text.js';

/** Returns the text with a capital letter in front. */
export function capital(text) {
    return text.replace(/^([\u2066-\u2068]?)(\p{Ll})/u, (_, isolate, letter) => isolate + letter.toUpperCase());
}

const isNumbered = (row) => !row.name || row.name === `segment ${row.segment}`;

/** Returns the name of a segment within a sentence, cut to the width of some thirty letters. */
export function called(row) {
    return cut(segmentName(row, 60), 20, 1);
}

/** Returns the name of a segment at the beginning of a sentence. */
export function subject(row) {
    return capital(called(row));
}

/** Returns the verb that goes with a segment: names stand for customers, numbers for a segment. */
export function verb(row, forMany, forOne) {
    return isNumbered(row) || row.segment === 0 ? forOne : forMany;
}

/** Returns "n customers", or "1 customer". */
export const people = (n) => plural(n, 'customer');

/** Returns how the value of a segment's customer compares with the average one, or null. */
export function timesAverage(data, row) {
    const times = index(data, row);
    if (times === null) return null;
    if (times >= 0.95 && times < 1.05) return 'about as much as the average customer';
    return times >= 1.05 ? `${fixed(times, 1)} times as much as the average customer` : `${percent(times, 0)} of what the average customer brings`;
}

/** Returns the sentences about who carries the value; about sizes where the value is not known. */
export function whoCarries(data) {
    const rows = groups(data);
    if (rows.length === 0) return [`All ${people(totalCustomers(data))} are noise: the model found no segment.`];
    const [first] = rows;
    if (!hasValue(data)) {
        return [
            `${subject(first)} ${verb(first, 'are', 'is')} the largest of ${plural(rows.length, 'segment')}: ${count(first.n)} of ${people(totalCustomers(data))}, or ${percent(first.share)}.`,
            'What the customers are worth is not known: the model has no column of value.',
        ];
    }
    if (toNumber(first.value_share) === null) return [`${subject(first)} ${verb(first, 'bring', 'brings')} the most: ${amount(data, first.total_value)} from ${people(first.n)}.`];
    const told = [`${subject(first)} ${verb(first, 'are', 'is')} ${percent(first.share)} of the customers and ${verb(first, 'bring', 'brings')} ${percent(first.value_share)} of the value: ${amount(data, first.total_value)} of ${amount(data, totalValue(data))}.`];
    const times = timesAverage(data, first);
    if (times) told.push(`Each of them brings ${amount(data, first.value_per_customer)}, ${times}.`);
    return told;
}

/** Returns how few customers bring how much, or null. */
export function concentrationSentence(data) {
    const it = data.concentration;
    if (!isKnown(it?.top_10_share)) return null;
    const best = isKnown(it.top_1_share) ? `, and the most valuable 1${'\u00a0'}% bring ${percent(it.top_1_share)}` : '';
    return `The most valuable 10${'\u00a0'}% of the customers bring ${percent(it.top_10_share)} of the value${best}.`;
}

const states = {
    ok: 'The customers still look as they did when the model was trained.',
    watch: 'The customers begin to look different from those of the training.',
    drifted: 'The customers no longer look as they did when the model was trained.',
    broken: 'The source can no longer be read as it was in training; repair it before you rely on new numbers.',
    'insufficient data': 'There are too few customers to tell whether the model still fits.',
};

/** Returns {rating, word, sentences} about the health of the model, as far as it was watched. */
export function healthOf(data) {
    const health = data.about.health;
    if (!health) return { rating: 'unknown', word: 'not watched', sentences: ['Nobody has watched the model yet, so whether it still fits is not known.'] };
    const alerts = health.open_alerts === 0 ? 'No alert is open.' : `${plural(health.open_alerts, 'alert')} ${health.open_alerts === 1 ? 'is' : 'are'} open${health.critical_alerts > 0 ? `, ${count(health.critical_alerts)} of them critical` : ''}.`;
    const retrain = health.retrain === true ? `The advice is to train it again; the urgency is ${health.urgency}.` : health.retrain === false ? 'It need not be trained again now.' : null;
    return {
        rating: { ok: 'good', watch: 'watch', 'insufficient data': 'watch' }[health.verdict] ?? (health.verdict ? 'bad' : 'unknown'),
        word: health.verdict ?? 'could not be checked',
        sentences: [states[health.verdict] ?? `The last check, on ${date(health.last_run_at)}, did not go through.`, alerts, retrain].filter(Boolean),
    };
}

/** Returns what has changed since the publication before, as sentences; none when there was none. */
export function changesSince(data) {
    const then = data.previous?.summary;
    if (!Array.isArray(then)) return [];
    if (data.previous.version !== data.about.version) return [`The publication before, of ${date(data.previous.published_at)}, was of another version, and its segments are not compared.`];
    const moves = groups(data).map((row) => {
        const before = then.find((it) => it.segment === row.segment);
        return before && isKnown(before.n) && isKnown(row.n) ? { row, before: before.n, by: row.n - before.n } : null;
    }).filter(Boolean);
    if (moves.length === 0) return [];
    const since = `Since ${date(data.previous.published_at)}`;
    const up = moves.reduce((a, b) => (b.by > a.by ? b : a));
    const down = moves.reduce((a, b) => (b.by < a.by ? b : a));
    const share = (it) => (it.before > 0 ? ` (${change(it.by / it.before)})` : '');
    const told = [];
    if (up.by > 0) told.push(`${subject(up.row)} ${verb(up.row, 'have', 'has')} gained ${people(up.by)}${share(up)}`);
    if (down.by < 0) told.push(`${told.length > 0 ? called(down.row) : subject(down.row)} ${verb(down.row, 'have', 'has')} lost ${count(-down.by)}${share(down)}`);
    return told.length === 0 ? [`${since}, no segment has changed in size.`] : [`${since}: ${list(told)}.`];
}

/** Returns sentences about what fell by more than chance in the last month, two at most. */
export function fallsOf(data) {
    return (data.facts.falls ?? []).slice(0, 2).map((it) => `${fallen(it)}.`);
}

/** Returns a sentence about what the experiment that decided last has brought, or null. */
export function campaignOf(data) {
    const last = lastDecided(data.facts.experiments);
    const gain = last && gainSentence(data, last).trim();
    return gain ? `“${short(last.experiment, 40)}” was decided on ${date(last.decided_at)}: ${last.decision}. ${gain}${earnedSentence(data, last)}` : null;
}

/** Returns the sentence that describes who is in a segment, or why there is none. */
export function describe(data, row) {
    if (row.description) return withAmounts(data, row.description);
    if (row.is_small) return 'There are too few of them to tell what they have in common.';
    if (row.segment === 0) return 'These customers are in no segment: they are unlike any group, and unlike each other.';
    if (toNumber(row.n) === 0) return 'Nobody is in this segment now.';
    return 'Nothing sets them apart that the columns tell of.';
}

/** Returns a sentence about segments that a picture leaves out, or null. */
export function others(data, shown) {
    const rest = ranked(data).filter((row) => !shown.includes(row));
    if (rest.length === 0) return null;
    const sum = (key) => rest.reduce((total, row) => total + (toNumber(row[key]) ?? 0), 0);
    const value = hasValue(data) ? ` and ${percent(sum('value_share'))} of the value` : '';
    const what = rest.length === 1 ? `${subject(rest[0])} ${verb(rest[0], 'have', 'has')}` : `${plural(rest.length, 'more segment')} together have`;
    return `${what} ${percent(sum('share'))} of the customers${value}.`;
}
