import { auditSentence as sentence, auditTable as table } from '../charts/governance.js';

/** Who did what, and when. */
export default {
    name: 'audit',
    title: 'Who did what',
    parts: ['audit'],
    kinds: ['segments', 'purchases', 'value', 'probability'],
    span: 12,
    height: 360,
    sentence,
    table,
    caption: 'Who did what',
};
