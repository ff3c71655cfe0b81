// sizes.js
//	  The share of the customers that each segment had, month by month, or whenever the monitor ran.

import { segmentLabel, segmentName } from '../facts.js';
import { date, isKnown, percent, plural, signed } from '../format.js';
import { segmentColor, segmentDash } from '../theme.js';
import { largest, lines, mostLines } from './lines.js';

const last = (it) => it.share.at(-1);
const points = (value) => `${signed(value * 100, (it) => it.toFixed(1).replace('-', '−'))} points`;

/** Returns the option: a line for each segment; where another version was deployed stands an upright line. */
export function option(data, theme, { width } = {}) {
    const { runs, segments } = data.sizes;
    const rows = largest(segments, last).map((it) => ({ label: segmentLabel(it), color: segmentColor(it.segment, theme), dash: segmentDash(it.segment), values: it.share }));
    const fine = Math.max(...rows.flatMap((it) => it.values.filter(isKnown))) < 0.1;
    const marks = runs.map((run, i) => ({ run, i })).filter(({ run, i }) => i > 0 && run.version !== runs[i - 1].version).map(({ run, i }) => ({ at: i, label: `version ${run.version}` }));
    return lines(rows, runs.map((run) => date(run.at)), theme, { write: (value) => percent(value, fine ? 1 : 0), from: 0, width, marks });
}

/** Returns the sentence: what changed since the run before, and since training. */
export function sentence(data) {
    const { runs, segments } = data.sizes;
    const known = segments.filter((it) => isKnown(last(it)));
    if (known.length === 0) return 'The last run of the monitor could place no customer.';
    const since = (of) => known.filter((it) => isKnown(of(it))).map((it) => ({ ...it, by: last(it) - of(it) })).sort((a, b) => Math.abs(b.by) - Math.abs(a.by))[0];
    const before = runs.length > 1 ? since((it) => it.share.at(-2)) : null;
    const trained = since((it) => it.training_share);
    const told = [];
    const tell = (since, it) => told.push(Math.abs(it.by) < 0.0005 ? `since ${since} no segment has changed` : `since ${since} the share of ${segmentName(it)} has changed most: ${points(it.by)}, to ${percent(last(it))}`);
    if (before) tell(date(runs.at(-2).at), before);
    if (trained) tell('training', trained);
    const shown = segments.length > mostLines ? ` The chart has the ${mostLines} largest of ${plural(segments.length, 'segment')}; the table has all.` : '';
    return `${told.join('; ')}.${shown}`.replace(/^s/, 'S');
}

/** Returns the numbers as a table. */
export function table(data) {
    const { runs, segments } = data.sizes;
    return {
        columns: [{ label: 'Segment' }, { label: 'Training', kind: 'percent' }, ...runs.map((run) => ({ label: date(run.at), kind: 'percent' })), { label: 'Customers now', kind: 'count' }],
        rows: segments.map((it) => [segmentLabel(it), it.training_share, ...it.share, it.n.at(-1)]),
    };
}
