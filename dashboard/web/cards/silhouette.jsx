import { height, option, sentence, table } from '../charts/silhouette.js';

/** The silhouette plot. */
export default {
    name: 'silhouette',
    title: 'How clear the segments are',
    parts: ['silhouette'],
    span: 6,
    height: (about) => height(about.n_segments),
    sentence,
    chart: option,
    table,
};
