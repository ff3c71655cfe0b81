import { sentence, table } from '../charts/alerts.js';
import { TableOf } from '../scroll-table.jsx';

/** Alerts that are open, and those that have closed. */
export default {
    name: 'alerts',
    title: 'Alerts',
    parts: ['alerts'],
    span: 12,
    height: 160,
    sentence,
    table,
    render: (props) => <TableOf props={props} table={table} caption="Alerts" />,
};
