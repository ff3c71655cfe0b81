// experiments.js
//	  The experiments of a model: what was compared, how far each is, and what came out.

import { change, count, date, isKnown, number, percent, plural, short } from '../format.js';

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

/** Returns a mean of a variant as it is measured. */
export function meanOf(value, kind) {
    if (!isKnown(value)) return null;
    return kind === 'conversion' ? percent(value) : number(value);
}

/** Returns the sentence: what the last decided experiment says, or how many run. */
export function sentence(data) {
    const rows = data.experiments;
    const decided = rows.filter((it) => it.decision).sort((a, b) => String(b.decided_at).localeCompare(String(a.decided_at)))[0];
    const running = rows.filter((it) => it.status === 'running' && !it.decision).length;
    const planned = rows.filter((it) => it.status === 'planned').length;
    const others = [running ? `${count(running)} without a decision ${running === 1 ? 'is' : 'are'} running` : null, planned ? `${count(planned)} ${planned === 1 ? 'is' : 'are'} planned` : null].filter(Boolean).join(', ');
    if (!decided) return `${plural(rows.length, 'experiment')}, none of which has decided yet${others ? `: ${others}` : ''}.`;
    const effect = decided.effect?.[0];
    const size = effect && isKnown(effect.difference)
        ? ` “${short(decided.metric, 40)}” changed by ${effectOf(effect.difference, decided.metric_kind)}${isKnown(effect.low) ? ` (between ${effectOf(effect.low, decided.metric_kind)} and ${effectOf(effect.high, decided.metric_kind)})` : ''}${isKnown(effect.lift) ? `, which is ${change(effect.lift)} of the control's` : ''}.`
        : '';
    const end = decided.end_reason ? ` It was ended: ${short(decided.end_reason, 250).replace(/[.\s]+$/, '')}.` : '';
    return `“${short(decided.experiment, 60)}” decided on ${date(decided.decided_at)}: ${decided.decision}.${size}${end}${others ? ` ${others[0].toUpperCase()}${others.slice(1)}.` : ''}`;
}

/** Returns the experiments as a table; "link" returns the address that shows one. */
export function table(data, state, link = () => undefined) {
    return {
        columns: [{ label: 'Experiment' }, { label: 'Status', kind: 'word' }, { label: 'Verdict', kind: 'word' }, { label: 'Compares' }, { label: 'Metric' }, { label: 'Effect' },
            { label: 'Customers', kind: 'count' }, { label: 'Looks', kind: 'word' }, { label: 'Started', kind: 'date' }, { label: 'Reason', kind: 'long' }],
        rows: data.experiments.map((it) => {
            const effect = it.effect?.[0];
            return [{ text: it.experiment, href: link(it.experiment) }, it.status, verdictOf(it), (it.variants ?? []).map((variant) => short(variant, 30)).join(', '), it.metric,
                isKnown(effect?.low) ? `${effectOf(effect.difference, it.metric_kind)} (${effectOf(effect.low, it.metric_kind)} to ${effectOf(effect.high, it.metric_kind)})` : effectOf(effect?.difference, it.metric_kind),
                it.n_enrolled, it.n_looked > 0 ? `${count(it.n_looked)} (${count(it.n_looks)} planned)` : null, it.started_at, it.decision_reason ?? it.reason];
        }),
    };
}
