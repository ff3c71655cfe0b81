import { choices, dimensions, option, sentence, table } from '../charts/projection.js';
import { Choose } from '../choose.jsx';
import { choice } from '../facts.js';

/** A sample of the customers on two components. */
export default {
    name: 'scatter',
    title: 'Customers on two components',
    parts: ['projection'],
    span: 6,
    height: 420,
    missing: (data) => (dimensions(data) >= 2 ? null : { why: 'The projection has one dimension only: the model has a single numeric feature.' }),
    controls: ({ data, state }) => choices(data).length > 1 && <Choose label="Components" name="components" values={choices(data)} value={choice(state.components, choices(data))} write={(it) => it.replace(',', ' and ')} />,
    sentence,
    chart: option,
    table,
};
