import { height, lookalikeMissing, lookalikeOption, lookalikeSentence, lookalikeTable } from '../charts/campaigns.js';

/** Customers like those of a list: whether the list finds them, and where they come from. */
export default { name: 'lookalike', title: 'More like these', parts: ['lookalike'], span: 6, height, missing: lookalikeMissing, sentence: lookalikeSentence, chart: lookalikeOption, table: lookalikeTable };
