import { option, sentence, table } from '../charts/sizes.js';

/** The share of the customers that each segment had over time. */
export default { name: 'sizes', title: 'Sizes over time', parts: ['sizes'], span: 12, height: 360, sentence, chart: option, table };
