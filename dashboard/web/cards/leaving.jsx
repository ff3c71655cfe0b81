import { barsHeight } from '../charts/bars.js';
import { missing, option, sentence, table } from '../charts/leaving.js';

/** How many customers of each segment are leaving, and what they would be worth. */
export default { name: 'leaving', title: 'Who is leaving', parts: ['value_history'], span: 6, height: (about) => Math.min(420, barsHeight(about.n_segments ?? 4)), missing, sentence, chart: option, table };
