import { comparison, comparisonSentence, comparisonTable, missing } from '../charts/radar.js';

/** The compared segments over each other. */
export default {
    name: 'compare-radar',
    title: 'Side by side',
    parts: ['radar'],
    optional: ['profile'],
    isComparison: true,
    span: 6,
    height: 400,
    missing: (data, state) => missing(data, state, true),
    sentence: comparisonSentence,
    chart: comparison,
    table: comparisonTable,
};
