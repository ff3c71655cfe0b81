import { chosen, facts, table } from '../charts/action.js';
import { segmentName, selected } from '../facts.js';
import { literal } from '../parts.js';

/** What to do with the chosen segment. */
export default {
    name: 'action',
    title: 'What to do',
    parts: ['summary'],
    span: 6,
    height: 260,
    missing: (data, state) => (facts(chosen(data, state)).length > 0 ? null : {
        why: 'Nothing is set for this segment yet. Its owner says what to do with its customers:',
        sql: `SELECT custseg.set_action(${literal(data.about.name)}, ${selected(data, state) ?? 1},\n    '{"offer": "10 % on the next order", "channel": "e-mail", "contact_frequency": "once a month"}');\nSELECT custseg.publish(${literal(data.about.name)});`,
    }),
    sentence: (data, state) => `What the owner has set for ${segmentName(chosen(data, state))}.`,
    table,
    render: ({ data, state }) => (
        <dl class="pairs">{facts(chosen(data, state)).map((it) => <div><dt>{it.label}</dt><dd>{it.text}</dd></div>)}</dl>
    ),
};
