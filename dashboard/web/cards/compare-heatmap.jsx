import { height, option, sentence, table } from '../charts/heatmap.js';

const only = (state) => ({ ...state, only: 'compared' });

/** The compared segments by columns, as colours with numbers. */
export default {
    name: 'compare-heatmap',
    title: 'How far from all customers',
    parts: ['profile'],
    isComparison: true,
    span: 12,
    height: (about) => height((about.features ?? []).reduce((n, it) => n + (it.kind === 'categorical' ? 4 : 1), 0)),
    sentence: (data, state) => sentence(data, only(state)),
    chart: (data, theme, state) => option(data, theme, only(state)),
    table: (data, state) => table(data, only(state)),
};
