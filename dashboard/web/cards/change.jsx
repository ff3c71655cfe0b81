import { sentence, table } from '../charts/change.js';

/** What has changed in the last month, in sentences. */
export default { name: 'change', title: 'The last month in words', parts: ['change'], span: 12, height: 240, sentence, table, caption: 'The last month in words' };
