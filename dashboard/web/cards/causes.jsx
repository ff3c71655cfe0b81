import { causesMissing as missing, causesOption as chart, causesSentence as sentence, causesTable as table } from '../charts/feed.js';

/** What makes customers change their segment. */
export default { name: 'causes', title: 'Why customers move', parts: ['feed'], span: 6, height: 180, missing, sentence, chart, table };
