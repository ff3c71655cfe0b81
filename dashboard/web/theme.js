// theme.js
//	  The colours of pages, charts and reports.
//
// A segment has the colour of its number everywhere.  Lines and areas differ by dash as well, so
// that nobody has to tell colours apart; names stand beside.  Text never stands on these colours.

import { count } from './format.js';

const wheel = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8c7a00', '#7f868c'];
const dashes = ['solid', [7, 3], [2, 3], [9, 3, 2, 3], [12, 4], [4, 2], [2, 2, 7, 2], [1, 4]];

export const light = {
    name: 'light',
    ground: '#f5f6f7',
    card: '#ffffff',
    line: '#d9dde1',
    ink: '#1c2227',
    muted: '#545d66',
    accent: '#00598c',
    noise: '#9aa1a8',
    all: '#4a525a',
    good: '#006b4e',
    watch: '#8a5a00',
    bad: '#b03000',
    // red, white, blue: from below to above
    diverging: ['#b2182b', '#ef8a62', '#fddbc7', '#f7f7f7', '#d1e5f0', '#67a9cf', '#2166ac'],
    sequential: ['#eef4f9', '#b9d4e8', '#6aa6d0', '#1f6fa8', '#08406e'],
};

export const dark = {
    name: 'dark',
    ground: '#111417',
    card: '#1a1e22',
    line: '#3a4148',
    ink: '#eceff1',
    muted: '#abb3bb',
    accent: '#7cc4f4',
    noise: '#7b838a',
    all: '#c3c9cf',
    good: '#4fd0a5',
    watch: '#f0b23c',
    bad: '#ff8f66',
    diverging: ['#e8806f', '#a9483f', '#5b332f', '#2a2f34', '#2b4256', '#3c75a4', '#78b4e4'],
    sequential: ['#20303d', '#27506f', '#2f75a8', '#5ba3d6', '#a9d4f3'],
};

// in single quotes: it stands in attributes of SVG
export const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', 'Liberation Sans', sans-serif";

/** Returns the theme of that name; anything but dark is light. */
export function themeOf(name) {
    return name === 'dark' ? dark : light;
}

/** Returns the colour of a segment by its number; null stands for all customers, 0 for noise. */
export function segmentColor(segment, theme) {
    if (segment === null || segment === undefined) return theme.all;
    const number = Number(segment);
    if (!(number > 0)) return theme.noise;
    return wheel[(number - 1) % wheel.length];
}

/** Returns the dash of a segment's line, as a type of ECharts. */
export function segmentDash(segment) {
    const number = Number(segment);
    if (!(number > 0)) return [3, 3];
    return dashes[(number - 1 + Math.floor((number - 1) / wheel.length)) % dashes.length];
}

function channel(value) {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

/** Returns the relative luminance of a colour #rrggbb, 0 to 1 (WCAG 2). */
export function luminance(color) {
    const [red, green, blue] = [1, 3, 5].map((at) => channel(parseInt(color.slice(at, at + 2), 16)));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Returns the contrast of two colours, 1 to 21 (WCAG 2). */
export function contrast(a, b) {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
}

/** Returns the colour, black or white, that is read best on a ground. */
export function inkOn(ground) {
    return contrast('#000000', ground) >= contrast('#ffffff', ground) ? '#000000' : '#ffffff';
}

/** Returns the colour at a place, 0 to 1, of a scale of colours. */
export function colorAt(scale, place) {
    const at = Math.min(1, Math.max(0, place)) * (scale.length - 1);
    const from = Math.min(scale.length - 2, Math.floor(at));
    const part = at - from;
    return `#${[1, 3, 5].map((digit) => {
        const [low, high] = [scale[from], scale[from + 1]].map((it) => parseInt(it.slice(digit, digit + 2), 16));
        return Math.round(low + (high - low) * part).toString(16).padStart(2, '0');
    }).join('')}`;
}

/** Returns what every chart has in common: font, ink, no animation, no colours of ECharts' own. */
export function base(theme) {
    return {
        animation: false,
        backgroundColor: 'transparent',
        color: wheel,
        textStyle: { fontFamily, fontSize: 13, color: theme.ink },
    };
}

/** Returns the looks of a value axis or of a category axis; the caller adds its own.  Where whole numbers are written, steps are whole, or two of them would read the same. */
export function axis(theme, more = {}) {
    return {
        axisLine: { lineStyle: { color: theme.line } },
        axisTick: { show: false },
        splitLine: { lineStyle: { color: theme.line } },
        nameTextStyle: { color: theme.muted, fontSize: 12 },
        nameLocation: 'middle',
        ...(more.axisLabel?.formatter === count ? { minInterval: 1 } : {}),
        ...more,
        axisLabel: { color: theme.ink, fontSize: 12, hideOverlap: true, ...more.axisLabel, ...(more.type === 'value' ? tick(more.axisLabel?.formatter) : {}) },
    };
}

/** Returns the formatter of an axis without decimals that say nothing: £0, not £0.00. */
function tick(formatter) {
    return typeof formatter === 'function' ? { formatter: (...given) => String(formatter(...given)).replace(/\.0+(?!\d)/, '') } : {};
}

/** Returns a tooltip that is drawn into the picture: text, never HTML. */
export function tooltip(theme, more = {}) {
    return {
        renderMode: 'richText',
        confine: true,
        backgroundColor: theme.card,
        borderColor: theme.line,
        textStyle: { color: theme.ink, fontSize: 12, fontFamily },
        ...more,
    };
}

const letter = 7;
const lineHeight = 22;
const mostLines = 4;

/**
 * Returns the legend of so many names below a picture, {legend, room}, in lines that need "room" pixels; of too many names it has the first.
 * The looks of the symbols may be given.
 */
export function legendBelow(theme, names, width, more = {}) {
    const limit = Math.min(220, width - 50);
    const shown = [];
    let [lines, used] = [1, 0];
    for (const it of names) {
        const size = Math.min(limit, [...(it.name ?? it)].length * letter) + (more.itemWidth ?? 16) + 16;
        if (used > 0 && used + size > width) [lines, used] = [lines + 1, 0];
        if (lines > mostLines) break;
        used += size;
        shown.push(it);
    }
    return {
        legend: {
            bottom: 0, left: 'center', itemWidth: 16, itemHeight: 10, itemGap: 12, data: shown, selectedMode: false,
            textStyle: { color: theme.ink, fontSize: 12, fontFamily, width: limit, overflow: 'truncate' }, ...more,
        },
        room: Math.min(lines, mostLines) * lineHeight + 6,
    };
}
