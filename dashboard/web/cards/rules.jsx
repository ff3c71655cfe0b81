import { sentence, table } from '../charts/rules.js';
import { Table } from '../table.jsx';

/** Rules that describe the segments. */
export default {
    name: 'rules',
    title: 'The segments as rules',
    parts: ['surrogate'],
    span: 12,
    height: (about) => Math.min(420, 60 + 50 * (about.n_segments ?? 5)),
    sentence,
    table,
    render: ({ data }) => (
        <div class="scroll" role="region" tabindex="0" aria-label="Rules">
            <Table table={table(data)} caption="Rules of each segment" />
        </div>
    ),
};
