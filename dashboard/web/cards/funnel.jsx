import { funnelHeight as height, funnelOption as chart, funnelSentence as sentence, funnelTable as table, missing } from '../charts/journey.js';

/** How many customers of the chosen segment come to each step of a funnel. */
export default { name: 'funnel', title: 'The funnel', parts: ['funnel'], span: 6, height, missing: missing('funnel'), sentence, chart, table };
