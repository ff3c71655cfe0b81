// Reports as HTML files, made from one publication.
//
// A report is a function of what one statement reads, so what is kept of it is found by a digest of that:
// nothing that a role may not read is found.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { makeAnswer, sendAnswer } from '../answer.js';
import { ApiError, noModel } from '../errors.js';
import { Painter } from '../painter.js';
import { reports } from '../../web/pages.js';

// A file of its own that may load nothing and run nothing.
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const type = 'text/html; charset=utf-8';

const kinds = reports.map((it) => it.kind);

/** Adds GET /api/models/{model}/report/{kind}. */
export function addReportRoute({ addRoute, cache, database, queryOf, root }) {
    const painter = new Painter();
    const statement = readFileSync(path.join(root, 'report', 'publication.sql'), 'utf8');

    addRoute('GET', '/api/models/:model/report/:kind', async (request, reply, signal) => {
        const { model, kind } = request.params;
        const query = queryOf(request);
        const start = query.get('start') || null;

        request.model = model;
        if (!kinds.includes(kind)) {
            throw new ApiError('not_found', `there is no report ${JSON.stringify(kind)}`, { hint: `Reports are ${kinds.join(', ')}.` });
        }
        if (start !== null && (!/^\d{4}-\d{2}-\d{2}$/.test(start) || Number.isNaN(Date.parse(start)))) {
            throw new ApiError('invalid_argument', '"start" must be a day', { hint: 'Write start=2026-12-07.' });
        }
        const [row] = await database.query(request.role, { name: 'report', text: statement, values: [model, query.get('at') || null] }, signal);

        if (row === undefined) {
            throw noModel(model);
        }
        const key = createHash('sha256').update(JSON.stringify([kind, start, row[0]])).digest('base64');
        let answer = cache.get(key);

        if (answer === undefined) {
            answer = await makeAnswer(await painter.draw({ kind, body: row[0], start }, `${request.role ?? ''} ${request.ip}`, signal), type);
            cache.set(key, answer, answer.size, request.role);
        }
        reply.header('content-security-policy', policy);
        return sendAnswer(request, reply, answer);
    });
}
