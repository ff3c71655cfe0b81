// effects.js
//	  What an experiment did to the customers of each segment, with intervals.

import { segmentLabel, segmentName } from '../facts.js';
import { isKnown, list, short } from '../format.js';
import { segmentColor } from '../theme.js';
import { effectOf, meanOf, verdictWords } from './experiments.js';
import { intervals, intervalsHeight } from './intervals.js';

/** Returns the metric that is shown: the one of the address, or the primary one. */
export function metricOf(data, state) {
    const { metrics } = data.experiment;
    return metrics.find((it) => it.metric === state?.metric) ?? metrics.find((it) => it.role === 'primary') ?? metrics[0];
}

/** Returns the variant that is compared with the control: the one of the address, or the first. */
export function variantOf(data, state) {
    const others = data.experiment.variants.slice(1).map((it) => it.variant);
    return others.includes(state?.variant) ? state.variant : others[0];
}

/** Returns the lines of a metric and a variant: all together first, then the segments. */
export function linesOf(data, state) {
    const { metric } = metricOf(data, state);
    const variant = variantOf(data, state);
    return (data.experiment.lines ?? []).filter((it) => it.metric === metric && it.variant === variant)
        .sort((a, b) => (a.segment ?? -1) - (b.segment ?? -1));
}

/** Returns the height of the picture for so many segments. */
export function height(n) {
    return Math.max(280, intervalsHeight((n ?? 4) + 1));
}

/** Returns the option: all together and each segment, around the line of no effect. */
export function option(data, theme, state = {}) {
    const { kind } = metricOf(data, state);
    const rows = linesOf(data, state).map((it) => ({
        label: it.segment === null ? 'All together' : segmentLabel(it),
        value: it.difference,
        low: it.low,
        high: it.high,
        color: it.segment === null ? theme.all : segmentColor(it.segment, theme),
    }));
    return intervals(rows, theme, { write: (value) => effectOf(value, kind) ?? '0', lines: [{ at: 0, label: 'no effect' }], name: 'effect', width: state.width });
}

/** Returns the sentence: for whom it works, for whom it does not, and whether segments differ. */
export function sentence(data, state) {
    const metric = metricOf(data, state);
    const rows = linesOf(data, state);
    const all = rows.find((it) => it.segment === null);
    if (!all) return `No look has measured “${short(metric.metric, 40)}” yet.`;
    const segments = rows.filter((it) => it.segment !== null);
    const isGood = (it) => isKnown(it.low) && (metric.direction === 'down' ? it.high < 0 : it.low > 0);
    const isBad = (it) => isKnown(it.low) && (metric.direction === 'down' ? it.low > 0 : it.high < 0);
    const total = `“${short(variantOf(data, state), 40)}” changes “${short(metric.metric, 40)}” by ${effectOf(all.difference, metric.kind) ?? 'an unknown amount'} in all${isKnown(all.low) ? `, between ${effectOf(all.low, metric.kind)} and ${effectOf(all.high, metric.kind)}` : ''}.`;
    const names = (of) => list(segments.filter(of).slice(0, 4).map((it) => segmentName(it, 40)));
    const told = [segments.some(isGood) ? `It works in ${names(isGood)}` : null, segments.some(isBad) ? `it harms in ${names(isBad)}` : null].filter(Boolean);
    const rest = segments.filter((it) => !isGood(it) && !isBad(it));
    if (rest.length > 0) told.push(`in ${rest.length > 4 ? `${rest.length} segments` : names((it) => rest.includes(it))} no effect is shown`);
    const differ = isKnown(all.heterogeneity_p_value) && all.heterogeneity_p_value < 0.05 ? ' The segments differ by more than chance explains.' : '';
    const text = told.length > 0 ? ` ${told.join('; ')}.` : '';
    return `${total}${text.replace(/^ i/, ' I')}${differ}`;
}

/** Returns the numbers as a table: every metric of the look. */
export function table(data) {
    const kinds = new Map(data.experiment.metrics.map((it) => [it.metric, it.kind]));
    const left = data.experiment.n_left_out;
    const rows = (data.experiment.lines ?? []).map((it) => {
        const kind = kinds.get(it.metric);
        return [it.metric, it.role, it.variant, it.segment === null ? 'All together' : segmentLabel(it), it.n_control, it.n_treatment, meanOf(it.mean_control, kind), meanOf(it.mean_treatment, kind),
            effectOf(it.difference, kind), effectOf(it.low, kind), effectOf(it.high, kind), it.lift, it.p_adjusted, verdictWords[it.verdict] ?? it.verdict ?? it.rating];
    });
    return {
        columns: [{ label: 'Metric' }, { label: 'Role', kind: 'word' }, { label: 'Variant' }, { label: 'Segment' }, { label: 'Control', kind: 'count' }, { label: 'Variant', kind: 'count' }, { label: 'Mean, control', kind: 'word' },
            { label: 'Mean, variant', kind: 'word' }, { label: 'Effect', kind: 'word' }, { label: 'Low', kind: 'word' }, { label: 'High', kind: 'word' }, { label: 'Lift', kind: 'change' }, { label: 'Chance alone (p)', kind: 'p' }, { label: 'Verdict', kind: 'word' }],
        rows: left > 0 ? [...rows, [`… and ${left} lines more in custseg.experiment_look_metric`, ...Array(13).fill(null)]] : rows,
    };
}
