import { personalSentence as sentence, personalTable as table } from '../charts/governance.js';
import { TableOf } from '../scroll-table.jsx';

/** What is kept of single customers, why, and how to be rid of it. */
export default {
    name: 'personal-data',
    title: 'What is kept of single customers',
    parts: ['personal_data'],
    span: 12,
    height: 300,
    sentence,
    table,
    render: (props) => <TableOf props={props} table={table} caption="What is kept of single customers" />,
};
