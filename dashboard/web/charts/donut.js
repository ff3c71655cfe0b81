// donut.js
//	  A ring of the shares of value, or of customers where value is not known.

import { amount, hasValue, segmentLabel, segmentName, segments } from '../facts.js';
import { count, percent, plural, toNumber } from '../format.js';
import { base, fontFamily, segmentColor, tooltip } from '../theme.js';

const most = 6;

/** The slices, the largest first; what is small is put together. A share below 0 has no slice. */
function slices(data) {
    const key = hasValue(data) ? 'value_share' : 'share';
    const rows = segments(data.summary)
        .map((row) => ({ ...row, part: toNumber(row[key]) }))
        .filter((row) => row.part !== null && row.part > 0)
        .sort((a, b) => b.part - a.part);
    if (rows.length <= most + 1) return rows;
    const rest = rows.slice(most);
    return [...rows.slice(0, most), { segment: 0, label: `${rest.length} others`, part: rest.reduce((sum, row) => sum + row.part, 0) }];
}

const labelOf = (row, length) => row.label ?? segmentLabel(row, length);

/** Returns the path of a slice of the ring, from one angle to another; its arcs go by the middle, so that the whole ring is one, too. */
function slice(cx, cy, outer, from, to) {
    const at = (radius, angle) => `${cx + radius * Math.cos(angle)},${cy + radius * Math.sin(angle)}`;
    const arc = (radius, turn, end) => [(from + to) / 2, end].map((angle) => `A${radius},${radius} 0 0 ${turn} ${at(radius, angle)}`).join('');
    const inner = outer * 0.58;
    return `M${at(outer, from)}${arc(outer, 1, to)}L${at(inner, to)}${arc(inner, 0, from)}Z`;
}

/** Returns the option: slices with their names beside them. */
export function option(data, theme, { width = 420, height = 300 } = {}) {
    const rows = slices(data);
    const total = rows.reduce((sum, row) => sum + row.part, 0);
    const isNarrow = width < 400;
    const outer = Math.min(height / 2 - 8, isNarrow ? width / 2 - 8 : width * 0.24, isNarrow ? (rows.length > 6 ? 72 : 80) : 130);
    const cx = isNarrow ? width / 2 : outer + 8;
    const cy = isNarrow ? outer + 4 : height / 2;
    const list = isNarrow ? { x: 0, y: outer * 2 + 28, step: 19 } : { x: outer * 2 + 32, y: height / 2 - (rows.length - 1) * 13, step: 26 };
    const letters = Math.max(6, Math.floor((width - list.x - 80) / 7));
    let from = -Math.PI / 2;
    const shapes = rows.map((row, i) => {
        const angle = row.part / total * 2 * Math.PI;
        const start = from;
        from += angle;
        return {
            type: 'group',
            children: [
                { type: 'path', shape: { pathData: slice(cx, cy, outer, start, from) }, style: { fill: segmentColor(row.segment, theme), stroke: theme.card, lineWidth: 2 } },
                { type: 'rect', shape: { x: list.x, y: list.y + i * list.step - 5, width: 10, height: 10, r: 2 }, style: { fill: segmentColor(row.segment, theme) } },
                { type: 'text', style: { x: list.x + 18, y: list.y + i * list.step, text: `${percent(row.part / total)}  ${labelOf(row, letters)}`, fill: theme.ink, font: `13px ${fontFamily}`, verticalAlign: 'middle', width: width - list.x - 22, overflow: 'truncate', ellipsis: '…' } },
            ],
        };
    });
    return {
        ...base(theme),
        tooltip: tooltip(theme, { formatter: (it) => tell(data, rows[it.dataIndex]) }),
        series: [{ type: 'custom', coordinateSystem: 'none', data: rows.map((row) => row.part), renderItem: ({ dataIndex }) => shapes[dataIndex] ?? null }],
    };
}

function tell(data, row) {
    return [labelOf(row, 40), percent(row.part), hasValue(data) ? amount(data, row.total_value) : count(row.n)].join('\n');
}

/** Returns the sentence: how few segments hold half or more. */
export function sentence(data) {
    const what = hasValue(data) ? 'value' : 'customers';
    const rows = segments(data.summary).map((row) => ({ ...row, part: toNumber(row[hasValue(data) ? 'value_share' : 'share']) ?? 0 })).sort((a, b) => b.part - a.part);
    const total = rows.reduce((sum, row) => sum + Math.max(0, row.part), 0);
    if (total <= 0) return 'No share is known.';
    let n = 0;
    let sum = 0;
    for (; sum < total / 2; n += 1) sum += rows[n].part;
    return n === 1 ? `Half of the ${what} or more: ${segmentName(rows[0])} alone.` : `${n} of ${plural(rows.length, 'segment')} hold ${percent(sum)} of the ${what}.`;
}

/** Returns the numbers as a table. */
export function table(data) {
    const what = hasValue(data) ? 'Share of value' : 'Share of customers';
    const key = hasValue(data) ? 'value_share' : 'share';
    return { columns: [{ label: 'Segment' }, { label: what, kind: 'percent' }], rows: segments(data.summary).map((row) => [segmentLabel(row, 200), row[key]]) };
}
