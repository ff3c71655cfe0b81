// picture.js
//	  An option of ECharts as an SVG that stands in a document: drawn without a browser, without
//	  script, style sheet or address, and the same bytes for the same option.

import { setPlatformAPI } from 'echarts/core';
import { init } from '../web/echarts.js';
import { fontFamily } from '../web/theme.js';
import { escape, raw } from './html.js';
import { widthOf } from './text.js';

// As in the bundle of the page, ECharts does not check what charts ask of it.
process.env.NODE_ENV ??= 'production';

// Nothing measures text here but a table of widths.
setPlatformAPI({
    measureText: (text, font) => {
        const size = Number(/(\d+(?:\.\d+)?)px/.exec(font ?? '')?.[1] ?? 12);
        return { width: widthOf(text, size, /\b(?:bold|[6-9]00)\b/.test(font ?? '')) };
    },
});

/** Draws an option and returns the SVG as ECharts writes it. */
function draw(option, width, height) {
    const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
    try {
        // what only a browser can do leaves traces in the drawing; the font is the document's
        chart.setOption({ ...option, textStyle: { ...option.textStyle, fontFamily: 'sans-serif' }, animation: false, tooltip: { show: false } });
        return chart.renderToSVGString();
    } finally {
        chart.dispose();
    }
}

/** Returns attributes for a style of text; its family is the document's, and 12 px is what most of it has. */
function attributesOf(style) {
    const size = /(\d+(?:\.\d+)?)px/.exec(style)?.[1] ?? '12';
    const weight = /\b(bold|[1-9]00)\b/.exec(style)?.[1];
    return `${size === '12' ? '' : ` font-size="${size}"`}${weight ? ` font-weight="${weight}"` : ''}`;
}

/** Returns the drawing without what a document does not need, its names of parts made from the content. */
function tidy(svg) {
    const lean = svg
        .replaceAll(fontFamily, 'sans-serif')
        .replace(/<style[\s\S]*?<\/style>\s*/g, '')
        .replace(/^<svg [^>]*>\s*/, '')
        .replace(/\s*<\/svg>\s*$/, '')
        .replace(/<rect [^>]*fill="(?:none|transparent)"[^>]*><\/rect>\s*/g, '')
        .replace(/ (?:class|ecmeta_\w+|pointer-events|xmlns(?::\w+)?|xml:space)="[^"]*"/g, '')
        .replace(/<path [^>]*transform="matrix\(0,0,0,0,[^>]*><\/path>\s*/g, '')	// symbols without a size, of which only the label shows
        .replace(/ dominant-baseline="central"/g, ' dy=".35em"')
        .replace(/ text-anchor="start"/g, '')
        .replace(/ style="(font[^"]*)"/g, (_, style) => attributesOf(style))
        .replace(/-?\d+\.\d{2,}/g, (digits) => String(Math.round(Number(digits) * 10) / 10 || 0))
        .replace(/><\/(?:path|rect|circle|polyline|polygon|ellipse|line)>/g, '/>')
        .replace(/>\s+</g, '><');
    return lean.replace(/\bzr\d+-/g, `${hash(lean.replace(/\bzr\d+-/g, ''))}-`);
}

/** Returns a short name made from a text (FNV-1a), for what must differ from picture to picture. */
function hash(text) {
    let sum = 0x811c9dc5;
    for (let i = 0; i < text.length; i += 1) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193) >>> 0;
    return `p${sum.toString(36)}`;
}

/** Returns the picture of an option as Markup, shown "scale" times as large as drawn; "label" says what it shows to those who do not see it. */
export function picture(option, { width, height, label, scale = 1 }) {
    return raw(`<svg class="picture" role="img" aria-label="${escape(label)}" viewBox="0 0 ${width} ${height}" width="${Math.round(width * scale)}" height="${Math.round(height * scale)}">${tidy(draw(option, width, height))}</svg>`);
}
