import { sentence, table } from '../charts/comparison.js';

/** The compared segments in a table. */
export default {
    name: 'comparison',
    title: 'In numbers',
    parts: ['summary', 'profile'],
    isComparison: true,
    span: 12,
    height: (about) => Math.min(420, 200 + 33 * (about.features?.length ?? 5)),
    sentence,
    table,
    caption: 'The segments beside each other, the column in which they are farthest apart first',
};
