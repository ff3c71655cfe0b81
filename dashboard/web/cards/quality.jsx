import { sentence, table } from '../charts/quality.js';

/** Whether the customers of today are such as the model was trained on. */
export default {
    name: 'quality',
    title: 'Quality of the data',
    parts: ['quality'],
    span: 12,
    height: 200,
    sentence,
    table,
    caption: 'Quality of the data',
};
