import { sentence, table } from '../charts/experiments.js';
import { address } from '../router.js';
import { TableOf } from '../scroll-table.jsx';

function List(props) {
    const link = (experiment) => address(props.about.name, 'experiments', { at: props.state.at, experiment });
    return <TableOf props={props} table={(data, state) => table(data, state, link)} caption="Experiments; a name leads to the experiment" />;
}

/** The experiments of a model; the name of one leads to its cards. */
export default { name: 'experiments', title: 'Experiments', parts: ['experiments'], span: 12, height: 160, sentence, table, render: List };
