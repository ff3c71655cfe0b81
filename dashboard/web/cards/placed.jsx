import { memberships, membershipHeight, option, request, sentence, table, todo } from '../charts/customer.js';
import { Chart } from '../chart.jsx';
import { useMemo } from 'preact/hooks';
import { Said } from '../said.jsx';

function Placed({ data, theme, height }) {
    const rows = todo(data);
    const draw = useMemo(() => (width) => option(data, theme, { width }), [data, theme]);
    return (
        <>
            {memberships(data).length > 1 && <Chart draw={draw} height={height} label={`Degrees of membership. ${sentence(data)}`} />}
            {rows.length > 0 && <h3>What we do with customers of this segment</h3>}
            {rows.length > 0 && <Said rows={rows} />}
        </>
    );
}

/** The segment of the customer, the memberships, and what to do. */
export default {
    name: 'placed',
    title: 'Where the customer belongs',
    parts: ['customer_form'],
    span: 6,
    height: (about) => membershipHeight(about.n_segments),
    compute: request,
    sentence,
    table,
    hasPicture: true,
    render: Placed,
};
