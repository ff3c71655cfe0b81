// What the pages read: the list of models, the times of publications, and the parts of a model.

import path from 'node:path';
import { makeAnswer, sendAnswer } from '../answer.js';
import { compact, hasCompact, originOf } from '../compact.js';
import { ApiError, noModel } from '../errors.js';
import { partSql, publicationSql, publishedPartSql, readStatements } from '../statements.js';
import { addLookupRoute } from './lookup.js';

/** Adds the routes below /api/models. */
export function addModelRoutes(house) {
    const { addRoute, cache, database, settings, queryOf, root } = house;
    const files = readStatements(path.join(root, 'sql'));
    const rest = readStatements(path.join(root, 'sql', 'rest'));

    addRoute('GET', '/api/models', async (request, reply, signal) => {
        const [[body]] = await database.query(request.role, { name: 'models', text: rest.get('models') }, signal);

        return sendAnswer(request, reply, await makeAnswer(withKeys(body, settings.lookups)));
    });

    addRoute('GET', '/api/models/:model/publications', async (request, reply, signal) => {
        request.model = request.params.model;
        const rows = await database.query(request.role, { name: 'publications', text: rest.get('publications'), values: [request.model] }, signal);

        if (rows.length === 0) {
            throw noModel(request.model);
        }
        return sendAnswer(request, reply, await makeAnswer(rows[0][0]));
    });

    addLookupRoute(house, rest);

    addRoute('GET', '/api/models/:model/:part', async (request, reply, signal) => {
        const { model, part } = request.params;
        const query = queryOf(request);
        const at = query.get('at') || null;

        request.model = model;
        if (!/^[a-z][a-z0-9_]{0,62}$/.test(part)) {
            throw new ApiError('not_found', `there is no part ${JSON.stringify(part)}`, { hint: 'Names of parts are small letters, digits and _.' });
        }
        return sendAnswer(request, reply, files.has(part)
            ? await filePart(request.role, model, part, [at, query.get('key') || null], signal)
            : await publishedPart(request.role, model, part, { at, key: query.get('key'), isCompact: query.has('compact') }, signal));
    });

    /** Returns a part that a file of sql/ makes; one with a $3 is about one of several things of the model, which a key names. */
    async function filePart(role, model, part, [at, key], signal) {
        const values = files.get(part).includes('$3') ? [model, at, key] : [model, at];
        const [row] = await database.query(role, { name: `part ${part}`, text: partSql(files.get(part)), values }, signal);

        if (row === undefined) {
            throw noModel(model);
        }
        return makeAnswer(envelope(model, part, row[0], row[1], row[2]));
    }

    /** Returns a part of a publication, whole or as pages fetch it: which one the role may see is asked each time, the part itself once. */
    async function publishedPart(role, model, part, { at, key, isCompact }, signal) {
        const [row] = await database.query(role, { name: 'publication', text: publicationSql, values: [model, at] }, signal);

        if (row === undefined) {
            throw noModel(model);
        }
        const [version, asOf] = row;

        if (asOf === null) {
            return makeAnswer(envelope(model, part, null, null, null));
        }
        const read = async () => (await database.query(role, { name: 'published part', text: publishedPartSql, values: [model, asOf, originOf(part)] }, signal))[0]?.[0];
        const make = (body, keys) => makeAnswer(envelope(model, part, version, asOf, body, keys));
        const place = [role, model, version, asOf, part];

        // the part histogram is always of one column, and what is made of another part has no other form
        return hasCompact(part) && (isCompact || part === 'histogram' || originOf(part) !== part)
            ? compactPart(role, part, key, JSON.stringify([...place, 'compact']), read, make)
            : keep(role, JSON.stringify(place), read, make);
    }

    /** Returns the answer that is kept under a key, or else is made of what is read, and kept unless that is nothing. */
    function keep(role, key, read, make) {
        return cache.take(key, async () => {
            const body = await read();
            const answer = await make(body ?? null);

            // whoever asks for names of parts that are none must not drive out those that are
            return { value: answer, size: body === undefined ? Infinity : answer.size };
        }, role);
    }

    /** Returns a part as pages fetch it; of one that has keys, what a key names, or the first where it names none. */
    async function compactPart(role, part, key, place, read, make) {
        const whole = await cache.take(place, async () => {
            const body = await read();

            return body === undefined ? { value: null, size: Infinity } : sized(compact(part, JSON.parse(body)));
        }, role);

        if (whole === null) {
            return make(null);
        }
        const name = whole.keys === null || whole.of.has(key) ? key : String(whole.keys[0]);

        return whole.keys === null
            ? keep(role, `${place} whole`, async () => whole.of.get(null), make)
            : keep(role, `${place} ${name}`, async () => whole.of.get(name), (body) => make(body, whole.keys));
    }
}

/** Returns a part in its compact form with the bytes that it takes. */
function sized(whole) {
    return { value: whole, size: [...whole.of.values()].reduce((sum, text) => sum + 2 * text.length, 0) };
}

/** Returns the text of an answer around a body, which is JSON as the database wrote it; "keys" are those by which other bodies of the part can be had. */
function envelope(model, part, version, asOf, body, keys = null) {
    return `{"model":${JSON.stringify(model)},"part":"${part}","version":${version ?? 'null'},"as_of":${JSON.stringify(asOf)}${keys === null ? '' : `,"keys":${JSON.stringify(keys)}`},"body":${body ?? 'null'}}`;
}

/** Returns the list of models with the column by which customers of each may be looked up, null where they may not. */
function withKeys(body, lookups) {
    return JSON.stringify(JSON.parse(body).map((model) => ({ ...model, lookup_key: lookups.get(model.name)?.key ?? null })));
}
