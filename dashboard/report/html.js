// html.js
//	  HTML from templates that escape what they are given.
//
// html`<p>${text}</p>` is Markup.  Texts in it are escaped, Markup is taken as it is, lists are joined,
// and what is null, undefined or false is nothing.  Names that people gave are hostile text: nothing
// else in this folder writes angle brackets around a value.

/** A piece of finished HTML. */
class Markup {
    constructor(text) {
        this.text = text;
    }

    toString() {
        return this.text;
    }
}

const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

// What no document may have: controls but tab and line feed, lone surrogates, what is no character.
// eslint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Returns a text as it may stand in an element or an attribute. */
export function escape(text) {
    return String(text).replace(forbidden, '\ufffd').replace(/[&<>"']/g, (letter) => entities[letter]);
}

/** Returns finished HTML, which is not escaped; for what this folder makes itself. */
export function raw(text) {
    return new Markup(text);
}

function write(value) {
    if (value === null || value === undefined || value === false) return '';
    if (value instanceof Markup) return value.text;
    if (Array.isArray(value)) return value.map(write).join('');
    return escape(value);
}

/** The tag of templates. */
export function html(strings, ...values) {
    return new Markup(strings.reduce((text, string, i) => text + write(values[i - 1]) + string));
}
