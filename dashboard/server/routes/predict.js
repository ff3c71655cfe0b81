// Segments of customers.
//
// The body goes to PostgreSQL as it came: JavaScript would make null of 1e400 and round integers beyond 2^53,
// and another customer would be placed.  What is parsed here is only looked at.

import path from 'node:path';
import { isObject, parseBody, refuse as refuseBody, requireKeys } from '../body.js';
import { ApiError, noModel } from '../errors.js';
import { readStatements } from '../statements.js';

const mostCustomers = 1000;

const example = 'Send {"model": "loyalty", "customer": {"recency": 10, "frequency": 5}}.';

/** Throws "invalid_argument". */
function refuse(message, hint = example) {
    refuseBody(message, hint);
}

const keys = ['model', 'customer', 'customers', 'changes', 'explain', 'recommend', 'value_model'];

/** Throws unless a request asks for what can be answered. */
function check(said) {
    requireKeys(said, keys);
    for (const key of ['explain', 'recommend']) {
        if (said[key] !== undefined && typeof said[key] !== 'boolean') {
            refuse(`"${key}" must be true or false`);
        }
    }
    if (typeof said.model !== 'string' || said.model === '') {
        refuse('"model" must be the name of a model');
    }
    if (said.value_model !== undefined && (typeof said.value_model !== 'string' || said.value_model === '')) {
        refuse('"value_model" must be the name of a model');
    }
    if ((said.customer === undefined) === (said.customers === undefined)) {
        refuse('give either "customer" or "customers"');
    }
    if (said.customers === undefined) {
        checkObject(said.customer, '"customer"');
    } else {
        checkObjects(said.customers, 'customers', 'customer');
    }
    if (said.changes !== undefined) {
        checkChanges(said);
    }
}

/** Throws unless changes are asked for of one customer, of whom nothing but the segment is told. */
function checkChanges(said) {
    if (said.customer === undefined || said.explain || said.recommend || said.value_model !== undefined) {
        refuse('"changes" go with "model" and "customer" alone', 'Send {"model": "loyalty", "customer": {"recency": 10, "frequency": 5}, "changes": [{"recency": 30}]}.');
    }
    checkObjects(said.changes, 'changes', 'change');
}

/** Throws unless a list has objects, as many as one request may have. */
function checkObjects(list, name, one) {
    if (!Array.isArray(list) || list.length < 1 || list.length > mostCustomers) {
        refuse(`"${name}" must be an array of 1 to ${mostCustomers} objects`);
    }
    list.forEach((it, index) => checkObject(it, `${one} ${index + 1}`));
}

/** Throws unless a customer or a change is an object. */
function checkObject(it, what) {
    if (!isObject(it)) {
        refuse(`${what} must be an object: {"feature": value, ...}`);
    }
}

/** Returns the name of the statement that answers a request in which nothing but segments is asked for. */
function plainStatement(said) {
    if (said.changes) {
        return 'predict_changes';
    }
    return said.customers ? 'predict_customers' : 'predict_customer';
}

/** Adds POST /predict_segment. */
export function addPredictRoute({ addRoute, database, root }) {
    const statements = readStatements(path.join(root, 'sql', 'rest'));

    addRoute('POST', '/predict_segment', async (request, reply, signal) => {
        const { text, said } = parseBody(request.body, example);

        check(said);
        request.model = said.model;
        const isPlain = !said.explain && !said.recommend && said.value_model === undefined;
        const [[answer]] = isPlain
            ? await predict(request.role, plainStatement(said), [said.model, text], signal)
            : await predictMore(request.role, said, text, signal);

        if (answer === null) {
            throw noModel(said.model);
        }
        return reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(answer);
    });

    /** Runs a statement; an error says which customer, or which change of one, it is about. */
    async function predict(role, name, values, signal) {
        try {
            return await database.query(role, { name, text: statements.get(name), values }, signal);
        } catch (error) {
            const which = /^customer (\d+) of the array$/m.exec(error.where ?? '')?.[1];

            if (which !== undefined) {
                error.message = `${name === 'predict_changes' ? 'change' : 'customer'} ${which}: ${error.message}`;
            }
            throw error;
        }
    }

    /** As predict(), with reasons, actions and values.  Says of the two models which one is not there. */
    async function predictMore(role, said, text, signal) {
        const names = [said.model, said.value_model].filter((model) => model !== undefined);
        const rows = await database.query(role, { name: 'names', text: 'SELECT m.name FROM custseg.model m WHERE m.name = ANY ($1::text[])', values: [names] }, signal);
        const missing = names.find((model) => !rows.some((row) => row[0] === model));

        if (missing !== undefined) {
            throw noModel(missing);
        }
        return predict(role, 'predict_more', [said.model, text, said.explain === true, said.recommend === true, said.value_model ?? null], signal);
    }
}
