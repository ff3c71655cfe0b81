import { height, missing, option, sentence, table } from '../charts/affinity.js';

/** What to promote in the chosen segment, and what its customers never buy. */
export default { name: 'affinity', title: 'What they like, and what not', parts: ['affinity'], span: 12, height, missing, sentence, chart: option, table };
