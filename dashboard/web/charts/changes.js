// changes.js
//	  What has changed since the publication before: customers who came to a segment or left it.

import { amount, customers, hasValue, segmentLabel, segmentName, segments } from '../facts.js';
import { change, count, date, plural, signed, toNumber } from '../format.js';
import { axis, base, segmentColor, tooltip } from '../theme.js';

/** The segments of now and of then, each with {now, then, difference, share}; what is not known is null. */
function rows(data) {
    const then = data.previous.summary;
    const now = segments(data.summary);
    const gone = segments(then).filter((row) => !now.some((it) => it.segment === row.segment));
    return [...now.map((row) => [row, then.find((it) => it.segment === row.segment)]), ...gone.map((row) => [{ ...row, n: null, total_value: null }, row])]
        .map(([row, before]) => {
            const [a, b] = [toNumber(before?.n), toNumber(row.n)];
            const isKnown = a !== null && b !== null;
            return { ...row, before, difference: isKnown ? b - a : null, share: isKnown && a > 0 ? (b - a) / a : null };
        });
}

/** Returns the height that so many segments need. */
export function height(n) {
    return 24 + 38 * Math.max(3, n ?? 5);
}

/** Returns the option: a bar to the left for a loss, to the right for a gain. */
export function option(data, theme, { width = 500 } = {}) {
    const all = rows(data);
    const isNarrow = width < 440;
    const names = Math.min(190, width * 0.4);
    const room = isNarrow ? 2.4 : 1.9;
    const most = Math.max(1, ...all.map((row) => Math.abs(row.difference ?? 0)));
    return {
        ...base(theme),
        tooltip: tooltip(theme, { formatter: (it) => `${segmentLabel(all[it.dataIndex], 40)}\n${count(all[it.dataIndex].before?.n)} → ${count(all[it.dataIndex].n)}` }),
        grid: { left: names, right: 8, top: 8, bottom: 8 },
        // room at both ends for the labels
        xAxis: axis(theme, { type: 'value', min: -most * room, max: most * room, axisLabel: { show: false }, splitLine: { show: false } }),
        yAxis: axis(theme, {
            type: 'category', inverse: true, data: all.map((row) => segmentLabel(row)),
            axisLine: { onZero: true, lineStyle: { color: theme.muted } },
            axisLabel: { interval: 0, hideOverlap: false, width: names - 12, overflow: 'truncate', margin: 8 },
            offset: 0,
        }),
        series: [{
            type: 'bar', barMaxWidth: 16,
            data: all.map((row) => ({
                value: row.difference ?? '-',
                itemStyle: { color: segmentColor(row.segment, theme) },
                label: { position: (row.difference ?? 0) < 0 ? 'left' : 'right' },
            })),
            label: { show: true, color: theme.ink, fontSize: 12, formatter: (it) => labelOf(all[it.dataIndex], isNarrow) },
        }],
    };
}

function labelOf(row, isShort) {
    if (row.difference === null) return 'not known';
    return isShort || row.share === null || row.difference === 0 ? signed(row.difference, count) : `${signed(row.difference, count)} (${change(row.share)})`;
}

/** Returns the sentence: the largest gain and the largest loss. */
export function sentence(data) {
    const all = rows(data);
    const known = all.filter((row) => row.difference !== null);
    const since = `Since ${date(data.previous.published_at)}`;
    if (known.every((row) => row.difference === 0)) return `${since}, no segment has changed in size.`;
    const up = known.reduce((a, b) => (b.difference > a.difference ? b : a));
    const down = known.reduce((a, b) => (b.difference < a.difference ? b : a));
    const whole = customers(data.summary) - customers(data.previous.summary);
    const parts = [];
    if (up.difference > 0) parts.push(`${segmentName(up)} gained ${plural(up.difference, 'customer')}`);
    if (down.difference < 0) parts.push(`${segmentName(down)} lost ${count(-down.difference)}`);
    return `${since}, ${parts.join(', and ')}. All together: ${whole === 0 ? 'as many customers as before' : `${signed(whole, count)} customers`}${valueChange(data)}.`;
}

function valueChange(data) {
    const sum = (list) => list.reduce((total, row) => total + (toNumber(row.total_value) ?? 0), 0);
    if (!hasValue(data) || !data.previous.summary.some((row) => toNumber(row.total_value) !== null)) return '';
    const moved = sum(data.summary) - sum(data.previous.summary);
    return Math.abs(moved) < 0.005 ? ', and as much value' : `, ${signed(moved, (it) => amount(data, it))} of value`;
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: `Customers on ${date(data.previous.published_at)}`, kind: 'count' }, { label: 'Customers now', kind: 'count' }, { label: 'Change', kind: 'signed' }, { label: 'Change in %', kind: 'change' }],
        rows: rows(data).map((row) => [segmentLabel(row, 200), row.before?.n ?? null, row.n, row.difference, row.share]),
    };
}
