// alerts.js
//	  What the monitor, the experiments and the months have found: open alerts first, then those that have closed.

import { label, segmentName } from '../facts.js';
import { count, plural, short } from '../format.js';

const kinds = {
    data_quality: 'data quality',
    drift: 'drift of a column',
    drift_multivariate: 'drift of all columns together',
    segment_sizes: 'sizes of segments',
    silhouette: 'separation',
    mean_distance: 'distance to centers',
    calibration: 'predictions',
    trend: 'trend of a column',
    retraining: 'retraining',
    monitor: 'run of the monitor',
    experiment: 'experiment',
    kpi: 'KPI',
};

function subject(data, it) {
    if (/^\(.*\)$/.test(it.subject)) return it.subject.slice(1, -1);
    if (it.kind === 'segment_sizes') return segmentName(data.about.segments?.find((row) => String(row.segment) === it.subject) ?? { name: `segment ${it.subject}` });
    return label(data, it.subject);
}

/** Returns the open alerts, the gravest first. */
export function openAlerts(data) {
    return (data.alerts ?? []).filter((it) => !it.closed_at);
}

/** Returns the sentence: how many are open, and the gravest. */
export function sentence(data) {
    const open = openAlerts(data);
    const closed = data.alerts.length - open.length;
    if (open.length === 0) return `No alert is open. ${closed > 0 ? `${plural(closed, 'alert')} of the past ${closed === 1 ? 'has' : 'have'} closed.` : ''}`.trim();
    const critical = open.filter((it) => it.severity === 'critical').length;
    return `${plural(open.length, 'alert')} ${open.length === 1 ? 'is' : 'are'} open, ${open.length === 1 ? (critical ? 'and it is critical' : 'a warning') : critical === 0 ? 'all of them warnings' : critical === open.length ? 'all of them critical' : `${count(critical)} of them critical`}. ${open.slice(0, 2).map((it) => `${short(it.message[0].toUpperCase() + it.message.slice(1), 160)}.`).join(' ')}`;
}

/** Returns the alerts as a table. */
export function table(data) {
    return {
        columns: [{ label: 'State', kind: 'word' }, { label: 'What' }, { label: 'Of' }, { label: 'Message', kind: 'long' }, { label: 'First seen', kind: 'date' }, { label: 'Last seen', kind: 'date' }, { label: 'Runs', kind: 'count' }, { label: 'Closed', kind: 'date' }],
        rows: data.alerts.map((it) => [it.closed_at ? '– closed' : it.severity === 'critical' ? '✗ critical' : '! warning', kinds[it.kind] ?? it.kind, subject(data, it), it.message, it.first_seen, it.last_seen, it.n_seen, it.closed_at]),
    };
}
