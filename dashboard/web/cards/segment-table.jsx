import { table } from '../charts/segment-table.js';

/** All segments in a table that leads to each. */
export default {
    name: 'segment-table',
    title: 'All segments',
    parts: ['summary'],
    optional: ['previous', 'value'],
    span: 12,
    height: (about) => 40 + 33 * (about.n_segments ?? 5),
    table,
    caption: 'All segments',
};
