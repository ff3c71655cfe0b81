import { effects, effectsSentence, height, table } from '../charts/importance.js';

/** How far the segments differ in each feature. */
export default {
    name: 'differences',
    title: 'In what the segments differ',
    parts: ['importance'],
    span: 6,
    height: (about) => height(about.features?.length),
    sentence: effectsSentence,
    chart: effects,
    table,
};
