import { movesSentence, movesTable, probeRequest } from '../charts/customer.js';

/** The nearest change of each column that moves the customer to another segment. */
export default {
    name: 'moves',
    title: 'What would change the segment',
    parts: ['customer_form'],
    span: 6,
    height: 200,
    compute: probeRequest,
    sentence: movesSentence,
    table: movesTable,
    caption: 'Changes that move the customer, the nearest first',
};
