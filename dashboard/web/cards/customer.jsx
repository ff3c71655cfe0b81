import { useState } from 'preact/hooks';
import * as api from '../api.js';
import { isUnknown, keyOf, levelOf, stopOf, stopsOf, textOf, textOfLevel, tokenOf, usual } from '../customer.js';
import { label, unit } from '../facts.js';
import { name, short } from '../format.js';
import { setState } from '../hooks.js';

function change(field, text) {
    setState({ [keyOf(field.feature)]: text === usual(field) ? null : text });
}

function Choice({ field, text, id }) {
    const levels = field.kind === 'boolean' ? ['true', 'false'] : (field.levels ?? []).filter((it) => it !== null);
    const level = levelOf(text);
    const listed = level === null || levels.includes(level) ? levels : [level, ...levels];
    const more = (field.n_levels ?? 0) > (field.levels?.length ?? 0);
    return (
        <span class="pair">
            <select aria-labelledby={id} value={text} onChange={(event) => change(field, event.currentTarget.value)}>
                {listed.map((it) => <option value={textOfLevel(it)} selected={it === level}>{short(it, 40)}</option>)}
                <option value={textOfLevel(null)} selected={isUnknown(text)}>not known</option>
            </select>
            {more && <input aria-label={`${field.feature}, another value`} placeholder="another value" onChange={(event) => event.currentTarget.value && change(field, textOfLevel(event.currentTarget.value))} />}
        </span>
    );
}

function Measure({ field, text, id }) {
    const [typed, setTyped] = useState(null);
    const isTime = field.kind === 'time';
    const stops = stopsOf(field);
    const shown = typed ?? (isUnknown(text) ? '' : text);
    const isWrong = tokenOf(field, text) === undefined;
    const type = (value) => {
        setTyped(value);
        change(field, value === '' ? textOfLevel(null) : value);
    };
    return (
        <span class="pair">
            <input type="range" min="0" max={stops.length - 1} step="1" value={stopOf(field, stops, text)} aria-labelledby={id} aria-valuetext={isUnknown(text) ? 'not known' : text}
                onInput={(event) => change(field, stops[event.currentTarget.value])} />
            <input type={isTime ? 'date' : 'text'} inputmode="decimal" value={shown} placeholder="not known" aria-labelledby={id} aria-invalid={isWrong ? 'true' : undefined}
                onInput={(event) => type(event.currentTarget.value)} onBlur={() => setTyped(null)} />
        </span>
    );
}

function Field({ data, field, state, i }) {
    const text = textOf(field, state);
    const id = `field-${i}`;
    const hasStops = field.kind !== 'categorical' && field.kind !== 'boolean' && field.quantiles?.length > 0;
    const of = unit(data, field.feature);
    return (
        <div class="field">
            <span id={id}><bdi>{label(data, field.feature)}</bdi>{of && <span class="of"> ({short(of, 20)})</span>}</span>
            {hasStops ? <Measure field={field} text={text} id={id} /> : <Choice field={field} text={text} id={id} />}
        </div>
    );
}

/** Looks a customer up by key, where the administrator allows it, and fills the fields. */
function LookUp({ data, state, column }) {
    const [key, setKey] = useState(state.customer ?? '');
    const [said, setSaid] = useState('');
    const look = async (event) => {
        event.preventDefault();
        setSaid('Looking …');
        try {
            const answer = await api.lookUp(data.about.name, key);
            setState({ ...Object.fromEntries(data.customer_form.map((field) => [keyOf(field.feature), textOfFound(field, answer.customer?.[field.feature])])), customer: key });
            setSaid(`The fields hold customer ${name(short(key, 40))}.`);
        } catch (error) {
            setSaid(error.status === 404 ? 'There is no such customer.' : error.message);
        }
    };
    return (
        <form class="choices" onSubmit={look}>
            <label>{short(column, 30)} <input value={key} onInput={(event) => setKey(event.currentTarget.value)} /></label>
            <button type="submit" disabled={key === ''}>Look up</button>
            <span role="status">{said}</span>
        </form>
    );
}

function textOfFound(field, value) {
    if (value === null || value === undefined) return textOfLevel(null);
    if (field.kind === 'categorical' || field.kind === 'boolean') return textOfLevel(String(value));
    return field.kind === 'time' ? String(value).slice(0, 10) : String(value);
}

function Form({ data, state, lookupKey }) {
    const isChanged = state.customer !== undefined || data.customer_form.some((field) => state[keyOf(field.feature)] !== undefined);
    const reset = () => setState({ ...Object.fromEntries(data.customer_form.map((field) => [keyOf(field.feature), null])), customer: null });
    return (
        <div class="form">
            {lookupKey && <LookUp data={data} state={state} column={lookupKey} />}
            {data.customer_form.map((field, i) => <Field key={field.feature} data={data} field={field} state={state} i={i} />)}
            <div class="choices"><button type="button" disabled={!isChanged} onClick={reset}>Back to the usual customer</button></div>
        </div>
    );
}

function table(data, state) {
    return {
        columns: [{ label: 'Column' }, { label: 'Value' }],
        rows: data.customer_form.map((field) => {
            const text = textOf(field, state);
            return [label(data, field.feature, 200), isUnknown(text) ? null : levelOf(text) ?? text];
        }),
    };
}

/** Fields for each feature, from which a customer is put together. */
export default {
    name: 'customer',
    title: 'A customer',
    parts: ['customer_form'],
    span: 6,
    height: (about) => 80 + 62 * Math.min(12, about.features?.length ?? 4),
    sentence: () => 'Move a slider or type a value: everything beside follows. The sliders span what the training has seen, and each step passes about as many customers; a field may hold any value, or none.',
    table,
    render: Form,
};
