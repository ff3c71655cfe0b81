import { height, metricOf, option, sentence, table, variantOf } from '../charts/effects.js';
import { short } from '../format.js';
import { setState } from '../hooks.js';
import { literal } from '../parts.js';

function Choices({ data, state }) {
    const { metrics, variants } = data.experiment;
    const metric = metricOf(data, state).metric;
    const variant = variantOf(data, state);
    return (
        <>
            {metrics.length > 1 && (
                <label>Metric
                    <select value={metric} onChange={(event) => setState({ metric: event.currentTarget.value })}>
                        {metrics.map((it) => <option value={it.metric} selected={it.metric === metric}>{`${short(it.metric, 40)} (${it.role})`}</option>)}
                    </select>
                </label>
            )}
            {variants.length > 2 && (
                <label>Variant
                    <select value={variant} onChange={(event) => setState({ variant: event.currentTarget.value })}>
                        {variants.slice(1).map((it) => <option value={it.variant} selected={it.variant === variant}>{short(it.variant, 40)}</option>)}
                    </select>
                </label>
            )}
        </>
    );
}

/** What an experiment did to each segment. */
export default {
    name: 'effects',
    title: 'For whom it works',
    parts: ['experiment'],
    key: 'experiment',
    span: 6,
    height: (about) => height(about.n_segments),
    sentence,
    controls: Choices,
    chart: option,
    table,
    missing: ({ experiment }) => (experiment.lines?.length > 0 ? null : {
        why: 'Nobody has looked at the outcomes of this experiment yet.',
        sql: `SELECT look, verdict, reason FROM custseg.look(${literal(experiment.experiment)}, 'outcomes');`,
    }),
};
