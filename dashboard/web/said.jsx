// said.jsx
//	  What is to be said of a thing, each with its word, beside each other as far as there is room.

import { name } from './format.js';

/** Shows rows of two texts: a word, and what it is. */
export function Said({ rows }) {
    return <dl class="said">{rows.map(([what, value]) => <div><dt>{what}</dt><dd>{name(value)}</dd></div>)}</dl>;
}
