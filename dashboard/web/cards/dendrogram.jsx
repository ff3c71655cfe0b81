import { missing, option, sentence, table } from '../charts/dendrogram.js';

/** The tree of merges. */
export default {
    name: 'dendrogram',
    title: 'Tree of merges',
    parts: ['training'],
    span: 6,
    height: 360,
    missing,
    sentence,
    chart: option,
    table,
};
