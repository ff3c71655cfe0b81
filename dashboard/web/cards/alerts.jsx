import { sentence, table } from '../charts/alerts.js';

/** Alerts that are open, and those that have closed. */
export default {
    name: 'alerts',
    title: 'Alerts',
    parts: ['alerts'],
    span: 12,
    height: 160,
    sentence,
    table,
    caption: 'Alerts',
};
