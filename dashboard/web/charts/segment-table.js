// segment-table.js
//	  All segments with what they are worth, and how they have changed since the last publication.

import { hasValue, segmentLabel, segments } from '../facts.js';
import { date, isKnown, toNumber } from '../format.js';
import { address } from '../router.js';
import { segmentColor } from '../theme.js';

/** Returns the change of a segment's customers since the publication before, or null where that is not known. */
export function changeOf(data, row) {
    const before = data.previous?.summary?.find((it) => it.segment === row.segment);
    const [now, then] = [toNumber(row.n), toNumber(before?.n)];
    return now === null || then === null ? null : now - then;
}

/** Returns the table; with a theme and a state, names are links to the segment's page and have its colour. */
export function table(data, state = {}, theme = null) {
    const isValued = hasValue(data);
    const hasPrevious = Boolean(data.previous?.summary);
    const leaving = (data.value ?? []).filter((it) => isKnown(it.n_leaving));
    const rows = segments(data.summary).sort((a, b) => (isValued ? toNumber(b.value_share) - toNumber(a.value_share) : b.n - a.n));
    return {
        columns: [
            { label: 'Segment' }, { label: 'Customers', kind: 'count' }, { label: 'Share', kind: 'percent' },
            ...(hasPrevious ? [{ label: `Since ${date(data.previous.published_at).replace(/ \d+$/, '')}`, kind: 'signed' }] : []),
            ...(isValued ? [{ label: 'Value', kind: 'money' }, { label: 'Share of value', kind: 'percent' }, { label: 'A customer', kind: 'money' }] : []),
            ...(leaving.length > 0 ? [{ label: 'In doubt', kind: 'count' }] : []),
            { label: 'What to do', kind: 'long' },
        ],
        rows: rows.map((row) => [
            theme ? { text: segmentLabel(row, 60), href: address(data.about.name, 'segments', { segment: row.segment, at: state.at }), color: segmentColor(row.segment, theme) } : segmentLabel(row, 200),
            row.n, row.share,
            ...(hasPrevious ? [changeOf(data, row)] : []),
            ...(isValued ? [row.total_value, row.value_share, row.value_per_customer] : []),
            ...(leaving.length > 0 ? [leaving.find((it) => it.segment === row.segment)?.n_leaving ?? null] : []),
            inShort(row.action),
        ]),
    };
}

/** Returns an action in a few words, or null. */
export function inShort(action) {
    if (!action) return null;
    const words = [action.offer, action.channel && `by ${action.channel}`, action.contact_frequency].filter(Boolean);
    return words.length > 0 ? words.join(', ') : action.description ?? action.tactics?.join(', ') ?? null;
}
