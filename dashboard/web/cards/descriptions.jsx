import { descriptions, table } from '../charts/descriptions.js';
import { name, sentenceOf } from '../format.js';
import { Swatch } from '../table.jsx';
import { segmentColor } from '../theme.js';

/** Who the segments are, in a sentence each. */
export default {
    name: 'descriptions',
    title: 'Who they are',
    parts: ['summary'],
    span: 6,
    height: (about) => Math.min(520, 60 * (about.n_segments ?? 5)),
    table,
    render: ({ data, theme }) => (
        <dl class="facts scroll tall" tabindex="0">
            {descriptions(data).map((it) => (
                <>
                    <dt><span class="keyed"><Swatch color={segmentColor(it.segment, theme)} />{it.label}</span></dt>
                    <dd>{sentenceOf(name(it.text))}</dd>
                </>
            ))}
        </dl>
    ),
};
