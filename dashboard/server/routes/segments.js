// One segment, by name or number: who is in it, and what to do.

import path from 'node:path';
import { makeAnswer, sendAnswer } from '../answer.js';
import { ApiError, noModel } from '../errors.js';
import { readStatements } from '../statements.js';

/** Adds /segment_profile/{segment} and /recommendations/{segment}. */
export function addSegmentRoutes({ addRoute, database, queryOf, root }) {
    const statements = readStatements(path.join(root, 'sql', 'rest'));

    for (const name of ['segment_profile', 'recommendations']) {
        const statement = { name, text: statements.get(name) };

        addRoute('GET', `/${name}/:segment`, async (request, reply, signal) => {
            const { segment } = request.params;
            const model = queryOf(request).get('model');

            if (!model) {
                throw new ApiError('invalid_argument', 'which model?', { hint: `GET /${name}/${encodeURIComponent(segment)}?model=NAME` });
            }
            request.model = model;
            const rows = await database.query(request.role, { ...statement, values: [model, segment] }, signal);

            return sendAnswer(request, reply, await makeAnswer(onlyRow(rows, model, segment)));
        });
    }
}

/**
 * Returns the body of the one segment that fits; a number goes before a name.  The statement has a row without
 * a body for a model that has no such segment, and none for a model that the role does not see.
 */
function onlyRow(rows, model, segment) {
    if (rows.length === 0) {
        throw noModel(model);
    }
    if (rows.length > 1) {
        throw new ApiError('conflict', `several segments of model ${JSON.stringify(model)} have the name ${JSON.stringify(segment)}`,
            { hint: 'Ask by number.' });
    }
    if (rows[0][0] === null) {
        throw new ApiError('not_found', `model ${JSON.stringify(model)} has no segment ${JSON.stringify(segment)}`,
            { hint: 'Ask by the number or the name of a segment of the deployed version.' });
    }
    return rows[0][0];
}
