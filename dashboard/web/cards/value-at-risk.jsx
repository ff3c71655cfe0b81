import { barsHeight } from '../charts/bars.js';
import { missing, option, sentence, table } from '../charts/value-at-risk.js';

/** Segments that leave, yet are valuable, and what is done about it. */
export default {
    name: 'value-at-risk',
    title: 'Whom to keep',
    parts: ['value_at_risk'],
    span: 6,
    height: (about) => Math.min(420, barsHeight(about.n_segments ?? 4)),
    missing,
    sentence,
    chart: option,
    table,
};
