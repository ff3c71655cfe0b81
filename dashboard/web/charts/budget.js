// budget.js
//	  A budget that the reader divides between the segments, against the best split.

import { equalSplit, most, readSplit, respond, spent, total, unitOf } from '../budget.js';
import { amount, exactAmount, segmentLabel } from '../facts.js';
import { isKnown, percent } from '../format.js';
import { axis, base, legendBelow, segmentColor, segmentDash, tooltip } from '../theme.js';
import { mostLines } from './lines.js';

const steps = 60;
const usual = 100000;

/** Returns the curves that the model states, as allocate_budget() takes them; a curve without a segment is called by its place. */
export function curvesOf(data) {
    const rows = Array.isArray(data.economics?.curves) ? data.economics.curves : [];
    const names = new Map((data.about?.segments ?? []).map((it) => [it.segment, it.name]));
    return rows.filter((it) => it && typeof it === 'object').map((it, i) => ({
        ...it,
        name: it.name ?? names.get(it.segment) ?? null,
        place: it.segment ?? i + 1,
    }));
}

/** Returns the budget: that of the address, or 100,000. */
export function budgetOf(state) {
    const wanted = Number(state?.budget);
    return Number.isFinite(wanted) && wanted >= 1 && wanted <= 1e12 ? wanted : usual;
}

/** Returns the unit in which a budget is divided. */
export function unit(state) {
    return unitOf(budgetOf(state));
}

/** Returns the reader's split: that of the address, or equal parts. */
export function splitOf(data, state) {
    const curves = curvesOf(data);
    const budget = budgetOf(state);
    return state?.split === undefined ? equalSplit(curves, budget, unitOf(budget)) : readSplit(state.split, curves, budget, unitOf(budget));
}

/** Returns the request for the best split. */
export function request(data, state) {
    const curves = curvesOf(data);
    const columns = ['segment', 'name', 'curve', 'a', 'b', 'c', 'points', 'low', 'high'];
    const sent = curves.map((it) => Object.fromEntries(columns.filter((key) => it[key] !== null && it[key] !== undefined).map((key) => [key, it[key]])));
    return { path: '/compute/budget', body: JSON.stringify({ curves: sent.map((it, i) => ({ ...it, name: it.name ?? `segment ${curves[i].place}` })), budget: budgetOf(state), options: { unit: unit(state) } }) };
}

/** Returns the splits beside the reader's: what each brings, by the curves. */
export function score(data, state) {
    const curves = curvesOf(data);
    const spends = splitOf(data, state);
    const { allocation } = data.computed;
    const best = allocation.map((it) => it.spend);
    const sumOf = (of) => total(curves, allocation.map(of));
    const yours = total(curves, spends);
    const most = Math.max(sumOf((it) => it.spend), 0);
    return {
        curves,
        spends,
        best,
        yours,
        most,
        proportional: sumOf((it) => it.proportional_spend),
        equal: sumOf((it) => it.equal_spend),
        left: budgetOf(state) - spent(spends),
        // the best split in whole units cannot be beaten; a sum in another order may differ by rounding
        share: most > 0 ? Math.min(1, yours / most) : null,
    };
}

/** Returns the option: the curves, the reader's amounts as dots, and the best ones, once shown, as diamonds. */
export function option(data, theme, state = {}) {
    const { curves, spends, best } = score(data, state);
    const budget = budgetOf(state);
    const write = (value) => amount(data, value);
    const shown = curves.map((_, i) => i).sort((a, b) => respond(curves[b], budget) - respond(curves[a], budget)).slice(0, mostLines).sort((a, b) => a - b);
    const end = Math.min(budget, 1.6 * Math.max(...shown.flatMap((i) => [spends[i], best[i]]), budget / 20));
    const below = legendBelow(theme, shown.map((i) => segmentLabel({ ...curves[i], segment: curves[i].place })), state.width ?? 700, { itemWidth: 34 });
    return {
        ...base(theme),
        grid: { left: 78, right: 24, top: 16, bottom: 52 + below.room },
        legend: below.legend,
        tooltip: tooltip(theme, { trigger: 'item', formatter: ({ seriesName, value }) => `${seriesName}\n${write(value[0])} bring ${write(value[1])}` }),
        xAxis: axis(theme, { type: 'value', min: 0, max: end, name: 'spent on the segment', nameGap: 30, axisLabel: { formatter: write, showMaxLabel: false } }),
        yAxis: axis(theme, { type: 'value', min: 0, name: 'what it brings', nameGap: 60, axisLabel: { formatter: write } }),
        series: shown.flatMap((i) => {
            const { place } = curves[i];
            const color = segmentColor(place, theme);
            const name = segmentLabel({ ...curves[i], segment: place });
            const point = (spend) => [spend, respond(curves[i], spend)];
            const last = Math.min(end, most(curves[i], budget));
            return [
                { name, type: 'line', symbol: 'none', data: Array.from({ length: steps + 1 }, (_, step) => point(last * step / steps)), itemStyle: { color }, lineStyle: { color, type: segmentDash(place), width: 2 } },
                { name, type: 'scatter', symbolSize: 12, data: [point(spends[i])], itemStyle: { color, borderColor: theme.ink, borderWidth: 1 } },
                ...(state.best ? [{ name, type: 'scatter', symbol: 'diamond', symbolSize: 15, data: [point(best[i])], itemStyle: { color: theme.card, borderColor: color, borderWidth: 3 } }] : []),
            ];
        }),
    };
}

/** Returns the sentence: what the reader's split brings, and how near it is to the best. */
export function sentence(data, state) {
    const { yours, proportional, equal, left, share, most: best } = score(data, state);
    const write = (value) => exactAmount(data, value);
    const beaten = [yours > equal ? 'equal parts' : null, yours > proportional ? 'a split in proportion to what the segments can bring' : null].filter(Boolean).join(' and ');
    const rest = left > 0 ? ` ${write(left)} of ${write(budgetOf(state))} are not spent yet.` : '';
    const reached = share === null ? '' : `, ${percent(share)} of the most that is possible`;
    const verdict = share !== null && share > 0.99999 ? ' That is the best split: nobody can do better.' : beaten ? ` It beats ${beaten}.` : yours < equal ? ' It brings less than equal parts.' : ' Equal parts bring as much.';
    return `Your split brings ${write(yours)}${reached}${state?.best ? ` (${write(best)})` : ''}.${verdict}${rest}`;
}

/** Returns the splits as a table. */
export function table(data, state) {
    const { curves, spends, best } = score(data, state);
    const { allocation } = data.computed;
    return {
        columns: [{ label: 'Segment' }, { label: 'Yours', kind: 'money' }, { label: 'It brings', kind: 'money' }, { label: 'Best', kind: 'money' }, { label: 'It brings', kind: 'money' },
            { label: 'The next unit, for one spent', kind: 'number' }, { label: 'In proportion', kind: 'money' }, { label: 'Equal parts', kind: 'money' }],
        rows: curves.map((it, i) => [segmentLabel({ ...it, segment: it.place }), spends[i], respond(it, spends[i]), best[i], allocation[i].response,
            isKnown(allocation[i].next_unit_return) ? allocation[i].next_unit_return : null, allocation[i].proportional_spend, allocation[i].equal_spend]),
    };
}
