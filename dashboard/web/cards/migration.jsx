import { height, option, sentence, table } from '../charts/migration.js';

/** Where customers went in the last run that placed them anew. */
export default { name: 'migration', title: 'Who moved', parts: ['migration'], optional: ['placings'], span: 6, height: (about) => height(about.n_segments), sentence, chart: option, table };
