// experiments.js
//	  The experiments of a model: what was compared, how far each is, and what came out.

import { amount, presentation } from '../facts.js';
import { change, count, date, isKnown, number, percent, plural, short, signed } from '../format.js';

export const verdictWords = {
    launch: '✓ launch',
    iterate: '! iterate',
    stop: '✗ stop',
    'keep running': '… keep running',
};

/** Returns the words of a verdict with its sign, or of a status where there is none. */
export function verdictOf(it) {
    if (it.decision) return verdictWords[it.decision] ?? it.decision;
    if (it.verdict) return verdictWords[it.verdict] ?? it.verdict;
    return it.status === 'planned' ? '○ planned' : it.status === 'ended' ? '– ended without a decision' : '… no look yet';
}

/** Returns an effect as it is measured: percentage points of a share, else the number, with its sign. */
export function effectOf(value, kind) {
    if (!isKnown(value)) return null;
    const text = kind === 'conversion' ? `${number(value * 100)} points` : number(value);
    return value > 0 ? `+${text}` : text;
}

/** Returns the reason of a verdict in plain words, without the effect at its end, which stands beside it in its unit: "gains: 0.027, interval 0.008 to 0.046". */
export function inWords(reason) {
    return reason?.replace('of the planned information is there', 'of the evidence that was planned for is there').replace(/: -?[\d.]+(?:e[-+]?\d+)?, interval \S+ to \S+$/, '') ?? null;
}

/** Returns a mean of a variant as it is measured. */
export function meanOf(value, kind) {
    if (!isKnown(value)) return null;
    return kind === 'conversion' ? percent(value) : number(value);
}

// what a metric measures is money where its name says so
const isMoney = (data, metric) => metric === presentation(data).value || /revenue|sales|spen[dt]|value|amount|margin|profit|turnover/i.test(metric);

/** Returns what an experiment has brought in so far as a sentence, or '' where nothing measures it; "data" tells the currency. */
export function gainSentence(data, it) {
    const gain = it.gain;
    if (!isKnown(gain?.gain) || !(gain.n > 0)) return '';
    const write = isMoney(data, gain.metric) ? (value) => amount(data, value) : number;
    const who = `The ${plural(gain.n, 'customer')} who got “${short(gain.variant, 40)}”`;
    const between = isKnown(gain.low) && isKnown(gain.high) ? `, between ${write(gain.low)} and ${write(gain.high)}` : '';
    const what = short(gain.metric, 40);
    if (isKnown(gain.low) && gain.low <= 0 && gain.high >= 0) return ` Whether ${who[0].toLowerCase()}${who.slice(1)} brought more or less “${what}” by it is not certain: ${write(gain.gain)}${between}.`;
    return ` ${who} brought ${write(Math.abs(gain.gain))} ${gain.gain < 0 ? 'less' : 'more'} “${what}” than they would have without it${between}.`;
}

/** Returns what a gain in money of so many customers leaves; null where it is not known. */
export function profitOf(gain, n, margin, each, fixed) {
    return isKnown(gain) ? gain * margin - each * n - fixed : null;
}

/** Returns what a gain in money leaves, by the margin and the costs that the model's presentation states, as {profit, low, high, cost, margin}; null where nothing is stated. */
function earned(data, gain) {
    const { margin, cost_per_customer: each, fixed_cost: fixed } = presentation(data);
    if (!isKnown(margin) || !(isKnown(each) || isKnown(fixed)) || !isMoney(data, gain.metric)) return null;
    const [profit, low, high] = [gain.gain, gain.low, gain.high].map((it) => profitOf(it, gain.n, margin, each ?? 0, fixed ?? 0));
    return { profit, low, high, cost: (each ?? 0) * gain.n + (fixed ?? 0), margin };
}

/** Returns in words whether an experiment has paid for itself so far, or '' where margin and costs are not stated. */
export function earnedSentence(data, it) {
    const found = isKnown(it.gain?.gain) && it.gain.n > 0 ? earned(data, it.gain) : null;
    if (!found) return '';
    const { profit, low, high, cost, margin } = found;
    const sure = !isKnown(low) ? '' : low > 0 ? ': it paid' : high < 0 ? ': it did not pay' : ': whether it paid is not certain';
    return ` At a margin of ${percent(margin, 0)} and a cost of ${amount(data, cost)} it ${profit < 0 ? 'lost' : 'earned'} ${amount(data, Math.abs(profit))}${isKnown(low) ? `, between ${amount(data, low)} and ${amount(data, high)}` : ''}${sure}.`;
}

/** Returns the experiment that was decided last, or undefined. */
export function lastDecided(rows) {
    return (rows ?? []).filter((it) => it.decision).sort((a, b) => String(b.decided_at).localeCompare(String(a.decided_at)))[0];
}

/** Returns the tile of the last campaign: what it has earned, or else brought in; null where no decided experiment measures it. */
export function campaignTile(data) {
    const it = lastDecided(data.experiments);
    const gain = it?.gain;
    if (!isKnown(gain?.gain) || !isMoney(data, gain.metric)) return null;
    const found = earned(data, gain) ?? { profit: gain.gain, low: gain.low, high: gain.high };
    const between = isKnown(found.low) ? `between ${amount(data, found.low)} and ${amount(data, found.high)}, ` : '';
    const value = signed(found.profit, (it) => amount(data, it));
    const note = `${between}“${short(it.experiment, 40)}”, ${found.cost === undefined ? 'before its cost' : 'after its cost'}`;
    // a large figure would be read as what was earned where nobody knows whether anything was
    return isKnown(found.low) && found.low <= 0 && found.high >= 0
        ? { label: 'Last campaign', value: '? unclear', rating: 'watch', note: `it may have ${found.cost === undefined ? 'brought in nothing' : 'lost money'}: ${value}, ${note}` }
        : { label: 'Last campaign', value, note };
}

/** Returns the sentence: what the last decided experiment says, or how many run. */
export function sentence(data) {
    const rows = data.experiments;
    const decided = lastDecided(rows);
    const running = rows.filter((it) => it.status === 'running' && !it.decision).length;
    const planned = rows.filter((it) => it.status === 'planned').length;
    const others = [running ? `${count(running)} without a decision ${running === 1 ? 'is' : 'are'} running` : null, planned ? `${count(planned)} ${planned === 1 ? 'is' : 'are'} planned` : null].filter(Boolean).join(', ');
    if (!decided) return `${plural(rows.length, 'experiment')}, none of which has decided yet${others ? `: ${others}` : ''}.`;
    const effect = decided.effect?.[0];
    const size = effect && isKnown(effect.difference)
        ? ` “${short(decided.metric, 40)}” changed by ${effectOf(effect.difference, decided.metric_kind)}${isKnown(effect.low) ? ` (between ${effectOf(effect.low, decided.metric_kind)} and ${effectOf(effect.high, decided.metric_kind)})` : ''}${isKnown(effect.lift) ? `, ${change(effect.lift)} against the control` : ''}.`
        : '';
    const end = decided.end_reason ? ` It was ended: ${short(decided.end_reason, 250).replace(/[.\s]+$/, '')}.` : '';
    return `“${short(decided.experiment, 60)}” decided on ${date(decided.decided_at)}: ${decided.decision}.${size}${gainSentence(data, decided)}${earnedSentence(data, decided)}${end}${others ? ` ${others[0].toUpperCase()}${others.slice(1)}.` : ''}`;
}

function gained(data, { gain }) {
    if (!isKnown(gain?.gain)) return null;
    const text = isMoney(data, gain.metric) ? amount(data, gain.gain) : number(gain.gain);
    return `${gain.gain > 0 ? '+' : ''}${text} (${short(gain.metric, 30)})`;
}

/** Returns the experiments as a table; "link" returns the address that shows one. */
export function table(data, state, link = () => undefined) {
    return {
        columns: [{ label: 'Experiment' }, { label: 'Status', kind: 'word' }, { label: 'Verdict', kind: 'word' }, { label: 'Compares' }, { label: 'Metric' }, { label: 'Effect' }, { label: 'Brought in' },
            { label: 'Customers', kind: 'count' }, { label: 'Looks', kind: 'word' }, { label: 'Started', kind: 'date' }, { label: 'Reason', kind: 'long' }],
        rows: data.experiments.map((it) => {
            const effect = it.effect?.[0];
            return [{ text: it.experiment, href: link(it.experiment) }, it.status, verdictOf(it), (it.variants ?? []).map((variant) => short(variant, 30)).join(', '), it.metric,
                isKnown(effect?.low) ? `${effectOf(effect.difference, it.metric_kind)} (${effectOf(effect.low, it.metric_kind)} to ${effectOf(effect.high, it.metric_kind)})` : effectOf(effect?.difference, it.metric_kind),
                gained(data, it), it.n_enrolled, it.n_looked > 0 ? `${count(it.n_looked)} (${count(it.n_looks)} planned)` : null, it.started_at, inWords(it.decision_reason ?? it.reason)];
        }),
    };
}
