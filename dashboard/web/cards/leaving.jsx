import { barsHeight } from '../charts/bars.js';
import { missing, option, sentence, table } from '../charts/leaving.js';

/** How many customers of each segment are still there, in doubt, or gone, and what those in doubt would be worth. */
export default { name: 'leaving', title: 'Who is still there', parts: ['value_history'], span: 6, height: (about) => Math.min(420, barsHeight(about.n_segments ?? 4)), missing, sentence, chart: option, table };
