// dendrogram.js
//	  The upper merges of a hierarchical clustering as a tree.

import { count, number, plural, toNumber } from '../format.js';
import { literal } from '../parts.js';
import { axis, base, tooltip } from '../theme.js';

const most = 30;

/** Returns the merges, the highest first. */
function merges(data) {
    return [...(data.training?.merges ?? [])].filter((row) => toNumber(row.height) !== null).sort((a, b) => b.step - a.step);
}

/** Returns why there is no tree, or null. */
export function missing(data) {
    return merges(data).length > 0 ? null : { why: 'Only a hierarchical clustering makes a tree of merges; this version was trained by another algorithm.', sql: `SELECT * FROM custseg.train(${literal(data.about.name)}, 'customers', algorithm => 'hierarchical', deploy => false);` };
}

/** Returns the tree of the upper merges: each node {merge, at, children}; what was merged below is a leaf. */
function tree(data) {
    const kept = merges(data).slice(0, most);
    const last = kept[0];
    // the merge of step s makes cluster n + s - 1, where n - 1 is the last step of all
    const first = last.step + 1;
    const made = new Map(kept.map((row) => [first + row.step - 1, row]));
    let leaves = 0;
    const grow = (cluster) => {
        const merge = made.get(cluster);
        if (!merge) {
            leaves += 1;
            return { at: leaves - 0.5, height: 0 };
        }
        const children = [grow(merge.cluster_a), grow(merge.cluster_b)];
        return { merge, height: toNumber(merge.height), at: (children[0].at + children[1].at) / 2, children };
    };
    return { root: grow(first + last.step - 1), leaves: () => leaves, kept };
}

/** Returns the option: brackets as high as the distance at which two clusters were merged, and the cut that makes the segments. */
export function option(data, theme, state = {}) {
    const { root, leaves, kept } = tree(data);
    const nodes = [];
    const visit = (node) => {
        if (!node.children) return;
        nodes.push(node);
        node.children.forEach(visit);
    };
    visit(root);
    const cut = cutOf(data, kept);
    return {
        ...base(theme),
        grid: { left: 64, right: 20, top: 12, bottom: 40 },
        tooltip: tooltip(theme, { formatter: (it) => `${plural(nodes[it.dataIndex].merge.n, 'customer')} merged at ${number(nodes[it.dataIndex].height)}` }),
        xAxis: axis(theme, { type: 'value', min: 0, max: leaves(), name: `${leaves()} clusters, merged from below to one`, nameGap: 14, axisLabel: { show: false }, splitLine: { show: false } }),
        yAxis: axis(theme, { type: 'value', min: 0, name: 'distance', nameGap: 46, axisLabel: { formatter: number } }),
        series: [{
            type: 'custom', data: nodes.map((node) => [node.at, node.height]),
            renderItem: ({ dataIndex: i }, api) => {
                const { height, children: [a, b] } = nodes[i];
                const points = [[a.at, a.height], [a.at, height], [b.at, height], [b.at, b.height]].map((it) => api.coord(it));
                return { type: 'polyline', shape: { points }, style: { stroke: theme.accent, lineWidth: 1.5, fill: 'none' } };
            },
        }, ...(cut === null ? [] : [{ type: 'line', symbol: 'none', silent: true, tooltip: { show: false }, lineStyle: { color: theme.bad, type: [6, 4], width: 1.5 }, data: [[0, cut], [leaves(), cut]] }])],
    };
}

/** The height at which the tree is cut into the segments of the version, or null. */
function cutOf(data, kept) {
    const k = data.about?.segments?.filter((it) => it.segment > 0).length ?? 0;
    const [above, below] = [kept[k - 2], kept[k - 1]];
    return above && below ? (toNumber(above.height) + toNumber(below.height)) / 2 : null;
}

/** Returns the sentence: the cut, and how long the step there is. */
export function sentence(data) {
    const kept = merges(data);
    const k = data.about?.segments?.filter((it) => it.segment > 0).length ?? 0;
    const [above, below] = [kept[k - 2], kept[k - 1]];
    if (!above || !below) return `The tree of the ${count(Math.min(most, kept.length))} highest merges.`;
    return `The dashed line cuts the tree into ${plural(k, 'segment')}: the next merge is at ${number(above.height)}, the one before it was at ${number(below.height)}. A long way between the two says that the cut is a good one.`;
}

/** Returns the merges as a table. */
export function table(data) {
    const rows = merges(data);
    return { columns: [{ label: 'Clusters left' }, { label: 'Distance', kind: 'number' }, { label: 'Customers in the merged cluster', kind: 'count' }], rows: rows.map((row) => [String(rows[0].step - row.step + 1), row.height, row.n]) };
}
