// choose.jsx
//	  Fields with which a reader chooses what a card or a page shows; each stands in the address.

import { segmentLabel } from './facts.js';
import { short } from './format.js';
import { setState } from './hooks.js';

/** Shows a field that keeps one of "values" under "key" in the address; "write" names a value. */
export function Choose({ label, name: key, values, value, write = (it) => short(it, 60) }) {
    return (
        <label>{label}
            <select value={value ?? ''} onChange={(event) => setState({ [key]: event.currentTarget.value })}>
                {values.map((it) => <option value={it} selected={String(it) === String(value)}>{write(it)}</option>)}
            </select>
        </label>
    );
}

/** Shows a slider that keeps a number under "key" in the address. */
export function Slide({ label, name: key, value, min, max, step = 1 }) {
    return (
        <label>{label}
            <input type="range" min={min} max={max} step={step} value={value} onInput={(event) => setState({ [key]: event.currentTarget.value })} />
        </label>
    );
}

/** Shows the field that chooses the segment of a page. */
export function ChooseSegment({ about, value }) {
    return <Choose label="Segment" name="segment" values={about.segments.map((it) => it.segment)} value={value} write={(it) => segmentLabel(about.segments.find((row) => row.segment === it), 60)} />;
}

/** Shows the fields that choose two to four segments. */
export function ChooseSegments({ about, values }) {
    const places = Math.min(4, about.segments.length);
    const write = (it) => segmentLabel(about.segments.find((row) => row.segment === it), 40);
    const change = (i, text) => {
        const next = [...values];
        if (text === '') next.splice(i, 1);
        else next[i] = Number(text);
        setState({ segments: [...new Set(next)].join(',') });
    };
    return Array.from({ length: Math.min(places, values.length + 1) }, (_, i) => (
        <label key={i}>{i < values.length ? `Segment ${i + 1}` : 'And'}
            <select value={values[i] ?? ''} onChange={(event) => change(i, event.currentTarget.value)}>
                {i >= 2 && <option value="" selected={values[i] === undefined}>{i < values.length ? 'leave out' : 'add another'}</option>}
                {about.segments.map(({ segment }) => segment).filter((it) => it === values[i] || !values.includes(it)).map((it) => <option value={it} selected={it === values[i]}>{write(it)}</option>)}
            </select>
        </label>
    ));
}
