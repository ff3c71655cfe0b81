import { barsHeight } from '../charts/bars.js';
import { isLimited, option, sentence, table } from '../charts/capacity.js';
import { literal } from '../parts.js';

/** Whether there are as many places for a perk as customers to whom it is promised. */
export default {
    name: 'capacity',
    title: 'Places for perks',
    parts: ['capacity'],
    span: 6,
    height: (about) => barsHeight(about.n_segments ?? 4),
    sentence,
    chart: option,
    table,
    missing: ({ about, capacity }) => (capacity.some(isLimited) ? null : {
        why: 'No segment has a perk whose number is limited.',
        sql: `SELECT custseg.set_action(${literal(about.name)}, 1, '{"perk": "early access", "perk_capacity": 500}');\nSELECT custseg.publish(${literal(about.name)});`,
    }),
};
