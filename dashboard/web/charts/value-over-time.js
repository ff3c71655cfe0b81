// value-over-time.js
//	  How what the segments will be worth has changed from run to run.

import { largest, lines, mostLines } from './lines.js';
import { segmentLabel, segmentName } from '../facts.js';
import { change, date, isKnown, list, name, plural } from '../format.js';
import { segmentColor, segmentDash } from '../theme.js';
import { worth, writer } from './lifetime-value.js';

const last = (it) => it.value_sum.at(-1);
const when = (run) => date(run.as_of ?? run.at);

/** Returns the sentence. */
export function sentence(data) {
    const { segments, runs } = data.value_history;
    const changes = segments.filter((it) => it.segment !== null && isKnown(it.value_sum.at(0)) && isKnown(last(it)) && it.value_sum[0] > 0)
        .map((it) => ({ ...it, change: last(it) / it.value_sum[0] - 1 }))
        .sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
    const shown = segments.filter((it) => it.segment !== null).length > mostLines ? ` The chart has the ${mostLines} that are worth the most; the table has all.` : '';
    if (changes.length === 0) return `${plural(runs.length, 'run')} of the value model ${name(data.value_history.value_model)}.${shown}`;
    const told = changes.slice(0, 2).map((it) => `${segmentName(it)} by ${change(it.change)}`);
    return `Since ${when(runs[0])} the ${worth(data.value_history)} has changed most in ${list(told)}.${shown}`;
}

/** Returns the option. */
export function option(data, theme, { width } = {}) {
    const { segments, runs } = data.value_history;
    const rows = largest(segments, last).map((it) => ({ label: segmentLabel(it), color: segmentColor(it.segment, theme), dash: segmentDash(it.segment), values: it.value_sum, low: it.low, high: it.high }));
    return lines(rows, runs.map(when), theme, { write: writer(data), from: 0, width });
}

/** Returns the numbers as a table. */
export function table(data) {
    const kind = data.value_history.kind === 'probability' ? 'number' : 'money';
    const { segments, runs } = data.value_history;
    return {
        columns: [{ label: 'Segment' }, ...runs.map((run) => ({ label: when(run), kind }))],
        rows: segments.map((it) => [it.segment === null ? it.name : segmentLabel(it), ...it.value_sum]),
    };
}
