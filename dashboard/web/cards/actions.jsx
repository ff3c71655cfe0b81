import { allSentence, allTable, facts } from '../charts/action.js';
import { inShort } from '../charts/segment-table.js';
import { segmentLabel, segments } from '../facts.js';
import { name, sentenceOf } from '../format.js';
import { literal } from '../parts.js';
import { Swatch } from '../table.jsx';
import { segmentColor } from '../theme.js';

/** What to do with each segment, in a line. */
export default {
    name: 'actions',
    title: 'What we do',
    parts: ['summary'],
    span: 6,
    height: (about) => Math.min(520, 60 * (about.n_segments ?? 5)),
    missing: (data) => (segments(data.summary).some((row) => facts(row).length > 0) ? null : {
        why: 'Nothing is set for any segment yet. The owner of the model says what to do with the customers of each:',
        sql: `SELECT custseg.set_action(${literal(data.about.name)}, 1,\n    '{"offer": "10 % on the next order", "channel": "e-mail", "contact_frequency": "once a month"}');\nSELECT custseg.publish(${literal(data.about.name)});`,
    }),
    sentence: allSentence,
    table: allTable,
    render: ({ data, theme }) => (
        <dl class="facts scroll tall" tabindex="0">
            {segments(data.summary).map((row) => (
                <>
                    <dt><span class="keyed"><Swatch color={segmentColor(row.segment, theme)} />{segmentLabel(row, 60)}</span></dt>
                    <dd>{inShort(row.action) ? sentenceOf(name(inShort(row.action))) : 'Nothing is set.'}</dd>
                </>
            ))}
        </dl>
    ),
};
