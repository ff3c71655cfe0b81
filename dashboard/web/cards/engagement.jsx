import { engagementOption, engagementSentence, engagementTable, height, kindOf, kinds } from '../charts/campaigns.js';
import { Choose } from '../choose.jsx';

/** How engaged the customers of each segment are. */
export default {
    name: 'engagement',
    title: 'How engaged they are',
    parts: ['engagement'],
    span: 12,
    height,
    controls: ({ data, state }) => <Choose label="Events" name="kind" values={kinds(data)} value={kindOf(data, state)} />,
    sentence: engagementSentence,
    chart: engagementOption,
    table: engagementTable,
};
