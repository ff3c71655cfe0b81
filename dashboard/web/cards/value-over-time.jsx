import { option, sentence, table } from '../charts/value-over-time.js';
import { literal } from '../parts.js';

/** How what the segments will be worth has changed from run to run. */
export default {
    name: 'value-over-time',
    title: 'How their worth has changed',
    parts: ['value_history'],
    span: 6,
    height: 340,
    sentence,
    chart: option,
    table,
    missing: ({ about, value_history: history }) => (history.runs.length > 1 ? null : {
        why: 'One run tells no change. Record the value of the segments once a month.',
        sql: `SELECT count(*) FROM custseg.record_segment_value(${literal(history.value_model)}, ${literal(about.name)});`,
    }),
};
