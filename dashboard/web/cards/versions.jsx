import { versionsSentence, versionsTable } from '../charts/versions.js';
import { Table } from '../table.jsx';

/** The versions of the model. */
export default {
    name: 'versions',
    title: 'Versions',
    parts: ['versions'],
    kinds: ['segments', 'purchases', 'value', 'probability'],
    span: 12,
    height: 160,
    sentence: versionsSentence,
    table: versionsTable,
    render: ({ data }) => (
        <div class="scroll" role="region" tabindex="0" aria-label="Versions">
            <Table table={versionsTable(data)} caption="Versions" />
        </div>
    ),
};
