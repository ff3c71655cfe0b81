import { table } from '../charts/segment-table.js';
import { currency } from '../facts.js';
import { Table } from '../table.jsx';

/** All segments in a table that leads to each. */
export default {
    name: 'segment-table',
    title: 'All segments',
    parts: ['summary'],
    optional: ['previous'],
    span: 12,
    height: (about) => 40 + 33 * (about.n_segments ?? 5),
    table,
    render: ({ data, state, theme }) => (
        <div class="scroll" role="region" tabindex="0" aria-label="All segments">
            <Table table={table(data, state, theme)} caption="All segments" currency={currency(data)} />
        </div>
    ),
};
