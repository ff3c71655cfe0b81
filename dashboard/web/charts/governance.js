// governance.js
//	  What is kept of single customers, who did what, and what the columns mean.

import { label } from '../facts.js';
import { count, date, list, name, plural, short } from '../format.js';

const nouns = { override: ['decision by hand', 'decisions by hand'], change: ['change'], enrolment: ['enrolment'], outcome: ['outcome'] };

/** Returns the sentence about personal data: how much names customers, how to be rid of it, and how many other kinds there are, whatever the number of versions that keep them. */
export function personalSentence(data) {
    const named = data.personal_data.filter((it) => it.is_named);
    const others = new Set(data.personal_data.filter((it) => !it.is_named).map((it) => it.kind)).size;
    return `${named.length === 0 ? 'Nothing that is kept names a customer.' : `Customers are named in ${list(named.map((it) => plural(it.n, ...(nouns[it.kind] ?? [it.kind]))))}; custseg.forget_customer() deletes those of one customer.`}`
        + `${others > 0 ? ` ${plural(others, 'more kind')} of data ${others === 1 ? 'has' : 'have'} values of single customers without saying whose they are.` : ''}`;
}

/** Returns personal data as a table. */
export function personalTable(data) {
    return {
        columns: [{ label: 'What' }, { label: 'How many', kind: 'count' }, { label: 'Version' }, { label: 'Names customers', kind: 'yes' }, { label: 'Why', kind: 'long' }, { label: 'How to be rid of it', kind: 'long' }],
        rows: data.personal_data.map((it) => [it.kind, it.n, it.version === null ? 'all' : String(it.version), it.is_named, it.reason, it.remedy]),
    };
}

/** Returns the sentence about what was done. */
export function auditSentence(data) {
    const [last] = data.audit;
    const who = new Set(data.audit.map((it) => it.made_by)).size;
    const n = data.audit.length;
    return `${n === 100 ? 'These are the last 100 actions' : `${plural(n, 'action')} ${n === 1 ? 'is' : 'are'} on record`}, by ${plural(who, 'role')}. The last was “${last.action.replaceAll('_', ' ')}” by ${short(last.made_by, 40)} on ${date(last.at)}.`;
}

/** Returns what was done as a table. */
export function auditTable(data) {
    return {
        columns: [{ label: 'When', kind: 'time' }, { label: 'What' }, { label: 'Who' }, { label: 'Version' }, { label: 'Of' }, { label: 'Why', kind: 'long' }],
        rows: data.audit.map((it) => [it.at, it.action.replaceAll('_', ' '), it.made_by, it.version === null ? null : String(it.version), it.subject, it.reason]),
    };
}

/** Returns the sentence about the meaning of columns: of how many features something is said, and of which nothing. */
export function dictionarySentence(data) {
    const features = data.dictionary.filter((it) => it.is_feature);
    const lacking = features.filter((it) => it.meaning === null);
    if (lacking.length === 0) return features.length === 0 ? 'These columns have been described.' : `${features.length === 1 ? 'The feature has' : `All ${count(features.length)} features have`} a description.`;
    const lackingNames = lacking.slice(0, 4).map((it) => label(data, it.column_name));
    return `${count(features.length - lacking.length)} of ${plural(features.length, 'feature')} ${features.length - lacking.length === 1 ? 'has' : 'have'} a description. It is lacking for ${list(lacking.length > 4 ? [...lackingNames, `${count(lacking.length - 4)} more`] : lackingNames)}; custseg.set_column_note() adds it.`;
}

/** Returns the meaning of columns as a table; what is said of none is no column. */
export function dictionaryTable(data) {
    const facts = [['meaning', 'Meaning', 'long'], ['unit', 'Unit'], ['range', 'Range'], ['source_system', 'From'], ['update_cadence', 'Updated'], ['owner', 'Who answers for it']].filter(([key]) => data.dictionary.some((it) => it[key] !== null));
    return {
        columns: [{ label: 'Column' }, ...facts.map(([, title, kind]) => ({ label: title, kind })), { label: 'Feature', kind: 'yes' }],
        rows: data.dictionary.map((it) => [it.column_name, ...facts.map(([key]) => it[key]), it.is_feature]),
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
    return `${history.length === 1 ? 'The only change' : `The last of ${plural(history.length, 'change')}`} of ${who}: ${kinds[last.kind] ?? last.kind} on ${date(last.at)}${last.kind === 'change' ? ` from ${place(last.from_segment, last.from_name)} to ${place(last.to_segment, last.to_name)}` : ''}. The reason: ${last.reason ?? 'none was given'}.`;
}

/** Returns the history of a customer as a table, the newest first; null where there is none, or none that the reader may see. */
export function historyTable(data) {
    if (!data.computed.history?.length) return null;
    return {
        columns: [{ label: 'When', kind: 'time' }, { label: 'What' }, { label: 'From' }, { label: 'To' }, { label: 'Version' }, { label: 'Why', kind: 'long' }],
        rows: data.computed.history.map((it) => [it.at, kinds[it.kind] ?? it.kind, place(it.from_segment, it.from_name), place(it.to_segment, it.to_name), it.version === null ? null : String(it.version), it.reason]),
    };
}

/** Returns the sentence about customers like one. */
export function similarSentence(data) {
    const { similar, customer } = data.computed;
    const [first] = similar;
    if (!first) return `There is no other customer like ${name(short(customer, 40))}.`;
    const shared = (first.shared ?? []).slice(0, 3).map((it) => label(data, it));
    return `Most like customer ${name(short(customer, 40))} is customer ${name(short(first.id, 40))}, in ${place(first.segment, first.name)}${shared.length > 0 ? `: the two are alike in ${list(shared)}` : ''}.`;
}

/** Returns customers like one as a table, the nearest first. */
export function similarTable(data) {
    const words = (columns) => (columns ?? []).map((it) => label(data, it)).join(', ') || null;
    return {
        columns: [{ label: 'Customer' }, { label: 'Segment' }, { label: 'Distance', kind: 'number' }, { label: 'Alike in', kind: 'long' }, { label: 'Differs in', kind: 'long' }],
        rows: data.computed.similar.map((it) => [it.id, place(it.segment, it.name), it.distance, words(it.shared), words(it.different)]),
    };
}
