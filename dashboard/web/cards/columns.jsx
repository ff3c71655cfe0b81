import { sentence, table } from '../charts/columns.js';
import { Table } from '../table.jsx';

/** The columns of the source. */
export default {
    name: 'columns',
    title: 'Columns',
    parts: ['description'],
    span: 12,
    height: (about) => Math.min(420, 60 + 33 * (about.features?.length ?? 5)),
    sentence,
    table,
    render: ({ data }) => (
        <div class="scroll" role="region" tabindex="0" aria-label="Columns">
            <Table table={table(data)} caption="Columns of the source" />
        </div>
    ),
};
