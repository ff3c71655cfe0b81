import { missing, option, sentence, table } from '../charts/scree.js';

/** The scree plot. */
export default {
    name: 'scree',
    title: 'Principal components',
    parts: [],
    optional: ['training', 'projection'],
    span: 6,
    height: 340,
    missing,
    sentence,
    chart: option,
    table,
};
