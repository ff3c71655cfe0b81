import { missing, sentence, table } from '../charts/feed.js';

/** Who acts on changes, and how far behind. */
export default { name: 'consumers', title: 'Who acts on changes', parts: ['feed'], span: 6, height: 160, missing, sentence, table, caption: 'Consumers of changes' };
