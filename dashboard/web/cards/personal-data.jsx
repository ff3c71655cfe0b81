import { personalSentence as sentence, personalTable as table } from '../charts/governance.js';

/** What is kept of single customers, why, and how to be rid of it. */
export default {
    name: 'personal-data',
    title: 'What is kept of single customers',
    parts: ['personal_data'],
    span: 12,
    height: 300,
    sentence,
    table,
    caption: 'What is kept of single customers',
};
