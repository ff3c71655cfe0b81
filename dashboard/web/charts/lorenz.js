// lorenz.js
//	  How unequally customers share in the value: the curve of Lorenz beside the line on which all would be worth the same.

import { exactAmount } from '../facts.js';
import { fixed, isKnown, percent } from '../format.js';
import { axis, base, tooltip } from '../theme.js';

/** Returns the curve of data.lorenz, rows {customer_share, value_share} from the least valuable customers on. */
export function option(data, theme) {
    const points = data.lorenz.map((it) => [it.customer_share, it.value_share]);
    const share = (value) => percent(value, 0);
    const least = Math.min(0, ...points.map(([, value]) => value));
    return {
        ...base(theme),
        grid: { left: 70, right: 24, top: 16, bottom: 56 },
        tooltip: tooltip(theme, {
            trigger: 'axis',
            formatter: ([point]) => `The least valuable ${percent(point.value[0])} of the customers\nbring ${percent(point.value[1])} of the value`,
        }),
        xAxis: axis(theme, { type: 'value', min: 0, max: 1, name: 'customers, the least valuable first', nameGap: 32, axisLabel: { formatter: share } }),
        yAxis: axis(theme, { type: 'value', min: least, max: 1, name: 'share of the value', nameGap: 50, axisLabel: { formatter: share } }),
        series: [
            { name: 'value', type: 'line', data: points, symbol: 'none', lineStyle: { color: theme.accent, width: 2 }, areaStyle: { color: theme.accent, opacity: 0.12 } },
            {
                name: 'all alike',
                type: 'line',
                data: [[0, 0], [1, 1]],
                symbol: 'none',
                silent: true,
                tooltip: { show: false },
                lineStyle: { color: theme.muted, type: [5, 4], width: 1 },
            },
        ],
    };
}

/** Returns the share of the value that the most valuable share of the customers bring, or null where the curve does not tell. */
export function topShare(rows, share) {
    const at = 1 - share;
    const after = (rows ?? []).findIndex((it) => it.customer_share >= at);
    if (after < 0) return null;
    if (rows[after].customer_share === at || after === 0) return 1 - rows[after].value_share;
    const [left, right] = [rows[after - 1], rows[after]];
    const part = (at - left.customer_share) / (right.customer_share - left.customer_share);
    return 1 - left.value_share - part * (right.value_share - left.value_share);
}

/** Returns the sentence. */
export function sentence(data) {
    const fifth = topShare(data.lorenz, 0.2);
    const half = data.lorenz.find((it) => it.value_share >= 0.5);
    const parts = [`The most valuable 20 % of the customers bring ${percent(fifth)} of the value`];
    if (half) parts.push(`and half of it comes from the most valuable ${percent(1 - half.customer_share)}`);
    const gini = data.concentration?.gini;
    return `${parts.join(', ')}.${isKnown(gini) ? ` The Gini coefficient is ${fixed(gini, 2)}: 0 is all alike, 1 is one customer who brings everything.` : ''}`;
}

/** Returns the numbers as a table. */
export function table(data) {
    const total = data.concentration?.total;
    return {
        columns: [{ label: 'Customers, the least valuable first', kind: 'percent' }, { label: 'Share of the value', kind: 'percent' }, { label: 'Value up to here' }],
        rows: data.lorenz.map((it) => [it.customer_share, it.value_share, isKnown(total) ? exactAmount(data, it.value_share * total) : null]),
    };
}
