import { surveySentence as sentence, surveyTable as table } from '../charts/gate.js';

/** What customers say of their segments. */
export default { name: 'survey', title: 'What customers say', parts: ['survey'], span: 12, height: 160, sentence, table, caption: 'Survey' };
