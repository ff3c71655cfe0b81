import { columns, height, option, sentence, table } from '../charts/boxplots.js';
import { Choose } from '../choose.jsx';
import { choice, label } from '../facts.js';

/** Box plots of a column by segment. */
export default {
    name: 'boxplots',
    title: 'Spread',
    parts: ['boxplot'],
    key: 'column',
    span: 6,
    height: (about) => height(about.n_segments),
    controls: ({ data, state }) => <Choose label="Column" name="column" values={columns(data)} value={choice(state.column, columns(data))} write={(it) => label(data, it)} />,
    sentence,
    chart: option,
    table,
};
