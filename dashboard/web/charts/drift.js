// drift.js
//	  How far each feature was from training, run by run: a field of colours with the numbers in it.

import { label } from '../facts.js';
import { date, fixed, isKnown, plural } from '../format.js';
import { axis, base, colorAt, inkOn, tooltip } from '../theme.js';

/** The population stability index from which a change is much: the deepest colour. */
const much = 0.5;
const row = 26;

/** Verdicts by their first letters. */
const verdicts = { w: 'watch', d: 'drifted', i: 'insufficient data' };

/** Returns the height in pixels that so many features take. */
export function height(n) {
    return 92 + row * Math.max(2, n ?? 4);
}

/** Returns the option: features below each other, the last runs beside each other, as many as there is room for. */
export function option(data, theme, { width = 700 } = {}) {
    const names = Math.min(180, width * 0.3);
    const n = Math.min(data.drift.runs.length, Math.max(3, Math.floor((width - names - 40) / 44)));
    const runs = data.drift.runs.slice(-n);
    const first = data.drift.runs.length - n;
    const { features } = data.drift;
    const cells = features.flatMap((feature, y) => feature.psi.slice(first).flatMap((psi, x) => {
        if (!isKnown(psi)) return [];
        const color = colorAt(theme.sequential, Math.sqrt(Math.min(1, psi / much)));
        return [{ value: [x, y, psi], itemStyle: { color }, label: { color: inkOn(color) }, verdict: verdicts[feature.verdict[first + x]] ?? 'ok' }];
    }));
    return {
        ...base(theme),
        grid: { left: names + 8, right: 12, top: 8, bottom: 76 },
        tooltip: tooltip(theme, {
            trigger: 'item',
            formatter: ({ data: it }) => `${label(data, features[it.value[1]].feature)}, ${date(runs[it.value[0]].at)}\nPSI ${fixed(it.value[2], 3)}: ${it.verdict}`,
        }),
        xAxis: axis(theme, { type: 'category', data: runs.map((run) => date(run.at)), splitLine: { show: false }, axisLabel: { rotate: 45, interval: 0, fontSize: 11 } }),
        yAxis: axis(theme, {
            type: 'category',
            inverse: true,
            data: features.map(({ feature }) => label(data, feature)),
            splitLine: { show: false },
            axisLabel: { width: names, overflow: 'truncate', interval: 0, hideOverlap: false },
        }),
        series: [{
            type: 'heatmap',
            data: cells,
            label: { show: true, fontSize: 12, formatter: ({ data: it }) => fixed(it.value[2], 2) },
            itemStyle: { borderColor: theme.card, borderWidth: 1 },
        }],
    };
}

/** Returns the sentence: which features moved. */
export function sentence(data) {
    const rows = data.drift.last;
    const moved = rows.filter((it) => it.verdict === 'drifted');
    const watched = rows.filter((it) => it.verdict === 'watch');
    const unclear = rows.filter((it) => it.verdict === 'insufficient data');
    const when = date(data.drift.runs.at(-1).at);
    if (unclear.length === rows.length) return `In the run of ${when} there were too few rows to tell whether a column has moved.`;
    if (moved.length === 0 && watched.length === 0) return `In the run of ${when} no column has moved away from training. The numbers are population stability indexes: below 0.1 little has changed, above 0.25 much has.`;
    const first = moved[0] ?? watched[0];
    const others = moved.length > 0 ? moved.length - 1 : watched.length - 1;
    const verb = moved.length > 0 ? 'drifted' : 'to be watched';
    const told = [
        `In the run of ${when}, ${label(data, first.feature)} ${moved.length > 0 ? 'has drifted' : 'is to be watched'}.`,
        first.reason ? `${first.reason[0].toUpperCase()}${first.reason.slice(1)}.` : null,
        others > 0 ? `${plural(others, 'more column')} ${moved.length > 0 ? (others === 1 ? 'has' : 'have') : (others === 1 ? 'is' : 'are')} ${verb}.` : null,
        moved.length > 0 && watched.length > 0 ? `${plural(watched.length, 'column')} ${watched.length === 1 ? 'is' : 'are'} to be watched.` : null,
    ];
    return told.filter(Boolean).join(' ');
}

/** Returns the numbers of the last run as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Column' }, { label: 'Verdict', kind: 'word' }, { label: 'PSI', kind: 'number' }, { label: 'PSI by chance', kind: 'number' }, { label: 'KS', kind: 'number' },
            { label: 'Missing', kind: 'percent' }, { label: 'Chance alone (p)', kind: 'p' }, { label: 'Reason', kind: 'long' }],
        rows: data.drift.last.map((it) => [label(data, it.feature, 200), it.verdict, it.psi, it.psi_critical, it.ks, it.null_share, it.p_adjusted, it.reason]),
    };
}
