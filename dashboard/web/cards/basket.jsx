import { sentence, table } from '../charts/basket.js';
import { TableOf } from '../scroll-table.jsx';

/** Which products are bought together. */
export default { name: 'basket', title: 'What is bought together', parts: ['basket'], span: 12, height: 360, sentence, table, render: (props) => <TableOf props={props} table={table} caption="What is bought together" /> };
