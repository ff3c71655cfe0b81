import { height, option, sentence, table } from '../charts/heatmap.js';

const columnsOf = (about) => (about.features ?? []).reduce((n, it) => n + (it.kind === 'categorical' ? 4 : 1), 0);

/** Segments by columns, as colours with numbers. */
export default {
    name: 'heatmap',
    title: 'How far from all customers',
    parts: ['heatmap'],
    span: 12,
    height: (about) => height(columnsOf(about)),
    sentence,
    chart: option,
    table,
};
