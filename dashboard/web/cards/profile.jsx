import { sentence, table } from '../charts/profile.js';
import { Table } from '../table.jsx';

/** The profile of the chosen segment. */
export default {
    name: 'profile',
    title: 'Profile',
    parts: ['profile'],
    span: 12,
    height: (about) => Math.min(420, 60 + 33 * (about.features?.length ?? 5)),
    sentence,
    table,
    render: ({ data, state }) => (
        <div class="scroll" role="region" tabindex="0" aria-label="Profile">
            <Table table={table(data, state)} caption="Profile" />
        </div>
    ),
};
