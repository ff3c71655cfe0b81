import { plan, sentence, table } from '../charts/split.js';
import { Said } from '../said.jsx';
import { TableOf } from '../scroll-table.jsx';

function Split(props) {
    const { experiment } = props.data;
    return (
        <>
            <Said rows={plan(experiment)} />
            {experiment.split?.length > 0 && <TableOf props={props} table={table} caption="Customers by variant" />}
        </>
    );
}

/** The plan of an experiment, and whether its variants were filled as they should be. */
export default { name: 'split', title: 'Can it be believed?', parts: ['experiment'], key: 'experiment', span: 12, height: 200, sentence, table, render: Split };
