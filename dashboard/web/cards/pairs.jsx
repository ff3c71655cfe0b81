import { dimensions, pairPlot, sentence, table } from '../charts/projection.js';

/** All pairs of the components. */
export default {
    name: 'pairs',
    title: 'All pairs of components',
    parts: ['projection'],
    span: 6,
    height: 520,
    missing: (data) => (dimensions(data) >= 2 ? null : { why: 'The projection has one dimension only: the model has a single numeric feature.' }),
    sentence,
    chart: pairPlot,
    table,
};
