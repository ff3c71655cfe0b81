import { columns, option, sentence, table } from '../charts/histogram.js';
import { Choose, ChooseSegment } from '../choose.jsx';
import { label, selected } from '../facts.js';

/** How a column is spread. */
export default {
    name: 'histogram',
    title: 'Spread of a column',
    parts: ['histogram'],
    // one column is fetched at a time
    key: 'column',
    span: 6,
    height: 340,
    controls: ({ about, data, state }) => (
        <>
            <Choose label="Column" name="column" values={columns(data)} value={data.histogram.column_name} write={(it) => label(data, it)} />
            <ChooseSegment about={about} value={selected(data, state)} />
        </>
    ),
    sentence,
    chart: option,
    table,
};
