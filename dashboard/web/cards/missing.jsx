import { option, sentence, table } from '../charts/missing.js';

/** Patterns of missing values. */
export default {
    name: 'missing',
    title: 'What is missing',
    parts: ['missing'],
    optional: ['description'],
    span: 6,
    height: 280,
    sentence,
    chart: option,
    table,
};
