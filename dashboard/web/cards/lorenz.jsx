import { option, sentence, table } from '../charts/lorenz.js';

/** How unequally the customers share in the value. */
export default { name: 'lorenz', title: 'Who carries the value', parts: ['lorenz'], optional: ['concentration'], span: 6, height: 340, sentence, chart: option, table };
