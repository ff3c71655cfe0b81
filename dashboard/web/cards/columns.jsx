import { sentence, table } from '../charts/columns.js';

/** The columns of the source. */
export default {
    name: 'columns',
    title: 'Columns',
    parts: ['description'],
    span: 12,
    height: (about) => Math.min(420, 60 + 56 * (about.features?.length ?? 5)),
    sentence,
    table,
    caption: 'Columns of the source',
};
