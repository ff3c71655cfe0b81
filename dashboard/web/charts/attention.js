// attention.js
//	  What must be decided or looked at now: conditions that fail, falls that are more than chance, customers of whom it is in doubt whether they are still there,
//	  alerts, promises that cannot be kept, experiments that can be decided.

import { label, segmentName } from '../facts.js';
import { count, isKnown, list, plural, short } from '../format.js';
import { openAlerts, told as toldAlert } from './alerts.js';
import { isLimited } from './capacity.js';
import { outcome } from './gate.js';
import { told } from './kpis.js';
import { atRisk } from './leaving.js';

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

function leavingItems(data) {
    return (data.value_at_risk ?? []).filter((it) => it.n_leaving > 0).slice(0, 1)
        .map((it) => ({ isGrave: false, page: 'business', what: 'In doubt', text: `${count(it.n_leaving)} of ${plural(it.n, 'customer')} of ${segmentName(it)} may order again, or may have left unnoticed${isKnown(it.leaving_at_risk) ? `: ${atRisk(data, it.horizon, it.leaving_at_risk)}` : ''}` }));
}

function alertItems(data) {
    // falls of a month and looks at experiments have lines of their own
    const open = openAlerts(data).filter((it) => it.kind !== 'kpi');
    const small = open.filter((it) => it.kind === 'trend');
    const together = small.length > 1 ? [{ isGrave: false, page: 'watch', what: 'Alert', text: `${plural(small.length, 'column')} have changed a little, and lastingly: ${list(small.slice(0, 4).map((it) => label(data, it.subject)))}. ${toldAlert(data, small[0]).todo}` }] : [];
    const others = small.length > 1 ? open.filter((it) => it.kind !== 'trend') : open;
    return [...others.map((it) => {
        const { what, todo } = toldAlert(data, it);
        return { isGrave: it.severity === 'critical', page: 'watch', what: 'Alert', text: `${what}. ${todo}` };
    }), ...together];
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
    const all = [...gateItems(data), ...kpiItems(data), ...leavingItems(data), ...alertItems(data), ...promiseItems(data), ...experimentItems(data)];
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
