// The server: which requests are let in, which routes there are, and how errors are told.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fastify from 'fastify';
import { makeOriginCheck, RateLimit } from './auth.js';
import { Cache } from './cache.js';
import { ApiError, fromDatabase } from './errors.js';
import { log } from './log.js';
import { addComputeRoutes } from './routes/compute.js';
import { addHealthRoutes } from './routes/health.js';
import { addModelRoutes } from './routes/models.js';
import { addPredictRoute } from './routes/predict.js';
import { addReportRoute } from './routes/reports.js';
import { addSegmentRoutes } from './routes/segments.js';
import { makeStatic } from './static.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

// Of every answer.
const headers = {
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
};

// How many requests of one connection may be without an answer: browsers send one after the other.
const mostUnanswered = 16;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Returns the path of a request without its query. */
function pathOf(url) {
    const end = url.indexOf('?');

    return end < 0 ? url : url.slice(0, end);
}

/** Returns the values of a query as Map; throws when it is not percent-encoded UTF-8, or names one twice. */
function queryOf(url) {
    const start = url.indexOf('?');
    const values = new Map();

    if (start < 0) {
        return values;
    }
    for (const pair of url.slice(start + 1).split('&').filter((word) => word !== '')) {
        const [name, value] = /^([^=]*)=?(.*)$/s.exec(pair).slice(1).map(decode);

        if (values.has(name)) {
            throw new ApiError('invalid_argument', `${JSON.stringify(name)} is given twice`);
        }
        values.set(name, value);
    }
    return values;
}

/** Returns a word of a query decoded. */
function decode(word) {
    try {
        return decodeURIComponent(word.replaceAll('+', ' '));
    } catch {
        throw brokenAddress();
    }
}

/** The error of an address that cannot be read. */
function brokenAddress() {
    return new ApiError('bad_json', 'the address is not UTF-8 with percent signs',
        { hint: 'A percent sign is followed by two hexadecimal digits; %25 is a percent sign itself.' });
}

// What Fastify and Node call the faults of a request.
const requestErrors = {
    FST_ERR_BAD_URL: brokenAddress,
    FST_ERR_CTP_BODY_TOO_LARGE: () => new ApiError('too_large', 'the body is too large', { hint: 'Send fewer customers in one request.' }),
    FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new ApiError('media_type', 'the body must be JSON', { hint: 'Send "Content-Type: application/json".' }),
    FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => new ApiError('bad_json', 'the body has another length than the request says'),
    FST_ERR_ASYNC_CONSTRAINT: brokenAddress,
    FST_ERR_MAX_PARAM_LENGTH: () => new ApiError('not_found', 'the address is too long'),
};

/** Returns an ApiError for whatever was thrown; what is a fault of the server's is written to the log. */
function toApiError(error, request) {
    const told = requestErrors[error.code]?.() ?? fromDatabase(error, request.model);

    if (told.code === 'internal' || told.code === 'busy') {
        const cause = told.cause ?? error;

        log(`${request.method} ${pathOf(request.raw.url)}: ${cause.code ?? ''} ${cause.message}`);
        if (told.code === 'internal' && typeof cause.severity !== 'string') {
            log(cause.stack);
        }
    }
    return told;
}

/** Sends an error. */
function sendError(request, reply, error) {
    const told = toApiError(error, request);

    if (told.code === 'unauthorized') {
        reply.header('www-authenticate', 'Bearer realm="custseg"');
    }
    if (told.code === 'too_many' || told.code === 'busy') {
        reply.header('retry-after', '1');
    }
    return reply.code(told.status).header('cache-control', 'no-store').type('application/json; charset=utf-8').send(JSON.stringify(told.body()));
}

/** Tells when the client goes before it has its answer, as an AbortSignal does; one of those costs a tenth of a request. */
class Departure {
    aborted = false;

    /** Called when the client goes; null when nobody wants to know. */
    onabort = null;

    constructor(reply) {
        reply.raw.once('close', () => {
            if (!reply.raw.writableFinished) {
                this.aborted = true;
                this.onabort?.();
            }
        });
    }
}

/** Returns a function that throws "too_many" when a connection sends more before the earlier requests have their answers. */
function countUnanswered() {
    const unanswered = new WeakMap();

    return (request, reply) => {
        const { socket } = request.raw;
        const n = (unanswered.get(socket) ?? 0) + 1;

        unanswered.set(socket, n);
        reply.raw.once('close', () => unanswered.set(socket, unanswered.get(socket) - 1));
        if (n > mostUnanswered) {
            throw new ApiError('too_many', `more than ${mostUnanswered} requests of one connection wait for an answer`);
        }
    };
}

/** Makes the server of settings, a Database and an Authentication; it does not listen yet. */
export function makeApp(settings, database, authentication) {
    const app = fastify({
        bodyLimit: settings.maxBody,
        forceCloseConnections: true,
        requestTimeout: 30000,
        keepAliveTimeout: 65000,
        exposeHeadRoutes: true,
        routerOptions: { maxParamLength: 2000 },
        frameworkErrors: (error, request, reply) => sendError(request, reply, error),
        clientErrorHandler,
    });
    const rate = new RateLimit(settings.rateLimit ?? (settings.authenticates ? 1000 : 0));
    const checkUnanswered = countUnanswered();
    const page = makeStatic(path.join(root, 'dist'));
    const checkOrigin = makeOriginCheck(settings.hosts);

    app.decorateRequest('role', null);
    app.decorateRequest('model', null);
    app.addHook('onRequest', (request, reply, done) => {
        reply.headers(headers);
        checkUnanswered(request, reply);
        checkOrigin(request.headers);
        if (!request.raw.url.startsWith('/')) {
            throw brokenAddress();                // of a proxy's kind, with a host of its own
        }
        done();
    });
    app.setErrorHandler((error, request, reply) => sendError(request, reply, error));
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => done(null, body));

    /** Adds a route of one method; the others are told which one there is.  Open routes ask nobody who they are. */
    function addRoute(method, url, handler, { isOpen = false } = {}) {
        const allowed = method === 'GET' ? ['GET', 'HEAD'] : [method];

        app.route({
            method,
            url,
            onRequest(request, reply, done) {
                if (!isOpen) {
                    request.role = authentication.roleOf(request.headers);
                    if (method === 'POST') {
                        rate.take(`${request.role ?? ''} ${request.ip}`);
                    }
                }
                done();
            },
            handler: (request, reply) => handler(request, reply, new Departure(reply)),
        });
        app.route({
            method: methods.filter((other) => !allowed.includes(other)),
            url,
            onRequest(request, reply) {
                reply.header('allow', allowed.join(', '));
                sendError(request, reply, new ApiError('method', `${pathOf(request.raw.url)} takes ${allowed[0]}`));
            },
            handler() {},
        });
    }

    const house = { addRoute, cache: new Cache(settings.cacheSize), database, settings, queryOf: (request) => queryOf(request.raw.url), root };

    addHealthRoutes(house);
    addModelRoutes(house);
    addReportRoute(house);
    addSegmentRoutes(house);
    addPredictRoute(house);
    addComputeRoutes(house);
    app.setNotFoundHandler((request, reply) => {
        const pathname = pathOf(request.raw.url);
        const isRead = request.method === 'GET' || request.method === 'HEAD';

        if (isRead && page.send(request, reply, pathname)) {
            return reply;
        }
        return sendError(request, reply, new ApiError('not_found', 'there is nothing at this address',
            isRead && pathname === '/' ? { hint: 'The page was not built: npm run build.' } : {}));
    });
    return app;
}

/** Answers what is not HTTP, or too much of it, before it becomes a request. */
function clientErrorHandler(error, socket) {
    if (error.code === 'ECONNRESET' || !socket.writable) {
        socket.destroy();
        return;
    }
    const told = error.code === 'HPE_HEADER_OVERFLOW'
        ? new ApiError('too_large', 'the headers are too large')
        : new ApiError('bad_json', 'the request is not HTTP as it should be');
    const body = JSON.stringify(told.body());

    socket.end(`HTTP/1.1 ${told.status} ${told.code}\r\ncontent-type: application/json; charset=utf-8\r\n`
        + `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}
