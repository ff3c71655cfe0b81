// fields.jsx
//	  Fields for numbers that stand in the address as they are typed.

import { useState } from 'preact/hooks';

/** Returns whether a text is a number within bounds; nothing typed is no fault. */
function isWithin(text, { min = -Infinity, max = Infinity }) {
    if (text === undefined || text === null || text === '') return true;
    const value = Number(text);
    return Number.isFinite(value) && value >= min && value <= max;
}

/** Shows a field for a number; "text" is what the address has, and "usual" is what holds when it has nothing. What is being typed is left alone. */
export function NumberField({ label, text, usual, bounds = {}, placeholder = '', change }) {
    const [typed, setTyped] = useState(null);
    const type = (value) => {
        setTyped(value);
        change(value);
    };
    return (
        <label>{label}
            <input type="number" {...bounds} value={typed ?? text ?? usual ?? ''} placeholder={placeholder} aria-invalid={isWithin(text, bounds) ? undefined : 'true'}
                onInput={(event) => type(event.currentTarget.value)} onBlur={() => setTyped(null)} />
        </label>
    );
}
