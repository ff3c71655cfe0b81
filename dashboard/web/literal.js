// literal.js
//	  Texts as they stand in SQL that a page shows; apart from parts.js, whose words come after the first paint.

// characters that cannot be seen, or that turn the text that follows
const unseen = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

/** Returns a text as a literal of SQL; what cannot be seen is written by its number. */
export function literal(text) {
    const quoted = String(text).replace(/'/g, "''");
    if (quoted.search(unseen) < 0) return `'${quoted}'`;
    return `U&'${quoted.replace(/\\/g, '\\\\').replace(unseen, (it) => `\\${it.codePointAt(0).toString(16).padStart(4, '0')}`)}'`;
}
