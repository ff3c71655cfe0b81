import { sentence, table } from '../charts/tests.js';

/** Tests of each column. */
export default {
    name: 'tests',
    title: 'More than chance?',
    parts: ['test'],
    span: 12,
    height: (about) => Math.min(420, 60 + 33 * (about.features?.length ?? 5)),
    sentence,
    table,
    caption: 'Tests of each column',
};
