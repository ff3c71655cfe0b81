// One customer by key, read from the source that the administrator has named, as the visitor's role.

import pg from 'pg';
import { ApiError, noModel } from '../errors.js';

// The source under the name that a statement may have it by; NULL when the role may not read it.
const sourceSql = `
SELECT c.oid::regclass::text
FROM pg_class c
WHERE c.oid = to_regclass($1::text) AND has_table_privilege(c.oid, 'SELECT')`;

/**
 * Returns the statement that finds one customer by key; the comparison is the column's own, so that an index serves.
 * The row is "c.*", for "c" would be the column of that name where there is one.
 */
function customerSql(source, key) {
    return `
SELECT to_jsonb(c.*)::text
FROM ${source} AS c
WHERE c.${pg.escapeIdentifier(key)} = $1
LIMIT 2`;
}

/** Adds GET /api/models/{model}/customers/{key}, and what is told of that customer below it. */
export function addLookupRoute({ addRoute, database, settings }, rest) {
    const address = '/api/models/:model/customers/:key';

    addRoute('GET', address, async (request, reply, signal) => {
        const { customer } = await lookUp(request, signal);

        return send(reply, await ask(request.role, 'customer', [request.model, customer], signal));
    });

    addRoute('GET', `${address}/history`, async (request, reply, signal) => {
        const { key, customer } = await lookUp(request, signal);

        return send(reply, await ownersOnly(ask(request.role, 'history', [request.model, key, customer], signal), { model: request.model, customer: key, history: null }));
    });

    addRoute('GET', `${address}/similar`, async (request, reply, signal) => {
        const { key, customer, place } = await lookUp(request, signal);

        return send(reply, await ask(request.role, 'similar', [request.model, key, customer, place.source], signal));
    });

    /** Returns the answer of a statement of sql/rest/. */
    async function ask(role, name, values, signal) {
        const [[answer]] = await database.query(role, { name, text: rest.get(name), values }, signal);

        return answer;
    }

    /** Sends what is about one customer, which nobody keeps. */
    function send(reply, answer) {
        return reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(answer);
    }

    /** Returns an answer that only the owner of the model gets, or what others get in its place. */
    async function ownersOnly(answer, others) {
        try {
            return await answer;
        } catch (error) {
            if (error.code === '42501') {
                return JSON.stringify(others);
            }
            throw error;
        }
    }

    /** Returns {key, place, customer}: where a customer is looked up, and the row as JSON text; throws when there is none for this role. */
    async function lookUp(request, signal) {
        const { model, key } = request.params;
        const place = settings.lookups.get(model);

        request.model = model;
        // whether the model is there comes first, and is the same for all who may not use it
        const [known] = await database.query(request.role, { name: 'known', text: 'SELECT 1 FROM custseg.model m WHERE m.name = $1', values: [model] }, signal);

        if (known === undefined) {
            throw noModel(model);
        }
        if (place === undefined) {
            throw new ApiError('not_found', `customers of model ${JSON.stringify(model)} are not looked up here`,
                { hint: 'The administrator can name their source in CUSTSEG_LOOKUPS.' });
        }
        return { key, place, customer: await findCustomer(request.role, place, key, signal) };
    }

    /** Returns the row of a customer as JSON text; throws "not_found" when there is none, or not for this role. */
    async function findCustomer(role, { source, key: column }, key, signal) {
        const missing = new ApiError('not_found', `there is no customer ${JSON.stringify(key)}`);
        const [row] = await database.query(role, { text: sourceSql, values: [source] }, signal);

        if (row === undefined) {
            throw missing;
        }
        const rows = await runLookup(role, customerSql(row[0], column), key, signal, missing);

        if (rows.length === 0) {
            throw missing;
        }
        if (rows.length > 1) {
            throw new ApiError('conflict', `several customers have the key ${JSON.stringify(key)}`);
        }
        return rows[0][0];
    }

    /** Runs the look-up; a key that is not of the column's type is that of no customer. */
    async function runLookup(role, text, key, signal, missing) {
        try {
            return await database.query(role, { text, values: [key] }, signal);
        } catch (error) {
            throw typeof error.severity === 'string' && error.code.startsWith('22') ? missing : error;
        }
    }
}
