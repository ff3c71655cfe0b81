import { baseline, changes, ground, grounds, height, option, request, sentence, table } from '../charts/what-if.js';
import { NumberField } from '../fields.jsx';
import { segmentLabel } from '../facts.js';
import { setState } from '../hooks.js';
import { whyMissing } from '../parts.js';

function Scenario({ data, state }) {
    const now = ground(data, {});
    return (
        <>
            <fieldset class="fields">
                <legend>What changes</legend>
                {changes.map(({ key, label, min, max, usual }) => (
                    <NumberField key={key} label={label} bounds={{ min, max, step: 'any' }} text={state[`if_${key}`]} usual={usual} change={(text) => setState({ [`if_${key}`]: text })} />
                ))}
                <label>Where
                    <select value={state.if_segment ?? ''} onChange={(event) => setState({ if_segment: event.currentTarget.value })}>
                        <option value="" selected={!state.if_segment}>in all segments</option>
                        {baseline(data, state).map((it) => <option value={it.segment} selected={state.if_segment === String(it.segment)}>{segmentLabel(it, 40)}</option>)}
                    </select>
                </label>
            </fieldset>
            <fieldset class="fields">
                <legend>What you assume of things as they are</legend>
                {grounds.map(({ key, label, scale, min, max }) => (
                    <NumberField key={key} label={label} bounds={{ min, max, step: 'any' }} text={state[`now_${key}`]} usual={Number((now[key] * scale).toPrecision(6))} change={(text) => setState({ [`now_${key}`]: text })} />
                ))}
            </fieldset>
        </>
    );
}

/** Returns why there are no scenarios, or null. */
export function missingBaseline(data, state) {
    return baseline(data, state).length > 0 ? null : {
        why: 'Scenarios start from what the customers of each segment order in a month and what an order brings, and no month of orders is kept for this model.',
        sql: whyMissing('kpis', data.about.name).sql,
    };
}

/** What the segments would be worth if something changed. */
export default { name: 'what-if', title: 'What if …', parts: ['economics'], span: 6, height, compute: request, sentence, controls: Scenario, chart: option, table, missing: missingBaseline };
