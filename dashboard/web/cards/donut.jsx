import { hasValue } from '../facts.js';
import { option, sentence, table } from '../charts/donut.js';

/** A ring of the shares. */
export default {
    name: 'donut',
    title: 'Who holds how much',
    parts: ['summary'],
    span: 4,
    height: 300,
    missing: (data) => (data.summary.some((row) => (hasValue(data) ? row.value_share : row.share) > 0) ? null : { why: 'No segment has a share above 0.' }),
    sentence,
    chart: option,
    table,
};
