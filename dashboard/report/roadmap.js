// roadmap.js
//	  The way from a publication to results, in steps; dates only where they are given.

import { count, date, plural, short } from '../web/format.js';
import { groups } from './publication.js';
import { actions, hasAction } from './strategy.js';
import { called, people } from './words.js';

const day = 86400e3;

/** Returns the days of a step, counted from the start; null without one. */
function when(start, from, to) {
    if (!start) return null;
    const at = (n) => date(new Date(new Date(start).getTime() + n * day));
    return from === to ? at(from) : `${at(from)} to ${at(to)}`;
}

function experimentSteps(data) {
    const all = data.facts.experiments ?? [];
    const running = all.filter((it) => it.started_at && !it.ended_at);
    const decided = all.filter((it) => it.decision);
    return [
        ...decided.map((it) => ({ what: `Follow the decision on “${short(it.experiment, 40)}”.`, why: `It says ${it.decision}${it.decision_reason ? `: ${short(it.decision_reason, 160)}` : ''}.`, done: it.decision === 'launch' ? 'Those for whom it was shown to work get it.' : it.decision === 'stop' ? 'It no longer runs.' : 'The next variant is planned.', when: it.decided_at ? `decided on ${date(it.decided_at)}` : null })),
        ...running.map((it) => ({ what: `Let “${short(it.experiment, 40)}” run to its end.`, why: 'A look before its time tells less than it seems to.', done: 'It has a decision.', when: `running since ${date(it.started_at)}` })),
    ].slice(0, 4);
}

/** Returns the steps: {what, why, done, when}. */
export function steps(data, start = null) {
    const rows = groups(data);
    const bare = rows.filter((row) => !hasAction(row));
    const unnamed = rows.filter((row) => !row.name || row.name === `segment ${row.segment}`);
    const health = data.about.health;
    const list = [];
    if (health?.verdict === 'broken') list.push({ what: 'Repair the source.', why: 'It can no longer be read as in training.', done: 'The next check says ok.', days: [0, 4] });
    if (health?.retrain) list.push({ what: 'Train the model again.', why: `The urgency is ${health.urgency}.`, done: 'The new version is compared with this one and deployed.', days: [0, 6] });
    if (rows.length === 0) list.push({ what: 'Train again with other options.', why: 'The model found no segment.', done: 'There are segments to act on.', days: [0, 6] });
    if (unnamed.length > 0) list.push({ what: `Name ${unnamed.length === rows.length ? 'the segments' : plural(unnamed.length, 'segment')}.`, why: 'People act on names, not on numbers.', done: 'Everyone who works with them uses the names.', days: [0, 4] });
    if (bare.length > 0) list.push({ what: `Agree on the action for ${bare.length === rows.length ? 'each segment' : plural(bare.length, 'segment')}.`, why: 'The suggestions of this report are a beginning.', done: `The playbook has ${count(rows.length)} of ${count(rows.length)} actions.`, days: [0, 13] });
    const [first] = actions(data, rows, 4).filter((it) => it.row);
    const experiments = experimentSteps(data);
    if (first && experiments.length === 0) list.push({ what: `Test the first action on a part of ${called(first.row)}.`, why: `Keep a group of the ${people(first.row.n)} without it, or its effect will never be known.`, done: 'An experiment has decided.', days: [14, 41] });
    list.push(...experiments);
    if (first) list.push({ what: 'Roll out what worked.', why: 'Begin where an effect was shown.', done: 'All customers of those segments are reached.', days: [42, 69] });
    list.push({ what: health ? 'Keep watching, and publish every month.' : 'Watch the model every month, and publish.', why: 'Segments shift: last month’s list is not this month’s.', done: 'Each month has a publication and no open critical alert.', days: [28, 28] });
    return list.map(({ days, ...it }) => ({ ...it, when: it.when ?? (days ? when(start, ...days) : null) }));
}
