// alerts.js
//	  What the monitor, the experiments and the months have found, in plain words, and what to do about it: open alerts first,
//	  then those that have closed.

import { columnKind, columnValue, label, segmentName } from '../facts.js';
import { count, list, plural, prose, sentenceOf, short } from '../format.js';

const watchIt = 'Ask what happened, such as a season, a campaign or an outage. If it stays so, have the model trained again';

// what an alert is about, and what to do
const kinds = {
    data_quality: ['data quality', 'Have the data mended where they are made; until then segments may be wrong'],
    drift: ['customers have changed', watchIt],
    drift_multivariate: ['customers have changed', watchIt],
    segment_sizes: ['sizes of segments', 'See under “Who moved” from where they came, and whether what is planned still fits so many'],
    silhouette: ['segments fit less well', 'Have the model trained again'],
    mean_distance: ['segments fit less well', 'Have the model trained again'],
    calibration: ['predictions do not hold', 'Do not rely on the predictions until the model is trained again'],
    trend: ['small, but lasting', 'Nothing to do now: the next training takes it in'],
    retraining: ['retraining', 'Have the model trained again'],
    monitor: ['the check failed', 'Tell the owner of the model: until it is mended, nobody is warned'],
    experiment: ['experiment', 'Look at the page Experiments before anything is decided by it'],
    kpi: ['less was bought', 'Find out why: see “What they bought, month by month”'],
};

// numbers of statistics in brackets, which may have intervals in brackets of their own, and be cut
const statistics = / \((?:PSI|KS|Hellinger|largest change of a share) (?:[^()]|\([^()]*\)?)*\)?/g;

/** Returns a finding without its statistics. */
export const plain = (text) => text.replace(statistics, '');

const rewritten = {
    trend: (it) => `${it.finding ? plain(it.finding).replace(/^a change that is certain, but small: /, '') : 'values differ from those of the training'}; ${it.message.includes('perhaps a small one') ? 'a small change' : 'a change'} that three checks or more have found`,
    silhouette: () => 'the segments are less clearly apart than in training',
    drift_multivariate: () => 'the columns together are not as they were in training',
    monitor: (it) => `the check has failed: ${it.message}`,
    retraining: (it, data) => it.message.replace(/^train again, urgency (\w+): /, 'a new training is asked for, and its urgency is $1: ')
        .replace(/(?<=of )(\d+) features drifted: ([^;]*)/, (_, n, names) => `${plural(n, 'column')} changed: ${list(names.split(', ').map((column) => label(data, column)))}`),
};

// what a finding says of the middle of a column: numbers without their unit
const middles = /the (?:median|middle half) is [^;(]*/g;

/** Returns a finding with the numbers of a column as pages write them: money with its currency, others with their unit. */
function inUnits(data, column, text) {
    if (columnKind(data, column) !== 'numeric') return text;
    return text.replace(middles, (words) => words.replace(/-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g, (value) => columnValue(data, column, value)));
}

function subject(data, it) {
    if (/^\(.*\)$/.test(it.subject)) return it.subject.slice(1, -1);
    if (it.kind === 'segment_sizes') return segmentName(data.about.segments?.find((row) => String(row.segment) === it.subject) ?? { name: `segment ${it.subject}` });
    return label(data, it.subject);
}

/** Returns an alert as {what, todo}, sentences without their full stop: what has happened, in plain words, and what to do. */
export function told(data, it) {
    const text = rewritten[it.kind]?.(it, data) ?? it.message;
    const begin = `feature ${it.subject}: `;
    // of a column that has a label, this stands for its name
    const isOfColumn = ['drift', 'trend', 'data_quality'].includes(it.kind) && !/^\(/.test(it.subject ?? '(');
    const named = isOfColumn ? `${subject(data, it)}: ${inUnits(data, it.subject, text.startsWith(begin) ? text.slice(begin.length) : text)}` : text;
    const what = prose(plain(named)).replace(/[.\s]+$/, '');
    return { what: short(what[0].toUpperCase() + what.slice(1), 240), todo: kinds[it.kind]?.[1] ?? 'Look at the page Watch' };
}

/** Returns the open alerts, the gravest first. */
export function openAlerts(data) {
    return (data.alerts ?? []).filter((it) => !it.closed_at);
}

/** Returns the sentence: how many are open, the gravest, and what to do. */
export function sentence(data) {
    const open = openAlerts(data);
    const closed = data.alerts.length - open.length;
    if (open.length === 0) return `No alert is open. ${closed > 0 ? `${plural(closed, 'alert')} of the past ${closed === 1 ? 'has' : 'have'} closed.` : ''}`.trim();
    const critical = open.filter((it) => it.severity === 'critical').length;
    const { what, todo } = told(data, open[0]);
    return `${plural(open.length, 'alert')} ${open.length === 1 ? 'is' : 'are'} open, ${open.length === 1 ? (critical ? 'and it is critical' : 'a warning') : critical === 0 ? 'all of them warnings' : critical === open.length ? 'all of them critical' : `${count(critical)} of them critical`}. ${what}. ${todo}.`;
}

/** Returns the alerts as a table. */
export function table(data) {
    return {
        columns: [{ label: 'State', kind: 'word' }, { label: 'What has happened', kind: 'long' }, { label: 'What to do', kind: 'long' }, { label: 'First seen', kind: 'date' }, { label: 'Last seen', kind: 'date' }, { label: 'Closed', kind: 'date' }, { label: 'About' }],
        rows: data.alerts.map((it) => {
            const { what, todo } = told(data, it);
            return [it.closed_at ? '– closed' : it.severity === 'critical' ? '✗ critical' : '! warning', sentenceOf(what), it.closed_at ? null : sentenceOf(todo), it.first_seen, it.last_seen, it.closed_at, kinds[it.kind]?.[0] ?? it.kind];
        }),
    };
}
