// worker.js
//	  Draws reports beside the server's own thread, which must not wait for pictures.  A message is
//	  {kind, body, start}, where body is JSON text; the answer {html} or {error: {message, hint}}.

import { parentPort } from 'node:worker_threads';
import { NoPublication, readPublication } from './publication.js';
import { render } from './render.js';

/** Returns the report, or why there is none. */
function answer({ kind, body, start }) {
    try {
        return { html: render(kind, readPublication(JSON.parse(body)), { start }) };
    } catch (error) {
        return { error: { isTold: error instanceof NoPublication, message: error instanceof NoPublication ? error.message : error.stack, hint: error.hint } };
    }
}

parentPort.on('message', (message) => parentPort.postMessage(answer(message)));
