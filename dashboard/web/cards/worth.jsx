import { request, worthSentence } from '../charts/customer.js';
import { table as valueTable } from '../charts/lifetime-value.js';

/** What a customer of the segment is worth. */
export default { name: 'worth', title: 'What such a customer is worth', parts: ['customer_form', 'value_history'], span: 6, height: 60, compute: request, sentence: worthSentence, table: valueTable, render: () => null };
