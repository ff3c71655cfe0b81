// attention.js
//	  What must be decided or looked at now: conditions that fail, falls that are more than chance, alerts, promises that cannot
//	  be kept, experiments that can be decided.

import { segmentName } from '../facts.js';
import { count, list, plural, short } from '../format.js';
import { openAlerts } from './alerts.js';
import { isLimited } from './capacity.js';
import { outcome } from './gate.js';
import { told } from './kpis.js';

const most = 6;

/** Returns a text with a capital letter, and without the full stop that its end may have. */
const said = (text, length) => short(text[0].toUpperCase() + text.slice(1), length).replace(/[.\s]+$/, '');

function gateItems({ gate }) {
    const conditions = gate?.conditions ?? [];
    if (conditions.length === 0 || outcome(conditions) !== 'no-go') return [];
    const failed = conditions.filter((it) => it.state === 'fail');
    return [{ isGrave: true, page: 'experiments', what: 'Go or no-go', text: `No-go, because ${failed.length === 1 ? 'a condition fails' : `${plural(failed.length, 'condition')} fail`}: ${list(failed.slice(0, 2).map((it) => said(it.reason || it.condition, 160).replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())))}` }];
}

function kpiItems({ kpis }) {
    return (kpis?.changes ?? []).filter((it) => it.rating === 'degraded').slice(0, 2).map((it) => ({ isGrave: true, page: 'watch', what: 'Fall', text: told(it) }));
}

function alertItems(data) {
    // falls of a month and looks at experiments have lines of their own
    return openAlerts(data).filter((it) => it.kind !== 'kpi').map((it) => ({ isGrave: it.severity === 'critical', page: 'watch', what: 'Alert', text: said(it.message, 200) }));
}

function promiseItems({ capacity, gate }) {
    return (capacity ?? []).filter((it) => isLimited(it) && it.excess > 0).sort((a, b) => b.excess - a.excess).slice(0, 2)
        // a gate that fails for it has said so
        .filter(() => !(gate?.conditions ?? []).some((it) => it.condition === 'capacity' && it.state === 'fail'))
        .map((it) => ({ isGrave: false, page: 'business', what: 'Promise', text: `${it.perk ? `“${short(it.perk, 60)}”` : 'The perk'} of ${segmentName(it)} is there for ${count(it.perk_capacity)}, and ${count(it.excess)} more have been promised it` }));
}

function experimentItems({ experiments }) {
    return (experiments ?? []).filter((it) => !it.decision && ['launch', 'iterate', 'stop'].includes(it.verdict))
        .map((it) => ({ isGrave: false, page: 'experiments', what: 'Experiment', text: `“${short(it.experiment, 60)}” can be decided: ${it.verdict}` }));
}

/** Returns the items, the gravest first: {isGrave, page, what, text}; "page" is where more is told. */
export function attention(data) {
    const all = [...gateItems(data), ...kpiItems(data), ...alertItems(data), ...promiseItems(data), ...experimentItems(data)];
    return [...all.filter((it) => it.isGrave), ...all.filter((it) => !it.isGrave)];
}

/** Returns the items that are shown. */
export function shown(data) {
    return attention(data).slice(0, most);
}

/** Returns the sentence: how much there is. */
export function sentence(data) {
    const all = attention(data);
    if (all.length === 0) return 'Nothing: no condition fails, nothing fell by more than chance, no alert is open, and no promise is over its limit.';
    const grave = all.filter((it) => it.isGrave).length;
    const how = grave === 0 ? 'None is grave' : grave === all.length ? (grave === 1 ? 'It is grave' : 'All are grave') : `${count(grave)} ${grave === 1 ? 'is' : 'are'} grave`;
    return `${plural(all.length, 'thing')} to look at. ${how}.${all.length > most ? ` The ${count(most)} that matter most stand here.` : ''}`;
}

/** Returns all items as a table. */
export function table(data) {
    return {
        columns: [{ label: 'State', kind: 'word' }, { label: 'What' }, { label: 'Message', kind: 'long' }],
        rows: attention(data).map((it) => [it.isGrave ? '✗ act' : '! look', it.what, `${it.text}.`]),
    };
}
