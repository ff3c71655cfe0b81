import { deploymentsSentence, deploymentsTable } from '../charts/versions.js';
import { Table } from '../table.jsx';

/** Which version was in use when. */
export default {
    name: 'deployments',
    title: 'Deployments',
    parts: ['deployments'],
    kinds: ['segments', 'purchases', 'value', 'probability'],
    span: 12,
    height: 160,
    sentence: deploymentsSentence,
    table: deploymentsTable,
    render: ({ data }) => (
        <div class="scroll" role="region" tabindex="0" aria-label="Deployments">
            <Table table={deploymentsTable(data)} caption="Deployments" />
        </div>
    ),
};
