import { columns, height, option, sentence, table } from '../charts/levels.js';
import { Choose } from '../choose.jsx';
import { choice, label } from '../facts.js';

/** Values of a category (levels) by segment. */
export default {
    name: 'levels',
    title: 'Categories',
    parts: ['level_share'],
    key: 'category',
    span: 6,
    height: (about) => height(about.n_segments),
    controls: ({ data, state }) => <Choose label="Column" name="category" values={columns(data)} value={choice(state.category, columns(data))} write={(it) => label(data, it)} />,
    sentence,
    chart: option,
    table,
};
