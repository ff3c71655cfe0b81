import { option, sentence, table } from '../charts/parallel.js';

/** The compared segments as lines over their axes. */
export default {
    name: 'parallel',
    title: 'Parallel coordinates',
    parts: ['radar'],
    optional: ['profile'],
    isComparison: true,
    span: 6,
    height: 400,
    sentence,
    chart: option,
    table,
};
