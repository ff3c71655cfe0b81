import { customerRequest, historySentence as sentence, historyTable as table, nobody as missing } from '../charts/governance.js';

/** The segments of one customer over time, with the reasons. */
export default {
    name: 'history',
    title: 'What became of the customer',
    parts: ['customer_form'],
    span: 6,
    height: 200,
    missing,
    compute: customerRequest('history'),
    sentence,
    table,
    caption: 'Changes of the customer, the newest first',
};
