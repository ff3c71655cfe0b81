// action.js
//	  What to do with a segment: the playbook's entry.

import { list, name, percent, plural } from '../format.js';
import { segmentLabel, segmentName, segments, selected } from '../facts.js';

const fields = [
    ['description', 'Meaning'], ['offer', 'Offer'], ['channel', 'Where to reach them'], ['contact_frequency', 'How often'], ['tone', 'How to speak'],
    ['products', 'Products'], ['tactics', 'Tactics'], ['primary_kpi', 'It works when'], ['guardrail_kpi', 'Must not get worse'],
    ['budget_share', 'Share of the budget'], ['perk', 'Perk'],
];

function write(key, action) {
    const value = action[key];
    if (key === 'budget_share') return percent(value);
    if (key === 'perk' && action.perk_capacity !== null && action.perk_capacity !== undefined) return `${name(value)} (for ${plural(action.perk_capacity, 'customer')} at most)`;
    return Array.isArray(value) ? value.map(name).join(', ') : name(value);
}

/** Returns what is set for a segment as {label, text}. */
export function facts(row) {
    const action = row?.action;
    if (!action) return [];
    return fields.filter(([key]) => action[key] !== null && action[key] !== undefined && action[key] !== '' && !(Array.isArray(action[key]) && action[key].length === 0))
        .map(([key, label]) => ({ label, text: write(key, action) }));
}

/** Returns the row of the segment that is chosen. */
export function chosen(data, state) {
    const segment = selected(data, state);
    return segments(data.summary).find((row) => row.segment === segment) ?? null;
}

/** Returns what is set for the chosen segment as a table. */
export function table(data, state) {
    const row = chosen(data, state);
    return { columns: [{ label: 'Segment' }, { label: 'What' }, { label: 'Action' }], rows: row ? facts(row).map((it) => [segmentLabel(row, 200), it.label, it.text]) : [] };
}

/** Returns the sentence: for how many segments something is set, and which have nothing. */
export function allSentence(data) {
    const rows = segments(data.summary).filter((row) => row.segment > 0);
    const open = rows.filter((row) => facts(row).length === 0);
    if (open.length === 0) return `There is something to do for ${rows.length === 1 ? 'the segment' : `each of ${plural(rows.length, 'segment')}`}.`;
    return `Nothing is set for ${list(open.slice(0, 4).map((row) => segmentName(row)))}${open.length > 4 ? ` and ${plural(open.length - 4, 'more segment')}` : ''}.`;
}

/** Returns what is set for all segments as a table. */
export function allTable(data) {
    const rows = segments(data.summary);
    return { columns: [{ label: 'Segment' }, { label: 'What' }, { label: 'Action' }], rows: rows.flatMap((row) => facts(row).map((it) => [segmentLabel(row, 200), it.label, it.text])) };
}
