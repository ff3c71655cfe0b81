// rulers.js
//	  Lines across a chart at given values, each with its name: limits, marks in time, no effect.

import { fontFamily } from '../theme.js';

/** Returns a series of lines: "across" are [{at, label}] at values of the vertical axis, "upright" at those of the horizontal one.  It does not stretch the axes. Names of upright lines stand above the chart where "isAbove" says that there is room. */
export function rulers(theme, { across = [], upright = [], isAbove = false }) {
    const lines = [...across.map((it) => ({ ...it, isUpright: false })), ...upright.map((it) => ({ ...it, isUpright: true }))];
    return {
        type: 'custom', silent: true, z: 1, tooltip: { show: false },
        data: lines.map(() => ['-', '-']),
        renderItem: ({ dataIndex, coordSys }, api) => {
            const { at, label, isUpright } = lines[dataIndex];
            const place = api.coord(isUpright ? [at, 0] : [0, at])[isUpright ? 0 : 1];
            const [from, to] = isUpright ? [coordSys.x, coordSys.x + coordSys.width] : [coordSys.y, coordSys.y + coordSys.height];
            if (!(place >= from - 1 && place <= to + 1)) return null;
            return { type: 'group', children: [line(theme, place, isUpright, coordSys), ...(label ? [text(theme, label, place, { isUpright, isAbove }, coordSys)] : [])] };
        },
    };
}

function line(theme, place, isUpright, { x, y, width, height }) {
    const shape = isUpright ? { x1: place, x2: place, y1: y, y2: y + height } : { x1: x, x2: x + width, y1: place, y2: place };
    return { type: 'line', shape, style: { stroke: theme.muted, lineWidth: 1, lineDash: [4, 3], fill: null } };
}

/** The name stands at the end of the line, within the chart or above it, on the side where there is more room. */
function text(theme, label, place, { isUpright, isAbove }, { x, y, width }) {
    const isRight = isUpright && place > x + width / 2;
    const room = isUpright ? Math.max(place - x, x + width - place) - 4 : width - 8;
    const at = isUpright ? { x: place + (isRight ? -4 : 4), y: isAbove ? y - 4 : y + 2, align: isRight ? 'right' : 'left', verticalAlign: isAbove ? 'bottom' : 'top' }
        : { x: x + width - 4, y: place - 3, align: 'right', verticalAlign: 'bottom' };
    return { type: 'text', style: { ...at, text: label, fill: theme.muted, font: `12px ${fontFamily}`, width: room, overflow: 'truncate', ellipsis: '…' } };
}
