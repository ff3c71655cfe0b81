import { sentence, table } from '../charts/gate.js';
import { TableOf } from '../scroll-table.jsx';

/** What has to hold before the model is acted on. */
export default { name: 'gate', title: 'Go or no-go', parts: ['gate'], span: 12, height: 320, sentence, table, render: (props) => <TableOf props={props} table={table} caption="Conditions" /> };
