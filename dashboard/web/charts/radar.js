// radar.js
//	  Segments on the axes in which they differ most, over each other and over all customers.

import { compared, distinct, label, levelNames, segmentLabel, segmentName, segmentOf, selected } from '../facts.js';
import { list, number, plural, short } from '../format.js';
import { base, legendBelow, segmentColor, segmentDash, tooltip } from '../theme.js';
import { axes, axesTable, axisLabel, distance, place, telling, written } from './axes.js';

const most = 8;

/** Returns the segments that a picture shows: those that are compared, or the chosen one. */
export function shownSegments(data, state, isComparison) {
    return isComparison ? compared(data, state) : [selected(data, state)].filter((it) => it !== null);
}

/** Returns whether a radar can be drawn: it takes three axes. */
export function hasRadar(data, segments) {
    return telling(data, segments, most).length >= 3;
}

function radar(data, theme, segments, { width = 520, height = 360 }) {
    const shown = telling(data, segments, most);
    const lines = [...segments.map((it) => segmentOf(data, it)), { segment: null }];
    const isNarrow = width < 420;
    const room = isNarrow ? 86 : Math.max(90, Math.min(150, width * 0.26));
    const below = legendBelow(theme, lines.map((it) => segmentLabel(it, 24)), width);
    const area = height - below.room - 8;
    return {
        ...base(theme),
        legend: { ...below.legend, icon: 'roundRect' },
        tooltip: tooltip(theme, { formatter: (it) => tell(data, shown, lines[it.dataIndex]) }),
        radar: {
            center: ['50%', area / 2],
            radius: Math.max(isNarrow ? 46 : 60, Math.min(width / 2 - room, area / 2 - 44)),
            indicator: (isNarrow ? namesOf(data, shown, 10, 3) : namesOf(data, shown, 18, 2)).map((name) => ({ name, min: 0, max: 1 })),
            axisNameGap: isNarrow ? 8 : 15,
            axisName: { color: theme.ink, fontSize: 12, lineHeight: 14 },
            splitNumber: 4,
            splitArea: { show: false },
            splitLine: { lineStyle: { color: theme.line } },
            axisLine: { lineStyle: { color: theme.line } },
        },
        series: [{
            type: 'radar',
            symbolSize: 5,
            data: lines.map((it) => ({
                name: segmentLabel(it, 24),
                value: shown.map((axis) => place(axis, it.segment) ?? '-'),
                itemStyle: { color: segmentColor(it.segment, theme) },
                lineStyle: { color: segmentColor(it.segment, theme), width: it.segment === null ? 1.5 : 2.5, type: it.segment === null ? [2, 3] : segmentDash(it.segment) },
                areaStyle: { color: segmentColor(it.segment, theme), opacity: it.segment === null ? 0 : 0.1 },
            })),
        }],
    };
}

/** Returns the names of axes in so many lines of at most so many letters each: a level has the last one, where levels of a column are told apart. */
function namesOf(data, shown, length, n) {
    const hasLevel = ({ row }) => row.level !== null && row.level !== undefined;
    const levels = shown.filter(hasLevel).map(({ row }) => row);
    const called = new Map(distinct(levels, 'column_name').flatMap((column) => {
        const own = levels.filter((row) => row.column_name === column);
        return levelNames(own.map((row) => row.level), length).map((name, i) => [own[i], name]);
    }));
    return shown.map((axis) => {
        const name = label(data, axis.row.column_name, 60);
        return hasLevel(axis) ? `${inLines(name, length, n - 1)}\n${called.get(axis.row)}` : inLines(name, length, n);
    });
}

/** Returns a text in so many lines at most, each of at most so many letters. */
function inLines(text, length, n) {
    const words = text.split(' ');
    const lines = [];
    while (words.length > 0 && lines.length < n - 1) {
        let line = words.shift();
        while (words.length > 0 && line.length + words[0].length < length) line += ` ${words.shift()}`;
        lines.push(line);
    }
    return [...lines, ...(words.length > 0 ? [words.join(' ')] : [])].map((it) => short(it, length)).join('\n');
}

function tell(data, shown, line) {
    return [segmentLabel(line, 40), ...shown.map((axis) => `${axisLabel(data, axis, 30)}: ${written(data, axis, line.segment)}`)].join('\n');
}

/** Returns the option of the chosen segment against all customers. */
export function option(data, theme, state = {}) {
    return radar(data, theme, shownSegments(data, state, false), state);
}

/** Returns the option of the segments that are compared. */
export function comparison(data, theme, state = {}) {
    return radar(data, theme, shownSegments(data, state, true), state);
}

/** Returns the sentence about the chosen segment: where it is above and below all customers. */
export function sentence(data, state = {}) {
    const [segment] = shownSegments(data, state, false);
    const shown = telling(data, [segment], most);
    const far = (axis) => distance(data, axis, segment) ?? 0;
    const named = (axis) => axisLabel(data, axis, 40);
    const above = shown.filter((axis) => far(axis) > 0.1).sort((a, b) => far(b) - far(a)).slice(0, 3).map(named);
    const below = shown.filter((axis) => far(axis) < -0.1).sort((a, b) => far(a) - far(b)).slice(0, 3).map(named);
    const parts = [above.length && `more of ${list(above)}`, below.length && `less of ${list(below)}`].filter(Boolean);
    const words = parts.length > 0 ? `${parts.join(', and ')} than all customers` : 'about what all customers have';
    return `${segmentName(segmentOf(data, segment))}: ${words}.${leftOut(data, shown)}`;
}

/** Returns the sentence about the segments that are compared: the axis on which they are farthest apart. */
export function comparisonSentence(data, state = {}) {
    const segments = shownSegments(data, state, true);
    const shown = telling(data, segments, most);
    if (shown.length === 0) return 'Nothing is known in which these segments could be compared.';
    const apart = (axis) => {
        const known = segments.map((it) => distance(data, axis, it)).filter((it) => it !== null);
        return known.length > 1 ? Math.max(...known) - Math.min(...known) : -1;
    };
    const widest = shown.reduce((a, b) => (apart(b) > apart(a) ? b : a));
    return `They are farthest apart in ${axisLabel(data, widest, 60)}: ${list(segments.map((it) => `${written(data, widest, it)} for ${segmentName(segmentOf(data, it), 40)}`))}.${leftOut(data, shown)}`;
}

function leftOut(data, shown) {
    const all = axes(data).length;
    return all > shown.length ? ` The picture has the ${number(shown.length)} axes of ${number(all)} that tell most.` : '';
}

/** Returns why there is no radar, or null. */
export function missing(data, state, isComparison = false) {
    const segments = shownSegments(data, state, isComparison);
    const n = telling(data, segments, most).length;
    return n >= 3 ? null : { why: `A radar takes three columns or more in which the segment is known; here there ${n === 1 ? 'is' : 'are'} ${n === 0 ? 'none' : plural(n, 'column')}.${n > 0 ? ' The profile has the numbers.' : ''}` };
}

/** Returns the numbers as a table. */
export function table(data, state = {}) {
    return axesTable(data, shownSegments(data, state, false), (it) => segmentLabel(it, 60));
}

/** Returns the numbers of the segments that are compared as a table. */
export function comparisonTable(data, state = {}) {
    return axesTable(data, shownSegments(data, state, true), (it) => segmentLabel(it, 60));
}
