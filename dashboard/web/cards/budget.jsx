import { budgetOf, curvesOf, option, request, sentence, splitOf, table, unit } from '../charts/budget.js';
import { equalSplit, most, respend, spellSplit } from '../budget.js';
import { currency, segmentLabel } from '../facts.js';
import { exactMoney } from '../format.js';
import { setState } from '../hooks.js';
import { literal } from '../parts.js';
import { Swatch } from '../table.jsx';
import { segmentColor } from '../theme.js';

function Game({ data, state, theme }) {
    const curves = curvesOf(data);
    const budget = budgetOf(state);
    const step = unit(state);
    const spends = splitOf(data, state);
    const keep = (split) => setState({ split: spellSplit(curves, split) || '0' });
    const move = (i, field) => {
        const split = respend(curves, spends, i, Number(field.value) || 0, budget, step);
        // what is not possible snaps back, although nothing is drawn anew
        field.value = split[i];
        keep(split);
    };
    const proportional = data.computed?.allocation.map((it) => Math.floor(it.proportional_spend / step) * step);
    return (
        <div class="game">
            {curves.map((curve, i) => {
                const label = segmentLabel({ ...curve, segment: curve.place }, 40);
                const ceiling = most(curve, budget);
                return (
                    <div class="lever">
                        <span class="keyed" id={`spend-${i}`}><Swatch color={segmentColor(curve.place, theme)} /><bdi>{label}</bdi></span>
                        <input type="range" min="0" max={ceiling} step={step} value={spends[i]} aria-labelledby={`spend-${i}`} aria-valuetext={exactMoney(spends[i], currency(data))}
                            onInput={(event) => move(i, event.currentTarget)} />
                        <input type="number" min="0" max={ceiling} step={step} value={spends[i]} aria-labelledby={`spend-${i}`} onChange={(event) => move(i, event.currentTarget)} />
                    </div>
                );
            })}
            <div class="choices">
                <label>Budget <input type="number" min="1" step="any" value={budget} onChange={(event) => setState({ budget: event.currentTarget.value, split: null })} /></label>
                <button type="button" onClick={() => keep(curves.map(() => 0))}>Start from nothing</button>
                <button type="button" onClick={() => keep(equalSplit(curves, budget, step))}>Equal parts</button>
                {proportional && <button type="button" onClick={() => keep(proportional)}>In proportion</button>}
                <button type="button" aria-pressed={Boolean(state.best)} onClick={() => setState({ best: state.best ? null : 'shown' })}>{state.best ? 'Hide the best split' : 'Show the best split'}</button>
            </div>
        </div>
    );
}

/** A budget that the reader divides between the segments, against the best split. */
export default {
    name: 'budget',
    title: 'Divide a budget yourself',
    parts: ['economics'],
    span: 12,
    height: 380,
    compute: request,
    sentence,
    controls: Game,
    chart: option,
    table,
    missing: (data) => (curvesOf(data).length > 0 ? null : {
        why: 'Nobody has said what spending brings in each segment. State a curve for each, or take those that response_curve() fits to what was spent and what came:',
        sql: `SELECT custseg.set_presentation(${literal(data.about.name)}, jsonb_build_object('curves', (\n    SELECT jsonb_agg(c) FROM custseg.response_curve('weeks', 'spent', 'revenue', 'segment') c WHERE chosen)));`,
    }),
};
