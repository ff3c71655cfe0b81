// gate.js
//	  What has to hold before a model is acted on, with evidence; and what was decided.

import { dash, date, list, plural, short } from '../format.js';
import { inWords } from './experiments.js';

// what a condition is called, where its own name is a term
const nameOf = (it) => (it.condition === 'latency' ? 'speed (latency)' : it.condition);
const signs = { pass: '✓ pass', fail: '✗ fail', unclear: '? unclear' };
const decisions = { go: 'go', hold: 'hold', 'no-go': 'no-go' };

/** Returns what the conditions come to, as decide() would say. */
export function outcome(conditions) {
    if (conditions.some((it) => it.state === 'fail')) return 'no-go';
    return conditions.every((it) => it.state === 'pass') ? 'go' : 'hold';
}

/** Returns the sentence: go, hold or no-go, and what stands in the way. */
export function sentence(data) {
    const { conditions, decisions: made } = data.gate;
    const failed = conditions.filter((it) => it.state === 'fail');
    const unclear = conditions.filter((it) => it.state === 'unclear');
    const names = (rows) => list(rows.slice(0, 4).map((it) => short(nameOf(it), 40)));
    const now = {
        go: `Go: all ${plural(conditions.length, 'condition')} hold.`,
        hold: `Hold: nothing fails, but ${plural(unclear.length, 'condition')} ${unclear.length === 1 ? 'is' : 'are'} not known: ${names(unclear)}.`,
        'no-go': `No-go: ${plural(failed.length, 'condition')} ${failed.length === 1 ? 'fails' : 'fail'}: ${names(failed)}.`,
    }[outcome(conditions)];
    const [last] = made ?? [];
    return `${now}${last ? ` The last decision, of ${date(last.decided_at)}, was ${decisions[last.decision] ?? last.decision}: ${short(last.reason, 200)}.` : ' Nothing has been decided yet.'}`;
}

/** Returns the conditions as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Condition' }, { label: 'State', kind: 'word' }, { label: 'Kind', kind: 'word' }, { label: 'Reason', kind: 'long' }, { label: 'Evidence' }],
        rows: data.gate.conditions.map((it) => [nameOf(it), signs[it.state] ?? it.state, it.kind, inWords(it.reason), inDays(it.evidence)]),
    };
}

/** Returns a text whose days, 2026-11-30, are written as pages write them. */
function inDays(text) {
    return text?.replace(/\b\d{4}-\d\d-\d\d\b/g, (day) => (date(day) === dash ? day : date(day))) ?? null;
}

/** Returns the conditions of a survey as a table. */
export function surveyTable(data) {
    return {
        columns: [{ label: 'Question' }, { label: 'State', kind: 'word' }, { label: 'Reason', kind: 'long' }, { label: 'Evidence' }, { label: 'Recorded', kind: 'date' }],
        rows: data.survey.map((it) => [it.condition === 'survey accuracy' ? 'Are customers in the segment where they would be?' : 'Are customers satisfied?', signs[it.state] ?? it.state, it.reason, it.evidence, it.set_at]),
    };
}

/** Returns the sentence of a survey. */
export function surveySentence(data) {
    const words = { pass: 'The segments fit', fail: 'The segments do not fit', unclear: 'The answers do not tell whether the segments fit' };
    const accuracy = data.survey.find((it) => it.condition === 'survey accuracy');
    const satisfaction = data.survey.find((it) => it.condition === 'survey satisfaction');
    return [accuracy ? `${words[accuracy.state] ?? accuracy.state}: ${accuracy.reason}.` : null, satisfaction ? `Of satisfaction: ${satisfaction.reason}.` : null].filter(Boolean).join(' ');
}
