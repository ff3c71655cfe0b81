import { memberships, membershipHeight, option, request, sentence, table, todo } from '../charts/customer.js';
import { Said } from '../said.jsx';

function Todo({ data }) {
    const rows = todo(data);
    return rows.length > 0 && (
        <>
            <h3>What we do with customers of this segment</h3>
            <Said rows={rows} />
        </>
    );
}

/** The segment of the customer, what to do, and the memberships. */
export default {
    name: 'placed',
    title: 'Where the customer belongs',
    parts: ['customer_form'],
    span: 6,
    height: (about) => membershipHeight(about.n_segments),
    compute: request,
    sentence,
    render: Todo,
    chart: option,
    isDrawn: (data) => memberships(data).length > 1,
    table,
};
