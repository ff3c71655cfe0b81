import { missing, option, sentence, table } from '../charts/radar.js';

/** The chosen segment against all customers. */
export default {
    name: 'radar',
    title: 'Against all customers',
    parts: ['radar'],
    optional: ['profile'],
    span: 6,
    height: 380,
    missing,
    sentence,
    chart: option,
    table,
};
