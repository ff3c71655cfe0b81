import { missing, option, sentence, table } from '../charts/k-distance.js';

/** The k-distance curve. */
export default {
    name: 'k-distance',
    title: 'Radius of the density',
    parts: ['training'],
    span: 6,
    height: 340,
    missing,
    sentence,
    chart: option,
    table,
};
