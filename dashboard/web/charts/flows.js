// flows.js
//	  Bands from the left to the right, as wide as what goes there: customers from segment to segment, visits from step to step.

import { count } from '../format.js';
import { base, fontFamily, tooltip } from '../theme.js';

const [top, gap, thick] = [8, 8, 14];

/** Gives the nodes of a side their place: as high as what they hold. */
function place(nodes, rows, key, height) {
    const held = (node) => rows.filter((it) => it[key] === node.key).reduce((sum, it) => sum + it.n, 0);
    const scale = (height - 2 * top - gap * (nodes.length - 1)) / rows.reduce((sum, it) => sum + it.n, 0);
    let y = top;
    return new Map(nodes.map((node) => {
        const n = held(node);
        const it = { ...node, n, y, height: n * scale, used: y, scale };
        y += it.height + gap;
        return [node.key, it];
    }));
}

/** A band from the left to the right, as wide at each end as what goes there. */
function band(from, to, n, [left, right]) {
    const [a, b] = [from, to].map((it) => {
        const y = it.used;
        it.used += n * it.scale;
        return [y, it.used];
    });
    const middle = (left + right) / 2;
    return `M${left},${a[0]}C${middle},${a[0]} ${middle},${b[0]} ${right},${b[0]}L${right},${b[1]}C${middle},${b[1]} ${middle},${a[1]} ${left},${a[1]}Z`;
}

/** Returns a chart of rows {from, to, n, text}, in the order in which they leave, between nodes {key, text, color} of either side, from the top; "noun" says what n counts. */
export function flows(rows, lefts, rights, noun, theme, { width = 700, height = 400 } = {}) {
    const sides = [place(lefts, rows, 'from', height), place(rights, rows, 'to', height)];
    const ends = [8 + thick, width - 8 - thick];
    const all = [
        ...rows.map((it) => ({
            shape: { type: 'path', shape: { pathData: band(sides[0].get(it.from), sides[1].get(it.to), it.n, ends) }, style: { fill: sides[0].get(it.from).color, opacity: 0.3 } },
            text: it.text,
        })),
        ...sides.flatMap((its, i) => [...its.values()].map((it) => ({
            shape: {
                type: 'group',
                children: [
                    { type: 'rect', shape: { x: i === 0 ? 8 : ends[1], y: it.y, width: thick, height: Math.max(1, it.height) }, style: { fill: it.color } },
                    { type: 'text', style: { x: i === 0 ? ends[0] + 6 : ends[1] - 6, y: it.y + it.height / 2, text: it.text, fill: theme.ink, font: `12px ${fontFamily}`, align: i === 0 ? 'left' : 'right', verticalAlign: 'middle', width: Math.max(80, width * 0.36), overflow: 'truncate', ellipsis: '…' } },
                ],
            },
            text: `${it.text}\n${count(it.n)} ${noun}`,
        }))),
    ];
    return {
        ...base(theme),
        tooltip: tooltip(theme, { trigger: 'item', formatter: ({ dataIndex }) => all[dataIndex].text }),
        series: [{ type: 'custom', coordinateSystem: 'none', data: all.map((_, i) => i), renderItem: ({ dataIndex }) => all[dataIndex].shape }],
    };
}
