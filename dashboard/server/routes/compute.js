// What follows from what a visitor states: returns, budgets, scenarios. No table of a model is read but for what a customer is worth.
//
// Each statement is a file of sql/compute/, whose only parameter is the body as it came.

import path from 'node:path';
import { isObject, parseBody, refuse, requireKeys } from '../body.js';
import { noModel } from '../errors.js';
import { readStatements } from '../statements.js';

// So that no request keeps the database at work for long.
const mostRows = 200;
const mostScenarios = 50;
const mostUnits = 1000;
const mostPeriods = 1200;
const mostOrders = 10000;

/** Throws unless the value is an array of objects, at most so many. */
function requireRows(value, what, most) {
    if (!Array.isArray(value) || value.length < 1 || value.length > most || !value.every(isObject)) {
        refuse(`"${what}" must be an array of 1 to ${most} objects`);
    }
}

/** Throws unless the options are an object of periods that are not too many. */
function requireOptions({ options = {} }) {
    if (!isObject(options) || options.n_periods > mostPeriods) {
        refuse(`"options" must be an object, with "n_periods" of at most ${mostPeriods}`);
    }
}

/** Throws unless the value is a number within bounds, whole where that is asked for. */
function requireNumber(value, what, low, high, isWhole = false) {
    if (typeof value !== 'number' || !(value >= low && value <= high) || (isWhole && !Number.isInteger(value))) {
        refuse(`"${what}" must be a ${isWhole ? 'whole ' : ''}number from ${low} to ${high}`);
    }
}

// Each computation: the keys of its body, and what is looked at before it runs.
const computations = {
    roi: {
        keys: ['rows', 'options'],
        check(said) {
            requireRows(said.rows, 'rows', mostRows);
        },
    },
    what_if: {
        keys: ['baseline', 'scenarios', 'options'],
        check(said) {
            requireRows(said.baseline, 'baseline', mostRows);
            requireRows(said.scenarios, 'scenarios', mostScenarios);
        },
    },
    tornado: {
        keys: ['baseline', 'levers', 'options'],
        check(said) {
            requireRows(said.baseline, 'baseline', mostRows);
            if (!isObject(said.levers)) {
                refuse('"levers" must be an object such as {"n": [-0.1, 0.1]}');
            }
        },
    },
    budget: {
        keys: ['curves', 'budget', 'options'],
        check(said) {
            requireRows(said.curves, 'curves', mostRows);
            requireNumber(said.budget, 'budget', 1e-6, 1e15);
            if (said.options?.unit !== undefined) {
                requireNumber(said.options.unit, 'unit', said.budget / mostUnits * (1 - 1e-9), said.budget);
            }
        },
    },
    lifetime_value: {
        keys: ['model', 'orders', 'days_since_first', 'days_since_last', 'average_order'],
        check(said) {
            if (typeof said.model !== 'string' || said.model === '') {
                refuse('"model" must be the name of a model of purchases');
            }
            requireNumber(said.orders, 'orders', 1, mostOrders, true);
            requireNumber(said.days_since_first, 'days_since_first', 0, 40000, true);
            requireNumber(said.days_since_last, 'days_since_last', 0, said.days_since_first, true);
            requireNumber(said.average_order, 'average_order', 0, 1e12);
            if (said.days_since_first - said.days_since_last < said.orders - 1) {
                refuse('there cannot be more orders than days: orders of one day are one order');
            }
        },
    },
};

/** Adds POST /compute/{what} for each computation. */
export function addComputeRoutes({ addRoute, database, root }) {
    const statements = readStatements(path.join(root, 'sql', 'compute'));

    for (const [what, { keys, check }] of Object.entries(computations)) {
        const statement = { name: `compute ${what}`, text: statements.get(what) };

        addRoute('POST', `/compute/${what}`, async (request, reply, signal) => {
            const { text, said } = parseBody(request.body, `Keys are ${keys.join(', ')}.`);

            requireKeys(said, keys);
            requireOptions(said);
            check(said);
            request.model = said.model ?? null;
            const [row] = await database.query(request.role, { ...statement, values: [text] }, signal);

            if (row === undefined) {
                throw noModel(said.model);
            }
            return reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(row[0]);
        });
    }
}
