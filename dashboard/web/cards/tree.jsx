import { sentence, table } from '../charts/tree.js';
import { TableOf } from '../scroll-table.jsx';

/** The segments within segments, to drill down. */
export default { name: 'tree', title: 'Segments within segments', parts: ['tree'], span: 12, height: 240, sentence, table, render: (props) => <TableOf props={props} table={table} caption="Segments within segments" /> };
