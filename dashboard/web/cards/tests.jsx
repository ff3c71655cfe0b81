import { sentence, table } from '../charts/tests.js';
import { Table } from '../table.jsx';

/** Tests of each column. */
export default {
    name: 'tests',
    title: 'More than chance?',
    parts: ['test'],
    span: 12,
    height: (about) => Math.min(420, 60 + 33 * (about.features?.length ?? 5)),
    sentence,
    table,
    render: ({ data }) => (
        <div class="scroll" role="region" tabindex="0" aria-label="Tests">
            <Table table={table(data)} caption="Tests of each column" />
        </div>
    ),
};
