// journey.js
//	  How the customers of a segment go from step to step, and how many come to the end of a funnel.

import { distinct, segmentLabel, segmentName, segmentOf, selected } from '../facts.js';
import { count, list, percent, plural, short } from '../format.js';
import { segmentColor } from '../theme.js';
import { flows } from './flows.js';
import { intervals, intervalsHeight } from './intervals.js';

const nothing = 'nothing more';
const step = (text) => (text === null ? nothing : short(text, 30));
const of = (rows, data, state) => rows.filter((it) => it.segment === selected(data, state));
const called = (data, state) => segmentName(segmentOf(data, selected(data, state)));

/** Returns why nothing is shown of the chosen segment, or null. */
export const missing = (part) => (data, state) => (of(data[part], data, state).length > 0 ? null : { why: `Of ${called(data, state)} nothing is told: its customers have no steps, or they are too few.` });

/** Returns the moves of the chosen segment, and its ends, which lead to nothing; those of a step together. */
function moves(data, state) {
    const rows = of(data.journey, data, state).filter((it) => it.kind === 'next' || it.kind === 'end');
    const n = (name) => rows.filter((it) => it.from_step === name).reduce((sum, it) => sum + it.n, 0);
    const steps = distinct(rows, 'from_step').sort((a, b) => n(b) - n(a));
    return { steps, rows: steps.flatMap((name) => rows.filter((it) => it.from_step === name)) };
}

/** Returns the option: a step on the left, what came next on the right. */
export function option(data, theme, state) {
    const { steps, rows } = moves(data, state);
    const after = distinct(rows, 'to_step').sort((a, b) => (a === null) - (b === null) || (steps.indexOf(a) + 1 || 99) - (steps.indexOf(b) + 1 || 99));
    const node = (name) => ({ key: name, text: step(name), color: name === null ? theme.noise : segmentColor(steps.indexOf(name) + 1 || steps.length + 1, theme) });
    return flows(rows.map((it) => ({
        from: it.from_step, to: it.to_step, n: it.n,
        text: `${step(it.from_step)} → ${step(it.to_step)}\n${count(it.n)} times, ${percent(it.share)} of those after ${step(it.from_step)}`,
    })), steps.map(node), after.map(node), 'times', theme, state);
}

/** Returns the sentence: how customers begin, what comes next, and where most come to an end. */
export function sentence(data, state) {
    const its = of(data.journey, data, state);
    const top = (kind, key = 'n') => its.filter((it) => it.kind === kind && !it.is_loop).sort((a, b) => b[key] - a[key]).slice(0, kind === 'first' ? 2 : 1);
    const begin = top('first').map((it) => `“${step(it.to_step)}” (${percent(it.share)})`);
    const said = [
        begin.length > 0 && `Customers of ${called(data, state)} begin with ${list(begin)}.`,
        ...top('next').map((it) => `After “${step(it.from_step)}”, ${percent(it.share)} go on to “${step(it.to_step)}”.`),
        ...top('end', 'share').map((it) => `Most come to an end after “${step(it.from_step)}”: ${percent(it.share)} do nothing more in the time that is looked at.`),
    ];
    return said.filter(Boolean).join(' ');
}

/** Returns the numbers of all segments as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'From' }, { label: 'To' }, { label: 'Times', kind: 'count' }, { label: 'Share', kind: 'percent' }, { label: 'From', kind: 'percent' }, { label: 'to', kind: 'percent' }, { label: 'Median days', kind: 'number' }],
        rows: data.journey.map((it) => [it.segment === null ? 'no segment' : segmentLabel(it), it.kind === 'first' ? 'beginning' : it.from_step, it.kind === 'end' ? nothing : it.to_step, it.n, it.share, it.low, it.high, it.median_days]),
    };
}

/** Returns the height of the funnel. */
export const funnelHeight = intervalsHeight(6);

/** Returns the option of the funnel: the share of those who began that came to each step. */
export function funnelOption(data, theme, state) {
    const color = segmentColor(selected(data, state), theme);
    return intervals(of(data.funnel, data, state).map((it) => ({ label: step(it.step_name), value: it.share, low: it.low, high: it.high, color })), theme, { write: (it) => percent(it), bars: true, name: 'of those who began', width: state?.width });
}

/** Returns the sentence of the funnel: how many come to its end, and where most are lost. */
export function funnelSentence(data, state) {
    const rows = of(data.funnel, data, state);
    const last = rows[rows.length - 1];
    const at = rows.slice(1).map((it, i) => ({ from: rows[i], to: it, lost: rows[i].n - it.n })).sort((a, b) => b.lost - a.lost)[0];
    const most = at && at.lost > 0 ? ` Most are lost between “${step(at.from.step_name)}” and “${step(at.to.step_name)}”: ${count(at.lost)}.` : '';
    return `Of ${plural(rows[0].n, 'customer')} of ${called(data, state)} who began with “${step(rows[0].step_name)}”, ${last.n === 0 ? 'nobody' : percent(last.share)} came to “${step(last.step_name)}”.${most}`;
}

/** Returns the numbers of the funnel of all segments as a table. */
export function funnelTable(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Step' }, { label: 'Customers', kind: 'count' }, { label: 'Of those who began', kind: 'percent' }, { label: 'From', kind: 'percent' }, { label: 'to', kind: 'percent' }, { label: 'Of the step before', kind: 'percent' }, { label: 'Median days', kind: 'number' }],
        rows: data.funnel.map((it) => [it.segment === null ? 'no segment' : segmentLabel(it), it.step_name, it.n, it.share, it.low, it.high, it.step_share, it.median_days]),
    };
}
