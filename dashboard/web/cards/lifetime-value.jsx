import { intervalsHeight } from '../charts/intervals.js';
import { option, sentence, table } from '../charts/lifetime-value.js';

/** What each segment is worth from now on, with the interval in which that will lie. */
export default {
    name: 'lifetime-value',
    title: 'What each segment will be worth',
    parts: ['value_history'],
    span: 6,
    height: (about) => Math.max(340, intervalsHeight((about.n_segments ?? 4) + 1)),
    sentence,
    chart: option,
    table,
};
