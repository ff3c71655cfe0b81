// Bodies of requests: JSON in UTF-8, looked at here, and sent to the database as they came.

import { ApiError } from './errors.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Returns a body as text, and what it says; throws when it is not JSON in UTF-8. */
export function parseBody(body, example) {
    try {
        const text = decoder.decode(body ?? Buffer.alloc(0));

        return { text, said: JSON.parse(text) };
    } catch {
        throw new ApiError('bad_json', 'the body is not JSON in UTF-8', { hint: example });
    }
}

/** Throws "invalid_argument". */
export function refuse(message, hint) {
    throw new ApiError('invalid_argument', message, { hint });
}

/** True for a JSON object. */
export function isObject(value) {
    return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Throws unless the value is an object that has no other keys. */
export function requireKeys(said, keys) {
    if (!isObject(said)) {
        refuse('the body must be an object', `Keys are ${keys.join(', ')}.`);
    }
    for (const key of Object.keys(said)) {
        if (!keys.includes(key)) {
            refuse(`there is no key ${JSON.stringify(key)}`, `Keys are ${keys.join(', ')}.`);
        }
    }
}
