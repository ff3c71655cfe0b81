// curves.js
//	  What spending brings in each segment, with the present split and the best one on the curves.

import { most, respond } from '../budget.js';
import { segmentLabel } from '../facts.js';
import { axis, base, segmentColor, segmentDash, tooltip } from '../theme.js';

const steps = 60;

/**
 * Returns the curves up to the budget; "spends" are the present amounts, and "best" those of the best split or null.
 * "shown" are the places of the curves that are drawn.
 */
export function curves(rows, spends, best, budget, theme, { write = String, shown = rows.map((_, i) => i) } = {}) {
    return {
        ...base(theme),
        grid: { left: 76, right: 24, top: 16, bottom: 92 },
        legend: { type: 'scroll', bottom: 0, textStyle: { color: theme.ink }, pageTextStyle: { color: theme.ink }, pageIconColor: theme.ink,
            pageIconInactiveColor: theme.muted, itemWidth: 34 },
        tooltip: tooltip(theme, { trigger: 'item', formatter: ({ seriesName, value }) => `${seriesName}\n${write(value[0])} spent bring ${write(value[1])}` }),
        xAxis: axis(theme, { type: 'value', min: 0, max: budget, name: 'spent on the segment', nameGap: 30, axisLabel: { formatter: write } }),
        yAxis: axis(theme, { type: 'value', min: 0, name: 'what it brings', nameGap: 60, axisLabel: { formatter: write } }),
        series: shown.flatMap((i) => {
            const color = segmentColor(rows[i].segment ?? i + 1, theme);
            const name = segmentLabel({ ...rows[i], segment: rows[i].segment ?? i + 1 });
            const point = (spend) => [spend, respond(rows[i], spend)];
            const end = most(rows[i], budget);
            return [
                {
                    name,
                    type: 'line',
                    symbol: 'none',
                    data: Array.from({ length: steps + 1 }, (_, step) => point(end * step / steps)),
                    itemStyle: { color },
                    lineStyle: { color, type: segmentDash(rows[i].segment ?? i + 1), width: 2 },
                },
                { name, type: 'scatter', symbolSize: 12, data: [point(spends[i])], itemStyle: { color, borderColor: theme.ink, borderWidth: 1 } },
                ...(best ? [{ name, type: 'scatter', symbol: 'diamond', symbolSize: 14, data: [point(best[i])], itemStyle: { color: theme.card, borderColor: color, borderWidth: 3 } }] : []),
            ];
        }),
    };
}
