import { option, sentence, table } from '../charts/frequencies.js';
import { columns } from '../charts/levels.js';
import { Choose } from '../choose.jsx';
import { choice, label } from '../facts.js';

/** Levels of a category among all customers. */
export default {
    name: 'frequencies',
    title: 'Frequencies',
    parts: ['level_share'],
    key: 'category',
    span: 6,
    height: 340,
    controls: ({ data, state }) => <Choose label="Column" name="category" values={columns(data)} value={choice(state.category, columns(data))} write={(it) => label(data, it)} />,
    sentence,
    chart: option,
    table,
};
