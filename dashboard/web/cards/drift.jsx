import { height, option, sentence, table } from '../charts/drift.js';

/** How far each column was from training, run by run. */
export default { name: 'drift', title: 'Drift of the columns', parts: ['drift'], span: 12, height: (about) => height(about.features?.length), sentence, chart: option, table };
