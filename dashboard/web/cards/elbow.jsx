import { elbow, missing, sentence, table } from '../charts/choose-k.js';

/** How many segments: the elbow and the silhouette. */
export default {
    name: 'elbow',
    title: 'How many segments',
    parts: ['training'],
    span: 6,
    height: 340,
    missing,
    sentence,
    chart: elbow,
    table,
};
