import { dictionarySentence as sentence, dictionaryTable as table } from '../charts/governance.js';

/** What the columns mean, where they come from, and who answers for them. */
export default {
    name: 'dictionary',
    title: 'What the columns mean',
    parts: ['dictionary'],
    kinds: ['segments', 'purchases', 'value', 'probability'],
    span: 12,
    height: 300,
    sentence,
    table,
    caption: 'What the columns mean',
};
