import { height, option, sentence, table } from '../charts/fairness.js';

/** How the groups of an attribute are spread over the segments. */
export default { name: 'fairness', title: 'Fairness', parts: ['fairness'], span: 12, height: (about) => height(about.n_segments), sentence, chart: option, table };
