// export.js
//	  A card as a file: CSV of its numbers, SVG and PNG of its picture.

import { cell, short } from './format.js';
import { fontFamily } from './theme.js';

function csvField(value) {
    if (value === null || value === undefined) return '';
    const raw = typeof value === 'object' ? ('value' in value ? value.value ?? '' : value.text ?? '') : value;
    // a spreadsheet would run a text that begins like a formula, as "-1+..." does; "-1.5" is a number
    const isFormula = typeof raw === 'string' && /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/.test(raw) && !/^-[\d.,]+(?:e[+-]?\d+)?\s?%?$/i.test(raw);
    const text = isFormula ? `'${raw}` : String(raw ?? '');
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/** Returns a table as CSV (RFC 4180): numbers in full, what is not known as nothing. */
export function csv(table) {
    const lines = [table.columns.map((column) => column.label), ...table.rows];
    return lines.map((line) => line.map(csvField).join(',')).join('\r\n') + '\r\n';
}

/** Returns a text for XML. */
export function xml(text) {
    // XML knows no control characters
    return String(text).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, ' ')
        .replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

function textLine(text, x, y, size, color, weight = 400, anchor = 'start') {
    return `<text x="${x}" y="${y}" font-family="${xml(fontFamily)}" font-size="${size}" font-weight="${weight}" fill="${color}" text-anchor="${anchor}">${xml(text)}</text>`;
}

/** Breaks a text into lines of at most so many letters. */
export function lines(text, length) {
    const result = [''];
    for (const word of String(text ?? '').split(/\s+/)) {
        const last = result[result.length - 1];
        if (last && last.length + word.length + 1 > length) result.push(word);
        else result[result.length - 1] = last ? `${last} ${word}` : word;
    }
    return result.filter(Boolean);
}

const margin = 16;

/** Returns a card as an SVG of its own: title, sentence, picture and the line that says as of when. */
export function frame({ title, sentence, picture, width: inside, height, foot, theme }) {
    const width = inside + 2 * margin;
    const words = lines(sentence, Math.floor(inside / 6.8));
    const top = 44 + words.length * 20;
    const notes = lines(foot, Math.floor(inside / 6.6));
    const total = top + height + 18 + 17 * Math.max(1, notes.length);
    const head = [textLine(title, margin, 28, 17, theme.ink, 600), ...words.map((line, i) => textLine(line, margin, 52 + i * 20, 13, theme.ink))];
    const below = notes.map((line, i) => textLine(line, margin, top + height + 22 + i * 17, 12, theme.muted));
    const inner = picture.replace(/^<svg /, `<svg x="${margin}" y="${top}" `);
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}">`
        + `<rect width="${width}" height="${total}" fill="${theme.card}"/>${head.join('')}${inner}${below.join('')}</svg>`;
}

/** Returns a table drawn as SVG, for cards without a chart: {picture, width, height}; it is wider than asked for where its columns need it. */
export function tablePicture(table, { width: least, theme, currency }) {
    const most = 60;
    const rows = table.rows.slice(0, most);
    const texts = [table.columns.map((column) => column.label), ...rows.map((row) => row.map((value, i) => {
        const raw = value !== null && typeof value === 'object' ? value.text : value;
        return cell(raw, table.columns[i].kind, currency);
    }))];
    const sizes = table.columns.map((_, i) => Math.min(64, Math.max(...texts.map((line) => [...line[i]].length))) + 3);
    const letters = sizes.reduce((a, b) => a + b, 0);
    const letter = Math.max(7.2, least / letters);
    const width = Math.ceil(letter * letters);
    const starts = sizes.map((_, i) => letter * sizes.slice(0, i).reduce((a, b) => a + b, 0));
    const cells = texts.flatMap((line, y) => line.map((text, i) => textLine(short(text, sizes[i]), starts[i].toFixed(1), 20 + y * 24, 12, theme.ink, y === 0 ? 600 : 400)));
    const left = table.rows.length - rows.length;
    if (left > 0) cells.push(textLine(`… and ${left} rows more: see the CSV`, 0, 20 + texts.length * 24, 12, theme.muted));
    const height = (texts.length + (left > 0 ? 1 : 0)) * 24 + 8;
    return { picture: `<svg width="${width}" height="${height}">${cells.join('')}</svg>`, width, height };
}

/** Lets the reader save a file. */
export function save(file, content, type) {
    const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
    const link = Object.assign(document.createElement('a'), { href: url, download: file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** Returns a promise of an SVG as a PNG of twice its size. */
export async function png(svg, scale = 2) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width * scale, height: image.height * scale });
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve, reject) => { canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture could not be made.'))), 'image/png'); });
}

/** Returns a name of a file from what a person may have named: letters, digits and hyphens. */
export function fileName(...words) {
    return words.map((word) => String(word).normalize('NFKC').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60)).filter(Boolean).join('_') || 'card';
}
