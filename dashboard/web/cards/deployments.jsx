import { deploymentsSentence, deploymentsTable } from '../charts/versions.js';
import { TableOf } from '../scroll-table.jsx';

/** Which version was in use when. */
export default {
    name: 'deployments',
    title: 'Deployments',
    parts: ['deployments'],
    kinds: ['segments', 'purchases', 'value', 'probability'],
    span: 12,
    height: 110,
    sentence: deploymentsSentence,
    table: deploymentsTable,
    render: (props) => <TableOf props={props} table={deploymentsTable} caption="Deployments" />,
};
