import { missing, option, sentence, table } from '../charts/journey.js';

/** How the customers of the chosen segment go from step to step. */
export default { name: 'journey', title: 'What comes next', parts: ['journey'], span: 6, height: 400, missing: missing('journey'), sentence, chart: option, table };
