// text.js
//	  How wide text is, where no browser says so: a table of the widest common font, DejaVu Sans, so that
//	  what fits by it fits in all others.

// Widths of the characters from space to tilde, in hundredths of the font's size.
const regular = [32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 53,
    100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50,
    50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84];
const bold = [35, 46, 52, 84, 70, 100, 87, 31, 46, 46, 52, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70, 70, 70, 70, 40, 40, 84, 84, 84, 58,
    100, 77, 76, 73, 83, 68, 68, 82, 84, 37, 37, 77, 64, 100, 84, 85, 73, 85, 77, 72, 68, 81, 77, 110, 77, 72, 73, 46, 37, 46, 84, 50,
    50, 67, 72, 59, 72, 68, 44, 72, 71, 34, 34, 67, 34, 104, 71, 69, 72, 72, 49, 60, 48, 71, 65, 92, 65, 65, 58, 71, 37, 71, 84];

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

// Signs that take no room: isolates and the like.
const invisible = /^[\p{Mn}\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufe00-\ufe0f\ufeff]$/u;

/** Returns the width of one character, in sizes of the font. */
function widthOfCharacter(it, isBold) {
    const code = it.codePointAt(0);
    if (code >= 32 && code < 127) return (isBold ? bold : regular)[code - 32] / 100;
    if (invisible.test(it)) return 0;
    if (code === 0xa0) return 0.35;
    if (code < 0x2e80) return isBold ? 0.9 : 0.85;
    return 1.4;	// ideographs and pictures
}

/** Returns the width of one letter as it is seen: a font that does not join its characters shows them beside each other. */
function widthOfGrapheme(it, isBold) {
    return [...it].reduce((sum, character) => sum + widthOfCharacter(character, isBold), 0);
}

/** Returns the letters of a text as they are seen. */
export function letters(text) {
    return [...graphemes.segment(String(text))].map((it) => it.segment);
}

/** Returns how wide a text is in that size of font, or a little less. */
export function widthOf(text, size, isBold = false) {
    return letters(text).reduce((sum, it) => sum + widthOfGrapheme(it, isBold), 0) * size;
}

/** Returns the text cut to a width, with an ellipsis when something is left out. */
export function cut(text, width, size, isBold = false) {
    if (widthOf(text, size, isBold) <= width) return text;
    const kept = [];
    let sum = widthOf('…', size, isBold);
    for (const it of letters(text)) {
        sum += widthOfGrapheme(it, isBold) * size;
        if (sum > width) break;
        kept.push(it);
    }
    // an isolate that was opened is closed
    const opened = kept.filter((it) => /^[\u2066-\u2068]/.test(it)).length - kept.filter((it) => it === '\u2069').length;
    return `${kept.join('').trimEnd()}…${'\u2069'.repeat(Math.max(0, opened))}`;
}

/** Returns a text as a sentence that ends: with a full stop, unless it has an end or is cut. */
export function closed(text) {
    return text.trimEnd().replace(/[^.!?…]$/u, '$&.');
}

/** Returns whole sentences of a text that fit into so many letters; at least the beginning of the first. */
export function sentences(text, length) {
    const all = letters(text);
    if (all.length <= length) return text;
    const head = all.slice(0, length).join('');
    const end = Math.max(head.lastIndexOf('. '), head.lastIndexOf('; '));
    if (end > length / 5) return `${head.slice(0, end)}.`;
    const comma = head.lastIndexOf(', ');
    if (comma > length / 3) return `${head.slice(0, comma)}, …`;
    const space = head.lastIndexOf(' ');
    return `${(space > length / 3 ? head.slice(0, space) : head).trimEnd()} …`;
}
