// forecast.js
//	  How large the segments will be when customers go on to move as they did.

import { segmentLabel, segmentName } from '../facts.js';
import { date, isKnown, percent, plural } from '../format.js';
import { segmentColor, segmentDash } from '../theme.js';
import { largest, lines, mostLines } from './lines.js';

/** Returns the segments with what is expected of them, period by period: [{segment, name, share, low, high}], the first entry today. */
function bySegment(data) {
    const rows = [...data.forecast].sort((a, b) => a.period - b.period);
    const found = new Map();
    for (const it of rows) {
        const known = found.get(it.segment) ?? { segment: it.segment, name: it.name, share: [it.share_now], low: [it.share_now], high: [it.share_now] };
        known.share.push(it.share);
        known.low.push(it.low);
        known.high.push(it.high);
        found.set(it.segment, known);
    }
    return [...found.values()].sort((a, b) => a.segment - b.segment);
}

function times(data) {
    const periods = [...new Map(data.forecast.map((it) => [it.period, it.expected_at]))].sort(([a], [b]) => a - b);
    return ['now', ...periods.map(([period, at]) => (at ? date(at) : `period ${period}`))];
}

/** Returns the option: lines with their intervals. */
export function option(data, theme, { width } = {}) {
    const rows = largest(bySegment(data), (it) => it.share[0])
        .map((it) => ({ label: segmentLabel(it), color: segmentColor(it.segment, theme), dash: segmentDash(it.segment), values: it.share, low: it.low, high: it.high }));
    return lines(rows, times(data), theme, { write: (value) => percent(value, 0), from: 0, width });
}

/** Returns the sentence: what will change most. */
export function sentence(data) {
    const rows = bySegment(data).filter((it) => isKnown(it.share.at(-1)) && isKnown(it.share[0]))
        .sort((a, b) => Math.abs(b.share.at(-1) - b.share[0]) - Math.abs(a.share.at(-1) - a.share[0]));
    const [first] = rows;
    const { verdict, reason } = data.forecast[0];
    const doubt = verdict === 'ok' || !reason ? '' : ` ${reason[0].toUpperCase()}${reason.slice(1)}.`;
    const shown = rows.length > mostLines ? ` The chart has the ${mostLines} largest of ${plural(rows.length, 'segment')}.` : '';
    if (!first) return `No share could be forecast.${doubt}`;
    const end = times(data).at(-1);
    return `When customers go on to move as they did, the segment ${segmentName(first)} will have ${percent(first.share.at(-1))} of them by ${end}, between ${percent(first.low.at(-1))} and ${percent(first.high.at(-1))}; `
        + `it has ${percent(first.share[0])} now. New customers and seasons are not in it.${doubt}${shown}`;
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Period', kind: 'count' }, { label: 'Ends', kind: 'date' }, { label: 'Share now', kind: 'percent' }, { label: 'Share then', kind: 'percent' },
            { label: 'Low', kind: 'percent' }, { label: 'High', kind: 'percent' }, { label: 'Customers then', kind: 'count' }],
        rows: data.forecast.map((it) => [segmentLabel(it), it.period, it.expected_at, it.share_now, it.share, it.low, it.high, it.n]),
    };
}
