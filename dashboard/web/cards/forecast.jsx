import { option, sentence, table } from '../charts/forecast.js';

/** How large the segments will be. */
export default { name: 'forecast', title: 'Where the sizes go', parts: ['forecast'], span: 6, height: 340, sentence, chart: option, table };
