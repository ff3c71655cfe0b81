import { height, option, sentence, table } from '../charts/customers-and-value.js';

/** Twin bars of customers and value by segment. */
export default {
    name: 'customers-and-value',
    title: 'Customers and value by segment',
    parts: ['summary'],
    span: 8,
    height: (about) => height(about.n_segments),
    sentence,
    chart: option,
    table,
};
