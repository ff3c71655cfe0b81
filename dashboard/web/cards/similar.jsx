import { customerRequest, similarSentence as sentence, similarTable as table, nobody as missing } from '../charts/governance.js';

/** The customers who are most like one. */
export default {
    name: 'similar',
    title: 'Customers like this one',
    parts: ['customer_form'],
    span: 6,
    height: 200,
    missing,
    compute: customerRequest('similar'),
    sentence,
    table,
    caption: 'Customers like this one, the nearest first',
};
