import { measureOf, measures, option, sentence, table } from '../charts/kpis.js';
import { setState } from '../hooks.js';

function Measure({ data, state }) {
    const current = measureOf(data, state);
    return (
        <label>Measure
            <select value={current} onChange={(event) => setState({ kpi: event.currentTarget.value })}>
                {Object.entries(measures).map(([key, { title }]) => <option value={key} selected={key === current}>{title}</option>)}
            </select>
        </label>
    );
}

/** What the customers of each segment did month by month. */
export default { name: 'kpis', title: 'What they bought, month by month', parts: ['kpis'], span: 12, height: 360, sentence, controls: Measure, chart: option, table };
