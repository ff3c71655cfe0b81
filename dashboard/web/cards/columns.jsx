import { sentence, table } from '../charts/columns.js';
import { TableOf } from '../scroll-table.jsx';

/** The columns of the source. */
export default {
    name: 'columns',
    title: 'Columns',
    parts: ['description'],
    span: 12,
    height: (about) => Math.min(420, 60 + 56 * (about.features?.length ?? 5)),
    sentence,
    table,
    render: (props) => <TableOf props={props} table={table} caption="Columns of the source" />,
};
