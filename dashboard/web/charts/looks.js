// looks.js
//	  How the evidence of an experiment grew from look to look, and the boundary beyond which a look decides.

import { date, isKnown, number, percent, plural, short } from '../format.js';
import { axis, base, tooltip } from '../theme.js';
import { variantOf } from './effects.js';
import { effectOf, inWords, verdictWords } from './experiments.js';

function rowsOf(data, state) {
    const variant = variantOf(data, state);
    return (data.experiment.looks ?? []).map((look) => ({ ...look, effect: (look.effects ?? []).find((it) => it.variant === variant) ?? {} }));
}

/** Returns the option: the effect in standard errors at each look, and the boundaries on both sides. */
export function option(data, theme, state) {
    const rows = rowsOf(data, state);
    const line = (title, values, color, more) => ({
        name: title,
        type: 'line',
        data: values.map((value) => (isKnown(value) ? value : null)),
        symbolSize: 9,
        itemStyle: { color },
        ...more,
        lineStyle: { color, width: 2, ...more?.lineStyle },
    });
    const boundary = rows.map(({ effect }) => effect.boundary);
    return {
        ...base(theme),
        grid: { left: 60, right: 24, top: 16, bottom: 70 },
        legend: { bottom: 0, textStyle: { color: theme.ink }, itemWidth: 34 },
        tooltip: tooltip(theme, {
            trigger: 'axis',
            formatter: (points) => [points[0].axisValue, ...points.filter(({ value }) => isKnown(value)).map((it) => `${it.seriesName}: ${number(it.value)}`)].join('\n'),
        }),
        xAxis: axis(theme, { type: 'category', data: rows.map((it) => `look ${it.look}`), splitLine: { show: false } }),
        yAxis: axis(theme, { type: 'value', name: 'effect in standard errors', nameGap: 36, axisLabel: { formatter: number } }),
        series: [
            line('effect', rows.map(({ effect }) => effect.statistic), theme.accent),
            line('decides above', boundary, theme.good, { symbol: 'triangle', lineStyle: { type: [7, 4] } }),
            line('decides below', boundary.map((value) => (isKnown(value) ? -value : null)), theme.bad, { symbol: 'diamond', lineStyle: { type: [2, 3] } }),
        ],
    };
}

/** Returns the sentence: what the looks said, and why it is decided or not. */
export function sentence(data, state) {
    const rows = rowsOf(data, state);
    const decided = rows.find((it) => it.decides);
    const last = rows.at(-1);
    const plan = isKnown(last.information) ? ` ${percent(last.information, 0)} of the evidence that was planned for is there.` : '';
    if (decided) return `${plural(rows.length, 'look')}. Look ${decided.look} of ${date(decided.looked_at)} decided: ${decided.verdict}, for ${inWords(decided.reason)}. Looks after that change nothing.`;
    return `${plural(rows.length, 'look')}, and none has decided. The last one says ${last.verdict}: ${inWords(last.reason)}.${plan}`;
}

/** Returns the looks as a table. */
export function table(data, state) {
    const kind = data.experiment.metrics.find((it) => it.role === 'primary')?.kind;
    return {
        columns: [{ label: 'Look', kind: 'word' }, { label: 'Day', kind: 'date' }, { label: 'Customers', kind: 'count' }, { label: 'Of the plan', kind: 'percent' }, { label: 'Effect', kind: 'word' }, { label: 'Low', kind: 'word' }, { label: 'High', kind: 'word' },
            { label: 'In standard errors', kind: 'number' }, { label: 'Boundary', kind: 'number' }, { label: 'Verdict', kind: 'word' }, { label: 'Decides', kind: 'yes' }, { label: 'Reason', kind: 'long' }],
        rows: rowsOf(data, state).map((it) => [it.look, it.looked_at, it.n, it.information, effectOf(it.effect.difference, kind), effectOf(it.effect.low, kind), effectOf(it.effect.high, kind),
            it.effect.statistic, it.effect.boundary, verdictWords[it.verdict] ?? it.verdict, it.decides, short(it.reason, 300)]),
    };
}
