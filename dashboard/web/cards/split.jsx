import { plan, sentence, table } from '../charts/split.js';
import { name } from '../format.js';
import { TableOf } from '../scroll-table.jsx';

function Split(props) {
    const { experiment } = props.data;
    return (
        <>
            <dl class="facts">{plan(experiment).map(([what, value]) => <><dt>{what}</dt><dd>{name(value)}</dd></>)}</dl>
            {experiment.split?.length > 0 && <TableOf props={props} table={table} caption="Customers by variant" />}
        </>
    );
}

/** The plan of an experiment, and whether its variants were filled as they should be. */
export default { name: 'split', title: 'Can it be believed?', parts: ['experiment'], key: 'experiment', span: 12, height: 200, sentence, table, render: Split };
