// customers-and-value.js
//	  Twin bars: the share of customers, and the share of value, that each segment has.

import { amount, customers, hasValue, segmentLabel, segmentName, segments } from '../facts.js';
import { count, percent, plural, toNumber } from '../format.js';
import { axis, base, segmentColor, tooltip } from '../theme.js';

function ranked(data) {
    const key = hasValue(data) ? 'value_share' : 'share';
    return segments(data.summary).sort((a, b) => (toNumber(b[key]) ?? -1) - (toNumber(a[key]) ?? -1));
}

/** Returns the height that the bars of so many segments need. */
export function height(n) {
    return Math.max(300, 56 + (n > 12 ? 24 : 34) * (n ?? 5));
}

/** Returns the option: bars to the left for customers, to the right for value. */
export function option(data, theme, { width = 700 } = {}) {
    const rows = ranked(data);
    const isValued = hasValue(data);
    const isNarrow = width < 440;
    const panels = [{ key: 'share', title: isNarrow ? 'Customers' : 'Share of customers' }, ...(isValued ? [{ key: 'value_share', title: isNarrow ? 'Value' : 'Share of value' }] : [])];
    const names = Math.min(200, width * 0.3);
    const gap = isNarrow ? 50 : 64;
    const room = (width - names - gap * panels.length) / panels.length;
    const left = (i) => names + i * (room + gap);
    return {
        ...base(theme),
        tooltip: tooltip(theme, { trigger: 'item', formatter: (it) => tell(data, rows[it.dataIndex]) }),
        grid: panels.map((_, i) => ({ left: left(i), width: room, top: 28, bottom: 8 })),
        xAxis: panels.map(({ title, key }, i) => axis(theme, {
            gridIndex: i, type: 'value', position: 'top', min: 0, max: Math.max(0.01, ...rows.map((row) => toNumber(row[key]) ?? 0)),
            name: title, nameLocation: 'start', nameGap: 0, nameTextStyle: { color: theme.muted, fontSize: 12, align: 'left', verticalAlign: 'bottom', padding: [0, 0, 10, 0] },
            axisLabel: { show: false }, splitLine: { show: false }, axisLine: { show: false },
        })),
        yAxis: panels.map((_, i) => axis(theme, {
            gridIndex: i, type: 'category', inverse: true, data: rows.map((row) => segmentLabel(row)),
            axisLine: { show: true, lineStyle: { color: theme.line } },
            axisLabel: { show: i === 0, interval: 0, hideOverlap: false, width: names - 12, overflow: 'truncate' },
        })),
        series: panels.map(({ key }, i) => ({
            type: 'bar', xAxisIndex: i, yAxisIndex: i, barMaxWidth: 26,
            data: rows.map((row) => ({ value: toNumber(row[key]) ?? '-', itemStyle: { color: segmentColor(row.segment, theme) } })),
            label: { show: true, position: 'right', color: theme.ink, fontSize: 12, formatter: (it) => percent(rows[it.dataIndex][key]) },
        })),
    };
}

function tell(data, row) {
    const value = row.total_value === null || row.total_value === undefined ? null : `${amount(data, row.total_value)} of value (${percent(row.value_share)})`;
    return [segmentLabel(row, 40), `${count(row.n)} customers (${percent(row.share)})`, value].filter(Boolean).join('\n');
}

/** Returns the sentence: who carries the value. */
export function sentence(data) {
    const rows = ranked(data);
    if (rows.length === 0) return '';
    const first = rows[0];
    if (!hasValue(data)) return `The largest of ${plural(rows.length, 'segment')} is ${segmentName(first)}: ${count(first.n)} of ${count(customers(data.summary))} customers (${percent(first.share)}). What they are worth is not known.`;
    return `${segmentName(first)}: ${percent(first.share)} of the customers bring ${percent(first.value_share)} of the value, ${amount(data, first.total_value)} of ${amount(data, total(rows))}.`;
}

function total(rows) {
    return rows.reduce((sum, row) => sum + (toNumber(row.total_value) ?? 0), 0);
}

/** Returns the numbers as a table. */
export function table(data) {
    const isValued = hasValue(data);
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, { label: 'Share of customers', kind: 'percent' },
            ...(isValued ? [{ label: 'Value', kind: 'money' }, { label: 'Share of value', kind: 'percent' }] : [])],
        rows: ranked(data).map((row) => [segmentLabel(row, 200), row.n, row.share, ...(isValued ? [row.total_value, row.value_share] : [])]),
    };
}

