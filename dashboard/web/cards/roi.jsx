import { assumed, assumptions, height, measured, option, request, sentence, sizes, table } from '../charts/roi.js';
import { NumberField } from '../fields.jsx';
import { setState } from '../hooks.js';
import { whyMissing } from '../parts.js';

function Assumptions({ data, state }) {
    return (
        <div class="fields">
            {assumptions.map(({ key, label, usual, stated, scale, ...bounds }) => (
                <NumberField key={key} label={label} bounds={bounds} text={state[`roi_${key}`]} usual={stated ? assumed(data, {}, key) : usual}
                    placeholder={key === 'effect' && measured(data).length > 0 ? 'measured' : ''} change={(text) => setState({ [`roi_${key}`]: text })} />
            ))}
        </div>
    );
}

/** What a campaign returns. */
export default {
    name: 'roi',
    title: 'Does a campaign pay?',
    parts: ['about'],
    optional: ['summary', 'sizes', 'experiment', 'economics'],
    span: 6,
    height: (about) => height(about.n_segments),
    compute: request,
    sentence,
    controls: Assumptions,
    chart: option,
    table,
    missing: (data) => (sizes(data).length > 0 ? null : { why: 'It is not known how many customers there are in each segment.', sql: whyMissing('summary', data.about.name).sql }),
};
