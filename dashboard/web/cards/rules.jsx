import { sentence, table } from '../charts/rules.js';

/** Rules that describe the segments. */
export default {
    name: 'rules',
    title: 'The segments as rules',
    parts: ['surrogate'],
    span: 12,
    height: (about) => Math.min(420, 60 + 50 * (about.n_segments ?? 5)),
    sentence,
    table,
    caption: 'Rules of each segment',
};
