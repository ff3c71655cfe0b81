import { versionsSentence, versionsTable } from '../charts/versions.js';
import { TableOf } from '../scroll-table.jsx';

/** The versions of the model. */
export default {
    name: 'versions',
    title: 'Versions',
    parts: ['versions'],
    kinds: ['segments', 'purchases', 'value', 'probability'],
    span: 12,
    height: 110,
    sentence: versionsSentence,
    table: versionsTable,
    render: (props) => <TableOf props={props} table={versionsTable} caption="Versions" />,
};
