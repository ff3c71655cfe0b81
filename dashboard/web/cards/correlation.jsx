import { option, sentence, table } from '../charts/correlation.js';

/** Correlations of columns. */
export default {
    name: 'correlation',
    title: 'What goes together',
    parts: ['correlation'],
    optional: ['description'],
    span: 6,
    height: (about) => Math.min(460, 180 + 24 * (about.features?.length ?? 6)),
    sentence,
    chart: option,
    table,
};
