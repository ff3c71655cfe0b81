// states.jsx
//	  What stands in a place while nothing else does: a block while it loads, an error, or why there is nothing.

import { askAgain } from './hooks.js';

/** Shows a grey block of the height that comes. */
export function Block({ height }) {
    return <div class="block" style={{ height: `${height}px` }}><span class="hidden">Loading</span></div>;
}

/** Shows what went wrong and what to do about it. */
export function Failure({ error, height }) {
    return (
        <div class="failure" role="alert" style={height ? { minHeight: `${height}px` } : {}}>
            <p><strong>{error.message}</strong></p>
            {error.hint && <p>{error.hint}</p>}
            <button type="button" onClick={askAgain}>Try again</button>
        </div>
    );
}

const publishing = 'SELECT custseg.publish(';

/** Shows why there is nothing, and the SQL that changes it, unless it publishes a model of which the page says already that nothing is published. */
export function Missing({ missing, isPublished = true }) {
    return (
        <div class="missing">
            <p>{missing.why}</p>
            {missing.sql && (isPublished || !missing.sql.startsWith(publishing)) && <pre tabindex="0" aria-label="SQL that fills this card">{missing.sql}</pre>}
        </div>
    );
}

