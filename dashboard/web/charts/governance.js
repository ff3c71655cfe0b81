// governance.js
//	  What is kept of single customers, who did what, and what the columns mean.

import { label } from '../facts.js';
import { count, date, list, name, plural, short } from '../format.js';

const nouns = { override: ['decision by hand', 'decisions by hand'], change: ['change'], enrolment: ['enrolment'], outcome: ['outcome'] };

/** Returns the sentence about personal data: how much names customers, and how to be rid of it. */
export function personalSentence(data) {
    const named = data.personal_data.filter((it) => it.is_named);
    const rest = data.personal_data.length - named.length;
    return `${named.length === 0 ? 'Nothing that is kept names a customer.' : `What names customers: ${list(named.map((it) => plural(it.n, ...(nouns[it.kind] ?? [it.kind]))))}; custseg.forget_customer() deletes what there is of one.`}`
        + `${rest > 0 ? ` ${plural(rest, 'more kind')} of data ${rest === 1 ? 'has' : 'have'} values of single customers without saying whose they are.` : ''}`;
}

/** Returns personal data as a table. */
export function personalTable(data) {
    return {
        columns: [{ label: 'What' }, { label: 'Version' }, { label: 'How many', kind: 'count' }, { label: 'Names customers', kind: 'yes' }, { label: 'Why', kind: 'long' }, { label: 'How to be rid of it', kind: 'long' }],
        rows: data.personal_data.map((it) => [it.kind, it.version === null ? 'all' : String(it.version), it.n, it.is_named, it.reason, it.remedy]),
    };
}

/** Returns the sentence about what was done. */
export function auditSentence(data) {
    const [last] = data.audit;
    const who = new Set(data.audit.map((it) => it.made_by)).size;
    return `${data.audit.length === 100 ? 'The last 100 things' : plural(data.audit.length, 'thing')} that ${plural(who, 'role')} did. The last: ${short(last.made_by, 40)}, ${last.action.replaceAll('_', ' ')}, on ${date(last.at)}.`;
}

/** Returns what was done as a table. */
export function auditTable(data) {
    return {
        columns: [{ label: 'When', kind: 'time' }, { label: 'Who' }, { label: 'What' }, { label: 'Version' }, { label: 'Of' }, { label: 'Why', kind: 'long' }],
        rows: data.audit.map((it) => [it.at, it.made_by, it.action.replaceAll('_', ' '), it.version === null ? null : String(it.version), it.subject, it.reason]),
    };
}

/** Returns the sentence about the meaning of columns: of how many features something is said, and of which nothing. */
export function dictionarySentence(data) {
    const features = data.dictionary.filter((it) => it.is_feature);
    const lacking = features.filter((it) => it.meaning === null);
    if (lacking.length === 0) return features.length === 0 ? 'The columns that somebody has described.' : `It is said of ${features.length === 1 ? 'the feature' : `all ${count(features.length)} features`} what ${features.length === 1 ? 'it means' : 'they mean'}.`;
    return `Of ${count(features.length - lacking.length)} of ${plural(features.length, 'feature')} it is said what they mean. Lacking: ${list(lacking.slice(0, 4).map((it) => label(data, it.column_name)))}${lacking.length > 4 ? ` and ${count(lacking.length - 4)} more` : ''}. Their meaning is set with custseg.set_column_note().`;
}

/** Returns the meaning of columns as a table; what is said of none is no column. */
export function dictionaryTable(data) {
    const facts = [['meaning', 'Meaning', 'long'], ['unit', 'Unit'], ['range', 'Range'], ['source_system', 'From'], ['update_cadence', 'Updated'], ['owner', 'Who answers for it']].filter(([key]) => data.dictionary.some((it) => it[key] !== null));
    return {
        columns: [{ label: 'Column' }, { label: 'Feature', kind: 'yes' }, ...facts.map(([, title, kind]) => ({ label: title, kind }))],
        rows: data.dictionary.map((it) => [it.column_name, it.is_feature, ...facts.map(([key]) => it[key])]),
    };
}

const kinds = { change: 'moved', override: 'placed by hand', exclusion: 'excluded by hand', 'end of override': 'no longer placed by hand', 'end of exclusion': 'no longer excluded' };
const place = (segment, its) => (segment === null ? 'no segment' : its ? short(its, 60) : `segment ${segment}`);

/** Returns a request about the customer who was looked up; null when nobody was. */
export const customerRequest = (what) => (data, state) => (state.customer ? { path: `/api/models/${encodeURIComponent(data.about.name)}/customers/${encodeURIComponent(state.customer)}/${what}` } : null);

/** Returns why nothing is told of a single customer, or null. */
export const nobody = (data, state) => (state.customer ? null : { why: 'It is told of a customer who is looked up by key, in the card “A customer”, where the administrator has named the source (CUSTSEG_LOOKUPS).' });

/** Returns the sentence about the history of a customer. */
export function historySentence(data) {
    const { history, customer } = data.computed;
    const who = `customer ${name(short(customer, 40))}`;
    if (history === null) return `Only a role that owns the model may read the history of ${who}.`;
    if (history.length === 0) return `Nothing is kept of ${who}: the customer has not moved since custseg.track_changes() was called, or it never was.`;
    const [last] = history;
    return `The last of ${plural(history.length, 'change')} of ${who}: ${kinds[last.kind] ?? last.kind} on ${date(last.at)}${last.kind === 'change' ? ` from ${place(last.from_segment, last.from_name)} to ${place(last.to_segment, last.to_name)}` : ''}. The reason: ${last.reason ?? 'nobody has said it'}.`;
}

/** Returns the history of a customer as a table, the newest first. */
export function historyTable(data) {
    return {
        columns: [{ label: 'When', kind: 'time' }, { label: 'What' }, { label: 'From' }, { label: 'To' }, { label: 'Version' }, { label: 'Why', kind: 'long' }],
        rows: (data.computed.history ?? []).map((it) => [it.at, kinds[it.kind] ?? it.kind, place(it.from_segment, it.from_name), place(it.to_segment, it.to_name), it.version === null ? null : String(it.version), it.reason]),
    };
}

/** Returns the sentence about customers like one. */
export function similarSentence(data) {
    const { similar, customer } = data.computed;
    const [first] = similar;
    if (!first) return `There is no other customer like ${name(short(customer, 40))}.`;
    const shared = (first.shared ?? []).slice(0, 3).map((it) => label(data, it));
    return `Most like customer ${name(short(customer, 40))} is ${name(short(first.id, 40))}, of ${place(first.segment, first.name)}${shared.length > 0 ? `: alike in ${list(shared)}` : ''}.`;
}

/** Returns customers like one as a table, the nearest first. */
export function similarTable(data) {
    const words = (columns) => (columns ?? []).map((it) => label(data, it)).join(', ') || null;
    return {
        columns: [{ label: 'Customer' }, { label: 'Segment' }, { label: 'Distance', kind: 'number' }, { label: 'Alike in', kind: 'long' }, { label: 'Differs in', kind: 'long' }],
        rows: data.computed.similar.map((it) => [it.id, place(it.segment, it.name), it.distance, words(it.shared), words(it.different)]),
    };
}
