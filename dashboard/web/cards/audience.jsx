import { audienceOption, audienceSentence, audienceTable, height } from '../charts/campaigns.js';

/** Whom campaigns address, and who is held out. */
export default { name: 'audience', title: 'Whom campaigns address', parts: ['audience'], span: 6, height, sentence: audienceSentence, chart: audienceOption, table: audienceTable };
