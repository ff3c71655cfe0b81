// Calls of the interface, each held against openapi.yaml.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { root } from './dashboard.js';

export const description = parse(readFileSync(path.join(root, 'openapi.yaml'), 'utf8'));

const ajv = new Ajv({ strict: false, allErrors: true });

ajv.addSchema(description, 'interface');

/** Returns a part of the description, and follows references. */
function resolve(node, pointer) {
    return node?.$ref ? { node: at(node.$ref), pointer: node.$ref.slice(1) } : { node, pointer };
}

/** Returns what a reference leads to. */
function at(reference) {
    return reference.slice(2).split('/').reduce((node, word) => node[word.replaceAll('~1', '/').replaceAll('~0', '~')], description);
}

/** Returns the template of a path, such as /api/models/{model}/{part}; the one with most fixed words when several fit. */
export function templateOf(pathname) {
    const words = pathname.split('/');
    const fitting = Object.keys(description.paths).filter((template) => {
        const parts = template.split('/');

        return parts.length === words.length && parts.every((part, index) => part.startsWith('{') || part === words[index]);
    });

    return fitting.sort((a, b) => a.split('{').length - b.split('{').length)[0];
}

// What was called: "GET /api/models 200".
export const called = new Set();

/** Throws unless an answer is what the description says of it. */
function check(method, pathname, status, type, body) {
    const template = templateOf(pathname);
    const operation = description.paths[template]?.[method.toLowerCase()];

    if (operation === undefined && status < 400) {
        return;                // a page or a file
    }
    if (operation === undefined) {
        ajv.validate({ $ref: 'interface#/components/schemas/Error' }, body);
        assert.equal(ajv.errors, null, `${method} ${pathname}: ${ajv.errorsText()}`);
        return;
    }
    called.add(`${method} ${template} ${status}`);
    const name = operation.responses[status] ? String(status) : 'default';
    const pointer = `/paths/${template.replaceAll('~', '~0').replaceAll('/', '~1')}/${method.toLowerCase()}/responses/${name}`;
    const { node, pointer: found } = resolve(operation.responses[name], pointer);

    assert.ok(node, `${method} ${template} has no answer ${status} in openapi.yaml`);
    const wanted = node.content ? Object.keys(node.content)[0] : undefined;

    if (wanted === undefined || status === 304) {
        return;
    }
    assert.ok(type?.startsWith(wanted), `${method} ${pathname} ${status}: type ${type}`);
    const isValid = ajv.validate({ $ref: `interface#${found}/content/${encodeURIComponent(wanted).replaceAll('%2F', '~1')}/schema` }, body);

    assert.ok(isValid, `${method} ${pathname} ${status}: ${ajv.errorsText()}\n${JSON.stringify(body)?.slice(0, 500)}`);
}

/** Makes a function that calls a dashboard: call(method, path, {body, headers}) returns {status, headers, text, body}. */
export function caller(url, ownHeaders = {}) {
    return async function call(method, address, { body, headers = {} } = {}) {
        const response = await fetch(url + address, {
            method,
            headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...ownHeaders, ...headers },
            body: body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
            redirect: 'manual',
        });
        const text = method === 'HEAD' ? '' : await response.text();
        const type = response.headers.get('content-type');
        const parsed = type?.startsWith('application/json') && text !== '' ? JSON.parse(text) : text;

        if (method !== 'HEAD') {
            check(method, new URL(url + address).pathname, response.status, type, parsed);
        }
        return { status: response.status, headers: response.headers, text, body: parsed };
    };
}

/** Throws unless an answer is an error with that code. */
export function assertError(answer, code, message) {
    assert.equal(answer.body?.error?.code, code, `${message ?? ''} ${answer.status} ${answer.text.slice(0, 300)}`);
    assert.equal(answer.status, statuses[code]);
}

// Restated from the description of the interface, so that a change of the server's table is seen.
const statuses = {
    bad_json: 400, unauthorized: 401, not_found: 404, method: 405, conflict: 409, too_large: 413, media_type: 415,
    invalid_argument: 422, too_many: 429, internal: 500, busy: 503, timeout: 504,
};
