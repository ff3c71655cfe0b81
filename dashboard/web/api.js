// api.js
//	  What the page asks the server, each thing once; an answer is kept as long as the page is.

/** An answer of the server that is an error, with its message and its hint. */
export class ApiError extends Error {
    constructor(status, error = {}) {
        super(error.message ?? 'The server does not answer.');
        this.status = status;
        this.code = error.code ?? 'unreachable';
        this.hint = error.hint ?? null;
        this.sqlstate = error.sqlstate ?? null;
    }

    /** Returns whether the same request may succeed later. */
    get isPassing() {
        return this.status === 0 || this.status === 429 || this.status >= 500;
    }
}

// the token of a visitor who has signed in; the tab forgets it when it is closed
const tokenKey = 'custseg token';
let token = globalThis.sessionStorage?.getItem(tokenKey) ?? null;

/** Returns whether the visitor has given a token. */
export function isSignedIn() {
    return token !== null;
}

/** Keeps a token, by which the server knows the visitor from now on. */
export function signIn(given) {
    token = given;
    globalThis.sessionStorage?.setItem(tokenKey, given);
    forget();
}

/** Sends a request, with the token of a visitor who has signed in. */
async function send(url, options) {
    try {
        return await fetch(url, { ...options, headers: { accept: 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...options?.headers } });
    } catch (error) {
        if (error.name === 'AbortError') throw error;
        throw new ApiError(0, { message: 'The server does not answer.', hint: 'The page asks again by itself as soon as the server is back.' });
    }
}

/** Returns a promise of what lies at an address, as text. */
export async function text(url) {
    const response = await send(url, { headers: { accept: '*/*' } });
    if (!response.ok) throw new ApiError(response.status, (await response.json()).error);
    return response.text();
}

const answers = new Map();
const values = new Map();

async function request(url, options) {
    const response = await send(url, options);
    let answer = null;
    try {
        answer = await response.json();
    } catch {
        if (response.ok) throw new ApiError(response.status, { message: 'The answer of the server could not be read.' });
    }
    if (!response.ok) throw new ApiError(response.status, answer?.error ?? { message: `The server answered with the status ${response.status}.` });
    return answer;
}

/** Returns a promise of the answer to GET; the same request is sent once, and again only after an error. */
export function get(url) {
    if (!answers.has(url)) {
        const answer = request(url);
        answers.set(url, answer);
        answer.then((value) => values.set(url, value), () => answers.delete(url));
    }
    return answers.get(url);
}

/** Returns a promise of the answer to POST of a JSON text; numbers are sent as they were typed when "body" is text already. */
export function post(url, body, signal) {
    return request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        signal,
    });
}

/** Forgets all answers, so that they are asked for again. */
export function forget() {
    answers.clear();
    values.clear();
}

function modelPath(model) {
    return `/api/models/${encodeURIComponent(model)}`;
}

/** Returns a promise of the list of models. */
export async function models() {
    const answer = await get('/api/models');
    return Array.isArray(answer) ? answer : answer.models ?? answer.body ?? [];
}

/**
 * Returns a promise of a part of a model as of a publication: {part, version, as_of, body}; body is null when nothing is there.
 * "key" says which of several things of the model the part is about, such as an experiment.
 */
export function part(model, name, at = null, key = null) {
    return get(partAddress(model, name, at, key));
}

/** Returns the address of a part as pages fetch it. */
export function partAddress(model, name, at = null, key = null) {
    return `${modelPath(model)}/${encodeURIComponent(name)}?${new URLSearchParams(Object.entries({ compact: '1', at, key }).filter(([, value]) => value))}`;
}

/** Returns the answers to parts, [[part, key], ...], that have come already, or null while one has not. */
export function knownParts(model, parts, at = null) {
    const found = parts.map(([name, key]) => values.get(partAddress(model, name, at, key)));
    return found.every(Boolean) ? found : null;
}

/** Returns the address of a report on a model as of a publication. */
export function reportAddress(model, kind, at = null) {
    return `${modelPath(model)}/report/${encodeURIComponent(kind)}${at ? `?${new URLSearchParams({ at })}` : ''}`;
}

/** Returns a promise of one customer by key, with the segment: {customer: {feature: value}, segment, name, ...}. */
export function lookUp(model, key) {
    return request(`${modelPath(model)}/customers/${encodeURIComponent(key)}`);
}

/** Returns a promise of the times of a model's publications, the newest first. */
export async function publications(model) {
    const answer = await get(`${modelPath(model)}/publications`);
    const rows = Array.isArray(answer) ? answer : answer.publications ?? answer.body ?? [];
    return rows.map((row) => (typeof row === 'string' ? row : row.published_at)).filter(Boolean);
}

/** Returns a promise of whether the server and its database answer. */
export async function isReady() {
    try {
        const response = await fetch('/readyz', { signal: AbortSignal.timeout(2500) });
        return response.ok;
    } catch {
        return false;
    }
}
